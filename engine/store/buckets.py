"""Buckets of pace, and signals of trouble, as facts that every process sees.

Buckets are taken from inside the claim's transaction, at its end: their rows are locked from there to the commit
where several processes write, always in one order, and the one writer of SQLite needs no lock.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from engine.core.buckets import Bucket, Rate, admit, filled
from engine.store.bulk import Adding, Many, among
from engine.store.tables import BucketRow, SignalRow, table

BUCKETS, SIGNALS = table(BucketRow), table(SignalRow)
SWEEP_EVERY = 500  # signals are swept as often as this many were written

_COLUMNS = (
    BUCKETS.c.name, BUCKETS.c.tokens, BUCKETS.c.filled_at, BUCKETS.c.began_at, BUCKETS.c.rests_until, BUCKETS.c.trial,
)  # fmt: skip
_READ = select(*_COLUMNS).where(among(BUCKETS.c.name, "names"))
_LOCK = _READ.order_by(BUCKETS.c.name.desc()).with_for_update()
_NEW = Adding(BucketRow, ("name", "tokens", "filled_at", "began_at"), new=True)
_SPEND = Many(
    update(BUCKETS)
    .where(BUCKETS.c.name == bindparam("of"))
    .values(tokens=bindparam("left"), filled_at=bindparam("moment"), trial=bindparam("tries")),
    ("of", "left", "moment", "tries"),
)


def read(connection: Connection, names: Collection[str]) -> dict[str, Bucket]:
    """Buckets as they stand, unlocked; who has none yet is left out."""
    rows = connection.execute(_READ, {"names": sorted(names)})
    return {row[0]: Bucket(*row[1:]) for row in rows}


def hold(connection: Connection, rates: Mapping[str, Rate], now: datetime) -> dict[str, Bucket]:
    """These buckets, made where they are absent, and nobody else's until the transaction ends."""
    names = {"names": sorted(rates)}
    found = connection.execute(_LOCK, names).all()
    if len(found) < len(rates):
        fresh = {name: Bucket.fresh(rates[name], now) for name in set(rates) - {row[0] for row in found}}
        _NEW.run(connection, [(name, one.tokens, one.filled_at, one.began_at) for name, one in sorted(fresh.items())])
        found = connection.execute(_LOCK, names).all()
    return {row[0]: Bucket(*row[1:]) for row in found}


def take(connection: Connection, rates: Mapping[str, Rate], wanted: int, now: datetime, own: Sequence[str] = ()) -> int:
    """How many of `wanted` calls may be placed at `now`: taken from every bucket of `rates`, and granted.

    With `own`, each call's own bucket ("" for none), only the others are taken from by all, and what is granted
    are the first calls.
    """
    if wanted <= 0:
        return 0
    shared = set(rates) - set(own)
    granted, left = admit(hold(connection, rates, now), rates, shared, own or [""] * wanted, now)
    if granted:
        _SPEND.run(connection, [(name, one.tokens, one.filled_at, one.trial) for name, one in sorted(left.items())])
    return granted


def room(connection: Connection, rates: Mapping[str, Rate], now: datetime) -> float:
    """How many calls `take` would grant, if nobody else takes: `inf` where nothing limits them."""
    known = read(connection, rates)
    buckets = filled({name: known.get(name) or Bucket.fresh(rate, now) for name, rate in rates.items()}, rates, now)
    return min((bucket.room(rates[name], now) for name, bucket in buckets.items()), default=0)


@dataclass(frozen=True, slots=True)
class Rest:
    """A bucket that rests, or is on trial after it rested, and why."""

    name: str
    reason: str
    tripped_at: datetime | None
    until: datetime | None
    trial: int | None
    trips: int


_RESTED = (
    select(
        BUCKETS.c.name, BUCKETS.c.reason, BUCKETS.c.tripped_at, BUCKETS.c.rests_until, BUCKETS.c.trial, BUCKETS.c.trips
    )
    .where(BUCKETS.c.rests_until.is_not(None))
    .order_by(BUCKETS.c.name)
)
_RESTED_OF = _RESTED.where(among(BUCKETS.c.name, "names"))


def rests(connection: Connection, names: Collection[str] | None = None) -> list[Rest]:
    """Every bucket, or those of these names, that ever rested and was not cleared since."""
    if names is None:
        return [Rest(*row) for row in connection.execute(_RESTED)]
    return [Rest(*row) for row in connection.execute(_RESTED_OF, {"names": [*names]})]


def rest(connection: Connection, kept: Rest, began: datetime | None = None) -> None:
    """Let a bucket, which exists, rest; with `began` its pace grows anew from there."""
    values = {
        "reason": kept.reason, "tripped_at": kept.tripped_at, "rests_until": kept.until, "trial": kept.trial,
        "trips": kept.trips,
    }  # fmt: skip
    grows = {} if began is None else {"began_at": began}
    connection.execute(update(BUCKETS).where(BUCKETS.c.name == kept.name).values(**values, **grows))


def watched_since(connection: Connection, name: str) -> datetime | None:
    """Since when the troubles of a bucket are counted anew: its last trip, or when it was cleared; None for ever."""
    since: datetime | None = connection.execute(select(BUCKETS.c.tripped_at).where(BUCKETS.c.name == name)).scalar()
    return since


def clear(connection: Connection, names: Collection[str], now: datetime) -> None:
    """Let these buckets rest no more, and their pace grow anew from `now`; what a clock ahead of it wrote is undone.

    Troubles that were counted before are counted no more.
    """
    values = {"reason": "", "tripped_at": now, "rests_until": None, "trial": None, "trips": 0, "began_at": now}
    ours = among(BUCKETS.c.name, "names")
    connection.execute(update(BUCKETS).where(ours).values(**values), {"names": [*names]})
    ahead = update(BUCKETS).where(ours, BUCKETS.c.filled_at > now).values(filled_at=now, tokens=0.0)
    connection.execute(ahead, {"names": [*names]})


@dataclass(frozen=True, slots=True)
class Signal:
    """So many calls of a bucket ended or were settled at a moment, so many of them badly in a way."""

    kind: str
    name: str
    at: datetime
    calls: int
    bad: int


_LATEST = (
    select(SIGNALS.c.kind, SIGNALS.c.name, SIGNALS.c.at, SIGNALS.c.calls, SIGNALS.c.bad)
    .where(SIGNALS.c.kind == bindparam("of"), SIGNALS.c.name == bindparam("whose"), SIGNALS.c.at >= bindparam("since"))
    .order_by(SIGNALS.c.at.desc(), SIGNALS.c.id.desc())
    .limit(bindparam("most"))
)


def tell(connection: Connection, signal: Signal, oldest: datetime) -> None:
    """Keep a signal; now and then those before `oldest` of the same bucket are let go."""
    values = {
        "kind": signal.kind, "name": signal.name, "at": signal.at, "calls": signal.calls, "bad": signal.bad,
    }  # fmt: skip
    key = connection.execute(insert(SIGNALS), values).inserted_primary_key
    if key and key[0] % SWEEP_EVERY == 0:
        connection.execute(delete(SIGNALS).where(SIGNALS.c.name == signal.name, SIGNALS.c.at < oldest))


def heard(connection: Connection, kind: str, name: str, since: datetime, most: int) -> list[Signal]:
    """The latest signals of a bucket from `since` on, the newest first."""
    values = {"of": kind, "whose": name, "since": since, "most": most}
    return [Signal(*row) for row in connection.execute(_LATEST, values)]
