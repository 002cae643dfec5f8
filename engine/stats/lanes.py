"""Many races side by side, advanced look by look in lockstep: one lane for a real race, thousands for a plan.

What is known of the arms has the shape (lanes, arms) with the control first, or (lanes, treated arms) without it.
Logarithms have the shape (bets, treated arms, lanes): a step runs over all lanes at once. A *duel* is the bet of one
treated arm against another; those logarithms have the shape (bets, duels, lanes).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from engine.stats.bets import (
    AGAINST_BETS,
    AGAINST_DECIDES,
    AGAINST_SHOWN,
    BEATEN_BETS,
    BEATEN_DECIDES,
    FOR_BETS,
    FOR_DECIDES,
    FOR_SHOWN,
    Contest,
    kept_odds,
    log_mixture,
    log_ratios,
    log_ratios_near,
    mixture,
)
from engine.stats.normal import quantile
from engine.stats.race_plans import RacePlan, bets_of
from engine.stats.stakes import FULL, going_on, law_of, odds_needed, staked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.stats.roots import Array

    Flags = NDArray[np.bool_]
    Numbers = NDArray[np.int64]

RUNNING, WINNER, NO_USEFUL_DIFFERENCE, OUT_OF_CONTACTS = range(4)
STATUSES = ("running", "winner", "no_useful_difference", "out_of_contacts")

BEATEN = 1.6
"""An arm gives way to another at this many times the odds at which a useless one is dropped."""

LANES_LAST = ("logs", "duel_logs")
"""Parts of `Lanes` whose last axis is the lanes; all others' is the first."""


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """Where every race stands. Odds are kept as logarithms, one per bet: `logs` are those *for*, then those *against*.

    `stakes` are what of alpha each arm may still lose, and `peaks` their highest; `scores` and `spreads` are each arm's
    sum of successes above what was due, and its variance, for the last reading.
    """

    contacts: Array
    successes: Array
    logs: Array
    duel_logs: Array
    best_for: Array
    stakes: Array
    peaks: Array
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
            logs=np.zeros((len(FOR_BETS + AGAINST_BETS), plan.treated, lanes)),
            duel_logs=np.zeros((len(BEATEN_BETS), plan.treated * (plan.treated - 1), lanes)),
            best_for=np.ones(shape),
            stakes=begun,
            peaks=begun,
            scores=np.zeros(shape),
            spreads=np.zeros(shape),
            alive=np.ones(shape, dtype=bool),
            proven=np.zeros(shape, dtype=bool),
            status=np.full(lanes, RUNNING),
            winner=np.full(lanes, -1),
        )

    def only(self, lanes: Flags | int) -> Lanes:
        """Some of the races; of a single one, without the axis of the lanes."""
        parts = {part.name: getattr(self, part.name) for part in fields(self)}
        return replace(
            self, **{name: part[..., lanes] if name in LANES_LAST else part[lanes] for name, part in parts.items()}
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
    def for_logs(self) -> Array:
        """Of the bets *for*."""
        return self.logs[: len(FOR_BETS)]

    @property
    def against_logs(self) -> Array:
        """Of the bets *against*."""
        return self.logs[len(FOR_BETS) :]

    @property
    def log_odds_for(self) -> Array:
        """As they are shown."""
        return log_mixture(self.for_logs, FOR_SHOWN, axis=0).T

    @property
    def log_odds_against(self) -> Array:
        """As they are shown."""
        return log_mixture(self.against_logs, AGAINST_SHOWN, axis=0).T

    def needed(self, plan: RacePlan) -> tuple[Array, Array]:
        """The odds *for* that would prove each arm by now, and those *against* that would drop it, as shown ones."""
        import numpy as np

        decides = log_mixture(self.for_logs, FOR_DECIDES, axis=0).T
        odds = mixture(self.for_logs, FOR_DECIDES).T
        bar = odds_needed(self.stakes, odds, plan.stake) * np.exp(self.log_odds_for - decides)
        beyond = self.log_odds_against - log_mixture(self.against_logs, AGAINST_DECIDES, axis=0).T
        return bar, plan.drop * np.exp(beyond)

    def past_rate(self, plan: RacePlan) -> Array:
        """The pooled rate of all arms so far, seeded with the plan's, per lane."""
        return plan.pooled(self.successes.sum(axis=1), self.contacts.sum(axis=1))

    def look(self, plan: RacePlan, contacts: Array, successes: Array) -> Lanes:
        """The races after one more look at new (not cumulative) counts; arms that are not active bring none."""
        import numpy as np

        active = self.active
        return self.after(plan, np.where(active, contacts, 0.0), np.where(active, successes, 0.0))

    def after(self, plan: RacePlan, contacts: Array, successes: Array) -> Lanes:
        """`look` at counts that are zero already for who is not active."""
        import numpy as np

        bets, rate, treated = bets_of(plan.arms, plan.useful_lift), self.past_rate(plan), plan.treated
        counts = np.array((successes.T, (contacts - successes).T)).take(bets.sides, axis=1)
        contest = Contest.of(counts[:, :, None])
        control, duels = contest.part(slice(None, treated)), contest.part(slice(treated, None))
        brought = log_ratios(control, rate, bets.lifts, bets.margins)
        logs, duel_logs = self.logs + control.gained(brought), self.duel_logs
        if treated > 1:
            duel_logs = duel_logs + duels.gained(log_ratios_near(duels, rate, bets.duel, bets.half))
        odds = kept_odds(logs)
        shown, decides, against = (bets.weights @ odds.reshape(len(odds), -1)).reshape(-1, *logs.shape[1:])
        after = replace(
            self,
            contacts=self.contacts + contacts,
            successes=self.successes + successes,
            logs=logs,
            duel_logs=duel_logs,
            best_for=np.maximum(self.best_for, shown.T),
        )
        return after._staked(plan, control, brought[:, :, : len(FOR_BETS)], decides)._judge(plan, against.T)

    def _staked(self, plan: RacePlan, look: Contest, brought: Array, odds: Array) -> Lanes:
        """With the stakes of the arms that are not decided as the look leaves them; within, arms come before lanes.

        Args:
            brought: what a success and a failure of either side are worth to the bets *for*.
            odds: *for*, as they decide after the look.
        """
        import numpy as np

        open_ = self.alive.T & ~self.proven.T & look.held[0] & (self.stakes.T < FULL)
        if not open_.any():
            return self
        won, worth = look.counts[0, :, 0], brought[0] - brought[1]
        law = law_of(look.contacts[0, 0], look.contacts[1, 0], won[0] + won[1])
        beside = law.successes - won[1][..., None]
        thought = mixture(self.for_logs[..., None] + beside * (worth[1] - worth[0])[..., None], FOR_DECIDES)
        scored, begun = self, plan.stake if plan.deadline is None else plan.stake / 2
        shape, came = going_on(thought, begun), going_on(odds, begun)
        if plan.deadline is not None:
            scored = self._scored(look)
            shape = shape + scored._passing(plan, plan.deadline, beside)
            came = came + scored._passing(plan, plan.deadline, np.zeros((*came.shape, 1)))[..., 0]
        found = staked(self.stakes.T * open_, law, shape, came)
        stakes = np.where(open_, found, self.stakes.T).T
        return replace(scored, stakes=stakes, peaks=np.maximum(self.peaks, stakes))

    def _scored(self, look: Contest) -> Lanes:
        """With the look in the scores, and what it adds to their variance."""
        import numpy as np

        (n0, n1), (s0, s1) = look.contacts[:, 0], look.counts[0, :, 0]
        total, together = np.maximum(n0 + n1, 2.0), s0 + s1
        added = together * (total - together) * n0 * n1 / (total**2 * (total - 1))
        return replace(self, scores=self.scores + (s1 - together * n1 / total).T, spreads=self.spreads + added.T)

    def _passing(self, plan: RacePlan, deadline: int, beside: Array) -> Array:
        """The chance of passing the last z-test, per number of successes of the look.

        The pooled rate is of this look too: of all that it holds, the law of an arm's successes is conditional on it.
        """
        import numpy as np
        from scipy.special import ndtr

        left = np.maximum(0.0, deadline - self.contacts.sum(axis=1))
        rate = self.past_rate(plan)
        to_come = rate * (1 - rate) * left / np.maximum(1, self.active.sum(axis=1)) / 2
        bar = quantile(1 - plan.stake / 2) * np.sqrt(self.spreads.T + to_come)
        short = beside + (self.scores.T - bar)[..., None]
        passes: Array = ndtr(short / np.sqrt(np.maximum(to_come, 1e-12))[:, None])
        return passes

    def _judge(self, plan: RacePlan, against: Array) -> Lanes:
        """Prove, drop, pass stakes on, and see which races are over; `against` are the odds that decide."""
        open_ = self.alive & ~self.proven & (self.status == RUNNING)[:, None]
        found = open_ & (self.stakes >= FULL)
        useless = open_ & ~found & (against >= plan.drop)
        after = self
        if (found | useless).any() or self._duels_decided(plan):
            proven = self.proven | found
            alive = self._beaten(self.alive & ~useless, proven, plan)
            stakes = self._passed_on(plan, alive, proven)
            proven |= alive & open_ & (stakes >= FULL)
            after = replace(self, alive=alive, proven=proven, stakes=stakes, peaks=self.peaks.clip(stakes))
        return self if after is self and plan.max_contacts is None else after._ended(plan)

    def _ended(self, plan: RacePlan) -> Lanes:
        """With status and winner of every race that is over."""
        import numpy as np

        left = self.alive.sum(axis=1)
        exhausted: Flags = np.zeros(len(left), dtype=bool)
        if plan.max_contacts is not None:
            exhausted = self.contacts.sum(axis=1) >= plan.max_contacts
        if not ((left < 2) | exhausted).any():
            return self
        running, final = self.status == RUNNING, self.alive & self.proven
        won = running & ((left == 1) | exhausted) & final.any(axis=1)
        nothing = running & (left == 0)
        ended = running & exhausted & ~won & ~nothing
        best = np.where(final, self._rates(), -1.0).argmax(axis=1) + 1
        status = np.select([won, nothing, ended], [WINNER, NO_USEFUL_DIFFERENCE, OUT_OF_CONTACTS], self.status)
        return replace(self, status=status, winner=np.where(won, best, self.winner))

    def _rates(self) -> Array:
        """The treated arms' rates so far."""
        import numpy as np

        rates: Array = self.successes[:, 1:] / np.maximum(self.contacts[:, 1:], 1.0)
        return rates

    def _duels_decided(self, plan: RacePlan) -> bool:
        """Whether any duel may be: a mixture is no more than the highest of its parts."""
        return bool(self.duel_logs.max(initial=0.0) >= math.log(BEATEN * plan.drop))

    def _beats(self, plan: RacePlan) -> Flags:
        """Which duels are decided, of the shape (duels, lanes)."""
        beats: Flags = mixture(self.duel_logs, BEATEN_DECIDES) >= BEATEN * plan.drop
        return beats

    def _beaten(self, alive: Flags, proven: Flags, plan: RacePlan) -> Flags:
        """The living without those that a living rival beats, the lowest rate first, so that one is left."""
        import numpy as np

        treated, beats = plan.treated, self._beats(plan)
        if not beats.any():
            return alive
        rival, arm = bets_of(plan.arms, plan.useful_lift).sides[:, treated:] - 1
        beaten = np.zeros((len(alive), treated, treated), dtype=bool)
        beaten[:, arm, rival] = beats.T
        beaten &= (~proven[:, :, None] | proven[:, None, :]) & (self.status == RUNNING)[:, None, None]
        order, lane, left = self._rates().argsort(axis=1, kind="stable"), np.arange(len(alive)), alive.copy()
        for place in order.T:
            left[lane, place] &= ~(beaten[lane, place] & left).any(axis=1)
        return left

    def _passed_on(self, plan: RacePlan, alive: Flags, proven: Flags) -> Array:
        """The stakes after dropped arms left what remains of theirs, and proven ones what they began with.

        It goes to the arms that are open, the more the better their odds.
        """
        import numpy as np

        stakes, heirs = self.stakes, alive & ~proven
        gone, found = self.alive & ~alive & ~self.proven & ~proven, proven & ~self.proven
        inherits: Flags = np.logical_and((gone | found).any(axis=1), heirs.any(axis=1))
        if not inherits.any():
            return stakes
        given = np.where(gone, np.minimum(stakes, plan.stake), 0.0) + np.where(found, plan.stake, 0.0)
        logs = np.where(heirs, log_mixture(self.for_logs, FOR_DECIDES, axis=0).T, -np.inf)
        weights = np.exp(logs - np.where(inherits, logs.max(axis=1), 0.0)[:, None])
        parts = given.sum(axis=1, keepdims=True) * weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
        return np.where(inherits[:, None], np.minimum(1.0, stakes + parts), stakes)
