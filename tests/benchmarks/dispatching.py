"""Whole calls through the dispatch: claimed, begun, sent, accepted, ended, followed; beside bare rows of the same."""

import json
from datetime import datetime, timedelta
from pathlib import Path

from engine import demo
from engine.settings import Settings
from engine.steps import deal, enroll, receive
from engine.steps.dispatch import dispatch
from engine.workspace import Running, Workspace
from tests.benchmarks.campaign import hand_made
from tests.benchmarks.measuring import Measured, processor_time
from tests.benchmarks.people import COLUMNS, NOW

BATCH = 500
LATER = timedelta(minutes=15)


def whole_calls(folder: Path, people: int) -> list[Measured]:
    """Calls of one attempt on SQLite, with the report of each call's end, its outcome and its message."""
    with _started(folder, people) as workspace:
        running = workspace.running("dispatch")
        assert dispatch(workspace, running, NOW, 1).placed == 1  # what is imported once is not counted
        placed: list[int] = []
        taken = processor_time(lambda: placed.append(play(workspace, running, NOW)))
    rate, limit = sum(placed) / taken, people / hand_made(folder / "bare.db", people)
    return [Measured("dispatch: whole calls, SQLite", rate, "calls/s", limit, "the bare rows in SQLite")]


def _started(folder: Path, people: int) -> Workspace:
    """A workspace with an experiment on these people, all of whose calls are due."""
    (folder / "experiments").mkdir(parents=True, exist_ok=True)
    demo.write_contacts(folder / "contacts.csv", people)
    path = folder / "experiments" / "dispatch.yaml"
    words = {
        "experiment": "dispatch", "audience": {"contacts": "../contacts.csv", "columns": COLUMNS},
        "control": {"script": "classic", "sms": "link", "path": "mini", "timing": {"window": "09:00-20:00"}},
        "arms": {"gift": {"script": "gift-first"}}, "paths": {"mini": {"url": "https://example.com/j"}},
        "pace": {"per_second": 1000, "concurrent": 100_000}, "size": {"contacts_per_arm": people // 2},
    }  # fmt: skip
    path.write_text(json.dumps(words), encoding="utf-8")
    workspace = Workspace(Settings.read(f"sqlite:///{folder / 'ringlab.db'}"), folder)
    enroll.start(workspace, path, NOW)
    return workspace


def play(workspace: Workspace, running: Running, now: datetime) -> int:
    """Place every call, a part of the people at a time, and hear how each ended; returns how many were placed."""
    placed = 0
    while (done := dispatch(workspace, running, now, BATCH).placed) or deal.ahead(workspace, running, now):
        placed += done
        now += timedelta(seconds=1)
        receive.poll(workspace, running, now)
    while receive.poll(workspace, running, now + LATER).events:
        pass
    return placed
