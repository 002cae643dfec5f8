"""The roster: importing, finding, enrolling and refusing people."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from engine.core.assignment import Assignment
from engine.core.contacts import Contact
from engine.errors import NotFound
from engine.store import roster, suppressions
from engine.store.candidates import Candidate, candidates
from engine.store.roster import ImportCount
from engine.store.tables import OutcomeRow, table
from tests.store.makers import (
    LATER,
    NOW,
    add_assignment,
    add_contacts,
    add_experiment,
    make_contact,
    make_database,
)


def test_contacts_come_back_as_they_went_in() -> None:
    """A contact is kept whole, its attributes and the microsecond of its order too."""
    people = [
        make_contact(1, timezones=("Europe/Madrid", "Atlantic/Canary"), ordered_at=NOW.replace(microsecond=7)),
        make_contact(2, name="", ordered_at=None, attributes={}),
        make_contact(3, attributes={"城市": "上海", "quote": '"'}),
    ]
    with make_database().writing() as connection:
        ids = add_contacts(connection, people)
        assert list(roster.contacts(connection, ids).values()) == people
        assert list(roster.export(connection)) == people
        assert roster.count(connection) == 3


def test_the_same_again_changes_nothing() -> None:
    """A second import of one file counts everyone as the same."""
    people = [make_contact(number) for number in range(5)]
    with make_database().writing() as connection:
        assert roster.import_contacts(connection, people, NOW) == ImportCount(new=5)
        assert roster.import_contacts(connection, people, LATER) == ImportCount(same=5)
        reordered = [replace(person, attributes=dict(reversed(person.attributes.items()))) for person in people]
        assert roster.import_contacts(connection, reordered, LATER) == ImportCount(same=5)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Somebody else"},
        {"ordered_at": LATER},
        {"attributes": {"segment": "new"}},
        {"timezones": ("Asia/Tokyo",)},
        {"region": "JP"},
        {"phone": "+819000000001"},
    ],
)
def test_what_changed_is_brought_up_to_date(change: dict[str, object]) -> None:
    """A contact whose row differs takes the newer values, under the same id."""
    with make_database().writing() as connection:
        (contact_id,) = add_contacts(connection, [make_contact()])
        changed = make_contact(**change)
        assert roster.import_contacts(connection, [changed], LATER) == ImportCount(changed=1)
        assert roster.contacts(connection, [contact_id]) == {contact_id: changed}


def test_a_number_is_not_taken_over() -> None:
    """A number that belongs to another key stays there, and the key that wanted it is named."""
    with make_database().writing() as connection:
        add_contacts(connection, [make_contact(1), make_contact(2)])
        thief = make_contact(3, phone=make_contact(1).phone)
        moving = make_contact(2, phone=make_contact(1).phone)
        counted = roster.import_contacts(connection, [thief, moving], LATER)
        assert counted == ImportCount(taken=("c-3", "c-2"))
        assert list(roster.export(connection)) == [make_contact(1), make_contact(2)]


def test_one_batch_with_two_owners_of_a_number() -> None:
    """Of two new keys with one number, the first in the file has it."""
    with make_database().writing() as connection:
        people = [make_contact(1), make_contact(2, phone=make_contact(1).phone), make_contact(3)]
        assert roster.import_contacts(connection, people, NOW) == ImportCount(new=2, taken=("c-2",))


def test_a_number_that_was_let_go_may_be_taken() -> None:
    """Within one file a contact may move to a new number, and another take the old one."""
    with make_database().writing() as connection:
        add_contacts(connection, [make_contact(1), make_contact(2)])
        people = [make_contact(1, phone="+8619911110000"), make_contact(2, phone=make_contact(1).phone)]
        people.append(make_contact(3, phone=make_contact(2).phone))
        assert roster.import_contacts(connection, people, LATER) == ImportCount(new=1, changed=2)
        assert list(roster.export(connection)) == people


def _one_by_one(rows: list[Contact]) -> tuple[dict[str, Contact], ImportCount]:
    people: dict[str, Contact] = {}
    total = ImportCount()
    for row in rows:
        if any(other.phone == row.phone and other.key != row.key for other in people.values()):
            total += ImportCount(taken=(row.key,))
        elif people.get(row.key) == row:
            total += ImportCount(same=1)
        else:
            total += ImportCount(changed=1) if row.key in people else ImportCount(new=1)
            people[row.key] = row
    return people, total


ROWS = st.lists(
    st.builds(
        lambda key, phone, name: make_contact(key, phone=f"+86199000010{phone}", name=name),
        st.integers(0, 4),
        st.integers(0, 4),
        st.sampled_from(["", "A"]),
    ),
    max_size=12,
)


@given(ROWS, ROWS)
def test_a_batch_is_its_rows_one_by_one(first: list[Contact], second: list[Contact]) -> None:
    """Whatever keys and numbers repeat or change places, a batch ends as its rows would, one after another."""
    database = make_database()
    with database.writing() as connection:
        counted = roster.import_contacts(connection, first, NOW) + roster.import_contacts(connection, second, NOW)
        kept = {person.key: person for person in roster.export(connection)}
    database.close()
    people, total = _one_by_one(first + second)
    assert kept == people
    assert counted == total


def test_more_than_one_statement_takes() -> None:
    """More than 32,766 keys and ids are found, which is more than one statement of SQLite takes."""
    people = [make_contact(0, key=f"k{number}", phone=f"+{number}") for number in range(35_000)]
    with make_database().writing() as connection:
        roster.import_contacts(connection, people, NOW)
        found = roster.find(connection, [person.key for person in people])
        assert len(roster.contacts(connection, list(found.values()))) == 35_000
        assert sum(1 for _ in roster.export(connection)) == 35_000


def test_a_contact_is_shown_by_key_or_number() -> None:
    """A person is found by the brand's key and by the E.164 number; a key wins."""
    with make_database().writing() as connection:
        first, second = add_contacts(connection, [make_contact(1), make_contact(2, key=make_contact(1).phone)])
        assert roster.show(connection, "c-1") == (first, make_contact(1))
        assert roster.show(connection, make_contact(2).phone)[0] == second
        assert roster.show(connection, make_contact(1).phone)[0] == second


