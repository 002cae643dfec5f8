"""The race of two odds: what decides, at any look, with no correction for looking.

Each arm beside the control has two odds that a manager can read: *for* ("88 : 1 against no improvement") and
*against* ("12 : 1 against an improvement as large as you asked for"). Both are exact for any rates, any
schedule of looks, any allocation that uses the past and any drift that the arms share. An arm is proven when its
stake, an exact account of the chance of a false winner, is full; it is dropped when the odds against it reach
their bar, or when another arm beats it. The one that is left and proven wins.

    race = Race.start(RacePlan(arms=2, useful_lift=0.01, base_rate=0.12))
    race = race.look(contacts=(500, 500), successes=(60, 75))

`engine.stats.bets` derives the odds, `engine.stats.stakes` the account; `engine.stats.lanes` has the rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from engine.stats.arguments import check_count
from engine.stats.harm import harm_odds, relative_harm_odds
from engine.stats.lanes import LANES_LAST, RUNNING, STATUSES, WINNER, Lanes
from engine.stats.odds import from_log
from engine.stats.race_plans import RacePlan

if TYPE_CHECKING:
    from engine.stats.roots import Array

_ABOVE_ZERO = 1e-9
"""Where the range of a proven arm begins that the bets alone would let reach zero."""

__all__ = ["Race", "RacePlan", "harm_odds", "relative_harm_odds"]


@dataclass(frozen=True, slots=True, eq=False)
class Increment:
    """What one look brought: new contacts and successes per arm."""

    contacts: tuple[float, ...]
    successes: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Race:
    """Where a race stands. Index 0 is the control everywhere; a look makes a new value."""

    plan: RacePlan
    history: tuple[Increment, ...] = ()
    lanes: Lanes = field(kw_only=True, repr=False)

    @classmethod
    def start(cls, plan: RacePlan) -> Race:
        """A race of which nothing is known yet."""
        return cls(plan, lanes=Lanes.start(plan))

    def look(self, *, contacts: Sequence[float], successes: Sequence[float]) -> Race:
        """The race after one more look.

        A decision stands: a race that is over comes back as it is, and what an arm gathered after it was
        dropped, or the control after it retired, is left out.

        Args:
            contacts, successes: per arm, cumulative since the start, of contacts whose conversion window
                has closed.

        Raises:
            ValueError: counts are too few, negative, smaller than at the last look, or successes grew by
                more than contacts.
        """

        import numpy as np

        counts = self._counted(contacts, successes)
        if self.status != STATUSES[RUNNING]:
            return self
        new, gained = (counts - (self.lanes.contacts[0], self.lanes.successes[0])) * self.lanes.active
        if not ((gained >= 0) & (gained <= new)).all():
            self._refuse(new.tolist(), gained.tolist())
        after = self.lanes.after(self.plan, new[np.newaxis], gained[np.newaxis])
        increment = Increment(tuple(new.tolist()), tuple(gained.tolist()))
        return Race(self.plan, (*self.history, increment), lanes=after)

    def _counted(self, contacts: Sequence[float], successes: Sequence[float]) -> Array:
        """The counts as an array of the shape (2, arms); raises ValueError for what cannot be counted."""
        import numpy as np

        told = {"contacts": contacts, "successes": successes}
        for name, counts in told.items():
            if len(counts) != self.plan.arms:
                raise ValueError(f"{name} must be {self.plan.arms}, one per arm, not {len(counts)}")
        found = np.array((contacts, successes), dtype=float)
        if not ((found >= 0) & (found == np.floor(found)) & (found < math.inf)).all():
            for name, counts in told.items():
                for place, count in enumerate(counts):
                    check_count(f"{name}[{place}]", count)
                    if count != int(count):
                        raise ValueError(f"{name}[{place}] must be a whole number, not {count:g}")
        return found

    @staticmethod
    def _refuse(contacts: Sequence[float], successes: Sequence[float]) -> None:
        for arm, (new, gained) in enumerate(zip(contacts, successes, strict=True)):
            if new < 0 or gained < 0:
                name = "contacts" if new < 0 else "successes"
                raise ValueError(f"{name}[{arm}] are cumulative and cannot be fewer than at the last look")
            if gained > new:
                raise ValueError(f"successes[{arm}] grew by {gained:g}, more than contacts[{arm}] did ({new:g})")

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data, so that another process goes on from here: `from_json` gives an equal race."""
        lane = self.lanes.only(0)
        return {
            "plan": asdict(self.plan),
            "history": [[list(each.contacts), list(each.successes)] for each in self.history],
            "lanes": {part.name: getattr(lane, part.name).tolist() for part in fields(lane)},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Race:
        """The race that `as_json` wrote.

        Raises:
            ValueError: something of it is missing, or was written by a release that kept other things.
        """
        import numpy as np

        try:
            plan, kept = RacePlan(**data["plan"]), data["lanes"]
            history = tuple(Increment(tuple(n), tuple(s)) for n, s in data["history"])
            begun, lanes = Lanes.start(plan), {}
            for part in fields(begun):
                like = getattr(begun, part.name)
                found = np.array(kept[part.name], dtype=like.dtype)
                lanes[part.name] = found[..., None] if part.name in LANES_LAST else found[None]
                if lanes[part.name].shape != like.shape:
                    raise ValueError(f"{part.name} must have the shape {like.shape[1:]}, not {found.shape}")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"data must be a race as this release keeps it: {error}") from error
        return cls(plan, history, lanes=Lanes(**lanes))

    @property
    def status(self) -> str:
        """`running`, `winner`, `no_useful_difference` or `out_of_contacts`."""
        return STATUSES[int(self.lanes.status[0])]

    @property
    def winner(self) -> int | None:
        """The winning arm's index, once there is one."""
        return int(self.lanes.winner[0]) if self.lanes.status[0] == WINNER else None

    @property
    def leading(self) -> int | None:
        """The arm with the highest rate among those that may still be better than the control; no claim."""
        living = [arm for arm in range(1, self.plan.arms) if self.lanes.alive[0][arm - 1]]
        rates = {arm: self._rate(arm) for arm in (0, *living)}
        best = max(rates, key=rates.__getitem__)
        return best if best and rates[best] > rates[0] else None

    def _rate(self, arm: int) -> float:
        return float(self.lanes.successes[0][arm]) / max(1.0, float(self.lanes.contacts[0][arm]))

    @property
    def active(self) -> tuple[bool, ...]:
        """Which arms still deserve contacts; none once the race is over."""
        return tuple(bool(flag) for flag in self.lanes.active[0])

    @property
    def proven(self) -> tuple[bool, ...]:
        """Which arms are proven better than the control; never taken back."""
        return (False, *(bool(flag) for flag in self.lanes.proven[0]))

    @property
    def dropped(self) -> tuple[bool, ...]:
        """Which arms are out, for lack of a useful lift or because another arm beats them."""
        return (False, *(not flag for flag in self.lanes.alive[0]))

    @property
    def odds_for(self) -> tuple[float, ...]:
        """Per arm, the odds against "no better than the control"; nan for the control."""
        return (math.nan, *(from_log(float(log)) for log in self.lanes.log_odds_for[0]))

    @property
    def odds_against(self) -> tuple[float, ...]:
        """Per arm, the odds against "better by the smallest useful lift"; nan for the control."""
        return (math.nan, *(from_log(float(log)) for log in self.lanes.log_odds_against[0]))

    @property
    def stakes(self) -> tuple[float, ...]:
        """Per arm, the chance of a false winner that it still has: 1 is a proof; nan for the control."""
        return (math.nan, *(float(stake) for stake in self.lanes.stakes[0]))

    @property
    def bars_for(self) -> tuple[float, ...]:
        """Per arm, about what its odds *for* must reach to be a proof by now; nan for the control."""
        return (math.nan, *(float(bar) for bar in self.lanes.needed(self.plan)[0][0]))

    @property
    def bars_against(self) -> tuple[float, ...]:
        """Per arm, what its odds *against* must reach for it to be dropped by now; nan for the control."""
        return (math.nan, *(float(bar) for bar in self.lanes.needed(self.plan)[1][0]))

    @property
    def p_values(self) -> tuple[float, ...]:
        """Per arm, adjusted over arms and looks, to be read against a two-sided level of 2α; nan for the control.

        2α over the highest that the stake ever was, so that an arm is proven exactly when this is at most 2α;
        beyond a proof, twice the treated arms over the highest odds that *for* ever reached, where that is less.
        """
        level, treated = 2 * self.plan.alpha, self.plan.treated
        values = []
        for proven, peak, odds in zip(
            self.proven[1:], self.lanes.peaks[0].tolist(), self.lanes.best_for[0].tolist(), strict=True
        ):
            beyond = min(level, 2 * treated / odds)
            values.append(beyond if proven else min(1.0, level / min(peak, 1 - 1e-6)))
        return (math.nan, *values)

    def intervals(self) -> tuple[tuple[float, float], ...]:
        """Per arm, the range of its lift that holds at every look at once; (nan, nan) for the control.

        All arms' ranges hold together with the chance 1 − 2α, or 1 − 3α where an arm is worse than the control. The
        range is what the race's own bets, moved to every possible lift, have not rejected at T/α so far; whether it
        reaches zero or below is decided by the stake, so that it leaves zero below it exactly when the arm is proven.
        Dropping asks for less evidence (1/β), so a dropped arm's range may still reach the useful lift.
        """
        from engine.stats.ranges import anytime_ranges

        lows, highs = anytime_ranges(self.plan, *self._gathered())
        ends = [(math.nan, math.nan)]
        for low, high, proven in zip(lows, highs, self.proven[1:], strict=True):
            least = max(low, _ABOVE_ZERO) if proven else min(low, 0.0)
            ends.append((least, max(high, least)))
        return tuple(ends)

    def _gathered(self) -> tuple[Array, Array, Array]:
        """Contacts and successes of the shape (looks, arms), and past rates of the shape (looks,)."""
        import numpy as np

        shape = (len(self.history), self.plan.arms)
        contacts = np.array([look.contacts for look in self.history]).reshape(shape)
        successes = np.array([look.successes for look in self.history]).reshape(shape)
        before = [part.sum(axis=1).cumsum() - part.sum(axis=1) for part in (successes, contacts)]
        return contacts, successes, self.plan.pooled(*before)
