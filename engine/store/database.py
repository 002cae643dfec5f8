"""One database: opening it, its transactions, its upgrades, its copies and its health.

SQLite is the default: write-ahead logging, one writer at a time, readers never wait. Personal data is in
the parameters of statements, so that no error shows them.
"""

import importlib.util
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlmodel import SQLModel

from engine.errors import DatabaseError
from engine.store import tables

NEWEST: Final = "0004"
VERSIONS_TABLE: Final = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
PATIENCE: Final = 10.0
PRAGMAS: Final = (
    "foreign_keys = ON",
    "synchronous = NORMAL",
    "temp_store = MEMORY",
    "cache_size = -65536",
    "mmap_size = 268435456",
    "journal_size_limit = 67108864",
    "wal_autocheckpoint = 8192",  # pages; large batches touch the same pages again and again
    "secure_delete = FAST",  # what is erased does not stay readable in the file
)
# What SQLite says, and what a person does about it.
CURES: Final = {
    "database is locked": "another process is writing to it; end that process or try again",
    "disk is full": "the disk is full; make room and try again, nothing was half written",
    "readonly database": "it cannot be written; give this user the right to write the file and its folder",
    "unable to open": "it cannot be opened; check that it is a file and that this user may read and write it",
    "disk i/o error": "the disk does not read or write; check the disk, then restore a backup if need be",
    "not a database": "it is not a SQLite database; name another file",
    "malformed": "it is damaged; restore a backup",
    "connection failed": "the server does not answer; check its address and that it runs",
}


class Database:
    """An open database of the newest schema. `url` shows no password; `path` is None where there is no file."""

    def __init__(self, url: URL, patience: float) -> None:
        self.is_sqlite: Final = url.get_backend_name() == "sqlite"
        in_memory = self.is_sqlite and url.database in (None, "", ":memory:")
        self.path: Final = Path(url.database) if self.is_sqlite and url.database and not in_memory else None
        self.url: Final = url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)
        self._in_memory = in_memory
        self._writer = threading.RLock()
        self._thread = threading.local()
        self._engine = _engine(url, patience, in_memory)

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
        parsed = _parsed(url)
        database = cls(parsed, patience)
        if database.path is not None:
            _require_place(database.path)
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
        """One write transaction: committed at the end, rolled back on an error; one at a time in a process."""
        if getattr(self._thread, "writer", None) is not None:
            raise RuntimeError("this thread has a write transaction open already")
        with (
            self._writer,
            self._explained(writing=True),
            self._engine.connect() as connection,
            connection.execution_options(writing=True).begin(),
        ):
            self._thread.writer = connection
            try:
                yield connection
            finally:
                self._thread.writer = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot to read from; it refuses to write."""
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

    @contextmanager
    def _explained(self, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            # A full disk ends the whole transaction, and then undoing a part of it fails too: the first error tells.
            first: BaseException | None = error
            while first is not None:
                said = str(first.orig).lower() if isinstance(first, DBAPIError) else ""
                for sign, cure in CURES.items():
                    # A write inside `reading` fails in the words of a file without rights, and is a mistake of ours.
                    if sign in said and (writing or sign != "readonly database"):
                        raise DatabaseError(f"{self.url}: {cure}") from error.orig
                first = first.__context__
            raise

    def backup(self, path: Path) -> None:
        """A whole, consistent copy at `path` while others write; raises DatabaseError when `path` exists."""
        if not self.is_sqlite:
            raise DatabaseError(f"{self.url} is not SQLite; copy it with pg_dump")
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
            return (*found, *violations(connection))

    def close(self) -> None:
        """Let go of the file; the database must not be used afterwards."""
        self._engine.dispose()


def _parsed(url: str) -> URL:
    """The URL with the driver that Ringlab uses; no error shows it, for it may hold a password."""
    forms = "write sqlite:///ringlab.db or postgresql://user@host/name"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseError(f"the database URL cannot be read; {forms}") from None
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if (parsed.database or "").startswith("file:"):
            raise DatabaseError("the database URL names a file by URI; write its path, as in sqlite:///ringlab.db")
        return parsed.set(drivername="sqlite+pysqlite")
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        if importlib.util.find_spec("psycopg") is None:
            raise DatabaseError("PostgreSQL needs the driver psycopg, which is not installed; use sqlite:///ringlab.db")
        return parsed.set(drivername="postgresql+psycopg")
    raise DatabaseError(f"Ringlab does not know {parsed.drivername!r} databases; {forms}")


def _require_place(path: Path) -> None:
    if path.is_dir():
        raise DatabaseError(f"{path} is a folder; name a file, as in sqlite:///{path}/ringlab.db")
    if not path.absolute().parent.is_dir():
        raise DatabaseError(f"the folder {path.parent} does not exist; make it first: mkdir -p {path.parent}")


def _engine(url: URL, patience: float, in_memory: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    arguments = {"check_same_thread": False, "timeout": patience, "cached_statements": 256}
    if in_memory:
        engine = create_engine(url, hide_parameters=True, connect_args=arguments, poolclass=StaticPool)
    else:
        engine = create_engine(url, hide_parameters=True, connect_args=arguments, max_overflow=-1)

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, never by the driver
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writing else 'ON'}")
        if writing:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif not in_memory:
            connection.exec_driver_sql("BEGIN")

    return engine


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    command.upgrade(config, "head")
