"""How much larger a sample is that may be read at a few planned looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.stats.arguments import check_inside
from engine.stats.group import boundaries
from engine.stats.normal import critical, quantile
from engine.stats.roots import bisect

if TYPE_CHECKING:
    from engine.stats.roots import Array

_NODES = 401


def inflation(
    fractions: Sequence[float], alpha: float = 0.05, power: float = 0.8, bounds: Sequence[float] | None = None
) -> float:
    """The largest sample of planned looks, as a multiple of the fixed sample with the same power.

    Args:
        fractions: the information at each look as a share of the planned, rising to 1.
        alpha: two-sided.
        power: the chance to cross at some look.
        bounds: the |z| of each look; those of `boundaries` when None.

    Source: Jennison & Turnbull 2000, Group Sequential Methods, section 2.3: the drift at which the looks have the
    power, against that of a single look.
    """
    check_inside("power", power)
    limits = tuple(boundaries(fractions, alpha) if bounds is None else bounds)
    if len(limits) != len(fractions):
        raise ValueError(f"bounds must be {len(fractions)}, one per look, not {len(limits)}")
    fixed = critical(1 - alpha) + quantile(power)
    if fixed <= 0:
        raise ValueError(f"power must be above what chance alone gives at alpha {alpha:g}, not {power:g}")
    drift = bisect(_missing(fractions, limits, power), 0.0, 3 * fixed)
    return (drift / fixed) ** 2


def _missing(fractions: Sequence[float], bounds: Sequence[float], power: float) -> Callable[[float], float]:
    """How much a drift lacks to the power: the chance to stay inside all bounds, less 1 − power.

    The density of who stays is integrated once without a drift; a drift of θ multiplies it by exp(θs − θ²t/2),
    whatever the path was.
    """
    import numpy as np

    points, mass = np.zeros(1), np.ones(1)
    before = 0.0
    for time, bound in zip(fractions, bounds, strict=True):
        nodes = np.linspace(-bound, bound, _NODES) * math.sqrt(time)
        mass = _simpson(nodes) * (_density(nodes[:, None] - points, time - before) @ mass)
        points, before = nodes, time
    return lambda drift: float((mass * np.exp(drift * points - drift**2 * before / 2)).sum()) - (1 - power)


def _simpson(nodes: Array) -> Array:
    import numpy as np

    weights = np.full(len(nodes), 2.0)
    weights[1::2] = 4.0
    weights[0] = weights[-1] = 1.0
    scaled: Array = weights * (nodes[1] - nodes[0]) / 3
    return scaled


def _density(values: Array, variance: float) -> Array:
    import numpy as np

    found: Array = np.exp(-(values**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    return found
