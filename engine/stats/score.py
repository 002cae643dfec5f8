"""Score tests of two rates, and the ranges that invert them, over many arms and strata in lockstep.

Arrays have the shape (comparisons, strata). The difference is Miettinen and Nurminen's: at every possible
difference the rates are fitted to it, and a difference belongs to the range when it is not rejected. Strata
are weighed by Mantel and Haenszel, so that the statistic at zero is the Cochran-Mantel-Haenszel one.

Sources: Miettinen & Nurminen 1985, Statistics in Medicine 4, 213-226; Klingenberg 2014, ibid. 33, 2968-2983 (strata).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.stats.fitted import fitting
from engine.stats.roots import lockstep

if TYPE_CHECKING:
    from engine.stats.roots import Array


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Treated and control counts, each of the shape (comparisons, strata)."""

    treated: Array
    treated_contacts: Array
    control: Array
    control_contacts: Array

    def twice(self) -> Pairs:
        """Every comparison a second time, for the two ends of its range."""
        import numpy as np

        parts = (self.treated, self.treated_contacts, self.control, self.control_contacts)
        return Pairs(*(np.concatenate([part, part]) for part in parts))

    @property
    def contacts(self) -> Array:
        return self.treated_contacts + self.control_contacts

    @property
    def inflation(self) -> Array:
        """N/(N − 1), Miettinen and Nurminen's correction of the variance."""
        return self.contacts / (self.contacts - 1)

    @property
    def weights(self) -> Array:
        """Mantel and Haenszel's weights of the strata, adding up to one."""
        raw: Array = self.treated_contacts * self.control_contacts / self.contacts
        weights: Array = raw / raw.sum(axis=1, keepdims=True)
        return weights


def difference_value(pairs: Pairs) -> Array:
    """The weighted difference of the rates, one per comparison."""
    gaps = pairs.treated / pairs.treated_contacts - pairs.control / pairs.control_contacts
    value: Array = (pairs.weights * gaps).sum(axis=1)
    return value


def difference_statistic(pairs: Pairs) -> Array:
    """The z-statistic against no difference; zero when no spread is possible under it."""
    import numpy as np

    value = difference_value(pairs)
    spread = _spread(pairs)(np.zeros_like(value))
    statistic: Array = np.where(spread > 0, value / np.where(spread > 0, spread, 1.0), 0.0)
    return statistic


def difference_range(pairs: Pairs, critical: float | Array) -> tuple[Array, Array]:
    """(low, high): every difference whose |z| stays within `critical`, one for all or one per comparison."""
    import numpy as np

    value = difference_value(pairs)
    spread, values, reach = _spread(pairs.twice()), np.tile(value, 2), _reach(value, critical)

    def gap(lift: Array) -> Array:
        result: Array = values - lift - reach * spread(lift)
        return result

    ends, away = np.ones_like(value), 2 * np.abs(reach[: len(value)]) * _likely_error(pairs)
    sides = np.maximum(value - _INSIDE, -ends), np.minimum(value + _INSIDE, ends)
    return _crossings(gap, sides, (-ends, ends), (value - away, value + away))


_INSIDE = 1e-12
"""A fitted spread can vanish at the estimate itself; the search starts just beside it."""


def _reach(value: Array, critical: float | Array) -> Array:
    """How many standard errors, signed: first for the lower ends, then for the upper."""
    import numpy as np

    reach = critical * np.ones_like(value)
    return np.concatenate([reach, -reach])


def _likely_error(pairs: Pairs) -> Array:
    """Roughly the standard error of a difference, never zero: where a search begins, and nothing else."""
    import numpy as np

    def variance(successes: Array, contacts: Array) -> Array:
        rate = (successes + 1) / (contacts + 2)
        result: Array = rate * (1 - rate) / contacts
        return result

    both = variance(pairs.treated, pairs.treated_contacts) + variance(pairs.control, pairs.control_contacts)
    error: Array = np.sqrt((pairs.weights**2 * both).sum(axis=1))
    return error


