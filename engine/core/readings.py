"""What each arm's evidence says, whatever the method: one `Reading` per arm, so that the verdict need not ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.core.comparisons import Comparison
from engine.core.evidence import MetricTallies, Question
from engine.core.sentences import Sentence
from engine.stats.estimates import Estimate
from engine.stats.exact import boschloo
from engine.stats.rates import rate_interval

LEAST_EXPECTED = 5
MOST_EXACT = 2000
LEAST_LEANING = 100

ArmStatus = Literal["winner", "leaning", "loser", "no_useful_difference", "not_enough_people", "stopped_for_safety"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One arm: its status, its gain in the better direction, and the range and p-value that decide.

    `interval` is of the difference as it is shown. The odds, and the bars that they must reach, are the race's; `z`
    and the `bound` that it must reach belong to planned looks, and so does `unbiased`, the estimate after stopping.
    `unconfirmed` says that the p-value passed and the exact test for few successes did not. `same` are the odds
    against a lift and against a loss of an arm that shall be shown the same.
    """

    arm: str
    status: ArmStatus
    gain: float | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    odds_for: float | None = None
    odds_against: float | None = None
    z: float | None = None
    bound: float | None = None
    unbiased: Estimate | None = None
    unconfirmed: bool = False
    same: tuple[float, float] | None = None
    bar_for: float | None = None
    bar_against: float | None = None


@dataclass(frozen=True, slots=True)
class Readings:
    """All arms under one method. `final` says that more contacts would change nothing that is claimed.

    `active` are the arms that still deserve contacts, `resting` those that got none since the look before;
    `bar` are the odds that prove an arm of the race. `readable` says whether it may be read now. `kept` is what the
    next look goes on from.
    """

    method: Literal["fixed", "sequential", "group"]
    arms: dict[str, Reading]
    final: bool
    active: tuple[str, ...]
    resting: frozenset[str] = frozenset()
    warnings: tuple[Sentence, ...] = ()
    bar: float | None = None
    readable: bool = True
    kept: Mapping[str, Any] = field(default_factory=dict)


def stopped(arm: str) -> Reading:
    """An arm that a guardrail stopped, and that can prove nothing."""
    return Reading(arm, "stopped_for_safety")


def leans(question: Question, comparison: Comparison, gain: float) -> bool:
    """Whether an unproven arm is worth naming: a useful lift, over enough people on both sides."""
    enough = min(comparison.contacts, comparison.control_contacts) >= LEAST_LEANING
    return enough and gain >= question.smallest_useful_lift


def confirmed(question: Question, metric: MetricTallies, arm: str) -> bool:
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
