"""What must always hold, and that a breach is seen."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from engine.store import roster
from engine.store.invariants import violations
from tests.store.makers import (
    LATER,
    NOW,
    add_assignment,
    add_call,
    add_contacts,
    add_event,
    add_experiment,
    make_contact,
    make_database,
)

TWICE = {"script": "classic", "redial": {"attempts": 2, "gap": "2h", "on": ["busy"]}}


def _campaign(connection: Connection) -> tuple[int, int, int]:
    """Experiment 1 with contact 1 in it, called once; contact 2 is in no experiment."""
    first, second = add_contacts(connection, [make_contact(1), make_contact(2)])
    experiment = add_experiment(connection, control=TWICE)
    add_assignment(connection, experiment, first)
    add_call(connection, experiment, first)
    add_event(connection, experiment_id=experiment, contact_id=first)
    connection.execute(text("UPDATE outcomes SET calls = 1"))
    return experiment, first, second


def _next_call(state: str, **changes: object) -> Callable[[Connection, int, int, int], object]:
    """A second attempt in this state."""
    values = {"key": "gift/c-1/2", "attempt": 2, "state": state} | changes
    return lambda connection, experiment, first, _: add_call(connection, experiment, first, **values)


def _in_two_calls(connection: Connection, experiment: int, first: int, _: int) -> None:
    """The database itself refuses this, unless its index is gone."""
    connection.execute(text("DROP INDEX calls_live"))
    other = add_experiment(connection, "other")
    add_assignment(connection, other, first, experiment="other")
    add_call(connection, experiment, first, key="gift/c-1/2", attempt=2, state="sent")
    add_call(connection, other, first, key="other/c-1/1", state="accepted")


def test_a_sound_campaign_breaks_nothing() -> None:
    """A contact called twice, one after the other, with events and an outcome, breaks no invariant."""
    with make_database().writing() as connection:
        experiment, first, _ = _campaign(connection)
        add_call(connection, experiment, first, key="gift/c-1/2", attempt=2, state="planned")
        add_event(connection, key="later", call="unknown/c-9/1")
        assert violations(connection) == ()


BREACHES: dict[str, Callable[[Connection, int, int, int], object]] = {
    "1 contacts have two live calls": lambda connection, experiment, first, _: [
        add_call(connection, experiment, first, key=f"gift/c-1/{attempt}", attempt=attempt, state=state)
        for attempt, state in ((2, "sent"), (3, "planned"))
    ],
    "1 contacts are in two calls at once": _in_two_calls,
    "1 calls are under way or over and were never begun": _next_call("accepted", begun_at=None),
    "1 calls were begun, and nothing says what became of them": _next_call("canceled", reason="stopped"),
    "1 calls ended without saying when": lambda connection, *_: connection.execute(
        text("UPDATE calls SET disposition = ''")
    ),
    "1 calls ended without saying when and how, or say so": _next_call("accepted", ended_at=NOW),
    "1 calls ended, and the ledger has no event": lambda connection, *_: connection.execute(
        text("UPDATE events SET kind = 'ringing'")
    ),
    "1 calls are under way though the ledger says": lambda connection, *_: connection.execute(
        text("UPDATE calls SET state = 'unknown'")
    ),
    "1 calls were refused or canceled without a reason": _next_call("refused"),
    "1 calls were refused, and their contacts are not among": _next_call("refused", reason="window"),
    "1 contacts drew an arm that calls, and have neither": lambda connection, experiment, _, second: add_assignment(
        connection, experiment, second, contact="c-2", place=1
    ),
    "1 outcomes count other calls than the ledger has": lambda connection, *_: connection.execute(
        text("DELETE FROM events")
    ),
    "1 contacts have more attempts in gift than their arm allows": lambda connection, experiment, first, _: [
        add_call(connection, experiment, first, key=f"gift/c-1/{attempt}", attempt=attempt) for attempt in (2, 3, 4)
    ],
    "1 contacts have a gap in their attempts": lambda connection, experiment, first, _: add_call(
        connection, experiment, first, key="gift/c-1/3", attempt=3
    ),
    "1 calls belong to a contact without an arm": lambda connection, experiment, _, second: add_call(
        connection, experiment, second, key="gift/c-2/1"
    ),
    "1 calls are of another arm": lambda connection, *_: connection.execute(text("UPDATE calls SET arm = 'story'")),
    "1 events are about a call that the queue does not have": lambda connection, experiment, first, _: add_event(
        connection, key="stray", call="gift/c-1/9", experiment_id=experiment, contact_id=first
    ),
    "1 events are about another contact": lambda connection, experiment, _, second: connection.execute(
        text("UPDATE events SET contact_id = :second"), {"second": second}
    ),
    "1 assignments have no outcome": lambda connection, *_: connection.execute(text("DELETE FROM outcomes")),
    "1 outcomes have no assignment": lambda connection, experiment, _, second: connection.execute(
        text("UPDATE outcomes SET contact_id = :second"), {"second": second}
    ),
    "1 outcomes are of another arm or stratum": lambda connection, *_: connection.execute(
        text("UPDATE outcomes SET stratum = 'vip'")
    ),
    "1 outcomes say converted and when": lambda connection, *_: connection.execute(
        text("UPDATE outcomes SET converted = 1")
    ),
    "1 outcomes count a conversion that came before": lambda connection, *_: connection.execute(
        text("UPDATE outcomes SET converted = 1, converted_at = 5, dialled_at = 6")
    ),
}


@pytest.mark.parametrize("sentence", BREACHES)
def test_a_breach_is_said(sentence: str) -> None:
    """Each invariant that is broken gives a sentence with the number of rows that break it."""
    with make_database().writing() as connection:
        BREACHES[sentence](connection, *_campaign(connection))
        assert any(found.startswith(sentence) for found in violations(connection)), violations(connection)


def test_a_late_conversion_is_said() -> None:
    """A conversion after the window's end is not one."""
    with make_database().writing() as connection:
        _campaign(connection)
        connection.execute(text("UPDATE outcomes SET converted = 1, converted_at = 9, matures_at = 8"))
        assert len(violations(connection)) == 1


