"""Outcomes in, a look with its verdict out.

A look reads sums, never rows; it is kept for ever, and what it finds is carried out: a paused or dropped arm
is dialed no more, and a race that is over ends the experiment.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.core.evidence import PAUSED
from engine.core.experiments import Experiment, State
from engine.steps.deal import deal_part
from engine.steps.measure import measure
from engine.steps.resting import deal_no_more, rest, resting_arms
from engine.store import queue, records, reserve
from engine.workspace import Running, Workspace


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
        state = records.held_state(connection, running.id)
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