def test_a_number_that_is_not_there_is_not_shown() -> None:
    """The error about an unknown number does not hold it."""
    with make_database().reading() as connection, pytest.raises(NotFound) as caught:
        roster.show(connection, "+8619900001234")
    assert "19900001234" not in str(caught.value)
    assert "contact" in str(caught.value)


def test_candidates_are_who_has_no_arm_yet() -> None:
    """A contact with an arm in this experiment is no candidate; one with an arm in a finished one is."""
    with make_database().writing() as connection:
        first, second = add_contacts(connection, [make_contact(1), make_contact(2)])
        ours, finished = add_experiment(connection), add_experiment(connection, "old", "decided")
        add_assignment(connection, ours, first)
        add_assignment(connection, finished, second)
        assert _candidates(connection, ours) == [Candidate(second, "c-2", "", None)]
        assert _candidates(connection, ours, contact_ids=[first]) == []
        assert _candidates(connection, ours, contact_ids=[second, second]) == [Candidate(second, "c-2", "", None)]


def test_the_first_rule_that_holds_refuses() -> None:
    """Suppression comes before another experiment, and that before a missing time of order."""
    with make_database().writing() as connection:
        people = [make_contact(number, ordered_at=None) for number in range(1, 5)]
        people[3] = make_contact(4)
        ids = add_contacts(connection, people)
        ours, theirs = add_experiment(connection), add_experiment(connection, "other")
        suppressions.add(connection, [people[0].phone], "asked", "form", NOW)
        add_assignment(connection, theirs, ids[0])
        add_assignment(connection, theirs, ids[1])

        found = _candidates(connection, ours, others=[theirs], needs_order_time=True)
        assert [one.refused for one in found] == ["suppressed", "other_experiment", "no_order_time", None]
        assert [one.refused for one in _candidates(connection, ours)] == ["suppressed", None, None, None]


def test_where_and_strata_read_attributes() -> None:
    """Only contacts with one of the wanted values are candidates, each in the stratum of its values."""
    with make_database().writing() as connection:
        segments = ["new", "lapsed", "vip", None]
        people = [
            make_contact(number, attributes={"segment": segment, "tier": "A"} if segment else {})
            for number, segment in enumerate(segments)
        ]
        add_contacts(connection, people)
        ours = add_experiment(connection)

        several = _candidates(connection, ours, where={"segment": ["new", "vip"]}, strata=("segment", "tier"))
        assert [one.stratum for one in several] == ["new|A", "vip|A"]
        assert [one.key for one in _candidates(connection, ours, where={"segment": "lapsed", "tier": "A"})] == ["c-1"]
        everyone = _candidates(connection, ours, strata=("segment",))
        assert [one.stratum for one in everyone] == [person.stratum(("segment",)) for person in people]


def test_assignments_are_kept_with_an_empty_outcome() -> None:
    """Whoever draws an arm has an outcome from then on, so that everyone assigned is in the denominator."""
    with make_database().writing() as connection:
        ids = add_contacts(connection, [make_contact(number) for number in range(3)])
        ours = add_experiment(connection)
        assert roster.next_rank(connection, ours) == 0
        arms = [("control", "new"), ("story", "new"), ("control", "lapsed")]
        rows = [
            (contact_id, Assignment("gift", f"c-{place}", arm, stratum, place), place)
            for place, (contact_id, (arm, stratum)) in enumerate(zip(ids, arms, strict=True))
        ]
        roster.assign(connection, ours, rows, NOW)

        assert roster.dealt(connection, ours) == {"new": 2, "lapsed": 1}
        assert roster.assigned(connection, ours) == {"control": 2, "story": 1}
        assert roster.next_rank(connection, ours) == 3
        outcomes = connection.execute(select(table(OutcomeRow))).all()
        assert [(row.arm, row.stratum, row.calls, row.matures_at) for row in outcomes] == [
            (arm, stratum, 0, None) for arm, stratum in arms
        ]


def test_refusals_are_counted_once() -> None:
    """A contact refused twice by one rule is one refusal of it."""
    with make_database().writing() as connection:
        first, second = add_contacts(connection, [make_contact(1), make_contact(2)])
        ours = add_experiment(connection)
        roster.refuse(connection, ours, [(first, "suppressed"), (second, "window")], NOW)
        roster.refuse(connection, ours, [(first, "suppressed"), (first, "window")], LATER)
        assert roster.refusals(connection, ours) == {"suppressed": 1, "window": 2}


def test_a_naive_time_is_refused() -> None:
    """An instant without a zone never reaches the tables."""
    with make_database().writing() as connection, pytest.raises(TypeError):
        roster.import_contacts(connection, [make_contact()], datetime(2026, 1, 1))


def _candidates(connection, experiment_id, **changes):  # type: ignore[no-untyped-def]
    asked = {"others": (), "strata": (), "where": {}, "needs_order_time": False} | changes
    return list(candidates(connection, experiment_id, **asked))
