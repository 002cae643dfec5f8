"""The queue: calls that are due, begun, or waiting for their end.

A call is written as begun in a committed transaction before the provider is asked, and what is
begun is never offered again (law 1).
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Executable, bindparam, func, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.core.calls import Call, CallState
from engine.core.contacts import Contact
from engine.store.tables import CallRow, ContactRow, ExperimentRow, SuppressionRow, table

CALLS, CONTACTS = table(CallRow), table(ContactRow)
SUPPRESSIONS, EXPERIMENTS = table(SuppressionRow), table(ExperimentRow)
CHUNK = 500
# Written out rather than bound, so that both databases see that the partial indexes apply.
IS_PLANNED = CALLS.c.state == literal_column("'planned'")
IS_OPEN = CALLS.c.state.in_([literal_column(f"'{state}'") for state in ("begun", "accepted", "unknown")])
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Due:
    """A call that is due, with the contact and what is known against it."""

    id: int
    contact_id: int
    call: Call
    contact: Contact
    suppressed: bool


@dataclass(frozen=True, slots=True)
class Known:
    """A call that the ledger knows, as the steps after the dispatch need it."""

    id: int
    experiment_id: int
    contact_id: int
    call: Call
    state: CallState


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a begun call."""

    id: int
    state: CallState
    provider_id: str = ""
    reason: str = ""


def insert_new(connection: Connection, rows: type, values: Sequence[Mapping[str, object]]) -> int:
    """Insert what is not there yet; returns how many were new."""
    if not values:
        return 0
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    result = connection.execute(dialect.insert(table(rows)).on_conflict_do_nothing(), list(values))
    return result.rowcount


def plan(connection: Connection, experiment_id: int, calls: Iterable[tuple[int, Call]]) -> None:
    """Queue calls, given with their contacts' ids; a call that is queued already stays as it is."""
    rows = [
        {
            "key": call.key, "experiment_id": experiment_id, "contact_id": contact_id, "arm": call.arm,
            "attempt": call.attempt, "due_at": call.due_at, "not_after": call.not_after, "rank": call.rank,
            "state": CallState.PLANNED, "provider_id": "", "disposition": "", "seconds": 0.0, "cost": 0.0,
            "reason": "",
        }
        for contact_id, call in calls
    ]  # fmt: skip
    insert_new(connection, CallRow, rows)


_CALL_COLUMNS = (
    CALLS.c.id, CALLS.c.contact_id, CALLS.c.key, CALLS.c.arm, CALLS.c.attempt, CALLS.c.due_at, CALLS.c.not_after,
    CALLS.c.rank,
)  # fmt: skip
_CONTACT_COLUMNS = (
    CONTACTS.c.key.label("contact"), CONTACTS.c.phone, CONTACTS.c.name, CONTACTS.c.region, CONTACTS.c.timezones,
    CONTACTS.c.ordered_at, CONTACTS.c.attributes,
)  # fmt: skip


_DUE = (
    select(*_CALL_COLUMNS, *_CONTACT_COLUMNS, SUPPRESSIONS.c.phone.label("suppressed"))
    .join(CONTACTS, CONTACTS.c.id == CALLS.c.contact_id)
    .outerjoin(SUPPRESSIONS, SUPPRESSIONS.c.phone == CONTACTS.c.phone)
    .where(CALLS.c.experiment_id == bindparam("experiment"), IS_PLANNED, CALLS.c.due_at <= bindparam("now"))
    .order_by(CALLS.c.due_at, CALLS.c.rank)
    .limit(bindparam("most"))
)
_NOT_RESTING = CALLS.c.arm.not_in(bindparam("resting", expanding=True))


def due(
    connection: Connection,
    experiment: tuple[int, str],
    now: datetime,
    limit: int,
    resting: Collection[str] = (),
) -> list[Due]:
    """Calls of an experiment, given as (id, name), that are due: earliest first, and by rank among equals.

    Arms in `resting` (paused or dropped) are left where they are.
    """
    query = _DUE.where(_NOT_RESTING) if resting else _DUE
    values = {"experiment": experiment[0], "now": now, "most": limit} | _resting(resting)
    return [
        Due(row.id, row.contact_id, _call(row, experiment[1]), _contact(row), row.suppressed is not None)
        for row in connection.execute(query, values)
    ]


