"""Rates: one arm's, two arms' difference and ratio, many arms at once, strata.

A range and its p-value come from one test, so they never disagree. A zero cell is information: no success
in a hundred against five in a hundred is a difference with a range.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.stats.arguments import Counted, check_arms, check_counted, check_inside
from engine.stats.estimates import Estimate
from engine.stats.normal import critical, two_sided
from engine.stats.roots import bisect

if TYPE_CHECKING:
    from engine.stats.score import Pairs


def rate_interval(
    successes: float, contacts: float, level: float = 0.95, method: str = "wilson"
) -> tuple[float, float]:
    """(low, high) of one rate.

    Args:
        method: `wilson` (the score interval; close to its level on average) or `exact` (Clopper and
            Pearson; never below its level).

    Sources: Wilson 1927, JASA 22, 209-212; Clopper & Pearson 1934, Biometrika 26, 404-413.
    """
    successes, contacts = check_counted("successes, contacts", (successes, contacts))
    if method == "wilson":
        return rate_intervals([(successes, contacts)], level)[0]
    check_inside("level", level)
    if method == "exact":
        from engine.stats.exact import clopper_pearson

        return clopper_pearson(successes, contacts, level)
    raise ValueError(f"method must be 'wilson' or 'exact', not {method!r}")


def rate_intervals(arms: Sequence[Counted], level: float = 0.95) -> list[tuple[float, float]]:
    """`rate_interval` by Wilson of many rates."""
    z = critical(check_inside("level", level))
    return [_wilson(successes, contacts, z) for successes, contacts in (check_arms("arms", arms) if arms else ())]


def difference(*, treated: Counted, control: Counted, level: float = 0.95, method: str = "score") -> Estimate:
    """The treated rate minus the control's.

    Args:
        method: `score` (Miettinen and Nurminen's interval with the score test it inverts) or `newcombe`
            (his hybrid score interval; the p-value is the level at which it reaches zero).

    Sources: Miettinen & Nurminen 1985; Newcombe 1998, Statistics in Medicine 17, 873-890, method 10.
    """
    if method == "score":
        return differences(treated=[treated], control=control, level=level)[0]
    if method == "newcombe":
        check_inside("level", level)
        return _newcombe(check_counted("treated", treated), check_counted("control", control), level)
    raise ValueError(f"method must be 'score' or 'newcombe', not {method!r}")


def differences(
    *, treated: Sequence[Counted], control: Counted | Sequence[Counted], level: float = 0.95
) -> tuple[Estimate, ...]:
    """`difference` by score for many comparisons at once, unadjusted.

    Args:
        control: one pair for all, or as many pairs as `treated` has.
    """
    check_inside("level", level)
    return tuple(_scored(paired(treated, control), level))


def relative(*, treated: Counted, control: Counted, level: float = 0.95) -> Estimate:
    """The lift as a share of the control's rate: 0.175 is 17.5 % more. Score interval of the ratio, less one.

    Its p-value is that of `difference`. A control without a success leaves the upper end (and, when the
    treated have one, the value) infinite; with no success on either side the value is 0 in [-1, ∞).

    Sources: Koopman 1984, Biometrics 40, 513-517; Miettinen & Nurminen 1985.
    """
    return relatives(treated=[treated], control=control, level=level)[0]


def relatives(
    *, treated: Sequence[Counted], control: Counted | Sequence[Counted], level: float = 0.95
) -> tuple[Estimate, ...]:
    """`relative` for many comparisons at once; `control` as in `differences`."""
    from engine.stats.score import difference_statistic

    check_inside("level", level)
    pairs = paired(treated, control)
    return tuple(relative_estimates(pairs, map(two_sided, difference_statistic(pairs).tolist()), level))


def relative_estimates(pairs: Pairs, p_values: Iterable[float], level: float) -> list[Estimate]:
    """`relatives` of comparisons whose p-values are known."""
    from engine.stats.score import ratio_range

    lows, highs = ratio_range(pairs, critical(level))
    counts = (pairs.treated, pairs.treated_contacts, pairs.control, pairs.control_contacts)
    values = [_lift(*pair) for pair in zip(*(count[:, 0].tolist() for count in counts), strict=True)]
    return list(map(Estimate, values, (lows - 1).tolist(), (highs - 1).tolist(), p_values))


def newcombe_ranges(
    *, treated: Sequence[Counted], control: Sequence[Counted], level: float = 0.95
) -> list[tuple[float, float]]:
    """The ranges of `difference` by Newcombe of many comparisons, as many controls as treated."""
    distinct = list(dict.fromkeys((*treated, *control)))
    known = dict(zip(distinct, rate_intervals(distinct, level), strict=True))
    return [_hybrid(ours, known[ours], theirs, known[theirs]) for ours, theirs in zip(treated, control, strict=True)]


def stratified_difference(*, treated: Sequence[Counted], control: Sequence[Counted], level: float = 0.95) -> Estimate:
    """The Mantel-Haenszel difference over strata, with the stratified score interval.

    The p-value is the Cochran-Mantel-Haenszel test's (no continuity correction); with one stratum
    everything is `difference`'s. Strata stand in the same order in both arms; each has a contact in both.

    Sources: Mantel & Haenszel 1959, JNCI 22, 719-748; Klingenberg 2014.
    """
    return stratified_differences(treated=[treated], control=[control], level=level)[0]


def stratified_differences(
    *, treated: Sequence[Sequence[Counted]], control: Sequence[Sequence[Counted]], level: float = 0.95
) -> list[Estimate]:
    """`stratified_difference` of many comparisons, each over strata of its own."""
    import numpy as np

    from engine.stats.score import Pairs

    check_inside("level", level)
    places: dict[int, list[int]] = {}
    rows = []
    for place, (one, other) in enumerate(zip(treated, control, strict=True)):
        ours, theirs = check_arms("treated", one), check_arms("control", other)
        if len(ours) != len(theirs):
            raise ValueError(f"control must have as many strata as treated ({len(ours)}), not {len(theirs)}")
        rows.append([(*ours[stratum], *theirs[stratum]) for stratum in range(len(ours))])
        places.setdefault(len(ours), []).append(place)
    found: dict[int, Estimate] = {}
    for together in places.values():
        pairs = Pairs(*np.moveaxis(np.array([rows[place] for place in together]), 2, 0))
        found |= zip(together, _scored(pairs, level), strict=True)
    return [found[place] for place in range(len(rows))]


def paired(treated: Sequence[Counted], control: Counted | Sequence[Counted]) -> Pairs:
    """Comparisons as the arrays of `score`, one stratum each."""
    import numpy as np

    from engine.stats.score import Pairs

    ours = check_arms("treated", treated)
    if np.ndim(control) == 1:
        theirs = [check_counted("control", control)] * len(ours)  # type: ignore[arg-type]
    else:
        theirs = check_arms("control", control)  # type: ignore[arg-type]
    if len(theirs) != len(ours):
        raise ValueError(f"control must be one pair or as many as treated ({len(ours)}), not {len(theirs)}")
    both = np.array([(*one, *other) for one, other in zip(ours, theirs, strict=True)])
    return Pairs(both[:, 0:1], both[:, 1:2], both[:, 2:3], both[:, 3:4])


def _scored(pairs: Pairs, level: float) -> list[Estimate]:
    """The score test of every comparison, and the range that it inverts."""
    from engine.stats.score import difference_range, difference_statistic, difference_value

    values, statistics = difference_value(pairs), difference_statistic(pairs)
    lows, highs = difference_range(pairs, critical(level))
    p_values = map(two_sided, statistics.tolist())
    return list(map(Estimate, values.tolist(), lows.tolist(), highs.tolist(), p_values))


def _wilson(successes: float, contacts: float, z: float) -> tuple[float, float]:
    rate, square = successes / contacts, z * z
    center = (successes + square / 2) / (contacts + square)
    half = z / (contacts + square) * math.sqrt(rate * (1 - rate) * contacts + square / 4)
    low = 0.0 if successes == 0 else max(0.0, center - half)
    high = 1.0 if successes == contacts else min(1.0, center + half)
    return low, high


def _newcombe(treated: Counted, control: Counted, level: float) -> Estimate:
    value = treated[0] / treated[1] - control[0] / control[1]

    def limits(z: float) -> tuple[float, float]:
        return _hybrid(treated, _wilson(*treated, z), control, _wilson(*control, z))

    def clear_of_zero(z: float) -> float:
        low, high = limits(z)
        return low if value > 0 else -high

    low, high = limits(critical(level))
    p_value = two_sided(bisect(clear_of_zero, 0.0, 1e4)) if value else 1.0
    return Estimate(value, low, high, p_value)


def _hybrid(
    treated: Counted, our_range: tuple[float, float], control: Counted, their_range: tuple[float, float]
) -> tuple[float, float]:
    """Newcombe's range of a difference, from each rate's own."""
    ours, theirs = treated[0] / treated[1], control[0] / control[1]
    return (
        ours - theirs - math.hypot(ours - our_range[0], their_range[1] - theirs),
        ours - theirs + math.hypot(our_range[1] - ours, theirs - their_range[0]),
    )


def _lift(x1: float, n1: float, x0: float, n0: float) -> float:
    if x0:
        return x1 / n1 / (x0 / n0) - 1
    return math.inf if x1 else 0.0
