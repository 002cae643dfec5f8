"""One thread that stores reports for many who wait: while it commits some, the next gather, and share a commit."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from engine.errors import RinglabError
from engine.steps import reports
from engine.steps.reports import Report
from engine.workspace import Workspace

log = logging.getLogger(__name__)

MOST_WAITING = 4_000
MOST_AT_ONCE = 500
_Waiting = tuple[Report, "Future[None]"]


class Busy(RinglabError):
    """More reports wait than can be stored soon; whoever sends is asked to come again."""


class Keeper:
    """Stores reports in groups. `add` may be called from any thread; `close` stores what waits, and ends."""

    def __init__(
        self,
        workspace: Workspace,
        most_waiting: int = MOST_WAITING,
        store: Callable[[Workspace, list[Report]], None] | None = None,
    ) -> None:
        self._workspace, self._most, self._store = workspace, most_waiting, store
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, report: Report) -> "Future[None]":
        """Give a report to be stored; the future ends when it is on the disk, or with why it is not. Raises Busy."""
        if self._queue.qsize() >= self._most:
            raise Busy("too many reports are waiting to be stored; send this one again in a second")
        kept: Future[None] = Future()
        self._queue.put((report, kept))
        if self._thread is None:
            self._begin()
        return kept

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="reports", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Store what waits, and end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._queue.put(None)
            thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, ends = self._gathered(first)
            self._keep(group)
            if ends:
                return

    def _gathered(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """What waits, up to a number that one transaction bears, and whether the end was asked for."""
        group = [first]
        while len(group) < MOST_AT_ONCE:
            try:
                following = self._queue.get_nowait()
            except Empty:
                break
            if following is None:
                return group, True
            group.append(following)
        return group, False

    def _keep(self, group: list[_Waiting]) -> None:
        """Store a group; each who waits learns whether its own report is kept."""
        try:
            (self._store or reports.store_reports)(self._workspace, [report for report, _ in group])
        except BaseException as error:  # whatever it is, nobody may be told that a report is kept
            log.error("%d reports could not be stored (%s)", len(group), type(error).__name__)
            for _, kept in group:
                kept.set_exception(error)
        else:
            for _, kept in group:
                kept.set_result(None)
