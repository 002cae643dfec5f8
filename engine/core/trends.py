"""Does more do more? The primary rate over what the arms' incentives cost."""

from dataclasses import dataclass
from typing import Any

from engine.core.evidence import MetricTallies, Question
from engine.core.phrases import metric_label
from engine.core.sentences import Sentence, Words, amount, chance, points, say
from engine.stats.estimates import Estimate
from engine.stats.trend import trend

LEAST_ARMS = 3


@dataclass(frozen=True, slots=True)
class TrendReading:
    """The rate gained per unit of cost, over these arms' costs, and the sentence that says so."""

    costs: dict[str, float]
    estimate: Estimate
    sentence: Sentence

    def facts(self) -> dict[str, Any]:
        """The reading as a standing has it: the rate gained per unit of cost."""
        slope = self.estimate
        return {
            "variable": "incentive", "costs": self.costs, "per_unit": slope.value, "interval": [slope.low, slope.high],
            "p_value": slope.p_value, "sentence": say(self.sentence), "sentence_zh": say(self.sentence, "zh"),
        }  # fmt: skip


def read_trend(question: Question, metric: MetricTallies) -> TrendReading | None:
    """The trend over the arms whose incentives have costs, the control's among them.

    None where it is not a question: no rate, fewer than three arms with somebody in them, one cost for all, or
    nobody (or everybody) succeeded.
    """
    costs = {arm: cost for arm, cost in question.costs.items() if metric.counted(arm)[1] >= 1}
    counts = [metric.counted(arm) for arm in costs]
    succeeded, people = sum(won for won, _ in counts), sum(contacts for _, contacts in counts)
    if metric.kind != "rate" or len(costs) < LEAST_ARMS or len(set(costs.values())) < 2 or not 0 < succeeded < people:
        return None
    found = trend(counts, list(costs.values()), question.level)
    return TrendReading(costs, found, _said(question, metric, costs, found))


def _said(question: Question, metric: MetricTallies, costs: dict[str, float], found: Estimate) -> Sentence:
    """Per step from the cheapest to the dearest, which is what somebody chooses between."""
    step = max(costs.values()) - min(costs.values())
    low, high = found.low * step, found.high * step
    clear = found.p_value < 1 - question.level
    key = ("trend_up" if found.value > 0 else "trend_down") if clear else "trend_none"
    values: dict[str, Words] = {
        "metric": metric_label(metric), "size": points(abs(found.value * step)), "low": points(low),
        "high": points(high), "from": amount(min(costs.values())), "to": amount(max(costs.values())),
        "p": chance(found.p_value),
    }  # fmt: skip
    return Sentence(key, values)
