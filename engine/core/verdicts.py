"""Where the experiment stands, and the evidence for it: one of six statuses.

What stops people from harm comes first, then whether the data can be believed, then what the method found. `RULES`
is that order as data: the first rule whose condition holds gives the status, the sentence and what to do next.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from engine.core.cases import SETTLED, Case, missing, sentence_of
from engine.core.comparisons import z_of
from engine.core.phrases import guard_reason, size_of, yields
from engine.core.readings import Reading
from engine.core.sentences import Sentence, Words, chance, odds, people
from engine.stats.after_win import conditional_lift

Status = Literal["winner", "leaning", "no_useful_difference", "not_enough_people", "stopped_for_safety", "data_problem"]
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is claimed, about which arm, and what to do.

    `safe` says whether the claim may be read now, `why` gives the reason; `final` says that more contacts
    would change nothing that is claimed. `corrected` is a winner's difference, corrected for having been picked.
    """

    status: Status
    arm: str | None
    sentence: Sentence
    next: Sentence
    reasons: tuple[Sentence, ...]
    safe: bool
    why: Sentence
    final: bool
    corrected: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to reach a verdict. `when` says when, in its docstring too; `sentence` and `next` are rows of `TEXTS`.

    `about` finds the arms that the evidence is given of; the first of them is the one that the sentence names.
    """

    when: Callable[[Case], bool]
    status: Status
    sentence: str
    next: str
    about: Callable[[Case], list[Reading]] = lambda case: []


def all_stopped(case: Case) -> bool:
    """a guardrail stopped the control, or every arm, or there are too many complaints over all arms"""
    question, paused = case.question, case.guards.paused
    every = bool(question.treated) and all(arm in paused for arm in question.treated)
    return question.control in paused or every or not case.guards.harmless


def off_balance(case: Case) -> bool:
    """the arms' counts do not follow their shares"""
    return not all(check.ok for check in case.guards.balance)


def placebo_failed(case: Case) -> bool:
    """arms differ in what they cannot change"""
    return not case.guards.trusted


def won(case: Case) -> bool:
    """an arm is proven, and more people would change nothing"""
    return case.readings.final and bool(case.with_status("winner"))


def proven(case: Case) -> bool:
    """an arm is proven, and another may still beat it"""
    return bool(case.with_status("winner"))


def pack_leads(case: Case) -> bool:
    """only packs of people are compared, and one yields more"""
    return _only_packs(case) and leads(case)


def leads(case: Case) -> bool:
    """no arm is proven, and the best is at least the smallest useful lift above the control"""
    return bool(case.with_status("leaning"))


def packs_settled(case: Case) -> bool:
    """only packs of people are compared, and none yields more"""
    return _only_packs(case) and _settled(case)


def one_worse(case: Case) -> bool:
    """the one arm is proven worse"""
    return _settled(case) and bool(case.worse) and len(case.with_status(*SETTLED)) == 1


def some_worse(case: Case) -> bool:
    """every arm is settled, and some are proven worse"""
    return _settled(case) and bool(case.worse)


def one_useless(case: Case) -> bool:
    """for the one arm a useful lift is ruled out"""
    return _settled(case) and len(case.with_status(*SETTLED)) == 1


def all_useless(case: Case) -> bool:
    """for every arm a useful lift is ruled out"""
    return _settled(case)


def nobody(case: Case) -> bool:
    """the control, or every arm, has no number"""
    counted = {number.arm for number in case.primary.arms if number.contacts}
    known = case.question.control in counted and any(arm in counted for arm in case.judged)
    return not known or (case.readings.final and not case.open)


def race_goes_on(case: Case) -> bool:
    """the race is not decided"""
    return not case.readings.final and case.readings.method == "sequential"


def windows_open(case: Case) -> bool:
    """every call is made, and conversion windows are open"""
    return not case.readings.final and case.evidence.finished


def days_missing(case: Case) -> bool:
    """people are missing, and the pace is known"""
    return people_missing(case) and bool(case.evidence.per_day)


