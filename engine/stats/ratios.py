"""Ratios of two totals per contact: cost per conversion, revenue per call.

Both quantities belong to one contact. The tally's values are the numerator and its covariates the
denominator: `Tally(count, cost, cost², conversions, conversions², cost·conversions)`.

Sources: delta method, Deng, Knoblich & Lu 2018, KDD, 233-242; Fieller 1954, JRSS B 16, 175-185.
"""

import math
from dataclasses import dataclass

from engine.stats.arguments import check_inside
from engine.stats.estimates import Estimate, Lift
from engine.stats.normal import critical, two_sided
from engine.stats.tallies import Tally


@dataclass(frozen=True, slots=True)
class FiellerSet:
    """The ratios that the data do not reject.

    `shape` is `between` (low to high), `outside` (everything but what lies strictly between low and high)
    or `everything`.
    """

    shape: str
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """The set in words."""
        if self.shape == "between":
            return f"between {self.low:.6g} and {self.high:.6g}"
        if self.shape == "outside":
            return f"at most {self.low:.6g} or at least {self.high:.6g}: the denominator may be zero"
        return "any value: the denominator may be zero, and nothing is ruled out"


def ratio_interval(tally: Tally, level: float = 0.95, method: str = "delta") -> tuple[float, float]:
    """(low, high) of total ÷ covariate total.

    Args:
        method: `delta`, or `fieller`, which is exact for normal means and gives (−∞, ∞) where its set is
            not an interval; `fieller` the function says which case it is.

    Raises:
        ValueError: fewer than two contacts, or a denominator that adds up to zero.
    """
    check_inside("level", level)
    if method == "delta":
        value, variance = _delta("tally", tally)
        half = critical(level) * math.sqrt(variance)
        return value - half, value + half
    if method == "fieller":
        found = fieller(tally, level)
        return (found.low, found.high) if found.shape == "between" else (-math.inf, math.inf)
    raise ValueError(f"method must be 'delta' or 'fieller', not {method!r}")


def fieller(tally: Tally, level: float = 0.95) -> FiellerSet:
    """Every ratio r for which mean(y − r·x) is within its own normal range of zero."""
    square = critical(check_inside("level", level)) ** 2 / tally.count
    y, x = tally.mean, tally.covariate_mean
    a = x * x - square * tally.covariate_variance
    b = x * y - square * tally.covariance
    c = y * y - square * tally.variance
    inner = b * b - a * c
    if a > 0:
        half = math.sqrt(max(0.0, inner))
        return FiellerSet("between", (b - half) / a, (b + half) / a)
    if a == 0 or inner <= 0:
        return FiellerSet("everything", -math.inf, math.inf)
    half = math.sqrt(inner)
    return FiellerSet("outside", (b + half) / a, (b - half) / a)


def ratio_difference(treated: Tally, control: Tally, level: float = 0.95) -> Estimate:
    """The treated ratio minus the control's, by the delta method.

    Raises:
        ValueError: an arm has fewer than two contacts or a denominator that adds up to zero, or
            neither arm's ratio has any spread.
    """
    check_inside("level", level)
    lift = ratio_lift(treated, control)
    half = critical(level) * lift.error
    return Estimate(lift.value, lift.value - half, lift.value + half, two_sided(lift.value / lift.error))


def ratio_lift(treated: Tally, control: Tally) -> Lift:
    """What `ratio_difference` reads at a level; raises as it does."""
    (ours, our_variance), (theirs, their_variance) = _delta("treated", treated), _delta("control", control)
    if our_variance + their_variance == 0:
        raise ValueError("treated and control: no contact differs from its arm's ratio, so the range is unknown")
    return Lift(ours - theirs, our_variance, their_variance)


def _delta(name: str, tally: Tally) -> tuple[float, float]:
    """(ratio, variance of the ratio)."""
    if tally.covariate_total == 0:
        raise ValueError(f"{name}: the denominator adds up to zero; a ratio needs at least one")
    ratio = tally.total / tally.covariate_total
    spread = tally.variance - 2 * ratio * tally.covariance + ratio**2 * tally.covariate_variance
    return ratio, max(0.0, spread) / tally.count / tally.covariate_mean**2
