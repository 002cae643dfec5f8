"""A few looks, fixed beforehand: group-sequential boundaries, and what a design with them can see.

How much of the error may be spent up to each information fraction is settled at the start; each look's bound
spends exactly the rest that is due, found by recursive integration of the score's walk (`engine.stats.walk`).
The classic designs scale one shape of bounds until the error is met. Futility stops nothing here.

Sources: Lan & DeMets 1983, Biometrika 70, 659-663; Pocock 1977, ibid. 64, 191-199; O'Brien & Fleming 1979,
Biometrics 35, 549-556; Jennison & Turnbull 2000, Group Sequential Methods, chapters 2, 7 and 19.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from engine.stats.arguments import check_inside, check_within
from engine.stats.normal import quantile
from engine.stats.roots import bisect
from engine.stats.spending import SHAPED, shape_of, shaped_bounds, spent_by
from engine.stats.walk import FARTHEST, Survivors, beginning

if TYPE_CHECKING:
    from engine.stats.roots import Array

_LEAST_GAP = 1e-3
_MOST_DRIFT = 15.0


@dataclass(frozen=True, slots=True)
class Exits:
    """The chance to stop at each look, above the upper bound and below the lower."""

    above: tuple[float, ...]
    below: tuple[float, ...]

    @property
    def any(self) -> float:
        """The chance to cross at any look, on either side."""
        return math.fsum(self.above) + math.fsum(self.below)


def boundaries(
    fractions: Sequence[float],
    alpha: float = 0.05,
    spending: str = "obrien-fleming",
    sides: int = 2,
    shape: float | None = None,
    spent: Sequence[float] | None = None,
) -> tuple[float, ...]:
    """The critical z of each look; stop when |z| (or z, for one side) reaches it.

    Args:
        fractions: the information at each look as a share of the planned, rising. Only the last may reach 1 or
            pass it (more people came than were planned): it spends what is left, at the information it has.
        alpha: the chance of ever crossing when there is no difference, over all sides.
        spending: as information comes `obrien-fleming` (little early), `pocock` (about evenly), `linear`,
            `kim-demets` (α·t^shape, 3) or `hwang-shih-decani` (gamma, −4); or, for looks that are all known
            beforehand, `obrien-fleming-classic`, `pocock-classic`, `wang-tsiatis` (Δ, 0.25) or `haybittle-peto`
            (the z of all looks but the last, 3). The number is the usual shape.
        sides: 1 or 2.
        shape: where the family has one.
        spent: by which fraction each look spends, where it is not its own: `fractions=(0.4, 0.7)` with
            `spent=(0.4, 1)` is an experiment that ended early and spends what is left on what it has.

    Returns:
        One z per look, at most 20: beyond that a double holds no error to spend.

    Raises:
        ValueError: fractions that do not rise, or a classic design that the error cannot meet.
    """
    given = shape_of(spending, shape)
    times = _times(fractions)
    check_inside("alpha", alpha)
    if sides not in (1, 2):
        raise ValueError(f"sides must be 1 or 2, not {sides}")
    if spending in SHAPED:
        return _scaled(spending, times, alpha, sides, given)
    spend = spent_by(spending, alpha, sides, given)
    clock = times if spent is None else _times(spent)
    if len(clock) != len(times):
        raise ValueError(f"spent must be as many as fractions ({len(times)}), not {len(clock)}")
    found: list[float] = []
    walk, before = beginning(), 0.0
    for look, time in enumerate(times):
        due, before = (spend(clock[look]) - before) / sides, spend(clock[look])
        bound = bisect(lambda z, walk=walk, time=time, due=due: walk.above(time, z) - due, -FARTHEST, FARTHEST)  # type: ignore[misc]
        found.append(bound)
        if look + 1 < len(times):
            walk = walk.staying(time, -bound if sides == 2 else -math.inf, bound, times[look + 1])
    return tuple(found)


def exits(fractions: Sequence[float], bounds: Sequence[float], drift: float = 0.0, sides: int = 2) -> Exits:
    """Where an experiment stops whose z at the fraction t is normal around drift · √t.

    Args:
        fractions, bounds: one per look, as of `boundaries`.
        drift: the expected z at the planned information: 0 without a difference; a fixed test of 5 % on two
            sides has 80 % power at 2.80.

    Source: Jennison & Turnbull 2000, chapter 19.
    """
    check_within("drift", drift, -_MOST_DRIFT, _MOST_DRIFT)
    times, limits = _times(fractions), _limits(bounds, fractions)
    above, under = [], []
    for walk, time, bound in _looks(times, limits, sides):
        above.append(walk.above(time, bound, drift))
        under.append(walk.below(time, -bound, drift) if sides == 2 else 0.0)
    return Exits(tuple(above), tuple(under))


def drift(fractions: Sequence[float], bounds: Sequence[float], power: float = 0.8, sides: int = 2) -> float:
    """The drift at which the looks cross with the chance `power`, on either side.

    Raises:
        ValueError: the bounds are crossed with this chance without any drift.
    """
    check_inside("power", power)
    times, limits = _times(fractions), _limits(bounds, fractions)
    looks = _looks(times, limits, sides)

    def missing(size: float) -> float:
        crossed = math.fsum(walk.above(time, bound, size) for walk, time, bound in looks)
        if sides == 2:
            crossed += math.fsum(walk.below(time, -bound, size) for walk, time, bound in looks)
        return power - crossed

    if missing(0.0) <= 0:
        raise ValueError(f"power ({power:g}) must be above the chance to cross without a difference")
    return bisect(missing, 0.0, _MOST_DRIFT)


def inflation(
    fractions: Sequence[float],
    alpha: float = 0.05,
    power: float = 0.8,
    spending: str = "obrien-fleming",
    sides: int = 2,
    shape: float | None = None,
) -> float:
    """How many times the people of a fixed test the whole plan needs for the same power: 1.03, say.

    Source: Jennison & Turnbull 2000, tables 2.2 and 2.4.
    """
    bounds = boundaries(fractions, alpha, spending, sides, shape)
    fixed = drift([1.0], [-quantile(alpha / sides)], power, sides)
    return (drift(fractions, bounds, power, sides) / fixed) ** 2


def expected_information(
    fractions: Sequence[float], bounds: Sequence[float], drift: float = 0.0, sides: int = 2
) -> float:
    """The share of the planned people that is used on average, at this drift."""
    found = exits(fractions, bounds, drift, sides)
    chances = [up + down for up, down in zip(found.above, found.below, strict=True)]
    early = math.fsum(chance * time for chance, time in zip(chances[:-1], fractions, strict=False))
    return early + (1 - math.fsum(chances[:-1])) * fractions[-1]


def repeated_range(value: float, standard_error: float, bound: float) -> tuple[float, float]:
    """(low, high) of an effect at a look whose bound is this one; over all looks together it holds with 1 − alpha.

    It leaves zero out exactly when the look crosses, so it never disagrees with the decision.

    Source: Jennison & Turnbull 1989, JRSS B 51, 305-361.
    """
    check_within("value", value, -math.inf, math.inf)
    half = check_inside("standard_error", standard_error, 0.0, math.inf) * check_inside("bound", bound, 0.0, math.inf)
    return value - half, value + half


def stagewise_chance(
    fractions: Sequence[float], bounds: Sequence[float], z: float, drift: float = 0.0, sides: int = 2
) -> float:
    """P(a result at least as high as `z` at the last of these looks), when this drift is the true one.

    Higher is to have crossed the upper bound at an earlier look, or to stand higher at this one. The last
    bound is not used.
    """
    import numpy as np

    return float(stagewise_chances(fractions, bounds, z, np.array([drift]), sides)[0])


def stagewise_chances(
    fractions: Sequence[float], bounds: Sequence[float], z: float, drifts: Array, sides: int = 2
) -> Array:
    """`stagewise_chance` for each of many drifts."""
    times, limits = _times(fractions), _limits(bounds, fractions)
    looks = _looks(times, limits, sides)
    chances = looks[-1][0].above_each(times[-1], check_within("z", z, -1e6, 1e6), drifts)
    for walk, time, bound in looks[:-1]:
        chances = chances + walk.above_each(time, bound, drifts)
    return chances


@lru_cache(maxsize=256)
def _looks(times: tuple[float, ...], bounds: tuple[float, ...], sides: int) -> list[tuple[Survivors, float, float]]:
    """Per look: who had not crossed before it, its fraction and its bound."""
    if sides not in (1, 2):
        raise ValueError(f"sides must be 1 or 2, not {sides}")
    found, walk = [], beginning()
    for look, (time, bound) in enumerate(zip(times, bounds, strict=True)):
        found.append((walk, time, bound))
        if look + 1 < len(times):
            walk = walk.staying(time, -bound if sides == 2 else -math.inf, bound, times[look + 1])
    return found


def _scaled(name: str, times: tuple[float, ...], alpha: float, sides: int, shape: float) -> tuple[float, ...]:
    """The classic bounds whose chance to be crossed is alpha."""

    def excess(scale: float) -> float:
        bounds = tuple(min(bound, FARTHEST) for bound in shaped_bounds(name, times, scale, shape))
        return sides * math.fsum(walk.above(time, bound) for walk, time, bound in _looks(times, bounds, sides)) - alpha

    if excess(FARTHEST) > 0:
        raise ValueError(f"alpha ({alpha:g}) is spent before the last look: a shape of {shape:g} is too low for it")
    scale = bisect(excess, 0.01, FARTHEST)
    return tuple(min(bound, FARTHEST) for bound in shaped_bounds(name, times, scale, shape))


def _times(fractions: Sequence[float]) -> tuple[float, ...]:
    times = tuple(check_inside(f"fractions[{place}]", time, 0.0, 10.0) for place, time in enumerate(fractions))
    if not times or any(later - earlier < _LEAST_GAP for earlier, later in pairwise([0.0, *times])):
        raise ValueError(f"fractions must hold at least one, and rise by {_LEAST_GAP:g} or more from look to look")
    if any(time >= 1 for time in times[:-1]):
        raise ValueError("fractions must stay below 1 before the last look: at 1 all of the error is spent")
    return times


def _limits(bounds: Sequence[float], fractions: Sequence[float]) -> tuple[float, ...]:
    if len(bounds) != len(fractions):
        raise ValueError(f"bounds must be as many as fractions ({len(fractions)}), not {len(bounds)}")
    return tuple(check_inside(f"bounds[{place}]", bound, 0.0, FARTHEST + 1e-9) for place, bound in enumerate(bounds))
