"""The roster: who may be called, who drew which arm, and who was refused.

Everything here is set-based SQL in batches, the same on every database, and memory does not grow with the
roster. A transaction belongs to the caller: a large import is fastest with 100,000 contacts in each.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal_column,
    or_,
    select,
    update,
)

from engine.core.assignment import Assignment
from engine.core.contacts import Contact, masked
from engine.errors import NotFound
from engine.store import locking
from engine.store.bulk import Adding, Many, among
from engine.store.contacts import contact_of
from engine.store.tables import (
    AssignmentRow,
    ContactRow,
    OutcomeRow,
    RefusalRow,
    ReserveRow,
    table,
)

CONTACTS, ASSIGNMENTS, REFUSALS = table(ContactRow), table(AssignmentRow), table(RefusalRow)
OUTCOMES, RESERVE = table(OutcomeRow), table(ReserveRow)

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


def batches(values: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


def import_contacts(connection: Connection, contacts: Sequence[Contact], now: datetime) -> ImportCount:
    """Add contacts by their key, or bring them up to date; the same contact again changes nothing.

    A number that belongs to another key is not taken over: that row changes nothing, and its key is in `taken`.
    Who imports does so alone.
    """
    locking.hold(connection, "roster")
    count = ImportCount()
    for batch in batches(contacts):
        rows = [_values(contact) for contact in batch]
        count += ImportCount(new=len(rows)) if _all_new(connection, rows, now) else _merge(connection, rows, now)
    return count


# A contact's values are kept in the order of FIELDS.
KEY, PHONE = FIELDS.index("key"), FIELDS.index("phone")
_Values = tuple[Any, ...]
_ADD: Final = Adding(ContactRow, FIELDS, ("imported_at",), new=True)
_CHANGE: Final = Many(
    update(CONTACTS)
    .where(CONTACTS.c.key == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in FIELDS if name != "key"}),
    ("of", *(f"new_{name}" for name in FIELDS if name != "key")),
)
_VACATE: Final = Many(
    update(CONTACTS)
    .where(CONTACTS.c.key == bindparam("of"))
    .values(phone=literal_column("'moving:'").concat(cast(CONTACTS.c.id, String))),
    ("of",),
)


def _values(contact: Contact) -> _Values:
    return (
        contact.key, contact.phone, contact.name, contact.region, ";".join(contact.timezones), contact.ordered_at,
        _text(tuple(contact.attributes.items())),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _text(attributes: tuple[tuple[str, str], ...]) -> str:
    """Attributes as the tables keep them; few sets of them are shared by many people."""
    return encode(dict(attributes))


def _all_new(connection: Connection, rows: list[_Values], now: datetime) -> bool:
    """Insert the rows if every one is new, else none: most batches of a first import need no look-up."""
    with connection.begin_nested() as savepoint:
        added = _ADD.run(connection, rows, imported_at=now)
        if added < len(rows):
            savepoint.rollback()
    return added == len(rows)


def _merge(connection: Connection, rows: list[_Values], now: datetime) -> ImportCount:
    known = _known(connection, KEY, rows)
    other = [row for row in rows if known.get(row[KEY]) != row]
    known |= _known(connection, PHONE, other)
    current = dict(known)
    owners = {row[PHONE]: key for key, row in known.items()}
    counts = {"new": 0, "changed": 0, "same": 0}
    taken: list[str] = []
    for row in rows:
        key, before = row[KEY], current.get(row[KEY])
        if owners.get(row[PHONE], key) != key:
            taken.append(key)
        elif before == row:
            counts["same"] += 1
        else:
            counts["changed" if before else "new"] += 1
            if before:
                del owners[before[PHONE]]
            owners[row[PHONE]] = key
            current[key] = row
    updates = [row for key, row in current.items() if key in known and row != known[key]]
    hold(connection, find(connection, [row[KEY] for row in updates]).values())
    # Numbers are let go before they are taken, so that two contacts may change places.
    _VACATE.run(connection, [(row[KEY],) for row in updates if row[PHONE] != known[row[KEY]][PHONE]])
    _CHANGE.run(connection, updates)
    _ADD.run(connection, [row for key, row in current.items() if key not in known], imported_at=now)
    return ImportCount(**counts, taken=tuple(taken))


def _known(connection: Connection, column: int, rows: list[_Values]) -> dict[str, _Values]:
    found = connection.execute(_KNOWN[column], {"values": [row[column] for row in rows]}).all()
    return {row[KEY]: tuple(row) for row in found}


_PEOPLE = select(CONTACTS.c.id, *(CONTACTS.c[name] for name in FIELDS))
_PEOPLE_OF = _PEOPLE.where(among(CONTACTS.c.id, "ids"))
_IDS_OF = select(CONTACTS.c.key, CONTACTS.c.id).where(among(CONTACTS.c.key, "keys"))
_KNOWN = {
    column: select(*(CONTACTS.c[name] for name in FIELDS)).where(among(CONTACTS.c[FIELDS[column]], "values"))
    for column in (KEY, PHONE)
}


_ANYBODY = select(ASSIGNMENTS.c.contact_id).where(ASSIGNMENTS.c.experiment_id == bindparam("experiment")).limit(1)


def is_nobody_in(connection: Connection, experiment_id: int) -> bool:
    """Whether nobody has drawn an arm of this experiment yet."""
    return connection.execute(_ANYBODY, {"experiment": experiment_id}).first() is None


def find(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """The row ids of those keys that the roster has."""
    found: dict[str, int] = {}
    for batch in batches(keys):
        found.update([(row[0], row[1]) for row in connection.execute(_IDS_OF, {"keys": batch}).all()])
    return found


def contacts(connection: Connection, ids: Iterable[int]) -> dict[int, Contact]:
    """The contacts of these row ids."""
    return dict(_person(row) for batch in batches(ids) for row in connection.execute(_PEOPLE_OF, {"ids": batch}).all())


_HOLD = select(CONTACTS.c.id).where(among(CONTACTS.c.id, "ids")).order_by(CONTACTS.c.id)


def hold(connection: Connection, ids: Iterable[int]) -> None:
    """Keep everybody else from judging, changing or erasing these contacts until the transaction ends."""
    if connection.dialect.name != "sqlite":
        for batch in batches(sorted(set(ids))):
            connection.execute(_HOLD.with_for_update(key_share=True), {"ids": batch}).all()


def _person(row: Any) -> tuple[int, Contact]:
    return row[0], contact_of(*row[1:])


def show(connection: Connection, key_or_phone: str) -> tuple[int, Contact]:
    """The contact of this key, else of this E.164 number; raises NotFound, which shows no number."""
    query = _PEOPLE.where(PRESENT, or_(CONTACTS.c.key == key_or_phone, CONTACTS.c.phone == key_or_phone))
    found = connection.execute(query.order_by((CONTACTS.c.key == key_or_phone).desc())).first()
    if found is None:
        digits = sum(character.isdigit() for character in key_or_phone)
        raise NotFound("contact", masked(key_or_phone) if digits >= 7 else key_or_phone)
    return _person(found)


def count(connection: Connection) -> int:
    """How many contacts the roster has; who was erased is not one."""
    return int(connection.execute(select(func.count()).select_from(CONTACTS).where(PRESENT)).scalar_one())


def export(connection: Connection) -> Iterator[Contact]:
    """Every contact, in the order of arrival, without holding them all."""
    return (_person(row)[1] for row in streamed(connection, _PEOPLE.where(PRESENT)))


def streamed(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """The rows of contacts in batches by id: writes may come between."""
    after = 0
    while rows := connection.execute(query.where(CONTACTS.c.id > after).order_by(CONTACTS.c.id).limit(BATCH)).all():
        yield from rows
        after = rows[-1].id


def dealt(connection: Connection, experiment_id: int, period: int = 0) -> dict[str, int]:
    """How many drew their arm in this period of the deal, by stratum."""
    return _counts(connection, ASSIGNMENTS.c.stratum, experiment_id, ASSIGNMENTS.c.period == period)


def assigned(connection: Connection, experiment_id: int) -> dict[str, int]:
    """How many have each arm."""
    return _counts(connection, ASSIGNMENTS.c.arm, experiment_id)


def refusals(connection: Connection, experiment_id: int) -> dict[str, int]:
    """How many each rule refused."""
    return _counts(connection, REFUSALS.c.rule, experiment_id)


def refused_people(connection: Connection, experiment_id: int) -> tuple[int, int]:
    """How many people some rule refused, and how many were looked at: those, and who has an arm or waits for one."""
    own = [rows.c.experiment_id == experiment_id for rows in (REFUSALS, ASSIGNMENTS, RESERVE)]
    refused = connection.execute(select(func.count(REFUSALS.c.contact_id.distinct())).where(own[0])).scalar_one()
    drawn = connection.execute(select(func.count()).select_from(ASSIGNMENTS).where(own[1])).scalar_one()
    waiting = connection.execute(select(func.count()).select_from(RESERVE).where(own[2])).scalar_one()
    both = select(func.count(REFUSALS.c.contact_id.distinct())).join(
        ASSIGNMENTS,
        (ASSIGNMENTS.c.experiment_id == REFUSALS.c.experiment_id) & (ASSIGNMENTS.c.contact_id == REFUSALS.c.contact_id),
    )
    twice = connection.execute(both.where(own[0])).scalar_one()
    return int(refused), int(refused + drawn + waiting - twice)


def _counts(
    connection: Connection, column: Column[str], experiment_id: int, *conditions: ColumnElement[bool]
) -> dict[str, int]:
    query = select(column, func.count()).where(column.table.c.experiment_id == experiment_id, *conditions)
    found = connection.execute(query.group_by(column)).all()
    return {row[0]: row[1] for row in sorted(found)}


def next_rank(connection: Connection, experiment_id: int) -> int:
    """The rank of the next contact of this deal, from 0."""
    query = select(func.coalesce(func.max(ASSIGNMENTS.c.rank) + 1, 0))
    return int(connection.execute(query.where(ASSIGNMENTS.c.experiment_id == experiment_id)).scalar_one())


_ASSIGN = Adding(
    AssignmentRow, ("contact_id", "arm", "stratum", "place", "rank"), ("experiment_id", "assigned_at", "period")
)
_AWAIT = Adding(OutcomeRow, ("contact_id", "arm", "stratum"), ("experiment_id",))
_REFUSE = Adding(RefusalRow, ("contact_id", "rule"), ("experiment_id", "at"), new=True)


def assign(
    connection: Connection,
    experiment_id: int,
    rows: Sequence[tuple[int, Assignment, int]],
    now: datetime,
    period: int = 0,
) -> None:
    """Keep these (contact, assignment, rank) for ever, each with an empty outcome beside it."""
    for batch in batches(rows):
        drawn = [(contact_id, drew.arm, drew.stratum, drew.place, rank) for contact_id, drew, rank in batch]
        _ASSIGN.run(connection, drawn, experiment_id=experiment_id, assigned_at=now, period=period)
        _AWAIT.run(connection, [row[:3] for row in drawn], experiment_id=experiment_id)


def refuse(connection: Connection, experiment_id: int, refused: Sequence[tuple[int, str]], now: datetime) -> None:
    """Keep which rule refused whom; what is known already keeps its first time."""
    for batch in batches(refused):
        _REFUSE.run(connection, batch, experiment_id=experiment_id, at=now)
