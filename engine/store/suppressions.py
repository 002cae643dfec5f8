"""The suppression list: numbers that are not called, whoever asks; for ever, or until their time is over.

A number is on it once, with the strictest of what was said: what a person asked for stands above a national list,
and a later end above an earlier one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, or_, select, update

from engine.store.bulk import Adding, Many, among
from engine.store.roster import BATCH, CONTACTS, batches
from engine.store.tables import ListRow, SuppressionRow, table

SUPPRESSIONS, LISTS = table(SuppressionRow), table(ListRow)


class Why(StrEnum):
    """What a number is on the list for, the weakest first."""

    NATIONAL = "national"  # a register of the country
    INTERNAL = "internal"  # the brand's own list
    OPTED_OUT = "opted_out"  # the person said so, in a call or a message
    COMPLAINT = "complaint"


WEIGHT = {kind.value: place for place, kind in enumerate(Why)}


@dataclass(frozen=True, slots=True)
class Suppression:
    """One number, why it is on the list, who put it there, and until when; for ever without `until`."""

    phone: str
    reason: str
    source: str
    added_at: datetime
    kind: str = Why.INTERNAL
    until: datetime | None = None


_ADD = Adding(SuppressionRow, ("phone", "until"), ("reason", "source", "added_at", "kind"), new=True)
_FOUND = select(SUPPRESSIONS.c.phone, SUPPRESSIONS.c.until, SUPPRESSIONS.c.kind).where(
    among(SUPPRESSIONS.c.phone, "phones")
)
_STRENGTHEN = Many(
    update(SUPPRESSIONS)
    .where(SUPPRESSIONS.c.phone == bindparam("of"))
    .values({name: bindparam(f"new_{name}") for name in ("until", "kind", "reason", "source", "added_at")}),
    ("of", "new_until", "new_kind"),
    ("new_reason", "new_source", "new_added_at"),
)


NOW = bindparam("now", type_=SUPPRESSIONS.c.until.type)


def holds(now: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a row of the list still holds."""
    return or_(SUPPRESSIONS.c.until.is_(None), SUPPRESSIONS.c.until > now)


def listed(now: ColumnElement[Any] | None) -> ColumnElement[bool]:
    """Whether a row of the list is of a contact's number and holds at `now`; without it, whether it is there at all."""
    its_own: ColumnElement[bool] = SUPPRESSIONS.c.phone == CONTACTS.c.phone
    return its_own if now is None else its_own & holds(now)


def add(
    connection: Connection,
    phones: Iterable[str],
    reason: str,
    source: str,
    now: datetime,
    *,
    kind: str = Why.INTERNAL,
    until: Mapping[str, datetime] | None = None,
) -> int:
    """Put numbers (E.164) on the list; returns how many are new. `until` names numbers that are on it for a time.

    What is on it keeps its first reason, unless the new one is stronger: it ends later, or a person asked for it.
    """
    ends = until or {}
    # In their order, so that two processes that add the same numbers never wait in a circle.
    ordered = batches(sorted(set(phones)))
    return sum(_add(connection, batch, ends, reason, source, now, str(kind)) for batch in ordered)


def _add(
    connection: Connection, phones: list[str], ends: Mapping[str, datetime], reason: str, source: str, now: datetime,
    kind: str,
) -> int:  # fmt: skip
    rows = [(phone, ends.get(phone)) for phone in phones]
    added = _ADD.run(connection, rows, reason=reason, source=source, added_at=now, kind=kind)
    if added == len(rows):
        return added
    stronger = []
    for phone, before, was in connection.execute(_FOUND, {"phones": phones}).all():
        end = ends.get(phone)
        later = before is not None and (end is None or end > before)
        if later or (WEIGHT[kind] > WEIGHT.get(was, 0) and (before is None) == (end is None)):
            stronger.append((phone, end, max(kind, was, key=lambda one: WEIGHT.get(one, 0))))
    _STRENGTHEN.run(connection, stronger, new_reason=reason, new_source=source, new_added_at=now)
    return added


def remove(connection: Connection, phones: Iterable[str]) -> int:
    """Take numbers off the list; returns how many were on it."""
    return sum(
        connection.execute(delete(SUPPRESSIONS).where(SUPPRESSIONS.c.phone.in_(batch))).rowcount
        for batch in batches(sorted(set(phones)))
    )


def contains(connection: Connection, phone: str, now: datetime | None = None) -> bool:
    """Whether this number is not called at `now`; without `now`, whether it stands on the list at all."""
    return bool(suppressed_among(connection, [phone], now))


_AMONG = select(SUPPRESSIONS.c.phone).where(among(SUPPRESSIONS.c.phone, "phones"))
_AMONG_NOW = _AMONG.where(holds(NOW))


def suppressed_among(connection: Connection, phones: Iterable[str], now: datetime | None = None) -> set[str]:
    """Those of the numbers that are not called at `now`; without `now`, those that stand on the list at all."""
    query, also = (_AMONG, {}) if now is None else (_AMONG_NOW, {"now": now})
    return {
        phone for batch in batches(phones) for phone in connection.execute(query, {"phones": batch, **also}).scalars()
    }


def forget_list(connection: Connection, name: str) -> int:
    """Take off what a national list put on, before a whole import of it; returns how many numbers that were."""
    query = delete(SUPPRESSIONS).where(SUPPRESSIONS.c.kind == Why.NATIONAL.value, SUPPRESSIONS.c.source == name)
    return connection.execute(query).rowcount


def note_import(connection: Connection, name: str, numbers: int, source: str, now: datetime) -> None:
    """Keep that a national list was imported."""
    connection.execute(delete(LISTS).where(LISTS.c.name == name))
    connection.execute(LISTS.insert().values(name=name, imported_at=now, numbers=numbers, source=source))


def imports(connection: Connection) -> dict[str, datetime]:
    """When each national list was imported last."""
    return {row.name: row.imported_at for row in connection.execute(select(LISTS))}


def count(connection: Connection) -> int:
    """How many numbers are on the list."""
    return int(connection.execute(select(func.count()).select_from(SUPPRESSIONS)).scalar_one())


def listing(connection: Connection, limit: int = 100, offset: int = 0) -> list[Suppression]:
    """A page of the list, the latest first."""
    query = select(SUPPRESSIONS).order_by(SUPPRESSIONS.c.added_at.desc(), SUPPRESSIONS.c.phone)
    return [_suppression(row) for row in connection.execute(query.limit(limit).offset(offset))]


def export(connection: Connection) -> Iterator[Suppression]:
    """The whole list, by number, without holding it all."""
    after = ""
    query = select(SUPPRESSIONS).order_by(SUPPRESSIONS.c.phone).limit(BATCH)
    while rows := connection.execute(query.where(SUPPRESSIONS.c.phone > after)).all():
        yield from (_suppression(row) for row in rows)
        after = rows[-1].phone


def _suppression(row: Row[Any]) -> Suppression:
    return Suppression(row.phone, row.reason, row.source, row.added_at, row.kind, row.until)
