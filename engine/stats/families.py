"""Families of comparisons: in each, some arms against one control; all families in a few large steps.

Numbers are those of the functions that compare one pair or one family at a time (`rates`, `means`, `ratios`,
`multiplicity`): only the work is done together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

from engine.stats.arguments import Counted, check_arms, check_inside
from engine.stats.estimates import Estimate, Lift, estimated
from engine.stats.multiplicity import dunnett_criticals, dunnett_families
from engine.stats.normal import critical, quantile, two_sided

T = TypeVar("T")
Family = Sequence[Counted]
"""(successes, contacts) per arm, the control first."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One arm against its control: at the level asked for, and over all arms of its family at `bound` (Dunnett).

    `relative` is the lift as a share of the control's rate; other families have none.
    """

    estimate: Estimate
    adjusted: Estimate
    bound: float
    relative: Estimate | None = None


def compare_rates(families: Sequence[Family], level: float, family_level: float) -> list[tuple[Compared, ...]]:
    """Every arm of every family against its control, by the score tests of `differences`, `relatives` and `dunnett`.

    Args:
        families: each with a control and at least one arm beside it.
        level: of single ranges; `family_level`: of each family's ranges together.
    """
    import numpy as np

    from engine.stats.rates import paired, relative_estimates
    from engine.stats.score import difference_range, difference_statistic, difference_value

    check_inside("level", level)
    if not families:
        return []
    known = [check_arms(f"families[{place}]", family, 2) for place, family in enumerate(families)]
    sizes = [len(family) - 1 for family in known]
    pairs = paired([arm for family in known for arm in family[1:]], [family[0] for family in known for _ in family[1:]])
    values, statistics = difference_value(pairs), difference_statistic(pairs)
    loadings = _cut(np.sqrt(pairs.treated_contacts / pairs.contacts)[:, 0].tolist(), sizes)
    bounds = np.repeat(dunnett_criticals(loadings, family_level), sizes)
    lows, highs = difference_range(pairs.twice(), np.concatenate([np.full_like(bounds, critical(level)), bounds]))
    p_values, half = [two_sided(z) for z in statistics.tolist()], len(values)
    together = chain.from_iterable(dunnett_families(_cut(statistics.tolist(), sizes), loadings))
    narrow = map(Estimate, values.tolist(), lows[:half].tolist(), highs[:half].tolist(), p_values)
    wide = map(Estimate, values.tolist(), lows[half:].tolist(), highs[half:].tolist(), together)
    return _cut(map(Compared, narrow, wide, bounds.tolist(), relative_estimates(pairs, p_values, level)), sizes)


def compare_lifts(families: Sequence[Sequence[Lift]], level: float, family_level: float) -> list[tuple[Compared, ...]]:
    """Every lift of every family, adjusted over the family by Dunnett on the z that has the same p-value."""
    check_inside("level", level)
    sizes, lifts = [len(family) for family in families], list(chain.from_iterable(families))
    estimates = estimated(lifts, [level] * len(lifts))
    statistics = [-quantile(max(estimate.p_value, 1e-300) / 2) for estimate in estimates]
    loadings = [tuple(map(_loading, family)) for family in families]
    together = chain.from_iterable(dunnett_families(_cut(statistics, sizes), loadings))
    bounds = [
        bound for bound, size in zip(dunnett_criticals(loadings, family_level), sizes, strict=True) for _ in range(size)
    ]
    ranges = estimated(lifts, [1 - two_sided(bound) for bound in bounds])
    wide = (Estimate(each.value, each.low, each.high, chance) for each, chance in zip(ranges, together, strict=True))
    return _cut(map(Compared, estimates, wide, bounds), sizes)


def _loading(lift: Lift) -> float:
    """How strongly the shared control ties this arm's statistic to the others'."""
    return min(max(math.sqrt(lift.theirs / (lift.ours + lift.theirs)), 1e-6), 1 - 1e-6)


def _cut(values: Iterable[T], sizes: Sequence[int]) -> list[tuple[T, ...]]:
    """One tuple per family."""
    taken = iter(values)
    return [tuple(islice(taken, size)) for size in sizes]
