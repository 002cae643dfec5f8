"""Numbers per metric and arm, and every arm against the control.

Each comparison carries two pairs that never disagree within themselves: `estimate`, unadjusted at the level that
is shown, and `adjusted`, at one minus alpha over all arms together (Dunnett).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.core.evidence import MetricTallies, Question
from engine.core.sentences import Sentence
from engine.stats.adjust import cuped_difference, variance_saved
from engine.stats.beliefs import best_and_loss
from engine.stats.estimates import Estimate
from engine.stats.means import mean_difference, mean_interval
from engine.stats.multiplicity import benjamini_hochberg, dunnett, dunnett_adjusted, dunnett_critical
from engine.stats.normal import quantile, two_sided
from engine.stats.rates import difference, differences, rate_interval, relatives, stratified_difference
from engine.stats.ratios import ratio_difference, ratio_interval
from engine.stats.tallies import Tally

NOBODY = "nobody was counted in this arm or in the control"


@dataclass(frozen=True, slots=True)
class ArmNumbers:
    """One arm's number. `estimate` and `interval` are None for the reason given."""

    arm: str
    contacts: float
    total: float
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against the control; what could not be computed is None, for the reason given.

    `stratified` weighs strata, `covaried` takes a covariate into account and saves `saved` of the variance.
    `newcombe` is his range of a difference of rates, beside the score interval of `estimate`.
    `q_value` is adjusted over the secondary metrics (Benjamini-Hochberg). `apart` says why the arm is not compared.
    """

    arm: str
    contacts: float
    control_contacts: float
    estimate: Estimate | None = None
    relative: Estimate | None = None
    adjusted: Estimate | None = None
    bound: float | None = None
    stratified: Estimate | None = None
    covaried: Estimate | None = None
    saved: float | None = None
    q_value: float | None = None
    newcombe: tuple[float, float] | None = None
    probability_best: float | None = None
    expected_loss: float | None = None
    reason: str = ""
    apart: Sentence | None = None


@dataclass(frozen=True, slots=True)
class MetricNumbers:
    """A metric's numbers: one per arm, one comparison per arm beside the control."""

    metric: MetricTallies
    arms: tuple[ArmNumbers, ...]
    comparisons: tuple[Comparison, ...]

    def against_control(self, arm: str) -> Comparison:
        """The comparison of this arm."""
        return next(comparison for comparison in self.comparisons if comparison.arm == arm)

    def number(self, arm: str) -> ArmNumbers:
        """The arm's own number."""
        return next(number for number in self.arms if number.arm == arm)


def compare_all(question: Question, metrics: Sequence[MetricTallies]) -> tuple[MetricNumbers, ...]:
    """The numbers of every metric; secondary metrics get their q-values over all of them."""
    return with_q_values([compare(question, metric) for metric in metrics])


def with_q_values(numbers: Sequence[MetricNumbers]) -> tuple[MetricNumbers, ...]:
    """The numbers with the secondary metrics' q-values over all of them (Benjamini-Hochberg)."""
    found = [
        comparison.estimate.p_value
        for each in numbers
        for comparison in each.comparisons
        if each.metric.role == "secondary" and comparison.estimate
    ]
    q_values = iter(benjamini_hochberg(found))
    return tuple(
        replace(
            each,
            comparisons=tuple(
                replace(comparison, q_value=next(q_values)) if comparison.estimate else comparison
                for comparison in each.comparisons
            ),
        )
        if each.metric.role == "secondary"
        else each
        for each in numbers
    )


def compare(question: Question, metric: MetricTallies) -> MetricNumbers:
    """One metric's numbers."""
    arms = tuple(arm_numbers(metric, arm, question.level) for arm in question.arms)
    comparisons = compare_arms(question, metric)
    return MetricNumbers(metric, arms, tuple(_with_extras(question, metric, each) for each in comparisons))


def compare_arms(question: Question, metric: MetricTallies) -> list[Comparison]:
    """Every arm against the control, adjusted over the arms that chance deals; other packs of people are a family
    of their own, described and never ranked. What stands apart is not compared, and says why.
    """
    dealt = [arm for arm in question.treated if question.dealt(arm) and arm not in metric.apart]
    packs = [arm for arm in question.treated if not question.dealt(arm) and arm not in metric.apart]
    found = {each.arm: each for each in _compare_family(question, metric, dealt)}
    for each in _compare_family(question, metric, packs):
        found[each.arm] = replace(each, relative=None, probability_best=None, expected_loss=None)
    return [found[arm] if arm in found else _not_compared(question, metric, arm) for arm in question.treated]


