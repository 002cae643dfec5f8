"""What an effect is worth once a planned look stopped the experiment.

Stopping for a high number makes the number too high. Results are put in an order: whoever crossed earlier saw more,
and at one look the higher z saw more. The estimate is the effect under which a result as high or higher has even
chances, so it is as often too high as too low; the range and the p-value come from the same order.

Source: Fairbanks & Madsen 1982, Biometrika 69, 69-74; Tsiatis, Rosner & Mehta 1984, Biometrics 40, 797-803;
Jennison & Turnbull 2000, chapter 8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.stats.arguments import check_inside, check_within
from engine.stats.estimates import Estimate
from engine.stats.group import stagewise_chance, stagewise_chances
from engine.stats.roots import lockstep

if TYPE_CHECKING:
    from engine.stats.roots import Array

_REACH = 6.0
"""How many standard errors beyond the raw effect an end of its range may lie."""


def after_stopping(
    value: float,
    standard_error: float,
    fractions: Sequence[float],
    bounds: Sequence[float],
    sides: int = 2,
    level: float = 0.95,
) -> Estimate:
    """The median-unbiased effect with its range and p-value, after the last of these looks ended the experiment.

    Args:
        value, standard_error: the raw effect at that look.
        fractions, bounds: of the looks taken, the last included; no bound was reached before it.
        sides: how the bounds were meant, 1 or 2.

    The p-value is at most alpha exactly when the last bound, as `boundaries` gives it, is reached.
    """
    import numpy as np

    check_within("value", value, -math.inf, math.inf)
    z = value / check_inside("standard_error", standard_error, 0.0, math.inf)
    tail = (1 - check_inside("level", level)) / 2
    chance = stagewise_chance(fractions, bounds, z, 0.0, sides)
    root, reach = math.sqrt(fractions[-1]), abs(z) + _REACH
    shares = np.array([0.5, tail, 1 - tail])

    def missing(sizes: Array) -> Array:
        missed: Array = shares - stagewise_chances(fractions, bounds, z, sizes / root, sides)
        return missed

    middle, low, high = lockstep(missing, np.full(3, -reach), np.full(3, reach)) * standard_error
    return Estimate(float(middle), float(low), float(high), max(0.0, min(1.0, 2 * min(chance, 1 - chance))))
