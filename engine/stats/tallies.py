"""An arm's tally: how many contacts, their total and their total of squares.

Tallies add, so an arm's tally over days, strata or databases is the sum of the parts, and no statistic
needs a row. With a covariate known before the call (an earlier spend, say) or a second quantity per
contact (the denominator of a ratio), a tally also holds that quantity's total, squares and products.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_SUMS = ("count", "total", "squares", "covariate_total", "covariate_squares", "products")


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over contacts: `count` of y⁰, `total` of y, `squares` of y², `products` of x·y, x the covariate."""

    count: float
    total: float
    squares: float
    covariate_total: float = 0.0
    covariate_squares: float = 0.0
    products: float = 0.0

    def __post_init__(self) -> None:
        if not math.isfinite(sum(self.sums)):
            for name, value in zip(_SUMS, self.sums, strict=True):
                if not math.isfinite(value):
                    raise ValueError(f"{name} must be finite, not {value}")
        if min(self.count, self.squares, self.covariate_squares) < 0:
            for name in ("count", "squares", "covariate_squares"):
                if getattr(self, name) < 0:
                    raise ValueError(f"{name} must not be negative, not {getattr(self, name):g}")
        self._check_squares("squares", self.total, self.squares)
        self._check_squares("covariate_squares", self.covariate_total, self.covariate_squares)
        if self.products**2 > self.squares * self.covariate_squares * (1 + 1e-9) + 1e-12:
            raise ValueError("products exceed what squares and covariate_squares allow")

    def _check_squares(self, name: str, total: float, squares: float) -> None:
        if self.count == 0 and (total or squares):
            raise ValueError(f"{name}: a tally of no contacts has no total and no squares")
        if total * total > squares * self.count * (1 + 1e-9) + 1e-12:
            raise ValueError(f"{name} ({squares:g}) are too small for the total ({total:g}) of {self.count:g} contacts")

    @classmethod
    def of_rate(cls, successes: float, contacts: float) -> Tally:
        """The tally of yes and no: each success is a one."""
        return cls(contacts, successes, successes)

    @classmethod
    def of(cls, values: Iterable[float], covariates: Iterable[float] | None = None) -> Tally:
        """The tally of one value per contact, and of one covariate per contact when given."""
        ys = [float(value) for value in values]
        xs = [0.0] * len(ys) if covariates is None else [float(value) for value in covariates]
        if len(xs) != len(ys):
            raise ValueError(f"covariates must be as many as values ({len(ys)}), not {len(xs)}")
        return cls(
            len(ys),
            math.fsum(ys),
            math.fsum(y * y for y in ys),
            math.fsum(xs),
            math.fsum(x * x for x in xs),
            math.fsum(x * y for x, y in zip(xs, ys, strict=True)),
        )

    def __add__(self, other: Tally) -> Tally:
        if not isinstance(other, Tally):
            return NotImplemented
        return Tally.together([self, other])

    @classmethod
    def together(cls, tallies: Iterable[Tally]) -> Tally:
        """The tally of everyone in these tallies."""
        return cls(*map(sum, zip(cls(0, 0, 0).sums, *(tally.sums for tally in tallies), strict=True)))

    @property
    def sums(self) -> tuple[float, ...]:
        """The six sums, in the order of the fields."""
        return (
            self.count, self.total, self.squares, self.covariate_total, self.covariate_squares, self.products,
        )  # fmt: skip

    @property
    def mean(self) -> float:
        """The average over contacts; at least one is needed."""
        return self.total / self._at_least(1)

    @property
    def variance(self) -> float:
        """The sample variance (n − 1); at least two contacts are needed."""
        return self._central(self.total, self.total, self.squares)

    @property
    def covariate_mean(self) -> float:
        """The covariate's average over contacts."""
        return self.covariate_total / self._at_least(1)

    @property
    def covariate_variance(self) -> float:
        """The covariate's sample variance."""
        return self._central(self.covariate_total, self.covariate_total, self.covariate_squares)

    @property
    def covariance(self) -> float:
        """The sample covariance of value and covariate."""
        count = self._at_least(2)
        return (self.products - self.total * self.covariate_total / count) / (count - 1)

    def _central(self, left: float, right: float, products: float) -> float:
        count = self._at_least(2)
        central = (products - left * right / count) / (count - 1)
        return 0.0 if central <= 1e-14 * products else central

    def _at_least(self, contacts: int) -> float:
        if self.count < contacts:
            raise ValueError(f"count must be at least {contacts} for this, not {self.count:g}")
        return self.count
