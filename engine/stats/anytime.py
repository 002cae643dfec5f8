"""The race of two odds: what decides, at any look, with no correction for looking.

Each arm beside the control has two odds that a manager can read: *for* ("88 : 1 against no improvement") and
*against* ("12 : 1 against an improvement as large as you asked for"). Both are exact for any rates, any
schedule of looks, any allocation that uses the past and any drift that the arms share. An arm is proven at
T/α for, dropped at 1/β against; the one that is left and proven wins.

    race = Race.start(RacePlan(arms=2, useful_lift=0.01, base_rate=0.12))
    race = race.look(contacts=(500, 500), successes=(60, 75))

`engine.stats.bets` has the derivation and its sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.stats.arguments import check_count
from engine.stats.harm import harm_odds, relative_harm_odds
from engine.stats.lanes import RUNNING, STATUSES, WINNER, Lanes, RacePlan
from engine.stats.odds import from_log

if TYPE_CHECKING:
    from engine.stats.roots import Array

__all__ = ["Race", "RacePlan", "harm_odds", "relative_harm_odds"]


@dataclass(frozen=True, slots=True, eq=False)
class Increment:
    """What one look brought: new contacts and successes per arm, and the pooled rate before it."""

    contacts: tuple[float, ...]
    successes: tuple[float, ...]
    past_rate: float


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

        for name, counts in (("contacts", contacts), ("successes", successes)):
            if len(counts) != self.plan.arms:
                raise ValueError(f"{name} must be {self.plan.arms}, one per arm, not {len(counts)}")
            for place, count in enumerate(counts):
                check_count(f"{name}[{place}]", count)
        if self.status != STATUSES[RUNNING]:
            return self
        new = np.array(contacts, dtype=float) - self.lanes.contacts[0]
        gained = np.array(successes, dtype=float) - self.lanes.successes[0]
        for arm, active in enumerate(self.active):
            if active:
                self._check_growth(arm, float(new[arm]), float(gained[arm]))
        after = self.lanes.look(self.plan, new[None, :], gained[None, :])
        increment = Increment(
            tuple(float(count) for count in (after.contacts - self.lanes.contacts)[0]),
            tuple(float(count) for count in (after.successes - self.lanes.successes)[0]),
            float(self.lanes.past_rate(self.plan)[0]),
        )
        return Race(self.plan, (*self.history, increment), lanes=after)

    @staticmethod
    def _check_growth(arm: int, new: float, gained: float) -> None:
        if new < 0 or gained < 0:
            name = "contacts" if new < 0 else "successes"
            raise ValueError(f"{name}[{arm}] are cumulative and cannot be fewer than at the last look")
        if gained > new:
            raise ValueError(f"successes[{arm}] grew by {gained:g}, more than contacts[{arm}] did ({new:g})")

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
    def p_values(self) -> tuple[float, ...]:
        """Per arm, adjusted over arms and looks, to be read against a two-sided level of 2α; nan for the control.

        Twice the number of treated arms over the highest odds that *for* ever reached: an arm is proven
        exactly when this is at most 2α.
        """
        treated = self.plan.arms - 1
        return (math.nan, *(min(1.0, 2 * treated * math.exp(-float(log))) for log in self.lanes.best_for[0]))

    def intervals(self) -> tuple[tuple[float, float], ...]:
        """Per arm, the range of its lift that holds at every look at once; (nan, nan) for the control.

        All arms' ranges hold together with the chance 1 − 2α. The range is what the race's own bets, moved
        to every possible lift, have not rejected at T/α so far: it leaves zero below it exactly when the arm
        is proven. Dropping asks for less evidence (1/β), so a dropped arm's range may still reach the useful
        lift.
        """
        from engine.stats.ranges import anytime_ranges

        lows, highs = anytime_ranges(self.plan, *self._gathered())
        return ((math.nan, math.nan), *zip(lows, highs, strict=True))

    def _gathered(self) -> tuple[Array, Array, Array]:
        """Contacts and successes of the shape (looks, arms), and past rates of the shape (looks,)."""
        import numpy as np

        shape = (len(self.history), self.plan.arms)
        return (
            np.array([look.contacts for look in self.history]).reshape(shape),
            np.array([look.successes for look in self.history]).reshape(shape),
            np.array([look.past_rate for look in self.history]),
        )
