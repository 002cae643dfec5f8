"""A few looks, fixed beforehand: group-sequential boundaries by error spending.

The z-statistics of the looks are a random walk at the information fractions. How much of the error may be
spent up to each fraction is settled at the start; each look's bound spends exactly the rest that is due,
computed by recursive integration of the walk's density among those that have not crossed.

Sources: Lan & DeMets 1983, Biometrika 70, 659-663; Armitage, McPherson & Rowe 1969, JRSS A 132, 235-244;
Jennison & Turnbull 2000, Group Sequential Methods, chapters 7 and 19.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from engine.stats.arguments import check_inside
from engine.stats.normal import below, quantile
from engine.stats.roots import bisect

if TYPE_CHECKING:
    from engine.stats.roots import Array

_REACH = 9.0
_LEAST_GAP = 1e-3


def boundaries(
    fractions: Sequence[float], alpha: float = 0.05, spending: str = "obrien-fleming", sides: int = 2
) -> tuple[float, ...]:
    """The critical z of each look; stop when |z| (or z, for one side) reaches it.

    Args:
        fractions: the information at each look as a share of the planned, rising, the last at most 1.
        alpha: the chance of ever crossing when there is no difference, over all sides.
        spending: `obrien-fleming` (little early), `pocock` (evenly by looks), or `linear` (as information
            comes).
        sides: 1 or 2.

    Returns:
        One z per look. A look that may spend nothing that a double can hold has the bound 9.
    """
    spend = _spending(spending, check_inside("alpha", alpha), sides)
    times = [check_inside(f"fractions[{place}]", time, 0.0, 1 + 1e-12) for place, time in enumerate(fractions)]
    if not times or any(later - earlier < _LEAST_GAP for earlier, later in pairwise([0.0, *times])):
        raise ValueError(f"fractions must hold at least one, and rise by {_LEAST_GAP:g} or more from look to look")
    return tuple(_bounds(times, spend, sides))


def _bounds(times: list[float], spend: Callable[[float], float], sides: int) -> list[float]:
    found: list[float] = []
    spent, points, mass = 0.0, None, None
    for look, time in enumerate(times):
        due, spent = spend(time) - spent, spend(time)
        if points is None or mass is None:
            bound = -quantile(due / sides) if due / sides > 1e-300 else _REACH
        else:
            root = math.sqrt(time - times[look - 1])
            bound = _solve(points, mass, math.sqrt(time), root, due, sides)
        found.append(min(bound, _REACH))
        if look + 1 < len(times):
            points, mass = _survivors(points, mass, times, look, found[-1], sides)
    return found


def _solve(points: Array, mass: Array, scale: float, root: float, due: float, sides: int) -> float:
    """The z at which exactly `due` of those still walking cross."""
    from scipy.special import ndtr

    def crossing(z: float) -> float:
        above = float((mass * ndtr((points - z * scale) / root)).sum())
        if sides == 2:
            above += float((mass * ndtr((-z * scale - points) / root)).sum())
        return above - due

    return bisect(crossing, -_REACH, _REACH)


def _survivors(
    points: Array | None, mass: Array | None, times: list[float], look: int, bound: float, sides: int
) -> tuple[Array, Array]:
    """Where the walk stands (score scale) among those that did not cross, with Simpson-weighted mass."""
    import numpy as np

    time = times[look]
    scale = math.sqrt(time)
    low = -bound if sides == 2 else -_REACH
    fine = math.sqrt(min(times[look + 1] - time, time)) / 5
    count = 2 * max(200, math.ceil((bound - low) * scale / fine / 2)) + 1
    nodes = np.linspace(low * scale, bound * scale, count)
    simpson = np.ones(count)
    simpson[1:-1:2], simpson[2:-1:2] = 4.0, 2.0
    simpson *= (nodes[1] - nodes[0]) / 3
    if points is None or mass is None:
        density = np.exp(-(nodes**2) / (2 * time)) / math.sqrt(2 * math.pi * time)
    else:
        gap = time - times[look - 1]
        kernel = np.exp(-((nodes[:, None] - points) ** 2) / (2 * gap)) / math.sqrt(2 * math.pi * gap)
        density = kernel @ mass
    return nodes, density * simpson


def _spending(name: str, alpha: float, sides: int) -> Callable[[float], float]:
    """Cumulative error, over all sides, that may be spent at an information fraction."""
    if sides not in (1, 2):
        raise ValueError(f"sides must be 1 or 2, not {sides}")
    if name == "obrien-fleming":
        z = -quantile(alpha / sides / 2)
        return lambda time: 2 * sides * below(-z / math.sqrt(min(1.0, time)))
    if name == "pocock":
        return lambda time: alpha * math.log1p((math.e - 1) * min(1.0, time))
    if name == "linear":
        return lambda time: alpha * min(1.0, time)
    raise ValueError(f"spending must be 'obrien-fleming', 'pocock' or 'linear', not {name!r}")
