"""Where the experiment stands, and the evidence for it: one of six statuses.

What stops people from harm comes first, then whether the data can be believed, then what the method found. A
verdict is data; `engine.core.sentences` says it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from engine.core.comparisons import MetricNumbers, z_of
from engine.core.evidence import Evidence, Question
from engine.core.guards import Guards
from engine.core.phrases import (
    effect,
    guard_reason,
    imbalance,
    metric_label,
    people_needed,
    size_of,
    waiting,
)
from engine.core.readings import Reading, Readings
from engine.core.sentences import Listed, Sentence, Words, chance, listed, odds, people, whole
from engine.stats.after_win import conditional_estimate

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
class Case:
    """All that a verdict is reached from; `numbers` are every metric's."""

    question: Question
    evidence: Evidence
    numbers: tuple[MetricNumbers, ...]
    guards: Guards
    readings: Readings

    @property
    def primary(self) -> MetricNumbers:
        """The numbers of the metric that decides."""
        return next(each for each in self.numbers if each.metric == self.evidence.primary)

    def with_status(self, *statuses: str) -> list[Reading]:
        """The arms' readings of these statuses, the highest gain first, equal gains by name."""
        found = [reading for reading in self.readings.arms.values() if reading.status in statuses]
        return sorted(found, key=lambda reading: (-_gain(reading), reading.arm))

    @property
    def useful(self) -> Sentence:
        """The smallest useful lift in the metric's unit."""
        return size_of(self.primary.metric, self.question.smallest_useful_lift)


def _gain(reading: Reading) -> float:
    return -math.inf if reading.gain is None else reading.gain


def reach(case: Case) -> Verdict:
    """The verdict of this case."""
    question, paused = case.question, case.guards.paused
    if question.control in paused or (question.treated and all(arm in paused for arm in question.treated)):
        verdict = _stopped(case)
    elif not case.guards.trusted:
        verdict = _data_problem(case)
    elif winners := case.with_status("winner"):
        verdict = _winner(case, winners[0]) if case.readings.final else _proven(case, winners[0])
    elif leanings := case.with_status("leaning"):
        verdict = _leaning(case, leanings[0])
    elif case.with_status("no_useful_difference", "loser") and not case.with_status("not_enough_people"):
        verdict = _no_useful_difference(case)
    else:
        verdict = _not_enough(case)
    return replace(verdict, reasons=verdict.reasons + _always(case, verdict.status))


def _always(case: Case, status: Status) -> tuple[Sentence, ...]:
    """What is said whatever was found: arms that were stopped, people who are waiting."""
    reasons = []
    if status != "stopped_for_safety":
        reasons += [
            Sentence("because_guardrail", {"reason": guard_reason(case.numbers, check)})
            for check in case.guards.paused.values()
        ]
    if case.evidence.waiting:
        reasons.append(Sentence("because_waiting", {"waiting": people(case.evidence.waiting)}))
    return tuple(reasons)


def _verdict(
    case: Case, status: Status, arm: str | None, said: tuple[Sentence, Sentence], because: Sequence[Sentence]
) -> Verdict:
    """A verdict of the method, readable now where the method allows it."""
    readings = case.readings
    looks: dict[str, Words] = {"looks": str(case.question.looks)} if readings.method == "group" else {}
    why = Sentence(f"{'safe' if readings.readable else 'unsafe'}_{readings.method}", looks)
    return Verdict(status, arm, *said, tuple(because), readings.readable, why, readings.final)


def _stopped(case: Case) -> Verdict:
    paused = case.guards.paused
    reasons = Listed(tuple(guard_reason(case.numbers, check) for check in paused.values()))
    return Verdict(
        "stopped_for_safety",
        None,
        Sentence("stopped", {"reasons": reasons}),
        Sentence("next_stopped", {"arms": listed(paused)}),
        (),
        safe=True,
        why=Sentence("safe_alarm"),
        final=True,
    )


def _data_problem(case: Case) -> Verdict:
    placebo = case.guards.placebo
    said = imbalance(case.guards.balance)
    if said is None and placebo:
        known = {each.metric.name: metric_label(each.metric) for each in case.numbers}
        values: dict[str, Words] = {"metric": known.get(placebo.metric, placebo.label), "p": chance(placebo.p_value)}
        said = Sentence("data_placebo", values), Sentence("next_placebo")
    assert said is not None, "data are distrusted for an imbalance or for the placebo"
    return Verdict("data_problem", None, *said, (), safe=False, why=Sentence("unsafe_data"), final=case.readings.final)


