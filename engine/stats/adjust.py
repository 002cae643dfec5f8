"""A covariate that was known before the call makes the range of a lift shorter, and leaves the lift unbiased."""

from engine.stats.arguments import check_inside
from engine.stats.estimates import Estimate, Lift, estimated
from engine.stats.means import mean_lift, welch
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
