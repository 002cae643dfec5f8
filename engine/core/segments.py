"""Where the lift differs between kinds of people: exploratory, corrected over segments, hidden where few are.

A lift that looks large in one of many segments usually is chance; what is worth a look is the test of one lift
for all of them.
"""

import math
from dataclasses import dataclass, replace

from engine.core.comparisons import ArmNumbers, Comparison, compare_each, standard_error
from engine.core.evidence import NOTHING, MetricTallies, Question, Segments
from engine.stats.homogeneity import lifts_alike
from engine.stats.multiplicity import holm
from engine.stats.tallies import Tally

LEAST_CONTACTS = 100
LEAST_SUCCESSES = 10


@dataclass(frozen=True, slots=True)
class SegmentNumbers:
    """One value of the column. `p_values` are adjusted over all segments and arms (Holm), by arm."""

    value: str
    arms: tuple[ArmNumbers, ...]
    comparisons: tuple[Comparison, ...]
    p_values: dict[str, float]


@dataclass(frozen=True, slots=True)
class SegmentTable:
    """One column. `hidden` counts, per value, the arms with too few people to show; `interaction` is per arm."""

    column: str
    shown: tuple[SegmentNumbers, ...]
    hidden: dict[str, list[str]]
    interaction: dict[str, float]


def split(question: Question, metric: MetricTallies, segments: Segments) -> SegmentTable:
    """The metric in every segment, for the arms that have enough people there."""
    parts, hidden = dict[str, tuple[MetricTallies, tuple[str, ...]]](), {}
    for value, tallies in segments.values.items():
        few = [arm for arm in question.arms if _few(metric, tallies.get(arm, NOTHING))]
        if few:
            hidden[value] = few
        arms = [arm for arm in question.arms if arm not in few]
        if question.control in few or len(arms) < 2:
            hidden[value] = list(question.arms)
            continue
        parts[value] = (replace(metric, tallies=tallies, strata=None, covariate=False), tuple(arms))
    shown = [
        SegmentNumbers(value, each.arms, each.comparisons, {})
        for value, each in zip(parts, compare_each(question, list(parts.values())), strict=True)
    ]
    return SegmentTable(segments.column, _adjusted(shown), hidden, _interactions(question, metric, shown))


def _few(metric: MetricTallies, tally: Tally) -> bool:
    return tally.count < LEAST_CONTACTS or (metric.kind == "rate" and tally.total < LEAST_SUCCESSES)


def _adjusted(shown: list[SegmentNumbers]) -> tuple[SegmentNumbers, ...]:
    found = [comparison.estimate.p_value for each in shown for comparison in each.comparisons if comparison.estimate]
    p_values = iter(holm(found))
    return tuple(
        replace(
            each,
            p_values={comparison.arm: next(p_values) for comparison in each.comparisons if comparison.estimate},
        )
        for each in shown
    )


def _interactions(question: Question, metric: MetricTallies, shown: list[SegmentNumbers]) -> dict[str, float]:
    """Per arm, the p-value of one lift for all segments; only where two segments or more show the arm."""
    lifts: dict[str, list[tuple[float, float]]] = {arm: [] for arm in question.treated}
    for each in shown:
        control = each.arms[0]
        for comparison, number in zip(each.comparisons, each.arms[1:], strict=True):
            if comparison.estimate is None:
                continue
            error = _rate_error(number, control) if metric.kind == "rate" else standard_error(comparison.estimate)
            if error:
                lifts[comparison.arm].append((comparison.estimate.value, error))
    return {arm: lifts_alike(found) for arm, found in lifts.items() if len(found) >= 2}


def _rate_error(*numbers: ArmNumbers) -> float:
    """The standard error of a difference of rates; half a success on either side keeps it above zero."""
    rates = [((number.total + 0.5) / (number.contacts + 1), number.contacts) for number in numbers]
    return math.sqrt(sum(rate * (1 - rate) / contacts for rate, contacts in rates))