def _compare_family(question: Question, metric: MetricTallies, arms: list[str]) -> list[Comparison]:
    if not arms:
        return []
    family = question if len(arms) == len(question.treated) else replace(question, arms=(question.control, *arms))
    return _compare_rates(family, metric) if metric.kind == "rate" else _compare_others(family, metric)


def _not_compared(question: Question, metric: MetricTallies, arm: str) -> Comparison:
    people, theirs = metric.counted(arm)[1], metric.counted(question.control)[1]
    return Comparison(arm, people, theirs, apart=metric.apart[arm])


def arm_numbers(metric: MetricTallies, arm: str, level: float) -> ArmNumbers:
    """One arm's own number and its range."""
    total, contacts = metric.counted(arm)
    numbers = ArmNumbers(arm, contacts, total)
    if contacts < 1:
        return replace(numbers, reason="nobody was counted in this arm")
    tally = metric.tallies[arm]
    if metric.kind == "rate":
        return replace(numbers, estimate=total / contacts, interval=rate_interval(total, contacts, level))
    if metric.kind == "ratio" and tally.covariate_total == 0:
        return replace(numbers, reason="the denominator adds up to zero")
    estimate = tally.mean if metric.kind == "mean" else total / tally.covariate_total
    if contacts < 2:
        return replace(numbers, estimate=estimate, reason="a range needs at least two people")
    interval = mean_interval(tally, level) if metric.kind == "mean" else ratio_interval(tally, level)
    return replace(numbers, estimate=estimate, interval=interval)


def _compare_rates(question: Question, metric: MetricTallies) -> list[Comparison]:
    """All arms of a rate at once: score intervals, Dunnett on the same statistics."""
    control, counted = metric.counted(question.control), {arm: metric.counted(arm) for arm in question.treated}
    empty = [Comparison(arm, counted[arm][1], control[1], reason=NOBODY) for arm in question.treated]
    living = [arm for arm in question.treated if counted[arm][1] >= 1 and control[1] >= 1]
    if not living:
        return empty
    treated = [counted[arm] for arm in living]
    estimates = differences(treated=treated, control=control, level=question.level)
    lifts = relatives(treated=treated, control=control, level=question.level)
    adjusted = dunnett(treated=treated, control=control, level=1 - question.alpha)
    loadings = tuple(math.sqrt(contacts / (contacts + control[1])) for _, contacts in treated)
    bound = dunnett_critical(loadings, 1 - question.alpha)
    best, losses = best_and_loss([control, *treated])
    by_arm = {
        arm: replace(
            comparison, estimate=estimates[place], relative=lifts[place], adjusted=adjusted[place], bound=bound,
            probability_best=best[place + 1], expected_loss=losses[place + 1], reason="",
        )
        for place, (arm, comparison) in enumerate(
            (comparison.arm, comparison) for comparison in empty if comparison.arm in living
        )
    }  # fmt: skip
    return [by_arm.get(comparison.arm, comparison) for comparison in empty]


Difference = Callable[[Tally, Tally, float], Estimate]


def _compare_others(question: Question, metric: MetricTallies) -> list[Comparison]:
    """Means by Welch, ratios by the delta method, each adjusted over the arms by Dunnett's bound."""
    subtract: Difference = mean_difference if metric.kind == "mean" else ratio_difference
    control = metric.tallies.get(question.control, Tally(0, 0, 0))
    comparisons = []
    for arm in question.treated:
        tally = metric.tallies.get(arm, Tally(0, 0, 0))
        comparison = Comparison(arm, tally.count, control.count)
        try:
            estimate = subtract(tally, control, question.level)
        except ValueError as error:
            comparisons.append(replace(comparison, reason=str(error)))
            continue
        comparisons.append(replace(comparison, estimate=estimate, relative=_relative(metric, tally, control, estimate)))
    return _adjusted_over_arms(question, metric, comparisons, subtract)


