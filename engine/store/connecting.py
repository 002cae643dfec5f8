"""How each database is reached: its URL, its driver, what every connection is told, and what its errors mean.

Personal data is in the parameters of statements, so that no error shows them.
"""

import importlib.util
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as NoneFree

from engine.errors import DatabaseError
from engine.store.texts import storable

FORMS: Final = "write sqlite:///ringlab.db or postgresql://user@host/name"
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
POOL: Final = {"pool_size": 5, "max_overflow": 25, "pool_timeout": 30.0, "pool_pre_ping": True}
# A process whose network is gone is noticed on both sides within half a minute, and its locks are let go; one that
# sleeps inside a transaction loses it after two.
KEPT_ALIVE: Final = {
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000,
    "application_name": "ringlab",
}  # fmt: skip
SESSION: Final = {
    "tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "120s",
}  # fmt: skip
# What SQLite says, and what a person does about it.
SQLITE_CURES: Final = {
    "database is locked": "another process is writing to it; end that process or try again",
    "disk is full": "the disk is full; make room and try again, nothing was half written",
    "readonly database": "it cannot be written; give this user the right to write the file and its folder",
    "unable to open": "it cannot be opened; check that it is a file and that this user may read and write it",
    "disk i/o error": "the disk does not read or write; check the disk, then restore a backup if need be",
    "not a database": "it is not a SQLite database; name another file",
    "malformed": "it is damaged; restore a backup",
}
LOST: Final = "the connection to the server was lost; what was not committed is undone, try again when it answers"
CROSSED: Final = "another process changed the same rows at the same time; nothing was written, try again"
UNREACHABLE: Final = "connection failed: the server does not answer; check its address and that it runs"
# What PostgreSQL says by its codes, the longest that fits first.
SQLSTATE_CURES: Final = {
    "3D000": "the server has no such database; make it first: createdb NAME",
    "28": "the server does not let this user in; check the user, the password and the server's pg_hba.conf",
    "42501": "this user may not do that; let the user own the database, or grant it the rights",
    "55P03": "another process is writing the same rows; end that process or try again",
    "40": CROSSED,
    "53100": "the server's disk is full; make room and try again, nothing was half written",
    "53300": "the server has no connection left; raise max_connections, run fewer processes, or put a pooler before it",
    "53": "the server lacks memory or another resource; make room and try again, nothing was half written",
    "25006": "the server only reads, as a standby does; name the primary",
    "25P03": "this process slept inside a transaction, which the server has undone; try again",
    "57P": LOST,
    "08": LOST,
    "58": "the server cannot read or write its files; check its disk and its log",
    "XX00": "the server found its files damaged; check its log and restore a backup",
}
# What is said before there is a session to say a code in.
CONNECT_SIGNS: Final = {
    'role "': "28", "does not exist": "3D000", "authentication failed": "28", "no pg_hba.conf": "28",
    "too many clients": "53300", "remaining connection slots": "53300",
}  # fmt: skip
PASSING: Final = ("40", "55P03", "57P", "08", "25P03", "53300")
NONE_FREE: Final = "every connection of this process is in use; try again, or run more processes"


def parsed(url: str) -> URL:
    """The URL with the driver that Ringlab uses; no error shows it, for it may hold a password."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise DatabaseError(f"the database URL cannot be read; {FORMS}") from None
    if found.drivername in ("sqlite", "sqlite+pysqlite"):
        if (found.database or "").startswith("file:"):
            raise DatabaseError("the database URL names a file by URI; write its path, as in sqlite:///ringlab.db")
        return found.set(drivername="sqlite+pysqlite")
    if found.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        if importlib.util.find_spec("psycopg") is None:
            raise DatabaseError(
                "PostgreSQL needs the driver psycopg, which is not installed; run pip install 'ringlab[postgresql]', "
                "or use sqlite:///ringlab.db"
            )
        return found.set(drivername="postgresql+psycopg")
    raise DatabaseError(f"Ringlab does not know {found.drivername!r} databases; {FORMS}")


def require_place(path: Path) -> None:
    """Raise DatabaseError where no file can be."""
    if path.is_dir():
        raise DatabaseError(f"{path} is a folder; name a file, as in sqlite:///{path}/ringlab.db")
    if not path.absolute().parent.is_dir():
        raise DatabaseError(f"the folder {path.parent} does not exist; make it first: mkdir -p {path.parent}")


def engine_of(url: URL, patience: float, in_memory: bool) -> Engine:
    """The engine of a database; `patience` is how many seconds a write waits for others."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, patience, in_memory)
    return _postgresql(url, patience)


