"""The processes that place calls, and which of them live: each says so again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.tables import ProcessRow, table

PROCESSES = table(ProcessRow)


@dataclass(frozen=True, slots=True)
class Process:
    """One process that said that it lives at `beat_at`."""

    name: str
    role: str
    started_at: datetime
    beat_at: datetime


def beat(connection: Connection, name: str, role: str, now: datetime) -> None:
    """A process lives."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    put = dialect.insert(PROCESSES).values(name=name, role=role, started_at=now, beat_at=now)
    connection.execute(put.on_conflict_do_update(index_elements=["name"], set_={"beat_at": now}))


def leave(connection: Connection, name: str) -> None:
    """A process ends as it should."""
    connection.execute(delete(PROCESSES).where(PROCESSES.c.name == name))


def alive(connection: Connection, since: datetime) -> set[str]:
    """The processes that said that they live since then."""
    return set(connection.execute(select(PROCESSES.c.name).where(PROCESSES.c.beat_at >= since)).scalars())


def forget(connection: Connection, before: datetime) -> None:
    """Leave out the processes that said nothing since then."""
    connection.execute(delete(PROCESSES).where(PROCESSES.c.beat_at < before))


def listing(connection: Connection) -> Sequence[Process]:
    """Every process that did not end as it should, or lives; the oldest first."""
    return [Process(*row) for row in connection.execute(select(PROCESSES).order_by(PROCESSES.c.started_at))]
