"""One thing breaks under processes of `ringlab` that run: the server of the database, the disk, their own time."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests import postgresql
from tests.journeys.storm import check, settled
from tests.journeys.world import Nursery, World, until, world
from tests.steps.makers import counts_of, number_of

PEOPLE = 16
STATES = "SELECT state, count(*) FROM calls GROUP BY 1"
IN_TIME = "SELECT count(*) FROM calls WHERE not_after > :now"
FULL = "make room and try again|check the disk"
SAFE = {**postgresql.SETTINGS, "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
pytestmark = pytest.mark.slow


def rung(here: World) -> int:
    return int(here.provider.ledger()["rung"])


def begin(here: World, **changes: Any) -> None:
    """Start a campaign of a few dozen people."""
    here.done("start", str(here.write("waits", PEOPLE, 2, **({"pace": {"per_second": 6}} | changes))))


@contextmanager
def own_server() -> Iterator[postgresql.Server]:
    """A server that may be killed; where there is none, the test says so."""
    try:
        with postgresql.server(SAFE) as server:
            with server.connection("postgres") as connection:
                connection.execute("CREATE DATABASE ringlab")
            yield server
    except postgresql.Unavailable as reason:
        if os.environ.get(postgresql.REQUIRED):
            raise
        pytest.skip(str(reason))


def test_calls_go_on_after_the_server_of_the_database_was_killed(tmp_path: Path, nursery: Nursery) -> None:
    """kill -9 of PostgreSQL under two who call and one who hears: they wait for it, and nobody is called twice."""
    with own_server() as server, world(tmp_path, nursery, "--hostile", url=server.url_of("ringlab")) as here:
        begin(here)
        children = [here.serve(), here.serve("--no-web")]
        until(lambda: rung(here) >= 5, "some calls")
        server.stop(signal.SIGKILL)
        before = here.provider.ledger()["deliveries"]
        until(lambda: here.provider.ledger()["deliveries"] > before + 5, "reports that are not kept")
        server.start()
        settled(here)
        for child in children:
            assert child.status is None, child.said()
            child.signal(signal.SIGTERM)
        assert [child.wait() for child in children] == [0, 0]
        check(here)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of some megabytes, room enough for a log and its file, in a folder, where this user may mount one."""
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("a disk that is full needs the right to mount one; the limit of a file's size is tested instead")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while file.write(b"0" * 4096):
            continue
    return filler


def is_told(here: World) -> bool:
    """Whether a process that could not write has said so, and a report was turned away."""
    said = "".join(child.said() for child in here.nursery.children)
    return any(words in said for words in FULL.split("|")) and here.provider.ledger()["pending"] > 0


@pytest.mark.sqlite
def test_calls_go_on_when_a_full_disk_has_room_again(tmp_path: Path, nursery: Nursery) -> None:
    """On a full disk nobody is called and reports are turned away, with what to do; then everything goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk), world(tmp_path, nursery, url=f"sqlite:///{disk}/ringlab.db") as here:
        begin(here)
        child = here.serve()
        until(lambda: rung(here) >= 5, "some calls")
        filler = fill(disk)
        until(lambda: is_told(here), "a word about the disk")
        fill(disk)  # what a rolled back transaction may have left
        filler.unlink()
        go_on(here, child)


@pytest.mark.sqlite
def test_calls_go_on_when_a_file_may_grow_again(tmp_path: Path, nursery: Nursery) -> None:
    """The same where a file may grow no further, as a quota has it."""
    with world(tmp_path, nursery, url=f"sqlite:///{tmp_path}/ringlab.db") as here:
        begin(here)
        child = here.serve()
        until(lambda: rung(here) >= 5, "some calls")
        before = resource.prlimit(child.number, resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))
        until(lambda: is_told(here), "a word about the disk")
        resource.prlimit(child.number, resource.RLIMIT_FSIZE, before)
        go_on(here, child)


def go_on(here: World, child: Any) -> None:
    """Everything is settled by the process that was there all the time."""
    settled(here)
    assert child.status is None, child.said()
    child.signal(signal.SIGTERM)
    assert child.wait() == 0, child.said()
    check(here)
    assert rung(here) >= PEOPLE - 2


@pytest.mark.sqlite
def test_who_is_told_to_end_finishes_what_is_in_hand(tmp_path: Path, nursery: Nursery) -> None:
    """SIGTERM while the provider thinks: the answers are waited for and written, and nothing is left half done."""
    with world(tmp_path, nursery, "--answer-ms", "400") as here:
        begin(here, pace={"per_second": 100})
        child = here.serve("--no-web")
        until(lambda: rung(here) > 0, "a request under way")
        child.signal(signal.SIGTERM)
        assert child.wait() == 0, child.said()
        with here.opened() as workspace:
            states = counts_of(workspace, STATES)
        assert states.keys() <= {"planned", "accepted"}
        assert states["accepted"] == rung(here)


@pytest.mark.sqlite
def test_who_slept_calls_nobody_too_late(tmp_path: Path, nursery: Nursery) -> None:
    """A process that is stopped with requests in hand, for longer than its lease and their time, drops them."""
    timing = {"window": "09:00-20:00", "after_order": "1s", "expires_after": "2s"}
    control = {"script": "classic", "timing": timing}
    with world(tmp_path, nursery, "--answer-ms", "150") as here:
        path = here.write("hurries", PEOPLE, orders=(4, 4), control=control, paths={}, pace={"per_second": 200})
        path.write_text(path.read_text().replace('"parallel": 8', '"parallel": 1'))
        here.done("start", str(path))
        child = here.serve()
        until(lambda: rung(here) > 1, "a request under way")
        child.signal(signal.SIGSTOP)
        with here.opened() as workspace:
            until(lambda: number_of(workspace, IN_TIME, now=int(time.time() * 1e6)) == 0, "calls whose time is over")
            child.signal(signal.SIGCONT)
            settled(here)
            states = counts_of(workspace, STATES)
        child.signal(signal.SIGTERM)
        assert child.wait() == 0, child.said()
        check(here)
        assert states["refused"] == PEOPLE - rung(here) > 0
