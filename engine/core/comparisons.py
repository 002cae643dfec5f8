"""Numbers per metric and arm, and every arm against the control.

Each comparison carries two pairs that never disagree within themselves: `estimate`, unadjusted at the level that
is shown, and `adjusted`, at one minus alpha over all arms together (Dunnett).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from engine.core.evidence import MetricTallies, Question
from engine.core.sentences import Sentence
from engine.stats.adjust import cuped_lift, strata_saved, variance_saved
from engine.stats.beliefs import best_and_losses
from engine.stats.estimates import Estimate, Lift, estimated
from engine.stats.families import compare_lifts, compare_rates
from engine.stats.means import mean_intervals, mean_lift
from engine.stats.multiplicity import benjamini_hochberg
from engine.stats.normal import quantile
from engine.stats.rates import newcombe_ranges, rate_intervals, stratified_differences
from engine.stats.ratios import ratio_interval, ratio_lift
from engine.stats.tallies import Tally

NOBODY = "nobody was counted in this arm or in the control"
ALONE = "a range needs at least two people"


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

    `stratified` weighs strata and saves `strata_saved` of the variance, `covaried` takes a covariate into account
    and saves `saved`.
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
    strata_saved: float | None = None
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


Families = Sequence[tuple[MetricTallies, tuple[str, ...]]]
"""Metrics, each with the arms that are compared, the control first."""
Pairs = Sequence[tuple[MetricTallies, Comparison]]
"""Comparisons that have an estimate, each with its metric."""


def compare_all(question: Question, metrics: Sequence[MetricTallies]) -> tuple[MetricNumbers, ...]:
    """The numbers of every metric; secondary metrics get their q-values over all of them."""
    numbers = compare_each(question, [(metric, question.arms) for metric in metrics])
    pairs = [(each.metric, comparison) for each in numbers for comparison in each.comparisons if comparison.estimate]
    columns = (_q_values(pairs), _newcombe(question, pairs), _stratified(question, pairs), _covaried(question, pairs))
    whole = map(_completed, (known for _, known in pairs), *columns)
    return tuple(
        MetricNumbers(
            each.metric, each.arms, tuple(next(whole) if known.estimate else known for known in each.comparisons)
        )
        for each in numbers
    )


def _completed(
    known: Comparison,
    q_value: float | None,
    newcombe: tuple[float, float] | None,
    stratified: tuple[Estimate | None, float | None],
    covaried: tuple[Estimate, float] | tuple[None, None],
) -> Comparison:
    """The comparison with what was found of all of them together."""
    return Comparison(
        known.arm, known.contacts, known.control_contacts, known.estimate, known.relative, known.adjusted, known.bound,
        stratified[0], stratified[1], covaried[0], covaried[1], q_value, newcombe,
        known.probability_best, known.expected_loss,
    )  # fmt: skip


def with_q_values(numbers: Sequence[MetricNumbers]) -> tuple[MetricNumbers, ...]:
    """The numbers with the secondary metrics' q-values over all of them (Benjamini-Hochberg)."""
    pairs = [(each.metric, comparison) for each in numbers for comparison in each.comparisons if comparison.estimate]
    q_values = iter(_q_values(pairs))
    return tuple(
        replace(
            each,
            comparisons=tuple(
                replace(known, q_value=next(q_values)) if known.estimate else known for known in each.comparisons
            ),
        )
        for each in numbers
    )


def arm_numbers(metric: MetricTallies, arm: str, level: float) -> ArmNumbers:
    """One arm's own number and its range."""
    return next(_arm_numbers([(metric, (arm,))], level))


def compare_each(question: Question, families: Families) -> list[MetricNumbers]:
    """The numbers of each metric over its arms: every arm against the first, adjusted over them."""
    numbers = iter(_arm_numbers(families, question.level))
    groups = _families(question, families)
    rates = iter(_compare_rates(question, [(metric, arms) for _, metric, arms in groups if metric.kind == "rate"]))
    others = iter(_compare_others(question, [(metric, arms) for _, metric, arms in groups if metric.kind != "rate"]))
    compared: dict[tuple[int, str], Comparison] = {}
    for place, metric, _ in groups:
        for each in next(rates if metric.kind == "rate" else others):
            pack = not question.dealt(each.arm)
            compared[place, each.arm] = (
                replace(each, relative=None, probability_best=None, expected_loss=None) if pack else each
            )
    return [
        MetricNumbers(
            metric,
            tuple(islice(numbers, len(arms))),
            tuple(compared.get((place, arm)) or _not_compared(metric, arms[0], arm) for arm in arms[1:]),
        )
        for place, (metric, arms) in enumerate(families)
    ]


