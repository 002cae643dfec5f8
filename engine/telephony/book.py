"""The simulated provider's own memory: what it was asked, when, and what it will report.

A provider remembers its calls whatever happens to the engine, so the book is a file of its own (or in
memory, for one process). What was asked and all its reports are written in one transaction before the
receipt is given. Instants are whole microseconds since 1970.

Reports are read in the order in which they become known. Nothing becomes known at or before what was
already read, so that a reader who keeps its cursor misses nothing.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.errors import AdapterError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MARK = 0x52_6C_62_31  # application_id of a book, form 1
ROOM = 1024  # reports of one entry at most

_SCHEMA = f"""
CREATE TABLE asked (
  id INTEGER PRIMARY KEY, call TEXT NOT NULL, message TEXT NOT NULL, provider_id TEXT NOT NULL,
  at INTEGER NOT NULL, converts INTEGER
);
CREATE INDEX asked_call ON asked (call);
CREATE INDEX asked_message ON asked (message) WHERE message <> '';
CREATE TABLE reports (
  id INTEGER PRIMARY KEY,  -- the entry's id × {ROOM} + the report's number
  known INTEGER NOT NULL, key TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, call TEXT NOT NULL,
  provider_id TEXT NOT NULL, disposition TEXT, seconds REAL NOT NULL, cost REAL NOT NULL, intent INTEGER,
  opt_out INTEGER NOT NULL, block TEXT NOT NULL, early INTEGER NOT NULL, questions TEXT NOT NULL,
  name TEXT NOT NULL, value REAL NOT NULL
);
CREATE INDEX reports_known ON reports (known);
CREATE TABLE heard (until INTEGER NOT NULL);
INSERT INTO heard VALUES (-1);
PRAGMA application_id = {MARK};
"""  # noqa: S608  only our own numbers
_FIELDS = (
    "id, known, key, kind, at, call, provider_id, disposition, seconds, cost, intent, opt_out, block, early, "
    "questions, name, value"
)
_KINDS = {kind.value: kind for kind in Kind}
_DISPOSITIONS = {disposition.value: disposition for disposition in Disposition}
_Row = tuple[int, int, str, str, int, str, str, str | None, float, float, int | None, int, str, int, str, str, float]


What = Literal["call", "message"]


class Report(NamedTuple):
    """One report to come: when it is `known`, and the event's fields in their order of the table."""

    known: int
    key: str
    kind: str
    at: int
    call: str
    provider_id: str
    disposition: str | None = None
    seconds: float = 0.0
    cost: float = 0.0
    intent: bool | None = None
    opt_out: bool = False
    block: str = ""
    early: bool = False
    questions: str = ""  # JSON, "" for none
    name: str = ""
    value: float = 0.0


class Entry(NamedTuple):
    """One thing asked: a call, or a message that follows one. `converts` is when the person converts."""

    call: str
    message: str
    provider_id: str
    at: int
    converts: int | None
    reports: Sequence[Report]


Entries = Callable[[dict[str, int]], Iterable[Entry]]


