"""The score of an experiment as a random walk, and who of it has not crossed a bound yet.

At the information fraction t the score of an experiment whose drift is η is normal around ηt with the variance
t; between two looks it gains independent increments; z is the score over √t. `Survivors` hold the density, when
nothing drifts, of the walks that crossed at no look so far; any drift is a likelihood ratio upon it. Densities
are carried from look to look on Gauss-Legendre panels no wider than what they are smooth over, so that chances are
good to about twelve digits.

Source: Armitage, McPherson & Rowe 1969, JRSS A 132, 235-244; Jennison & Turnbull 2000, chapter 19.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.stats.roots import Array

FARTHEST = 20.0
"""No bound is farther: the chance of a z beyond it is below 1e-88."""
_OPEN = 12.0
"""Where a side has no bound, the walk is followed this far."""
_NODES = 12
_PANEL = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Survivors:
    """Walks that crossed nothing up to `time`: at `points` of the score, the mass of each."""

    time: float
    points: Array
    mass: Array

    def above(self, time: float, z: float, drift: float = 0.0) -> float:
        """The chance to have survived so far and to stand at `z` or higher at the later `time`."""
        return self._beyond(time, z, drift, 1.0)

    def below(self, time: float, z: float, drift: float = 0.0) -> float:
        """The chance to have survived so far and to stand at `z` or lower at the later `time`."""
        return self._beyond(time, z, drift, -1.0)

    def _beyond(self, time: float, z: float, drift: float, side: float) -> float:
        import numpy as np
        from scipy.special import ndtr

        gap = time - self.time
        mass = self.mass * np.exp(drift * self.points - drift * drift * self.time / 2) if drift else self.mass
        distance = (self.points + drift * gap - z * math.sqrt(time)) / math.sqrt(gap)
        return float((mass * ndtr(side * distance)).sum())

    def above_each(self, time: float, z: float, drifts: Array) -> Array:
        """`above` for each of many drifts."""
        import numpy as np
        from scipy.special import ndtr

        gap, drift = time - self.time, drifts[:, None]
        mass = self.mass * np.exp(drift * self.points - drift * drift * self.time / 2)
        distance = (self.points + drift * gap - z * math.sqrt(time)) / math.sqrt(gap)
        chances: Array = (mass * ndtr(distance)).sum(axis=1)
        return chances

    def staying(self, time: float, low: float, high: float, following: float) -> Survivors:
        """Those who at the later `time` stand between the z of `low` and `high`; the look after is at `following`."""
        import numpy as np

        scale, gap = math.sqrt(time), time - self.time
        start, end = max(low, -_OPEN if math.isinf(low) else -FARTHEST), min(high, FARTHEST)
        smooth = _PANEL * math.sqrt(min(gap, following - time))
        panels = max(4, math.ceil((end - start) * scale / smooth))
        places, weights = _rule()
        edges = np.linspace(start * scale, end * scale, panels + 1)
        half = (edges[1] - edges[0]) / 2
        points = (edges[:-1, None] + half * (1 + places)).ravel()
        kernel = np.exp(-((points[:, None] - self.points) ** 2) / (2 * gap)) / math.sqrt(2 * math.pi * gap)
        return Survivors(time, points, (kernel @ self.mass) * np.tile(weights * half, panels))


def beginning() -> Survivors:
    """Every walk, before the first look."""
    import numpy as np

    return Survivors(0.0, np.zeros(1), np.ones(1))


@lru_cache(maxsize=1)
def _rule() -> tuple[Array, Array]:
    import numpy as np

    places, weights = np.polynomial.legendre.leggauss(_NODES)
    return places, weights
