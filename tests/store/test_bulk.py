"""Statements over many rows, in every database's own words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import psycopg

from engine.store.bulk import Adding, Many, among
from engine.store.queue import planned_of
from engine.store.tables import CallRow, EventRow, MarkRow, OutcomeRow, SuppressionRow, table
from tests import databases
from tests.store.makers import make_database

ALIKE = ("source", "kind", "at", "received_at")
EVENTS = table(EventRow)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SUPPRESSIONS, CALLS = table(SuppressionRow), table(CallRow)
ADD = Adding(SuppressionRow, ("phone", "reason"), ("source", "added_at"), new=True)
END = Many(
    update(CALLS)
    .where(CALLS.c.id == bindparam("of"), CALLS.c.state != "planned")
    .values(ended_at=bindparam("moment"), reason="over"),
    ("of", "moment"),
)


def test_rows_are_written_with_their_types():
    """Instants go in as numbers and come out as instants; what is alike is said once."""
    database = make_database()
    with database.writing() as connection:
        rows = [("+8610000", "opted out"), ("+8610001", "complained")]
        assert ADD.run(connection, rows, source="call", added_at=NOON) == 2
        found = connection.execute(select(SUPPRESSIONS).order_by(SUPPRESSIONS.c.phone)).all()

    assert [(row.phone, row.reason, row.source, row.added_at) for row in found] == [
        ("+8610000", "opted out", "call", NOON), ("+8610001", "complained", "call", NOON),
    ]  # fmt: skip


def test_what_is_there_already_is_left_as_it_is():
    """Only rows that are new are counted and written."""
    database = make_database()
    with database.writing() as connection:
        ADD.run(connection, [("+8610000", "first")], source="call", added_at=NOON)
        again = ADD.run(
            connection, [("+8610000", "second"), ("+8610001", "x")], source="y", added_at=NOON + timedelta(days=1)
        )
        reasons = connection.execute(select(SUPPRESSIONS.c.reason).order_by(SUPPRESSIONS.c.phone)).scalars().all()

    assert again == 1
    assert reasons == ["first", "x"]


def test_no_rows_are_no_statement():
    """Nothing to write asks the database nothing."""
    database = make_database()
    with database.reading() as connection:  # which would refuse to write
        assert ADD.run(connection, [], source="", added_at=NOON) == 0


def test_columns_without_a_value_get_their_default():
    """An outcome begins with zeros, as its table declares."""
    compiled = Adding(OutcomeRow, ("contact_id", "arm"), ("experiment_id",))._compile(psycopg.dialect())

    assert compiled.constants["calls"] == 0
    assert compiled.constants["stratum"] == ""


def test_postgresql_is_given_names():
    """Where a driver binds by name, each row is a dictionary, with constants and instants in it."""
    compiled = END._compile(psycopg.dialect())
    [row] = compiled.rows(END.names, [(7, NOON)], {})

    assert not compiled.positional
    assert "%(of)s" in compiled.sql
    assert row["of"] == 7
    assert row["moment"] == 1795435200000000
    assert {"over", "planned"} <= set(row.values())


def test_postgresql_leaves_what_is_there():
    """Both databases are asked to do nothing on a conflict."""
    compiled = Adding(MarkRow, ("name", "value"), new=True)._compile(psycopg.dialect())

    assert "ON CONFLICT DO NOTHING" in compiled.sql


def test_a_list_of_any_length_is_one_parameter():
    """Forty thousand keys are asked for in one statement, and none of them finds nothing."""
    database = make_database()
    query = select(SUPPRESSIONS.c.phone).where(among(SUPPRESSIONS.c.phone, "phones"))
    with database.writing() as connection:
        ADD.run(connection, [("+8610000", "x"), ("+86'\"\\王", "y")], source="call", added_at=NOON)
        asked = [f"+{number}" for number in range(40_000)] + ["+86'\"\\王"]
        found = connection.execute(query, {"phones": asked}).scalars().all()
        none = connection.execute(query, {"phones": []}).scalars().all()

    assert found == ["+86'\"\\王"]
    assert none == []


def test_postgresql_is_given_an_array():
    """Where there are arrays, a list is one."""
    query = select(CALLS.c.key).where(among(CALLS.c.contact_id, "ids"))

    assert "contact_id = ANY (%(ids)s::BIGINT[])" in str(query.compile(dialect=psycopg.dialect()))


@pytest.mark.sqlite
def test_a_list_is_found_by_its_index():
    """The contacts' planned calls are found without reading all calls."""
    database = make_database()
    with database.reading() as connection:
        sql = str(select(CALLS.c.id).where(planned_of("ids")).compile(dialect=connection.dialect))
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", ("[1, 2]",)).all()

    assert any("calls_attempt (experiment_id=? AND contact_id=?)" in row[3] for row in plan)


def test_texts_are_kept_on_every_database():
    """NUL and halves of characters, which providers send and PostgreSQL refuses, are kept as U+FFFD, and found so."""
    database = make_database()
    query = select(SUPPRESSIONS.c.phone).where(among(SUPPRESSIONS.c.phone, "phones"))
    with database.writing() as connection:
        ADD.run(connection, [("a\0b", "x"), ("王\ud800", "y\0"), ("\U0001f600", "z")], source="s\0", added_at=NOON)
        found = connection.execute(query, {"phones": ["a\0b", "王\ud800", "\U0001f600"]}).scalars().all()
        sources = connection.execute(select(SUPPRESSIONS.c.source).distinct()).scalars().all()

    assert sorted(found) == ["a\ufffdb", "王\ufffd", "\U0001f600"]
    assert sources == ["s\ufffd"]


def test_rows_that_change_one_row_are_gone_through_in_order():
    """Of two changes of the same row the later stands, and both are counted, on every database."""
    database = make_database()
    change = Many(
        update(SUPPRESSIONS).where(SUPPRESSIONS.c.phone == bindparam("of")).values(reason=bindparam("why")),
        ("of", "why"),
    )
    with database.writing() as connection:
        ADD.run(connection, [("a", "x"), ("b", "x")], source="s", added_at=NOON)
        assert change.run(connection, [("a", "1"), ("b", "2"), ("a", "3")]) == 3
        assert change.run(connection, [("b", "4"), ("c", "5")]) == 1
        found = connection.execute(select(SUPPRESSIONS.c.reason).order_by(SUPPRESSIONS.c.phone)).scalars().all()

    assert found == ["3", "4"]


@given(
    st.lists(
        st.tuples(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**31), 2**31 - 1)),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_comes_back_as_it_went_in(rows):
    """Any text, any number and what is absent are kept as they are, many at once as well as one by one."""
    with databases.here().swept():
        database = make_database()
        added = [
            (f"{place}", value, number, None if number % 2 else number % 3 == 0, "".join(map(_valid, said)))
            for place, (said, value, number) in enumerate(rows)
        ]
        keep = Adding(EventRow, ("key", "value", "seconds", "intent", "detail"), ALIKE)
        with database.writing() as connection:
            keep.run(connection, added, **dict.fromkeys(ALIKE, "x") | {"at": NOON, "received_at": NOON})
            query = select(EVENTS.c.key, EVENTS.c.value, EVENTS.c.seconds, EVENTS.c.intent, EVENTS.c.detail)
            found = {row[0]: tuple(row) for row in connection.execute(query)}

    assert found == {row[0]: row for row in added}


def _valid(character):
    return "" if character == "\0" or "\ud800" <= character <= "\udfff" else character
