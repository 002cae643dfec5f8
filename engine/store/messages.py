"""Hang-up messages and the tracked links in them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, exists, func, select, update

from engine.store.bulk import Adding, Many, among
from engine.store.suppressions import NOW, listed
from engine.store.tables import CallRow, ContactRow, MessageRow, table

MESSAGES, CONTACTS, CALLS = table(MessageRow), table(ContactRow), table(CallRow)

IN_TIME = timedelta(minutes=90)
"""How long after its call was sent a message may still go: later it would follow nothing, and come at any hour."""
LATE = "its call was placed more than an hour and a half before"
SUPPRESSED = "the number came onto the suppression list after the call"
LOST = "its process ended while it was sent; it may have arrived"

MESSAGE_FIELDS = ("key", "experiment_id", "contact_id", "call", "template", "token", "url", "state", "reason")


_PLAN_MESSAGES = Adding(MessageRow, MESSAGE_FIELDS, ("begun_at",), new=True)


def plan_messages(connection: Connection, rows: Sequence[tuple[object, ...]], now: datetime) -> None:
    """Write messages, with values in the order of `MESSAGE_FIELDS`; one that is written already stays as it is."""
    _PLAN_MESSAGES.run(connection, rows, begun_at=now)


_WRITTEN = select(MESSAGES.c.key).where(among(MESSAGES.c.key, "keys"))


def unsent(connection: Connection, keys: Collection[str]) -> set[str]:
    """Which of these message keys nobody has written yet."""
    return set(keys).difference(connection.execute(_WRITTEN, {"keys": sorted(keys)}).scalars().all())


_PLANNED = and_(among(MESSAGES.c.key, "keys"), MESSAGES.c.state == "planned")
_FRESH = exists().where(
    CALLS.c.key == MESSAGES.c.call,
    func.coalesce(CALLS.c.sent_at, CALLS.c.begun_at) >= bindparam("since", type_=CALLS.c.sent_at.type),
)
_LISTED = exists().where(CONTACTS.c.id == MESSAGES.c.contact_id, listed(NOW))
_BEGIN_MESSAGES = update(MESSAGES).where(_PLANNED, _FRESH, ~_LISTED).values(state="begun").returning(MESSAGES.c.key)
_REFUSE_LISTED = update(MESSAGES).where(_PLANNED, _LISTED).values(state="refused", reason=SUPPRESSED)
_REFUSE_LATE = update(MESSAGES).where(_PLANNED).values(state="refused", reason=LATE)


def begin_messages(connection: Connection, keys: Collection[str], now: datetime) -> set[str]:
    """Write planned messages as begun; returns those that nobody had begun before.

    What would come late, or to somebody who is not to be reached any more, is refused instead.
    """
    asked = {"keys": sorted(keys)}
    begun = set(connection.execute(_BEGIN_MESSAGES, asked | {"since": now - IN_TIME, "now": now}).scalars().all())
    if len(begun) < len(keys):
        connection.execute(_REFUSE_LISTED, asked | {"now": now})
        connection.execute(_REFUSE_LATE, asked)
    return begun


_LOSE = (
    update(MESSAGES)
    .where(MESSAGES.c.state == "begun", MESSAGES.c.experiment_id == bindparam("of"))
    .where(MESSAGES.c.begun_at < bindparam("before", type_=MESSAGES.c.begun_at.type))
    .values(state="unknown", reason=LOST)
)


def lose(connection: Connection, experiment_id: int, now: datetime) -> int:
    """Write messages that were begun and never answered for as unknown; returns how many."""
    return connection.execute(_LOSE, {"of": experiment_id, "before": now - IN_TIME}).rowcount


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
