"""The pace of an experiment, of its provider's account and of its caller numbers, kept over all processes together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

from sqlalchemy import Connection

from engine.core.accounts import account_bucket, account_of, caller_bucket, experiment_bucket
from engine.core.buckets import Rate
from engine.core.calls import Call
from engine.store import accounts, buckets
from engine.workspace import Running

UNLIMITED = Rate(inf)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an experiment may call: the rate of every bucket that its calls take from, by name.

    `callers` has the bucket of each arm's caller number, "" where the provider chooses the number.
    """

    rates: dict[str, Rate]
    callers: dict[str, str]
    numbers: dict[str, Rate]

    def of(self, call: Call, running: Running) -> str:
        """The bucket of a call's caller number; "" for none."""
        if call.arm not in self.callers:
            named = running.experiment.treatments[call.arm].caller_id
            self.callers[call.arm] = caller_bucket(account_of(running.experiment), named)
        return self.callers[call.arm]


def pace_of(running: Running, turn: timedelta) -> Pace:
    """The pace of an experiment that is dialed once every `turn`.

    A bucket holds what flows in during a turn and no more, so waiting saves nothing up; and of a provider that queues
    what is too fast nothing waits longer than a turn.
    """
    experiment, bears = running.experiment, running.adapter.capabilities.max_cps
    pace, account, seconds = experiment.pace, account_of(experiment), turn.total_seconds()
    own = Rate(pace.per_second, max(1.0, pace.per_second * seconds), pace.ramp)
    shared = Rate(bears, max(1.0, bears * seconds)) if bears else UNLIMITED
    number = Rate(pace.per_caller_id, max(1.0, pace.per_caller_id * seconds)) if pace.per_caller_id else UNLIMITED
    callers = {arm: caller_bucket(account, one.caller_id) for arm, one in experiment.treatments.items()}
    return Pace(
        {experiment_bucket(experiment): own, account_bucket(account): shared},
        callers,
        {name: number for name in callers.values() if name},
    )


def room(connection: Connection, pace: Pace, now: datetime) -> float:
    """How many calls may be placed at `now`, before numbers are looked at; nothing is taken."""
    return buckets.room(connection, pace.rates, now)


def take(connection: Connection, running: Running, pace: Pace, calls: Sequence[Call], now: datetime) -> int:
    """How many of these calls, first to last, may be placed at `now`; they are taken out of every bucket."""
    own = [pace.of(call, running) for call in calls] if pace.numbers else ()
    number = next(iter(pace.numbers.values()), UNLIMITED)
    rates = pace.rates | {name: pace.numbers.get(name, number) for name in set(own) if name}
    wanted = len(calls)
    if connection.dialect.name != "sqlite":
        # Others write at the same time: what they began is seen once the buckets are held, and counts as in flight.
        buckets.hold(connection, rates, now)
        wanted = max(0, min(wanted, free(connection, running)))
    return buckets.take(connection, rates, wanted, now, own[:wanted])


def free(connection: Connection, running: Running) -> int:
    """How many more calls may fly: as `concurrent` says of the experiment, and the provider of all of its account."""
    flying = accounts.in_flight(connection, account_of(running.experiment))
    allowed = running.experiment.pace.concurrent - flying.get(running.id, 0)
    bears = running.adapter.capabilities.max_concurrency
    return allowed if bears is None else min(allowed, bears - sum(flying.values()))
