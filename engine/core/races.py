"""The race of two odds: it may be read at any time, and goes on from where the look before left it."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.comparisons import MetricNumbers
from engine.core.evidence import Evidence, LookCounts, MetricTallies, Question
from engine.core.horizons import read_at_end
from engine.core.readings import ArmStatus, Reading, Readings, leans, stopped
from engine.core.sameness import claims, kept_of, read_claim
from engine.core.sentences import Sentence
from engine.stats.anytime import Race, RacePlan
from engine.stats.sameness import Sameness


@dataclass(frozen=True, slots=True)
class RaceSoFar:
    """A race with the counts it was told last, per arm; who gathered contacts before it was last undecided; and
    whether late reports revised people who were counted before."""

    race: Race
    contacts: tuple[float, ...]
    successes: tuple[float, ...]
    gathering: tuple[bool, ...]
    revised: bool = False

    @classmethod
    def start(cls, plan: RacePlan) -> "RaceSoFar":
        """A race of which nothing is known yet."""
        race, none = Race.start(plan), (0.0,) * plan.arms
        return cls(race, none, none, race.active)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data, kept with the look."""
        told = {"contacts": self.contacts, "successes": self.successes}
        return {**told, "gathering": self.gathering, "revised": self.revised, "race": self.race.as_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RaceSoFar":
        """What `as_json` wrote; raises ValueError where another release wrote it."""
        contacts, successes = (tuple(map(float, data[name])) for name in ("contacts", "successes"))
        gathering = tuple(map(bool, data["gathering"]))
        return cls(Race.from_json(data["race"]), contacts, successes, gathering, bool(data["revised"]))

    def look(self, contacts: list[float], successes: list[float]) -> "RaceSoFar":
        """After a look at these cumulative counts, as far as people who were counted before do not take them back."""
        people, won, revised = list(self.contacts), list(self.successes), self.revised
        for place, (told, good) in enumerate(zip(contacts, successes, strict=True)):
            grown = max(people[place], told)
            settled = min(max(good, won[place]), won[place] + grown - people[place])
            revised |= grown != told or not math.isclose(settled, good, abs_tol=1e-9)
            people[place], won[place] = grown, settled
        gathering = self.race.active if self.race.status == "running" else self.gathering
        race = self.race.look(contacts=people, successes=won)
        return RaceSoFar(race, tuple(people), tuple(won), gathering, revised)


def read_race(question: Question, evidence: Evidence, numbers: MetricNumbers, paused: Collection[str]) -> Readings:
    """The readings of a race over the arms that chance deals; the others are described."""
    metric = numbers.metric
    raced = tuple(arm for arm in question.treated if question.dealt(arm) and arm not in question.same)
    arms, same = (question.control, *raced), claims(question, evidence, metric)
    if not raced:
        return _claimed(question, evidence, numbers, same, paused)
    so_far = run_race(question, evidence, metric, arms)
    race = so_far.race
    living = [arm for arm, out in zip(arms, race.dropped, strict=True) if not out and arm not in paused][1:]
    proven = {arm for arm, is_proven in zip(arms, race.proven, strict=True) if is_proven}
    over = race.status != "running" or not living or (len(living) == 1 and living[0] in proven)
    claimed = _open(same, paused)
    final = (over and not claimed) or evidence.finished
    readings = {
        each.arm: read_at_end(question, metric, each, closed=final)
        for each in numbers.comparisons
        if each.arm not in arms
    }
    readings |= {arm: read_claim(question, numbers, arm, claim) for arm, claim in same.items()}
    readings |= _raced(question, numbers, race, arms, final)
    readings |= {arm: stopped(arm) for arm in paused if arm in readings}
    racing = tuple(arm for arm, is_active in zip(arms, race.active, strict=True) if is_active and arm not in paused)
    if claimed and question.control not in racing:
        racing = (question.control, *racing)
    active = () if final else racing + claimed
    settled = {*arms, *same}
    others = () if final else tuple(arm for arm in question.arms if arm not in settled and arm not in paused)
    resting = {arm for arm, gathers in zip(arms, so_far.gathering, strict=True) if not gathers}
    return Readings(
        "sequential",
        {arm: readings[arm] for arm in question.treated},
        final,
        active + others,
        frozenset(resting),
        (Sentence("warn_revised"),) if so_far.revised else (),
        race.plan.proof,
        kept=so_far.as_json() | {"same": kept_of(same)},
    )


def _open(same: Mapping[str, Sameness], paused: Collection[str]) -> tuple[str, ...]:
    """The arms that are still to be shown the same."""
    return tuple(arm for arm, claim in same.items() if not claim.proven and arm not in paused)


def _claimed(
    question: Question,
    evidence: Evidence,
    numbers: MetricNumbers,
    same: Mapping[str, Sameness],
    paused: Collection[str],
) -> Readings:
    """The readings where no arm races for a winner: claims, and what chance does not deal."""
    claimed = _open(same, paused)
    final = not claimed or evidence.finished
    readings = {
        each.arm: read_claim(question, numbers, each.arm, same[each.arm])
        if each.arm in same
        else read_at_end(question, numbers.metric, each, closed=final)
        for each in numbers.comparisons
    }
    readings |= {arm: stopped(arm) for arm in paused if arm in readings}
    active = () if final else (question.control, *claimed)
    return Readings("sequential", readings, final, active, kept={"same": kept_of(same)})


def _raced(
    question: Question, numbers: MetricNumbers, race: Race, arms: tuple[str, ...], final: bool
) -> dict[str, Reading]:
    """The reading of every arm of the race; one that the roster's end left unproven may lean."""
    metric, readings = numbers.metric, {}
    intervals, p_values, odds_for, odds_against = race.intervals(), race.p_values, race.odds_for, race.odds_against
    bars_for, bars_against = race.bars_for, race.bars_against
    for place, arm in enumerate(arms[1:], start=1):
        low, high = intervals[place] if metric.sign > 0 else (-intervals[place][1], -intervals[place][0])
        estimate = numbers.against_control(arm).estimate
        gain = metric.sign * estimate.value if estimate else None
        useless = odds_against[place] >= bars_against[place]
        status = _race_status(race, place, useless and max(low * metric.sign, high * metric.sign) >= 0)
        if final and status == "not_enough_people" and leans(question, numbers.against_control(arm), gain or 0.0):
            status = "leaning"
        readings[arm] = Reading(
            arm, status, gain, (low, high), p_values[place], odds_for[place], odds_against[place],
            bar_for=bars_for[place], bar_against=bars_against[place],
        )  # fmt: skip
    return readings


def _race_status(race: Race, place: int, useless: bool) -> ArmStatus:
    """What the race says of one arm, which may be dropped as no useful change; an unproven arm has not lost."""
    if race.dropped[place]:
        return "no_useful_difference" if useless else "loser"
    return "winner" if race.proven[place] else "not_enough_people"


def run_race(question: Question, evidence: Evidence, metric: MetricTallies, arms: tuple[str, ...]) -> RaceSoFar:
    """The race after this look: resumed from the look before, or replayed over all of them where nothing was kept.

    Where less is better, the race counts who did not. Looks that bring fewer than `question.least_new` contacts are
    left to the next one: which looks count depends on how many matured, never on what they did.
    """
    baseline = question.baseline if metric.sign > 0 else 1 - question.baseline
    plan = RacePlan(
        len(arms), question.smallest_useful_lift, baseline, question.alpha / 2, question.power,
        deadline=question.deadline,
    )  # fmt: skip
    so_far = _kept(evidence, plan)
    earlier = evidence.history if so_far is None else ()
    so_far = so_far or RaceSoFar.start(plan)
    now = LookCounts({arm: metric.counted(arm)[1] for arm in arms}, {arm: metric.counted(arm)[0] for arm in arms})
    for look in (*earlier, now):
        people = [look.contacts.get(arm, 0.0) for arm in arms]
        won = [look.successes.get(arm, 0.0) for arm in arms]
        if metric.sign < 0:
            won = [n - s for n, s in zip(people, won, strict=True)]
        last = look is now and evidence.finished
        if last or sum(people) - sum(so_far.contacts) >= question.least_new:
            so_far = so_far.look(people, won)
    return so_far


def _kept(evidence: Evidence, plan: RacePlan) -> RaceSoFar | None:
    """The race that the look before kept; None where it kept none, or that of another plan or release."""
    if "race" not in evidence.race:
        return None
    try:
        kept = RaceSoFar.from_json(evidence.race)
    except (KeyError, ValueError):
        return None
    return kept if kept.race.plan == plan else None
