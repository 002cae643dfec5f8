"""Periodic jobs on the real clock: place calls and hear about them, reconcile, look.

Every job is a step that may be repeated, and no business state lives in the scheduler, because the queue is the
truth. Many such processes may share one database: all of them place calls, and one leads, which does what one must.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from engine.clock import SteadyClock
from engine.core.experiments import LIVE, State
from engine.errors import DatabaseError
from engine.runner import Progress, Watch, unwatched
from engine.steps import look, reports
from engine.steps.advance import Pacer, between, hear, turn
from engine.steps.reconcile import LONGEST_LIFE, reconcile
from engine.store import fates, processes, records
from engine.store.leadership import Leadership
from engine.workspace import Running, Workspace

log = logging.getLogger(__name__)

TICK = timedelta(seconds=0.5)
BEAT = timedelta(seconds=5)
RECONCILE, LOOK = timedelta(minutes=1), timedelta(minutes=5)
LEASE = timedelta(seconds=30)  # a process that said nothing for so long is taken for dead
FORGOTTEN = timedelta(days=1)
SIDE_BY_SIDE = 16  # experiments whose providers are asked at the same time


class Service:
    """One process that places calls; the clock is an argument, and tells every instant that it may be now."""

    def __init__(
        self,
        workspace: Workspace,
        names: Sequence[str] = (),
        watch: Watch = unwatched,
        clock: SteadyClock | None = None,
    ) -> None:
        from apscheduler.schedulers import background

        self.workspace, self.names, self.watch = workspace, names, watch
        self.clock = clock or SteadyClock()
        self.over = threading.Event()
        self._pacers: dict[str, Pacer] = {}
        self._placed: dict[str, int] = {}
        self._turns: dict[str, Future[None]] = {}
        self._asked: dict[str, bool] = {}  # whose turn has come again while the last one lasts, and whether it leads
        self._failed: set[str] = set()
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE, "ringlab-turn")
        self._leadership = Leadership(workspace.database, "dispatch", workspace.holder, LEASE)
        self._leading = threading.Lock()
        scheduler: Any = background.BackgroundScheduler  # the library has no types
        self._scheduler = scheduler(timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1})

    def start(self) -> None:
        """Begin: say that this process lives, settle what dead ones left open, then place calls when they are due."""
        self._beat()
        self._reconcile()
        jobs = {"beat": (self._beat, BEAT), "turn": (self._turn, TICK), "reconcile": (self._reconcile, RECONCILE),
                "look": (self._look, LOOK)}  # fmt: skip
        for name, (job, every) in jobs.items():
            self._scheduler.add_job(self._do, "interval", (name, job), seconds=every.total_seconds(), id=name)
        self._scheduler.start()

    def _do(self, name: str, job: Callable[[], None]) -> None:
        """One job, which is done again in its time: a database that is away or full is no reason to end."""
        try:
            job()
        except DatabaseError as error:
            log.error("a job could not use the database and is done again; job=%s: %s", name, error)

    def stop(self) -> None:
        """Drain: no new batch begins, the batch in hand finishes."""
        self.over.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        self._pool.shutdown(wait=True)
        self._leadership.close()
        self.workspace.database.write(lambda connection: processes.leave(connection, self.workspace.holder))

    def _now(self) -> datetime:
        return self.clock()[0]

    def _beat(self) -> None:
        now = self._now()

        def beat(connection: Connection) -> None:
            processes.beat(connection, self.workspace.holder, "dispatcher", now)
            processes.forget(connection, now - FORGOTTEN)

        self.workspace.database.write(beat)

    def _leads(self) -> bool:
        """Whether this process does what one of all must do: hear, deal, look, settle and reconcile."""
        with self._leading:
            return self._leadership.leads(self._now())

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
        """A turn of every live experiment, side by side, so that no provider waits for another."""
        if self.over.is_set():
            return
        live, leads = self._live(), self._leads()
        if self.names and not live:
            self.over.set()
        reports.judge_reports(self.workspace, self._now())
        if leads:
            for running in self._ended(self._now()):
                hear(self.workspace, running, self._now())
        for running in live:
            name = running.experiment.name
            self._asked[name] = leads
            if name not in self._turns or self._turns[name].done():
                self._turns[name] = self._pool.submit(self._take_turns, running)

    def _take_turns(self, running: Running) -> None:
        """Turns of one experiment, while they are asked for."""
        name = running.experiment.name
        while (leads := self._asked.pop(name, None)) is not None and not self.over.is_set():
            self._take_turn(running, leads)

    def _take_turn(self, running: Running, leads: bool) -> None:
        """A turn of one experiment, and the calls that are due before the next one.

        A turn that failed leaves what it had begun to the next.
        """
        name, now = running.experiment.name, self._now()
        try:
            if name in self._failed:
                holder = self.workspace.holder
                self.workspace.database.write(lambda connection: fates.release(connection, running.id, (), holder))
                self._failed.discard(name)
            pacer = self._pacers.setdefault(name, Pacer.of(running))
            done = turn(self.workspace, running, pacer, now, TICK, clock=self.clock, leads=leads)
            placed = done.placed
            if not done.over:
                wait = partial(self._wait, name)
                placed += between(self.workspace, running, pacer, now + TICK, TICK, self.clock, wait)
            self._placed[name] = self._placed.get(name, 0) + placed
            self.watch(Progress(name, now, self._placed[name], running.record.planned, done.over))
        except DatabaseError as error:
            self._failed.add(name)
            log.error("a turn could not use the database and is taken again; experiment=%s: %s", name, error)
        except Exception:
            self._failed.add(name)
            log.exception("a turn failed and is taken again; experiment=%s", name)

    def _wait(self, name: str, seconds: float) -> bool:
        """Sleep; True when the next turn has come, or the end."""
        return self.over.wait(seconds) or name in self._asked

    def _alive(self) -> set[str]:
        with self.workspace.database.reading() as connection:
            return processes.alive(connection, self._now() - LEASE) | {self.workspace.holder}

    def _reconcile(self) -> None:
        if not self._leads():
            return
        alive = self._alive()
        for running in [*self._live(), *self._ended(self._now())]:
            reconcile(self.workspace, running, self._now(), alive)

    def _look(self) -> None:
        if not self._leads():
            return
        for running in self._live():
            look.look(self.workspace, running, self._now())
