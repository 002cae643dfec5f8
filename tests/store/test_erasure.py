"""Erasing a person and keeping the statistics."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from engine.errors import NotFound, NotNow
from engine.store import roster, suppressions
from engine.store.candidates import candidates
from engine.store.database import Database
from engine.store.erasure import erase
from engine.store.invariants import violations
from tests.store.makers import (
    LATER,
    NOW,
    add_assignment,
    add_call,
    add_contacts,
    add_event,
    add_experiment,
    add_message,
    add_report,
    make_contact,
    make_database,
)

PERSON = make_contact(1, key="client-778", name="Wang Fang", attributes={"city": "Harbin"})
PERSONAL = ("client-778", "1990000", "Wang Fang", "Harbin", "p-77", "m-77", "t-1", "is it halal")


def _campaign(connection: Connection) -> int:
    (contact_id,) = add_contacts(connection, [PERSON])
    redial = {"attempts": 2, "gap": "2h", "on": ["busy"]}
    experiment = add_experiment(connection, control={"script": "classic", "redial": redial})
    add_assignment(connection, experiment, contact_id, contact=PERSON.key)
    connection.execute(text("UPDATE outcomes SET calls = 1"))
    call = f"gift/{PERSON.key}/1"
    about = {"experiment_id": experiment, "contact_id": contact_id, "call": call}
    add_call(connection, experiment, contact_id, key=call)
    add_call(connection, experiment, contact_id, key=f"gift/{PERSON.key}/2", attempt=2, state="planned", provider_id="")
    add_event(connection, **about, key=f"{call}/ended", provider_id="p-77", questions="is it halal", detail="Wang Fang")
    add_event(connection, **(about | {"call": ""}), source="conversions", key="order-9", provider_id=PERSON.key)
    add_event(connection, key="early", call=call)
    add_event(connection, source="conversions", key="order-10", call="", provider_id=PERSON.key)
    add_message(connection, experiment, contact_id, key=f"{call}/sms", call=call)
    add_report(connection, b'{"to": "8619900000001", "key": "x"}')
    add_report(connection, call.replace("/", "\\/").encode())
    return contact_id


def _everything(connection: Connection) -> str:
    tables = inspect(connection).get_table_names()
    return "\n".join(str(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in tables)


def test_nothing_says_who_it_was() -> None:
    """After an erasure no table holds the number, the name, the key, a link or what the person said."""
    with make_database().writing() as connection:
        _campaign(connection)
        before = _everything(connection)
        assert all(word in before for word in PERSONAL)

        erase(connection, PERSON.key)

        after = _everything(connection)
        assert [word for word in PERSONAL if word in after] == []


def test_what_happened_stays() -> None:
    """Assignments, calls, events and outcomes stay, sound, under a name that means nobody."""
    counts = text(
        "SELECT (SELECT count(*) FROM assignments), (SELECT count(*) FROM calls), (SELECT count(*) FROM events), "
        "(SELECT count(*) FROM outcomes), (SELECT count(*) FROM events WHERE questions <> '')"
    )
    with make_database().writing() as connection:
        contact_id = _campaign(connection)
        before = connection.execute(counts).one()

        name = erase(connection, PERSON.key)

        assert connection.execute(counts).one() == before
        assert violations(connection) == ()
        calls = connection.execute(text("SELECT key, state, reason FROM calls ORDER BY attempt")).all()
        assert calls == [(f"gift/{name}/1", "ended", ""), (f"gift/{name}/2", "canceled", "erased")]
        assert name == f"erased:{contact_id}"


def test_the_erased_are_gone_from_the_roster() -> None:
    """Who was erased is neither counted, shown, exported nor enrolled, and is new when imported again."""
    with make_database().writing() as connection:
        _campaign(connection)
        name = erase(connection, PERSON.key)
        other = add_experiment(connection, "other", "decided")
        chosen = candidates(connection, other, others=(), strata=(), where={}, needs_order_time=False)

        assert list(chosen) == []
        assert roster.count(connection) == 0
        assert list(roster.export(connection)) == []
        for asked in (PERSON.key, PERSON.phone, name):
            with pytest.raises(NotFound):
                roster.show(connection, asked)
        assert roster.import_contacts(connection, [PERSON], LATER).new == 1


def test_others_stay_as_they_are() -> None:
    """An erasure touches no other contact's facts or reports."""
    with make_database().writing() as connection:
        _campaign(connection)
        other = make_contact(2)
        add_contacts(connection, [other])
        kept = add_report(connection, b'{"to": "8619900000002"}')
        erase(connection, PERSON.key)
        assert list(roster.export(connection)) == [other]
        assert connection.execute(text("SELECT id FROM reports")).scalars().all() == [kept]


def test_do_not_call_outlives_the_person() -> None:
    """A number on the suppression list stays on it."""
    with make_database().writing() as connection:
        _campaign(connection)
        suppressions.add(connection, [PERSON.phone], "opted_out", "call", NOW)
        erase(connection, PERSON.key)
        assert suppressions.contains(connection, PERSON.phone)


@pytest.mark.parametrize("state", ["begun", "accepted", "unknown"])
def test_not_while_a_call_is_under_way(state: str) -> None:
    """A contact whose call may still be reported is not erased, and the error names nobody."""
    with make_database().writing() as connection:
        _campaign(connection)
        connection.execute(text("UPDATE calls SET state = :state WHERE attempt = 2"), {"state": state})
        with pytest.raises(NotNow) as caught:
            erase(connection, PERSON.key)
        assert PERSON.key not in str(caught.value)
        assert roster.count(connection) == 1


def test_an_unknown_key_is_not_found() -> None:
    """Erasing nobody is an error, not a success."""
    with make_database().writing() as connection, pytest.raises(NotFound):
        erase(connection, "nobody")


def test_the_file_forgets_too(tmp_path: Path) -> None:
    """What was erased is not readable in the database's file either."""
    path = tmp_path / "a.db"
    database = Database.open(f"sqlite:///{path}")
    with database.writing() as connection:
        _campaign(connection)
    with database.writing() as connection:
        erase(connection, PERSON.key)
    database.close()
    raw = path.read_bytes()
    assert [word for word in PERSONAL if word.encode() in raw] == []
