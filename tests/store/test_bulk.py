"""Statements over many rows, in every database's own words."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import psycopg

from engine.store.bulk import Adding, Many, among
from engine.store.queue import planned_of
from engine.store.tables import CallRow, MarkRow, OutcomeRow, SuppressionRow, table
from tests.store.makers import make_database

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
