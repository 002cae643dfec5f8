"""Opening a database, its transactions, copies and health."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from engine.errors import DatabaseError
from engine.store import roster
from engine.store.database import Database
from tests.store.makers import NOW, make_contact, make_database

PUT = text("INSERT INTO marks VALUES (:name, 'here')")
NAMES = text("SELECT name FROM marks ORDER BY name")


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def names(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(NAMES).scalars())


def test_what_was_written_is_there_after_a_reopening(tmp_path: Path) -> None:
    """A new file gets the newest schema, and keeps what was committed."""
    database = Database.open(url_of(tmp_path / "a.db"))
    with database.writing() as connection:
        connection.execute(PUT, {"name": "a"})
    database.close()

    again = Database.open(url_of(tmp_path / "a.db"), create=False)
    assert names(again) == ["a"]
    assert (again.is_sqlite, again.path) == (True, tmp_path / "a.db")
    assert again.url == url_of(tmp_path / "a.db")
    again.close()


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    """A file of no bytes is an empty database."""
    (tmp_path / "a.db").touch()
    Database.open(url_of(tmp_path / "a.db")).close()
    Database.open(url_of(tmp_path / "a.db"), create=False).close()


def test_two_processes_may_create_at_once(tmp_path: Path) -> None:
    """Whoever comes second to a new database finds it made."""
    opened: list[Database] = []
    threads = [
        threading.Thread(target=lambda: opened.append(Database.open(url_of(tmp_path / "a.db")))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [names(database) for database in opened] == [[]] * 4
    for database in opened:
        database.close()


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


@pytest.mark.parametrize("memory", [True, False])
def test_an_error_undoes_everything(memory: bool, tmp_path: Path) -> None:
    """A write transaction that fails leaves nothing behind, and the next one works."""
    database = make_database() if memory else Database.open(url_of(tmp_path / "a.db"))

    def fail() -> None:
        with database.writing() as connection:
            connection.execute(PUT, {"name": "a"})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(database) == []
    with database.writing() as connection:
        connection.execute(PUT, {"name": "b"})
    assert names(database) == ["b"]
    database.close()


def test_a_reader_keeps_its_snapshot(tmp_path: Path) -> None:
    """What is written while a reader reads is seen by the next reader, and neither waits for the other."""
    database = Database.open(url_of(tmp_path / "a.db"))
    with database.reading() as reader:
        assert reader.execute(NAMES).all() == []
        with database.writing() as writer:
            writer.execute(PUT, {"name": "a"})
        assert reader.execute(NAMES).all() == []
    assert names(database) == ["a"]
    database.close()


@pytest.mark.parametrize("memory", [True, False])
def test_a_reader_cannot_write(memory: bool, tmp_path: Path) -> None:
    """A write inside `reading` fails at once instead of being lost, and is not blamed on the file."""
    database = make_database() if memory else Database.open(url_of(tmp_path / "a.db"))
    with pytest.raises(OperationalError), database.reading() as connection:
        connection.execute(PUT, {"name": "a"})
    assert names(database) == []
    database.close()


def test_a_thread_writes_one_transaction_at_a_time(tmp_path: Path) -> None:
    """A write inside a write is refused at once: it would wait for itself."""
    database = Database.open(url_of(tmp_path / "a.db"))
    with database.writing(), pytest.raises(RuntimeError, match="open already"), database.writing():
        pass
    with database.writing() as connection:
        connection.execute(PUT, {"name": "a"})
    database.close()


@pytest.mark.parametrize("memory", [True, False])
def test_threads_take_turns(memory: bool, tmp_path: Path) -> None:
    """Many threads that read and then write lose nothing of one another."""
    database = make_database() if memory else Database.open(url_of(tmp_path / "a.db"))
    with database.writing() as connection:
        connection.execute(text("INSERT INTO marks VALUES ('count', '0')"))

    def add() -> None:
        for _ in range(20):
            with database.writing() as connection:
                seen = connection.execute(text("SELECT value FROM marks")).scalar_one()
                connection.execute(text("UPDATE marks SET value = :value"), {"value": str(int(seen) + 1)})
            names(database)

    threads = [threading.Thread(target=add) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as connection:
        assert connection.execute(text("SELECT value FROM marks")).scalar() == "100"
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


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("sqlite:///{folder}/none/a.db", "mkdir -p"),
        ("sqlite:///{folder}", "is a folder"),
        ("sqlite:///file:x?uri=true", "write its path"),
        ("postgresql://user:secret@host/name", "psycopg"),
        ("postgres://user:secret@host/name", "psycopg"),
        ("mysql://user:secret@host/name", "write sqlite:///ringlab.db"),
        ("secret", "write sqlite:///ringlab.db"),
        ("postgresql://user:secret@host:port/name", "write sqlite:///ringlab.db"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong URL gives its cure, and never a password."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DatabaseError) as caught:
        Database.open(url.format(folder=tmp_path))
    assert cure in str(caught.value)
    assert "secret" not in str(caught.value)


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


def test_another_schema_is_named(tmp_path: Path) -> None:
    """An older schema says how to upgrade, a newer one asks for its release."""
    path = tmp_path / "a.db"
    Database.open(url_of(path)).close()
    for version, cure in (("0000", "run `ringlab database upgrade`"), ("9999", "newer")):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()
        with pytest.raises(DatabaseError, match=cure):
            Database.open(url_of(path))


def test_an_upgrade_starts_from_nothing_too(tmp_path: Path) -> None:
    """A database from before the first schema is refused, and upgraded by the command."""
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    connection.close()
    with pytest.raises(DatabaseError, match="run `ringlab database upgrade`"):
        Database.open(url_of(path))
    Database.upgrade(url_of(path)).close()
    Database.open(url_of(path), create=False).close()


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


def test_errors_show_no_personal_data() -> None:
    """An error of the database holds no value of the statement that failed."""
    database = make_database()
    row = {"name": "Somebody Rare"}
    with database.writing() as connection:
        connection.execute(PUT, row)
        with pytest.raises(DBAPIError) as caught:
            connection.execute(PUT, row)
    assert "Somebody Rare" not in str(caught.value)
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


def test_a_check_finds_nothing_in_a_sound_database() -> None:
    """A database that nobody meddled with passes."""
    assert make_database().check() == ()


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
