"""Made-up people, experiments and facts for the tests of the database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, text

from engine.core.assignment import Assignment
from engine.core.contacts import Contact
from engine.core.experiments import Experiment
from engine.store import roster
from engine.store.database import Database
from engine.store.tables import CallRow, EventRow, ExperimentRow, MessageRow, ReportRow, table
from tests import databases

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
PUT = text("INSERT INTO marks VALUES (:name, 'here')")
NAMES = text("SELECT name FROM marks ORDER BY name")
LATER = NOW + timedelta(hours=1)


def make_database() -> Database:
    """A new database of the kind that the test is asked of."""
    return databases.here().database()


def names(database: Database) -> list[str]:
    """The names of the marks that are set."""
    with database.reading() as connection:
        return sorted(connection.execute(NAMES).scalars())


def make_contact(number: int = 1, **changes: Any) -> Contact:
    values: dict[str, Any] = {
        "key": f"c-{number}",
        "phone": f"+861990000{number:04d}",
        "region": "CN",
        "timezones": ("Asia/Shanghai",),
        "name": "Somebody",
        "ordered_at": NOW,
        "attributes": {"segment": "lapsed"},
    }
    return Contact(**(values | changes))


def make_experiment(name: str = "gift", **changes: Any) -> Experiment:
    values = {
        "experiment": name,
        "audience": {"roster": True},
        "control": {"script": "classic", "voice": "warm-female"},
        "arms": {"story": {"script": "story"}},
    }
    return Experiment.model_validate(values | changes)


def add_experiment(connection: Connection, name: str = "gift", state: str = "running", **changes: Any) -> int:
    values = {
        "name": name,
        "definition": make_experiment(name, **changes).model_dump_json(),
        "source": "",
        "folder": "",
        "fingerprint": "",
        "state": state,
        "created_at": NOW,
        "changed_at": NOW,
    }
    return _add(connection, ExperimentRow, values)


def add_contacts(connection: Connection, contacts: Sequence[Contact]) -> list[int]:
    roster.import_contacts(connection, contacts, NOW)
    found = roster.find(connection, [contact.key for contact in contacts])
    return [found[contact.key] for contact in contacts]


def add_assignment(connection: Connection, experiment_id: int, contact_id: int, **changes: Any) -> None:
    values = {"experiment": "gift", "contact": "c-1", "arm": "control", "stratum": "", "place": 0} | changes
    roster.assign(connection, experiment_id, [(contact_id, Assignment(**values), values["place"])], NOW)


def add_call(connection: Connection, experiment_id: int, contact_id: int, **changes: Any) -> int:
    state = changes.get("state", "ended")
    values = {
        "key": "gift/c-1/1",
        "experiment_id": experiment_id,
        "contact_id": contact_id,
        "arm": "control",
        "attempt": 1,
        "due_at": NOW,
        "not_after": LATER,
        "rank": 0,
        "state": state,
        "provider_id": "p-77",
        "begun_at": None if state == "planned" else NOW,
        "sent_at": None if state in ("planned", "begun") else NOW,
        "ended_at": NOW if state == "ended" else None,
        "disposition": "busy" if state == "ended" else "",
    }
    return _add(connection, CallRow, values | changes)


def add_event(connection: Connection, **changes: Any) -> int:
    values = {
        "source": "simulated",
        "key": "gift/c-1/1/ended",
        "kind": "ended",
        "call": "gift/c-1/1",
        "at": NOW,
        "received_at": NOW,
    }
    return _add(connection, EventRow, values | changes)


def add_message(connection: Connection, experiment_id: int, contact_id: int, **changes: Any) -> int:
    values = {
        "key": "gift/c-1/1/sms",
        "experiment_id": experiment_id,
        "contact_id": contact_id,
        "call": "gift/c-1/1",
        "template": "link",
        "token": "t-1",
        "url": "https://example.com/j?c=c-1",
        "state": "accepted",
        "begun_at": NOW,
        "provider_id": "m-77",
    }
    return _add(connection, MessageRow, values | changes)


def add_report(connection: Connection, body: bytes) -> int:
    values = {"adapter": "simulated", "headers": "{}", "body": body, "received_at": NOW}
    return _add(connection, ReportRow, values)


def _add(connection: Connection, rows: type, values: dict[str, Any]) -> int:
    key = connection.execute(insert(table(rows)).values(values)).inserted_primary_key
    assert key is not None
    return int(key[0])
