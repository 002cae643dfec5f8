"""Makers of questions, metrics and evidence."""

from collections.abc import Mapping
from typing import Any

from engine.core.evidence import Evidence, MetricTallies, Question
from engine.core.standings import standing
from engine.stats.tallies import Tally

Counts = Mapping[str, tuple[float, float]]


def make_rate(counts: Counts, **changes: Any) -> MetricTallies:
    """A rate from (successes, contacts) per arm; the primary conversion rate unless told otherwise."""
    values: dict[str, Any] = {
        "name": "conversion", "label": "Conversion rate", "zh": "转化率", "kind": "rate", "better": "higher",
        "role": "primary", "denominator": "assigned",
        "tallies": {arm: Tally.of_rate(*pair) for arm, pair in counts.items()},
    }  # fmt: skip
    return MetricTallies(**(values | changes))


def make_question(arms: tuple[str, ...] = ("control", "story"), **changes: Any) -> Question:
    """A fixed-horizon question about these arms, the first of which is the control."""
    return Question(**({"name": "gift-first", "arms": arms, "control": arms[0] if arms else ""} | changes))


def make_evidence(*metrics: MetricTallies, **changes: Any) -> Evidence:
    """Evidence that is complete unless told otherwise."""
    return Evidence(**({"metrics": metrics, "finished": True} | changes))


def make_standing(counts: Counts, evidence: Mapping[str, Any] | None = None, **question: Any) -> dict[str, Any]:
    """The standing of a conversion rate with these counts, the first arm being the control."""
    return standing(make_question(tuple(counts), **question), make_evidence(make_rate(counts), **(evidence or {})))
