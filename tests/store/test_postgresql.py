"""What is special to PostgreSQL: its errors and their cures, crossing writers, and a server that goes away."""

from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Connection, text

from engine.errors import DatabaseError
from engine.store import connecting, roster
from engine.store.database import Database
from engine.store.locking import hold
from tests import databases, postgresql
from tests.store.makers import NOW, PUT, add_contacts, make_contact, make_database, names
from tests.together import together

pytestmark = pytest.mark.postgresql
SET = text("UPDATE marks SET value = value || 'x' WHERE name = :name")


def test_writers_that_wait_in_a_circle_are_done_one_after_the_other() -> None:
    """When the server breaks a circle of waiting writers, the one that it undid is done again, and both are kept."""
    database = make_database()
    with database.writing() as connection:
        connection.execute(PUT, {"name": "a"})
        connection.execute(PUT, {"name": "b"})
    met, tries = Barrier(2), []

    def cross(first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            tries.append(first)
            connection.execute(SET, {"name": first})
            if len(tries) <= 2:
                met.wait()
            connection.execute(SET, {"name": second})

        database.write(work)

    together(lambda: cross("a", "b"), lambda: cross("b", "a"))
    assert len(tries) >= 3
    with database.reading() as connection:
        assert connection.execute(text("SELECT value FROM marks")).scalars().all() == ["herexx", "herexx"]


def test_a_writer_waits_only_so_long(tmp_path: Path) -> None:
    """When another process keeps what is to be written, the error says so, and may be tried again."""
    url = databases.here().url(tmp_path)
    database, hasty = (databases.here().keep(Database.open(url, patience=patience)) for patience in (10, 0.05))
    with database.writing() as connection:
        hold(connection, "roster")
        with pytest.raises(DatabaseError, match="another process is writing the same rows") as caught:
            hasty.write(lambda other: roster.import_contacts(other, [make_contact(1)], NOW))
    assert caught.value.passing
    assert hasty.write(lambda other: roster.import_contacts(other, [make_contact(1)], NOW)).new == 1


def test_who_judges_waits_for_who_judges() -> None:
    """A contact that one process holds is held by another only afterwards, and enrolling does not wait for it."""
    database = make_database()
    with database.writing() as connection:
        ids = add_contacts(connection, [make_contact(1), make_contact(2)])
    with database.writing() as first:
        roster.hold(first, ids)

        def others() -> None:
            with database.writing() as second:
                second.execute(text("SET LOCAL lock_timeout = '50ms'"))
                second.execute(text("SELECT id FROM contacts FOR KEY SHARE")).all()  # as a reference to them does
                roster.hold(second, ids[:1])

        with pytest.raises(DatabaseError, match="another process is writing the same rows"):
            together(others)


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        (lambda url: url.replace("?host=", "?host=/nowhere"), "the server does not answer"),
        (lambda url: url.replace("/test", "/none"), "createdb"),
        (lambda url: url.replace("ringlab@", "nobody:secret@"), "does not let this user in"),
    ],
)
def test_a_server_that_cannot_be_used_is_explained(change: object, cure: str, tmp_path: Path) -> None:
    """A server that is away, lacks the database or refuses the user says what to do, and shows no password."""
    url = change(databases.here().url(tmp_path))  # type: ignore[operator]
    with pytest.raises(DatabaseError, match=cure) as caught:
        Database.open(url)
    assert "secret" not in str(caught.value)
    assert "ringlab database upgrade" not in str(caught.value)


def test_a_crowd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who needs more connections than a process has is told so, and may try again."""
    monkeypatch.setattr(connecting, "POOL", {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.05})
    database = databases.here().keep(Database.open(databases.here().url(tmp_path)))
    with database.reading(), pytest.raises(DatabaseError, match="every connection of this process") as caught:
        names(database)
    assert caught.value.passing
    assert names(database) == []


def test_a_cut_connection_undoes_what_was_not_committed(tmp_path: Path) -> None:
    """A connection that the server ends in the middle of a transaction is explained; the next one works."""
    url = databases.here().url(tmp_path)
    database, other = (databases.here().keep(Database.open(url)) for _ in range(2))

    def write() -> None:
        with database.writing() as connection:
            connection.execute(PUT, {"name": "a"})
            backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with other.writing() as second:
                second.execute(text("SELECT pg_terminate_backend(:backend, 10000)"), {"backend": backend})
            connection.execute(PUT, {"name": "b"})

    with pytest.raises(DatabaseError, match="connection to the server was lost") as caught:
        write()
    assert caught.value.passing
    assert names(database) == []
    with database.writing() as connection:
        connection.execute(PUT, {"name": "c"})
    assert names(database) == ["c"]


def test_a_killed_server_keeps_what_was_committed() -> None:
    """After kill -9 of the server and a start, everything committed is there, and open processes go on."""
    safe = {**postgresql.SETTINGS, "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    with postgresql.server(safe) as server:
        database = Database.open(server.url_of("postgres"))
        with database.writing() as connection:
            connection.execute(PUT, {"name": "kept"})
        server.stop(9)
        with pytest.raises(DatabaseError, match=r"does not answer|was lost") as caught:
            names(database)
        assert caught.value.passing
        server.start()
        assert names(database) == ["kept"]
        database.close()


def test_a_backup_names_the_tool(tmp_path: Path) -> None:
    """A server is copied by its own tool, which the error names."""
    with pytest.raises(DatabaseError, match="pg_dump"):
        make_database().backup(tmp_path / "copy.db")


def test_a_check_finds_an_index_that_is_not_whole() -> None:
    """An index that was left half built is found, with its cure."""
    database = make_database()
    with database.writing() as connection:
        connection.execute(text("UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = 'calls_due'::regclass"))
    assert database.check() == ("the index calls_due is not whole; run REINDEX INDEX calls_due",)


def test_no_text_stops_a_statement() -> None:
    """NUL and halves of characters, in whatever is written, are kept as U+FFFD: a provider cannot stop the server."""
    database = make_database()
    with database.writing() as connection:
        connection.execute(PUT, {"name": "a\0b\ud800"})
        connection.execute(PUT, [{"name": "c\0"}, {"name": "d"}])
    assert names(database) == ["a\ufffdb\ufffd", "c\ufffd", "d"]
