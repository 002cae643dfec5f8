"""Where a factorial round stands: each variable read by itself over the same contacts, and what they come to together.

Each variable is a question of its own, with its part of alpha: its levels are dealt independently of the other
variables and side by side, so that every level meets the same mixture of the others, and any method reads it as it
reads an experiment of one variable. What only combinations can tell stands beside it: interactions, and the combination
to confirm.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.core.balances import PlaceboCheck
from engine.core.cases import Case
from engine.core.cells import Cells, Interaction
from engine.core.choices import Choice, best_of_each, choose, expected
from engine.core.combinations import combined
from engine.core.comparisons import ArmNumbers, MetricNumbers, arm_numbers, with_q_values
from engine.core.evidence import Evidence, MetricTallies, Question
from engine.core.guards import Guards
from engine.core.readings import Reading, Readings
from engine.core.sentences import Sentence, Words, listed, say, whole
from engine.core.shapes import BLANKING, Json, arm_told, estimate_told, in_words
from engine.core.standings import Findings, judged, told
from engine.core.verdicts import Verdict, reach
from engine.core.worth import worth_of
from engine.stats.estimates import Estimate
from engine.stats.tallies import Tally


@dataclass(frozen=True, slots=True)
class Factor:
    """One variable of the round: its question, and what was counted over the contacts among whom it is compared."""

    variable: str
    question: Question
    evidence: Evidence


def crossed_standing(
    question: Question,
    factors: Sequence[Factor],
    cells: Cells | None,
    people: int | None = None,
    as_of: datetime | None = None,
    look: int | None = None,
) -> Json:
    """The standing of a factorial round.

    Args:
        question: of the whole round; its arms are the control and every level.
        factors: the variables, in the file's order.
        cells: the primary metric per combination; None for a ratio, which does not add up over combinations.
        people: contacts outside their conversion window, in any combination.
    """
    found = [judged(factor.question, factor.evidence) for factor in factors]
    evidence = replace(_evidence(question, factors), mature=people)
    guards = _guards(found)
    numbers = _numbers(question, evidence, factors, found)
    readings = _readings(question, factors, found)
    worth = worth_of(question, numbers, readings)
    whole_case = Case(question, evidence, numbers, guards, readings, worth)
    pairs, hidden = cells.interactions(question.level) if cells else ((), 0)
    choice = choose(whole_case, cells, pairs) if cells else None
    verdict = _verdict(whole_case, found, choice)
    fit, blank = cells.fit() if cells else None, verdict.status in BLANKING
    factorial: Json = {
        "people": evidence.mature,
        "variables": [
            _variable(factor, one, cells, fit, verdict if blank else one.verdict)
            for factor, one in zip(factors, found, strict=True)
        ],
        "interactions": [_pair(pair) for pair in pairs],
        "hidden": hidden,
        "combination": _choice(choice) if choice and not blank else None,
    }
    standing = told(question, evidence, Findings(numbers, guards, readings, verdict), as_of, look, factorial=factorial)
    checked = [factor.variable for factor, one in zip(factors, found, strict=True) for _ in one.guards.balance]
    for check, variable in zip(standing.get("balance", ()), checked, strict=True):
        check["variable"] = variable
    return standing


def _evidence(question: Question, factors: Sequence[Factor]) -> Evidence:
    """The round's evidence: every level's tallies, and for the control the mean of its levels over the variables."""
    grouped: dict[tuple[str, str], list[MetricTallies]] = defaultdict(list)
    for factor in factors:
        for metric in factor.evidence.metrics:
            grouped[metric.name, metric.denominator].append(metric)
    metrics = tuple(_together(question, each) for each in grouped.values())
    first = factors[0].evidence
    return replace(
        first,
        metrics=metrics,
        stages={},
        placebo=None,
        harm={},
        history=(),
    )


def _together(question: Question, parts: Sequence[MetricTallies]) -> MetricTallies:
    controls = [part.tallies[question.control] for part in parts if question.control in part.tallies]
    tallies: dict[str, Tally] = {question.control: _mean_of(controls)} if controls else {}
    for part in parts:
        tallies |= {arm: tally for arm, tally in part.tallies.items() if arm != question.control}
    apart = {arm: why for part in parts for arm, why in part.apart.items()}
    return replace(parts[0], tallies=tallies, strata=None, apart=apart)


def _mean_of(tallies: Sequence[Tally]) -> Tally:
    """A tally of as many contacts as these have on average."""
    share = 1 / len(tallies)
    total = sum(tallies[1:], tallies[0])
    return Tally(
        total.count * share, total.total * share, total.squares * share, total.covariate_total * share,
        total.covariate_squares * share, total.products * share,
    )  # fmt: skip


def _guards(found: Sequence[Findings]) -> Guards:
    """All variables' checks. The control's is told once, at its worst; of the placebos the worst is told, corrected."""
    checks = {}
    for one in found:
        for check in one.guards.guardrails:
            key = (check.metric, check.arm, check.kind)
            if key not in checks or check.status == "fail":
                checks[key] = check
    placebos = [one.guards.placebo for one in found if one.guards.placebo]
    worst = max(placebos, key=lambda check: check.highest, default=None)
    placebo: PlaceboCheck | None = None
    if worst:
        placebo = replace(worst, p_value=min(1.0, worst.p_value * len(placebos)))
    campaigns = [one.guards.campaign for one in found if one.guards.campaign]
    return Guards(
        tuple(check for one in found for check in one.guards.balance), placebo, tuple(checks.values()),
        max(campaigns, key=lambda check: check.odds, default=None),
    )  # fmt: skip


def _scale(question: Question, factor: Factor) -> float:
    """By how much a variable's own p-values grow when they are read against the alpha of the whole round."""
    return question.alpha / factor.question.alpha


