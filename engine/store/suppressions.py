"""The suppression list: numbers that are never called, whoever asks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from engine.store.bulk import Adding
from engine.store.roster import BATCH, batches
from engine.store.tables import SuppressionRow, table

SUPPRESSIONS = table(SuppressionRow)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One number, why it is on the list, and who put it there."""

    phone: str
    reason: str
    source: str
    added_at: datetime


_ADD = Adding(SuppressionRow, ("phone",), ("reason", "source", "added_at"), new=True)


def add(connection: Connection, phones: Iterable[str], reason: str, source: str, now: datetime) -> int:
    """Put numbers (E.164) on the list; returns how many are new. What is on it keeps its first reason."""
    same = {"reason": reason, "source": source, "added_at": now}
    # In their order, so that two processes that add the same numbers never wait in a circle.
    return sum(_ADD.run(connection, [(phone,) for phone in batch], **same) for batch in batches(sorted(set(phones))))


def remove(connection: Connection, phones: Iterable[str]) -> int:
    """Take numbers off the list; returns how many were on it."""
    return sum(
        connection.execute(delete(SUPPRESSIONS).where(SUPPRESSIONS.c.phone.in_(batch))).rowcount
        for batch in batches(sorted(set(phones)))
    )


def contains(connection: Connection, phone: str) -> bool:
    """Whether this number is never called."""
    return bool(suppressed_among(connection, [phone]))


def suppressed_among(connection: Connection, phones: Iterable[str]) -> set[str]:
    """Those of the numbers that are on the list."""
    query = select(SUPPRESSIONS.c.phone)
    return {
        phone
        for batch in batches(phones)
        for phone in connection.execute(query.where(SUPPRESSIONS.c.phone.in_(batch))).scalars()
    }


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
    return Suppression(row.phone, row.reason, row.source, row.added_at)
