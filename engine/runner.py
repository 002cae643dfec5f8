"""The clock: it calls the steps, and only it, the command line and the web ever read the time.

A simulated clock jumps from one moment at which something happens to the next, so that days pass in seconds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.clock import real_now
from engine.core.contacts import REGION_ZONES
from engine.core.experiments import LIVE, Experiment, State, parse_moment
from engine.core.windows import zone
from engine.errors import InputError
from engine.steps import look
from engine.steps.advance import Pacer, calls_are_over, hear, next_moments, settle, turn
from engine.steps.eligibility import series
from engine.steps.parts import in_waves
from engine.steps.reconcile import AT_ONCE, reconcile
from engine.store import ledger, queue, records
from engine.workspace import SIMULATED, Running, Workspace

LEAST_TICK, MOST_TICK = timedelta(seconds=1), timedelta(seconds=30)
IDLE_TICK = timedelta(minutes=2)  # calls that become due one by one are placed together
BATCH = 600  # calls that one turn of the simulated clock is worth
QUIET = timedelta(hours=4)  # how long reports may gather while no call is due or under way
LOOK_EVERY = timedelta(hours=12)


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


def unwatched(progress: Progress) -> None:
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

    def __init__(self, workspace: Workspace, running: Running, watch: Watch = unwatched) -> None:
        if running.experiment.adapter != SIMULATED:
            raise InputError(
                f"{running.experiment.name} calls through {running.experiment.adapter}: real people have no simulated "
                "clock; run it with --clock real"
            )
        self.workspace, self.running, self.watch = workspace, running, watch
        self.now = self._resumed()
        self.pacer = Pacer.of(running)
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
        reconcile(self.workspace, self.running, self.now, patience=AT_ONCE)
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

        While calls are due it ticks. Else it goes to the next due call or, once every call has ended, lets reports
        gather for a while.
        """
        if busy:
            self.now += self.tick
        else:
            due, other = next_moments(self.workspace, self.running, self.now)
            gather = timedelta() if self._in_flight() else QUIET
            moments = [moment for moment in (due, other + gather if other else None) if moment is not None]
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
