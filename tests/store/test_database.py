"""Opening a database, its transactions and its health, whichever database it is."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from engine.errors import DatabaseError
from engine.store.database import Database
from engine.store.locking import hold
from tests import databases
from tests.store.makers import NAMES, PUT, make_database, names


def open_new(folder: Path) -> Database:
    """A database that several may open at once: in memory there would be one of each."""
    return databases.here().keep(Database.open(databases.here().empty_url(folder)))


def test_what_was_written_is_there_after_a_reopening(tmp_path: Path) -> None:
    """A new database gets the newest schema, and keeps what was committed."""
    url = databases.here().empty_url(tmp_path)
    database = Database.open(url)
    with database.writing() as connection:
        connection.execute(PUT, {"name": "a"})
    database.close()

    again = Database.open(url, create=False)
    assert names(again) == ["a"]
    assert again.is_sqlite == (databases.here().kind == "sqlite")
    assert (again.path is not None) == again.is_sqlite
    again.close()


def test_two_processes_may_create_at_once(tmp_path: Path) -> None:
    """Whoever comes second to a new database finds it made."""
    url = databases.here().empty_url(tmp_path)
    opened: list[Database] = []
    threads = [threading.Thread(target=lambda: opened.append(Database.open(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [names(database) for database in opened] == [[]] * 4
    for database in opened:
        database.close()


@pytest.mark.parametrize("memory", [True, False])
def test_an_error_undoes_everything(memory: bool, tmp_path: Path) -> None:
    """A write transaction that fails leaves nothing behind, and the next one works."""
    database = make_database() if memory else open_new(tmp_path)

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


def test_a_reader_keeps_its_snapshot(tmp_path: Path) -> None:
    """What is written while a reader reads is seen by the next reader, and neither waits for the other."""
    database = open_new(tmp_path)
    with database.reading() as reader:
        assert reader.execute(NAMES).all() == []
        with database.writing() as writer:
            writer.execute(PUT, {"name": "a"})
        assert reader.execute(NAMES).all() == []
    assert names(database) == ["a"]


@pytest.mark.parametrize("memory", [True, False])
def test_a_reader_cannot_write(memory: bool, tmp_path: Path) -> None:
    """A write inside `reading` fails at once instead of being lost, and is not blamed on the database."""
    database = make_database() if memory else open_new(tmp_path)
    with pytest.raises(DBAPIError), database.reading() as connection:
        connection.execute(PUT, {"name": "a"})
    assert names(database) == []


def test_a_thread_writes_one_transaction_at_a_time(tmp_path: Path) -> None:
    """A write inside a write is refused at once: it would wait for itself."""
    database = open_new(tmp_path)
    with database.writing(), pytest.raises(RuntimeError, match="open already"), database.writing():
        pass
    with database.writing() as connection:
        connection.execute(PUT, {"name": "a"})


@pytest.mark.parametrize("memory", [True, False])
def test_threads_take_turns(memory: bool, tmp_path: Path) -> None:
    """Many threads that hold, read and then write lose nothing of one another."""
    database = make_database() if memory else open_new(tmp_path)
    with database.writing() as connection:
        connection.execute(text("INSERT INTO marks VALUES ('count', '0')"))

    def add() -> None:
        for _ in range(20):
            with database.writing() as connection:
                hold(connection, "count")
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


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("sqlite:///{folder}/none/a.db", "mkdir -p"),
        ("sqlite:///{folder}", "is a folder"),
        ("sqlite:///file:x?uri=true", "write its path"),
        ("postgresql://user:secret@host/name", "pip install 'ringlab[postgresql]'"),
        ("postgres://user:secret@host/name", "pip install 'ringlab[postgresql]'"),
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


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    """A database with other tables, or with another program's versions, is refused and not changed."""
    for statements in (
        ["CREATE TABLE songs (id INTEGER)"],
        ["CREATE TABLE alembic_version (version_num VARCHAR(32))", "INSERT INTO alembic_version VALUES ('ae10')"],
    ):
        url = databases.here().empty_url(tmp_path)
        databases.run(url, *statements)
        before = databases.tables_of(url)
        with pytest.raises(DatabaseError, match="not a Ringlab database"):
            Database.open(url)
        assert databases.tables_of(url) == before


def test_an_empty_database_is_not_one(tmp_path: Path) -> None:
    """Looking for a database that nobody filled says how one is made."""
    with pytest.raises(DatabaseError, match="import contacts or start an experiment first"):
        Database.open(databases.here().empty_url(tmp_path), create=False)


def test_another_schema_is_named(tmp_path: Path) -> None:
    """An older schema says how to upgrade, a newer one asks for its release."""
    url = databases.here().empty_url(tmp_path)
    Database.open(url).close()
    for version, cure in (("0000", "run `ringlab database upgrade`"), ("9999", "newer")):
        databases.run(url, f"UPDATE alembic_version SET version_num = '{version}'")
        with pytest.raises(DatabaseError, match=cure):
            Database.open(url)


def test_an_upgrade_starts_from_nothing_too(tmp_path: Path) -> None:
    """A database from before the first schema is refused, and upgraded by the command."""
    url = databases.here().empty_url(tmp_path)
    databases.run(url, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    with pytest.raises(DatabaseError, match="run `ringlab database upgrade`"):
        Database.open(url)
    Database.upgrade(url).close()
    Database.open(url, create=False).close()


def test_errors_show_no_personal_data() -> None:
    """An error of the database holds no value of the statement that failed, nor of the row that stood in its way."""
    database = make_database()
    row = {"name": "Somebody Rare"}
    with database.writing() as connection:
        connection.execute(PUT, row)
    with pytest.raises(DBAPIError) as caught, database.writing() as connection:
        connection.execute(PUT, row)
    failure: BaseException | None = caught.value
    while failure is not None:
        assert "Somebody Rare" not in f"{failure!s} {failure!r}"
        failure = failure.__cause__ or failure.__context__


def test_a_check_finds_nothing_in_a_sound_database() -> None:
    """A database that nobody meddled with passes."""
    assert make_database().check() == ()


def test_work_that_fails_is_not_done_twice() -> None:
    """Only what other processes crossed is tried again; an error of the work itself comes out at once."""
    database, tries = make_database(), []

    def work(connection: object) -> None:
        tries.append(1)
        raise KeyError

    with pytest.raises(KeyError):
        database.write(work)
    assert len(tries) == 1
    assert database.write(lambda connection: connection.execute(PUT, {"name": "a"}).rowcount) == 1
    assert names(database) == ["a"]
