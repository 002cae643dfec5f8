"""A covariate that was known before the call makes the range of a lift shorter, and leaves the lift unbiased.

What is known may be a number (CUPED), a stratum (post-stratification, beside Mantel and Haenszel's in `rates`), or
several numbers per contact (`engine.stats.logistic`).
"""

import math
from collections.abc import Sequence

from engine.stats.arguments import check_inside
from engine.stats.estimates import Estimate, Lift, estimated
from engine.stats.means import mean_lift, welch
from engine.stats.normal import critical, two_sided
from engine.stats.tallies import Tally


def cuped_difference(treated: Tally, control: Tally, level: float = 0.95) -> Estimate:
    """The treated mean minus the control's after the covariate explained what it can.

    One slope is fitted within both arms; the adjusted values are compared by Welch. A covariate that is
    the same for everyone changes nothing: the result is `mean_difference`'s.

    Raises:
        ValueError: an arm has fewer than two contacts, or nothing is left that varies.

    Source: Deng, Xu, Kohavi & Walker 2013, WSDM, 123-132.
    """
    check_inside("level", level)
    return estimated([cuped_lift(treated, control)], [level])[0]


def cuped_lift(treated: Tally, control: Tally) -> Lift:
    """What `cuped_difference` reads at a level; raises as it does."""
    slope = shared_slope(treated, control)
    if slope == 0:
        return mean_lift(treated, control)
    value = treated.mean - control.mean - slope * (treated.covariate_mean - control.covariate_mean)
    return welch(value, (_left(treated, slope), treated.count), (_left(control, slope), control.count))


def variance_saved(treated: Tally, control: Tally) -> float:
    """The share of the variance, 0 to 1, that the covariate explains: the share of the calls it saves."""
    slope = shared_slope(treated, control)
    before = treated.variance / treated.count + control.variance / control.count
    after = _left(treated, slope) / treated.count + _left(control, slope) / control.count
    return max(0.0, 1 - after / before) if before > 0 else 0.0


def poststratified_difference(treated: Sequence[Tally], control: Sequence[Tally], level: float = 0.95) -> Estimate:
    """The difference of means if both arms had everybody's mix of strata.

    A stratum weighs what it holds of all contacts, so that the value is the effect on these people even where
    strata differ in it; Mantel and Haenszel's weights are the sharper where they do not.

    Args:
        treated, control: one tally per stratum, in the same order, of two contacts or more each.

    Raises:
        ValueError: a stratum with fewer than two contacts in an arm, or nothing that varies.

    Source: Miratrix, Sekhon & Yu 2013, JRSS B 75, 369-396.
    """
    z = critical(check_inside("level", level))
    weights = _shares(treated, control)
    value = math.fsum(
        weight * (ours.mean - theirs.mean) for weight, ours, theirs in zip(weights, treated, control, strict=True)
    )
    error = math.sqrt(_within(weights, treated, control))
    if error == 0:
        raise ValueError("treated and control: nobody differs from their stratum's mean, so the range is unknown")
    return Estimate(value, value - z * error, value + z * error, two_sided(value / error))


def strata_saved(treated: Sequence[Tally], control: Sequence[Tally]) -> float:
    """The share of the variance, 0 to 1, that the strata explain: the share of the calls they save."""
    after = _within(_shares(treated, control), treated, control)
    ours, theirs = sum(treated[1:], treated[0]), sum(control[1:], control[0])
    before = ours.variance / ours.count + theirs.variance / theirs.count
    return max(0.0, 1 - after / before) if before > 0 else 0.0


def _shares(treated: Sequence[Tally], control: Sequence[Tally]) -> list[float]:
    """Each stratum's share of all contacts."""
    if not treated or len(treated) != len(control):
        raise ValueError(
            f"control must have as many strata as treated ({len(treated)}), at least one, not {len(control)}"
        )
    counts = [ours.count + theirs.count for ours, theirs in zip(treated, control, strict=True)]
    return [count / math.fsum(counts) for count in counts]


def _within(weights: Sequence[float], treated: Sequence[Tally], control: Sequence[Tally]) -> float:
    """The variance of the post-stratified difference."""
    return math.fsum(
        weight**2 * (ours.variance / ours.count + theirs.variance / theirs.count)
        for weight, ours, theirs in zip(weights, treated, control, strict=True)
    )


def shared_slope(treated: Tally, control: Tally) -> float:
    """The slope of values on covariates, pooled within the arms; zero when the covariate does not vary."""
    ours, theirs = treated.count - 1, control.count - 1
    spread = ours * treated.covariate_variance + theirs * control.covariate_variance
    if spread <= 0:
        return 0.0
    return (ours * treated.covariance + theirs * control.covariance) / spread


def _left(tally: Tally, slope: float) -> float:
    """The variance of value − slope · covariate."""
    variance = tally.variance - 2 * slope * tally.covariance + slope**2 * tally.covariate_variance
    return max(0.0, variance)
