"""Databases for tests, of the kind that a test is asked about: SQLite, or PostgreSQL beside it.

Every test of the store and of the steps is asked of both, and so is one that is marked `databases`; one that is
marked `sqlite` or `postgresql` is about that database alone. Makers ask here, so that a test does not know which
it runs on.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import inspect, text

from engine.store.connecting import engine_of, parsed
from engine.store.database import Database
from tests import postgresql

KINDS: Final = ("sqlite", "postgresql")
SUITES: Final = ("tests/store/", "tests/steps/")
_numbers = count()


class Place:
    """Where the databases of one test are kept."""

    def __init__(self, kind: str, server: postgresql.Server | None = None) -> None:
        self.kind, self.server = kind, server
        self._of_folders: dict[Path, str] = {}
        self._names: list[str] = []
        self._opened: list[Database] = []

    def _new(self, template: str) -> str:
        assert self.server is not None
        name = f"test_{os.getpid()}_{next(_numbers)}"
        with self.server.connection("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        self._names.append(name)
        return self.server.url_of(name)

    def empty_url(self, folder: Path) -> str:
        """The URL of a database with nothing in it, not even a schema; on SQLite a file of this folder."""
        if self.server is None:
            return f"sqlite:///{folder / f'{next(_numbers)}.db'}"
        return self._new("template1")

    def url(self, folder: Path) -> str:
        """The URL of this folder's database, the same whenever it is asked."""
        if self.server is None:
            return f"sqlite:///{folder / 'ringlab.db'}"
        folder = folder.resolve()
        if folder not in self._of_folders:
            self._of_folders[folder] = self._new(postgresql.TEMPLATE)
        return self._of_folders[folder]

    def database(self) -> Database:
        """A new database with the newest schema, closed after the test."""
        url = "sqlite://" if self.server is None else self._new(postgresql.TEMPLATE)
        self._opened.append(Database.open(url))
        return self._opened[-1]

    def keep(self, database: Database) -> Database:
        """Close a database after the test."""
        self._opened.append(database)
        return database

    def sweep(self, names: int = 0, opened: int = 0) -> None:
        """Close and drop the databases that were made after the first so many."""
        for database in self._opened[opened:]:
            database.close()
        del self._opened[opened:]
        if self.server is None or not self._names[names:]:
            return
        with self.server.connection("postgres") as connection:
            for name in self._names[names:]:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        del self._names[names:]

    @contextmanager
    def swept(self) -> Iterator[None]:
        """Leave no database behind that is made inside."""
        names, opened = len(self._names), len(self._opened)
        try:
            yield
        finally:
            self.sweep(names, opened)


def run(url: str, *statements: str) -> None:
    """Run statements on a database that need not be Ringlab's."""
    engine = engine_of(parsed(url), 10.0, in_memory=False)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def tables_of(url: str) -> list[str]:
    """The tables of a database that need not be Ringlab's."""
    engine = engine_of(parsed(url), 10.0, in_memory=False)
    with engine.connect() as connection:
        found = sorted(inspect(connection).get_table_names())
    engine.dispose()
    return found


_places: list[Place] = [Place("sqlite")]


def here() -> Place:
    """The place of the test that runs."""
    return _places[-1]


@contextmanager
def place(kind: str) -> Iterator[Place]:
    """Keep databases in one of the kinds; a test that needs PostgreSQL is skipped where there is none."""
    server = None
    if kind == "postgresql":
        try:
            server = postgresql.shared()
        except postgresql.Unavailable as reason:
            if os.environ.get(postgresql.REQUIRED):
                raise
            pytest.skip(str(reason))
    found = Place(kind, server)
    _places.append(found)
    try:
        yield found
    finally:
        _places.remove(found)
        found.sweep()


def kinds_of(metafunc: pytest.Metafunc) -> tuple[str, ...]:
    """The kinds of database that a test is asked of; empty when it is asked of none in particular."""
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    only = tuple(kind for kind in KINDS if kind in marks)
    if only:
        return only
    path = metafunc.definition.path.as_posix()
    return KINDS if "databases" in marks or any(suite in path for suite in SUITES) else ()
