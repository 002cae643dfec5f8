"""What became of calls whose process or whose receipt was lost, and of those that never end."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from engine.core.calls import CallState
from engine.core.contacts import masked
from engine.store.bulk import Many, among
from engine.store.known import KNOWN, Known, known_of
from engine.store.queue import CALLS, CONTACTS, IS_LIVE

BEGUN, SENT, ACCEPTED, UNKNOWN = (
    CALLS.c.state == state.value for state in (CallState.BEGUN, CallState.SENT, CallState.ACCEPTED, CallState.UNKNOWN)
)
MOST = 500


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A call that was sent and whose fate, or end, is not known; `tries` says which of its tries is meant."""

    known: Known
    sent_at: datetime
    phone: str
    tries: int


def release(connection: Connection, experiment_id: int, alive: Collection[str], holder: str | None = None) -> int:
    """Plan again what processes that are not alive, or one of them, had begun and not sent; returns how many."""
    change = update(CALLS).where(
        CALLS.c.experiment_id == experiment_id, IS_LIVE, BEGUN, CALLS.c.holder.not_in(sorted(alive))
    )
    if holder is not None:
        change = change.where(CALLS.c.holder == holder)
    again = change.values(state=CallState.PLANNED.value, begun_at=None, holder="")
    return connection.execute(again).rowcount


def unsettled(
    connection: Connection, experiment_id: int, alive: Collection[str], sent_before: datetime, overdue_before: datetime
) -> list[Unsettled]:
    """The oldest calls to ask the provider about.

    Those of lost receipts; those sent by a process that is not alive, or before `sent_before`; and those that were
    accepted before `overdue_before` and have not ended.
    """
    lost = and_(SENT, or_(CALLS.c.holder.not_in(sorted(alive)), CALLS.c.sent_at <= sent_before))
    query = (
        KNOWN.add_columns(CALLS.c.sent_at, CONTACTS.c.phone, CALLS.c.tries)
        .where(
            CALLS.c.experiment_id == experiment_id,
            IS_LIVE,
            or_(lost, UNKNOWN, and_(ACCEPTED, CALLS.c.sent_at <= overdue_before)),
        )
        .order_by(CALLS.c.sent_at, CALLS.c.id)
        .limit(MOST)
    )
    return [Unsettled(known_of(row), row.sent_at, row.phone, row.tries) for row in connection.execute(query)]


_TRIES = select(CALLS.c.id, CALLS.c.tries).where(among(CALLS.c.id, "calls")).order_by(CALLS.c.id)
_TRIES_HELD = _TRIES.with_for_update(of=CALLS, key_share=True)


def same_try(connection: Connection, tries: Mapping[int, int]) -> set[int]:
    """Those of the calls, by id, that are still at this try; they belong to this transaction until its end.

    What was learned of a try says nothing about the next. Whoever slept over it, with an answer in hand, would else
    plan a call again that another process has sent since, and that rings.
    """
    rows = connection.execute(_TRIES_HELD, {"calls": sorted(tries)})
    return {row.id for row in rows if row.tries == tries[row.id]}


_PLAN_AGAIN = Many(
    update(CALLS)
    .where(CALLS.c.id == bindparam("of"), or_(BEGUN, SENT, UNKNOWN), CALLS.c.ended_at.is_(None))
    .values(
        state=CallState.PLANNED.value, begun_at=None, sent_at=None, holder="", tries=CALLS.c.tries + 1,
        due_at=bindparam("later"), reason=bindparam("why"),
    ),
    ("of", "later", "why"),
)  # fmt: skip


def plan_again(connection: Connection, calls: Sequence[tuple[int, datetime, str]]) -> None:
    """Put sent calls back that provably never reached anybody: (id, when it is due again, why)."""
    _PLAN_AGAIN.run(connection, calls)


_GIVE_BACK = Many(
    update(CALLS)
    .where(CALLS.c.id == bindparam("of"), BEGUN)
    .values(state=CallState.PLANNED.value, begun_at=None, holder="", due_at=bindparam("later")),
    ("of", "later"),
)


def give_back(connection: Connection, calls: Sequence[tuple[int, datetime]]) -> None:
    """Put begun calls back that were not sent: (id, when it is due again)."""
    _GIVE_BACK.run(connection, calls)


_CLOSE = Many(
    update(CALLS)
    .where(CALLS.c.id == bindparam("of"), IS_LIVE)
    .values(
        state=CallState.UNKNOWN.value, disposition="unknown", ended_at=bindparam("moment"), reason=bindparam("why")
    ),
    ("of", "why"), ("moment",),
)  # fmt: skip


def close(connection: Connection, calls: Sequence[tuple[int, str]], now: datetime) -> None:
    """Close calls of which nobody can tell what became: (id, why). What is heard of them later still counts."""
    _CLOSE.run(connection, calls, moment=now)


@dataclass(frozen=True, slots=True)
class Untold:
    """A call of which nobody can tell what became; `phone` is masked, and what is `closed` is asked about no more."""

    key: str
    contact: str
    phone: str
    attempt: int
    sent_at: datetime
    reason: str
    closed: bool


def untold(connection: Connection, experiment_id: int, limit: int = 100) -> list[Untold]:
    """Calls of which nobody can tell yet, or any more, what became; the latest first."""
    query = (
        select(
            CALLS.c.key,
            CONTACTS.c.key,
            CONTACTS.c.phone,
            CALLS.c.attempt,
            CALLS.c.sent_at,
            CALLS.c.reason,
            CALLS.c.ended_at,
        )
        .join(CONTACTS, CONTACTS.c.id == CALLS.c.contact_id)
        .where(CALLS.c.experiment_id == experiment_id, UNKNOWN)
        .order_by(CALLS.c.sent_at.desc())
        .limit(limit)
    )
    return [
        Untold(row[0], row[1], masked(row[2]), *row[3:6], row[6] is not None) for row in connection.execute(query)
    ]  # fmt: skip


WHEN = bindparam("moment", type_=CALLS.c.sent_at.type)
_RANG = Many(
    update(CALLS)
    .where(
        CALLS.c.id == bindparam("of"),
        CALLS.c.ended_at.is_(None),
        or_(SENT, UNKNOWN, and_(or_(BEGUN, CALLS.c.state == CallState.PLANNED.value), CALLS.c.tries > 0)),
    )
    .values(
        state=CallState.ACCEPTED.value, provider_id=bindparam("named"),
        sent_at=func.coalesce(CALLS.c.sent_at, WHEN),
        begun_at=func.coalesce(CALLS.c.begun_at, WHEN),
    ),
    ("of", "named", "moment"),
)  # fmt: skip


def rang(connection: Connection, calls: Sequence[tuple[int, str, datetime]]) -> None:
    """Write that the provider has a call, because it reports of it: (id, its name for it, when).

    So a report settles a call whose receipt is late or lost, and stops another try of one that was thought not to
    have been placed.
    """
    _RANG.run(connection, calls)