def micros(moment: datetime) -> int:
    """An instant as microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


class Book:
    """The memory at `path`, ":memory:" for one that ends with the process; safe for many threads."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.RLock()
        if path != ":memory:" and not Path(path).absolute().parent.is_dir():
            raise AdapterError(f"{path}: the simulated provider's book has no folder here; make it first")
        with self._holding():
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except AdapterError:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        run = self._connection.execute
        with self._holding():
            run("PRAGMA journal_mode = WAL")
            run("PRAGMA synchronous = NORMAL")
        with self._writing():
            (mark,) = run("PRAGMA application_id").fetchone()
            (tables,) = run("SELECT count(*) FROM sqlite_schema").fetchone()
            if not tables:
                for statement in _SCHEMA.split(";"):
                    run(statement)
            elif mark != MARK:
                raise AdapterError(
                    f"{self._path}: the simulated provider's book would be here, but it is another kind of file; "
                    "name another"
                )

    @contextmanager
    def _holding(self) -> Iterator[None]:
        """One thread at a time; raises AdapterError when the file fails."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise AdapterError(
                    f"{self._path}: the simulated provider's book cannot be used ({error}); "
                    "see whether the disk is full or the file is gone"
                ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction that holds the book alone; what fails inside leaves no trace."""
        with self._holding():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def write(self, keys: Sequence[str], of: What, entries: Callable[[dict[str, int]], Iterable[Entry]]) -> list[str]:
        """Write entries in one transaction, and give their provider ids.

        `entries` is given how often each of `keys` (of calls or of messages, as `of` says) is in the book.
        """
        run = self._connection.execute
        with self._writing():
            written = list(entries(self._counts(keys, of)))
            (last,) = run("SELECT ifnull(max(id), 0) FROM asked").fetchone()
            (heard,) = run("SELECT until FROM heard").fetchone()
            self._connection.executemany(
                "INSERT INTO asked VALUES (?, ?, ?, ?, ?, ?)",
                [(number, *entry[:5]) for number, entry in enumerate(written, last + 1)],
            )
            self._connection.executemany(
                f"INSERT INTO reports ({_FIELDS}) VALUES ({', '.join('?' * 17)})",  # noqa: S608  only our own words
                [
                    (number * ROOM + place, report[0] if report[0] > heard else heard + 1, *report[1:])
                    for number, entry in enumerate(written, last + 1)
                    for place, report in enumerate(entry.reports)
                ],
            )
        return [entry.provider_id for entry in written]

    def _counts(self, keys: Sequence[str], of: What) -> dict[str, int]:
        condition = "message = ''" if of == "call" else "message <> ''"
        found = self._connection.execute(
            f"SELECT {of}, count(*) FROM asked "  # noqa: S608  `of` is one of two words
            f"WHERE {of} IN (SELECT value FROM json_each(?)) AND {condition} GROUP BY {of}",
            (json.dumps(keys),),
        )
        return dict(found.fetchall())

    def conversions(self, calls: Sequence[str]) -> dict[str, int]:
        """When the people of these calls convert, for those who do."""
        with self._holding():
            found = self._connection.execute(
                "SELECT call, max(converts) FROM asked WHERE call IN (SELECT value FROM json_each(?)) "
                "AND converts IS NOT NULL GROUP BY call",
                (json.dumps(calls),),
            )
            return dict(found.fetchall())

    def read(self, known: int, number: int, until: int, limit: int) -> list[tuple[Event, int, int]]:
        """Up to `limit` events known after the place (known, number) and by `until`, each with its place."""
        with self._writing():
            rows: list[_Row] = self._connection.execute(
                f"SELECT {_FIELDS} FROM reports WHERE (known, id) > (?, ?) AND known <= ? "  # noqa: S608
                "ORDER BY known, id LIMIT ?",
                (known, number, until, limit),
            ).fetchall()
            if rows:
                self._connection.execute("UPDATE heard SET until = ? WHERE until < ?", (rows[-1][1],) * 2)
        return [(_event(row), row[1], row[0]) for row in rows]

    def next_known(self, known: int, number: int) -> int | None:
        """When the next report after this place becomes known."""
        with self._holding():
            row = self._connection.execute(
                "SELECT known FROM reports WHERE (known, id) > (?, ?) ORDER BY known, id LIMIT 1",
                (known, number),
            ).fetchone()
        return None if row is None else int(row[0])

    def about(self, call: str, until: int) -> tuple[str, tuple[Event, ...]] | None:
        """The latest placing's provider id and all events of a call known by `until`; None when never asked."""
        with self._holding():
            asked = self._connection.execute(
                "SELECT id, provider_id, message FROM asked WHERE call = ? ORDER BY id", (call,)
            ).fetchall()
            rows: list[_Row] = [
                row
                for number, _, _ in asked
                for row in self._connection.execute(
                    f"SELECT {_FIELDS} FROM reports WHERE id BETWEEN ? AND ? AND known <= ?",  # noqa: S608
                    (number * ROOM, number * ROOM + ROOM - 1, until),
                )
            ]
        placed = [provider_id for _, provider_id, message in asked if not message]
        if not placed:
            return None
        rows.sort(key=lambda row: (row[1], row[0]))
        return placed[-1], tuple({row[2]: _event(row) for row in rows}.values())

    def placings(self, call: str) -> int:
        """How often this call was placed: more than once, and the person's telephone rang again."""
        return self._count("SELECT count(*) FROM asked WHERE call = ? AND message = ''", (call,))

    def sendings(self, message: str) -> int:
        """How often this message was sent."""
        return self._count("SELECT count(*) FROM asked WHERE message = ?", (message,))

    def calls(self) -> int:
        """How many calls were placed, doubles among them."""
        return self._count("SELECT count(*) FROM asked WHERE message = ''", ())

    def doubles(self) -> dict[str, int]:
        """Calls that were placed more than once, and how often."""
        with self._holding():
            found = self._connection.execute(
                "SELECT call, count(*) AS times FROM asked WHERE message = '' GROUP BY call HAVING times > 1"
            )
            return dict(found.fetchall())

    def _count(self, question: str, values: Iterable[str]) -> int:
        with self._holding():
            (count,) = self._connection.execute(question, tuple(values)).fetchone()
        return int(count)

    def close(self) -> None:
        """Let go of the file."""
        with self._holding():
            self._connection.close()


def _event(row: _Row) -> Event:
    (_, _, key, kind, at, call, provider_id, disposition, seconds, cost, intent, opt_out, block, early,
     questions, name, value) = row  # fmt: skip
    return Event(
        key,
        _KINDS[kind],
        EPOCH + timedelta(microseconds=at),
        call,
        provider_id,
        None if disposition is None else _DISPOSITIONS[disposition],
        seconds,
        cost,
        None if intent is None else bool(intent),
        bool(opt_out),
        block,
        bool(early),
        tuple(json.loads(questions)) if questions else (),
        name,
        value,
    )
