"""The queue: calls that are due, begun, or waiting for their end.

A process begins a call, which no other can begin then, writes it as sent in a committed transaction, and asks the
provider: what is sent is never offered again unless it provably did not ring (law 1). A process that was thought
dead, and whose calls another planned again, finds that they are no longer its own when it wants to send them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, literal_column, or_, select, update

from engine.core.calls import Call, CallState
from engine.core.contacts import Contact
from engine.store.bulk import Adding, Many, among, takes_none
from engine.store.contacts import contact_of
from engine.store.suppressions import NOW, SUPPRESSIONS, listed
from engine.store.tables import CallRow, ContactRow, ExperimentRow, table

CALLS, CONTACTS = table(CallRow), table(ContactRow)
EXPERIMENTS = table(ExperimentRow)
CHUNK = 500
# Written out rather than bound, so that both databases see that the partial indexes apply.
IS_PLANNED = CALLS.c.state == literal_column("'planned'")
IS_OPEN = or_(*(CALLS.c.state == literal_column(f"'{state}'") for state in ("begun", "sent", "accepted", "unknown")))
IS_LIVE = and_(IS_OPEN, CALLS.c.ended_at.is_(None))
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Due:
    """A call that is due, with the contact and what is known against it."""

    id: int
    contact_id: int
    call: Call
    contact: Contact
    suppressed: bool
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a begun call."""

    id: int
    state: CallState
    provider_id: str = ""
    reason: str = ""


_PLAN = Adding(
    CallRow,
    ("key", "contact_id", "arm", "attempt", "due_at", "not_after", "rank"),
    ("experiment_id", "state"),
    new=True,
)


def plan(connection: Connection, experiment_id: int, calls: Iterable[tuple[int, Call]]) -> None:
    """Queue calls, given with their contacts' ids; a call that is queued already stays as it is."""
    rows = [
        (call.key, contact_id, call.arm, call.attempt, call.due_at, call.not_after, call.rank)
        for contact_id, call in calls
    ]
    _PLAN.run(connection, rows, experiment_id=experiment_id, state=CallState.PLANNED.value)


_CALL_COLUMNS = (
    CALLS.c.id, CALLS.c.contact_id, CALLS.c.key, CALLS.c.arm, CALLS.c.attempt, CALLS.c.due_at, CALLS.c.not_after,
    CALLS.c.rank,
)  # fmt: skip
_CONTACT_COLUMNS = (
    CONTACTS.c.key.label("contact"), CONTACTS.c.phone, CONTACTS.c.name, CONTACTS.c.region, CONTACTS.c.timezones,
    CONTACTS.c.ordered_at, CONTACTS.c.attributes,
)  # fmt: skip


_DUE = (
    select(*_CALL_COLUMNS, *_CONTACT_COLUMNS, SUPPRESSIONS.c.phone.label("suppressed"), CALLS.c.tries)
    .join(CONTACTS, CONTACTS.c.id == CALLS.c.contact_id)
    .outerjoin(SUPPRESSIONS, listed(NOW))
    .where(CALLS.c.experiment_id == bindparam("experiment"), IS_PLANNED, CALLS.c.due_at <= bindparam("now"))
    .order_by(CALLS.c.due_at, CALLS.c.rank)
    .limit(bindparam("most"))
    .with_for_update(of=(CALLS, CONTACTS), key_share=True, skip_locked=True)
)


def due(
    connection: Connection,
    experiment: tuple[int, str],
    now: datetime,
    limit: int,
    resting: Collection[str] = (),
) -> list[Due]:
    """Calls of an experiment, given as (id, name), that are due: earliest first, and by rank among equals.

    Arms in `resting` (paused or dropped), and combinations with one of them, are left where they are. The calls and
    their people belong to this transaction until its end: another one gets others.
    """
    query = _DUE.where(takes_none(CALLS.c.arm, resting)) if resting else _DUE
    values = {"experiment": experiment[0], "now": now, "most": limit}
    return [
        Due(
            row[0], row[1], Call(row[2], experiment[1], row[8], *row[3:8]), contact_of(*row[8:15]), row[15] is not None,
            row[16],
        )
        for row in connection.execute(query, values).all()
    ]  # fmt: skip


