"""A campaign whose process is killed at every step of the protocol, one after the other."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.failpoints import FAILPOINTS, NAME
from engine.telephony.book import Book
from tests.steps.makers import STEADY, make_workspace, number_of, rows_of, start, write_experiment

PEOPLE = 240
# A step that only follows another death comes after it; reports that are sent to us have tests of their own.
BEFORE = {"released": "claimed", "asked": "answered", "settled": "answered"}
ELSEWHERE = {"stored", "judging"}


def write(folder: Path) -> Path:
    """Two attempts, messages after talks, receipts that are lost now and then."""
    settings = STEADY | {"lost_receipts": "3%", "repeats": "5%"}
    return write_experiment(folder, PEOPLE, settings=settings, pace={"per_second": 2, "concurrent": 40})


def run(folder: Path, failpoint: str = "") -> int:
    """`ringlab run` as a process of its own; returns its exit status, which is negative when a signal ended it."""
    environment = os.environ | {
        "RINGLAB_DATABASE_URL": f"sqlite:///{folder / 'ringlab.db'}",
        "PYTHONPATH": str(Path(__file__).parents[2]), NAME: failpoint,
    }  # fmt: skip
    command = [sys.executable, "-m", "engine", "run", "gift-first"]
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.slow
@pytest.mark.parametrize("failpoint", [name for name in FAILPOINTS if name not in ELSEWHERE])
def test_a_death_at_this_step_calls_nobody_twice_and_loses_nobody(tmp_path: Path, failpoint: str) -> None:
    """Killed there at the first and at the second time, a campaign goes on to its end as if nothing had been."""
    path = write(tmp_path)
    with make_workspace(tmp_path) as workspace:
        start(workspace, path)
    for times in (1, 2):
        if failpoint in BEFORE:
            assert run(tmp_path, f"{BEFORE[failpoint]}:{times}") == -signal.SIGKILL
            assert run(tmp_path, failpoint) == -signal.SIGKILL
        else:
            assert run(tmp_path, f"{failpoint}:{times}") == -signal.SIGKILL
    assert run(tmp_path) == 0
    with make_workspace(tmp_path) as workspace:
        assert workspace.database.check() == ()
        book = Book(str(tmp_path / "ringlab.simulated" / "gift-first.db"))
        assert book.doubles() == {}
        assert book.calls() == number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'ended'")
        twice = "SELECT count(*) FROM (SELECT message FROM asked WHERE message <> '' GROUP BY 1 HAVING count(*) > 1)"
        assert book._count(twice, ()) == 0
        book.close()
        states = rows_of(workspace, "SELECT DISTINCT state FROM calls ORDER BY 1")
        assert [tuple(row) for row in states] == [("ended",)]
        assert number_of(workspace, "SELECT count(DISTINCT contact_id) FROM calls") == PEOPLE
        assert number_of(workspace, "SELECT max(attempt) FROM calls") == 2


def test_a_failpoint_that_nobody_names_does_nothing(tmp_path: Path) -> None:
    """Without its variable, and with a name that no step has, the engine runs on."""
    path = write_experiment(tmp_path, 20)
    with make_workspace(tmp_path) as workspace:
        start(workspace, path)
    assert run(tmp_path, "nowhere") == 0
