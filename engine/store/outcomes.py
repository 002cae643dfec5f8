"""Outcomes: what each contact's events came to, when it is mature, and what the arms sum to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, case, false, func, not_, or_, select, type_coerce, update

from engine.core.metrics import FIELDS, FLAGS, PAIRS, Sums
from engine.core.outcomes import Outcome
from engine.store.bulk import Many, among, takes_none
from engine.store.tables import MICROSECOND, AssignmentRow, OutcomeRow, microseconds, table

OUTCOMES, ASSIGNMENTS = table(OutcomeRow), table(AssignmentRow)


OUTCOME_FIELDS = Outcome._fields


_ASSIGNMENTS_OF = select(
    ASSIGNMENTS.c.experiment_id, ASSIGNMENTS.c.contact_id, ASSIGNMENTS.c.arm, ASSIGNMENTS.c.assigned_at
).where(among(ASSIGNMENTS.c.contact_id, "ids"))


@dataclass(frozen=True, slots=True)
class Assigned:
    """A contact's assignment in one experiment."""

    experiment_id: int
    contact_id: int
    arm: str
    assigned_at: datetime


def assignments(connection: Connection, contact_ids: Collection[int]) -> list[Assigned]:
    """Every assignment of these contacts."""
    rows = connection.execute(_ASSIGNMENTS_OF, {"ids": sorted(contact_ids)}).all()
    return [Assigned(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Judged:
    """A contact's outcome in one experiment, and when it is mature (None: not known yet)."""

    experiment_id: int
    contact_id: int
    outcome: Outcome
    matures_at: datetime | None


_WRITE_OUTCOME = Many(
    update(OUTCOMES)
    .where(OUTCOMES.c.experiment_id == bindparam("e"), OUTCOMES.c.contact_id == bindparam("c"))
    .values(
        {name: bindparam(f"o_{name}") for name in OUTCOME_FIELDS}
        | {"matures_at": func.coalesce(bindparam("m", type_=OUTCOMES.c.matures_at.type), OUTCOMES.c.matures_at)}
    ),
    ("e", "c", "m", *(f"o_{name}" for name in OUTCOME_FIELDS)),
)


def write_outcomes(connection: Connection, judged: Sequence[Judged]) -> None:
    """Write outcomes over what stood there; a maturity that is known stays when the new one is not."""
    rows = [(one.experiment_id, one.contact_id, one.matures_at, *one.outcome) for one in judged]
    _WRITE_OUTCOME.run(connection, rows)


_MATURE_AT = Many(
    update(OUTCOMES)
    .where(
        OUTCOMES.c.experiment_id == bindparam("e"), OUTCOMES.c.contact_id == bindparam("c"),
        OUTCOMES.c.matures_at.is_(None),
    )
    .values(matures_at=bindparam("m")),
    ("c", "m"), ("e",),
)  # fmt: skip


def mature_at(connection: Connection, experiment_id: int, when: Mapping[int, datetime]) -> None:
    """Set when contacts who will not be called any more are mature, by contact id, where nothing stands yet."""
    _MATURE_AT.run(connection, list(when.items()), e=experiment_id)


@dataclass(frozen=True, slots=True)
class Summed:
    """What outcomes sum to at an instant, per (arm, stratum): of everybody, of contacts who are mature, and of
    those among the mature who answered the first attempt."""

    everyone: dict[tuple[str, str], Sums]
    mature: dict[tuple[str, str], Sums]
    connected: dict[tuple[str, str], Sums]

    @property
    def done(self) -> int:
        """How many contacts are mature."""
        return sum(sums.count for sums in self.mature.values())

    @property
    def waiting(self) -> int:
        """How many contacts are waited for."""
        return sum(sums.count for sums in self.everyone.values()) - self.done


# The square of a flag is the flag: its total says both.
_PRODUCTS = tuple(pair for pair in PAIRS if not (pair[0] == pair[1] and pair[0] in FLAGS))


_SUMS = (
    func.count(),
    *(func.sum(OUTCOMES.c[name]) for name in FIELDS),
    *(func.sum(OUTCOMES.c[one] * OUTCOMES.c[other]) for one, other in _PRODUCTS),
)


_IS_MATURE = func.coalesce(OUTCOMES.c.matures_at <= bindparam("now", type_=OUTCOMES.c.matures_at.type), false())


_EVERYONE = (
    select(OUTCOMES.c.arm, OUTCOMES.c.stratum, *_SUMS)
    .where(OUTCOMES.c.experiment_id == bindparam("experiment"))
    .group_by(OUTCOMES.c.arm, OUTCOMES.c.stratum)
)


_PARTED = (
    select(OUTCOMES.c.arm, OUTCOMES.c.stratum, _IS_MATURE.label("mature"), OUTCOMES.c.first_connected, *_SUMS)
    .where(OUTCOMES.c.experiment_id == bindparam("experiment"))
    .group_by(OUTCOMES.c.arm, OUTCOMES.c.stratum, "mature", OUTCOMES.c.first_connected)
)


def totals(connection: Connection, experiment_id: int, names: Collection[str]) -> dict[str, dict[str, float]]:
    """What some fields sum to over everybody, per arm: cheaper than all of them with their products."""
    fields = list(names)
    query = select(OUTCOMES.c.arm, *(func.sum(OUTCOMES.c[name]) for name in fields))
    rows = connection.execute(query.where(OUTCOMES.c.experiment_id == experiment_id).group_by(OUTCOMES.c.arm)).all()
    return {row[0]: dict(zip(fields, map(float, row[1:]), strict=True)) for row in rows}


def _sums(numbers: Sequence[Any]) -> Sums:
    totals = dict(zip(FIELDS, map(float, numbers[1 : 1 + len(FIELDS)]), strict=True))
    products = dict(zip(_PRODUCTS, map(float, numbers[1 + len(FIELDS) :]), strict=True))
    return Sums(int(numbers[0]), totals, {(name, name): totals[name] for name in FLAGS} | products)


def sums(connection: Connection, experiment_id: int, mature_by: datetime | None = None) -> dict[tuple[str, str], Sums]:
    """What outcomes sum to, per (arm, stratum): of contacts mature by an instant, or of everybody when it is None."""
    if mature_by is not None:
        return summed(connection, experiment_id, mature_by).mature
    rows = connection.execute(_EVERYONE, {"experiment": experiment_id}).all()
    return {(row[0], row[1]): _sums(row[2:]) for row in rows}


def summed(connection: Connection, experiment_id: int, now: datetime) -> Summed:
    """What outcomes sum to, in one pass: of everybody, of who is mature by `now`, and of the connected among them."""
    found = Summed({}, {}, {})
    rows = connection.execute(_PARTED, {"experiment": experiment_id, "now": now}).all()
    for arm, stratum, mature, connected, *numbers in rows:
        part = _sums(numbers)
        for into, belongs in ((found.everyone, True), (found.mature, mature), (found.connected, mature and connected)):
            if belongs:
                known = into.get((arm, stratum))
                into[arm, stratum] = known + part if known else part
    return found


_BY_PERIOD = (
    select(
        ASSIGNMENTS.c.period, OUTCOMES.c.arm, func.count(), func.sum(OUTCOMES.c.dialled),
        func.sum(OUTCOMES.c.first_connected),
    )
    .join(
        OUTCOMES,
        (OUTCOMES.c.experiment_id == ASSIGNMENTS.c.experiment_id) & (OUTCOMES.c.contact_id == ASSIGNMENTS.c.contact_id),
    )
    .where(ASSIGNMENTS.c.experiment_id == bindparam("experiment"))
    .group_by(ASSIGNMENTS.c.period, OUTCOMES.c.arm)
)  # fmt: skip


def by_period(connection: Connection, experiment_id: int) -> dict[tuple[int, str], tuple[int, int, int]]:
    """(period of the deal, arm) → people who drew the arm then, of them dialed, and connected at the first attempt."""
    rows = connection.execute(_BY_PERIOD, {"experiment": experiment_id}).all()
    return {(row[0], row[1]): (int(row[2]), int(row[3]), int(row[4])) for row in rows}


_DIALED, _CONVERTED = (type_coerce(OUTCOMES.c[name], BigInteger) for name in ("dialled_at", "converted_at"))
_DELAYS = (
    select(
        OUTCOMES.c.arm, OUTCOMES.c.converted, _IS_MATURE.label("mature"),
        (
            (case((OUTCOMES.c.converted == 1, _CONVERTED), else_=bindparam("instant", type_=BigInteger)) - _DIALED)
            // bindparam("width", type_=BigInteger)
        ).label("part"),
        func.count(),
    )
    .where(
        OUTCOMES.c.experiment_id == bindparam("experiment"), OUTCOMES.c.dialled_at.is_not(None),
        or_(OUTCOMES.c.converted == 1, not_(_IS_MATURE)),
    )
    .group_by(OUTCOMES.c.arm, OUTCOMES.c.converted, "mature", "part")
)  # fmt: skip


def delays(
    connection: Connection, experiment_id: int, now: datetime, within: timedelta, parts: int
) -> list[tuple[str, bool, bool, int, int]]:
    """Who converted, or still waits by `now`, in which part of the window after the first call.

    Rows are (arm, converted, mature, part from 0, contacts), in one grouped pass over everybody dialed. Who had the
    whole window and did not convert is in none: `summed` counts them, and most people are left out of the sorting.
    """
    width = max(1, within // (parts * MICROSECOND))
    asked = {"experiment": experiment_id, "now": now, "instant": microseconds(now), "width": width}
    return [
        (arm, bool(converted), bool(mature), min(max(int(part), 0), parts - 1), count)
        for arm, converted, mature, part, count in connection.execute(_DELAYS, asked)
    ]


def maturity(connection: Connection, experiment_id: int, now: datetime) -> tuple[int, int]:
    """How many contacts are mature, and how many are waited for."""
    mature = func.coalesce(func.sum((OUTCOMES.c.matures_at <= now).cast(OUTCOMES.c.calls.type)), 0)
    query = select(mature, func.count()).where(OUTCOMES.c.experiment_id == experiment_id)
    done, everybody = connection.execute(query).one()
    return int(done), int(everybody) - int(done)


def last_maturity(connection: Connection, experiment_id: int) -> datetime | None:
    """When the last contact whose maturity is known is mature."""
    query = select(func.max(OUTCOMES.c.matures_at)).where(OUTCOMES.c.experiment_id == experiment_id)
    latest: datetime | None = connection.execute(query).scalar()
    return latest


def mature_rest(connection: Connection, experiment_id: int, moment: datetime, resting: Collection[str] = ()) -> None:
    """Contacts who were never called and will not be are mature at `moment`, but for those of arms in `resting`."""
    change = update(OUTCOMES).where(OUTCOMES.c.experiment_id == experiment_id, OUTCOMES.c.matures_at.is_(None))
    connection.execute(change.where(takes_none(OUTCOMES.c.arm, resting)).values(matures_at=moment))
