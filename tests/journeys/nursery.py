"""Processes of `ringlab`, born quickly: the program is read once, and each process is a fork of it.

    python -m tests.journeys.nursery [--haste]

It reads one JSON line for each wish and answers with one:

    {"argv": ["serve", …], "environment": {…}, "folder": "…", "log": "…", "failpoint": "sent:2"}  → {"process": 4711}
    {"ended": 4711}  → {"status": 0}, negative for a signal, null while it lives

With `--haste` everything that takes minutes takes seconds: leases, beats, the longest life of a call. So a test sees
in half a minute what happens to a campaign in an hour. What must hold between these spans holds of the short ones.
"""

import json
import os
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

from engine import failpoints, service
from engine.__main__ import main
from engine.core import breakers, buckets
from engine.definitions import times
from engine.steps import dispatch, reconcile, troubles

LONGEST_LIFE = timedelta(seconds=3)
HASTE: dict[Any, dict[str, timedelta]] = {
    service: {
        "TICK": timedelta(seconds=0.1), "BEAT": timedelta(seconds=0.4), "LEASE": timedelta(seconds=2),
        "RECONCILE": timedelta(seconds=0.5), "LONGEST_LIFE": LONGEST_LIFE,
    },
    buckets: {"TRIAL_PATIENCE": 2 * LONGEST_LIFE},
    troubles: {"OVER_LIMIT_REST": timedelta(seconds=1)},
    times: {"SHORTEST_GAP": timedelta(seconds=1)},
    reconcile: {"LONGEST_LIFE": LONGEST_LIFE, "ANSWERED_WITHIN": timedelta(seconds=1.2)},
    dispatch: {
        "SEND_WITHIN": timedelta(seconds=1), "BUSY": timedelta(seconds=0.5), "AGAIN": timedelta(seconds=0.2),
        "LATEST_AGAIN": timedelta(seconds=2),
    },
}  # fmt: skip


def make_haste() -> None:
    """Shorten every span, also where a function has one as its default."""
    for module, spans in HASTE.items():
        for name, span in spans.items():
            assert hasattr(module, name)
            setattr(module, name, span)
    for kind, breaker in breakers.BREAKERS.items():
        breakers.BREAKERS[kind] = replace(breaker, rest=timedelta(seconds=1), longest=timedelta(seconds=3))
    longest = reconcile.reconcile.__defaults__
    assert longest is not None
    reconcile.reconcile.__defaults__ = (*longest[:-1], LONGEST_LIFE)


def read_program() -> None:
    """Import what a process needs, which takes seconds."""
    import apscheduler.schedulers.background
    import httpx
    import uvicorn

    import dashboards.__main__
    import dashboards.app
    import engine.cli.app
    import engine.regions
    import engine.steps.enroll
    import engine.telephony.http
    from engine.scripting.library import Library
    from engine.workspace import shipped

    engine.cli.app.command()
    engine.regions.rulebook()
    Library.open(shipped() / "scripts")
    httpx.HTTPTransport().close()
    uvicorn.Config(dashboards.__main__.serve).load()
    assert apscheduler.schedulers.background
    assert dashboards.app
    assert engine.steps.enroll
    assert engine.telephony.http


def bear(wish: dict[str, Any]) -> int:
    """A new process; returns its number in the nursery, and ends with the command's status in the child."""
    child = os.fork()
    if child:
        return child
    log = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(wish["environment"])
    os.chdir(wish["folder"])
    name, _, times = wish.get("failpoint", "").partition(":")
    failpoints._name, failpoints._left = name, int(times or 1)
    sys.argv = ["ringlab", *wish["argv"]]
    main()
    raise AssertionError("main ends the process")


def ended(child: int) -> int | None:
    """The status with which a process ended; None while it lives."""
    found, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


if __name__ == "__main__":
    if "--haste" in sys.argv:
        make_haste()
    read_program()
    for line in sys.stdin:
        asked = json.loads(line)
        said = {"status": ended(asked["ended"])} if "ended" in asked else {"process": bear(asked)}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
