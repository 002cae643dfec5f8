"""The roster: who may be called, who drew which arm, and who was refused.

Everything here is set-based SQL in batches, the same on every database, and memory does not grow with the
roster. A transaction belongs to the caller: a large import is fastest with 100,000 contacts in each.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    TextClause,
    func,
    insert,
    or_,
    select,
    text,
    type_coerce,
)

from engine.core.assignment import Assignment
from engine.core.contacts import Contact, masked
from engine.errors import NotFound
from engine.store.queue import insert_new
from engine.store.tables import (
    EPOCH,
    MICROSECOND,
    AssignmentRow,
    ContactRow,
    OutcomeRow,
    RefusalRow,
    SuppressionRow,
    table,
)

CONTACTS, ASSIGNMENTS, REFUSALS = table(ContactRow), table(AssignmentRow), table(RefusalRow)
SUPPRESSIONS, OUTCOMES = table(SuppressionRow), table(OutcomeRow)

BATCH: Final = 10_000  # below the 32,766 values that SQLite takes in one statement
ERASED: Final = "erased:"
PRESENT: Final = CONTACTS.c.phone.not_like(f"{ERASED}%")
FIELDS: Final = ("key", "phone", "name", "region", "timezones", "ordered_at", "attributes")
encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ImportCount:
    """What an import came to. `taken` are the keys whose number belongs to another key: they were left as they were."""

    new: int = 0
    changed: int = 0
    same: int = 0
    taken: tuple[str, ...] = ()

    def __add__(self, other: "ImportCount") -> "ImportCount":
        return ImportCount(
            self.new + other.new, self.changed + other.changed, self.same + other.same, self.taken + other.taken
        )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contact who has no arm yet; `refused` is the rule that stands against one, None when none does."""

    id: int
    key: str
    stratum: str
    refused: str | None