def _numbers(
    question: Question, evidence: Evidence, factors: Sequence[Factor], found: Sequence[Findings]
) -> tuple[MetricNumbers, ...]:
    parts: dict[tuple[str, str], list[tuple[Factor, MetricNumbers]]] = defaultdict(list)
    for factor, one in zip(factors, found, strict=True):
        for numbers in one.numbers:
            parts[numbers.metric.name, numbers.metric.denominator].append((factor, numbers))
    merged = [_merged(question, metric, parts[metric.name, metric.denominator]) for metric in evidence.metrics]
    return with_q_values(merged)


def _merged(question: Question, metric: MetricTallies, parts: Sequence[tuple[Factor, MetricNumbers]]) -> MetricNumbers:
    arms: list[ArmNumbers] = [arm_numbers(metric, question.control, question.level)]
    comparisons = []
    for factor, numbers in parts:
        arms += [number for number in numbers.arms if number.arm != question.control]
        for each in numbers.comparisons:
            adjusted = each.adjusted
            if adjusted:
                adjusted = replace(adjusted, p_value=min(1.0, adjusted.p_value * _scale(question, factor)))
            comparisons.append(replace(each, adjusted=adjusted))
    return MetricNumbers(metric, tuple(arms), tuple(comparisons))


def _readings(question: Question, factors: Sequence[Factor], found: Sequence[Findings]) -> Readings:
    """All variables' readings as one: over when every variable is."""
    arms: dict[str, Reading] = {}
    active: dict[str, None] = {}
    warnings: dict[str, Sentence] = {}
    for factor, one in zip(factors, found, strict=True):
        for arm, reading in one.readings.arms.items():
            p_value = reading.p_value
            arms[arm] = replace(
                reading, p_value=None if p_value is None else min(1.0, p_value * _scale(question, factor))
            )
        active |= dict.fromkeys(one.readings.active)
        warnings |= {say(warning): warning for warning in one.readings.warnings}
    readings = [one.readings for one in found]
    final = all(one.final for one in readings)
    return Readings(
        readings[0].method, {arm: arms[arm] for arm in question.treated if arm in arms}, final,
        () if final else tuple(arm for arm in question.arms if arm in active),
        frozenset().union(*(one.resting for one in readings)) - {question.control}, tuple(warnings.values()),
        max((one.bar for one in readings if one.bar), default=None), all(one.readable for one in readings),
    )  # fmt: skip