def _resting(arms: Collection[str]) -> dict[str, Any]:
    return {"resting": sorted(arms)} if arms else {}


def _call(row: Any, experiment: str) -> Call:
    return Call(
        key=row.key, experiment=experiment, contact=row.contact, arm=row.arm, attempt=row.attempt,
        due_at=row.due_at, not_after=row.not_after, rank=row.rank,
    )  # fmt: skip


def _contact(row: Any) -> Contact:
    return Contact(
        key=row.contact, phone=row.phone, region=row.region, timezones=tuple(row.timezones.split(";")),
        name=row.name, ordered_at=row.ordered_at, attributes=json.loads(row.attributes),
    )  # fmt: skip


def begin(connection: Connection, calls: Sequence[int], now: datetime) -> None:
    """Write calls as begun; from here on they are never offered again."""
    change = update(CALLS).where(CALLS.c.id == bindparam("of"), IS_PLANNED)
    _many(connection, change.values(state=CallState.BEGUN.value, begun_at=now), [{"of": call} for call in calls])


def defer(connection: Connection, until: Mapping[int, datetime]) -> None:
    """Move planned calls, by id, to later instants."""
    change = update(CALLS).where(CALLS.c.id == bindparam("of"), IS_PLANNED)
    rows = [{"of": call, "later": moment} for call, moment in until.items()]
    _many(connection, change.values(due_at=bindparam("later")), rows)


def settle(connection: Connection, settled: Sequence[Settled]) -> None:
    """Write what became of calls that are planned, begun or unknown; what has ended stays ended."""
    change = (
        update(CALLS)
        .where(CALLS.c.id == bindparam("of"), _state_is(CallState.PLANNED, CallState.BEGUN, CallState.UNKNOWN))
        .values(state=bindparam("now_is"), provider_id=bindparam("named"), reason=bindparam("why"))
    )
    rows = [{"of": one.id, "now_is": one.state.value, "named": one.provider_id, "why": one.reason} for one in settled]
    _many(connection, change, rows)


def _state_is(*states: CallState) -> ColumnElement[bool]:
    """One of some states, in a form that statements over many rows can carry."""
    return or_(*(CALLS.c.state == state.value for state in states))


