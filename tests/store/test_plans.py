"""How PostgreSQL answers what is asked all day: by an index, however many people there are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from engine.store import fates, ledger, messages, outcomes, queue, reserve, roster, suppressions
from engine.store.database import Database
from engine.store.known import by_key, keys_of
from tests import databases
from tests.store.makers import NOW, add_experiment, make_database

pytestmark = pytest.mark.postgresql
PEOPLE = 20_000
# Nine in ten calls have ended, one in a thousand is open, the rest is planned, most of it for later.
FILL = (
    "INSERT INTO contacts SELECT n, 'c-' || n, '+86199' || lpad(n::text, 8, '0'), '', 'CN', 'Asia/Shanghai', NULL, "
    "'{}', 1 FROM generate_series(1, :people) n",
    "INSERT INTO suppressions SELECT '+86198' || lpad(n::text, 8, '0'), '', '', 1 FROM generate_series(1, :people) n",
    "INSERT INTO assignments SELECT :experiment, n, CASE n % 2 WHEN 0 THEN 'control' ELSE 'story' END, '', n, n, 1, 0 "
    "FROM generate_series(1, :people) n",
    "INSERT INTO reserve SELECT :experiment, n, 'a', '', n FROM generate_series(1, :people) n",
    "INSERT INTO calls (id, key, experiment_id, contact_id, arm, attempt, due_at, not_after, rank, state, provider_id, "
    "begun_at, disposition, seconds, cost, reason) SELECT n, 'gift/c-' || n || '/1', :experiment, n, 'control', 1, "
    ":now + 1000000::bigint * (n - :people * 0.92)::bigint, :now + 9000000000, n, CASE WHEN n < :people * 0.9 THEN "
    "'ended' WHEN n < :people * 0.901 THEN 'accepted' ELSE 'planned' END, 'p-' || n, :now - 60000000, '', 0, 0, '' "
    "FROM generate_series(1, :people) n",
    "INSERT INTO events (source, key, experiment_id, contact_id, call, provider_id, kind, at, received_at, "
    "disposition, seconds, cost, opt_out, block, early, questions, name, value, detail) "
    "SELECT 'simulated', 'e-' || n || '-' || m, "
    ":experiment, CASE WHEN n % 2000 = 0 THEN NULL ELSE n END, 'gift/c-' || n || '/1', '', 'ended', 1, 1, '', 0, 0, "
    "FALSE, '', FALSE, '', '', 0, '' FROM generate_series(1, :people) n, generate_series(1, 3) m",
    "INSERT INTO outcomes (experiment_id, contact_id, arm, stratum, matures_at, calls, dialled, connected, "
    "first_connected, listened, intent, talk_seconds, early_hangup, unanswered_question, message_sent, "
    "message_delivered, link_opened, converted, ordered, revenue, cost, opt_out, complaint) SELECT :experiment, n, "
    "'control', '', 9, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM generate_series(1, :people) n",
    "INSERT INTO messages (key, experiment_id, contact_id, call, template, token, url, state, begun_at, provider_id, "
    "reason) SELECT 'm-' || n, :experiment, n, 'gift/c-' || n || '/1', '', 't-' || n, '', CASE WHEN n % 500 = 0 THEN "
    "'planned' ELSE 'accepted' END, 1, '', '' FROM generate_series(1, :people) n",
    "INSERT INTO reports (adapter, headers, body, received_at, judged_at, trouble) SELECT 'simulated', '{}', "
    "'x'::bytea, 1, CASE WHEN n % 500 = 0 THEN NULL ELSE 1 END, '' FROM generate_series(1, :people) n",
)
SOME = [f"gift/c-{number}/1" for number in range(1, 50)]
IDS = list(range(1, 50))
HOT: dict[str, Callable[[Connection, int], Any]] = {
    "the next calls": lambda connection, of: queue.due(connection, (of, "gift"), NOW, 100),
    "when the next call is due": queue.next_due,
    "calls in flight": queue.in_flight,
    "calls of an unknown fate": lambda connection, of: fates.unsettled(connection, of, {"one"}, NOW, NOW),
    "calls by key": lambda connection, of: by_key(connection, SOME),
    "calls by a provider's own number": lambda connection, of: keys_of(connection, ["p-7", "p-8"]),
    "calls begun": lambda connection, of: queue.begin(connection, IDS, "one", NOW),
    "calls canceled for a contact": lambda connection, of: queue.cancel_contacts(connection, IDS, "x"),
    "a contact's events": lambda connection, of: ledger.events_of(connection, IDS),
    "a contact's assignments": lambda connection, of: outcomes.assignments(connection, IDS),
    "contacts": lambda connection, of: roster.contacts(connection, IDS),
    "the rank of who draws an arm next": roster.next_rank,
    "contacts held": lambda connection, of: roster.hold(connection, IDS),
    "contacts by key": lambda connection, of: roster.find(connection, [f"c-{one}" for one in IDS]),
    "the suppressed among some": lambda connection, of: suppressions.suppressed_among(connection, ["+86198", "+86199"]),
    "events that wait for their call": lambda connection, of: ledger.unmatched(connection, "simulated"),
    "reports that wait": lambda connection, of: ledger.waiting_reports(connection, 100),
    "messages written": lambda connection, of: messages.unsent(connection, SOME),
    "messages begun": lambda connection, of: messages.begin_messages(connection, [f"m-{one}" for one in IDS], NOW),
    "messages lost": lambda connection, of: messages.lose(connection, of, NOW),
    "a link": lambda connection, of: messages.link(connection, "t-7"),
    "the reserve": lambda connection, of: reserve.first(connection, of, "a", 100, NOW),
    "questions": ledger.questions,
}


@contextmanager
def watched(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is run inside, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        seen.append((statement, parameters[0] if many else parameters))

    event.listen(connection, "before_cursor_execute", keep)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", keep)


def plans(connection: Connection, work: Callable[[], Any]) -> list[str]:
    """How the database answers each statement of some work."""
    with watched(connection) as seen:
        work()
    return [
        "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
        for statement, parameters in seen
        if not statement.startswith("EXPLAIN")
    ]


@pytest.fixture(scope="module")
def full(database_place: databases.Place) -> Iterator[tuple[Database, int]]:
    """A database with so many people that reading them all costs more than an index."""
    database = make_database()
    with database.writing() as connection:
        experiment = add_experiment(connection)
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # what is made up here fits together
        values = {"people": PEOPLE, "experiment": experiment, "now": int((NOW + timedelta(0)).timestamp() * 1e6)}
        for statement in FILL:
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(text(statement), used)
    with database.session(idle=timedelta(minutes=5)) as connection:
        connection.execute(text("VACUUM ANALYZE"))
    yield database, experiment
    database.close()


@pytest.mark.parametrize("asked", HOT)
def test_nothing_that_is_asked_all_day_reads_a_whole_table(full: tuple[Database, int], asked: str) -> None:
    """What dispatchers and receivers ask is answered by an index; only experiments, which are few, are read through."""
    database, experiment = full
    with database.writing() as connection:
        found = plans(connection, lambda: HOT[asked](connection, experiment))
    assert found
    scans = [
        line for plan in found for line in plan.splitlines() if "Seq Scan" in line and "on experiments" not in line
    ]
    assert scans == [], "\n".join(found)


def test_a_whole_table_is_seen(full: tuple[Database, int]) -> None:
    """What no index serves is told by its plan."""
    database, _ = full
    with database.reading() as connection:
        (plan,) = plans(connection, lambda: connection.execute(text("SELECT id FROM calls WHERE reason = 'x'")))
    assert "Seq Scan on calls" in plan
