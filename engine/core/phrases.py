"""Pieces of sentences from numbers: a lift with its range and people, a guardrail's reason, the sample still needed."""

import math
from collections.abc import Iterable

from engine.core.comparisons import MetricNumbers
from engine.core.evidence import Evidence, MetricTallies, Question
from engine.core.guards import BALANCE_ALARM, Balance, GuardrailCheck
from engine.core.readings import Reading
from engine.core.sentences import (
    STAGE_WORDS,
    Label,
    Listed,
    Sentence,
    Words,
    amount,
    money,
    odds,
    people,
    points,
    whole,
)  # fmt: skip
from engine.core.worth import Worth


def metric_label(metric: MetricTallies) -> Label:
    """The metric's name inside a sentence; a name that somebody gave it stays as it is."""
    if metric.label == metric.name:
        return Label(metric.name, metric.zh)
    return Label(f"the {metric.label[:1].lower()}{metric.label[1:]}", metric.zh)


def size_of(metric: MetricTallies, value: float) -> Sentence:
    """A difference in the metric's own unit: points for a rate."""
    if metric.kind == "rate":
        shown = points(value)
        return Sentence("one_point") if shown == "1" else Sentence("rate_size", {"value": shown})
    return Sentence("other_size", {"value": amount(value)})


def effect(numbers: MetricNumbers, reading: Reading) -> Sentence:
    """What the arm does to the metric, in the direction of its number, with the range that decides."""
    metric, comparison = numbers.metric, numbers.against_control(reading.arm)
    value = (reading.gain or 0.0) * metric.sign
    up = value > 0 or (value == 0 and metric.sign > 0)
    size: Words = size_of(metric, abs(value))
    ends = reading.interval or (-math.inf, math.inf)
    if all(math.isfinite(end) for end in ends):
        low, high = ends if up else (-ends[1], -ends[0])
        shown = points if metric.kind == "rate" else amount
        size = Sentence("range", {"value": size, "low": shown(low), "high": shown(high)})
    return Sentence(
        "effect",
        {
            "verb": Sentence("raises" if up else "lowers"),
            "metric": metric_label(metric),
            "size": size,
            "people": people(comparison.contacts),
            "control_people": people(comparison.control_contacts),
        },
    )


def guard_reason(numbers: tuple[MetricNumbers, ...], check: GuardrailCheck) -> Sentence:
    """Why this guardrail stops its arm."""
    metric = next((each.metric for each in numbers if each.metric.name == check.metric), None)
    label = metric_label(metric) if metric else Label(check.metric, check.metric)
    values: dict[str, Words] = {"arm": check.arm, "metric": label}
    if check.kind == "no_worse_by" and metric and check.worse_by is not None:
        values |= {"size": size_of(metric, check.worse_by), "margin": size_of(metric, check.limit)}
    else:
        values |= {
            "count": whole(check.count or 0),
            "contacts": whole(check.contacts or 0),
            "odds": odds(check.odds or 0.0),
            "limit": f"{check.limit:g}",
        }
    return Sentence(f"because_{check.kind}", values)


def imbalance(checks: tuple[Balance, ...]) -> tuple[Sentence, Sentence] | None:
    """What the first stage that is off says, and what to look at: its arm farthest from its share."""
    off = next((check for check in checks if check.odds >= BALANCE_ALARM), None)
    if off is None:
        return None
    total = sum(off.observed.values())
    due = {arm: share * total for arm, share in off.expected.items()}
    arm = max(due, key=lambda name: abs(off.observed[name] - due[name]) / math.sqrt(max(due[name], 1.0)))
    return (
        Sentence("data_balance", {"stage": STAGE_WORDS[off.stage], "odds": odds(off.odds)}),
        Sentence("next_balance", {"off_arm": arm, "observed": people(off.observed[arm]), "expected": people(due[arm])}),
    )


def people_needed(question: Question, metric: MetricTallies, arms: int) -> int | None:
    """People per arm who would show the smallest useful lift; None where the plan has no number for it."""
    from engine.stats.power import contacts_per_arm

    total, contacts = metric.counted(question.control)
    rate = total / contacts if contacts else 0.0
    lift = metric.sign * question.smallest_useful_lift
    if metric.kind != "rate" or not 0 < rate < 1 or not 0 < rate + lift < 1:
        return None
    return contacts_per_arm(rate, lift, question.alpha, question.power, arms)


def round_of(question: Question, metric: MetricTallies, arms: int) -> Sentence:
    """A round that would show the smallest useful lift in one of `arms` arms."""
    needed = people_needed(question, metric, arms)
    return Sentence("round_larger") if needed is None else Sentence("round_of", {"needed": people(needed)})


def so_far(question: Question, evidence: Evidence, numbers: MetricNumbers) -> Sentence:
    """How many people per arm are counted, and of how many where more are to come."""
    fewest = min(number.contacts for number in numbers.arms)
    if question.planned is None or fewest >= question.planned or evidence.finished:
        return Sentence("counted", {"have": people(fewest)})
    have = Label(whole(fewest), people(fewest).zh)
    return Sentence("counted_of", {"have": have, "planned": people(question.planned)})


def yields(numbers: MetricNumbers, arms: Iterable[str]) -> Listed:
    """Each arm's own number beside the control's, as it is: nothing is subtracted."""
    metric, control = numbers.metric, numbers.arms[0].arm
    shown = [number for number in numbers.arms if number.arm in {control, *arms} and number.estimate is not None]
    return Listed(
        tuple(
            Sentence("yield", {"arm": number.arm, "value": level_of(metric, number.estimate or 0.0)})
            for number in shown
        )
    )


def level_of(metric: MetricTallies, value: float) -> str:
    """A number of one arm: a rate in per cent."""
    return f"{points(value)}%" if metric.kind == "rate" else amount(value)


def worth_said(worth: Worth | None) -> Sentence | str:
    """What the arm is worth, as a sentence of its own; nothing where that is not known."""
    if worth is None or not math.isfinite(worth.value):
        return ""
    key, sign = ("worth", 1) if worth.value >= 0 else ("loses", -1)
    span: Words = ""
    if math.isfinite(worth.low) and math.isfinite(worth.high):
        low, high = sorted((sign * worth.low, sign * worth.high))
        span = Sentence("money_range", {"low": money(low), "high": money(high)})
    return Sentence(key, {"value": money(sign * worth.value), "range": span})
