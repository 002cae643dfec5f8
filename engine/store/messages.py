"""Hang-up messages and the tracked links in them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from engine.store.bulk import Adding, Many, among
from engine.store.tables import (
    ContactRow,
    MessageRow,
    table,
)

MESSAGES, CONTACTS = table(MessageRow), table(ContactRow)


MESSAGE_FIELDS = ("key", "experiment_id", "contact_id", "call", "template", "token", "url", "state", "reason")


_PLAN_MESSAGES = Adding(MessageRow, MESSAGE_FIELDS, ("begun_at",), new=True)


def plan_messages(connection: Connection, rows: Sequence[tuple[object, ...]], now: datetime) -> None:
    """Write messages, with values in the order of `MESSAGE_FIELDS`; one that is written already stays as it is."""
    _PLAN_MESSAGES.run(connection, rows, begun_at=now)


_WRITTEN = select(MESSAGES.c.key).where(among(MESSAGES.c.key, "keys"))


def unsent(connection: Connection, keys: Collection[str]) -> set[str]:
    """Which of these message keys nobody has written yet."""
    return set(keys).difference(connection.execute(_WRITTEN, {"keys": sorted(keys)}).scalars().all())


_BEGIN_MESSAGES = (
    update(MESSAGES)
    .where(among(MESSAGES.c.key, "keys"), MESSAGES.c.state == "planned")
    .values(state="begun")
    .returning(MESSAGES.c.key)
)


def begin_messages(connection: Connection, keys: Collection[str]) -> set[str]:
    """Write planned messages as begun; returns those that nobody had begun before."""
    return set(connection.execute(_BEGIN_MESSAGES, {"keys": sorted(keys)}).scalars().all())


def planned_messages(connection: Connection, experiment_id: int) -> list[str]:
    """The calls whose messages were planned and are not begun."""
    query = select(MESSAGES.c.call).where(MESSAGES.c.state == "planned", MESSAGES.c.experiment_id == experiment_id)
    return list(connection.execute(query.order_by(MESSAGES.c.id)).scalars().all())


_SETTLE_MESSAGES = Many(
    update(MESSAGES)
    .where(MESSAGES.c.key == bindparam("of"))
    .values(state=bindparam("now_is"), provider_id=bindparam("named"), reason=bindparam("why")),
    ("of", "now_is", "named", "why"),
)


def settle_messages(connection: Connection, settled: Iterable[tuple[str, str, str, str]]) -> None:
    """Write what became of messages, given as (key, state, provider's id, reason)."""
    _SETTLE_MESSAGES.run(connection, list(settled))


@dataclass(frozen=True, slots=True)
class Link:
    """Where a tracked link leads, and whose it is."""

    url: str
    call: str
    experiment_id: int
    contact_id: int


def link(connection: Connection, token: str) -> Link | None:
    """The link of a token; None when no message carries it."""
    columns = (MESSAGES.c.url, MESSAGES.c.call, MESSAGES.c.experiment_id, MESSAGES.c.contact_id)
    row = connection.execute(select(*columns).where(MESSAGES.c.token == token)).one_or_none()
    return Link(*row) if row else None
