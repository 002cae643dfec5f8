"""What each arm's evidence says, under the method that was settled before the start.

A fixed horizon is read once, at the end; a race may be read at any look. Both give one `Reading` per arm, so
that the verdict does not ask how it came about.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from engine.core.comparisons import Comparison, MetricNumbers
from engine.core.evidence import Evidence, LookCounts, MetricTallies, Question
from engine.core.sentences import Sentence
from engine.stats.anytime import Race, RacePlan
from engine.stats.exact import boschloo
from engine.stats.rates import rate_interval

LEAST_EXPECTED = 5
MOST_EXACT = 2000
LEAST_LEANING = 100

ArmStatus = Literal["winner", "leaning", "loser", "no_useful_difference", "not_enough_people", "stopped_for_safety"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One arm: its status, its gain in the better direction, and the range and p-value that decide.

    `interval` is of the difference as it is shown. The odds are the race's. `unconfirmed` says that the
    p-value passed and the exact test for few successes did not.
    """

    arm: str
    status: ArmStatus
    gain: float | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    odds_for: float | None = None
    odds_against: float | None = None
    unconfirmed: bool = False


@dataclass(frozen=True, slots=True)
class Readings:
    """All arms under one method. `final` says that more contacts would change nothing that is claimed.

    `active` are the arms that still deserve contacts, `resting` those that got none since the look before;
    `bar` are the odds that prove an arm of the race.
    """

    method: Literal["fixed", "sequential"]
    arms: dict[str, Reading]
    final: bool
    active: tuple[str, ...]
    resting: frozenset[str] = frozenset()
    warnings: tuple[Sentence, ...] = ()
    bar: float | None = None


def read(question: Question, evidence: Evidence, numbers: MetricNumbers, paused: Collection[str]) -> Readings:
    """Every arm's reading. `paused` arms are stopped for safety and can prove nothing."""
    warnings: tuple[Sentence, ...] = ()
    if question.method == "sequential" and any(question.dealt(arm) for arm in question.treated):
        if numbers.metric.kind == "rate" and question.smallest_useful_lift < 0.99:
            return _race(question, evidence, numbers, paused)
        warnings = (Sentence("warn_race_needs_rate"),)
    if question.method == "group":
        warnings = (Sentence("warn_group_read_at_end"),)
    arms = {
        each.arm: _stopped(each.arm)
        if each.arm in paused
        else read_at_end(question, numbers.metric, each, closed=evidence.closed)
        for each in numbers.comparisons
    }
    active = () if evidence.finished else tuple(arm for arm in question.arms if arm not in paused)
    return Readings("fixed", arms, evidence.closed, active, warnings=warnings)


def _stopped(arm: str) -> Reading:
    return Reading(arm, "stopped_for_safety")


def read_at_end(question: Question, metric: MetricTallies, comparison: Comparison, *, closed: bool) -> Reading:
    """The fixed-horizon rule; nothing but a wait is read before the horizon is closed."""
    adjusted = comparison.adjusted
    if adjusted is None:
        return Reading(comparison.arm, "not_enough_people")
    gain = metric.sign * adjusted.value
    most = adjusted.high if metric.sign > 0 else -adjusted.low
    status: ArmStatus = "not_enough_people"
    passed = closed and adjusted.p_value < question.alpha
    confirmed = passed and _confirmed(question, metric, comparison.arm)
    if confirmed:
        status = "winner" if gain > 0 else "loser"
    elif closed and most < question.smallest_useful_lift:
        status = "no_useful_difference"
    elif closed and leans(question, comparison, gain):
        status = "leaning"
    if status == "winner" and not question.dealt(comparison.arm):
        status = "leaning"
    return Reading(
        comparison.arm,
        status,
        gain,
        (adjusted.low, adjusted.high),
        adjusted.p_value,
        unconfirmed=passed and not confirmed,
    )


def leans(question: Question, comparison: Comparison, gain: float) -> bool:
    """Whether an unproven arm is worth naming: a useful lift, over enough people on both sides."""
    enough = min(comparison.contacts, comparison.control_contacts) >= LEAST_LEANING
    return enough and gain >= question.smallest_useful_lift


