"""The race of two odds, replayed over every look: it may be read at any time."""

import math
from collections.abc import Collection

from engine.core.comparisons import MetricNumbers
from engine.core.evidence import Evidence, LookCounts, MetricTallies, Question
from engine.core.horizons import read_at_end
from engine.core.readings import ArmStatus, Reading, Readings, leans, stopped
from engine.core.sentences import Sentence
from engine.stats.anytime import Race, RacePlan


def read_race(question: Question, evidence: Evidence, numbers: MetricNumbers, paused: Collection[str]) -> Readings:
    """The readings of a race over the arms that chance deals; the others are described."""
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
    readings |= {arm: stopped(arm) for arm in paused if arm in readings}
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
