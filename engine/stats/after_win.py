"""What a winner's lift is worth once it was picked for being high.

An arm that is looked at because it passed a bound looks better than it is. The conditional estimate is the
lift for which what was seen is the middle of what could have been seen *by an arm that passes*. It is named
as such wherever it is shown, beside the raw lift.
"""

from dataclasses import dataclass

from engine.stats.arguments import check_inside
from engine.stats.normal import below, quantile
from engine.stats.roots import bisect


@dataclass(frozen=True, slots=True)
class ConditionalEstimate:
    """A lift given that its arm won: `value` is as often too high as too low, [`low`, `high`] its range.

    It has no p-value: it decides nothing.
    """

    value: float
    low: float
    high: float


def conditional_estimate(value: float, standard_error: float, bound: float, level: float = 0.95) -> ConditionalEstimate:
    """The lift, given that value ÷ standard error had to reach `bound` for the arm to win.

    The hybrid of Andrews, Kitagawa and McCloskey: conditional on passing, but never further from the raw
    lift than what an arm without any lift that passed exceeds only with a tenth of the error, so that
    an arm that barely passed gets no absurd answer. Among arms that pass, whatever their lift from zero up,
    the range covers with at least `level`. The further above the bound, the nearer to the raw lift; barely
    above it the value may fall below zero: then the win alone says little about the size.

    Args:
        value: the raw lift of an arm that won; at least `bound` standard errors.
        standard_error: of the raw lift.
        bound: the z that made it a winner: 1.96, Dunnett's for many arms, or for a race the z at which its
            range just left zero.

    Raises:
        ValueError: the lift did not pass the bound, so nothing was picked.

    Source: Andrews, Kitagawa & McCloskey 2024, Quarterly Journal of Economics 139, 305-358.
    """
    error = 1 - check_inside("level", level)
    tail = (error - error / 10) / (1 - error / 10) / 2
    low, high = (conditional_lift(value, standard_error, bound, level, share) for share in (tail, 1 - tail))
    return ConditionalEstimate(conditional_lift(value, standard_error, bound, level), low, high)


def conditional_lift(
    value: float, standard_error: float, bound: float, level: float = 0.95, share: float = 0.5
) -> float:
    """The lift that lets an arm which passes see `value` or more with the chance `share`.

    At a half it is the `value` of `conditional_estimate`; arguments and errors are as there.
    """
    check_inside("standard_error", standard_error, 0.0, float("inf"))
    z = value / standard_error
    if not z >= bound:
        raise ValueError(f"value must be at least bound × standard_error ({bound * standard_error:g}), not {value:g}")
    error = 1 - check_inside("level", level)
    reach = -quantile(below(-bound) * error / 10)
    return bisect(lambda mean: share - _chance_above(z, mean, bound, reach), z - reach, z + reach) * standard_error


def _chance_above(z: float, mean: float, bound: float, reach: float) -> float:
    """P(Z ≥ z) for Z normal around `mean`, known to pass the bound and to lie within `reach` of its mean."""
    least = max(bound - mean, -reach)
    above, all_that_pass = below(mean - z) - below(-reach), below(-least) - below(-reach)
    return min(1.0, max(0.0, above / all_that_pass)) if all_that_pass > 0 else 0.0
