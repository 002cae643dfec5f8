"""A simulated campaign through the real engine and database, beside the same rows written by hand."""

import sqlite3
from pathlib import Path

from engine import demo
from engine.runner import Simulation, start_moment
from engine.settings import Settings
from engine.steps import enroll
from engine.workspace import Workspace, shipped
from tests.benchmarks.measuring import Measured, processor_time

HAND_MADE = 200  # rows of one transaction
_SCHEMA = (
    "CREATE TABLE calls (id INTEGER PRIMARY KEY, key TEXT UNIQUE, state TEXT, at INTEGER, provider TEXT)",
    "CREATE TABLE events (id INTEGER PRIMARY KEY, key TEXT UNIQUE, call INTEGER, at INTEGER, word TEXT)",
)


def campaign(folder: Path, per_arm: int) -> list[Measured]:
    """The demo's first round: import, enroll, dispatch, events, outcomes, redials, messages, looks."""
    (folder / "experiments").mkdir(parents=True)
    text = (shipped() / "experiments" / f"{demo.FIRST}.yaml").read_text(encoding="utf-8")
    path = folder / "experiments" / f"{demo.FIRST}.yaml"
    path.write_text(text.replace("contacts_per_arm: 3000", f"contacts_per_arm: {per_arm}"), encoding="utf-8")
    (folder / "scripts").symlink_to(shipped() / "scripts")
    demo.write_contacts(folder / demo.CONTACTS, per_arm * 24)
    with Workspace(Settings.read(f"sqlite:///{folder / 'ringlab.db'}"), folder, seed=1) as workspace:
        now = start_moment(workspace, workspace.load(path))

        def enroll_everybody() -> None:
            demo.first_people(workspace, folder)
            enroll.start(workspace, path, now)

        enrolled = processor_time(enroll_everybody)
        simulation = Simulation(workspace, workspace.running(demo.FIRST))
        played = processor_time(simulation.run)
    calls = simulation.placed
    limit = hand_made(folder / "bare.db", calls) / calls * 1e6
    return [
        Measured("campaign: calls", calls, "calls"),
        Measured("campaign: import and enroll", enrolled / calls * 1e6, "µs a call"),
        Measured("campaign: play to the verdict", played / calls * 1e6, "µs a call", limit, "the bare rows in SQLite"),
        Measured("campaign: the whole", calls / (enrolled + played), "calls/s"),
    ]


def hand_made(path: Path, calls: int) -> float:
    """Processor seconds of planning, beginning, accepting and ending calls in batches, each with an event."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    for table in _SCHEMA:
        connection.execute(table)

    def write() -> None:
        for first in range(0, calls, HAND_MADE):
            ids = range(first, min(first + HAND_MADE, calls))
            for statement, rows in (
                ("INSERT INTO calls VALUES (?, ?, 'planned', 0, '')", [(one, f"bare/{one}/1") for one in ids]),
                ("UPDATE calls SET state = 'begun', at = 1 WHERE id = ?", [(one,) for one in ids]),
                ("UPDATE calls SET state = 'accepted', provider = 'x' WHERE id = ?", [(one,) for one in ids]),
                ("INSERT INTO events VALUES (?, ?, ?, 2, 'ended')", [(one, f"bare/{one}/1#ended", one) for one in ids]),
                ("UPDATE calls SET state = 'ended' WHERE id = ?", [(one,) for one in ids]),
            ):
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(statement, rows)
                connection.execute("COMMIT")

    taken = processor_time(write)
    connection.close()
    return taken
