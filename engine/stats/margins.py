"""Is an arm worse than the control by a margin, or is it not? Two odds per arm, safe at every look.

It is the race (`engine.stats.bets`) with the null moved to the margin. *Worse*: odds against "the arm is not worse
by as much as the margin". *Within*: odds against "it is worse by the margin or more". Each is a mixture of products of
factors whose expectation is at most one under its null, so by Ville's inequality either reaches 1/α with a
chance of at most α, at any look.

A margin in points is a difference of rates. A relative margin is a ratio c of rates: the bet (a₀, a₁) is compared with
the nearest pair (q, cq), where n₀ (a₀ − q)/(q(1 − q)) + c n₁ (a₁ − cq)/(cq(1 − cq)) = 0, a quadratic in q. With
log(1 + x) ≤ x the log of the factor's expectation is at most a multiple of p₁ − c p₀, as the race's is of p₁ − p₀ − m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from engine.stats.arguments import Counted, check_inside
from engine.stats.bets import GREATEST_RATE, LEAST_RATE, log_factor, log_mixture
from engine.stats.increments import grown, likely_rates
from engine.stats.odds import from_log

if TYPE_CHECKING:
    from engine.stats.roots import Array

WORSE_BETS, WORSE_WEIGHTS = (1.5, 3.0, 6.0), (0.50, 0.30, 0.20)
"""Harm that *worse* bets on, in margins, and the stake on each."""

WITHIN_BETS, WITHIN_WEIGHTS = (0.0, -1.0), (0.80, 0.20)
"""Harm that *within* bets on, in margins, and the stake on each; below zero the arm is better."""

FIRST_RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 0.7, 0.9, 0.97, 0.99)
"""Rates that looks bet around in equal parts while the past says too little."""

Logs = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Margins:
    """All arms against the control's rate and a margin. Index 0 of `counts` is the control; a look makes a new value.

    `margin` is a difference of rates, or with `relative` a part of the control's rate. `worse` and `within` hold
    the logarithm of every bet's product, per arm; `most` the highest that each arm's *within* ever was.
    """

    margin: float
    better: Literal["higher", "lower"]
    relative: bool = False
    counts: tuple[Counted, ...] = ()
    worse: Logs = ()
    within: Logs = ()
    most: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        most = 1.0 if self.better == "higher" or not self.relative else float("inf")
        check_inside("margin", self.margin, 0.0, most)

    def look(self, counts: Sequence[Counted]) -> Margins:
        """The odds after one more look.

        Args:
            counts: cumulative (successes, contacts), the control first. Where either side brings no new
                contacts the odds stay.
        """
        import numpy as np

        arms = len(counts) - 1
        if arms < 1:
            raise ValueError("counts must hold the control and at least one arm")
        before = self.counts or ((0.0, 0.0),) * (arms + 1)
        now = grown(before, counts)
        if self.counts == now:
            return self
        new = np.array(now) - np.array(before)
        rates = np.array(likely_rates(before, FIRST_RATES))
        times = np.array((*WORSE_BETS, *WITHIN_BETS))[:, None]
        sides = [part[:, None, None] for part in (new[1:, 1], new[1:, 0])]
        logs = self._factors((np.array(new[0, 1]), np.array(new[0, 0])), (sides[0], sides[1]), rates, times)
        brought = log_mixture(logs, (1 / len(rates),) * len(rates))
        split = len(WORSE_BETS)
        worse = np.array(self.worse or ((0.0,) * split,) * arms) + brought[:, :split]
        within = np.array(self.within or ((0.0,) * len(WITHIN_BETS),) * arms) + brought[:, split:]
        most = np.maximum(np.array(self.most or (0.0,) * arms), log_mixture(within, WITHIN_WEIGHTS))
        return replace(
            self, counts=now, worse=_tuples(worse), within=_tuples(within), most=tuple(float(one) for one in most)
        )

    def _factors(self, control: tuple[Array, Array], arm: tuple[Array, Array], rates: Array, times: Array) -> Array:
        """The logarithm of the look's factors: arms by bets by rates that are bet around."""
        import numpy as np

        edge = self.margin if self.better == "lower" else -self.margin
        if not self.relative:
            return log_factor(control, arm, rates, times * edge, np.array(edge))
        return _ratio_factor(control, arm, rates, 1 + times * edge, 1 + edge)

    @property
    def odds_worse(self) -> tuple[float, ...]:
        """Per arm, the odds that it is worse by more than the margin."""
        return self._odds(self.worse, WORSE_WEIGHTS)

    @property
    def odds_within(self) -> tuple[float, ...]:
        """Per arm, the odds that it is not worse by as much as the margin."""
        return self._odds(self.within, WITHIN_WEIGHTS)

    @property
    def best_within(self) -> tuple[float, ...]:
        """Per arm, the highest that `odds_within` ever were: what they passed, they passed."""
        return tuple(from_log(log) for log in self.most)

    def _odds(self, logs: Logs, weights: tuple[float, ...]) -> tuple[float, ...]:
        import numpy as np

        return tuple(from_log(float(log)) for log in log_mixture(np.array(logs), weights)) if logs else ()


def _ratio_factor(
    control: tuple[Array, Array], arm: tuple[Array, Array], past_rate: Array, bet: Array, ratio: float
) -> Array:
    """`log_factor` for a null that names a ratio of rates; `bet` is the ratio that is bet on."""
    import numpy as np

    (n0, s0), (n1, s1) = control, arm
    idle = (n0 == 0) | (n1 == 0)
    m0, m1 = np.where(idle, 1.0, n0), np.where(idle, 1.0, n1)
    share = m0 / (m0 + m1)
    ratios = np.maximum(bet, 0.0)
    base = past_rate / (share + (1 - share) * ratios)
    a0, a1 = np.clip(base, LEAST_RATE, GREATEST_RATE), np.clip(base * ratios, LEAST_RATE, GREATEST_RATE)
    linear = m0 * (1 + ratio * a0) + m1 * (ratio + a1)
    constant = m0 * a0 + m1 * a1
    root = np.sqrt(np.maximum(linear * linear - 4 * ratio * (m0 + m1) * constant, 0.0))
    null = 2 * constant / (linear + root)
    result: Array = (
        s0 * np.log(a0 / null)
        + (n0 - s0) * np.log((1 - a0) / (1 - null))
        + s1 * np.log(a1 / (ratio * null))
        + (n1 - s1) * np.log((1 - a1) / (1 - ratio * null))
    )
    lost = (a1 - ratio * a0) * (bet - ratio) <= 0
    return np.where(idle | lost, 0.0, result)


def _tuples(logs: Array) -> Logs:
    return tuple(tuple(float(one) for one in row) for row in logs)