def _winner(case: Case, best: Reading) -> Verdict:
    corrected = _corrected(case, best)
    reasons = [_because(case, best)]
    if corrected is not None:
        size = size_of(case.primary.metric, abs(corrected))
        reasons.append(Sentence("because_unbiased" if best.unbiased else "because_corrected", {"size": size}))
    said = _claim("winner", case, best), Sentence("next_winner", {"arm": best.arm})
    return replace(_verdict(case, "winner", best.arm, said, reasons), corrected=corrected)


def _proven(case: Case, best: Reading) -> Verdict:
    """A race that still decides which of several arms is best."""
    said = _claim("leaning_proven", case, best), Sentence("next_leaning_proven")
    return _verdict(case, "leaning", best.arm, said, [_because(case, best)])


def _leaning(case: Case, best: Reading) -> Verdict:
    arm = {"arm": best.arm}
    if not case.question.dealt(best.arm):
        said = _claim("leaning_audience", case, best), Sentence("next_audience", arm)
        return _verdict(case, "leaning", best.arm, said, [Sentence("because_audience", arm)])
    needed = people_needed(case.question, case.primary.metric, 1)
    next_ = Sentence("next_leaning_bare", arm)
    if needed is not None:
        next_ = Sentence("next_leaning", {**arm, "needed": people(needed)})
    return _verdict(case, "leaning", best.arm, (_claim("leaning", case, best), next_), [_because(case, best)])


def _no_useful_difference(case: Case) -> Verdict:
    settled = case.with_status("no_useful_difference", "loser")
    best, worse = settled[0], [each for each in settled if each.status == "loser" and _gain(each) < 0]
    values: dict[str, Words] = {
        "arm": best.arm,
        "effect": effect(case.primary, best),
        "useful": case.useful,
        "metric": metric_label(case.primary.metric),
        "arms": listed(each.arm for each in worse or settled),
        "people": people(min(number.contacts for number in case.primary.arms)),
    }
    if len(settled) == 1:
        key = "keep_control_one" if worse else "no_difference_one"
    else:
        key = "keep_control" if worse else "no_difference_many"
    said = Sentence(key, values), Sentence("next_no_difference")
    return _verdict(case, "no_useful_difference", None, said, [_because(case, each) for each in settled])


def _not_enough(case: Case) -> Verdict:
    status: Status = "not_enough_people"
    open_ = [reading for reading in case.with_status(status) if reading.gain is not None]
    if not open_ or not any(number.contacts for number in case.primary.arms):
        return _verdict(case, status, None, (Sentence("nobody"), Sentence("next_nobody")), [])
    if not case.readings.final:
        said = waiting(case.question, case.evidence, case.primary)
        if case.readings.method == "sequential":
            said = said[0], Sentence("next_race")
        race = [_because(case, reading) for reading in open_ if reading.odds_for is not None]
        return _verdict(case, status, None, said, race)
    best = open_[0]
    needed = people_needed(case.question, case.primary.metric, len(case.question.treated))
    next_ = Sentence("next_more_bare")
    if needed is not None:
        next_ = Sentence("next_more", {"useful": case.useful, "needed": people(needed)})
    return _verdict(case, status, None, (_claim("not_enough", case, best), next_), [_because(case, best)])


def _claim(key: str, case: Case, reading: Reading) -> Sentence:
    values: dict[str, Words] = {"arm": reading.arm, "effect": effect(case.primary, reading), "useful": case.useful}
    return Sentence(key, values)


def _because(case: Case, reading: Reading) -> Sentence:
    """The evidence for one arm's status."""
    question, arm = case.question, reading.arm
    if reading.odds_for is not None and reading.odds_against is not None:
        if reading.status in {"no_useful_difference", "loser"}:
            if reading.odds_against < 1 / (1 - question.power):
                return Sentence("because_loser", {"arm": arm})
            values: dict[str, Words] = {"arm": arm, "odds": odds(reading.odds_against), "useful": case.useful}
            return Sentence("because_odds_against", {**values, "bar": f"{1 / (1 - question.power):.3g}"})
        bar = whole(case.readings.bar or 1)
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
    found = conditional_estimate(abs(estimate.value), abs(estimate.value) / z, bound, case.question.level)
    return math.copysign(max(0.0, found.value), estimate.value)
