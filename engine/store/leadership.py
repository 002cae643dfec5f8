"""One leader among all processes, for what only one of them may do at a time.

On PostgreSQL a leader is who holds an advisory lock in a session of its own: when its process dies or the session is
cut, the server lets go at once, and when it hangs or its network is gone, within the lease. On SQLite a leader is who
stands in the table of marks with a lease that has not run out. Whoever slept while leading and wakes up believes to
lead until it asks again; so what a leader does must be safe to be done twice, and it asks before every part of it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from engine.errors import DatabaseError
from engine.store import records
from engine.store.database import Database
from engine.store.tables import EPOCH

LEASE: Final = timedelta(seconds=60)
_TAKE: Final = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_LIVE: Final = text("SELECT 1")


class Leadership:
    """A process's claim to one duty. `holder` names the process and is not given to another; one thread asks."""

    def __init__(self, database: Database, duty: str, holder: str, lease: timedelta = LEASE) -> None:
        self._database, self._name, self._holder, self._lease = database, f"leader/{duty}", holder, lease
        self._session: Connection | None = None

    def leads(self, now: datetime) -> bool:
        """Whether this process leads at `now`, which it does then for a lease at least unless the session is cut.

        A database that does not answer is led by nobody here; that is no error.
        """
        try:
            return self._leads_by_row(now) if self._database.is_sqlite else self._leads_by_session()
        except DatabaseError as error:
            if not error.passing:
                raise
            return False

    def close(self) -> None:
        """Let another lead."""
        if self._database.is_sqlite:
            with self._database.writing() as connection:
                if self._standing(connection)[0] == self._holder:
                    records.set_mark(connection, self._name, "")
        self._drop()

    def _leads_by_session(self) -> bool:
        if self._session is not None:
            try:
                self._session.execute(_LIVE)
            except DBAPIError:
                self._drop()
            else:
                return True
        session = self._database.session(idle=self._lease)
        if session.execute(_TAKE, {"name": f"ringlab/{self._name}"}).scalar():
            self._session = session
            return True
        session.close()
        return False

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _leads_by_row(self, now: datetime) -> bool:
        with self._database.reading() as connection:
            holder, until = self._standing(connection)
        if holder == self._holder and now + self._lease / 2 < until <= now + self._lease:
            return True
        if holder not in ("", self._holder) and now < until <= now + self._lease:
            return False
        with self._database.writing() as connection:
            holder, until = self._standing(connection)
            # A lease that ends later than one given now was given by a clock that has jumped back.
            if holder not in ("", self._holder) and now < until <= now + self._lease:
                return False
            kept = {"holder": self._holder, "until": (now + self._lease).isoformat()}
            records.set_mark(connection, self._name, json.dumps(kept))
        return True

    def _standing(self, connection: Connection) -> tuple[str, datetime]:
        kept = records.mark(connection, self._name)
        if not kept:
            return "", EPOCH
        values = json.loads(kept)
        return values["holder"], datetime.fromisoformat(values["until"])


@contextmanager
def leadership(database: Database, duty: str, holder: str, lease: timedelta = LEASE) -> Iterator[Leadership]:
    """A claim to a duty, given up at the end."""
    claim = Leadership(database, duty, holder, lease)
    try:
        yield claim
    finally:
        claim.close()
