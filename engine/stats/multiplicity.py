"""Many arms and many metrics: p-values and ranges that keep their promise over all of them together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.stats.arguments import Counted, check_count, check_inside, check_probabilities
from engine.stats.estimates import Estimate
from engine.stats.normal import critical, two_sided
from engine.stats.roots import lockstep
from engine.stats.tallies import Tally

if TYPE_CHECKING:
    from engine.stats.roots import Array
    from engine.stats.score import Pairs


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: the chance of any false rejection stays below the level.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.
    """
    values = check_probabilities("p_values", p_values)
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, reached = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        reached = max(reached, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = reached
    return tuple(adjusted)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: the expected share of false rejections stays below the level.

    Source: Benjamini & Hochberg 1995, JRSS B 57, 289-300.
    """
    values = check_probabilities("p_values", p_values)
    order = sorted(range(len(values)), key=values.__getitem__, reverse=True)
    adjusted, reached = [0.0] * len(values), 1.0
    for rank, place in enumerate(order):
        reached = min(reached, values[place] * len(values) / (len(values) - rank))
        adjusted[place] = reached
    return tuple(adjusted)


def dunnett(*, treated: Sequence[Counted], control: Counted, level: float = 0.95) -> list[Estimate]:
    """Every arm's rate minus the control's, with simultaneous ranges and adjusted p-values that agree.

    Score statistics share the control and so are correlated as Dunnett's; the chance that the largest
    exceeds a bound is a one-dimensional integral, computed and never simulated. Ranges are score intervals
    at Dunnett's bound, so a range leaves zero out exactly when the adjusted p-value is below 1 − level.

    Source: Dunnett 1955, JASA 50, 1096-1121 (exactly, for any sizes, rather than by his tables).
    """
    from engine.stats.rates import paired
    from engine.stats.score import difference_range, difference_value

    check_inside("level", level)
    pairs = paired(treated, control)
    lows, highs = difference_range(pairs, dunnett_critical(_loadings(pairs), level))
    return [
        Estimate(float(value), float(low), float(high), p_value)
        for value, low, high, p_value in zip(difference_value(pairs), lows, highs, _p_values(pairs), strict=True)
    ]


def dunnett_p_values(*, treated: Sequence[Counted], control: Counted) -> tuple[float, ...]:
    """The adjusted p-values of `dunnett` alone, where its ranges are not shown: a quarter of the work."""
    from engine.stats.rates import paired

    return _p_values(paired(treated, control))


def _p_values(pairs: Pairs) -> tuple[float, ...]:
    from engine.stats.score import difference_statistic

    return dunnett_adjusted([float(z) for z in difference_statistic(pairs)], _loadings(pairs))


def _loadings(pairs: Pairs) -> tuple[float, ...]:
    return tuple(float(loading) for loading in (pairs.treated_contacts[:, 0] / pairs.contacts[:, 0]) ** 0.5)


def dunnett_means(*, treated: Sequence[Tally], control: Tally, level: float = 0.95) -> list[Estimate]:
    """Every arm's mean minus the control's, simultaneous and adjusted as `dunnett`'s rates are.

    Welch's tests, read on the normal scale and correlated by the share that the control's error has in each;
    ranges are Welch's at the level that Dunnett's bound stands for.

    Raises:
        ValueError: as `mean_difference`.
    """
    from engine.stats.families import compare_lifts
    from engine.stats.means import mean_lift

    if not treated:
        raise ValueError("treated must hold at least 1 tally")
    lifts = [mean_lift(tally, control) for tally in treated]
    return [each.adjusted for each in compare_lifts([lifts], level, level)[0]]


def dunnett_adjusted(statistics: Sequence[float], loadings: Sequence[float]) -> tuple[float, ...]:
    """P(the largest |z| of all arms reaches each of `statistics`) when no arm differs from the control.

    Args:
        statistics: one z per arm.
        loadings: λ per arm, arms i and j correlated λᵢλⱼ; √(n/(n + n₀)) for rates, and
            √(v₀/(v + v₀)) for means whose squared standard errors are v and v₀.
    """
    return dunnett_families([statistics], [loadings])[0]


def dunnett_families(
    statistics: Sequence[Sequence[float]], loadings: Sequence[Sequence[float]]
) -> list[tuple[float, ...]]:
    """`dunnett_adjusted` of many families of arms, each with its own loadings."""
    import numpy as np

    if [len(family) for family in statistics] != [len(family) for family in loadings]:
        sizes = tuple(len(family) for family in statistics)
        raise ValueError(f"loadings must be as many as statistics {sizes}")
    bounds = [
        [check_count(f"|statistics[{place}]|", abs(z)) for place, z in enumerate(family)] for family in statistics
    ]
    found = [tuple(map(two_sided, family)) for family in bounds]
    for places, families in _alike(loadings):
        chances = families.exceeding(np.array([bounds[place] for place in places]))
        for place, chance in zip(places, chances.tolist(), strict=True):
            found[place] = tuple(chance)
    return found


def dunnett_critical(loadings: tuple[float, ...], level: float = 0.95) -> float:
    """The bound that the largest |z| of all arms stays below with the chance `level`; loadings as above."""
    return dunnett_criticals([loadings], level)[0]


def dunnett_criticals(loadings: Sequence[tuple[float, ...]], level: float = 0.95) -> list[float]:
    """`dunnett_critical` of many families of arms."""
    distinct = tuple(dict.fromkeys(loadings))
    found = dict(zip(distinct, _criticals(distinct, check_inside("level", level)), strict=True))
    return [found[family] for family in loadings]


@lru_cache(maxsize=512)
def _criticals(loadings: tuple[tuple[float, ...], ...], level: float) -> tuple[float, ...]:
    """The bounds of distinct families: they depend on how many contacts the arms have, and on no outcome of rates."""
    import numpy as np

    single, target = critical(level), math.log(1 - level)
    found = [single] * len(loadings)
    for places, families in _alike(loadings):
        safe = critical(1 - (1 - level) / len(loadings[places[0]]))

        def excess(squares: Array, families: _Families = families) -> Array:
            """In the square of the bound, for a logarithm that is nearly straight."""
            return np.log(families.exceeding(np.sqrt(squares)[:, None])[:, 0]) - target

        squares = lockstep(excess, np.full(len(places), single**2), np.full(len(places), safe**2))
        for place, bound in zip(places, np.sqrt(squares).tolist(), strict=True):
            found[place] = bound
    return tuple(found)


_GREATEST_LOADING = 0.99999
"""Arms that share more than this with each other are taken to share this much; it changes no digit that is read."""
_MOST_CELLS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class _Families:
    """Families of equal shape: how many arms have each distinct loading, and at the nodes of U what the loadings do."""

    counts: Array
    shift: Array
    rest: Array
    weights: Array

    @classmethod
    def of(cls, loadings: Array, counts: Array, nodes: Array) -> _Families:
        """Loadings and counts of the shape (families, kinds); nodes from zero up."""
        import numpy as np

        weights = np.exp(-nodes * nodes / 2) * (2 * (nodes[1] - nodes[0]) / math.sqrt(2 * math.pi))
        weights[0] /= 2
        rest = np.sqrt(1 - loadings**2)[:, None, :, None]
        return cls(counts[:, None, None, :], loadings[:, None, :, None] / rest * nodes, rest, weights)

    def exceeding(self, bounds: Array) -> Array:
        """P(maxᵢ |Zᵢ| ≥ bound) per family and bound, Zᵢ = λᵢ U + √(1 − λᵢ²) Eᵢ.

        The trapezoid rule over U converges exponentially for this integrand. The small chance is summed itself,
        not taken from one, so that tiny p-values keep their digits.
        """
        import numpy as np
        from scipy.special import ndtr

        scaled = bounds[:, :, None, None] / self.rest
        tails = ndtr(self.shift - scaled) + ndtr(-self.shift - scaled)
        log_inside = self.counts @ np.log1p(-np.minimum(tails, 1 - 1e-16))
        chance: Array = -np.expm1(log_inside[:, :, 0, :]) @ self.weights
        return np.minimum(np.maximum(chance, 0.0), 1.0)


def _alike(loadings: Sequence[Sequence[float]]) -> Iterator[tuple[list[int], _Families]]:
    """Families of several arms that fit into one array, with their places."""
    import numpy as np

    groups: dict[tuple[int, int, float], list[int]] = {}
    found: list[Counter[float]] = []
    for place, family in enumerate(loadings):
        if not all(0 < loading < 1 for loading in family):
            for arm, loading in enumerate(family):
                check_inside(f"loadings[{arm}]", loading)
        found.append(Counter(min(loading, _GREATEST_LOADING) for loading in family))
        if len(family) > 1:
            steepest = max(found[-1])
            halvings = max(0, round(math.log2(steepest / math.sqrt(1 - steepest**2))))
            groups.setdefault((len(family), len(found[-1]), 0.25 * 0.5**halvings), []).append(place)
    for (arms, kinds, step), members in groups.items():
        nodes = np.arange(0.0, 9.0 + step, step)
        most = max(1, _MOST_CELLS // (arms * kinds * len(nodes)))
        for first in range(0, len(members), most):
            places = members[first : first + most]
            rows = np.array([[list(found[place]), list(found[place].values())] for place in places])
            yield places, _Families.of(rows[:, 0], rows[:, 1], nodes)
