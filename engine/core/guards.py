"""What must not get worse while it is found out: harm, counts that pause an arm, and margins against the control.

All of it is read at every look, and harm whenever a complaint is heard, so what stops an arm is safe at every
look (`engine.stats.harm`, `engine.stats.margins`). An arm that was stopped stays so until a person resumes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core.balances import Balance, PlaceboCheck
from engine.core.breakers import complaints_exceed
from engine.core.comparisons import MetricNumbers
from engine.core.evidence import Evidence, MetricTallies, Question
from engine.core.experiments import Guardrail
from engine.core.shares import Lift
from engine.core.watches import HarmWatch, Watch
from engine.stats.harm import harm_odds
from engine.stats.margins import Margins
from engine.stats.means import mean_difference
from engine.stats.rates import differences
from engine.stats.ratios import ratio_difference

COMPLAINT = "complaint"
HARM_LIMIT = 1e-4
HARM_ALARM = 100.0
EARLY_LEVEL = 0.998
"""Before the end the range of a mean is so wide that looking often seldom cries wolf; safe at every look it is not."""


@dataclass(frozen=True, slots=True)
class GuardrailCheck:
    """One arm against one guardrail; `status` is pass, fail or undecided, `kind` which limit it is.

    `harm` watches the complaint rate against one in 10,000 calls, `relative_harm` against the control's, `pause_at`
    a count, `no_worse_by` the control. `odds` are those against the arm; `odds_within` those that it keeps the margin.
    """

    metric: str
    arm: str
    kind: str
    status: str
    limit: float
    count: int | None = None
    contacts: int | None = None
    odds: float | None = None
    odds_within: float | None = None
    control_count: int | None = None
    worse_by: float | None = None
    interval: tuple[float, float] | None = None


def warns(check: Mapping[str, Any]) -> bool:
    """Whether a check that a look kept is one short of the count that pauses its arm: at two complaints of three."""
    near = check.get("kind") == "pause_at" and check.get("status") == "pass" and (check.get("count") or 0) > 0
    return bool(near and check["count"] >= check["limit"] - 1)


@dataclass(frozen=True, slots=True)
class CampaignHarm:
    """The complaints of the arms that go on, all together, against the limit."""

    complaints: int
    calls: int
    odds: float
    limit: float = HARM_LIMIT

    @property
    def ok(self) -> bool:
        return self.odds < HARM_ALARM and not complaints_exceed(self.complaints, self.calls)


@dataclass(frozen=True, slots=True)
class Guards:
    """All checks of one look, and what they carry to the next."""

    balance: tuple[Balance, ...]
    placebo: PlaceboCheck | None
    guardrails: tuple[GuardrailCheck, ...]
    campaign: CampaignHarm | None = None
    watch: Watch = field(default_factory=Watch)

    @property
    def paused(self) -> dict[str, GuardrailCheck]:
        """The arms that a guardrail stops, each with the first that does."""
        return failing(self.guardrails)

    @property
    def harmless(self) -> bool:
        """Whether the campaign as a whole keeps the limit."""
        return self.campaign is None or self.campaign.ok

    @property
    def trusted(self) -> bool:
        """Whether the data can carry a verdict."""
        return all(check.ok for check in self.balance) and (self.placebo is None or self.placebo.ok)


def failing(checks: Iterable[GuardrailCheck]) -> dict[str, GuardrailCheck]:
    """The arms that a check stops, each with the first that does."""
    return {check.arm: check for check in reversed([check for check in checks if check.status == "fail"])}


def check_guardrails(
    question: Question, evidence: Evidence, numbers: tuple[MetricNumbers, ...]
) -> tuple[tuple[GuardrailCheck, ...], Watch]:
    """Harm, counts that pause an arm, and what may not be worse than the control's; and what was watched."""
    checks, heard = _as_heard(question, evidence)
    margins = dict(evidence.watch.margins)
    by_name = {each.metric.name: each for each in reversed(numbers)}
    for name, guardrail in question.guardrails.items():
        if guardrail.no_worse_by is None or name not in by_name:
            continue
        metric = by_name[name].metric
        if metric.kind == "rate":
            margins[name] = watched = _margins(question, metric, guardrail.no_worse_by, margins.get(name))
            checks += _rate_margins(question, evidence, metric, watched)
        else:
            checks += _mean_margins(question, evidence, metric, guardrail.no_worse_by)
    return still_stopped(checks, evidence), replace(evidence.watch, harm=heard, margins=margins)


