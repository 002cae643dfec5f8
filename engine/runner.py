"""The clock: it calls the steps, and only it, the command line and the web ever read the time.

A simulated clock jumps from one moment at which something happens to the next, so that days pass in
seconds. A real clock leaves the steps to periodic jobs: every job is a step that may be repeated, and no
business state lives in the scheduler, because the queue is the truth.
"""

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core.contacts import REGION_ZONES
from engine.core.experiments import LIVE, Experiment, State, parse_moment
from engine.core.windows import zone
from engine.errors import InputError
from engine.steps import look, reports
from engine.steps.advance import Pacer, calls_are_over, hear, next_moments, settle, turn
from engine.steps.eligibility import series
from engine.steps.parts import in_waves
from engine.steps.reconcile import LONGEST_LIFE, reconcile
from engine.store import ledger, queue, records
from engine.workspace import SIMULATED, Running, Workspace

log = logging.getLogger(__name__)

LEAST_TICK, MOST_TICK = timedelta(seconds=1), timedelta(seconds=30)
IDLE_TICK = timedelta(minutes=2)  # calls that become due one by one are placed together
BATCH = 600  # calls that one turn of the simulated clock is worth
QUIET = timedelta(hours=4)  # how long reports may gather while no call is due
LOOK_EVERY = timedelta(hours=12)
REAL_TICK = timedelta(seconds=0.5)


def real_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def opening(experiment: Experiment, now: datetime) -> datetime:
    """The first instant of a simulated campaign: its start, or Monday of this week."""
    if experiment.schedule.start:
        zones = REGION_ZONES.get(experiment.audience.region, ("UTC",))
        return min(parse_moment(experiment.schedule.start).replace(tzinfo=zone(name)) for name in zones).astimezone(UTC)
    monday = now - timedelta(days=now.weekday())
    return monday.replace(hour=0, minute=0, second=0, microsecond=0)


def start_moment(workspace: Workspace, experiment: Experiment) -> datetime:
    """When an experiment begins by its own clock: the real one, or the opening of its simulation.

    A simulated round begins on a Monday after the round before it was decided.
    """
    if experiment.adapter != SIMULATED:
        return real_now()
    with workspace.database.reading() as connection:
        before = [record.changed_at for record in series(connection, experiment)]
    opens = opening(experiment, real_now())
    while before and opens <= max(before):
        opens += timedelta(days=7)
    return opens


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running experiment stands, for who watches; `placed` counts the calls of this run."""

    experiment: str
    now: datetime
    placed: int
    planned: int
    over: bool


Watch = Callable[[Progress], None]


def _unwatched(progress: Progress) -> None:
    """Nobody watches."""


def chosen(workspace: Workspace, names: Sequence[str]) -> list[Running]:
    """The experiments to run: those named, or all that are live. Raises NotFound and InputError."""
    with workspace.database.reading() as connection:
        live = [record.name for record in records.everything(connection, LIVE)]
        for name in names:
            records.get(connection, name)
    wanted = list(names) or list(reversed(live))
    if not wanted:
        raise InputError("nothing is running; start an experiment first: ringlab start experiments/<name>.yaml")
    return [workspace.running(name) for name in wanted]


class Simulation:
    """Experiments on the simulated adapter, on a clock that jumps."""

    def __init__(self, workspace: Workspace, running: Running, watch: Watch = _unwatched) -> None:
        if running.experiment.adapter != SIMULATED:
            raise InputError(
                f"{running.experiment.name} calls through {running.experiment.adapter}: real people have no simulated "
                "clock; run it with --clock real"
            )
        self.workspace, self.running, self.watch = workspace, running, watch
        self.now = self._resumed()
        self.pacer = Pacer.of(running, self.now)
        # A turn is worth many calls, and never more than half of those that may be in flight.
        calls = min(BATCH, running.experiment.pace.concurrent / 2)
        self.tick = min(max(timedelta(seconds=calls / self.pacer.per_second), LEAST_TICK), MOST_TICK)
        self.looked = self.now
        self.placed = 0

    def _resumed(self) -> datetime:
        """Where the campaign's own clock stood: at its last trace in the database."""
        with self.workspace.database.reading() as connection:
            record = records.by_id(connection, self.running.id)
            begun = queue.last_begun(connection, self.running.id)
            heard = ledger.last_heard(connection, self.running.id)
        return max(moment for moment in (record.created_at, begun, heard) if moment is not None)

    def run(self, until: str = "verdict") -> bool:
        """Let the campaign play until its verdict, or until the queue is empty; True when it is over.

        A paused campaign stands still, whoever paused it: a person or a guardrail.
        """
        reconcile(self.workspace, self.running, self.now, self.now)
        while True:
            done = turn(self.workspace, self.running, self.pacer, self.now, self.tick)
            self.placed += done.placed
            self._tell(done.over)
            state = self._state()
            if done.over:
                self._drain()
            if (
                done.over
                or state is State.PAUSED
                or (until == "empty" and calls_are_over(self.workspace, self.running))
            ):
                return done.over
            if not self._move_on(done.busy):
                return settle(self.workspace, self.running, self.now)

    def _drain(self) -> None:
        """A verdict that came early leaves calls in flight: they finish, and are heard."""
        while self._in_flight():
            due = next_moments(self.workspace, self.running, self.now)[1]
            if due is None:
                return
            self.now = max(due, self.now + self.tick)
            hear(self.workspace, self.running, self.now)

    def _in_flight(self) -> int:
        with self.workspace.database.reading() as connection:
            return queue.in_flight(connection, self.running.id)

    def _move_on(self, busy: bool) -> bool:
        """Move the clock to when something happens; False when nothing will.

        While calls are due it ticks. Else it goes to the next due call, or lets reports gather for a while.
        """
        if busy:
            self.now += self.tick
        else:
            due, other = next_moments(self.workspace, self.running, self.now)
            moments = [moment for moment in (due, other + QUIET if other else None) if moment is not None]
            if not moments:
                return False
            self.now = max(min(moments), self.now + IDLE_TICK)
            if due is not None and self.now >= due and in_waves(self.running.experiment):
                self.looked = self.now  # a wave that has had its time is looked at before the next one goes out
        if self.now - self.looked >= LOOK_EVERY:
            self._look()
        return True

    def _look(self) -> None:
        self.looked = self.now
        look.look(self.workspace, self.running, self.now)

    def _state(self) -> State:
        with self.workspace.database.reading() as connection:
            return records.state_of(connection, self.running.id)

    def _tell(self, over: bool) -> None:
        self.watch(Progress(self.running.experiment.name, self.now, self.placed, self.running.record.planned, over))


