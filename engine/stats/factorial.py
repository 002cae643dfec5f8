"""Main effects and interactions of a factorial design, from tallies per combination.

The additive model says that a contact's expected number is a base plus one effect per level that it drew. Least squares
over all contacts fits it, and needs only each combination's count, total and total of squares. For a rate this is the
linear probability model; its standard errors allow every combination a spread of its own (White 1980). Where every
combination has as many contacts, an effect is the plain difference of its level's mean and its reference level's.

An interaction is a difference of differences: what two levels do together beyond the sum of what each does alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.stats.arguments import check_inside
from engine.stats.estimates import Estimate
from engine.stats.normal import critical, two_sided
from engine.stats.tallies import Tally

if TYPE_CHECKING:
    from engine.stats.roots import Array

Codes = Sequence[Sequence[int]]
Term = tuple[tuple[int, int], ...]  # one (factor, level) for a main effect, two for an interaction
ESTIMABLE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted additive model: coefficients and their covariance, in the order of (base, *terms)."""

    terms: tuple[Term, ...]
    coefficients: Array
    covariance: Array
    estimable: Array

    def effect(self, factor: int, level: int, confidence: float = 0.95) -> Estimate | None:
        """The effect of a level against its factor's level 0; None where the contacts cannot tell it."""
        weights = [0.0] * (1 + len(self.terms))
        weights[1 + self.terms.index(((factor, level),))] = 1.0
        return self.combination(weights, confidence)

    def predicted(self, levels: Sequence[int], confidence: float = 0.95, *, lift: bool = False) -> Estimate | None:
        """The mean at one level per factor, or with `lift` its difference from level 0 of every factor.

        None where the contacts cannot tell it. The p-value of a mean is against zero.
        """
        holds = [all(levels[factor] == level for factor, level in term) for term in self.terms]
        return self.combination([0.0 if lift else 1.0, *map(float, holds)], confidence)

    def combination(self, weights: Sequence[float], confidence: float = 0.95) -> Estimate | None:
        """A weighted sum of the coefficients with its range; None where the contacts cannot tell it."""
        import numpy as np

        check_inside("confidence", confidence)
        chosen = np.asarray(weights, dtype=float)
        if np.abs(chosen @ self.estimable - chosen).max() > ESTIMABLE:
            return None
        value = float(chosen @ self.coefficients)
        error = math.sqrt(max(0.0, float(chosen @ self.covariance @ chosen)))
        if error <= 0:
            return None
        reach = critical(confidence) * error
        return Estimate(value, value - reach, value + reach, two_sided(abs(value) / error))


def least_squares(
    codes: Codes,
    levels: Sequence[int],
    counts: Sequence[float],
    totals: Sequence[float],
    squares: Sequence[float],
    interactions: Sequence[Term] = (),
) -> Fit:
    """Fit the additive model to tallies of combinations.

    Args:
        codes: per combination, the level of each factor, from 0; 0 is the reference. Shape (combinations, factors).
        levels: how many levels each factor has.
        counts, totals, squares: per combination, contacts, the sum of their numbers, and of their squares.
        interactions: pairs of (factor, level) that get a term of their own.

    Raises:
        ValueError: shapes that do not match, a level outside its factor, a negative count.
    """
    import numpy as np

    coded = np.asarray(codes, dtype=int).reshape(len(codes), len(levels))
    n, total, square = (np.asarray(values, dtype=float) for values in (counts, totals, squares))
    for name, values in (("counts", n), ("totals", total), ("squares", square)):
        if values.shape != (len(coded),):
            raise ValueError(f"{name} must be {len(coded)}, one per combination, not {values.size}")
    if (n < 0).any():
        raise ValueError("counts must not be negative")
    if (coded < 0).any() or (coded >= np.asarray(levels, dtype=int)).any():
        raise ValueError("codes must name a level of each factor, from 0")
    mains: list[Term] = [((factor, level),) for factor, size in enumerate(levels) for level in range(1, size)]
    terms = (*mains, *interactions)
    columns = [np.all([coded[:, factor] == level for factor, level in term], axis=0) for term in terms]
    design = np.column_stack([np.ones(len(coded)), *columns]).astype(float)
    gram = design.T @ (n[:, None] * design)
    inverse = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
    coefficients = inverse @ (design.T @ total)
    fitted = design @ coefficients
    residuals = np.maximum(square - 2 * fitted * total + n * fitted**2, 0.0)
    freedom = max(float(n.sum()) - len(terms) - 1, 1.0)
    meat = design.T @ (residuals[:, None] * design) * (float(n.sum()) / freedom)
    return Fit(terms, coefficients, inverse @ meat @ inverse, inverse @ gram)


def interaction(both: Tally, first: Tally, second: Tally, neither: Tally, confidence: float = 0.95) -> Estimate | None:
    """What two levels do together beyond the sum of what each does alone, from four groups of contacts.

    Args:
        both, first, second, neither: contacts with both levels, with one of them, and with neither.

    Returns:
        (both - first) - (second - neither); None where a group has fewer than two contacts, or nothing varies.
    """
    check_inside("confidence", confidence)
    groups = (both, first, second, neither)
    if min(group.count for group in groups) < 2:
        return None
    value = both.mean - first.mean - second.mean + neither.mean
    error = math.sqrt(sum(max(0.0, group.variance) / group.count for group in groups))
    if error <= 0:
        return None
    reach = critical(confidence) * error
    return Estimate(value, value - reach, value + reach, two_sided(abs(value) / error))
