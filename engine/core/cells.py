"""The primary metric's tallies per combination of a factorial round, and what only combinations can tell.

`Cells` answer three questions: each level's effect with all the others held alike (least squares), whether two levels
do more or less together than the sum of both, and what one combination comes to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

from engine.core.experiments import CONTROL
from engine.stats.estimates import Estimate
from engine.stats.factorial import Fit, interaction, least_squares
from engine.stats.multiplicity import holm
from engine.stats.tallies import Tally

if TYPE_CHECKING:
    from engine.stats.roots import Array

LEAST_PEOPLE = 100
LEAST_SUCCESSES = 10
Groups = tuple[Tally, Tally, Tally, Tally]
Level = tuple[int, int]  # (variable, level), by their places; level 0 is the control's own


@dataclass(frozen=True, slots=True)
class Interaction:
    """Two arms of different variables; `people` is the smallest of the four groups that are compared.

    `adjusted` is corrected over all pairs, as its p-value is: it leaves zero out exactly when that is below one minus
    the level.
    """

    arms: tuple[str, str]
    estimate: Estimate
    adjusted: Estimate
    people: int


@dataclass(frozen=True)
class Cells:
    """One tally per combination that somebody drew. `codes` name each variable's level by its place in `options`."""

    options: Mapping[str, tuple[str, ...]]
    codes: Sequence[Sequence[int]]
    tallies: Sequence[Tally]
    exclude: Sequence[Mapping[str, str]] = ()
    kind: str = "rate"

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self.options)

    def level_of(self, arm: str) -> Level:
        """Where an arm stands."""
        return next(
            (place, arms.index(arm))
            for place, arms in enumerate(self.options.values())
            if arm in arms and arm != CONTROL
        )

    def fit(self, together: Sequence[tuple[str, str]] = ()) -> Fit:
        """The additive model over all combinations; the pairs `together` get a term of their own."""
        return least_squares(
            self.codes,
            [len(arms) for arms in self.options.values()],
            [tally.count for tally in self.tallies],
            [tally.total for tally in self.tallies],
            [tally.squares for tally in self.tallies],
            [tuple(sorted((self.level_of(one), self.level_of(other)))) for one, other in together],
        )

    def drawn(self, arms: Sequence[str]) -> list[int]:
        """The level of every variable in the combination that takes these arms."""
        levels = dict(self.level_of(arm) for arm in arms)
        return [levels.get(place, 0) for place in range(len(self.options))]

    def forbids(self, arms: Sequence[str]) -> Mapping[str, str] | None:
        """The exclusion that stands against the combination of these arms; None when none does."""
        levels = self.drawn(arms)
        named = {name: self.options[name][level] for name, level in zip(self.options, levels, strict=True)}
        against = (one for one in self.exclude if all(named[name] == arm for name, arm in one.items()))
        return next(against, None)

    def interactions(self, level: float) -> tuple[tuple[Interaction, ...], int]:
        """Every pair that enough people drew, corrected over those pairs (Holm); and how many pairs are hidden."""
        found: list[tuple[tuple[str, str], Estimate, Groups]] = []
        pairs = 0
        for one, other in combinations(self.options, 2):
            for arms in ((a, b) for a in self.options[one][1:] for b in self.options[other][1:]):
                pairs += 1
                groups = self.four(*arms)
                estimate = interaction(*groups, level) if self._enough(groups) else None
                if estimate:
                    found.append((arms, estimate, groups))
        adjusted = holm([estimate.p_value for _, estimate, _ in found]) if found else []
        rows = [
            Interaction(
                arms,
                estimate,
                _corrected(estimate, groups, p_value, len(found), level),
                round(min(group.count for group in groups)),
            )
            for (arms, estimate, groups), p_value in zip(found, adjusted, strict=True)
        ]
        return tuple(sorted(rows, key=lambda row: (row.adjusted.p_value, row.estimate.p_value))), pairs - len(rows)

    def four(self, one: str, other: str) -> Groups:
        """The tallies of contacts with both arms, with either alone, and with the control's levels of both variables.

        Only over levels of the other variables that can stand beside all four.
        """
        (v, a), (w, b) = self.level_of(one), self.level_of(other)
        among = self._beside(v, a, w, b)
        return (self._tally(among, v, a, w, b), self._tally(among, v, a, w, 0), self._tally(among, v, 0, w, b),
                self._tally(among, v, 0, w, 0))  # fmt: skip

    def _enough(self, groups: Sequence[Tally]) -> bool:
        if min(group.count for group in groups) < LEAST_PEOPLE:
            return False
        return self.kind != "rate" or min(group.total for group in groups) >= LEAST_SUCCESSES

    @cached_property
    def _arrays(self) -> "tuple[Array, Array]":
        import numpy as np

        codes = np.asarray(self.codes, dtype=int).reshape(len(self.codes), len(self.options))
        sums = [(tally.count, tally.total, tally.squares) for tally in self.tallies]
        return codes, np.asarray(sums, dtype=float).reshape(len(sums), 3)

    def _beside(self, v: int, a: int, w: int, b: int) -> "Array":
        import numpy as np

        codes, _ = self._arrays
        possible = np.ones(len(codes), dtype=bool)
        for excluded in self.exclude:
            named = {self.variables.index(name): self.options[name].index(arm) for name, arm in excluded.items()}
            elsewhere = [codes[:, place] == level for place, level in named.items() if place not in (v, w)]
            reached = named.get(v, a) in (0, a) and named.get(w, b) in (0, b) and (v in named or w in named)
            if reached:
                possible &= ~np.all(elsewhere, axis=0) if elsewhere else False
        return possible

    def _tally(self, among: "Array", v: int, a: int, w: int, b: int) -> Tally:
        codes, sums = self._arrays
        chosen = among & (codes[:, v] == a) & (codes[:, w] == b)
        count, total, squares = (float(part) for part in sums[chosen].sum(axis=0))
        return Tally(count, total, squares)


def _corrected(estimate: Estimate, groups: Groups, p_value: float, pairs: int, level: float) -> Estimate:
    """The estimate with Holm's p-value and the range that agrees with it: Bonferroni's, or the step's that passed."""
    times = p_value / estimate.p_value if p_value < 1 - level and estimate.p_value > 0 else pairs
    wide = interaction(*groups, 1 - (1 - level) / times) or estimate
    return Estimate(estimate.value, wide.low, wide.high, p_value)
