"""One turn of a running experiment: hear what happened, place what is due, see whether it is over."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.experiments import State
from engine.steps import deal, dispatch, look, pace, receive
from engine.steps.resting import resting_arms
from engine.store import outcomes, queue, records, roster
from engine.workspace import Running, Workspace


@dataclass(frozen=True, slots=True)
class Pacer:
    """How fast an experiment is dialed, never above what its provider bears. What was taken is in the database."""

    per_second: float

    @classmethod
    def of(cls, running: Running) -> "Pacer":
        """The pace of an experiment."""
        pace, most = running.experiment.pace, running.adapter.capabilities.max_cps
        return cls(min(pace.per_second, most or pace.per_second))

    def most(self, room: float, turn: timedelta) -> int:
        """How many calls one turn may claim where there is room for so many."""
        return int(min(room, max(1.0, self.per_second * turn.total_seconds())))


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn came to. `busy` says that more may be due at once; `over` that nothing will ever come."""

    heard: int
    placed: int
    claimed: int
    busy: bool
    over: bool


def turn(
    workspace: Workspace,
    running: Running,
    pacer: Pacer,
    now: datetime,
    tick: timedelta,
    *,
    clock: dispatch.Clock | None = None,
    leads: bool = True,
) -> Turn:
    """Hear everything up to `now`, then place what the pace allows, then settle the state.

    Of many processes on one database all place calls, and the one that `leads` does the rest.
    """
    heard = hear(workspace, running, now) if leads else 0
    done, allowed = _place(workspace, running, pacer, now, tick, clock)
    dealt = deal.ahead(workspace, running, now) if leads and done.claimed < allowed else 0
    busy = done.claimed > 0 or dealt > 0
    over = settle(workspace, running, now) if leads and not busy else False
    return Turn(heard, done.placed, done.claimed, busy, over)


def _place(
    workspace: Workspace, running: Running, pacer: Pacer, now: datetime, tick: timedelta, clock: dispatch.Clock | None
) -> tuple[dispatch.Dispatched, int]:
    """Place what is due and the pace allows; returns what that came to, and how many it allowed."""
    allowance = pace.pace_of(running, tick)
    with workspace.database.reading() as connection:
        allowed = pacer.most(pace.room(connection, allowance, now), tick)
    nothing = dispatch.Dispatched()
    return dispatch.dispatch(workspace, running, now, allowed, allowance, clock) if allowed else nothing, allowed


Wait = Callable[[float], bool]
"""Sleeps so many seconds; True when there is something else to do."""


def between(
    workspace: Workspace,
    running: Running,
    pacer: Pacer,
    until: datetime,
    tick: timedelta,
    clock: dispatch.Clock,
    wait: Wait,
) -> int:
    """Place calls when they become due rather than at the next turn, which is at `until`; returns how many.

    Where the pace or a rule lets none of them go, they are left to the next turn.
    """
    placed = 0
    while True:
        with workspace.database.reading() as connection:
            due = queue.next_due(connection, running.id, resting_arms(connection, running.experiment.name))
        if due is None or due >= until or wait(max(0.0, (due - clock()[0]).total_seconds())):
            return placed
        now = clock()[0]
        done, _ = _place(workspace, running, pacer, now, tick, clock)
        placed += done.placed
        if not done.placed and due <= now:  # sleep may end a little early
            return placed


def hear(workspace: Workspace, running: Running, now: datetime) -> int:
    """Ask the adapter for every event that is known by `now`; returns how many. What is sent to us comes by webhook."""
    heard = 0
    if not running.adapter.capabilities.polls:
        return heard
    while True:
        events = receive.poll(workspace, running, now).events
        heard += events
        if events < receive.POLLED:
            return heard


def settle(workspace: Workspace, running: Running, now: datetime) -> bool:
    """Move the experiment on when its queue is empty: to waiting, then to its last look. True when it is over.

    In waves the look after the wait deals the next wave, while somebody may still draw an arm.
    """
    with workspace.database.reading() as connection:
        state = records.state_of(connection, running.id)
        if state not in (State.RUNNING, State.WAITING):
            return state in (State.DECIDED, State.STOPPED)
        resting = resting_arms(connection, running.experiment.name)
        due = queue.next_due(connection, running.id, resting)
        flying = queue.in_flight(connection, running.id)
        last = outcomes.last_maturity(connection, running.id)
        onward = deal.waiting_for_an_arm(connection, running.experiment, running.id) > 0
        # Who calls whoever comes to the roster is not over before the first has come.
        empty = running.experiment.audience.roster and roster.is_nobody_in(connection, running.id)
    if empty:
        return False
    if due is not None or flying:
        if state is State.WAITING and due is not None:
            _call_again(workspace, running, now)
        return False
    if state is State.RUNNING:
        _await_conversions(workspace, running, now)
        return False
    if last is not None and last > now:
        return False
    look.look(workspace, running, now, finished=not onward, onward=onward)
    with workspace.database.reading() as connection:
        return records.state_of(connection, running.id) is State.DECIDED


def calls_are_over(workspace: Workspace, running: Running) -> bool:
    """Whether no call will be placed any more, as far as is known: nothing is planned, and nobody waits for an arm."""
    with workspace.database.reading() as connection:
        if records.state_of(connection, running.id) is not State.WAITING:
            return records.state_of(connection, running.id) is not State.RUNNING
        return not deal.waiting_for_an_arm(connection, running.experiment, running.id)


def _await_conversions(workspace: Workspace, running: Running, now: datetime) -> None:
    """Every call is made: who was never called is mature when the window after now closes.

    Who was not called because the arm rests is not counted: such people say nothing about the arm.
    """
    with workspace.database.writing() as connection:
        if records.held_state(connection, running.id) is not State.RUNNING:
            return
        resting = resting_arms(connection, running.experiment.name)
        queue.cancel_planned(connection, running.id, "resting")
        outcomes.mature_rest(connection, running.id, now + running.experiment.conversion.within, resting)
        records.move(connection, running.id, State.WAITING, "", now)


def _call_again(workspace: Workspace, running: Running, now: datetime) -> None:
    """Who came late, or whose call ended late, is called while the conversions of the others are awaited."""
    with workspace.database.writing() as connection:
        if records.held_state(connection, running.id) is State.WAITING:
            records.move(connection, running.id, State.RUNNING, "", now)


def next_moments(workspace: Workspace, running: Running, now: datetime) -> tuple[datetime | None, datetime | None]:
    """When the next call is due, and when something else happens: an event, or the last maturity.

    Where people wait for an arm the next calls are due when the last wave is mature.
    """
    with workspace.database.reading() as connection:
        due = queue.next_due(connection, running.id, resting_arms(connection, running.experiment.name))
        cursor = records.mark(connection, receive.cursor_of(running.experiment))
        last = outcomes.last_maturity(connection, running.id) if due is None else None
        last = last if last is not None and last > now else None
        if last is not None and not queue.in_flight(connection, running.id):
            due = last if deal.waiting_for_an_arm(connection, running.experiment, running.id) else None
    others = [running.adapter.next_event_at(cursor), last]
    return due, min((moment for moment in others if moment is not None), default=None)
