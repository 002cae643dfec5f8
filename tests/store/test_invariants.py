"""What must always hold, and that a breach is seen."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

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


def _campaign(connection: Connection) -> tuple[int, int, int]:
    """Experiment 1 with contact 1 in it, called once; contact 2 is in no experiment."""
    first, second = add_contacts(connection, [make_contact(1), make_contact(2)])
    experiment = add_experiment(connection)
    add_assignment(connection, experiment, first)
    add_call(connection, experiment, first)
    add_event(connection, experiment_id=experiment, contact_id=first)
    return experiment, first, second


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
        for attempt, state in ((2, "unknown"), (3, "planned"))
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


def _sharing(state: str = "running", **changes: object) -> tuple[str, ...]:
    with make_database().writing() as connection:
        _, first, _ = _campaign(connection)
        other = add_experiment(connection, "other", state, **changes)
        add_assignment(connection, other, first, experiment="other")
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
