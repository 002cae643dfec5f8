"""Arms that shall be shown to be the same as the control: what each one's two odds say.

The margin is the smallest useful lift, to either side. Such an arm is no part of the race for a winner.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.core.comparisons import MetricNumbers
from engine.core.evidence import Evidence, LookCounts, MetricTallies, Question
from engine.core.readings import Reading
from engine.stats.sameness import Sameness


def claims(question: Question, evidence: Evidence, metric: MetricTallies) -> dict[str, Sameness]:
    """Every such arm's claim after this look: resumed from the look before, or replayed where nothing was kept."""
    kept: Mapping[str, Mapping[str, Any]] = evidence.race.get("same", {})
    now = LookCounts(*({arm: metric.counted(arm)[part] for arm in question.arms} for part in (1, 0)))
    found = {}
    for arm in question.same:
        fresh = Sameness(question.smallest_useful_lift, question.baseline)
        before = _read_back(kept[arm], fresh) if arm in kept else None
        claim, looks = (before, (now,)) if before else (fresh, (*evidence.history, now))
        for look in looks:
            claim = _told(claim, look, question.control, arm)
        found[arm] = claim
    return found


def _told(claim: Sameness, look: LookCounts, control: str, arm: str) -> Sameness:
    """After a look, as far as people who were counted before do not take it back."""
    told = [(look.successes.get(name, 0.0), look.contacts.get(name, 0.0)) for name in (control, arm)]
    for (successes, contacts), (won, people) in zip(told, (claim.control, claim.arm), strict=True):
        if contacts < people or not won <= successes <= won + contacts - people:
            return claim
    return claim.look(control=told[0], arm=told[1])


def kept_of(found: Mapping[str, Sameness]) -> dict[str, Any]:
    """What the next look goes on from."""
    return {arm: asdict(claim) for arm, claim in found.items()}


def _read_back(kept: Mapping[str, Any], fresh: Sameness) -> Sameness | None:
    """The claim that the look before kept; None where another release, or another plan, kept it."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
    try:
        found = Sameness(**values)
    except (TypeError, ValueError):
        return None
    return found if (found.margin, found.base_rate) == (fresh.margin, fresh.base_rate) else None


def read_claim(question: Question, numbers: MetricNumbers, arm: str, claim: Sameness) -> Reading:
    """The reading of one claim: the same, or nothing yet."""
    metric, comparison = numbers.metric, numbers.against_control(arm)
    estimate = comparison.estimate
    return Reading(
        arm,
        "no_useful_difference" if claim.proven else "not_enough_people",
        metric.sign * estimate.value if estimate else None,
        (estimate.low, estimate.high) if estimate else None,
        same=claim.odds,
    )