def test_a_contact_who_is_not_called_on_purpose_needs_no_refusal() -> None:
    """The holdout is called by nobody, and a refusal with its rule explains the rest."""
    with make_database().writing() as connection:
        experiment, _, second = _campaign(connection)
        add_assignment(connection, experiment, second, contact="c-2", place=1, arm="holdout")
        assert violations(connection) == ()
        connection.execute(text("UPDATE assignments SET arm = 'story' WHERE arm = 'holdout'"))
        connection.execute(text("UPDATE outcomes SET arm = 'story' WHERE arm = 'holdout'"))
        roster.refuse(connection, experiment, [(second, "window")], NOW)
        assert violations(connection) == ()


def _sharing(state: str = "running", **changes: object) -> tuple[str, ...]:
    with make_database().writing() as connection:
        _, first, _ = _campaign(connection)
        other = add_experiment(connection, "other", state, **changes)
        add_assignment(connection, other, first, experiment="other")
        add_call(connection, other, first, key="other/c-1/1", state="planned")
        return violations(connection)


def test_a_contact_in_two_running_experiments_is_said() -> None:
    """Two experiments that run at the same time share no contact, unless one declares the other compatible."""
    (sentence,) = _sharing("paused")
    assert sentence.startswith("1 contacts are in gift and in other")
    assert _sharing(compatible_with=["gift"]) == ()
    assert _sharing("decided") == ()


def test_no_sentence_names_a_person() -> None:
    """Sentences about broken facts hold neither keys nor numbers of people."""
    with make_database().writing() as connection:
        experiment, first, _ = _campaign(connection)
        add_call(connection, experiment, first, key="gift/c-1/3", attempt=3, due_at=NOW, not_after=LATER)
        said = " ".join(violations(connection))
    assert said
    assert "c-1" not in said
    assert "19900" not in said
