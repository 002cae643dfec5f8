"""Buckets as facts of the database: several processes have one pace."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.buckets import Rate
from engine.store import buckets
from engine.store.buckets import Rest, Signal
from engine.store.database import Database
from tests.store.makers import NOW, make_database

RATES = {"experiment:gift": Rate(5, 10), "account:line/1": Rate(3, 4)}
TAKER = """
import sys
from datetime import UTC, datetime
from engine.core.buckets import Rate
from engine.store import buckets
from engine.store.database import Database
database, total = Database.open(sys.argv[1]), 0
for _ in range(40):
    with database.writing() as connection:
        total += buckets.take(connection, {"account:x": Rate(20, 5)}, 3, datetime.now(UTC))
print(total)
"""


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(0, 20)), max_size=20))
def test_the_pace_of_the_slowest_bucket_holds(asked):
    """Every bucket grants what the slowest has, at any instants, clocks that go back among them."""
    database, total = make_database(), 0
    for second, wanted in asked:
        with database.writing() as connection:
            total += buckets.take(connection, RATES, wanted, NOW + timedelta(seconds=second))
    instants = [second for second, _ in asked] or [0]
    assert total <= 3 * (max(instants) - min(instants)) + 4
    database.close()


def test_processes_share_one_pace(tmp_path: Path) -> None:
    """Three processes that take as fast as they can get together what the pace allows one."""
    url = f"sqlite:///{tmp_path / 'ringlab.db'}"
    Database.open(url).close()

    def run(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", TAKER, url], check=True, capture_output=True, text=True, timeout=120
        ).stdout

    with ThreadPoolExecutor(3) as pool:
        granted = [int(text) for text in pool.map(run, range(3))]
    database = Database.open(url)
    with database.reading() as connection:
        kept = buckets.read(connection, ["account:x"])["account:x"]
    database.close()
    assert 5 <= sum(granted) <= 5 + 20 * (kept.filled_at - kept.began_at).total_seconds() + 1


def test_what_room_says_is_what_take_grants() -> None:
    """Looking takes nothing, and says what is granted when nobody else takes."""
    database = make_database()
    with database.writing() as connection:
        assert buckets.room(connection, RATES, NOW) == 4
        assert buckets.room(connection, RATES, NOW) == 4
        assert buckets.take(connection, RATES, 10, NOW) == 4
        assert buckets.room(connection, RATES, NOW) == 0
        later = NOW + timedelta(seconds=1)
        assert buckets.room(connection, RATES, later) == buckets.take(connection, RATES, 10, later) == 3
    database.close()


def test_a_rest_is_kept_until_it_is_cleared() -> None:
    """A bucket that rests grants nothing; cleared by hand it grants at once, even where a clock was ahead."""
    database = make_database()
    with database.writing() as connection:
        ahead = NOW + timedelta(days=400)
        assert buckets.take(connection, RATES, 1, ahead) == 1
        kept = Rest("account:line/1", "technical", NOW, NOW + timedelta(minutes=5), 5, 1)
        buckets.rest(connection, kept, began=NOW)
        assert buckets.rests(connection) == buckets.rests(connection, ["account:line/1"]) == [kept]
        assert buckets.take(connection, RATES, 10, NOW) == 0
        buckets.clear(connection, list(RATES), NOW)
        assert buckets.rests(connection) == []
        assert buckets.take(connection, RATES, 10, NOW + timedelta(seconds=1)) == 3
    database.close()


def test_the_latest_signals_come_first() -> None:
    """Signals of a bucket are told apart by kind and name, newest first, and old ones are let go."""
    database = make_database()
    with database.writing() as connection:
        for minute in range(buckets.SWEEP_EVERY):
            told = Signal("technical", "account:a", NOW + timedelta(minutes=minute), 2, 1)
            buckets.tell(connection, told, oldest=told.at - timedelta(minutes=10))
        buckets.tell(connection, Signal("high_risk", "account:a", NOW, 1, 1), oldest=NOW)
        found = buckets.heard(connection, "technical", "account:a", NOW, 1000)
        assert [one.at for one in found] == sorted((one.at for one in found), reverse=True)
        assert len(found) == 11
        assert len(buckets.heard(connection, "technical", "account:b", NOW, 10)) == 0
    database.close()
