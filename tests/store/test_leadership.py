"""One leader among processes, whatever happens to it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import text

from engine.store.database import Database
from engine.store.leadership import LEASE, Leadership, leadership
from tests import databases, postgresql
from tests.store.makers import NOW

# A process that leads, says so, and then does as it is told on its input.
LEADER = """
import sys
from datetime import datetime
from engine.store.database import Database
from engine.store.leadership import Leadership
claim = Leadership(Database.open(sys.argv[1], create=False), "reconcile", sys.argv[2])
for line in sys.stdin:
    print(claim.leads(datetime.fromisoformat(line.strip())), flush=True)
"""


class Process:
    """Another process that wants to lead."""

    def __init__(self, url: str, holder: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LEADER, url, holder], cwd=Path(__file__).parents[2], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def leads(self, now: object = NOW) -> bool:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{now}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline() == "True\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def process(url: str, holder: str) -> Iterator[Process]:
    started = Process(url, holder)
    try:
        yield started
    finally:
        started.kill()


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = databases.here().url(tmp_path)
    Database.open(url).close()
    return url


@pytest.fixture
def database(url: str) -> Database:
    return databases.here().keep(Database.open(url))


def wait_for(claim: Leadership) -> None:
    """Ask until the server has noticed that the other leader is gone."""
    for _ in range(10_000):
        if claim.leads(NOW + LEASE):
            return
    pytest.fail("nobody leads")


def test_one_of_two_processes_leads(url: str, database: Database) -> None:
    """Who asked first leads and goes on leading; the other leads when the first gives up."""
    with process(url, "other") as other:
        with leadership(database, "reconcile", "me") as mine:
            assert mine.leads(NOW)
            assert not other.leads()
            assert mine.leads(NOW + timedelta(seconds=31))
            assert mine.leads(NOW + timedelta(seconds=80))
            assert not other.leads(NOW + timedelta(seconds=80))
        assert other.leads()


def test_duties_are_led_one_by_one(database: Database) -> None:
    """Who leads one duty does not keep others from another."""
    with leadership(database, "reconcile", "me") as mine, leadership(database, "look", "other") as other:
        assert mine.leads(NOW)
        assert other.leads(NOW)


def test_a_leader_that_was_killed_is_followed(url: str, database: Database) -> None:
    """The duty of a leader that was killed without a warning is taken over when its lease is over."""
    with process(url, "other") as other, leadership(database, "reconcile", "me") as mine:
        assert other.leads()
        assert not mine.leads(NOW)
        other.kill()
        wait_for(mine)


def test_many_ask_at_once_and_one_leads(url: str) -> None:
    """Of eight who ask at the same moment exactly one leads."""
    opened = [Database.open(url) for _ in range(8)]
    claims = [Leadership(one, "reconcile", f"p{number}") for number, one in enumerate(opened)]
    found: list[bool] = []
    threads = [Thread(target=lambda claim=claim: found.append(claim.leads(NOW))) for claim in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [False] * 7 + [True]
    for claim, one in zip(claims, opened, strict=True):
        claim.close()
        one.close()


@pytest.mark.sqlite
def test_a_clock_that_jumps_back_stops_nobody(database: Database) -> None:
    """A lease that was given by a clock that ran ahead is no lease."""
    Leadership(database, "reconcile", "ahead").leads(NOW + timedelta(days=2))
    assert Leadership(database, "reconcile", "me").leads(NOW)


@pytest.mark.postgresql
def test_a_leader_that_is_cut_off_knows_it(url: str, database: Database) -> None:
    """When the session is ended by the server, who led stops leading at once, and another may lead."""
    with process(url, "other") as other, leadership(database, "reconcile", "me") as mine:
        assert other.leads()
        assert not mine.leads(NOW)
        with database.writing() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                    "AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = "
                    "current_database())"
                )
            )
        assert mine.leads(NOW)
        assert not other.leads()


@pytest.mark.postgresql
def test_a_leader_that_hangs_is_followed(url: str, database: Database) -> None:
    """A leader that asks for nothing during its lease loses its session, and does not lead when it wakes up."""
    hung = Leadership(database, "reconcile", "hung", timedelta(milliseconds=50))
    assert hung.leads(NOW)
    with leadership(database, "reconcile", "me") as mine:
        wait_for(mine)
        assert not hung.leads(NOW)
    hung.close()


@pytest.mark.postgresql
def test_nobody_leads_while_the_server_is_down() -> None:
    """A server that does not answer is no error for who asks to lead; when it is back, one leads again."""
    with postgresql.server() as server:
        database = Database.open(server.url_of("postgres"))
        with leadership(database, "reconcile", "me") as mine:
            assert mine.leads(NOW)
            server.stop()
            assert not mine.leads(NOW)
            server.start()
            assert mine.leads(NOW)
        database.close()
