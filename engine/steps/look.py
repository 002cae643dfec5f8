"""Outcomes in, a look with its verdict out.

A look reads sums, never rows; it is kept for ever, and what it finds is carried out: a paused or dropped arm
is dialed no more, and a race that is over ends the experiment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.core.conditionals import AFTER_CONNECT, among_connected
from engine.core.denominators import JOINED, apart_per_call
from engine.core.evidence import Evidence, LookCounts, MetricTallies, Placebo, Question, Role, Stage
from engine.core.experiments import CONTROL, HOLDOUT, Experiment, State
from engine.core.metrics import METRICS, Sums
from engine.core.standings import standing
from engine.core.treatments import changed_variables
from engine.stats.tallies import Tally
from engine.steps.holdout import calling_adds
from engine.steps.resting import deal_no_more, rest
from engine.steps.size import people_wanted
from engine.store import ledger, outcomes, queue, records
from engine.store.outcomes import Summed
from engine.store.records import Record
from engine.workspace import SIMULATED, Running, Workspace

ByStratum = Mapping[tuple[str, str], Sums]


def look(workspace: Workspace, running: Running, now: datetime, *, finished: bool = False) -> dict[str, Any]:
    """Analyze what is mature by `now`, keep the look, and do what it says; returns the standing.

    `finished` says that nothing more will come: the experiment is decided by this look.
    """
    with workspace.database.reading() as connection:
        found = measure(connection, running.record, now, finished=finished)
    with workspace.database.writing() as connection:
        state = records.state_of(connection, running.id)
        if state not in (State.RUNNING, State.WAITING, State.PAUSED):
            return found
        records.keep_look(connection, running.id, now, found)
        _carry_out(connection, running, found, now, finished)
    return found


def measure(connection: Connection, record: Record, now: datetime, *, finished: bool) -> dict[str, Any]:
    """The standing at `now`, computed from the outcomes, kept nowhere."""
    experiment = record.experiment
    summed = outcomes.summed(connection, record.id, now)
    over = finished or record.state in (State.DECIDED, State.STOPPED)
    so_far = SoFar(
        records.looks(connection, record.id),
        State.DECIDED if finished else records.state_of(connection, record.id),
        over,
        0 if finished else summed.waiting,
    )
    number = len(so_far.looks) + 1
    if experiment.is_factorial:
        from engine.steps.crossing import factorial_standing

        found = factorial_standing(experiment, summed, so_far, now, number)
    else:
        evidence = evidence_of(experiment, summed, so_far)
        found = standing(question_of(experiment, summed.mature), evidence, now, number)
    apart = calling_adds(experiment, summed.mature)
    progress = progress_of(experiment, summed.everyone)
    return found | {"progress": progress} | ({"holdout": apart} if apart else {})


@dataclass(frozen=True, slots=True)
class SoFar:
    """What is known of an experiment beside its outcomes: earlier looks, oldest first, its state, who is waited for."""

    looks: list[dict[str, Any]]
    state: State
    finished: bool
    waiting: int


def evidence_of(experiment: Experiment, summed: Summed, so_far: SoFar) -> Evidence:
    """What was counted of an experiment."""
    return Evidence(
        metrics=_metrics(experiment, summed.mature, summed.connected),
        stages=_stages(experiment, summed.everyone),
        placebo=_placebo(experiment, summed.mature),
        mature=summed.done,
        waiting=so_far.waiting,
        finished=so_far.finished,
        harm=_harm(experiment, summed.everyone),
        history=_history(experiment, so_far.looks),
        state=so_far.state,
    )


FUNNEL = (
    "dialled", "connected", "listened", "intent", "message_delivered", "link_opened", "converted", "ordered",
)  # fmt: skip


def progress_of(experiment: Experiment, everyone: ByStratum) -> dict[str, Any]:
    """How far the experiment has come: calls, spend, people held out, and each arm's people at each step."""
    called = [sums for (arm, _), sums in everyone.items() if arm != HOLDOUT]
    pooled = _pooled(experiment, everyone)
    steps = {"assigned": {arm: sums.count for arm, sums in pooled.items()}}
    steps |= {step: {arm: round(sums.totals[step]) for arm, sums in pooled.items()} for step in FUNNEL}
    return {
        "people": sum(sums.count for sums in called),
        "dialled": round(sum(sums.totals["dialled"] for sums in called)),
        "calls": round(sum(sums.totals["calls"] for sums in called)),
        "spend": round(sum(sums.totals["cost"] for sums in called), 2),
        "held_out": sum(sums.count for (arm, _), sums in everyone.items() if arm == HOLDOUT),
        "funnel": steps,
    }


