"""Where an experiment stands, as the one JSON shape that command line, pages and API share.

The same question and evidence always give the same standing. Nothing in it is NaN or infinite: what cannot be
computed is null or absent, with a `reason` beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.core.balances import check_balance, check_placebo
from engine.core.cases import Case
from engine.core.comparisons import MetricNumbers, compare_all
from engine.core.conditionals import denominators
from engine.core.delays import read_delays
from engine.core.evidence import Evidence, LookCounts, MetricTallies, Placebo, Question, Segments
from engine.core.guards import Guards, check_campaign, check_guardrails, failing
from engine.core.methods import read
from engine.core.readings import Readings
from engine.core.segments import split
from engine.core.sentences import Sentence
from engine.core.shapes import (
    BLANKING,
    Json,
    finite,
    guards_told,
    in_words,
    metric_told,
    moment,
    money_told,
    own_warnings,
    segment_told,
    verdict_told,
)
from engine.core.trends import read_trend
from engine.core.verdicts import Verdict, reach
from engine.core.worth import worth_of

__all__ = ["Evidence", "LookCounts", "MetricTallies", "Placebo", "Question", "Segments", "standing"]

SCHEMA = "ringlab.standing/1"


def standing(
    question: Question,
    evidence: Evidence,
    as_of: datetime | None = None,
    look: int | None = None,
    warnings: Iterable[Sentence] = (),
) -> Json:
    """The standing of this question on this evidence.

    Args:
        as_of: when the evidence was counted, with a time zone; absent for bare counts.
        look: the number of this look.
        warnings: what the source of the evidence has to say about it.

    Raises:
        ValueError: no metric is primary, or counts that cannot be.
    """
    return told(question, evidence, judged(question, evidence), as_of, look, warnings)


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found of a question on its evidence."""

    numbers: tuple[MetricNumbers, ...]
    guards: Guards
    readings: Readings
    verdict: Verdict


def judged(question: Question, evidence: Evidence) -> Findings:
    """What the evidence says of the question."""
    numbers = compare_all(question, evidence.metrics)
    primary = next(each for each in numbers if each.metric == evidence.primary)
    guardrails, watch = check_guardrails(question, evidence, numbers)
    paused = failing(guardrails)
    readings = read(question, evidence, primary, paused)
    balance, deals = check_balance(question, evidence, readings.resting | evidence.resting.keys() | paused.keys())
    placebo, alike = check_placebo(question, evidence)
    watch = replace(watch, balance=deals, placebo=alike)
    guards = Guards(balance, placebo, guardrails, check_campaign(question, evidence, paused), watch)
    worth = worth_of(question, numbers, readings)
    verdict = reach(Case(question, evidence, numbers, guards, readings, worth))
    return Findings(numbers, guards, readings, verdict)


def told(
    question: Question,
    evidence: Evidence,
    found: Findings,
    as_of: datetime | None = None,
    look: int | None = None,
    warnings: Iterable[Sentence] = (),
    **more: Any,
) -> Json:
    """What was found, as the JSON shape; `more` are parts that only some standings have."""
    numbers, guards, readings = found.numbers, found.guards, found.readings
    primary = next(each for each in numbers if each.metric == evidence.primary)
    delays = read_delays(evidence.delays) if evidence.delays else None
    trend = read_trend(question, evidence.primary)
    warnings = [*warnings, *([delays.warning] if delays and delays.warning else [])]
    result: Json = {
        "schema": SCHEMA,
        "experiment": question.name,
        "state": evidence.state,
        "control": question.control,
        "as_of": moment(as_of),
        "fingerprint": question.fingerprint,
        "look": look,
        "method": question.method,
        "alpha": question.alpha,
        "level": question.level,
        "smallest_useful_lift": question.smallest_useful_lift,
        "planned": question.planned,
        **guards_told(guards, evidence),
        "denominators": denominators(question),
        "metrics": [metric_told(question, each, numbers, readings if each is primary else None) for each in numbers],
        "segments": [segment_told(split(question, evidence.primary, each), question) for each in evidence.segments],
        "trend": trend and trend.facts(),
        "delay": delays and delays.facts(),
        "money": {} if found.verdict.status in BLANKING else money_told(worth_of(question, numbers, readings)),
        **more,
        **verdict_told(found.verdict, readings),
        **in_words("warnings", [*warnings, *own_warnings(question, readings)]),
        "watch": guards.watch.as_json() if look is not None else None,
        "race": readings.kept if look is not None else None,
    }
    written: Json = finite({key: value for key, value in result.items() if value not in (None, "", [], {})})
    return written