def _confirmed(question: Question, metric: MetricTallies, arm: str) -> bool:
    """Whether an exact test agrees, asked only of a rate with few successes or few failures.

    Boschloo's test for arms of up to 2,000; beyond, given all successes (or failures), whether the arm has more
    than its share of them by Clopper and Pearson.
    """
    if metric.kind != "rate":
        return True
    (x1, n1), (x0, n0) = metric.counted(arm), metric.counted(question.control)
    rare = min(x1 + x0, n1 + n0 - x1 - x0)
    if rare * min(n1, n0) / (n1 + n0) >= LEAST_EXPECTED:
        return True
    alpha = question.alpha / len(question.treated)
    if max(n1, n0) <= MOST_EXACT:
        return boschloo(treated=(x1, n1), control=(x0, n0)) < alpha
    ours = x1 if rare == x1 + x0 else n1 - x1
    low, high = rate_interval(ours, rare, 1 - alpha, "exact")
    return not low <= n1 / (n1 + n0) <= high


def _race(question: Question, evidence: Evidence, numbers: MetricNumbers, paused: Collection[str]) -> Readings:
    metric = numbers.metric
    arms = tuple(arm for arm in question.arms if arm == question.control or question.dealt(arm))
    race, gathering, revised = run_race(question, metric, arms, evidence.history)
    living = [arm for arm, out in zip(arms, race.dropped, strict=True) if not out and arm not in paused][1:]
    proven = {arm for arm, is_proven in zip(arms, race.proven, strict=True) if is_proven}
    over = race.status != "running" or not living or (len(living) == 1 and living[0] in proven)
    final = over or evidence.finished
    intervals, p_values = race.intervals(), race.p_values
    readings = {
        each.arm: read_at_end(question, metric, each, closed=final)
        for each in numbers.comparisons
        if each.arm not in arms
    }
    for place, arm in enumerate(arms[1:], start=1):
        low, high = intervals[place] if metric.sign > 0 else (-intervals[place][1], -intervals[place][0])
        estimate = numbers.against_control(arm).estimate
        gain = metric.sign * estimate.value if estimate else None
        status = _race_status(race, place, most=max(low * metric.sign, high * metric.sign))
        if final and status == "not_enough_people" and leans(question, numbers.against_control(arm), gain or 0.0):
            status = "leaning"
        readings[arm] = Reading(
            arm, status, gain, (low, high), p_values[place], race.odds_for[place], race.odds_against[place]
        )
    readings |= {arm: _stopped(arm) for arm in paused if arm in readings}
    active = () if final else tuple(
        arm for arm, is_active in zip(arms, race.active, strict=True) if is_active and arm not in paused
    )  # fmt: skip
    others = () if final else tuple(arm for arm in question.arms if arm not in arms and arm not in paused)
    resting = {arm for arm, gathers in zip(arms, gathering, strict=True) if not gathers}
    return Readings(
        "sequential",
        {arm: readings[arm] for arm in question.treated},
        final,
        active + others,
        frozenset(resting),
        (Sentence("warn_revised"),) if revised else (),
        race.plan.proof,
    )


def _race_status(race: Race, place: int, most: float) -> ArmStatus:
    """What the race says of one arm, whose gain is at most `most`; an unproven arm has not lost."""
    if race.dropped[place]:
        useless = race.odds_against[place] >= race.plan.drop
        return "no_useful_difference" if useless and most >= 0 else "loser"
    return "winner" if race.proven[place] else "not_enough_people"


def run_race(
    question: Question, metric: MetricTallies, arms: tuple[str, ...], history: tuple[LookCounts, ...]
) -> tuple[Race, tuple[bool, ...], bool]:
    """The race replayed over all looks; which arms gathered contacts before it was last undecided; and whether
    late reports revised people who were counted before.

    Where less is better, the race counts who did not.
    """
    baseline = question.baseline if metric.sign > 0 else 1 - question.baseline
    race = Race.start(RacePlan(len(arms), question.smallest_useful_lift, baseline, question.alpha / 2, question.power))
    now = LookCounts({arm: metric.counted(arm)[1] for arm in arms}, {arm: metric.counted(arm)[0] for arm in arms})
    contacts, successes = [0.0] * len(arms), [0.0] * len(arms)
    gathering, revised = race.active, False
    for look in (*history, now):
        for place, arm in enumerate(arms):
            people, won = look.contacts.get(arm, 0.0), look.successes.get(arm, 0.0)
            won = won if metric.sign > 0 else people - won
            grown = max(contacts[place], people)
            settled = min(max(won, successes[place]), successes[place] + grown - contacts[place])
            revised |= grown != people or not math.isclose(settled, won, abs_tol=1e-9)
            contacts[place], successes[place] = grown, settled
        gathering = race.active if race.status == "running" else gathering
        race = race.look(contacts=contacts, successes=successes)
    return race, gathering, revised
