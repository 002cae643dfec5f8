"""Means per contact: revenue, cost, talk time.

Where single contacts can be extreme, cap the values before they are tallied (`winsorized`) and say so: a tally
cannot tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.stats.arguments import check_inside, check_within
from engine.stats.estimates import Estimate, Lift, estimated
from engine.stats.tallies import Tally


@dataclass(frozen=True, slots=True)
class Winsorized:
    """Every arm's tally with values above `cap` taken as `cap`; `capped` is how many contacts that changed, per arm."""

    tallies: tuple[Tally, ...]
    cap: float
    capped: tuple[int, ...]


def winsorized(arms: Sequence[Sequence[float]], share: float = 0.99, cap: float | None = None) -> Winsorized:
    """The arms' values tallied after the highest were capped. What is compared is then the mean of capped values.

    Args:
        arms: one value per contact, per arm.
        share: the cap is the least value that at least this share of all contacts, whatever their arm, does not
            exceed, so that no arm draws its own.
        cap: a cap that was settled beforehand, instead.

    Source: Kohavi, Tang & Xu 2020, Trustworthy Online Controlled Experiments, chapter 22.
    """
    check_inside("share", share)
    checked = [
        [check_within(f"arms[{arm}]", value, -math.inf, math.inf) for value in arms[arm]] for arm in range(len(arms))
    ]
    everyone = sorted(value for values in checked for value in values)
    if not everyone:
        raise ValueError("arms must hold at least one value")
    limit = (
        everyone[math.ceil(share * len(everyone)) - 1] if cap is None else check_within("cap", cap, -math.inf, math.inf)
    )
    return Winsorized(
        tuple(Tally.of(min(value, limit) for value in values) for values in checked),
        limit,
        tuple(sum(value > limit for value in values) for values in checked),
    )


def mean_interval(tally: Tally, level: float = 0.95) -> tuple[float, float]:
    """(low, high) of one mean, by Student's t. At least two contacts."""
    return mean_intervals([tally], level)[0]


def mean_intervals(tallies: Sequence[Tally], level: float = 0.95) -> list[tuple[float, float]]:
    """`mean_interval` of many means."""
    from scipy.special import stdtrit

    check_inside("level", level)
    reaches = stdtrit([tally.count - 1 for tally in tallies], (1 + level) / 2)
    found = []
    for tally, reach in zip(tallies, reaches, strict=True):
        half, mean = float(reach) * (tally.variance / tally.count) ** 0.5, tally.mean
        found.append((mean - half, mean + half))
    return found


def mean_difference(treated: Tally, control: Tally, level: float = 0.95) -> Estimate:
    """The treated mean minus the control's, by Welch's t-test and its interval.

    Raises:
        ValueError: an arm has fewer than two contacts, or neither arm's values vary at all.

    Source: Welch 1947, Biometrika 34, 28-35.
    """
    check_inside("level", level)
    return estimated([mean_lift(treated, control)], [level])[0]


def mean_lift(treated: Tally, control: Tally) -> Lift:
    """What `mean_difference` reads at a level; raises as it does."""
    return welch(treated.mean - control.mean, (treated.variance, treated.count), (control.variance, control.count))


def relative_means(treated: Tally, control: Tally, level: float = 0.95) -> Estimate:
    """The lift of a mean as a share of the control's, by Fieller, with the p-value of `mean_difference`.

    Where the control's own range reaches zero the lift is open on one side or both: infinite.

    Raises:
        ValueError: as `mean_difference`, or the control's mean is not positive.

    Source: Fieller 1954, JRSS B 16, 175-185, at Welch's degrees of freedom.
    """
    plain = mean_difference(treated, control, level)
    ours, theirs = treated.mean, control.mean
    if theirs <= 0:
        raise ValueError(f"control: the mean must be positive for a relative lift, not {theirs:g}")
    our_error, their_error = treated.variance / treated.count, control.variance / control.count
    square = ((plain.high - plain.low) / 2) ** 2 / (our_error + their_error)
    a = theirs**2 - square * their_error
    inner = square * (our_error * theirs**2 + their_error * ours**2 - square * our_error * their_error)
    value = ours / theirs - 1
    if a == 0 or inner < 0:
        return Estimate(value, -math.inf, math.inf, plain.p_value)
    ends = sorted((ours * theirs + side * math.sqrt(inner)) / a - 1 for side in (-1, 1))
    if a > 0:
        return Estimate(value, ends[0], ends[1], plain.p_value)
    low, high = (ends[1], math.inf) if value >= ends[1] else (-math.inf, ends[0])
    agrees = (plain.p_value < 1 - level) == (low > 0 or high < 0)
    return Estimate(value, low if agrees else -math.inf, high if agrees else math.inf, plain.p_value)


def welch(value: float, treated: tuple[float, float], control: tuple[float, float]) -> Lift:
    """A difference whose arms have these (variance, count)."""
    ours, theirs = treated[0] / treated[1], control[0] / control[1]
    if ours + theirs <= 0:
        raise ValueError("treated and control: no value differs from its arm's mean, so the range is unknown")
    freedom = (ours + theirs) ** 2 / (ours**2 / (treated[1] - 1) + theirs**2 / (control[1] - 1))
    return Lift(value, ours, theirs, freedom)