def people_missing(case: Case) -> bool:
    """people of the plan are missing"""
    return not case.readings.final and missing(case) > 0


def calls_missing(case: Case) -> bool:
    """calls are still to be made"""
    return not case.readings.final


def packs_open(case: Case) -> bool:
    """only packs of people are compared, and it is over without an answer"""
    return _only_packs(case)


def over(case: Case) -> bool:
    """it is over without an answer"""
    return True


def _only_packs(case: Case) -> bool:
    return bool(case.packs) and case.judged == case.packs


def _settled(case: Case) -> bool:
    return bool(case.with_status(*SETTLED)) and not case.with_status("not_enough_people")


def _of(*statuses: str) -> Callable[[Case], list[Reading]]:
    return lambda case: case.with_status(*statuses)


def _best_of(*statuses: str) -> Callable[[Case], list[Reading]]:
    return lambda case: case.with_status(*statuses)[:1]


def _raced(case: Case) -> list[Reading]:
    return [reading for reading in case.open if reading.odds_for is not None or reading.same is not None]


RULES: tuple[Rule, ...] = (
    Rule(all_stopped, "stopped_for_safety", "stopped", "next_stopped"),
    Rule(off_balance, "data_problem", "data_balance", "next_balance"),
    Rule(placebo_failed, "data_problem", "data_placebo", "next_placebo"),
    Rule(won, "winner", "winner", "next_winner", _best_of("winner")),
    Rule(proven, "leaning", "leaning_proven", "next_leaning_proven", _best_of("winner")),
    Rule(pack_leads, "leaning", "leaning_audience", "next_audience", _best_of("leaning")),
    Rule(leads, "leaning", "leaning", "next_leaning", _best_of("leaning")),
    Rule(packs_settled, "no_useful_difference", "packs_alike", "next_packs"),
    Rule(one_worse, "no_useful_difference", "keep_control_one", "next_no_difference", _of(*SETTLED)),
    Rule(some_worse, "no_useful_difference", "keep_control", "next_no_difference", _of(*SETTLED)),
    Rule(one_useless, "no_useful_difference", "no_difference_one", "next_no_difference", _of(*SETTLED)),
    Rule(all_useless, "no_useful_difference", "no_difference_many", "next_no_difference", _of(*SETTLED)),
    Rule(nobody, "not_enough_people", "nobody", "next_nobody"),
    Rule(race_goes_on, "not_enough_people", "not_yet", "next_race", _raced),
    Rule(windows_open, "not_enough_people", "not_yet", "next_wait_window"),
    Rule(days_missing, "not_enough_people", "not_yet", "next_wait_days"),
    Rule(people_missing, "not_enough_people", "not_yet", "next_wait_people"),
    Rule(calls_missing, "not_enough_people", "not_yet", "next_wait"),
    Rule(packs_open, "not_enough_people", "packs_open", "next_packs_more"),
    Rule(over, "not_enough_people", "not_enough", "next_more", lambda case: case.open[:1]),
)
"""In order: safety, the data, what is proven, what leads, what is ruled out, what is missing. The last always holds."""
NAMES_AN_ARM = ("winner", "leaning")


def reach(case: Case) -> Verdict:
    """The verdict of this case: that of the first rule whose condition holds."""
    rule = next(rule for rule in RULES if rule.when(case))
    about = rule.about(case)
    arm = about[0].arm if about else ""
    safe, why, final = _reading_now(case, rule.status)
    corrected = _corrected(case, about[0]) if rule.status == "winner" else None
    return Verdict(
        rule.status,
        arm if rule.status in NAMES_AN_ARM else None,
        sentence_of(rule.sentence, case, arm),
        sentence_of(rule.next, case, arm),
        (*_reasons(case, about, corrected), *_always(case, rule.status)),
        safe,
        why,
        final,
        corrected,
    )


