"""What is special to SQLite: its file, its pragmas, its copies and its damages."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.errors import DatabaseError
from engine.store import roster
from engine.store.database import Database
from tests.store.makers import NAMES, NOW, PUT, make_contact, make_database, names

pytestmark = pytest.mark.sqlite


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    """A file of no bytes is an empty database."""
    (tmp_path / "a.db").touch()
    Database.open(url_of(tmp_path / "a.db")).close()
    Database.open(url_of(tmp_path / "a.db"), create=False).close()


def test_the_pragmas_hold(tmp_path: Path) -> None:
    """Every connection to SQLite writes ahead, waits for others and keeps references whole."""
    database = Database.open(url_of(tmp_path / "a.db"))
    with database.reading() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys", "temp_store", "cache_size")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 1,
        "busy_timeout": 10_000,
        "foreign_keys": 1,
        "temp_store": 2,
        "cache_size": -65536,
    }
    database.close()


def test_a_database_in_memory_nests() -> None:
    """In memory, a reader inside a writer sees what is being written, and a writer inside a reader commits."""
    database = make_database()
    with database.writing() as writer:
        writer.execute(PUT, {"name": "a"})
        assert names(database) == ["a"]
    with database.reading() as reader:
        assert reader.execute(NAMES).scalars().all() == ["a"]
        with database.writing() as writer:
            writer.execute(PUT, {"name": "b"})
    assert names(database) == ["a", "b"]
    assert database.path is None
    database.close()


def test_absent_is_not_made_unasked(tmp_path: Path) -> None:
    """Looking for a database makes no file, and an empty file is not one."""
    path = tmp_path / "a.db"
    with pytest.raises(DatabaseError, match="import contacts or start an experiment first"):
        Database.open(url_of(path), create=False)
    assert not path.exists()
    path.touch()
    with pytest.raises(DatabaseError, match="there is no Ringlab database"):
        Database.open(url_of(path), create=False)


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    """A database with other tables, or no database at all, is refused and not changed by a byte."""
    for name, script in (
        ("theirs.db", "CREATE TABLE songs (id)"),
        ("alembic.db", "CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('ae10')"),
    ):
        with sqlite3.connect(tmp_path / name) as connection:
            connection.executescript(script)
        connection.close()
    (tmp_path / "text.db").write_text("key,phone\n" * 500)
    for name in ("theirs.db", "alembic.db", "text.db"):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(DatabaseError, match="not a"):
            Database.open(url_of(tmp_path / name))
        assert (tmp_path / name).read_bytes() == before


def test_a_locked_database_is_explained(tmp_path: Path) -> None:
    """When another process keeps writing, the error says so, without a statement."""
    database = Database.open(url_of(tmp_path / "a.db"), patience=0)
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseError, match="another process is writing") as caught, database.writing():
        pass
    assert "BEGIN" not in str(caught.value)
    other.close()
    with database.writing() as connection:
        connection.execute(PUT, {"name": "a"})
    database.close()


def test_a_full_disk_is_explained(tmp_path: Path) -> None:
    """When the disk is full, the error says so, and nothing is half written."""
    database = Database.open(url_of(tmp_path / "a.db"))
    people = [make_contact(number) for number in range(5000)]

    def fill() -> None:
        with database.writing() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar_one()
            connection.execute(text(f"PRAGMA max_page_count = {pages + 20}"))
            roster.import_contacts(connection, people, NOW)

    with pytest.raises(DatabaseError, match="make room and try again"):
        fill()
    with database.reading() as connection:
        assert roster.count(connection) == 0
    database.close()


def test_a_backup_is_whole_while_others_write(tmp_path: Path) -> None:
    """A copy holds everything that was committed when it was made, and opens as a database."""
    database = Database.open(url_of(tmp_path / "a.db"))
    with database.writing() as connection:
        connection.execute(PUT, {"name": "before"})
    with database.writing() as connection:
        connection.execute(PUT, {"name": "unfinished"})
        database.backup(tmp_path / "copy.db")
    copy = Database.open(url_of(tmp_path / "copy.db"), create=False)
    assert names(copy) == ["before"]
    assert copy.check() == ()
    copy.close()
    database.close()


def test_a_backup_overwrites_nothing(tmp_path: Path) -> None:
    """A file that exists is never overwritten, and a place that cannot be written is named."""
    database = make_database()
    (tmp_path / "mine.db").write_text("mine")
    with pytest.raises(DatabaseError, match="never overwrites"):
        database.backup(tmp_path / "mine.db")
    with pytest.raises(DatabaseError, match="cannot be written"):
        database.backup(tmp_path / "none" / "copy.db")
    assert (tmp_path / "mine.db").read_text() == "mine"
    database.close()


def test_a_check_finds_a_damaged_file(tmp_path: Path) -> None:
    """A damaged page is found, and the error or the finding says so."""
    path = tmp_path / "a.db"
    database = Database.open(url_of(path))
    with database.writing() as connection:
        roster.import_contacts(connection, [make_contact(number) for number in range(3000)], NOW)
    database.close()
    raw = bytearray(path.read_bytes())
    raw[len(raw) - 8192 :] = b"\x5a" * 8192
    path.write_bytes(bytes(raw))

    damaged = Database.open(url_of(path))
    try:
        found = " ".join(damaged.check())
    except DatabaseError as error:
        found = str(error)
    assert "damaged" in found
    damaged.close()


def test_a_check_finds_a_lost_reference(tmp_path: Path) -> None:
    """A row whose contact is absent is found, although foreign keys were off when it was made."""
    path = tmp_path / "a.db"
    database = Database.open(url_of(path))
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO refusals VALUES (1, 1, 'window', 0)")
    connection.close()
    assert "belongs to a row of contacts that is absent" in " ".join(database.check())
    database.close()


def test_opening_loads_no_migrations(tmp_path: Path) -> None:
    """Opening, and even making, a database does not load Alembic."""
    program = f"""
import sys
from engine.store.database import Database
Database.open({url_of(tmp_path / "a.db")!r}).close()
sys.exit("alembic" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