def check_harm(question: Question, evidence: Evidence) -> tuple[GuardrailCheck, ...]:
    """What is known as soon as it is heard: complaints against the limit and the control, and counts that pause."""
    return still_stopped(_as_heard(question, evidence)[0], evidence)


def _as_heard(question: Question, evidence: Evidence) -> tuple[list[GuardrailCheck], dict[str, HarmWatch]]:
    checks, watches = _against_control(question, evidence)
    checks += [_limit(arm, *evidence.harm[arm]) for arm in question.arms if arm in evidence.harm]
    for name, guardrail in question.guardrails.items():
        checks += _counts(question, evidence, name, guardrail)
    return checks, watches


def still_stopped(checks: Iterable[GuardrailCheck], evidence: Evidence) -> tuple[GuardrailCheck, ...]:
    """The checks, where an arm that was stopped before fails still: calls that come to nothing do not undo an alarm."""
    kept = list(checks)
    for arm, metric in evidence.stopped.items():
        own = [at for at, check in enumerate(kept) if check.arm == arm and check.metric == metric]
        if own and all(kept[at].status != "fail" for at in own):
            worst = max(own, key=lambda at: kept[at].odds or 0.0)
            kept[worst] = replace(kept[worst], status="fail")
    return tuple(kept)


def check_campaign(question: Question, evidence: Evidence, paused: Iterable[str]) -> CampaignHarm | None:
    """The arms that go on, all together, against the limit: it sees what no arm alone is large enough to show."""
    going_on = [evidence.harm[arm] for arm in question.arms if arm in evidence.harm and arm not in set(paused)]
    if not going_on:
        return None
    complaints, calls = (sum(counted[part] for counted in going_on) for part in (0, 1))
    return campaign_harm(complaints, calls)


def campaign_harm(complaints: int, calls: int) -> CampaignHarm:
    """So many complaints in so many calls against the limit."""
    return CampaignHarm(complaints, calls, harm_odds(complaints, max(calls, complaints), HARM_LIMIT))


def _limit(arm: str, complaints: int, calls: int) -> GuardrailCheck:
    odds = harm_odds(complaints, max(calls, complaints), HARM_LIMIT)
    status = "fail" if odds >= HARM_ALARM else "pass"
    return GuardrailCheck(COMPLAINT, arm, "harm", status, HARM_LIMIT, complaints, calls, odds)


def _against_control(question: Question, evidence: Evidence) -> tuple[list[GuardrailCheck], dict[str, HarmWatch]]:
    """Every arm's complaints against the control's, by the arm's share of the calls of the two.

    Once one of the two is called no more, the other's share is everything, and the odds stand still.
    """
    harm, watches = evidence.harm, dict(evidence.watch.harm)
    checks: list[GuardrailCheck] = []
    if question.control not in harm:
        return checks, watches
    control, control_calls = harm[question.control]
    for arm in question.treated:
        if arm not in harm:
            continue
        complaints, calls = harm[arm]
        watch = watches.get(arm, HarmWatch())
        if not {arm, question.control} & evidence.resting.keys() and calls and control_calls:
            now = max(complaints, watch.heard[0]), max(control, watch.heard[1])
            new = now[0] - watch.heard[0], now[1] - watch.heard[1]
            watches[arm] = watch = HarmWatch(watch.odds.look(*new, calls / (calls + control_calls)), now)
        status = "fail" if watch.odds.odds >= HARM_ALARM else "pass"
        checks.append(
            GuardrailCheck(
                COMPLAINT, arm, "relative_harm", status, 1.0, complaints, calls, watch.odds.odds, control_count=control,
            )
        )  # fmt: skip
    return checks, watches


