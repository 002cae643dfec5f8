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
from engine.core.evidence import PAUSED, Delays, Evidence, LookCounts, MetricTallies, Placebo, Question, Role, Stage
from engine.core.experiments import CONTROL, HOLDOUT, Experiment, State
from engine.core.guards import COMPLAINT
from engine.core.metrics import FLAGS, METRICS, Sums
from engine.core.standings import standing
from engine.core.treatments import changed_variables
from engine.core.watches import Watch
from engine.stats.tallies import Tally
from engine.steps.allocation import allocation_of, wave_of
from engine.steps.carriers import carriers
from engine.steps.deal import deal_part
from engine.steps.holdout import calling_adds
from engine.steps.resting import deal_no_more, rest, resting_arms
from engine.steps.size import deadline_of, people_wanted, worth_a_look
from engine.store import ledger, outcomes, queue, records, reserve
from engine.store.outcomes import Summed
from engine.store.records import Record
from engine.workspace import SIMULATED, Running, Workspace

HEARD_FIELDS = ("calls", *FLAGS)
"""What guards that do not wait for a look read of everyone called."""
WINDOW_PARTS = 48
"""Into so many parts the conversion window is cut for the curves of delay."""

ByStratum = Mapping[tuple[str, str], Sums]


def look(
    workspace: Workspace, running: Running, now: datetime, *, finished: bool = False, onward: bool = False
) -> dict[str, Any]:
    """Analyze what is mature by `now`, keep the look, and do what it says; returns the standing.

    `finished` says that nothing more will come: the experiment is decided by this look. `onward` says that a wave
    has had its time: unless this look decides, the next one is dealt.
    """
    with workspace.database.reading() as connection:
        found = measure(connection, running.record, now, finished=finished)
    with workspace.database.writing() as connection:
        state = records.state_of(connection, running.id)
        if state not in (State.RUNNING, State.WAITING, State.PAUSED):
            return found
        _keep(connection, running, found, now, finished)
        if onward and records.state_of(connection, running.id) is State.WAITING:
            deal_part(connection, running.experiment, running.id, now)
            records.move(connection, running.id, State.RUNNING, "", now)
    return found


def look_within(connection: Connection, running: Running, now: datetime) -> dict[str, Any]:
    """A look inside a transaction that is open, so that what it stops is stopped with what the transaction writes."""
    record = records.get(connection, running.experiment.name)
    found = measure(connection, record, now, finished=False)
    _keep(connection, running, found, now, finished=False)
    return found


def _keep(connection: Connection, running: Running, found: dict[str, Any], now: datetime, finished: bool) -> None:
    records.keep_look(connection, running.id, now, found)
    _carry_out(connection, running, found, now, finished)


def measure(connection: Connection, record: Record, now: datetime, *, finished: bool) -> dict[str, Any]:
    """The standing at `now`, computed from the outcomes, kept nowhere."""
    experiment = record.experiment
    summed = outcomes.summed(connection, record.id, now)
    over = finished or record.state in (State.DECIDED, State.STOPPED)
    factorial = experiment.is_factorial
    so_far = SoFar(
        records.looks(connection, record.id),
        State.DECIDED if finished else records.state_of(connection, record.id),
        over,
        0 if finished else summed.waiting,
        record.planned,
        resting_arms(connection, record.name),
        {} if factorial else _by_adapter(connection, record),
        None if factorial else _delays(connection, record, now, summed.mature),
    )
    number = len(so_far.looks) + 1
    if factorial:
        from engine.steps.crossing import factorial_standing

        found = factorial_standing(experiment, summed, so_far, now, number)
    else:
        question = question_of(experiment, summed.mature, record.planned)
        found = standing(question, evidence_of(experiment, summed, so_far), now, number)
    apart = calling_adds(experiment, summed.mature)
    progress = progress_of(experiment, summed.everyone)
    if not factorial:
        progress |= dealing_of(connection, record, _stages(experiment, summed.everyone))
    return found | {"progress": progress} | ({"holdout": apart} if apart else {})