def _reading_now(case: Case, status: Status) -> tuple[bool, Sentence, bool]:
    """Whether this may be read now, why, and whether it stays."""
    readings = case.readings
    if status == "stopped_for_safety":
        return True, Sentence("safe_alarm"), True
    if status == "data_problem":
        return False, Sentence("unsafe_data"), readings.final
    looks: dict[str, Words] = {"looks": str(case.question.looks)} if readings.method == "group" else {}
    why = Sentence(f"{'safe' if readings.readable else 'unsafe'}_{readings.method}", looks)
    return readings.readable, why, readings.final


def _reasons(case: Case, about: list[Reading], corrected: float | None) -> list[Sentence]:
    """The evidence for what is said of these arms."""
    reasons = [_because(case, reading) for reading in about if case.question.dealt(reading.arm)]
    if corrected is not None:
        key = "because_unbiased" if about[0].unbiased else "because_corrected"
        reasons.append(Sentence(key, {"size": size_of(case.primary.metric, abs(corrected))}))
    return reasons


def _always(case: Case, status: Status) -> tuple[Sentence, ...]:
    """What is said whatever was found: packs of other people, arms that were stopped, people who are waiting."""
    reasons = []
    if status not in ("stopped_for_safety", "data_problem"):
        reasons += [
            Sentence("because_audience", {"arm": arm, "yields": yields(case.primary, (arm,))}) for arm in case.packs
        ]
    if status != "stopped_for_safety":
        reasons += [
            Sentence("because_guardrail", {"reason": guard_reason(case.numbers, check)})
            for check in case.guards.paused.values()
        ]
    if case.evidence.waiting:
        reasons.append(Sentence("because_waiting", {"waiting": people(case.evidence.waiting)}))
    return tuple(reasons)


def _because(case: Case, reading: Reading) -> Sentence:
    """The evidence for one arm's status."""
    question, arm = case.question, reading.arm
    values: dict[str, Words]
    if reading.same is not None:
        values = {"arm": arm, "useful": case.useful, "above": odds(reading.same[0]), "below": odds(reading.same[1])}
        return Sentence("because_same" if reading.status == "no_useful_difference" else "because_not_same", values)
    if reading.odds_for is not None and reading.odds_against is not None:
        if reading.status in {"no_useful_difference", "loser"}:
            if reading.odds_against < (reading.bar_against or 0.0):
                return Sentence("because_loser", {"arm": arm})
            values = {"arm": arm, "odds": odds(reading.odds_against), "useful": case.useful}
            return Sentence("because_odds_against", {**values, "bar": f"{reading.bar_against:.2g}"})
        if reading.status == "winner":
            return Sentence("because_proven", {"arm": arm, "odds": odds(reading.odds_for)})
        bar = odds(reading.bar_for or 1.0)
        return Sentence("because_odds_for", {"arm": arm, "odds": odds(reading.odds_for), "bar": bar})
    if reading.status == "no_useful_difference":
        return Sentence("because_below", {"arm": arm, "useful": case.useful})
    if reading.unconfirmed:
        return Sentence("because_unconfirmed", {"arm": arm})
    if reading.z is not None:
        return Sentence("because_look", {"arm": arm, "z": f"{reading.z:.2f}", "bound": f"{reading.bound:.2f}"})
    p_value = 1.0 if reading.p_value is None else reading.p_value
    return Sentence("because_adjusted", {"arm": arm, "p": chance(p_value), "alpha": f"{question.alpha:g}"})


def _corrected(case: Case, best: Reading) -> float | None:
    """The likeliest difference of an arm that had to pass a bound to be picked; never beyond zero."""
    if best.unbiased:
        return math.copysign(max(0.0, best.unbiased.value * case.primary.metric.sign), case.primary.metric.sign)
    comparison = case.primary.against_control(best.arm)
    estimate, bound = comparison.estimate, comparison.bound
    if estimate is None or bound is None or not estimate.value:
        return None
    if case.readings.bar:
        bound = math.sqrt(2 * math.log(case.readings.bar))
    z = z_of(estimate.p_value)
    if z <= bound * (1 + 1e-6):
        return None
    lift = conditional_lift(abs(estimate.value), abs(estimate.value) / z, bound, case.question.level)
    return math.copysign(max(0.0, lift), estimate.value)