def _counts(question: Question, evidence: Evidence, name: str, guardrail: Guardrail) -> list[GuardrailCheck]:
    """`pause_at`: people of whom it was heard, whether their window is over or not."""
    if guardrail.pause_at is None:
        return []
    heard = evidence.harm if name == COMPLAINT else evidence.heard.get(name, {})
    return [
        GuardrailCheck(
            name,
            arm,
            "pause_at",
            "fail" if heard[arm][0] >= guardrail.pause_at else "pass",
            guardrail.pause_at,
            *heard[arm],
        )
        for arm in question.arms
        if arm in heard
    ]


def _margins(question: Question, metric: MetricTallies, margin: Lift, watched: Margins | None) -> Margins:
    """The margin's odds after this look; a relative one of all of the control's rate or more can never be passed."""
    size = min(margin.size, 0.999) if metric.better == "higher" or not margin.relative else margin.size
    return (watched or Margins(size, metric.better, margin.relative)).look(
        [metric.counted(arm) for arm in question.arms]
    )


def _rate_margins(
    question: Question, evidence: Evidence, metric: MetricTallies, watched: Margins
) -> list[GuardrailCheck]:
    """Non-inferiority of a rate: fail at 100 : 1 for more harm than the margin, pass at 2/alpha for less.

    The other half of alpha is spent once, at the end, on the range that then is 1 - alpha wide.
    """
    control = metric.counted(question.control)
    living = [place for place, arm in enumerate(question.treated) if metric.counted(arm)[1] >= 1]
    if control[1] < 1 or not living:
        return []
    limit = watched.margin * (control[0] / control[1] if watched.relative else 1.0)
    treated = [metric.counted(question.treated[place]) for place in living]
    worse, within = watched.odds_worse, watched.best_within
    checks = []
    for place, found in zip(
        living, differences(treated=treated, control=control, level=_level(question, evidence)), strict=True
    ):
        low, high = sorted((-metric.sign * found.low, -metric.sign * found.high))
        passed = within[place] >= 2 / question.alpha or (evidence.closed and high < limit)
        status = "fail" if worse[place] >= HARM_ALARM else "pass" if passed else "undecided"
        checks.append(
            GuardrailCheck(
                metric.name, question.treated[place], "no_worse_by", status, limit, odds=worse[place],
                odds_within=within[place], worse_by=-metric.sign * found.value, interval=(low, high),
            )
        )  # fmt: skip
    return checks


def _mean_margins(question: Question, evidence: Evidence, metric: MetricTallies, margin: Lift) -> list[GuardrailCheck]:
    """Non-inferiority of a mean or a ratio by its range: fail when all is beyond the margin, pass when none is."""
    compare = ratio_difference if metric.kind == "ratio" else mean_difference
    checks = []
    for arm in question.treated:
        tallies = metric.tallies.get(arm), metric.tallies.get(question.control)
        if tallies[0] is None or tallies[1] is None:
            continue
        try:
            found = compare(treated=tallies[0], control=tallies[1], level=_level(question, evidence))
        except ValueError:
            continue
        base = tallies[1].total / (tallies[1].covariate_total if metric.kind == "ratio" else tallies[1].count)
        limit = margin.points(abs(base))
        low, high = sorted((-metric.sign * found.low, -metric.sign * found.high))
        status = "fail" if low > limit else "pass" if high < limit else "undecided"
        checks.append(
            GuardrailCheck(
                metric.name, arm, "no_worse_by", status, limit,
                worse_by=-metric.sign * found.value, interval=(low, high),
            )
        )  # fmt: skip
    return checks


def _level(question: Question, evidence: Evidence) -> float:
    return 1 - question.alpha if evidence.closed else EARLY_LEVEL
