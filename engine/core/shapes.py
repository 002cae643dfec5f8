"""The parts of a standing as plain data, for command line, pages and API alike."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.core.comparisons import ArmNumbers, Comparison, MetricNumbers
from engine.core.conditionals import conditional
from engine.core.evidence import Evidence, Question
from engine.core.guards import Guards
from engine.core.readings import Reading, Readings
from engine.core.segments import SegmentTable
from engine.core.sentences import Language, Sentence, in_both, listed, say
from engine.core.verdicts import Verdict
from engine.core.worth import Worth
from engine.stats.estimates import Estimate

BLANKING = ("data_problem", "stopped_for_safety")
"""Under these no arm's own status is shown: nothing may be read off the numbers."""
Json = dict[str, Any]
_PLAIN = frozenset((str, int, bool, type(None)))


def finite(value: Any) -> Any:
    """The value with every NaN and infinity as null."""
    if isinstance(value, dict):
        return {
            key: item if (kind := type(item)) in _PLAIN or (kind is float and math.isfinite(item)) else finite(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [
            item if (kind := type(item)) in _PLAIN or (kind is float and math.isfinite(item)) else finite(item)
            for item in value
        ]
    return None if type(value) is float and not math.isfinite(value) else value


def moment(as_of: datetime | None) -> str | None:
    return as_of.astimezone(UTC).isoformat().replace("+00:00", "Z") if as_of else None


def _present(**values: Any) -> Json:
    """What there is."""
    return {key: value for key, value in values.items() if value is not None and value != ""}


def guards_told(guards: Guards, evidence: Evidence) -> Json:
    placebo = guards.placebo
    return {
        "balance": [
            {
                "stage": check.stage,
                **_present(adapter=check.adapter),
                "expected": dict(check.expected),
                "observed": dict(check.observed),
                "p_value": check.p_value,
                "odds": check.odds,
                "highest": check.highest,
                "ok": check.ok,
            }
            for check in guards.balance
        ],
        "placebo": placebo
        and {
            "metric": placebo.metric,
            "p_value": placebo.p_value,
            "odds": placebo.odds,
            "highest": placebo.highest,
            "ok": placebo.ok,
            **in_both("why", placebo.why),
            "arms": [_reasoned(arm, why) for arm, why in placebo.arms.items()],
            "left_out": [_reasoned(arm, why) for arm, why in placebo.left_out.items()],
        },
        "maturity": None
        if evidence.mature is None
        else {"mature": evidence.mature, "waiting": evidence.waiting},
        "guardrails": [
            _present(
                metric=check.metric, arm=check.arm, kind=check.kind, status=check.status, limit=check.limit,
                count=check.count, contacts=check.contacts, control_count=check.control_count, odds=check.odds,
                odds_within=check.odds_within, worse_by=check.worse_by, interval=check.interval,
            )
            for check in guards.guardrails
        ],
        "harm": guards.campaign
        and {
            "complaints": guards.campaign.complaints,
            "calls": guards.campaign.calls,
            "limit": guards.campaign.limit,
            "odds": guards.campaign.odds,
            "ok": guards.campaign.ok,
        },
    }  # fmt: skip


def _reasoned(arm: str, why: Sentence | None) -> Json:
    return {"arm": arm} | (in_both("why", why) if why else {})


def metric_told(
    question: Question, numbers: MetricNumbers, every: tuple[MetricNumbers, ...], readings: Readings | None
) -> Json:
    metric = numbers.metric
    return {
        "name": metric.name,
        "label": metric.label,
        "zh": metric.zh,
        "unit": metric.unit,
        "role": metric.role,
        "kind": metric.kind,
        "better": metric.better,
        "denominator": metric.denominator,
        "arms": [arm_told(number) for number in numbers.arms],
        "comparisons": [
            _comparison(question, comparison, readings.arms[comparison.arm] if readings else None)
            | conditional(question, numbers, every, comparison.arm)
            for comparison in numbers.comparisons
        ],
    }


def arm_told(number: ArmNumbers) -> Json:
    """One arm's number."""
    return {
        "arm": number.arm,
        "contacts": round(number.contacts),
        "total": float(number.total),
        "estimate": number.estimate,
        "interval": number.interval,
        **_present(reason=number.reason),
    }


def _comparison(question: Question, comparison: Comparison, reading: Reading | None) -> Json:
    estimate, relative = comparison.estimate, comparison.relative
    found: Json = {"arm": comparison.arm, "control": question.control}
    apart = comparison.apart if question.dealt(comparison.arm) else Sentence("not_dealt")
    if estimate is None or apart:
        found |= {"difference": None, "interval": None, "p_value": None, "reason": comparison.reason}
        return found | (in_both("reason", apart) if apart else {})
    found |= {
        "difference": estimate.value,
        "relative": relative.value if relative else None,
        "interval": [estimate.low, estimate.high],
        "p_value": estimate.p_value,
    }
    if not relative or not math.isfinite(relative.value):
        found["relative_reason"] = "the control's own number is not above zero"
    if relative and (math.isfinite(relative.low) or math.isfinite(relative.high)):
        found["relative_interval"] = [relative.low, relative.high]
    if comparison.adjusted:
        found["p_adjusted"] = comparison.adjusted.p_value
        found["interval_adjusted"] = [comparison.adjusted.low, comparison.adjusted.high]
    if reading and reading.odds_for is not None:
        found["sequential"] = {
            "p_value": reading.p_value,
            "interval": reading.interval,
            "odds_for": reading.odds_for,
            "odds_against": reading.odds_against,
            "bar_for": reading.bar_for,
            "bar_against": reading.bar_against,
        }
    if reading and reading.same is not None:
        found["same"] = {
            "odds_above": reading.same[0],
            "odds_below": reading.same[1],
            "margin": question.smallest_useful_lift,
        }
    if reading and reading.bound is not None:
        found["group"] = {"z": reading.z, "bound": reading.bound, "interval": reading.interval}
        if reading.unbiased:
            found["group"]["stopped"] = estimate_told(reading.unbiased)
    return found | _present(
        q_value=comparison.q_value,
        probability_best=comparison.probability_best,
        expected_loss=comparison.expected_loss,
        interval_newcombe=comparison.newcombe,
        stratified=estimate_told(comparison.stratified, variance_saved=comparison.strata_saved),
        adjusted=estimate_told(comparison.covaried, variance_saved=comparison.saved),
    )


def estimate_told(estimate: Estimate | None, **more: float | None) -> Json | None:
    """A difference with its range and p-value; None where there is none."""
    if estimate is None:
        return None
    values = {"difference": estimate.value, "interval": [estimate.low, estimate.high], "p_value": estimate.p_value}
    return values | _present(**more)


def segment_told(table: SegmentTable, question: Question) -> Json:
    return {
        "column": table.column,
        "exploratory": True,
        "values": [
            {
                "value": each.value,
                "arms": [arm_told(number) for number in each.arms],
                "comparisons": [
                    _comparison(question, comparison, None)
                    | _present(p_adjusted=each.p_values.get(comparison.arm) if question.dealt(comparison.arm) else None)
                    for comparison in each.comparisons
                ],
            }
            for each in table.shown
        ],
        "hidden": table.hidden,
        "interaction": {arm: {"p_value": p_value} for arm, p_value in table.interaction.items()},
    }


def money_told(worth: Mapping[str, Worth]) -> Json:
    """Per 10,000 contacts, and what it was computed from."""
    return {
        arm: {"value": each.value, "low": each.low, "high": each.high, "basis": each.basis, "cost": each.cost}
        for arm, each in worth.items()
    }


def verdict_told(verdict: Verdict, readings: Readings) -> Json:
    """The verdict in both languages, and whether it may be read now."""
    facts: Json = {
        "status": verdict.status,
        "arm": verdict.arm,
        "final": verdict.final,
        "active": [] if verdict.final else list(readings.active),
        "arms": {
            arm: verdict.status if verdict.status in BLANKING else reading.status
            for arm, reading in readings.arms.items()
        },
        "corrected": _corrected(verdict, readings),
    }
    return {
        "verdict": _present(**facts) | _spoken(verdict, "en"),
        "verdict_zh": _spoken(verdict, "zh"),
        "safe_to_read": {"ok": verdict.safe, **in_both("why", verdict.why)},
    }


def _corrected(verdict: Verdict, readings: Readings) -> Json | None:
    """A winner's lift, corrected for how it was found, and by which method."""
    if verdict.corrected is None or verdict.arm is None:
        return None
    method = "median-unbiased" if readings.arms[verdict.arm].unbiased else "conditional"
    return {"difference": verdict.corrected, "method": method}


def _spoken(verdict: Verdict, language: Language) -> Json:
    return {
        "sentence": say(verdict.sentence, language),
        "next": say(verdict.next, language),
        "reasons": [say(reason, language) for reason in verdict.reasons],
    }


def in_words(key: str, sentences: list[Sentence]) -> Json:
    """Sentences in both languages, under the key and under the key with `_zh`."""
    return {
        key: [say(sentence) for sentence in sentences],
        f"{key}_zh": [say(sentence, "zh") for sentence in sentences],
    }


def own_warnings(question: Question, readings: Readings) -> list[Sentence]:
    packs = [arm for arm in question.treated if not question.dealt(arm)]
    audience = [Sentence("warn_audience", {"arms": listed(packs)})] if packs else []
    return [*audience, *readings.warnings]
