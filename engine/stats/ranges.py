"""The range of a lift that holds at every look, by moving the race's bets to every possible lift."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.stats.bets import (
    AGAINST_BETS,
    AGAINST_DECIDES,
    FOR_BETS,
    FOR_DECIDES,
    GREATEST_RATE,
    LEAST_RATE,
    log_factor,
    log_mixture,
)
from engine.stats.lanes import RacePlan
from engine.stats.roots import lockstep

if TYPE_CHECKING:
    from engine.stats.roots import Array

_TOLERANCE = 1e-10


def anytime_ranges(
    plan: RacePlan, contacts: Array, successes: Array, past_rates: Array
) -> tuple[list[float], list[float]]:
    """(lows, highs) of the treated arms' lifts.

    Args:
        contacts, successes: new counts per look, of the shape (looks, arms), control first.
        past_rates: the pooled rate before each look.
    """
    import numpy as np

    treated = plan.arms - 1
    if len(contacts) == 0:
        return [-1.0] * treated, [1.0] * treated
    unit, bar = plan.useful_lift, math.log(plan.proof)
    control = (contacts[:, :1, None], successes[:, :1, None])
    arms = (contacts[:, 1:, None], successes[:, 1:, None])
    rates = past_rates[:, None, None]

    def highest(margins: Array, bets: tuple[float, ...], weights: tuple[float, ...]) -> Array:
        """Per arm, the highest log odds that any look reached against a lift of `margins`."""
        margin = margins[None, :, None]
        factors = log_factor(control, arms, rates, margin + unit * np.array(bets), margin)
        reached: Array = log_mixture(factors.cumsum(axis=0), weights).max(axis=0)
        return reached

    far = np.full(treated, GREATEST_RATE - LEAST_RATE)
    zero = np.zeros(treated)

    def above_low(lift: Array) -> Array:
        return highest(lift, FOR_BETS, FOR_DECIDES) - bar

    def above_high(lift: Array) -> Array:
        return highest(lift, falls, AGAINST_DECIDES) - bar

    falls = tuple(bet - 1 for bet in AGAINST_BETS)
    proven = above_low(zero) >= 0
    lows = lockstep(above_low, np.where(proven, zero, -far), np.where(proven, far, zero), _TOLERANCE)
    lows = np.where(above_low(-far) < 0, -1.0, lows)
    least = np.maximum(lows, -far)
    highs = np.where(above_high(least) >= 0, least, lockstep(above_high, least, far, _TOLERANCE))
    highs = np.where(above_high(far) < 0, 1.0, highs)
    return [float(value) for value in lows], [float(value) for value in highs]