def _verdict(case: Case, found: Sequence[Findings], choice: Choice | None) -> Verdict:
    """The verdict of the round: what stops it or what its data lack first, then what won, variable by variable."""
    verdict = reach(case)
    winners = best_of_each(case, "winner")
    if verdict.status in ("stopped_for_safety", "data_problem") or len(winners) < 2 or not choice:
        return verdict
    reasons = [
        reason
        for one in found
        if one.verdict.arm in {reading.arm for reading in winners.values()}
        for reason in one.verdict.reasons
        if reason.key != "because_waiting"
    ]
    waiting = [reason for reason in verdict.reasons if reason.key in ("because_waiting", "because_guardrail")]
    unfinished = sum(not one.readings.final for one in found)
    values: dict[str, Words] = {
        "arms": listed(reading.arm for reading in winners.values()),
        "combined": expected(case, choice),
        "combination": combined(choice.arms),
        "open": whole(unfinished),
    }
    key = "factorial_winner" if case.readings.final else "factorial_proven"
    next_ = Sentence("next_factorial" if case.readings.final else "next_leaning_proven", values)
    return replace(
        verdict,
        arm=next(iter(winners.values())).arm,
        sentence=Sentence(key, values),
        next=next_,
        reasons=(*reasons, *choice.warnings, *waiting),
    )


def _variable(factor: Factor, found: Findings, cells: Cells | None, fit: Any, verdict: Verdict) -> Json:
    """One variable: its own verdict, the people compared, and its levels' effects by least squares."""
    question = factor.question
    primary = next(each for each in found.numbers if each.metric == factor.evidence.primary)
    effects = []
    for arm in question.treated if cells and fit else ():
        effect = fit.effect(*cells.level_of(arm), question.level) if cells else None
        effects.append({"arm": arm} | (estimate_told(effect) or {"difference": None}))
    return {
        "variable": factor.variable,
        "alpha": question.alpha,
        "status": verdict.status,
        "arm": verdict.arm,
        "final": found.readings.final,
        "sentence": say(verdict.sentence),
        "sentence_zh": say(verdict.sentence, "zh"),
        "arms": [arm_told(number) for number in primary.arms],
        "effects": effects,
        "watch": found.guards.watch.as_json(),
        "race": dict(found.readings.kept),
    }


def _pair(pair: Interaction) -> Json:
    return {
        "arms": list(pair.arms),
        **(estimate_told(pair.estimate) or {}),
        "p_adjusted": pair.adjusted.p_value,
        "interval_adjusted": [pair.adjusted.low, pair.adjusted.high],
        "contacts": pair.people,
    }


def _choice(choice: Choice) -> Json:
    return {
        "arm": combined(choice.arms),
        "arms": list(choice.arms),
        "leaning": list(choice.leaning),
        "left_out": list(choice.left_out),
        "control": _mean(choice.base),
        "predicted": _mean(choice.predicted),
        "lift": estimate_told(choice.lift),
        **in_words("warnings", list(choice.warnings)),
    }


def _mean(estimate: Estimate | None) -> Json | None:
    return {"estimate": estimate.value, "interval": [estimate.low, estimate.high]} if estimate else None


def history_of(looks: Iterable[Mapping[str, Any]], variable: str) -> list[dict[str, Any]]:
    """One variable's numbers at earlier looks, as the looks of an experiment of its own would hold them."""
    return [
        {
            "metrics": [{"role": "primary", "arms": one["arms"]}],
            "watch": one.get("watch") or {},
            "race": one.get("race") or {},
        }
        for look in looks
        for one in look["factorial"]["variables"]
        if one["variable"] == variable
    ]
