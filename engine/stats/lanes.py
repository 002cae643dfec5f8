"""Many races side by side, advanced look by look in lockstep: one lane for a real race, thousands for a plan.

Arrays have the shape (lanes, arms) with the control first, or (lanes, treated arms) without it. A *duel* is the
bet of one treated arm against another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from engine.stats.arguments import check_inside, check_whole
from engine.stats.bets import (
    AGAINST_BETS,
    AGAINST_DECIDES,
    AGAINST_SHOWN,
    BEATEN_BETS,
    BEATEN_DECIDES,
    FOR_BETS,
    FOR_DECIDES,
    FOR_SHOWN,
    GREATEST_RATE,
    LEAST_RATE,
    log_factor,
    log_factor_for,
    log_factor_near,
    log_mixture,
)
from engine.stats.normal import quantile
from engine.stats.stakes import FULL, going_on, law_of, odds_needed, staked

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

RESERVE = 0.1
"""The part of alpha that is never staked: for a base rate that moves inside a look, which a look's law leaves out."""

_GREATEST = 600.0  # logarithms beyond it say nothing more

BEATEN = 1.6
"""An arm gives way to another at this many times the odds at which a useless one is dropped."""


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
        deadline: whether half of every stake waits for the last reading at `max_contacts`, as a z-test would.
    """

    arms: int
    useful_lift: float
    base_rate: float
    alpha: float = 0.025
    power: float = 0.8
    max_contacts: int | None = None
    deadline: bool = False

    def __post_init__(self) -> None:
        check_whole("arms", self.arms, 2)
        check_inside("base_rate", self.base_rate)
        check_inside("useful_lift", self.useful_lift, 0.0, GREATEST_RATE - LEAST_RATE)
        check_inside("alpha", self.alpha)
        check_inside("power", self.power)
        if self.max_contacts is not None:
            check_whole("max_contacts", self.max_contacts)
        elif self.deadline:
            raise ValueError("max_contacts must be known for a race with a deadline")

    @property
    def treated(self) -> int:
        """Arms beside the control."""
        return self.arms - 1

    @property
    def proof(self) -> float:
        """The odds at which a lift is outside its range: treated arms ÷ alpha."""
        return self.treated / self.alpha

    @property
    def drop(self) -> float:
        """The odds at which an arm is dropped: one ÷ the chance of missing a useful lift."""
        return 1 / (1 - self.power)

    @property
    def pool(self) -> float:
        """What of alpha waits for the arms that are not dropped; nothing for a single arm."""
        return self.alpha * (1 - RESERVE) * (1 - 1 / self.treated) / 2

    @property
    def stake(self) -> float:
        """What of alpha every arm begins with."""
        return (self.alpha * (1 - RESERVE) - self.pool) / self.treated


class Bets(NamedTuple):
    """What a race bets on at every look: lifts, with the margins of their nulls, and who is set against whom.

    A duel asks whether `arm` is better than `rival` by `half` a useful lift; both count from the control's 0.
    """

    for_: Array
    against: Array
    margin: Array
    arm: Numbers
    rival: Numbers
    duel: Array
    half: Array


@lru_cache(maxsize=64)
def bets_of(arms: int, useful_lift: float) -> Bets:
    """The bets of a race of so many arms."""
    import numpy as np

    pairs = [(arm, rival) for arm in range(1, arms) for rival in range(1, arms) if arm != rival]
    arm, rival = (np.array([pair[part] for pair in pairs], dtype=np.int64) for part in (0, 1))
    half = np.array(useful_lift / 2)
    return Bets(
        np.array(FOR_BETS) * useful_lift, np.array(AGAINST_BETS) * useful_lift, np.array(useful_lift),
        arm, rival, np.array(BEATEN_BETS) * half, half,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """Where every race stands. Odds are kept as logarithms, one per bet.

    `stakes` are what of alpha each arm may still lose and `peaks` their highest, `pool` is what waits; `scores` and
    `spreads` are each arm's sum of successes above what was due, and its variance, for the last reading.
    """

    contacts: Array
    successes: Array
    for_logs: Array
    against_logs: Array
    duel_logs: Array
    best_for: Array
    stakes: Array
    peaks: Array
    pool: Array
    scores: Array
    spreads: Array
    alive: Flags
    proven: Flags
    status: Numbers
    winner: Numbers

    @classmethod
    def start(cls, plan: RacePlan, lanes: int = 1) -> Lanes:
        """Races of which nothing is known yet."""
        import numpy as np

        shape = (lanes, plan.treated)
        begun = np.full(shape, plan.stake)
        return cls(
            contacts=np.zeros((lanes, plan.arms)),
            successes=np.zeros((lanes, plan.arms)),
            for_logs=np.zeros((*shape, len(FOR_BETS))),
            against_logs=np.zeros((*shape, len(AGAINST_BETS))),
            duel_logs=np.zeros((lanes, plan.treated * (plan.treated - 1), len(BEATEN_BETS))),
            best_for=np.zeros(shape),
            stakes=begun,
            peaks=begun,
            pool=np.full(lanes, plan.pool),
            scores=np.zeros(shape),
            spreads=np.zeros(shape),
            alive=np.ones(shape, dtype=bool),
            proven=np.zeros(shape, dtype=bool),
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
        """As they are shown."""
        return log_mixture(self.for_logs, FOR_SHOWN)

    @property
    def log_odds_against(self) -> Array:
        """As they are shown."""
        return log_mixture(self.against_logs, AGAINST_SHOWN)

    def needed(self, plan: RacePlan) -> tuple[Array, Array]:
        """The odds *for* that would prove each arm by now, and those *against* that would drop it, as shown ones."""
        import numpy as np

        decides = log_mixture(self.for_logs, FOR_DECIDES)
        odds = np.exp(np.minimum(np.maximum(decides, -_GREATEST), _GREATEST))
        bar = odds_needed(self.stakes, odds, plan.stake) * np.exp(self.log_odds_for - decides)
        beyond = self.log_odds_against - log_mixture(self.against_logs, AGAINST_DECIDES)
        return bar, plan.drop * np.exp(beyond)

    def past_rate(self, plan: RacePlan) -> Array:
        """The pooled rate of all arms so far, seeded with the plan's, per lane."""
        import numpy as np

        rate = (SEED_CONTACTS * plan.base_rate + self.successes.sum(axis=1)) / (
            SEED_CONTACTS + self.contacts.sum(axis=1)
        )
        clipped: Array = np.minimum(np.maximum(rate, LEAST_RATE), GREATEST_RATE)
        return clipped

    def look(self, plan: RacePlan, contacts: Array, successes: Array) -> Lanes:
        """The races after one more look at new (not cumulative) counts; arms that are not active bring none."""
        import numpy as np

        active, bets = self.active, bets_of(plan.arms, plan.useful_lift)
        n, s = np.where(active, contacts, 0.0), np.where(active, successes, 0.0)
        rate = self.past_rate(plan)[:, None, None]
        control, arms = (n[:, :1, None], s[:, :1, None]), (n[:, 1:, None], s[:, 1:, None])
        gained, slopes = log_factor_for(control, arms, rate, bets.for_)
        for_logs = self.for_logs + gained
        after = replace(
            self,
            contacts=self.contacts + n,
            successes=self.successes + s,
            for_logs=for_logs,
            against_logs=self.against_logs + log_factor(control, arms, rate, bets.against, bets.margin),
            duel_logs=self.duel_logs + self._duelled(bets, n, s, rate) if plan.treated > 1 else self.duel_logs,
            best_for=np.maximum(self.best_for, log_mixture(for_logs, FOR_SHOWN)),
        )
        return after._judge(plan, after._staked(plan, n, s, slopes))

    @staticmethod
    def _duelled(bets: Bets, n: Array, s: Array, rate: Array) -> Array:
        """What the look says of every arm against every other."""
        rival, arm = ((n[:, who, None], s[:, who, None]) for who in (bets.rival, bets.arm))
        return log_factor_near(rival, arm, rate, bets.duel, bets.half)

    def _staked(self, plan: RacePlan, n: Array, s: Array, slopes: Array) -> dict[str, Array]:
        """What the look makes of the stakes of the arms that are not decided, and of the scores behind a deadline."""
        import numpy as np

        n0, n1, s0, s1 = n[:, :1], n[:, 1:], s[:, :1], s[:, 1:]
        open_ = self.alive & ~self.proven & (n0 > 0) & (n1 > 0) & (self.stakes < FULL)
        if not open_.any():
            return {"stakes": self.stakes}
        law = law_of(n0, n1, s0 + s1)
        beside = law.successes - s1[..., None]
        logs = self.for_logs[..., None, :] + beside[..., None] * slopes[..., None, :]
        odds = np.exp(np.minimum(np.maximum(logs, -_GREATEST), _GREATEST)) @ np.array(FOR_DECIDES)
        scores: dict[str, Array] = {}
        if plan.deadline:
            scores, passes = self._passing(plan, n, s, beside)
            shape = going_on(odds, plan.stake / 2) + passes
        else:
            shape = going_on(odds, plan.stake)
        return {
            **scores,
            "stakes": np.where(open_, staked(np.where(open_, self.stakes, 0.5), law, shape, s1), self.stakes),
        }

    def _passing(self, plan: RacePlan, n: Array, s: Array, beside: Array) -> tuple[dict[str, Array], Array]:
        """Scores and spreads, and the chance of passing the last z-test per number of successes of the look.

        The pooled rate is of this look too: of all that it holds, the law of an arm's successes is conditional on it.
        """
        import numpy as np
        from scipy.special import ndtr

        n0, n1, s0, s1 = n[:, :1], n[:, 1:], s[:, :1], s[:, 1:]
        total, together = np.maximum(n0 + n1, 2.0), s0 + s1
        scores = self.scores + s1 - together * n1 / total
        spreads = self.spreads + together * (total - together) * n0 * n1 / (total**2 * (total - 1))
        left = np.maximum(0.0, (plan.max_contacts or 0) - self.contacts.sum(axis=1, keepdims=True))
        rate = self.past_rate(plan)[:, None]
        to_come = rate * (1 - rate) * left / np.maximum(1, self.active.sum(axis=1, keepdims=True)) / 2
        short = (scores[..., None] + beside) - quantile(1 - plan.stake / 2) * np.sqrt(spreads + to_come)[..., None]
        passes: Array = ndtr(short / np.sqrt(np.maximum(to_come, 1e-12))[..., None])
        return {"scores": scores, "spreads": spreads}, passes

    def _judge(self, plan: RacePlan, found: dict[str, Array]) -> Lanes:
        """Prove, drop, pass stakes on, and see which races are over; `found` are the stakes and scores of the look."""
        import numpy as np

        running, stakes = (self.status == RUNNING)[:, None], found["stakes"]
        proven = self.proven | (self.alive & (stakes >= FULL) & running)
        against = log_mixture(self.against_logs, AGAINST_DECIDES)
        failed = ~proven & (against >= math.log(plan.drop)) & running
        alive = self._beaten(self.alive & ~failed, proven, plan)
        stakes, pool = self._passed_on(plan, stakes, alive, proven)
        proven = proven | (alive & (stakes >= FULL) & running)
        status, winner = self._ended(plan, alive, proven)
        return replace(
            self, alive=alive, proven=proven, status=status, winner=winner, stakes=stakes, pool=pool,
            peaks=np.maximum(self.peaks, stakes), scores=found.get("scores", self.scores),
            spreads=found.get("spreads", self.spreads),
        )  # fmt: skip

    def _ended(self, plan: RacePlan, alive: Flags, proven: Flags) -> tuple[Numbers, Numbers]:
        """Status and winner of every race."""
        import numpy as np

        left, final = alive.sum(axis=1), alive & proven
        exhausted: Flags = np.zeros(len(left), dtype=bool)
        if plan.max_contacts is not None:
            exhausted = self.contacts.sum(axis=1) >= plan.max_contacts
        if not ((left < 2) | exhausted).any():
            return self.status, self.winner
        running = self.status == RUNNING
        won = running & ((left == 1) | exhausted) & final.any(axis=1)
        nothing = running & (left == 0)
        ended = running & exhausted & ~won & ~nothing
        best = np.where(final, self._rates(), -1.0).argmax(axis=1) + 1
        status = np.select([won, nothing, ended], [WINNER, NO_USEFUL_DIFFERENCE, OUT_OF_CONTACTS], self.status)
        return status, np.where(won, best, self.winner)

    def _rates(self) -> Array:
        """The treated arms' rates so far."""
        import numpy as np

        rates: Array = self.successes[:, 1:] / np.maximum(self.contacts[:, 1:], 1.0)
        return rates

    def _beaten(self, alive: Flags, proven: Flags, plan: RacePlan) -> Flags:
        """The living without those that a living rival beats, the lowest rate first, so that one is left."""
        import numpy as np

        bets, treated = bets_of(plan.arms, plan.useful_lift), plan.treated
        beats = log_mixture(self.duel_logs, BEATEN_DECIDES) >= math.log(BEATEN * plan.drop)
        if not beats.any():
            return alive
        beaten = np.zeros((len(alive), treated, treated), dtype=bool)
        beaten[:, bets.arm - 1, bets.rival - 1] = beats
        beaten &= (~proven[:, :, None] | proven[:, None, :]) & (self.status == RUNNING)[:, None, None]
        order, lane, left = self._rates().argsort(axis=1, kind="stable"), np.arange(len(alive)), alive.copy()
        for place in order.T:
            left[lane, place] &= ~(beaten[lane, place] & left).any(axis=1)
        return left

    def _passed_on(self, plan: RacePlan, stakes: Array, alive: Flags, proven: Flags) -> tuple[Array, Array]:
        """Stakes and pool after dropped arms left what remains of their stakes, and proven ones what they began with.

        It goes to the pool, and the pool's part to the arms that are open, the more the better their odds.
        """
        import numpy as np

        gone, found = self.alive & ~alive & ~self.proven & ~proven, proven & ~self.proven
        moved = (gone | found).any(axis=1)
        if not moved.any():
            return stakes, self.pool
        given = np.where(gone, np.minimum(stakes, plan.stake), 0.0) + np.where(found, plan.stake, 0.0)
        pool, heirs = self.pool + given.sum(axis=1), alive & ~proven
        count = heirs.sum(axis=1)
        part = np.where(moved & (count > 0), pool / np.maximum(count, 1), 0.0)
        logs = np.where(heirs, log_mixture(self.for_logs, FOR_DECIDES), -np.inf)
        weights = np.exp(logs - np.where(count > 0, logs.max(axis=1), 0.0)[:, None])
        shares = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
        return np.minimum(1.0, stakes + part[:, None] * shares), pool - part