def moment(connection: Connection, record: Record, now: datetime) -> datetime:
    """`now` on the experiment's own clock: a simulated one stands where its campaign left it."""
    if record.experiment.adapter != SIMULATED:
        return now
    traces = (
        record.created_at, record.changed_at if record.state is State.DECIDED else None,
        queue.last_begun(connection, record.id), ledger.last_heard(connection, record.id),
    )  # fmt: skip
    return max(trace for trace in traces if trace is not None)


def variable_of(experiment: Experiment, arm: str) -> str | None:
    """The variable that an arm changes; several are joined, as a confirming round may change them."""
    if arm not in experiment.arms:
        return None
    return JOINED.join(changed_variables(experiment.control, experiment.treatments[arm])) or None


def question_of(experiment: Experiment, mature: ByStratum) -> Question:
    """What the experiment asks, as it was settled at the start."""
    decision, shares = experiment.decision, experiment.all_shares
    called = {arm: share for arm, share in shares.items() if arm != HOLDOUT}
    whole = sum(called.values())
    wanted = people_wanted(experiment)
    return Question(
        name=experiment.name,
        arms=tuple(experiment.treatments),
        control=CONTROL,
        variables={arm: variable_of(experiment, arm) for arm in experiment.treatments},
        shares={arm: share / whole for arm, share in called.items()},
        method=decision.method,
        alpha=decision.alpha,
        smallest_useful_lift=decision.smallest_useful_lift.points(experiment.size.baseline),
        planned=min(wanted.values()) if wanted else None,
        fingerprint=experiment.fingerprint,
        value_per_conversion=_value(mature),
        guardrails=experiment.metrics.guardrails,
        baseline=experiment.size.baseline,
        power=experiment.size.power,
    )


def _value(mature: ByStratum) -> float | None:
    """What one conversion brings in, over all arms; None while nobody has converted or ordered."""
    converted = sum(sums.totals["converted"] for sums in mature.values())
    revenue = sum(sums.totals["revenue"] for sums in mature.values())
    return revenue / converted if converted and revenue else None


def _pooled(experiment: Experiment, sums: ByStratum) -> dict[str, Sums]:
    if experiment.is_factorial:
        from engine.steps.crossing import per_level

        sums = per_level(experiment, sums)
    pooled = {arm: Sums() for arm in experiment.treatments}
    for (arm, _), part in sums.items():
        if arm in pooled:
            pooled[arm] += part
    return pooled


def _metrics(experiment: Experiment, mature: ByStratum, connected: ByStratum) -> tuple[MetricTallies, ...]:
    """Every metric of the file in its role, then the others as description."""
    declared = experiment.metrics
    roles: dict[str, Role] = {declared.primary: "primary"}
    roles |= {name: "secondary" for name in declared.secondary if name not in roles}
    roles |= {name: "guardrail" for name in declared.guardrails if name not in roles}
    roles |= {name: "descriptive" for name in METRICS if name not in roles}
    pooled = _pooled(experiment, mature)
    strata = _strata(experiment, mature)
    variables = {arm: variable_of(experiment, arm) for arm in experiment.treatments}
    found = [
        MetricTallies.of(
            METRICS[name], role, {arm: sums.tally(METRICS[name]) for arm, sums in pooled.items()},
            strata=_split(name, strata) if role == "primary" and len(strata) > 1 else None,
            apart=apart_per_call(variables) if "calls" in METRICS[name].over else {},
        )
        for name, role in roles.items()
    ]  # fmt: skip
    reached = _pooled(experiment, connected)
    tallies = {name: {arm: sums.tally(METRICS[name]) for arm, sums in reached.items()} for name in AFTER_CONNECT}
    return (*found, *among_connected(tallies, variables))


def _strata(experiment: Experiment, mature: ByStratum) -> dict[str, dict[str, Sums]]:
    strata: dict[str, dict[str, Sums]] = {}
    for (arm, stratum), sums in mature.items():
        if arm in experiment.treatments:
            strata.setdefault(stratum, {})[arm] = sums
    return strata


def _split(name: str, strata: Mapping[str, Mapping[str, Sums]]) -> dict[str, dict[str, Tally]]:
    return {stratum: {arm: sums.tally(METRICS[name]) for arm, sums in arms.items()} for stratum, arms in strata.items()}