def _families(question: Question, families: Families) -> list[tuple[int, MetricTallies, tuple[str, ...]]]:
    """The arms that are compared together, each group with its place among `families` and the control first.

    Arms that chance deals are adjusted over one another; other packs of people are a family of their own, described
    and never ranked. What stands apart is in none.
    """
    found = []
    for place, (metric, arms) in enumerate(families):
        for dealt in (True, False):
            group = tuple(arm for arm in arms[1:] if question.dealt(arm) is dealt and arm not in metric.apart)
            if group:
                found.append((place, metric, (arms[0], *group)))
    return found


def _not_compared(metric: MetricTallies, control: str, arm: str) -> Comparison:
    return Comparison(arm, metric.tally(arm).count, metric.tally(control).count, apart=metric.apart[arm])


def _arm_numbers(families: Families, level: float) -> Iterator[ArmNumbers]:
    """Every arm's own number and its range."""
    arms = [(metric, arm, metric.tally(arm)) for metric, names in families for arm in names]
    lacks = [_lacks(metric, tally) for metric, _, tally in arms]
    ranged: dict[str, list[Tally]] = {"rate": [], "mean": [], "ratio": []}
    for (metric, _, tally), reason in zip(arms, lacks, strict=True):
        if not reason:
            ranged[metric.kind].append(tally)
    intervals = {
        "rate": iter(rate_intervals([(tally.total, tally.count) for tally in ranged["rate"]], level)),
        "mean": iter(mean_intervals(ranged["mean"], level)),
        "ratio": iter([ratio_interval(tally, level) for tally in ranged["ratio"]]),
    }
    for (metric, arm, tally), reason in zip(arms, lacks, strict=True):
        base = tally.covariate_total if metric.kind == "ratio" else tally.count
        estimate = tally.total / base if reason in ("", ALONE) else None
        interval = None if reason else next(intervals[metric.kind])
        yield ArmNumbers(arm, tally.count, tally.total, estimate, interval, reason)


def _lacks(metric: MetricTallies, tally: Tally) -> str:
    """Why an arm has no number, or no range around it; empty when it has both."""
    if tally.count < 1:
        return "nobody was counted in this arm"
    if metric.kind == "ratio" and tally.covariate_total == 0:
        return "the denominator adds up to zero"
    return ALONE if metric.kind != "rate" and tally.count < 2 else ""


def _compare_rates(question: Question, families: Families) -> Iterator[tuple[Comparison, ...]]:
    """All arms of all rates: score intervals, Dunnett on the same statistics, what to believe."""
    living = [
        [arm for arm in arms[1:] if min(metric.tally(arm).count, metric.tally(arms[0]).count) >= 1]
        for metric, arms in families
    ]
    counted = [
        [metric.counted(arm) for arm in (arms[0], *alive)]
        for (metric, arms), alive in zip(families, living, strict=True)
        if alive
    ]
    scored = chain.from_iterable(compare_rates(counted, question.level, 1 - question.alpha))
    beliefs = chain.from_iterable(zip(best[1:], loss[1:], strict=True) for best, loss in best_and_losses(counted))
    for metric, arms in families:
        control = metric.tally(arms[0])
        found = []
        for arm in arms[1:]:
            count = metric.tally(arm).count
            if min(count, control.count) < 1:
                found.append(Comparison(arm, count, control.count, reason=NOBODY))
                continue
            each, (best, loss) = next(scored), next(beliefs)
            found.append(
                Comparison(
                    arm, count, control.count, each.estimate, each.relative, each.adjusted, each.bound,
                    probability_best=best, expected_loss=loss,
                )
            )  # fmt: skip
        yield tuple(found)


def _compare_others(question: Question, families: Families) -> Iterator[tuple[Comparison, ...]]:
    """Means by Welch, ratios by the delta method, each adjusted over its arms by Dunnett's bound."""
    sides = [[_lift(metric, arm, arms[0]) for arm in arms[1:]] for metric, arms in families]
    lifts = [[side for side in family if isinstance(side, Lift)] for family in sides]
    told = compare_lifts([family for family in lifts if family], question.level, 1 - question.alpha)
    compared = chain.from_iterable(told)
    for (metric, arms), family in zip(families, sides, strict=True):
        control = metric.tally(arms[0])
        found = []
        for arm, side in zip(arms[1:], family, strict=True):
            count = metric.tally(arm).count
            if isinstance(side, str):
                found.append(Comparison(arm, count, control.count, reason=side))
                continue
            each = next(compared)
            relative = _relative(metric, control, each.estimate)
            found.append(Comparison(arm, count, control.count, each.estimate, relative, each.adjusted, each.bound))
        yield tuple(found)


