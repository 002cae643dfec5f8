"""Pause, resume and stop: at once, with who and why; calls in flight finish."""

from datetime import datetime

from engine.core.experiments import LIVE, State
from engine.errors import NotNow
from engine.steps import troubles
from engine.steps.measure import moment
from engine.store import queue, records, reserve
from engine.workspace import Workspace


def pause(workspace: Workspace, name: str, reason: str, who: str, now: datetime) -> None:
    """Place no more calls for now; raises NotFound, and NotNow unless the experiment is running."""
    _move(workspace, name, {State.RUNNING, State.WAITING}, State.PAUSED, reason, who, now)


def resume(workspace: Workspace, name: str, reason: str, who: str, now: datetime) -> None:
    """Go on placing calls, also through an account or from a number that rests; the pace grows anew.

    Raises NotFound, and NotNow unless the experiment is paused or what it calls through rests.
    """
    with workspace.database.writing() as connection:
        record = records.get(connection, name)
        resting = troubles.clear(connection, record.experiment, moment(connection, record, now))
        if record.state is State.PAUSED:
            records.move(connection, record.id, State.RUNNING, reason, now)
        elif not resting:
            raise NotNow(f"{name} is {record.state}; it cannot be asked to resume now")
        for subject in ([name] if record.state is State.PAUSED else []) + resting:
            records.audit(connection, now, who, "resume", subject, reason)


def stop(workspace: Workspace, name: str, reason: str, who: str, now: datetime) -> int:
    """End an experiment for good and cancel what is planned; returns how many calls were canceled."""
    return _move(workspace, name, set(LIVE), State.STOPPED, reason, who, now)


def stop_all(workspace: Workspace, reason: str, who: str, now: datetime) -> tuple[str, ...]:
    """Stop every live experiment; returns their names."""
    with workspace.database.reading() as connection:
        names = tuple(record.name for record in records.everything(connection, LIVE))
    for name in names:
        stop(workspace, name, reason, who, now)
    return names


VERBS = {State.PAUSED: "pause", State.STOPPED: "stop"}


def _move(
    workspace: Workspace, name: str, from_states: set[State], to: State, reason: str, who: str, now: datetime
) -> int:
    with workspace.database.writing() as connection:
        record = records.get(connection, name)
        state = records.held_state(connection, record.id)
        if state not in from_states:
            raise NotNow(f"{name} is {state}; it cannot be asked to {VERBS[to]} now")
        records.move(connection, record.id, to, reason, now)
        records.audit(connection, now, who, VERBS[to], name, reason)
        if to is not State.STOPPED:
            return 0
        reserve.release(connection, record.id)
        return queue.cancel_planned(connection, record.id, "stopped")