def _relative(metric: MetricTallies, treated: Tally, control: Tally, estimate: Estimate) -> Estimate | None:
    """The lift as a share of the control's own number, its range left open; None when that is not positive."""
    base = control.mean if metric.kind == "mean" else control.total / control.covariate_total
    if base <= 0:
        return None
    return Estimate(estimate.value / base, -math.inf, math.inf, estimate.p_value)


def _adjusted_over_arms(
    question: Question, metric: MetricTallies, comparisons: list[Comparison], subtract: Difference
) -> list[Comparison]:
    """Dunnett for t-tests, on the z that has the same p-value; its range is the same test at its bound."""
    control = metric.tallies.get(question.control, Tally(0, 0, 0))
    living = {each.arm: each.estimate for each in comparisons if each.estimate}
    if not living:
        return comparisons
    loadings = tuple(_loading(metric, metric.tallies[arm], control) for arm in living)
    statistics = [z_of(estimate.p_value) for estimate in living.values()]
    p_values = dict(zip(living, dunnett_adjusted(statistics, loadings), strict=True))
    bound = dunnett_critical(loadings, 1 - question.alpha)
    wide = 1 - two_sided(bound)
    result = []
    for each in comparisons:
        if each.arm not in living:
            result.append(each)
            continue
        range_ = subtract(metric.tallies[each.arm], control, wide)
        adjusted = replace(range_, p_value=p_values[each.arm])
        result.append(replace(each, adjusted=adjusted, bound=bound))
    return result


def _loading(metric: MetricTallies, treated: Tally, control: Tally) -> float:
    """How strongly the shared control ties this arm's statistic to the others'."""
    ours, theirs = _variance(metric, treated) / treated.count, _variance(metric, control) / control.count
    return min(max(math.sqrt(theirs / (ours + theirs)), 1e-6), 1 - 1e-6)


def _variance(metric: MetricTallies, tally: Tally) -> float:
    if metric.kind == "mean":
        return tally.variance
    ratio = tally.total / tally.covariate_total
    spread = tally.variance - 2 * ratio * tally.covariance + ratio**2 * tally.covariate_variance
    return max(0.0, spread) / tally.covariate_mean**2


def z_of(p_value: float) -> float:
    """The |z| that has this two-sided p-value."""
    return -quantile(max(p_value, 1e-300) / 2)


def standard_error(estimate: Estimate) -> float | None:
    """The standard error that the estimate's own test used; None when the value is zero."""
    z = z_of(estimate.p_value)
    return abs(estimate.value) / z if estimate.value and z > 0 else None


def _with_extras(question: Question, metric: MetricTallies, comparison: Comparison) -> Comparison:
    """The stratified and the covariate-adjusted estimate, where tallies allow them."""
    if comparison.estimate is None:
        return comparison
    if metric.kind == "rate":
        ours, theirs = metric.counted(comparison.arm), metric.counted(question.control)
        hybrid = difference(treated=ours, control=theirs, level=question.level, method="newcombe")
        comparison = replace(comparison, newcombe=(hybrid.low, hybrid.high))
    if metric.strata and metric.kind == "rate":
        comparison = replace(comparison, stratified=_stratified(question, metric, comparison.arm))
    if metric.covariate and metric.kind != "ratio":
        comparison = _covaried(question, metric, comparison)
    return comparison


def _covaried(question: Question, metric: MetricTallies, comparison: Comparison) -> Comparison:
    """With the estimate that the covariate leaves, where anything is left that varies."""
    treated, control = metric.tallies[comparison.arm], metric.tallies[question.control]
    if min(treated.count, control.count) < 2 or treated.variance + control.variance <= 0:
        return comparison
    saved = variance_saved(treated, control)
    if saved >= 1 - 1e-12:
        return comparison
    return replace(comparison, covaried=cuped_difference(treated, control, question.level), saved=saved)


def _stratified(question: Question, metric: MetricTallies, arm: str) -> Estimate | None:
    """The Mantel-Haenszel difference over the strata in which both arms have someone."""
    both = [
        (tallies[arm], tallies[question.control])
        for tallies in (metric.strata or {}).values()
        if min(tallies.get(arm, Tally(0, 0, 0)).count, tallies.get(question.control, Tally(0, 0, 0)).count) >= 1
    ]
    if not both:
        return None
    return stratified_difference(
        treated=[(ours.total, ours.count) for ours, _ in both],
        control=[(theirs.total, theirs.count) for _, theirs in both],
        level=question.level,
    )