_BUSY = select(CALLS.c.contact_id).where(among(CALLS.c.contact_id, "people"), IS_LIVE)


def busy(connection: Connection, people: Iterable[int]) -> set[int]:
    """Those of the people, by id, who have a call that is begun and not closed, in any experiment."""
    return set(connection.execute(_BUSY, {"people": sorted(people)}).scalars().all())


_BEGIN = (
    update(CALLS)
    .where(among(CALLS.c.id, "calls"), IS_PLANNED)
    .values(state=CallState.BEGUN.value, begun_at=bindparam("moment"), holder=bindparam("who"))
)
_HELD = (
    select(CALLS.c.id, SUPPRESSIONS.c.phone)
    .join(CONTACTS, CONTACTS.c.id == CALLS.c.contact_id)
    .outerjoin(SUPPRESSIONS, listed(NOW))
    .where(among(CALLS.c.id, "calls"), CALLS.c.state == CallState.BEGUN.value, CALLS.c.holder == bindparam("who"))
    .with_for_update(of=CALLS, key_share=True)
)
_SEND = (
    update(CALLS)
    .where(among(CALLS.c.id, "calls"), CALLS.c.state == literal_column("'begun'"))
    .values(state=CallState.SENT.value, sent_at=bindparam("moment"))
)
_DEFER = Many(
    update(CALLS).where(CALLS.c.id == bindparam("of"), IS_PLANNED).values(due_at=bindparam("later")), ("of", "later")
)


def begin(connection: Connection, calls: Sequence[int], holder: str, now: datetime) -> None:
    """Write calls as begun by a process; from here on no other begins them."""
    if calls:
        connection.execute(_BEGIN, {"calls": list(calls), "moment": now, "who": holder})


def held(connection: Connection, calls: Sequence[int], holder: str, now: datetime) -> dict[int, bool]:
    """Those of the calls that this process began and still has, with whether their person is suppressed by now."""
    rows = connection.execute(_HELD, {"calls": list(calls), "who": holder, "now": now})
    return {row[0]: row[1] is not None for row in rows}


def send(connection: Connection, calls: Sequence[int], now: datetime) -> None:
    """Write calls that were read by `held` in this transaction as sent, before the provider is asked."""
    if calls:
        connection.execute(_SEND, {"calls": list(calls), "moment": now})


def defer(connection: Connection, until: Mapping[int, datetime]) -> None:
    """Move planned calls, by id, to later instants."""
    _DEFER.run(connection, list(until.items()))


def _state_is(*states: CallState) -> ColumnElement[bool]:
    """One of some states, in a form that statements over many rows can carry."""
    return or_(*(CALLS.c.state == state.value for state in states))


_SETTLE = Many(
    update(CALLS)
    .where(
        CALLS.c.id == bindparam("of"),
        _state_is(CallState.PLANNED, CallState.BEGUN, CallState.SENT, CallState.UNKNOWN),
        CALLS.c.ended_at.is_(None),
    )
    .values(state=bindparam("now_is"), provider_id=bindparam("named"), reason=bindparam("why")),
    ("of", "now_is", "named", "why"),
)


_NAME = Many(
    update(CALLS)
    .where(CALLS.c.id == bindparam("of"), CALLS.c.provider_id == "")
    .values(provider_id=bindparam("named")),
    ("of", "named"),
)


