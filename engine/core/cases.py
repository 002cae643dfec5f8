"""All that a verdict is reached from, and what its sentences may name: the arms of a status, and every value.

A sentence of `engine.core.texts` names its values; each is computed here, and only when a sentence asks for it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from string import Formatter

from engine.core.comparisons import MetricNumbers
from engine.core.evidence import Evidence, Question
from engine.core.guards import Guards
from engine.core.phrases import (
    effect,
    guard_reason,
    imbalance,
    metric_label,
    round_of,
    size_of,
    so_far,
    worth_said,
    yields,
)  # fmt: skip
from engine.core.readings import Reading, Readings
from engine.core.sentences import Listed, Sentence, Words, chance, listed, people, whole
from engine.core.texts import TEXTS
from engine.core.worth import Worth

SETTLED = ("no_useful_difference", "loser")


@dataclass(frozen=True, slots=True)
class Case:
    """All that a verdict is reached from; `numbers` are every metric's, `worth` is money per arm."""

    question: Question
    evidence: Evidence
    numbers: tuple[MetricNumbers, ...]
    guards: Guards
    readings: Readings
    worth: Mapping[str, Worth] = field(default_factory=dict)

    @property
    def primary(self) -> MetricNumbers:
        """The numbers of the metric that decides."""
        return next(each for each in self.numbers if each.metric == self.evidence.primary)

    @property
    def judged(self) -> tuple[str, ...]:
        """The arms that the verdict is about: those that chance deals, or the packs where there is nothing else."""
        dealt = tuple(arm for arm in self.question.treated if self.question.dealt(arm))
        return dealt or self.question.treated

    @property
    def packs(self) -> tuple[str, ...]:
        """The arms that chance does not deal: other people, compared and not randomized."""
        return tuple(arm for arm in self.question.treated if not self.question.dealt(arm))

    def with_status(self, *statuses: str) -> list[Reading]:
        """The judged arms' readings of these statuses, the highest gain first, equal gains by name."""
        found = [self.readings.arms[arm] for arm in self.judged if self.readings.arms[arm].status in statuses]
        return sorted(found, key=lambda reading: (-gain_of(reading), reading.arm))

    @property
    def open(self) -> list[Reading]:
        """The judged arms of which nothing is known yet, but a number."""
        return [reading for reading in self.with_status("not_enough_people") if reading.gain is not None]

    @property
    def worse(self) -> list[Reading]:
        """The judged arms that are proven worse than the control."""
        return [reading for reading in self.with_status("loser") if gain_of(reading) < 0]

    @property
    def useful(self) -> Sentence:
        """The smallest useful lift in the metric's unit."""
        return size_of(self.primary.metric, self.question.smallest_useful_lift)


def gain_of(reading: Reading) -> float:
    """The gain in the better direction; below everything where there is none."""
    return -math.inf if reading.gain is None else reading.gain


def _off_balance(name: str) -> Callable[[Case, str], Words]:
    def value(case: Case, arm: str) -> Words:
        said = imbalance(case.guards.balance)
        assert said is not None, "only an imbalance asks for its values"
        return {**said[0].values, **said[1].values}[name]

    return value


def _placebo_metric(case: Case, arm: str) -> Words:
    placebo = case.guards.placebo
    assert placebo is not None, "only a failed placebo asks for its metric"
    known = {each.metric.name: metric_label(each.metric) for each in case.numbers}
    return known.get(placebo.metric, placebo.label)


def _stopped(case: Case, arm: str) -> Words:
    return Listed(tuple(guard_reason(case.numbers, check) for check in case.guards.paused.values()))


def _worse_or_settled(case: Case, arm: str) -> Words:
    return listed(each.arm for each in case.worse or case.with_status(*SETTLED))


def _days(case: Case, arm: str) -> Words:
    return whole(math.ceil(missing(case) * len(case.question.arms) / (case.evidence.per_day or math.inf)))


def fewest(case: Case) -> float:
    """The people of the arm that has the fewest."""
    return min(number.contacts for number in case.primary.arms)


def missing(case: Case) -> float:
    """People per arm who were planned and are not counted yet."""
    return max(0.0, (case.question.planned or 0) - fewest(case))


VALUES: dict[str, Callable[[Case, str], Words]] = {
    "arm": lambda case, arm: arm,
    "arms": _worse_or_settled,
    "stopped": lambda case, arm: listed(case.guards.paused),
    "reasons": _stopped,
    "effect": lambda case, arm: effect(case.primary, case.readings.arms[arm]),
    "worth": lambda case, arm: worth_said(case.worth.get(arm)),
    "yields": lambda case, arm: yields(case.primary, (arm,) if arm else case.judged),
    "useful": lambda case, arm: case.useful,
    "metric": lambda case, arm: metric_label(case.primary.metric),
    "people": lambda case, arm: people(fewest(case)),
    "so_far": lambda case, arm: so_far(case.question, case.evidence, case.primary),
    "round": lambda case, arm: round_of(case.question, case.primary.metric, len(case.judged)),
    "own_round": lambda case, arm: round_of(case.question, case.primary.metric, 1),
    "missing": lambda case, arm: people(missing(case)),
    "waiting": lambda case, arm: people(case.evidence.waiting),
    "days": _days,
    "placebo": _placebo_metric,
    "p": lambda case, arm: chance(case.guards.placebo.p_value if case.guards.placebo else 1.0),
    **{name: _off_balance(name) for name in ("stage", "odds", "off_arm", "observed", "expected")},
}


def sentence_of(key: str, case: Case, arm: str) -> Sentence:
    """The row of `TEXTS` with the values that it names."""
    names = {name for _, name, _, _ in Formatter().parse(TEXTS[key][0]) if name}
    return Sentence(key, {name: VALUES[name](case, arm) for name in sorted(names)})
