"""Pace: buckets of calls that may be placed now, each filled at its rate and never beyond its burst.

A bucket is a value that the database keeps, so that its pace is one over all processes together. Time in a bucket
only moves on: a clock that is behind fills nothing, and one that jumps ahead saves up no more than the burst. So
whatever the clocks of those who take, over any stretch no more than `per_second` × its length + `burst` are granted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf

SLOWEST = 0.1  # the share of the pace at which a ramp begins
TRIAL = 5  # calls that try a line that has rested after trouble
TRIAL_PATIENCE = timedelta(minutes=12)  # longer than a call lives; then the line is tried again
ALMOST = 1e-9  # what adding up fractions may lose


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a bucket fills, in calls a second (`inf`: only rests hold it up), and how many calls it holds."""

    per_second: float
    burst: float = 1.0
    ramp: timedelta | None = None

    def at(self, now: datetime, began: datetime) -> float:
        """Calls a second at `now`: from a tenth of the pace up to all of it over the ramp that `began`."""
        if self.ramp is None or now - began >= self.ramp:
            return self.per_second
        return self.per_second * max(SLOWEST, (now - began) / self.ramp)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Calls that may be placed. It grants none until `rests_until`; `trial` counts what may try it after trouble."""

    tokens: float
    filled_at: datetime
    began_at: datetime
    rests_until: datetime | None = None
    trial: int | None = None

    @classmethod
    def fresh(cls, rate: Rate, now: datetime) -> "Bucket":
        """A bucket that nobody has taken from: full, or a tenth full where the pace grows."""
        share = 1.0 if rate.ramp is None else SLOWEST
        return cls(max(1.0, rate.burst * share), now, now)

    def rests(self, now: datetime) -> bool:
        """Whether nothing may be taken at `now`."""
        return self.rests_until is not None and now < self.rests_until

    def filled(self, rate: Rate, now: datetime, began: datetime) -> "Bucket":
        """The bucket at `now`, with what has flowed in since it was last filled."""
        if now <= self.filled_at:
            return self
        trial = TRIAL if self.trial == 0 and now - self.filled_at >= TRIAL_PATIENCE else self.trial
        if rate.per_second == inf:
            return replace(self, filled_at=now, trial=trial)
        flowed = (now - self.filled_at).total_seconds() * rate.at(now, began)
        return replace(self, tokens=min(self.tokens + flowed, max(1.0, rate.burst)), filled_at=now, trial=trial)

    def room(self, rate: Rate, now: datetime) -> float:
        """How many whole calls a filled bucket has; `inf` where nothing limits them."""
        if self.rests(now):
            return 0
        tokens = inf if rate.per_second == inf else int(self.tokens + ALMOST)
        return tokens if self.trial is None else min(tokens, self.trial)

    def without(self, rate: Rate, calls: int) -> "Bucket":
        """The bucket after so many calls were taken out of it."""
        tokens = self.tokens if rate.per_second == inf else max(0.0, self.tokens - calls)
        return replace(self, tokens=tokens, trial=None if self.trial is None else max(0, self.trial - calls))


def filled(buckets: Mapping[str, Bucket], rates: Mapping[str, Rate], now: datetime) -> dict[str, Bucket]:
    """Every bucket at `now`. What made one of them begin slowly makes all that are taken from together."""
    began = max((bucket.began_at for bucket in buckets.values()), default=now)
    return {name: bucket.filled(rates[name], now, began) for name, bucket in buckets.items()}


def admit(
    buckets: Mapping[str, Bucket],
    rates: Mapping[str, Rate],
    shared: Collection[str],
    own: Sequence[str],
    now: datetime,
) -> tuple[int, dict[str, Bucket]]:
    """How many of some calls, first to last, may be placed at `now`, and the buckets without them.

    Every call takes from all `shared` buckets and from its own one ("" for none). The first call that finds an
    empty bucket ends it: who comes after waits too, so that arms are dialed side by side.
    """
    full = filled(buckets, rates, now)
    most = min((full[name].room(rates[name], now) for name in shared), default=inf)
    left = {name: full[name].room(rates[name], now) for name in set(own) - {""}}
    granted, taken = 0, dict.fromkeys(left, 0)
    for name in own:
        if granted + 1 > most or (name and left[name] - taken[name] < 1):
            break
        granted += 1
        if name:
            taken[name] += 1
    spent = dict.fromkeys(shared, granted) | taken
    return granted, {name: bucket.without(rates[name], spent.get(name, 0)) for name, bucket in full.items()}
