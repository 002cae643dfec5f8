"""The method that was settled before the start, and what to do where it does not apply."""

from collections.abc import Collection

from engine.core.comparisons import MetricNumbers
from engine.core.evidence import Evidence, Question
from engine.core.horizons import read_horizon, read_planned_looks
from engine.core.races import read_race
from engine.core.readings import Readings
from engine.core.sentences import Sentence


def read(question: Question, evidence: Evidence, numbers: MetricNumbers, paused: Collection[str]) -> Readings:
    """Every arm's reading. `paused` arms are stopped for safety and can prove nothing.

    A race and planned looks need a rate, and arms that chance deals; planned looks need a plan. Without them
    the horizon is read once, at the end.
    """
    if question.method == "fixed" or not any(question.dealt(arm) for arm in question.treated):
        return read_horizon(question, evidence, numbers, paused)
    if numbers.metric.kind != "rate" or question.smallest_useful_lift >= 0.99:
        return read_horizon(question, evidence, numbers, paused, (Sentence("warn_needs_rate"),))
    if question.method == "sequential":
        return read_race(question, evidence, numbers, paused)
    if question.planned is None:
        return read_horizon(question, evidence, numbers, paused, (Sentence("warn_needs_plan"),))
    return read_planned_looks(question, evidence, numbers, paused)