class Service:
    """Periodic jobs on the real clock: dispatch and hear, reconcile, look."""

    def __init__(self, workspace: Workspace, names: Sequence[str] = (), watch: Watch = _unwatched) -> None:
        from apscheduler.schedulers import background

        self.workspace, self.names, self.watch = workspace, names, watch
        self.over = threading.Event()
        self._pacers: dict[str, Pacer] = {}
        self._placed: dict[str, int] = {}
        scheduler: Any = background.BackgroundScheduler  # the library has no types
        self._scheduler = scheduler(timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1})

    def start(self) -> None:
        """Begin: settle what an earlier process left open, then place calls when they are due."""
        now = real_now()
        for running in self._live():
            reconcile(self.workspace, running, now, now)
        every = self._scheduler.add_job
        every(self._turn, "interval", seconds=REAL_TICK.total_seconds(), id="turn")
        every(self._reconcile, "interval", seconds=60, id="reconcile")
        every(self._look, "interval", minutes=5, id="look")
        self._scheduler.start()

    def stop(self) -> None:
        """Drain: no new batch begins, the batch in hand finishes."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def wait(self) -> None:
        """Work until every experiment is over or the process is asked to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.over.set())
        self.over.wait()
        self.stop()

    def _live(self) -> list[Running]:
        with self.workspace.database.reading() as connection:
            live = [record.name for record in records.everything(connection, LIVE)]
        return [self.workspace.running(name) for name in live if not self.names or name in self.names]

    def _ended(self, now: datetime) -> list[Running]:
        """Experiments that are over, and of whose people something may still be heard."""
        with self.workspace.database.reading() as connection:
            over = records.everything(connection, (State.DECIDED, State.STOPPED))
        recent = [one for one in over if now - one.changed_at <= one.experiment.conversion.within + LONGEST_LIFE]
        return [self.workspace.running(one.name) for one in recent if not self.names or one.name in self.names]

    def _turn(self) -> None:
        now = real_now()
        live = self._live()
        if self.names and not live:
            self.over.set()
        reports.judge_reports(self.workspace, now)
        for running in self._ended(now):
            hear(self.workspace, running, now)
        for running in live:
            pacer = self._pacers.setdefault(running.experiment.name, Pacer.of(running, now))
            done = turn(self.workspace, running, pacer, now, REAL_TICK)
            name = running.experiment.name
            self._placed[name] = self._placed.get(name, 0) + done.placed
            self.watch(Progress(name, now, self._placed[name], running.record.planned, done.over))

    def _reconcile(self) -> None:
        now = real_now()
        for running in self._live():
            reconcile(self.workspace, running, now - LONGEST_LIFE, now)

    def _look(self) -> None:
        now = real_now()
        for running in self._live():
            look.look(self.workspace, running, now)
