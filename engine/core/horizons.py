"""Reading at the end, once, or at a few looks that were planned.

Planned looks stand at even shares of the planned people; alpha is spent over them, shared equally by the arms. Between
two of them the last one stands. A look that comes late spends what is due by then; the last one spends what is left, at
the information that it has, whether fewer people came than were planned or more.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache

from engine.core.comparisons import Comparison, MetricNumbers, z_of
from engine.core.evidence import Evidence, LookCounts, MetricTallies, Question
from engine.core.readings import ArmStatus, Reading, Readings, confirmed, leans, stopped
from engine.core.sentences import Sentence
from engine.stats.after_stopping import after_stopping
from engine.stats.arguments import Counted
from engine.stats.estimates import Estimate
from engine.stats.group import boundaries
from engine.stats.normal import two_sided
from engine.stats.rates import differences
from engine.stats.tallies import Tally

LEAST_NEWS = 2e-3
"""With less than this share of the planned people more than at the look before there is no other look; the last one
is taken for this much more."""
MOST_INFORMATION = 9.0
"""So many times the plan counts; beyond it earlier looks are forgotten."""


def read_horizon(
    question: Question,
    evidence: Evidence,
    numbers: MetricNumbers,
    paused: Collection[str],
    warnings: tuple[Sentence, ...] = (),
) -> Readings:
    """The readings of a fixed horizon: nothing but a wait until it is closed."""
    arms = {
        each.arm: stopped(each.arm)
        if each.arm in paused
        else read_at_end(question, numbers.metric, each, closed=evidence.closed)
        for each in numbers.comparisons
    }
    active = () if evidence.finished else tuple(arm for arm in question.arms if arm not in paused)
    return Readings("fixed", arms, evidence.closed, active, warnings=warnings, readable=evidence.closed)


def read_at_end(question: Question, metric: MetricTallies, comparison: Comparison, *, closed: bool) -> Reading:
    """The fixed-horizon rule; nothing but a wait is read before the horizon is closed."""
    adjusted = comparison.adjusted
    if adjusted is None:
        return Reading(comparison.arm, "not_enough_people")
    gain = metric.sign * adjusted.value
    most = adjusted.high if metric.sign > 0 else -adjusted.low
    status: ArmStatus = "not_enough_people"
    passed = closed and adjusted.p_value < question.alpha
    exact = passed and confirmed(question, metric, comparison.arm)
    if exact:
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
        unconfirmed=passed and not exact,
    )


class PlannedLooks:
    """The looks of one experiment, taken one after another; an arm that was settled stays so.

    `gathering` are the arms that gathered contacts up to the last look before everything was settled. `fractions`
    are the looks' information, `spent` the shares of the plan by which they spent alpha.
    """

    def __init__(self, question: Question, metric: MetricTallies, paused: Collection[str]) -> None:
        self.question, self.metric = question, metric
        self.open = [arm for arm in question.treated if question.dealt(arm) and arm not in paused]
        self.arms = len([arm for arm in question.treated if question.dealt(arm)])
        self.gathering = [question.control, *self.open]
        self.fractions, self.spent = list[float](), list[float]()
        self.readings: dict[str, Reading] = {}

    @property
    def over(self) -> bool:
        """Whether no look is left that could change anything."""
        return not self.open or (bool(self.spent) and self.spent[-1] >= 1)

    def take(self, look: LookCounts, *, last: bool) -> None:
        """Read this look where it is one of the planned; the `last` one spends what is left of alpha."""
        if self.over:
            return
        self.gathering = [self.question.control, *self.open]
        fewest = min(look.contacts.get(arm, 0.0) for arm in self.gathering)
        share = min(MOST_INFORMATION, fewest / (self.question.planned or 1))
        before = self.spent[-1] if self.spent else 0.0
        spent = 1.0 if last or share > 0.995 else share
        due = (int(before * self.question.looks + 1e-9) + 1) / self.question.looks
        if fewest < 1 or spent < max(due - 1e-9, before + LEAST_NEWS):
            return
        self.fractions.append(max(share, (self.fractions[-1] if self.fractions else 0.0) + LEAST_NEWS))
        self.spent.append(spent)
        question, fractions = self.question, tuple(self.fractions)
        bounds = bounds_so_far(fractions, tuple(self.spent), question.alpha / self.arms, question.spending)
        counted = {arm: (look.successes.get(arm, 0.0), look.contacts.get(arm, 0.0)) for arm in self.gathering}
        treated = [counted[arm] for arm in self.open]
        level = 1 - two_sided(bounds[-1])
        found = differences(treated=treated, control=counted[question.control], level=level)
        for arm, estimate in zip(list(self.open), found, strict=True):
            self.readings[arm] = self._read(arm, counted, estimate, bounds)
            if self.readings[arm].status != "not_enough_people":
                self.open.remove(arm)

    def _read(self, arm: str, counted: Mapping[str, Counted], found: Estimate, bounds: tuple[float, ...]) -> Reading:
        question, fractions, bound = self.question, tuple(self.fractions), bounds[-1]
        tallies = {name: Tally.of_rate(*counted[name]) for name in (question.control, arm)}
        metric = replace(self.metric, tallies=tallies)
        z, gain = z_of(found.p_value), metric.sign * found.value
        passed = z >= bound
        exact = passed and confirmed(question, metric, arm)
        most = found.high if metric.sign > 0 else -found.low
        status: ArmStatus = "not_enough_people"
        if exact:
            status = "winner" if gain > 0 else "loser"
        elif most < question.smallest_useful_lift:
            status = "no_useful_difference"
        over = (passed or self.spent[-1] >= 1) and z > 0
        unbiased = after_stopping(found.value, abs(found.value) / z, fractions, bounds) if over else None
        return Reading(
            arm, status, gain, (found.low, found.high),
            z=z, bound=bound, unbiased=unbiased, unconfirmed=passed and not exact,
        )  # fmt: skip


@lru_cache(maxsize=512)
def bounds_so_far(
    fractions: tuple[float, ...], spent: tuple[float, ...], alpha: float, spending: str
) -> tuple[float, ...]:
    """The |z| that proves an arm at each of these looks."""
    return boundaries(fractions, alpha, spending, spent=spent)


def read_planned_looks(
    question: Question, evidence: Evidence, numbers: MetricNumbers, paused: Collection[str]
) -> Readings:
    """The readings at the planned looks so far; arms that chance does not deal are described at the end."""
    metric = numbers.metric
    looks = PlannedLooks(question, metric, paused)
    for look in evidence.history:
        looks.take(look, last=False)
    contacts, successes = ({arm: metric.counted(arm)[part] for arm in question.arms} for part in (1, 0))
    looks.take(LookCounts(contacts, successes), last=evidence.closed)
    final = evidence.closed or looks.over
    readings = {}
    for each in numbers.comparisons:
        reading = looks.readings.get(each.arm, Reading(each.arm, "not_enough_people"))
        if each.arm in paused:
            reading = stopped(each.arm)
        elif not question.dealt(each.arm):
            reading = read_at_end(question, metric, each, closed=final)
        elif final and reading.status == "not_enough_people" and leans(question, each, reading.gain or 0.0):
            reading = replace(reading, status="leaning")
        readings[each.arm] = reading
    settled = {arm for arm, reading in readings.items() if reading.status != "not_enough_people"}
    active = () if final else tuple(arm for arm in question.arms if arm not in settled)
    resting = frozenset(question.arms) - frozenset(looks.gathering)
    return Readings("group", readings, final, active, resting, readable=bool(looks.fractions))