def _crossings(
    gap: Callable[[Array], Array],
    sides: tuple[Array, Array],
    ends: tuple[Array, Array],
    likely: tuple[Array, Array],
) -> tuple[Array, Array]:
    """The roots of `gap` in [first end, first side] and [second side, last end], all in lockstep.

    Each is searched on the side of zero that the test at zero itself names, so that the range and the test
    agree to the last bit, whatever the search rounds; and between the estimate and where an end is `likely` to lie
    before, wherever that is so.
    """
    import numpy as np

    low, high = np.concatenate([ends[0], sides[1]]), np.concatenate([sides[0], ends[1]])
    inside = (low < 0) & (high > 0)
    positive = gap(np.zeros_like(low)) > 0
    low, high = np.where(inside & positive, 0.0, low), np.where(inside & ~positive, 0.0, high)
    guess = np.minimum(np.maximum(np.concatenate(likely), low), high)
    found = gap(guess)
    positive = found > 0
    beyond = gap(np.where(positive, high, low))
    roots = lockstep(
        gap,
        np.where(positive, guess, low),
        np.where(positive, high, guess),
        values=(np.where(positive, found, beyond), np.where(positive, beyond, found)),
    )
    return roots[: len(sides[0])], roots[len(sides[0]) :]


def _spread(pairs: Pairs) -> Callable[[Array], Array]:
    """Lift → the standard error of the weighted difference when that is the true one."""
    import numpy as np

    control = (pairs.control, pairs.control_contacts)
    treated = (pairs.treated, pairs.treated_contacts)
    scale = pairs.weights**2 * pairs.inflation
    our_scale, their_scale, fitted = scale / treated[1], scale / control[1], fitting(control, treated)

    def spread(lift: Array) -> Array:
        delta = lift[:, None]
        p0 = fitted(delta)
        p1 = np.minimum(np.maximum(p0 + delta, 0.0), 1.0)
        variance = our_scale * p1 * (1 - p1) + their_scale * p0 * (1 - p0)
        result: Array = np.sqrt(variance.sum(axis=1))
        return result

    return spread


def ratio_range(pairs: Pairs, critical: float) -> tuple[Array, Array]:
    """(low, high) of treated rate ÷ control rate, for one stratum; 0 and infinity where the data leave it open.

    The test of a ratio of one is the test of a difference of zero, so both ranges tell the same.
    """
    import numpy as np

    both = pairs.twice()
    x1, n1, x0, n0 = (part[:, 0] for part in (both.treated, both.treated_contacts, both.control, both.control_contacts))
    inflation, reach = both.inflation[:, 0], _reach(pairs.treated[:, 0], critical)

    def gap(log_ratio: Array) -> Array:
        ratio = np.exp(log_ratio)
        linear = ratio * (n1 + x0) + x1 + n0
        root = np.sqrt(np.maximum(linear**2 - 4 * (n1 + n0) * ratio * (x1 + x0), 0.0))
        control = np.minimum(2 * (x1 + x0) / (linear + root), np.minimum(1.0, 1 / ratio))
        treated = np.clip(ratio * control, 0.0, 1.0)
        variance = treated * (1 - treated) / n1 + ratio**2 * control * (1 - control) / n0
        result: Array = (x1 / n1 - ratio * x0 / n0 - reach * np.sqrt(variance * inflation)) / (1 + ratio)
        return result

    half = len(x1) // 2
    some, control_some = x1[:half] > 0, x0[:half] > 0
    seen = some & control_some
    odds = np.where(seen, (x1 * n0)[:half], 1.0) / np.where(seen, (x0 * n1)[:half], 1.0)
    far = np.full(half, 30.0)
    away = 2 * np.abs(reach[:half]) * np.sqrt(1 / (x1[:half] + 1) + 1 / (x0[:half] + 1))
    low, high = _crossings(
        gap,
        (np.where(control_some, np.log(odds) - _INSIDE, far), np.where(some, np.log(odds) + _INSIDE, -far)),
        (-far, far),
        (np.log(odds) - away, np.log(odds) + away),
    )
    return np.where(some, np.exp(low), 0.0), np.where(control_some, np.exp(high), np.inf)