@dataclass(frozen=True, slots=True)
class SoFar:
    """What is known of an experiment beside its outcomes: earlier looks, oldest first, its state, who is waited for.

    `planned` are the people at the start, `resting` the arms that are not called with why, `by_adapter` what each
    adapter placed, `delays` how long conversions took.
    """

    looks: list[dict[str, Any]]
    state: State
    finished: bool
    waiting: int
    planned: int
    resting: Mapping[str, str]
    by_adapter: Mapping[str, Mapping[Stage, Mapping[str, int]]]
    delays: Delays | None


def evidence_of(experiment: Experiment, summed: Summed, so_far: SoFar) -> Evidence:
    """What was counted of an experiment."""
    totals, last = _totals(experiment, summed.everyone), so_far.looks[-1] if so_far.looks else {}
    return Evidence(
        metrics=_metrics(experiment, summed.mature, summed.connected),
        stages=_stages(experiment, summed.everyone),
        placebo=_placebo(experiment, summed.mature),
        mature=summed.done,
        waiting=so_far.waiting,
        finished=so_far.finished,
        harm=harm_of(experiment, totals),
        heard=heard_of(experiment, totals),
        history=_history(experiment, so_far.looks),
        watch=Watch.from_json(last.get("watch", {})),
        race=last.get("race", {}),
        resting={arm: why for arm, why in so_far.resting.items() if arm in experiment.treatments},
        by_adapter=so_far.by_adapter,
        state=so_far.state,
        delays=so_far.delays,
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
        "complaints": round(sum(sums.totals["complaint"] for sums in called)),
        "held_out": sum(sums.count for (arm, _), sums in everyone.items() if arm == HOLDOUT),
        "funnel": steps,
    }


def dealing_of(connection: Connection, record: Record, stages: Mapping[Stage, Mapping[str, int]]) -> dict[str, Any]:
    """How far the deal has come: people who wait for an arm, the wave, and each period's shares and counts."""
    wave = wave_of(connection, record)
    return {
        "undealt": sum(reserve.counts(connection, record.id).values()),
        **({"wave": wave.as_json()} if wave else {}),
        "allocation": allocation_of(connection, record, stages),
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


def question_of(experiment: Experiment, mature: ByStratum, planned: int = 0) -> Question:
    """What the experiment asks, as it was settled at the start over so many `planned` people."""
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
        planned=min(people for arm, people in wanted.items() if arm != HOLDOUT) if wanted else None,
        fingerprint=experiment.fingerprint,
        value_per_conversion=_value(mature),
        guardrails=experiment.metrics.guardrails,
        baseline=experiment.size.baseline,
        power=experiment.size.power,
        deadline=deadline_of(experiment, planned),
        least_new=worth_a_look(experiment),
        same=tuple(arm for arm in decision.same if arm in experiment.arms),
        looks=decision.looks,
        costs=incentive_costs(experiment),
        spending=decision.spending,
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


def _by_adapter(connection: Connection, record: Record) -> dict[str, dict[Stage, dict[str, int]]]:
    """The adapters that placed the calls; where there are several, whom each dialed and connected, per arm."""
    names = [record.experiment.adapter, *carriers(connection, record.name)]
    if len(names) == 1:
        return {names[0]: {}}
    found = ledger.first_attempts(connection, record.id)
    arms = record.experiment.treatments
    return {
        name: {
            "dialled": {arm: found.get((name, arm), (0, 0))[0] for arm in arms},
            "connected": {arm: found.get((name, arm), (0, 0))[1] for arm in arms},
        }
        for name in names
    }


def _placebo(experiment: Experiment, mature: ByStratum) -> Placebo:
    """The first attempt's connect rate among those dialed; which arms cannot change it is for the check to say."""
    tallies = {
        arm: Tally.of_rate(sums.totals["first_connected"], sums.totals["dialled"])
        for arm, sums in _pooled(experiment, mature).items()
    }
    return Placebo("connect", tallies)


def _totals(experiment: Experiment, everyone: ByStratum) -> dict[str, Mapping[str, float]]:
    return {arm: sums.totals for arm, sums in _pooled(experiment, everyone).items()}


def harm_of(experiment: Experiment, totals: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[int, int]]:
    """(complaints, calls) per arm, from each arm's totals over everyone."""
    return {
        arm: (round(totals[arm]["complaint"]), round(totals[arm]["calls"]))
        for arm in experiment.treatments
        if arm in totals
    }


def heard_of(
    experiment: Experiment, totals: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, tuple[int, int]]]:
    """(count, people called) per arm, of every metric that pauses an arm at a count."""
    counted = [name for name, guardrail in experiment.metrics.guardrails.items() if guardrail.pause_at is not None]
    return {
        name: {
            arm: (
                round(sum(weight * sums[part] for part, weight in METRICS[name].parts.items())),
                round(sums["dialled"]),
            )
            for arm, sums in totals.items()
        }
        for name in counted
        if name != COMPLAINT
    }


