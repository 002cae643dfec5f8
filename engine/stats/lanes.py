"""Many races side by side, advanced look by look in lockstep: one lane for a real race, hundreds for a plan.

Arrays have the shape (lanes, arms) with the control first, or (lanes, treated arms) without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.stats.arguments import check_inside, check_whole
from engine.stats.bets import (
    AGAINST_BETS,
    AGAINST_WEIGHTS,
    FOR_BETS,
    FOR_WEIGHTS,
    GREATEST_RATE,
    LEAST_RATE,
    log_factor,
    log_mixture,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.stats.roots import Array

    Flags = NDArray[np.bool_]
    Numbers = NDArray[np.int64]

RUNNING, WINNER, NO_USEFUL_DIFFERENCE, OUT_OF_CONTACTS = range(4)
STATUSES = ("running", "winner", "no_useful_difference", "out_of_contacts")

SEED_CONTACTS = 200
"""How many contacts' worth the planned base rate counts before anything is known."""


@dataclass(frozen=True, slots=True)
class RacePlan:
    """What is settled before the first look, and never changed.

    Args:
        arms: arms with the control, at least two.
        useful_lift: the smallest lift that is worth having, as a difference of rates.
        base_rate: the control's rate, as planned; a wrong guess costs calls, never the guarantee.
        alpha: the chance of any false winner, over all arms and looks: half of a two-sided 5 %.
        power: the chance that an arm with the smallest useful lift is not dropped.
        max_contacts: contacts over all arms at which the race ends undecided; None for no end.
    """

    arms: int
    useful_lift: float
    base_rate: float
    alpha: float = 0.025
    power: float = 0.8
    max_contacts: int | None = None

    def __post_init__(self) -> None:
        check_whole("arms", self.arms, 2)
        check_inside("base_rate", self.base_rate)
        check_inside("useful_lift", self.useful_lift, 0.0, GREATEST_RATE - LEAST_RATE)
        check_inside("alpha", self.alpha)
        check_inside("power", self.power)
        if self.max_contacts is not None:
            check_whole("max_contacts", self.max_contacts)

    @property
    def proof(self) -> float:
        """The odds at which an arm is proven: treated arms ÷ alpha."""
        return (self.arms - 1) / self.alpha

    @property
    def drop(self) -> float:
        """The odds at which an arm is dropped: one ÷ the chance of missing a useful lift."""
        return 1 / (1 - self.power)


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """Where every race stands. Odds are kept as logarithms, one per bet."""

    contacts: Array
    successes: Array
    for_logs: Array
    against_logs: Array
    rival_logs: Array
    best_for: Array
    alive: Flags
    proven: Flags
    status: Numbers
    winner: Numbers

    @classmethod
    def start(cls, plan: RacePlan, lanes: int = 1) -> Lanes:
        """Races of which nothing is known yet."""
        import numpy as np

        treated = plan.arms - 1
        return cls(
            contacts=np.zeros((lanes, plan.arms)),
            successes=np.zeros((lanes, plan.arms)),
            for_logs=np.zeros((lanes, treated, len(FOR_BETS))),
            against_logs=np.zeros((lanes, treated, len(AGAINST_BETS))),
            rival_logs=np.zeros((lanes, treated, treated, len(AGAINST_BETS))),
            best_for=np.zeros((lanes, treated)),
            alive=np.ones((lanes, treated), dtype=bool),
            proven=np.zeros((lanes, treated), dtype=bool),
            status=np.full(lanes, RUNNING),
            winner=np.full(lanes, -1),
        )

    @property
    def active(self) -> Flags:
        """Which arms still deserve contacts: the living, and the control until every survivor is proven."""
        import numpy as np

        running = (self.status == RUNNING)[:, None]
        control = (self.alive & ~self.proven).any(axis=1, keepdims=True)
        flags: Flags = np.concatenate([control, self.alive], axis=1) & running
        return flags

    @property
    def log_odds_for(self) -> Array:
        return log_mixture(self.for_logs, FOR_WEIGHTS)

    @property
    def log_odds_against(self) -> Array:
        return log_mixture(self.against_logs, AGAINST_WEIGHTS)

    def past_rate(self, plan: RacePlan) -> Array:
        """The pooled rate of all arms so far, seeded with the plan's, per lane."""
        import numpy as np

        rate = (SEED_CONTACTS * plan.base_rate + self.successes.sum(axis=1)) / (
            SEED_CONTACTS + self.contacts.sum(axis=1)
        )
        clipped: Array = np.clip(rate, LEAST_RATE, GREATEST_RATE)
        return clipped

    def look(self, plan: RacePlan, contacts: Array, successes: Array) -> Lanes:
        """The races after one more look at new (not cumulative) counts; arms that are not active bring none."""
        import numpy as np

        n, s = np.where(self.active, contacts, 0.0), np.where(self.active, successes, 0.0)
        rate = self.past_rate(plan)[:, None, None]
        control = (n[:, :1, None], s[:, :1, None])
        arms = (n[:, 1:, None], s[:, 1:, None])
        lift = plan.useful_lift
        for_logs = self.for_logs + log_factor(control, arms, rate, np.array(FOR_BETS) * lift, np.array(0.0))
        against_logs = self.against_logs + log_factor(
            control, arms, rate, np.array(AGAINST_BETS) * lift, np.array(lift)
        )
        after = replace(
            self,
            contacts=self.contacts + n,
            successes=self.successes + s,
            for_logs=for_logs,
            against_logs=against_logs,
            rival_logs=self._rivals(plan, n, s, rate),
            best_for=np.maximum(self.best_for, log_mixture(for_logs, FOR_WEIGHTS)),
        )
        return after._judge(plan)

    def _rivals(self, plan: RacePlan, n: Array, s: Array, rate: Array) -> Array:
        """The odds that arm i (second axis) is not better than arm b (third axis) by half a useful lift."""
        import numpy as np

        if plan.arms == 2:
            return self.rival_logs
        half = plan.useful_lift / 2
        factor = log_factor(
            (n[:, None, 1:, None], s[:, None, 1:, None]),
            (n[:, 1:, None, None], s[:, 1:, None, None]),
            rate[..., None],
            np.array(AGAINST_BETS) * half,
            np.array(half),
        )
        logs: Array = self.rival_logs + factor
        return logs

    def _judge(self, plan: RacePlan) -> Lanes:
        """Prove, drop, and see which races are over."""
        import numpy as np

        running = self.status == RUNNING
        proven = self.proven | (self.alive & (self.log_odds_for >= math.log(plan.proof)))
        failed = ~proven & (self.log_odds_against >= math.log(plan.drop))
        alive = self._beaten(self.alive & ~(failed & running[:, None]), proven, plan)
        left = alive.sum(axis=1)
        final = alive & proven
        exhausted = np.zeros_like(running)
        if plan.max_contacts is not None:
            exhausted = self.contacts.sum(axis=1) >= plan.max_contacts
        won = running & (((left == 1) | exhausted) & final.any(axis=1))
        nothing = running & (left == 0)
        ended = running & exhausted & ~won & ~nothing
        rates = self.successes[:, 1:] / np.maximum(self.contacts[:, 1:], 1.0)
        best = np.where(final, rates, -1.0).argmax(axis=1) + 1
        status = np.select([won, nothing, ended], [WINNER, NO_USEFUL_DIFFERENCE, OUT_OF_CONTACTS], self.status)
        return replace(self, alive=alive, proven=proven, status=status, winner=np.where(won, best, self.winner))

    def _beaten(self, alive: Flags, proven: Flags, plan: RacePlan) -> Flags:
        """The living without those that a living rival beats, the lowest rate first, so that one is left."""
        import numpy as np

        if plan.arms == 2:
            return alive
        beaten = log_mixture(self.rival_logs, AGAINST_WEIGHTS) >= math.log(2 * plan.drop)
        if not beaten.any():
            return alive
        beaten &= ~np.eye(plan.arms - 1, dtype=bool) & (~proven[:, :, None] | proven[:, None, :])
        beaten &= (self.status == RUNNING)[:, None, None]
        rates = self.successes[:, 1:] / np.maximum(self.contacts[:, 1:], 1.0)
        order, lane, left = rates.argsort(axis=1, kind="stable"), np.arange(len(alive)), alive.copy()
        for place in order.T:
            left[lane, place] &= ~(beaten[lane, place] & left).any(axis=1)
        return left