def batches(values: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


def microseconds(at: datetime | None) -> int | None:
    """An aware datetime as the tables keep it."""
    return None if at is None else (at - EPOCH) // MICROSECOND


def import_contacts(connection: Connection, contacts: Sequence[Contact], now: datetime) -> ImportCount:
    """Add contacts by their key, or bring them up to date; the same contact again changes nothing.

    A number that belongs to another key is not taken over: that row changes nothing, and its key is in `taken`.
    """
    count = ImportCount()
    for batch in batches(contacts):
        rows = [_row(contact) for contact in batch]
        count += ImportCount(new=len(rows)) if _all_new(connection, rows, now) else _merge(connection, rows, now)
    return count


INSERT: Final = text(
    "INSERT INTO contacts (key, phone, name, region, timezones, ordered_at, attributes, imported_at) VALUES "
    "(:key, :phone, :name, :region, :timezones, :ordered_at, :attributes, :imported_at) ON CONFLICT DO NOTHING"
)
UPDATE: Final = text(
    "UPDATE contacts SET phone = :phone, name = :name, region = :region, timezones = :timezones, "
    "ordered_at = :ordered_at, attributes = :attributes WHERE key = :key"
)
VACATE: Final = text("UPDATE contacts SET phone = 'moving:' || id WHERE key = :key")


def _row(contact: Contact) -> dict[str, Any]:
    return {
        "key": contact.key,
        "phone": contact.phone,
        "name": contact.name,
        "region": contact.region,
        "timezones": ";".join(contact.timezones),
        "ordered_at": microseconds(contact.ordered_at),
        "attributes": encode(dict(contact.attributes)) if contact.attributes else "{}",
    }


def _all_new(connection: Connection, rows: list[dict[str, Any]], now: datetime) -> bool:
    """Insert the rows if every one is new, else none: most batches of a first import need no look-up."""
    imported_at = microseconds(now)
    with connection.begin_nested() as savepoint:
        added = connection.execute(
            INSERT, [row | {"imported_at": imported_at} for row in rows], execution_options={"preserve_rowcount": True}
        ).rowcount
        if added < len(rows):
            savepoint.rollback()
    return added == len(rows)


def _merge(connection: Connection, rows: list[dict[str, Any]], now: datetime) -> ImportCount:
    known = _known(connection, "key", rows)
    other = [row for row in rows if known.get(row["key"]) != row]
    known |= _known(connection, "phone", other)
    current = dict(known)
    owners = {row["phone"]: key for key, row in known.items()}
    counts = {"new": 0, "changed": 0, "same": 0}
    taken: list[str] = []
    for row in rows:
        key, before = row["key"], current.get(row["key"])
        if owners.get(row["phone"], key) != key:
            taken.append(key)
        elif before == row:
            counts["same"] += 1
        else:
            counts["changed" if before else "new"] += 1
            if before:
                del owners[before["phone"]]
            owners[row["phone"]] = key
            current[key] = row
    updates = [row for key, row in current.items() if key in known and row != known[key]]
    # Numbers are let go before they are taken, so that two contacts may change places.
    _each(connection, VACATE, [row for row in updates if row["phone"] != known[row["key"]]["phone"]])
    _each(connection, UPDATE, updates)
    imported_at = microseconds(now)
    _each(connection, INSERT, [row | {"imported_at": imported_at} for key, row in current.items() if key not in known])
    return ImportCount(**counts, taken=tuple(taken))


def _known(connection: Connection, column: str, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    columns = (type_coerce(CONTACTS.c[name], BigInteger if name == "ordered_at" else String) for name in FIELDS)
    query = select(*columns).where(CONTACTS.c[column].in_([row[column] for row in rows]))
    return {str(row[0]): dict(zip(FIELDS, row, strict=True)) for row in connection.execute(query)}


def _each(connection: Connection, statement: TextClause, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


def find(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """The row ids of those keys that the roster has."""
    query = select(CONTACTS.c.key, CONTACTS.c.id)
    return {
        row.key: row.id for batch in batches(keys) for row in connection.execute(query.where(CONTACTS.c.key.in_(batch)))
    }


def contacts(connection: Connection, ids: Iterable[int]) -> dict[int, Contact]:
    """The contacts of these row ids."""
    return {
        row.id: _contact(row)
        for batch in batches(ids)
        for row in connection.execute(select(CONTACTS).where(CONTACTS.c.id.in_(batch)))
    }


def show(connection: Connection, key_or_phone: str) -> tuple[int, Contact]:
    """The contact of this key, else of this E.164 number; raises NotFound, which shows no number."""
    query = select(CONTACTS).where(PRESENT, or_(CONTACTS.c.key == key_or_phone, CONTACTS.c.phone == key_or_phone))
    found = connection.execute(query.order_by((CONTACTS.c.key == key_or_phone).desc())).first()
    if found is None:
        digits = sum(character.isdigit() for character in key_or_phone)
        raise NotFound("contact", masked(key_or_phone) if digits >= 7 else key_or_phone)
    return found.id, _contact(found)


def count(connection: Connection) -> int:
    """How many contacts the roster has; who was erased is not one."""
    return int(connection.execute(select(func.count()).select_from(CONTACTS).where(PRESENT)).scalar_one())


def export(connection: Connection) -> Iterator[Contact]:
    """Every contact, in the order of arrival, without holding them all."""
    return (_contact(row) for row in _streamed(connection, select(CONTACTS).where(PRESENT)))


def _streamed(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """The rows of contacts in batches by id: writes may come between."""
    after = 0
    while rows := connection.execute(query.where(CONTACTS.c.id > after).order_by(CONTACTS.c.id).limit(BATCH)).all():
        yield from rows
        after = rows[-1].id


def _contact(row: Row[Any]) -> Contact:
    return Contact(
        key=row.key, phone=row.phone, region=row.region, timezones=tuple(row.timezones.split(";")), name=row.name,
        ordered_at=row.ordered_at, attributes=json.loads(row.attributes),
    )  # fmt: skip


def candidates(
    connection: Connection,
    experiment_id: int,
    *,
    others: Sequence[int],
    strata: tuple[str, ...],
    where: Mapping[str, str | list[str]],
    needs_order_time: bool,
    contact_ids: Sequence[int] | None = None,
) -> Iterator[Candidate]:
    """Who has no arm in this experiment and has the attributes of `where`, in batches; only `contact_ids` when given.

    `others` are the experiments that may not share a contact with this one. `refused` is the first of the
    rules suppressed, other_experiment and no_order_time that holds; the last when the experiment needs an order's time.
    """
    wanted = {name: {values} if isinstance(values, str) else set(values) for name, values in where.items()}
    for row in _unassigned(connection, experiment_id, others, contact_ids):
        stratum = ""
        if wanted or strata:
            attributes = json.loads(row.attributes)
            if any(attributes.get(name, "") not in values for name, values in wanted.items()):
                continue
            stratum = "|".join(attributes.get(name, "") for name in strata)
        rules = {
            "suppressed": row.suppressed,
            "other_experiment": row.elsewhere,
            "no_order_time": needs_order_time and row.ordered_at is None,
        }
        yield Candidate(row.id, row.key, stratum, next((rule for rule, holds in rules.items() if holds), None))


def _unassigned(
    connection: Connection, experiment_id: int, others: Sequence[int], contact_ids: Sequence[int] | None
) -> Iterator[Row[Any]]:
    elsewhere = _exists(ASSIGNMENTS.c.contact_id == CONTACTS.c.id, ASSIGNMENTS.c.experiment_id.in_(others))
    here = _exists(ASSIGNMENTS.c.contact_id == CONTACTS.c.id, ASSIGNMENTS.c.experiment_id == experiment_id)
    query = select(
        CONTACTS.c.id, CONTACTS.c.key, CONTACTS.c.ordered_at, CONTACTS.c.attributes,
        _exists(SUPPRESSIONS.c.phone == CONTACTS.c.phone).label("suppressed"), elsewhere.label("elsewhere"),
    ).where(PRESENT, ~here)  # fmt: skip
    if contact_ids is None:
        yield from _streamed(connection, query)
        return
    for batch in batches(sorted(set(contact_ids))):
        yield from connection.execute(query.where(CONTACTS.c.id.in_(batch)).order_by(CONTACTS.c.id)).all()


def _exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(1).where(*conditions).correlate(CONTACTS).exists()


def dealt(connection: Connection, experiment_id: int) -> dict[str, int]:
    """How many have an arm already, by stratum."""
    return _counts(connection, ASSIGNMENTS.c.stratum, experiment_id)


def assigned(connection: Connection, experiment_id: int) -> dict[str, int]:
    """How many have each arm."""
    return _counts(connection, ASSIGNMENTS.c.arm, experiment_id)


def refusals(connection: Connection, experiment_id: int) -> dict[str, int]:
    """How many each rule refused."""
    return _counts(connection, REFUSALS.c.rule, experiment_id)


def _counts(connection: Connection, column: Column[str], experiment_id: int) -> dict[str, int]:
    query = select(column, func.count()).where(column.table.c.experiment_id == experiment_id)
    found = connection.execute(query.group_by(column).order_by(column))
    return {row[0]: row[1] for row in found}


def next_rank(connection: Connection, experiment_id: int) -> int:
    """The rank of the next contact of this deal, from 0."""
    query = select(func.coalesce(func.max(ASSIGNMENTS.c.rank) + 1, 0))
    return int(connection.execute(query.where(ASSIGNMENTS.c.experiment_id == experiment_id)).scalar_one())


def assign(
    connection: Connection, experiment_id: int, rows: Sequence[tuple[int, Assignment, int]], now: datetime
) -> None:
    """Keep these (contact, assignment, rank) for ever, each with an empty outcome beside it."""
    for batch in batches(rows):
        drawn = [
            {"experiment_id": experiment_id, "contact_id": contact_id, "arm": drew.arm, "stratum": drew.stratum}
            for contact_id, drew, _ in batch
        ]
        placed = [{"place": drew.place, "rank": rank, "assigned_at": now} for _, drew, rank in batch]
        connection.execute(insert(ASSIGNMENTS), [row | place for row, place in zip(drawn, placed, strict=True)])
        connection.execute(insert(OUTCOMES), drawn)


def refuse(connection: Connection, experiment_id: int, refused: Sequence[tuple[int, str]], now: datetime) -> None:
    """Keep which rule refused whom; what is known already keeps its first time."""
    for batch in batches(refused):
        rows = [
            {"experiment_id": experiment_id, "contact_id": contact, "rule": rule, "at": now} for contact, rule in batch
        ]
        insert_new(connection, RefusalRow, rows)