def _delays(connection: Connection, record: Record, now: datetime, mature: ByStratum) -> Delays:
    """How long conversions took and people waited, in equal parts of the conversion window."""
    within = record.experiment.conversion.within
    hours = tuple(within.total_seconds() / 3600 * (part + 1) / WINDOW_PARTS for part in range(WINDOW_PARTS))
    arms = record.experiment.treatments
    converted, waited, settled = ({arm: [0] * WINDOW_PARTS for arm in arms} for _ in range(3))
    for arm, won, over, part, count in outcomes.delays(connection, record.id, now, within, WINDOW_PARTS):
        if arm not in arms:
            continue
        (converted if won else waited)[arm][part] += count
        if won and over:
            settled[arm][part] += count
    for arm, sums in _pooled(record.experiment, mature).items():
        waited[arm][-1] += round(sums.totals["dialled"]) - sum(settled[arm])
    return Delays(
        hours, *({arm: tuple(counts) for arm, counts in each.items()} for each in (converted, waited, settled))
    )


def incentive_costs(experiment: Experiment) -> dict[str, float]:
    """What the incentive of each arm costs, the control's first, where two arms or more change it; else nothing."""
    offered = [arm for arm, change in experiment.arms.items() if set(change) == {"incentive"}]
    if len(offered) < 2:
        return {}
    names = {arm: experiment.treatments[arm].incentive for arm in (CONTROL, *offered)}
    known = experiment.incentives
    return {arm: known[name].cost if name else 0.0 for arm, name in names.items() if not name or name in known}


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
    unsafe = verdict["status"] == "stopped_for_safety"
    over = finished or (verdict["final"] and found["method"] != "fixed" and not unsafe)
    before = resting_arms(connection, name)
    resting = {} if over else _resting(running.experiment, found)
    rest(connection, name, resting)
    if running.experiment.is_factorial:
        deal_no_more(connection, name, () if over else settled_levels(found))
    for arm, why in resting.items():
        if why.startswith(PAUSED) and why != before.get(arm):
            records.audit(connection, now, "guardrail", "pause arm", name, f"{arm}: {why.removeprefix(PAUSED)}")
    if over:
        queue.cancel_planned(connection, running.id, "decided")
        reserve.release(connection, running.id)
        records.move(connection, running.id, State.DECIDED, verdict["sentence"], now)
        records.audit(connection, now, "verdict", "decide", name, verdict["sentence"])
    elif unsafe:
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
    failing = [check for check in found.get("guardrails", ()) if check["status"] == "fail"]
    failed = {check["arm"]: check["metric"] for check in reversed(failing)}
    active, stopped = found["verdict"]["active"], found["verdict"]["status"] == "stopped_for_safety"
    dropped = {arm for arm in experiment.treatments if arm not in active and not stopped}
    if experiment.is_factorial:
        # Every contact serves the other variables too: only a level that is worse is worth the people it would cost.
        dropped = {arm for arm in dropped if _is_worse(found, arm)}
    return {
        arm: f"{PAUSED}{failed[arm]}" if arm in failed else "dropped"
        for arm in experiment.treatments
        if arm in failed or arm in dropped
    }
