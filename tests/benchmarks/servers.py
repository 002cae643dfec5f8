"""Whole calls on PostgreSQL: one dispatching process, two on one queue, and bare rows in batches beside them.

Commits are flushed, to memory where the server's folder lies in it, and time is the clock's: the server works too.
Each process has a provider of its own.

    python -m tests.benchmarks.servers URL FOLDER      (says "ready", waits for a line, prints what it came to)
"""

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from engine.settings import Settings
from engine.steps import follow_up, receive
from engine.steps.dispatch import dispatch
from engine.workspace import Running, Workspace
from tests.benchmarks import peers
from tests.benchmarks.dispatching import BATCH, LATER, NAME, started
from tests.benchmarks.measuring import Measured
from tests.benchmarks.people import NOW
from tests.postgresql import SETTINGS, Server, Unavailable, server

DURABLE = SETTINGS | {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
HAND_MADE = 200  # rows of one transaction
HERE = "tests.benchmarks.servers"
_SCHEMA = (
    "CREATE TABLE calls (id bigint PRIMARY KEY, key text UNIQUE, state text, at bigint, provider text)",
    "CREATE INDEX calls_due ON calls (id) WHERE state = 'planned'",
    "CREATE TABLE events (key text PRIMARY KEY, call bigint, word text)",
)


def whole_calls(folder: Path, people: int, with_peers: bool = False) -> list[Measured]:
    """One process, then two on one queue, beside bare rows; one line that says why where there is no server.

    The peer's jobs do nothing.
    """
    try:
        with server(DURABLE) as running:
            bare = _bare(running, people)
            one, two = (_rate(running, folder / str(number), number, people) for number in (1, 2))
            first = [Measured("dispatch: whole calls, PostgreSQL", one, "calls/s", bare, "the bare rows in PostgreSQL")]
            if with_peers:
                jobs = {first[0].name: {"url": _made(running, "jobs"), "jobs": people}}
                first = peers.beside(first, jobs, lambda seconds: people / seconds, ["pgqueuer"])
    except Unavailable as error:
        return [Measured(f"dispatch, PostgreSQL: {error}", 0.0, "not measured")]
    return [*first, Measured("dispatch: two processes, PostgreSQL", two, "calls/s", one, "one process")]


def _rate(running: Server, folder: Path, processes: int, people: int) -> float:
    """Whole calls a second of so many processes on one queue."""
    url = _made(running, f"dispatch_{processes}")
    started(folder, people, url, remembers=False).close()
    command = [sys.executable, "-m", HERE, url, str(folder)]
    pipe = subprocess.PIPE
    players = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(processes)]
    try:
        for player in players:
            assert player.stdout is not None
            assert player.stdout.readline() == "ready\n"
        begun = time.time()
        for player in players:
            assert player.stdin is not None
            player.stdin.write("go\n")
            player.stdin.flush()
        told = [json.loads(player.communicate(timeout=600)[0]) for player in players]
    finally:
        for player in players:
            player.kill()
    assert sum(placed for placed, _ in told) == people
    return people / (max(over for _, over in told) - begun)


def _made(running: Server, name: str) -> str:
    with running.connection("postgres") as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    return running.url_of(name)


def _bare(running: Server, calls: int) -> float:
    """Calls a second when batches of them are claimed, accepted and ended, each with an event, and nothing else."""
    _made(running, "bare")
    with running.connection("bare") as connection:
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO calls SELECT n, 'bare/' || n, 'planned', 0, '' FROM generate_series(1, %s) n", [calls]
        )
        begun = time.time()
        while _bare_batch(connection):
            pass
        return calls / (time.time() - begun)


def _bare_batch(connection: Any) -> int:
    claim = (
        "UPDATE calls SET state = 'begun', at = 1 WHERE id IN (SELECT id FROM calls WHERE state = 'planned' "
        "ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING id"
    )
    ids = [row[0] for row in connection.execute(claim, [HAND_MADE]).fetchall()]
    connection.execute("UPDATE calls SET state = 'accepted', provider = 'x' WHERE id = ANY (%s)", [ids])
    with connection.transaction():
        connection.execute("INSERT INTO events SELECT 'bare/' || n, n, 'ended' FROM unnest(%s::bigint[]) n", [ids])
        connection.execute("UPDATE calls SET state = 'ended' WHERE id = ANY (%s)", [ids])
    return len(ids)


def _play(url: str, folder: Path) -> tuple[int, float]:
    """Place calls while there are some, and hear of them from a provider of this process's own."""
    with Workspace(Settings.read(url), folder, remembers=False) as workspace:
        running = workspace.running(NAME)
        placed, now, cursor = dispatch(workspace, running, NOW - timedelta(days=1), 1).placed, NOW, ""
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        while done := dispatch(workspace, running, now, BATCH).placed:
            placed += done
            now += timedelta(seconds=1)
            cursor = _hear(workspace, running, cursor, now)
        while (reached := _hear(workspace, running, cursor, now + LATER)) != cursor:
            cursor = reached
        return placed, time.time()


def _hear(workspace: Workspace, running: Running, since: str, now: Any) -> str:
    """Take in what this process's provider reports, as a poll does, with a cursor of this process's own."""
    events, reached = running.adapter.poll(since, now, receive.POLLED)
    if events:
        _, messages = workspace.database.write(
            lambda connection: receive.take(workspace, connection, running.experiment.adapter, events, now)
        )
        follow_up.send(workspace, messages, now)
    return reached


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_play(sys.argv[1], Path(sys.argv[2]))))