def _stages(experiment: Experiment, everyone: ByStratum) -> dict[Stage, dict[str, int]]:
    """People per arm that were assigned, were dialed, and were connected at the first attempt."""
    pooled = _pooled(experiment, everyone)
    stages: dict[Stage, dict[str, int]] = {
        "assigned": {arm: sums.count for arm, sums in pooled.items()},
        "dialled": {arm: round(sums.totals["dialled"]) for arm, sums in pooled.items()},
        "connected": {arm: round(sums.totals["first_connected"]) for arm, sums in pooled.items()},
    }
    return stages


def _placebo(experiment: Experiment, mature: ByStratum) -> Placebo:
    """The first attempt's connect rate of every arm; which of them cannot change it is for the check to say."""
    tallies = {
        arm: Tally(sums.count, sums.totals["first_connected"], sums.totals["first_connected"])
        for arm, sums in _pooled(experiment, mature).items()
    }
    return Placebo("connect", tallies)


def _harm(experiment: Experiment, everyone: ByStratum) -> dict[str, tuple[int, int]]:
    pooled = _pooled(experiment, everyone)
    return {arm: (round(sums.totals["complaint"]), round(sums.totals["calls"])) for arm, sums in pooled.items()}


def _history(experiment: Experiment, looks: list[dict[str, Any]]) -> tuple[LookCounts, ...]:
    """The primary metric's counts at the earlier looks, for the race."""
    history = []
    for earlier in looks:
        for metric in earlier["metrics"]:
            if metric["role"] == "primary":
                arms = {arm["arm"]: arm for arm in metric["arms"]}
                history.append(
                    LookCounts(
                        {arm: numbers["contacts"] for arm, numbers in arms.items()},
                        {arm: numbers["total"] for arm, numbers in arms.items()},
                    )
                )
    return tuple(history)


def _carry_out(connection: Connection, running: Running, found: dict[str, Any], now: datetime, finished: bool) -> None:
    """Rest the arms that a guard paused or the race dropped; end what is decided; pause what is not safe."""
    verdict, name = found["verdict"], running.experiment.name
    over = finished or (verdict["final"] and found["method"] != "fixed")
    rest(connection, name, {} if over else _resting(running.experiment, found))
    if running.experiment.is_factorial:
        deal_no_more(connection, name, () if over else settled_levels(found))
    if over:
        queue.cancel_planned(connection, running.id, "decided")
        records.move(connection, running.id, State.DECIDED, verdict["sentence"], now)
        records.audit(connection, now, "verdict", "decide", name, verdict["sentence"])
    elif verdict["status"] == "stopped_for_safety":
        records.move(connection, running.id, State.PAUSED, verdict["sentence"], now)
        records.audit(connection, now, "guardrail", "pause", name, verdict["sentence"])


def settled_levels(found: Mapping[str, Any]) -> set[str]:
    """The levels of a factorial round that are settled and have not won: new contacts serve better without them."""
    settled = ("no_useful_difference", "loser")
    return {arm for arm, status in found["verdict"].get("arms", {}).items() if status in settled}


def _is_worse(found: Mapping[str, Any], arm: str) -> bool:
    """Whether the range that decides lies wholly on the worse side of the control."""
    primary = next(metric for metric in found["metrics"] if metric["role"] == "primary")
    for row in primary["comparisons"]:
        deciding = row.get("sequential") or row.get("group") or {}
        if row["arm"] == arm and deciding.get("interval"):
            low, high = deciding["interval"]
            end = high if primary["better"] == "higher" else low
            return end is not None and (end < 0 if primary["better"] == "higher" else end > 0)
    return False


def _resting(experiment: Experiment, found: Mapping[str, Any]) -> dict[str, str]:
    """Arms that get no more contacts: those that a guardrail stopped, and those that the race dropped.

    Where the whole experiment is stopped for safety nothing was dropped: who resumes it goes on with the other arms.
    """
    failed = {check["arm"]: check["metric"] for check in found.get("guardrails", ()) if check["status"] == "fail"}
    active, stopped = found["verdict"]["active"], found["verdict"]["status"] == "stopped_for_safety"
    dropped = {arm for arm in experiment.treatments if arm not in active and not stopped}
    if experiment.is_factorial:
        # Every contact serves the other variables too: only a level that is worse is worth the people it would cost.
        dropped = {arm for arm in dropped if _is_worse(found, arm)}
    return {
        arm: f"paused: {failed[arm]}" if arm in failed else "dropped"
        for arm in experiment.treatments
        if arm in failed or arm in dropped
    }
