"""One database: opening it, its transactions, its upgrades, its copies and its health.

SQLite is the default: write-ahead logging, one writer at a time, readers never wait. On PostgreSQL many processes
write at once: who reads in order to write holds what was read until the transaction ends (`engine.store.locking`).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlmodel import SQLModel

from engine.errors import DatabaseError
from engine.store import tables
from engine.store.connecting import engine_of, explained, parsed, require_place, shown
from engine.store.locking import hold

NEWEST: Final = "0006"
VERSIONS_TABLE: Final = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
PATIENCE: Final = 10.0
TRIES: Final = 5
UNSOUND: Final = """
    SELECT 'the index ' || relname || ' is not whole; run REINDEX INDEX ' || relname
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE NOT indisvalid
    UNION ALL SELECT 'the key ' || conname || ' of ' || conrelid::regclass || ' was never checked; run ALTER TABLE '
    || conrelid::regclass || ' VALIDATE CONSTRAINT ' || conname FROM pg_constraint WHERE NOT convalidated ORDER BY 1"""
READ: Final = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
T = TypeVar("T")


class Database:
    """An open database of the newest schema. `url` shows no password; `path` is None where there is no file."""

    def __init__(self, url: URL, patience: float) -> None:
        self.is_sqlite: Final = url.get_backend_name() == "sqlite"
        in_memory = self.is_sqlite and url.database in (None, "", ":memory:")
        self.path: Final = Path(url.database) if self.is_sqlite and url.database and not in_memory else None
        self.name: Final = "memory" if in_memory else Path(url.database or "").stem  # what files beside it are named by
        self.url: Final = shown(url)
        self._in_memory = in_memory
        self._writer = threading.RLock()
        self._thread = threading.local()
        self._engine = engine_of(url, patience, in_memory)

    @classmethod
    def open(cls, url: str, *, create: bool = True, patience: float = PATIENCE) -> "Database":
        """The database at `url`, made when it is absent or empty and `create` is true.

        `patience` is how many seconds a write waits for other processes. Raises DatabaseError when it
        cannot be used as it is: no folder, no driver, another schema, not Ringlab's.
        """
        return cls._opened(url, create, patience, upgrade=False)

    @classmethod
    def upgrade(cls, url: str, *, patience: float = PATIENCE) -> "Database":
        """The database at `url`, brought to the newest schema in one transaction, and opened."""
        return cls._opened(url, True, patience, upgrade=True)

    @classmethod
    def _opened(cls, url: str, create: bool, patience: float, upgrade: bool) -> "Database":
        database = cls(parsed(url), patience)
        if database.path is not None:
            require_place(database.path)
        try:
            database._make_ready(create, upgrade)
        except BaseException:
            database.close()
            raise
        return database

    def _make_ready(self, create: bool, upgrade: bool) -> None:
        absent = self.path is not None and not self.path.exists()  # connecting would make the file
        version = None
        if create or not absent:
            with self.reading() as connection:
                version = self._version(connection)
        if version is None and not create:
            raise DatabaseError(
                f"there is no Ringlab database at {self.url}; import contacts or start an experiment first, "
                "or name another with RINGLAB_DATABASE_URL"
            )
        if version == NEWEST:
            return
        if version is not None and version > NEWEST:
            raise DatabaseError(
                f"{self.url} has schema {version}, newer than this release's {NEWEST}; "
                "install the release that wrote it"
            )
        if version is not None and not upgrade:
            raise DatabaseError(f"{self.url} has an older schema than this release; run `ringlab database upgrade`")
        if self.path is not None:
            with self._explained(), self._engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
        with self.writing() as connection:
            hold(connection, "schema")
            if upgrade:
                _migrate(connection)
            elif self._version(connection) is None:  # asked again: another process may have been first
                SQLModel.metadata.create_all(connection, checkfirst=False)
                connection.execute(text(VERSIONS_TABLE))
                connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": NEWEST})

    def _version(self, connection: Connection) -> str | None:
        """The schema's version, "" before the first; None for an empty database."""
        names = set(inspect(connection).get_table_names())
        if not names:
            return None
        if "alembic_version" in names:
            version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
            ours = tables.ContactRow.__tablename__ in names and version.isdigit()
            if ours or (version == "" and names == {"alembic_version"}):
                return str(version)
        raise DatabaseError(f"{self.url} is not a Ringlab database; name another with RINGLAB_DATABASE_URL")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One write transaction: committed at the end, rolled back on an error.

        On SQLite there is one at a time. On PostgreSQL a statement sees what others committed before it began.
        """
        if getattr(self._thread, "writer", None) is not None:
            raise RuntimeError("this thread has a write transaction open already")
        with (
            self._turn(),
            self._explained(writing=True),
            self._engine.connect() as connection,
            connection.execution_options(writing=True).begin(),
        ):
            self._thread.writer = connection
            try:
                yield connection
            finally:
                self._thread.writer = None

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do work in one write transaction, all of it again when other processes crossed it.

        The work may be done several times and must have no effect but on the database.
        """
        for left in reversed(range(TRIES)):
            try:
                with self.writing() as connection:
                    return work(connection)
            except DatabaseError as error:
                if not (left and _crossed(error)):
                    raise
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        with self._writer:
            yield

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot to read from; it refuses to write."""
        if not self.is_sqlite:
            with self._explained(), self._engine.connect() as connection:
                yield connection.execution_options(**READ)
            return
        if not self._in_memory:
            with self._explained(), self._engine.connect() as connection:
                yield connection
            return
        # One connection is all that a database in memory has: threads take turns.
        with self._writer, self._explained():
            writer = getattr(self._thread, "writer", None)
            if writer is not None:
                yield writer
                return
            with self._engine.connect() as connection:
                yield connection

    def session(self, *, idle: timedelta) -> Connection:
        """A connection of its own on a server, for what is held longer than a transaction; closed by who asked.

        The server ends it when nothing is asked of it for as long as `idle`.
        """
        with self._explained():
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            connection.execute(text(f"SET idle_session_timeout = {int(idle.total_seconds() * 1000)}"))
        return connection

    @contextmanager
    def _explained(self, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, NoneFree) as error:
            found = explained(error, self.url, writing=writing)
            if found is None:
                raise
            raise found from getattr(error, "orig", None)

    def backup(self, path: Path) -> None:
        """A whole, consistent copy at `path` while others write; raises DatabaseError when `path` exists."""
        if not self.is_sqlite:
            raise DatabaseError(f"{self.url} is not SQLite; copy it with pg_dump -Fc -f {path} and the database's URL")
        import sqlite3

        try:
            path.touch(mode=0o600, exist_ok=False)
        except FileExistsError:
            raise DatabaseError(f"{path} exists already; a backup never overwrites, name another file") from None
        except OSError as error:
            raise DatabaseError(f"{path} cannot be written: {error.strerror}; name another file") from error
        try:
            with self.reading() as connection:
                target = sqlite3.connect(path)
                try:
                    source: Any = connection.connection.driver_connection
                    source.backup(target)
                finally:
                    target.close()
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, sqlite3.Error):
                raise DatabaseError(f"{path} could not be written whole ({error}); make room and try again") from error
            raise

    def check(self) -> tuple[str, ...]:
        """Everything wrong with the file and with the facts in it, as sentences; empty when all is well."""
        from engine.store.invariants import violations

        found: list[str] = []
        with self.reading() as connection:
            if self.is_sqlite:
                said = connection.execute(text("PRAGMA integrity_check")).scalars().all()
                found += [f"the file is damaged: {line}" for line in said if line != "ok"]
                orphans = connection.execute(text("PRAGMA foreign_key_check")).all()
                found += [f"row {row[1]} of {row[0]} belongs to a row of {row[2]} that is absent" for row in orphans]
            else:
                found += connection.execute(text(UNSOUND)).scalars().all()
            return (*found, *violations(connection))

    def close(self) -> None:
        """Let go of the file; the database must not be used afterwards."""
        self._engine.dispose()


def _crossed(error: DatabaseError) -> bool:
    return str(getattr(error.__cause__, "sqlstate", None) or "").startswith("40")


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    command.upgrade(config, "head")
