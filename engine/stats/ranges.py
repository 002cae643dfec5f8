"""The range of a lift that holds at every look, by moving the race's bets to every possible lift."""

from __future__ import annotations

import math
from collections.abc import Callable
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
from engine.stats.race_plans import RacePlan
from engine.stats.roots import lockstep

if TYPE_CHECKING:
    from engine.stats.roots import Array

_TOLERANCE = 1e-10
_FAR = GREATEST_RATE - LEAST_RATE


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

    falls = tuple(bet - 1 for bet in AGAINST_BETS)
    lift, width = _likely(contacts, successes, bar)
    low, high = (
        _root(lambda lift: bar - highest(lift, FOR_BETS, FOR_DECIDES), lift - width, width),
        _root(lambda lift: highest(lift, falls, AGAINST_DECIDES) - bar, lift + width, width),
    )
    highs = np.where(high < _FAR, np.maximum(high, low), 1.0)
    return np.where(low > -_FAR, low, -1.0).tolist(), highs.tolist()


def _likely(contacts: Array, successes: Array, bar: float) -> tuple[Array, Array]:
    """Per arm, its lift so far and how far from it an end may lie: where a search begins, and nothing else."""
    import numpy as np

    people, won = contacts.sum(axis=0), successes.sum(axis=0)
    rates = (won + 1) / (people + 2)
    errors = rates * (1 - rates) / (people + 1)
    return rates[1:] - rates[0], np.sqrt(2 * bar * (errors[1:] + errors[0]))


def _root(function: Callable[[Array], Array], start: Array, width: Array) -> Array:
    """The roots of a rising function between −`_FAR` and `_FAR`; the end that it stays on one side of, where it does.

    It is sought from `start` in strides that grow from half a width: near its ends the function costs most.
    """
    import numpy as np

    near = np.minimum(np.maximum(start, -_FAR), _FAR)
    value, stride = function(near), width / 2
    side = np.where(value >= 0, -1.0, 1.0)
    while True:
        beyond = np.minimum(np.maximum(near + side * stride, -_FAR), _FAR)
        found = function(beyond)
        crossed = (found >= 0) != (value >= 0)
        ended = crossed | (np.abs(beyond) >= _FAR)
        if ended.all():
            break
        near, value = np.where(ended, near, beyond), np.where(ended, value, found)
        stride = np.where(ended, stride, 3 * stride)
    return lockstep(
        function, np.where(crossed, near, beyond), beyond, _TOLERANCE, (np.where(crossed, value, found), found)
    )
