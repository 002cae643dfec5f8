"""What must hold before any number is believed, and what must not get worse while it is found out.

Balance and harm are read at every look, so what alarms is safe at every look (`engine.stats.balance`,
`engine.stats.harm`); the χ² beside it describes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.core.comparisons import MetricNumbers
from engine.core.denominators import CHANGES_CONNECT, placebo_arms, variables_in
from engine.core.evidence import Evidence, Question, Stage
from engine.core.experiments import Guardrail
from engine.core.sentences import Label, Sentence
from engine.stats.balance import balance_odds, balance_p_value
from engine.stats.harm import harm_odds
from engine.stats.homogeneity import rates_alike
from engine.stats.rates import difference

STAGES: tuple[Stage, ...] = ("assigned", "dialled", "connected")
BALANCE_ALARM = 1000.0
PLACEBO_ALARM = 0.001
HARM_LIMIT = 1e-4
HARM_ALARM = 100.0
EARLY_LEVEL = 0.998
"""Before the end a guardrail's range is this wide, so that looking often seldom cries wolf."""

# Who is dialled later, or is another pack of people, may differ at these stages for no fault.
_MAY_DIFFER: dict[str, frozenset[str]] = {
    "assigned": frozenset(),
    "dialled": frozenset({"timing"}),
    "connected": CHANGES_CONNECT,
}


@dataclass(frozen=True, slots=True)
class Balance:
    """One stage's counts against the arms' shares."""

    stage: str
    expected: Mapping[str, float]
    observed: Mapping[str, int]
    p_value: float
    odds: float

    @property
    def ok(self) -> bool:
        return self.odds < BALANCE_ALARM


@dataclass(frozen=True, slots=True)
class PlaceboCheck:
    """Whether the arms look alike where none of them can make a difference.

    `arms` are those that were compared, each with why it cannot make one; `left_out` those that can.
    """

    metric: str
    p_value: float
    label: Label
    why: Label
    arms: Mapping[str, Sentence | None] = field(default_factory=dict)
    left_out: Mapping[str, Sentence] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.p_value >= PLACEBO_ALARM


@dataclass(frozen=True, slots=True)
class GuardrailCheck:
    """One arm against one guardrail; `status` is pass, fail or undecided, `kind` which limit it is.

    `harm` watches the complaint rate against one in 10,000, `pause_at` a count, `no_worse_by` the control.
    """

    metric: str
    arm: str
    kind: str
    status: str
    limit: float
    count: int | None = None
    contacts: int | None = None
    odds: float | None = None
    worse_by: float | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Guards:
    """All checks of one look."""

    balance: tuple[Balance, ...]
    placebo: PlaceboCheck | None
    guardrails: tuple[GuardrailCheck, ...]

    @property
    def paused(self) -> dict[str, GuardrailCheck]:
        """The arms that a guardrail stops, each with the first that does."""
        failed = [check for check in self.guardrails if check.status == "fail"]
        return {check.arm: check for check in reversed(failed)}

    @property
    def trusted(self) -> bool:
        """Whether the data can carry a verdict."""
        return all(check.ok for check in self.balance) and (self.placebo is None or self.placebo.ok)


def check_balance(question: Question, evidence: Evidence, left_out: Collection[str] = ()) -> tuple[Balance, ...]:
    """Every stage that was counted, over the arms that chance deals and that cannot change the stage.

    `left_out` are arms that stopped getting contacts: the others' shares of one another stay what they were.
    """
    checks = []
    for stage in STAGES:
        counts = evidence.stages.get(stage, {})
        arms = [
            arm
            for arm in question.arms
            if arm in question.shares
            and arm in counts
            and arm not in left_out
            and question.dealt(arm)
            and not variables_in(question.variables.get(arm)) & _MAY_DIFFER[stage]
        ]
        shares = [question.shares[arm] for arm in arms]
        if len(arms) < 2 or sum(shares) <= 0:
            continue
        observed = [counts[arm] for arm in arms]
        expected = {arm: share / sum(shares) for arm, share in zip(arms, shares, strict=True)}
        checks.append(
            Balance(
                stage,
                expected,
                dict(zip(arms, observed, strict=True)),
                balance_p_value(observed, shares),
                balance_odds(observed, shares),
            )
        )
    return tuple(checks)


def check_placebo(question: Question, evidence: Evidence) -> PlaceboCheck | None:
    """The placebo's rate over the arms that cannot change it; None with fewer than two of them."""
    placebo = evidence.placebo
    if placebo is None:
        return None
    alike, left_out = placebo_arms(placebo.tallies, question.variables)
    counted = {arm: tally for arm in alike if question.dealt(arm) and (tally := placebo.tallies[arm]).count >= 1}
    if len(counted) < 2:
        return None
    p_value = rates_alike([(tally.total, tally.count) for tally in counted.values()])
    reasons = {arm: alike[arm] for arm in counted}
    return PlaceboCheck(placebo.metric, p_value, placebo.label, placebo.why, reasons, left_out)


def check_guardrails(
    question: Question, evidence: Evidence, numbers: tuple[MetricNumbers, ...]
) -> tuple[GuardrailCheck, ...]:
    """Harm, counts that pause an arm, and what may not be worse than the control's."""
    checks = [_harm(arm, *evidence.harm[arm]) for arm in question.arms if arm in evidence.harm]
    by_name = {each.metric.name: each for each in numbers}
    for name, guardrail in question.guardrails.items():
        checks += _counts(question, evidence, name, guardrail, by_name.get(name))
        if guardrail.no_worse_by and name in by_name and by_name[name].metric.kind == "rate":
            checks += _no_worse(question, evidence, by_name[name], guardrail)
    return tuple(checks)


def _harm(arm: str, complaints: int, calls: int) -> GuardrailCheck:
    odds = harm_odds(complaints, max(calls, complaints), HARM_LIMIT)
    status = "fail" if odds >= HARM_ALARM else "pass"
    return GuardrailCheck("complaint", arm, "harm", status, HARM_LIMIT, complaints, calls, odds)


def _counts(
    question: Question, evidence: Evidence, name: str, guardrail: Guardrail, numbers: MetricNumbers | None
) -> list[GuardrailCheck]:
    """`pause_at`, on complaints as they are heard or on the metric's own count."""
    if guardrail.pause_at is None:
        return []
    heard: dict[str, tuple[int, int]] = {}
    if numbers:
        heard = {each.arm: (round(each.total), round(each.contacts)) for each in numbers.arms}
    if name == "complaint":
        heard = {**heard, **evidence.harm}
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


def _no_worse(
    question: Question, evidence: Evidence, numbers: MetricNumbers, guardrail: Guardrail
) -> list[GuardrailCheck]:
    """Non-inferiority: fail when the whole range of the harm lies beyond the margin, pass when none of it does."""
    metric, control = numbers.metric, numbers.metric.counted(question.control)
    if control[1] < 1 or guardrail.no_worse_by is None:
        return []
    margin = guardrail.no_worse_by.points(control[0] / control[1])
    level = 1 - question.alpha if evidence.closed else EARLY_LEVEL
    checks = []
    for arm in question.treated:
        treated = metric.counted(arm)
        if treated[1] < 1:
            continue
        found = difference(treated=treated, control=control, level=level)
        ends = (-metric.sign * found.low, -metric.sign * found.high)
        low, high = min(ends), max(ends)
        status = "fail" if low > margin else "pass" if high < margin else "undecided"
        checks.append(
            GuardrailCheck(
                metric.name, arm, "no_worse_by", status, margin,
                worse_by=-metric.sign * found.value, interval=(low, high),
            )
        )  # fmt: skip
    return checks