def _many(connection: Connection, statement: Executable, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(statement, rows)


_KNOWN = (
    select(
        *_CALL_COLUMNS, CALLS.c.experiment_id, CALLS.c.state, CONTACTS.c.key.label("contact"),
        EXPERIMENTS.c.name.label("experiment"),
    )
    .join(CONTACTS, CONTACTS.c.id == CALLS.c.contact_id)
    .join(EXPERIMENTS, EXPERIMENTS.c.id == CALLS.c.experiment_id)
)  # fmt: skip
_KNOWN_BY_KEY = _KNOWN.where(CALLS.c.key.in_(bindparam("keys", expanding=True)))
_UNSETTLED = _KNOWN.where(
    CALLS.c.experiment_id == bindparam("experiment"),
    IS_OPEN,
    CALLS.c.state != CallState.ACCEPTED.value,
    CALLS.c.begun_at <= bindparam("before"),
).order_by(CALLS.c.id)


def _known(row: Any) -> Known:
    return Known(row.id, row.experiment_id, row.contact_id, _call(row, row.experiment), CallState(row.state))


def known(connection: Connection, keys: Iterable[str]) -> dict[str, Known]:
    """The calls that have these keys."""
    found: dict[str, Known] = {}
    for part in chunks(sorted(set(keys))):
        found.update((row.key, _known(row)) for row in connection.execute(_KNOWN_BY_KEY, {"keys": part}))
    return found


def keys_of(connection: Connection, provider_ids: Iterable[str]) -> dict[str, str]:
    """Our keys of calls that a provider names only by its own ids."""
    found: dict[str, str] = {}
    for part in chunks(sorted({name for name in provider_ids if name})):
        rows = connection.execute(select(CALLS.c.provider_id, CALLS.c.key).where(CALLS.c.provider_id.in_(part)))
        found.update((row.provider_id, row.key) for row in rows)
    return found


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended."""

    id: int
    at: datetime
    disposition: str
    seconds: float
    cost: float


def end(connection: Connection, endings: Sequence[Ended]) -> None:
    """Write calls as ended; a later report of the same call may add what the first did not tell."""
    change = (
        update(CALLS)
        .where(CALLS.c.id == bindparam("of"), CALLS.c.state != CallState.PLANNED.value)
        .values(
            state=CallState.ENDED.value, ended_at=bindparam("moment"), disposition=bindparam("how"),
            seconds=bindparam("talk"), cost=bindparam("price"),
        )
    )  # fmt: skip
    rows = [
        {"of": one.id, "moment": one.at, "how": one.disposition, "talk": one.seconds, "price": one.cost}
        for one in endings
    ]
    _many(connection, change, rows)


def cancel_planned(connection: Connection, experiment_id: int, reason: str) -> int:
    """Cancel every call of an experiment that has not begun; returns how many."""
    change = update(CALLS).where(CALLS.c.experiment_id == experiment_id, IS_PLANNED)
    return connection.execute(change.values(state=CallState.CANCELED.value, reason=reason)).rowcount


def cancel_contacts(connection: Connection, contact_ids: Iterable[int], reason: str) -> None:
    """Cancel every planned call of these contacts, in every experiment."""
    for part in chunks(sorted(set(contact_ids))):
        change = update(CALLS).where(CALLS.c.contact_id.in_(part), IS_PLANNED)
        connection.execute(change.values(state=CallState.CANCELED.value, reason=reason))


def cancel_phones(connection: Connection, phones: Sequence[str], reason: str) -> None:
    """Cancel every planned call to these numbers."""
    for part in chunks(sorted(set(phones))):
        ids = connection.execute(select(CONTACTS.c.id).where(CONTACTS.c.phone.in_(part))).scalars()
        cancel_contacts(connection, ids, reason)


_NEXT_DUE = select(func.min(CALLS.c.due_at)).where(CALLS.c.experiment_id == bindparam("experiment"), IS_PLANNED)
_IN_FLIGHT = select(func.count()).where(
    CALLS.c.experiment_id == bindparam("experiment"), IS_OPEN, CALLS.c.state != CallState.UNKNOWN.value
)


def next_due(connection: Connection, experiment_id: int, resting: Collection[str] = ()) -> datetime | None:
    """When the earliest planned call is due; None when nothing is planned."""
    query = _NEXT_DUE.where(_NOT_RESTING) if resting else _NEXT_DUE
    earliest: datetime | None = connection.execute(query, {"experiment": experiment_id} | _resting(resting)).scalar()
    return earliest


def in_flight(connection: Connection, experiment_id: int) -> int:
    """How many calls are begun or accepted and have not ended."""
    return int(connection.execute(_IN_FLIGHT, {"experiment": experiment_id}).scalar_one())


def counts(connection: Connection, experiment_id: int) -> dict[CallState, int]:
    """How many calls are in each state."""
    query = select(CALLS.c.state, func.count()).where(CALLS.c.experiment_id == experiment_id)
    return {CallState(state): count for state, count in connection.execute(query.group_by(CALLS.c.state))}


def placed(connection: Connection, experiment_id: int) -> tuple[int, float]:
    """How many calls were ever begun, and what the ended ones cost."""
    query = select(func.count(), func.coalesce(func.sum(CALLS.c.cost), 0.0)).where(
        CALLS.c.experiment_id == experiment_id, CALLS.c.begun_at.is_not(None)
    )
    row = connection.execute(query).one()
    return int(row[0]), float(row[1])


def unsettled(connection: Connection, experiment_id: int, begun_before: datetime) -> list[Known]:
    """Calls that were begun before an instant and whose fate is not known."""
    rows = connection.execute(_UNSETTLED, {"experiment": experiment_id, "before": begun_before})
    return [_known(row) for row in rows]


def chunks(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """Parts of at most `CHUNK` values, for lists inside statements."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def plan_again(connection: Connection, calls: Sequence[int]) -> None:
    """Put begun calls back that provably never reached anybody."""
    change = update(CALLS).where(CALLS.c.id == bindparam("of"), _state_is(CallState.BEGUN, CallState.UNKNOWN))
    _many(connection, change.values(state=CallState.PLANNED.value, begun_at=None), [{"of": call} for call in calls])


def last_begun(connection: Connection, experiment_id: int) -> datetime | None:
    """When the latest call of an experiment was begun."""
    latest: datetime | None = connection.execute(
        select(func.max(CALLS.c.begun_at)).where(CALLS.c.experiment_id == experiment_id)
    ).scalar()
    return latest
