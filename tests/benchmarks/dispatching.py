"""Whole calls through the dispatch: claimed, begun, sent, accepted, ended, followed; beside bare rows of the same."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import update

from engine import demo
from engine.service import TICK
from engine.settings import Settings
from engine.steps import advance, deal, enroll, receive
from engine.steps.advance import Pacer
from engine.steps.dispatch import dispatch
from engine.store import queue
from engine.telephony.adapter import DialRequest, Receipt
from engine.workspace import Running, Workspace
from tests.benchmarks import peers
from tests.benchmarks.campaign import hand_made
from tests.benchmarks.measuring import Measured, processor_time
from tests.benchmarks.people import COLUMNS, NOW

NAME = "dispatch"
BATCH = 500
LATER = timedelta(minutes=15)
PER_SECOND = 200


def whole_calls(folder: Path, people: int, with_peers: bool = False) -> list[Measured]:
    """Calls of one attempt on SQLite, with the report of each call's end, its outcome and its message.

    The peer's jobs do nothing.
    """
    with started(folder, people, f"sqlite:///{folder / 'ringlab.db'}") as workspace:
        running = workspace.running(NAME)
        assert dispatch(workspace, running, NOW, 1).placed == 1  # what is imported once is not counted
        placed: list[int] = []
        taken = processor_time(lambda: placed.append(play(workspace, running, NOW)))
    rate, limit = sum(placed) / taken, people / hand_made(folder / "bare.db", people)
    line = Measured("dispatch: whole calls, SQLite", rate, "calls/s", limit, "the bare rows in SQLite")
    jobs = {line.name: {"path": str(folder / "jobs.db"), "jobs": people}}
    return peers.beside([line], jobs, lambda seconds: people / seconds, ["huey"]) if with_peers else [line]


def started(folder: Path, people: int, url: str, *, remembers: bool = True) -> Workspace:
    """A workspace with an experiment in which all of these people have drawn an arm, and all of whose calls are due."""
    (folder / "experiments").mkdir(parents=True, exist_ok=True)
    demo.write_contacts(folder / "contacts.csv", people)
    path = folder / "experiments" / f"{NAME}.yaml"
    words = {
        "experiment": NAME, "audience": {"contacts": "../contacts.csv", "columns": COLUMNS},
        "control": {"script": "classic", "sms": "link", "path": "mini", "timing": {"window": "09:00-20:00"}},
        "arms": {"gift": {"script": "gift-first"}}, "paths": {"mini": {"url": "https://example.com/j"}},
        "pace": {"per_second": 1000, "concurrent": 100_000}, "size": {"contacts_per_arm": people // 2},
    }  # fmt: skip
    path.write_text(json.dumps(words), encoding="utf-8")
    workspace = Workspace(Settings.read(url), folder, remembers=remembers)
    enroll.start(workspace, path, NOW)
    running = workspace.running(NAME)
    with workspace.database.writing() as connection:
        while deal.deal_part(connection, running.experiment, running.id, NOW):
            pass
    return workspace


def play(workspace: Workspace, running: Running, now: datetime) -> int:
    """Place every call and hear how each ended; returns how many were placed."""
    placed = 0
    while done := dispatch(workspace, running, now, BATCH).placed:
        placed += done
        now += timedelta(seconds=1)
        receive.poll(workspace, running, now)
    while receive.poll(workspace, running, now + LATER).events:
        pass
    return placed


class _Watched:
    """The provider of an experiment, and how late it was asked for each call."""

    def __init__(self, adapter: Any, due: dict[str, datetime], clock: Callable[[], datetime]) -> None:
        self._adapter, self._due, self._clock = adapter, due, clock
        self.late: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        asked = self._clock()
        self.late += [(asked - self._due[request.call]).total_seconds() for request in requests]
        receipts: list[Receipt] = self._adapter.submit(requests, now)
        return receipts


def latency(folder: Path, calls: int) -> list[Measured]:
    """From when a call is due until the provider is asked, with so many due a second and their reports heard."""
    with started(folder, calls, f"sqlite:///{folder / 'ringlab.db'}") as workspace:
        running = workspace.running(NAME)
        begun = time.perf_counter()

        def clock() -> datetime:
            return NOW + timedelta(seconds=time.perf_counter() - begun)

        first = clock() + timedelta(seconds=0.1)
        due = {}
        with workspace.database.writing() as connection:
            keys = connection.execute(queue.CALLS.select().order_by(queue.CALLS.c.rank)).mappings().all()
            for place, row in enumerate(keys):
                due[row["key"]] = first + timedelta(seconds=place / PER_SECOND)
                moved = update(queue.CALLS).where(queue.CALLS.c.id == row["id"]).values(due_at=due[row["key"]])
                connection.execute(moved)
        watched = _Watched(running.adapter, due, clock)
        begun = time.perf_counter()
        _on_time(workspace, replace(running, adapter=watched), clock)
    late = sorted(watched.late)
    p99 = quantiles(late, n=100)[98]
    return [
        Measured(f"due calls, {PER_SECOND} a second: half are asked within", median(late) * 1e3, "ms", 5.0, "the goal"),
        Measured(f"due calls, {PER_SECOND} a second: 99 of 100 are asked within", p99 * 1e3, "ms", 20.0, "the goal"),
    ]


def _on_time(workspace: Workspace, running: Running, clock: Callable[[], datetime]) -> None:
    """Turn after turn as a process on the real clock does, until no call is left."""
    pacer = Pacer.of(running)

    def wait(seconds: float) -> bool:
        time.sleep(seconds)
        return False

    while True:
        now = clock()
        advance.turn(workspace, running, pacer, now, TICK, clock=lambda: (clock(),))
        advance.between(workspace, running, pacer, now + TICK, TICK, lambda: (clock(),), wait)
        with workspace.database.reading() as connection:
            if queue.next_due(connection, running.id) is None:
                return
        time.sleep(max(0.0, (now + TICK - clock()).total_seconds()))