def _postgresql(url: URL, patience: float) -> Engine:
    told = SESSION | {"lock_timeout": f"{max(1, round(patience * 1000))}ms"}
    asked = url.query.get("options", "")
    options = [*([asked] if isinstance(asked, str) else asked), *(f"-c {name}={value}" for name, value in told.items())]
    arguments = {"connect_timeout": max(2, round(patience)), **KEPT_ALIVE, "options": " ".join(options).strip()}
    engine = create_engine(url, hide_parameters=True, connect_args=arguments, **POOL)

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        # A database of another encoding could not hold people's names.
        if connection.info.parameter_status("server_encoding") != "UTF8":
            raise DatabaseError(
                f"{shown(url)} is not in UTF-8; make it with createdb --encoding UTF8 --template template0"
            )

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _asked(_c: object, _r: object, statement: str, values: Any, _x: object, many: bool) -> tuple[str, Any]:
        return statement, [_storable(row) for row in values] if many else _storable(values)

    @event.listens_for(engine, "handle_error")
    def _failed(context: ExceptionContext) -> None:
        _say_no_values(context.original_exception, context.sqlalchemy_exception)

    return engine


def _storable(values: Any) -> Any:
    """Parameters without what the server refuses in text."""
    if not isinstance(values, Mapping):
        return values
    return {name: storable([value])[0] if isinstance(value, str) else value for name, value in values.items()}


def _say_no_values(original: BaseException, shown_as: StatementError | None) -> None:
    """Leave the values of rows out of what the server says, which its details and its complaints about data quote."""
    diagnosis = getattr(original, "diag", None)
    if diagnosis is None or not diagnosis.sqlstate:
        return
    quotes = diagnosis.sqlstate.startswith("22")
    said = f"data that the server refuses ({diagnosis.sqlstate})" if quotes else diagnosis.message_primary
    original.args = (said,)
    if shown_as is not None:
        shown_as.args = (f"({type(original).__name__}) {said}",)


def _sqlite(url: URL, patience: float, in_memory: bool) -> Engine:
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


def shown(url: URL) -> str:
    """A URL as messages name it: no password, no driver, no options."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string(hide_password=True)


def explained(error: BaseException, url: str, *, writing: bool) -> DatabaseError | None:
    """What a failure of the database means and what to do; None where it is a mistake of ours.

    A full disk ends the whole transaction, and then undoing a part of it fails too: the first error tells.
    """
    found: DatabaseError | None = None
    failure: BaseException | None = error
    while failure is not None:
        if isinstance(failure, NoneFree):
            found = DatabaseError(f"{url}: {NONE_FREE}", passing=True)
        elif isinstance(failure, DBAPIError) and failure.orig is not None:
            found = _explained(failure, url, writing) or found
        failure = failure.__context__
    return found


def _explained(failure: DBAPIError, url: str, writing: bool) -> DatabaseError | None:
    if isinstance(failure.orig, sqlite3.Error):
        said = str(failure.orig).lower()
        for sign, cure in SQLITE_CURES.items():
            # A write inside `reading` fails in the words of a file without rights, and is a mistake of ours.
            if sign in said and (writing or sign != "readonly database"):
                return DatabaseError(f"{url}: {cure}", passing=sign == "database is locked")
        return None
    code = getattr(failure.orig, "sqlstate", None) or ""
    if not code:
        return _without_code(failure, url)
    for start, cure in sorted(SQLSTATE_CURES.items(), key=lambda pair: -len(pair[0])):
        if code.startswith(start) and (writing or start != "25006"):
            return DatabaseError(f"{url}: {cure}", passing=code.startswith(PASSING))
    return None


def _without_code(failure: DBAPIError, url: str) -> DatabaseError | None:
    """A failure that the server did not name: it was not reached, or was lost; else a mistake of ours."""
    import psycopg

    if not isinstance(failure.orig, psycopg.OperationalError):
        return None
    said = str(failure.orig).lower()
    if failure.connection_invalidated:
        return DatabaseError(f"{url}: {LOST}", passing=True)
    for sign, code in CONNECT_SIGNS.items():
        if sign in said:
            return DatabaseError(f"{url}: {SQLSTATE_CURES[code]}", passing=code.startswith(PASSING))
    starting = "starting up" in said or "shutting down" in said or "closed the connection" in said
    return DatabaseError(f"{url}: {LOST if starting else UNREACHABLE}", passing=True)
