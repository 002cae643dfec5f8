"""Outcomes in, the standing at an instant out; kept nowhere."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.core.evidence import Delays, Stage
from engine.core.experiments import HOLDOUT, Experiment, State
from engine.core.standings import standing
from engine.steps.allocation import allocation_of, wave_of
from engine.steps.carriers import carriers
from engine.steps.crossing import factorial_standing
from engine.steps.evidence import ByStratum, SoFar, evidence_of, pooled, question_of, stages_of
from engine.steps.holdout import calling_adds
from engine.steps.resting import resting_arms
from engine.store import ledger, outcomes, queue, records, reserve
from engine.store.records import Record
from engine.workspace import SIMULATED

WINDOW_PARTS = 48
"""Into so many parts the conversion window is cut for the curves of delay."""
FUNNEL = (
    "dialled", "connected", "listened", "intent", "message_delivered", "link_opened", "converted", "ordered",
)  # fmt: skip


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
        found = factorial_standing(experiment, summed, so_far, now, number)
    else:
        question = question_of(experiment, summed.mature, record.planned)
        found = standing(question, evidence_of(experiment, summed, so_far), now, number)
    apart = calling_adds(experiment, summed.mature)
    progress = progress_of(experiment, summed.everyone)
    if not factorial:
        progress |= dealing_of(connection, record, stages_of(experiment, summed.everyone))
    return found | {"progress": progress} | ({"holdout": apart} if apart else {})


def progress_of(experiment: Experiment, everyone: ByStratum) -> dict[str, Any]:
    """How far the experiment has come: calls, spend, people held out, and each arm's people at each step."""
    called = [sums for (arm, _), sums in everyone.items() if arm != HOLDOUT]
    summed = pooled(experiment, everyone)
    steps = {"assigned": {arm: sums.count for arm, sums in summed.items()}}
    steps |= {step: {arm: round(sums.totals[step]) for arm, sums in summed.items()} for step in FUNNEL}
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
    for arm, sums in pooled(record.experiment, mature).items():
        waited[arm][-1] += round(sums.totals["dialled"]) - sum(settled[arm])
    return Delays(
        hours, *({arm: tuple(counts) for arm, counts in each.items()} for each in (converted, waited, settled))
    )