def _lift(metric: MetricTallies, arm: str, control: str) -> Lift | str:
    """What an arm is compared by, or the reason why it is not."""
    try:
        return (mean_lift if metric.kind == "mean" else ratio_lift)(metric.tally(arm), metric.tally(control))
    except ValueError as error:
        return str(error)


def _relative(metric: MetricTallies, control: Tally, estimate: Estimate) -> Estimate | None:
    """The lift as a share of the control's own number, its range left open; None when that is not positive."""
    base = control.mean if metric.kind == "mean" else control.total / control.covariate_total
    if base <= 0:
        return None
    return Estimate(estimate.value / base, -math.inf, math.inf, estimate.p_value)


def z_of(p_value: float) -> float:
    """The |z| that has this two-sided p-value."""
    return -quantile(max(p_value, 1e-300) / 2)


def standard_error(estimate: Estimate) -> float | None:
    """The standard error that the estimate's own test used; None when the value is zero."""
    z = z_of(estimate.p_value)
    return abs(estimate.value) / z if estimate.value and z > 0 else None


def _q_values(pairs: Pairs) -> list[float | None]:
    """The secondary metrics' p-values, adjusted over all of them."""
    secondary = [metric.role == "secondary" for metric, _ in pairs]
    found = [
        each.estimate.p_value for (_, each), asked in zip(pairs, secondary, strict=True) if asked and each.estimate
    ]
    adjusted = iter(benjamini_hochberg(found))
    return [next(adjusted) if asked else None for asked in secondary]


def _newcombe(question: Question, pairs: Pairs) -> list[tuple[float, float] | None]:
    """Newcombe's ranges of the rates."""
    rates = [(metric, each.arm) for metric, each in pairs if metric.kind == "rate"]
    ranges = iter(
        newcombe_ranges(
            treated=[metric.counted(arm) for metric, arm in rates],
            control=[metric.counted(question.control) for metric, _ in rates],
            level=question.level,
        )
    )
    return [next(ranges) if metric.kind == "rate" else None for metric, _ in pairs]


def _stratified(question: Question, pairs: Pairs) -> list[tuple[Estimate | None, float | None]]:
    """The Mantel-Haenszel differences of rates, each over the strata in which both arms have someone, and the share of
    the variance that strata saved."""
    strata = [_strata(metric, each.arm, question.control) if metric.kind == "rate" else [] for metric, each in pairs]
    found = iter(
        stratified_differences(
            treated=[[(ours.total, ours.count) for ours, _ in both] for both in strata if both],
            control=[[(theirs.total, theirs.count) for _, theirs in both] for both in strata if both],
            level=question.level,
        )
    )
    return [(next(found), _strata_saved(both)) if both else (None, None) for both in strata]


def _strata_saved(both: list[tuple[Tally, Tally]]) -> float | None:
    many = [pair for pair in both if min(pair[0].count, pair[1].count) >= 2]
    return strata_saved([ours for ours, _ in many], [theirs for _, theirs in many]) if len(many) > 1 else None


def _strata(metric: MetricTallies, arm: str, control: str) -> list[tuple[Tally, Tally]]:
    both = ((tallies.get(arm), tallies.get(control)) for tallies in (metric.strata or {}).values())
    return [(ours, theirs) for ours, theirs in both if ours and theirs and min(ours.count, theirs.count) >= 1]


def _covaried(question: Question, pairs: Pairs) -> list[tuple[Estimate, float] | tuple[None, None]]:
    """The differences that the covariate leaves and the share of the variance that it saves, where any varies still."""
    lifts: list[tuple[Lift, float] | None] = []
    for metric, each in pairs:
        treated, control = metric.tally(each.arm), metric.tally(question.control)
        asked = metric.covariate and metric.kind != "ratio" and min(treated.count, control.count) >= 2
        saved = variance_saved(treated, control) if asked and treated.variance + control.variance > 0 else 1.0
        lifts.append((cuped_lift(treated, control), saved) if saved < 1 - 1e-12 else None)
    known = [lift for lift, _ in filter(None, lifts)]
    estimates = iter(estimated(known, [question.level] * len(known)))
    return [(next(estimates), lift[1]) if lift else (None, None) for lift in lifts]
