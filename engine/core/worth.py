"""What an arm is worth in money: the lift times what a conversion brings, less what the arm costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.core.comparisons import MetricNumbers
from engine.core.evidence import Question
from engine.core.readings import Readings
from engine.stats.tallies import Tally

MONEY_PER = 10_000
PAID = "conversion"


@dataclass(frozen=True, slots=True)
class Worth:
    """Money per 10,000 contacts against the control, with the range that the lift's range gives.

    `basis` is the metric that it was computed from; `cost` is what the arm costs more than the control, and is
    taken off already.
    """

    value: float
    low: float
    high: float
    basis: str
    cost: float = 0.0


def worth_of(question: Question, numbers: Sequence[MetricNumbers], readings: Readings) -> dict[str, Worth]:
    """Each arm's worth, where it is known; a pack of other people changes nothing and is worth nothing here.

    The lift of a conversion times its value, less the difference in cost; for another primary metric, or while
    nobody knows a conversion's value, the difference in profit.
    """
    primary = next(each for each in numbers if each.metric.role == "primary")
    by_name = {each.metric.name: each for each in reversed(numbers)}
    found = {}
    for arm in question.treated:
        if not question.dealt(arm):
            continue
        worth = _of_conversions(question, primary, by_name, readings, arm)
        worth = worth or _of_profit(by_name.get("profit"), arm)
        if worth is not None:
            found[arm] = worth
    return found


def _of_conversions(
    question: Question, primary: MetricNumbers, by_name: Mapping[str, MetricNumbers], readings: Readings, arm: str
) -> Worth | None:
    """The lift's worth; at the ends of its range the arm has other conversions, and pays for them."""
    estimate = primary.against_control(arm).estimate
    if question.value_per_conversion is None or primary.metric.name != PAID or estimate is None:
        return None
    cost, paid = by_name.get("cost"), by_name.get("cost_per_conversion")
    spent = cost.against_control(arm).estimate if cost else None
    off = spent.value if spent else 0.0
    value = question.value_per_conversion * estimate.value - off
    one_more = question.value_per_conversion - (_cost_of_one(paid.metric.tallies[arm]) if spent and paid else 0.0)
    low, high = readings.arms[arm].interval or (estimate.low, estimate.high)
    ends = sorted(value + (end - estimate.value) * one_more for end in (low, high))
    return Worth(value * MONEY_PER, ends[0] * MONEY_PER, ends[1] * MONEY_PER, PAID, off * MONEY_PER)


def _cost_of_one(tally: Tally) -> float:
    """What a contact who converts costs more than one who does not: the slope of cost on conversion."""
    return tally.covariance / tally.covariate_variance if tally.count > 1 and tally.covariate_variance > 0 else 0.0


def _of_profit(profit: MetricNumbers | None, arm: str) -> Worth | None:
    estimate = profit.against_control(arm).adjusted if profit else None
    if estimate is None:
        return None
    return Worth(estimate.value * MONEY_PER, estimate.low * MONEY_PER, estimate.high * MONEY_PER, "profit")