def settle(connection: Connection, settled: Sequence[Settled]) -> None:
    """Write what became of calls that are planned, begun, sent or unknown; what is closed stays closed.

    A call whose report came before its receipt learns the provider's name for it from the receipt.
    """
    rows = [(one.id, one.state.value, one.provider_id, one.reason) for one in settled]
    if _SETTLE.run(connection, rows) < len(rows):
        _NAME.run(connection, [(one.id, one.provider_id) for one in settled if one.provider_id])


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended."""

    id: int
    at: datetime
    disposition: str
    seconds: float
    cost: float


_END = Many(
    update(CALLS)
    .where(CALLS.c.id == bindparam("of"), or_(CALLS.c.state != CallState.PLANNED.value, CALLS.c.tries > 0))
    .values(
        state=CallState.ENDED.value, ended_at=bindparam("moment"), disposition=bindparam("how"),
        seconds=bindparam("talk"), cost=bindparam("price"),
        begun_at=func.coalesce(CALLS.c.begun_at, bindparam("moment", type_=CALLS.c.begun_at.type)),
        sent_at=func.coalesce(CALLS.c.sent_at, bindparam("moment", type_=CALLS.c.sent_at.type)),
    ),
    ("of", "moment", "how", "talk", "price"),
)  # fmt: skip


def end(connection: Connection, endings: Sequence[Ended]) -> None:
    """Write calls as ended; a later report of the same call may add what the first did not tell.

    A call that was sent, and is planned again because it was thought not to have rung, ends too: it did ring, and
    counts from then on among the person's calls.
    """
    _END.run(connection, [(one.id, one.at, one.disposition, one.seconds, one.cost) for one in endings])


def cancel_planned(connection: Connection, experiment_id: int, reason: str) -> int:
    """Cancel every call of an experiment that has not begun; returns how many."""
    change = update(CALLS).where(CALLS.c.experiment_id == experiment_id, IS_PLANNED)
    return connection.execute(change.values(state=CallState.CANCELED.value, reason=reason)).rowcount


def cancel_contacts(connection: Connection, contact_ids: Iterable[int], reason: str) -> None:
    """Cancel every planned call of these contacts, in every experiment."""
    change = update(CALLS).where(planned_of("ids")).values(state=CallState.CANCELED.value, reason=reason)
    connection.execute(change, {"ids": sorted(set(contact_ids))})


def planned_of(name: str) -> ColumnElement[bool]:
    """Planned calls of the contacts whose ids are bound as `name`, in every experiment.

    Naming the experiments lets the database find the calls by experiment and contact, without reading them all.
    """
    return CALLS.c.experiment_id.in_(select(EXPERIMENTS.c.id)) & among(CALLS.c.contact_id, name) & IS_PLANNED


_NEXT_DUE = select(func.min(CALLS.c.due_at)).where(CALLS.c.experiment_id == bindparam("experiment"), IS_PLANNED)
_IN_FLIGHT = select(func.count()).where(CALLS.c.experiment_id == bindparam("experiment"), IS_LIVE)


def next_due(connection: Connection, experiment_id: int, resting: Collection[str] = ()) -> datetime | None:
    """When the earliest planned call is due; None when nothing is planned."""
    query = _NEXT_DUE.where(takes_none(CALLS.c.arm, resting)) if resting else _NEXT_DUE
    earliest: datetime | None = connection.execute(query, {"experiment": experiment_id}).scalar()
    return earliest


_FIRST_ATTEMPTS = (
    select(CALLS.c.arm, func.count())
    .where(CALLS.c.experiment_id == bindparam("experiment"), IS_PLANNED, CALLS.c.attempt == 1)
    .group_by(CALLS.c.arm)
)


def first_attempts(connection: Connection, experiment_id: int) -> dict[str, int]:
    """How many first calls are planned, by arm."""
    return {row[0]: row[1] for row in connection.execute(_FIRST_ATTEMPTS, {"experiment": experiment_id})}


def in_flight(connection: Connection, experiment_id: int) -> int:
    """How many calls are begun and neither ended nor closed."""
    return int(connection.execute(_IN_FLIGHT, {"experiment": experiment_id}).scalar_one())


def open_counts(connection: Connection, experiment_id: int) -> dict[CallState, int]:
    """How many calls are begun and neither ended nor closed, by state."""
    query = select(CALLS.c.state, func.count()).where(CALLS.c.experiment_id == experiment_id, IS_LIVE)
    return {CallState(state): count for state, count in connection.execute(query.group_by(CALLS.c.state))}


def counts(connection: Connection, experiment_id: int) -> dict[CallState, int]:
    """How many calls are in each state."""
    query = select(CALLS.c.state, func.count()).where(CALLS.c.experiment_id == experiment_id)
    return {CallState(state): count for state, count in connection.execute(query.group_by(CALLS.c.state))}


def chunks(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """Parts of at most `CHUNK` values, for lists inside statements."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def last_begun(connection: Connection, experiment_id: int) -> datetime | None:
    """When the latest call of an experiment was begun."""
    latest: datetime | None = connection.execute(
        select(func.max(CALLS.c.begun_at)).where(CALLS.c.experiment_id == experiment_id)
    ).scalar()
    return latest
