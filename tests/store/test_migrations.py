"""Schemas: what migrations build, what a new database gets at once, and what becomes of data on the way."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from engine.errors import DatabaseError
from engine.store import database as database_module
from engine.store import roster
from engine.store.connecting import engine_of, parsed
from engine.store.database import NEWEST, Database
from tests import databases
from tests.store.makers import NOW, make_contact, make_database, make_experiment

MIGRATIONS = Path(database_module.__file__).parent / "migrations"
COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY 1, 2"""
KEYS = """
    SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2"


def migrated(folder: Path) -> Database:
    return databases.here().keep(Database.upgrade(databases.here().empty_url(folder)))


def shape(connection: Connection) -> object:
    """Everything that the database knows about its schema, whatever way its statements were written."""
    return _of_sqlite(connection) if connection.dialect.name == "sqlite" else _of_postgresql(connection)


def _of_postgresql(connection: Connection) -> object:
    return [sorted(tuple(row) for row in connection.execute(text(query))) for query in (COLUMNS, KEYS, INDEXES)]


def _of_sqlite(connection: Connection) -> object:
    found: dict[str, object] = {}
    tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"))
    for table in tables.scalars().all():
        found[table] = [
            connection.execute(text(f"SELECT * FROM pragma_table_xinfo('{table}')")).all(),
            sorted(
                tuple(row)[2:] for row in connection.execute(text(f"SELECT * FROM pragma_foreign_key_list('{table}')"))
            ),
        ]
        for index in connection.execute(text(f"SELECT * FROM pragma_index_list('{table}')")).all():
            columns = connection.execute(text(f"SELECT name FROM pragma_index_info('{index.name}')"))
            named = () if index.origin != "c" else (index.name,)
            where = connection.execute(
                text("SELECT substr(sql, instr(sql, ' WHERE ')) FROM sqlite_master WHERE name = :name"),
                {"name": index.name},
            ).scalar()
            key = (table, *named, *columns.scalars())
            found[str(key)] = (index.unique, index.origin, where if index.partial else None)
    return found


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


def revisions() -> list[str]:
    """Every schema's version, the first one first."""
    return [revision.revision for revision in scripts().walk_revisions("base", "heads")][::-1]


@contextmanager
def at(url: str, revision: str) -> Iterator[Connection]:
    """A database that was made by the release of this schema, to be filled as that release did."""
    engine = engine_of(parsed(url), 10.0, in_memory=False)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.upgrade(config, revision)
        yield connection
    engine.dispose()


def fill(connection: Connection) -> None:
    """A campaign as the first release wrote it: two people, one called, one conversion, one on the suppression list."""
    values = {"definition": make_experiment().model_dump_json(), "body": b'{"ended": true}'}
    for statement in (
        "INSERT INTO experiments (id, name, definition, source, folder, fingerprint, state, reason, planned, "
        "created_at, changed_at) VALUES (1, 'gift', :definition, '', '', 'f', 'running', '', 2, 1, 1)",
        "INSERT INTO contacts (id, key, phone, name, region, timezones, ordered_at, attributes, imported_at) VALUES "
        "(1, 'c-1', '+8619900000001', '', 'CN', 'Asia/Shanghai', NULL, '{}', 1), "
        "(2, 'c-2', '+8619900000002', '', 'CN', 'Asia/Shanghai', 1, '{}', 1)",
        "INSERT INTO suppressions (phone, reason, source, added_at) VALUES ('+8619900000009', 'asked', 'list', 1)",
        "INSERT INTO assignments (experiment_id, contact_id, arm, stratum, place, rank, assigned_at) VALUES "
        "(1, 1, 'control', '', 0, 0, 1), (1, 2, 'story', '', 1, 1, 1)",
        "INSERT INTO calls (id, key, experiment_id, contact_id, arm, attempt, due_at, not_after, rank, state, "
        "provider_id, begun_at, ended_at, disposition, seconds, cost, reason) VALUES "
        "(1, 'gift/c-1/1', 1, 1, 'control', 1, 1, 9, 0, 'ended', 'p-1', 2, 3, 'answered_human', 8.5, 0.1, ''), "
        "(2, 'gift/c-2/1', 1, 2, 'story', 1, 1, 9, 1, 'planned', '', NULL, NULL, '', 0, 0, '')",
        "INSERT INTO events (id, source, key, experiment_id, contact_id, call, provider_id, kind, at, received_at, "
        "disposition, seconds, cost, intent, opt_out, block, early, questions, name, value, detail) VALUES "
        "(1, 'simulated', 'e-1', 1, 1, 'gift/c-1/1', 'p-1', 'ended', 3, 3, 'answered_human', 8.5, 0.1, TRUE, FALSE, "
        "'', FALSE, '', '', 0, '')",
        "INSERT INTO reports (id, adapter, headers, body, received_at, judged_at, trouble) VALUES "
        "(1, 'simulated', '{}', :body, 3, NULL, '')",
        "INSERT INTO outcomes (experiment_id, contact_id, arm, stratum, calls, dialled, connected, first_connected, "
        "listened, intent, talk_seconds, early_hangup, unanswered_question, message_sent, message_delivered, "
        "link_opened, converted, ordered, revenue, cost, opt_out, complaint, dialled_at, matures_at) VALUES "
        "(1, 1, 'control', '', 1, 1, 1, 1, 1, 1, 8.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.1, 0, 0, 2, 9), "
        "(1, 2, 'story', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL)",
        "INSERT INTO marks (name, value) VALUES ('secret', 'ab12')",
    ):
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        connection.execute(text(statement), used)
    if connection.dialect.name != "sqlite":  # rows that were given their numbers move no sequence
        for table in ("experiments", "contacts", "calls", "events", "reports"):
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 100)"))


def test_migrations_build_the_tables(tmp_path: Path) -> None:
    """A database that was upgraded step by step has the tables as they are declared."""
    with migrated(tmp_path).reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_new_database_is_a_migrated_one(tmp_path: Path) -> None:
    """A new database and an upgraded one have the same columns, keys, indexes and version."""
    with migrated(tmp_path).reading() as old, make_database().reading() as new:
        assert shape(old) == shape(new)
        assert old.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]


def test_a_difference_is_seen(tmp_path: Path) -> None:
    """One missing index is a different schema."""
    database = migrated(tmp_path)
    with database.writing() as connection:
        connection.execute(text("DROP INDEX calls_due"))
    with database.reading() as old, make_database().reading() as new:
        assert shape(old) != shape(new)
        assert len(compare_metadata(MigrationContext.configure(old), SQLModel.metadata)) == 1


def test_the_newest_version_is_the_last_migration() -> None:
    """What a new database is stamped with is where the migrations end, and versions sort by age."""
    assert scripts().get_heads() == [NEWEST]
    assert revisions() == sorted(revisions())


@pytest.mark.parametrize("revision", [one for one in revisions() if one != NEWEST])
def test_an_older_release_with_data_is_upgraded_and_used(tmp_path: Path, revision: str) -> None:
    """What an earlier release kept is all there after the upgrade, breaks no invariant, and goes on being used."""
    url = databases.here().empty_url(tmp_path)
    with at(url, revision) as connection:
        fill(connection)
    with pytest.raises(DatabaseError, match="run `ringlab database upgrade`"):
        Database.open(url)

    upgraded = databases.here().keep(Database.upgrade(url))
    assert upgraded.check() == ()
    with upgraded.reading() as old, make_database().reading() as new:
        assert shape(old) == shape(new)
        assert old.execute(text("SELECT key, state FROM calls ORDER BY id")).all() == [
            ("gift/c-1/1", "ended"), ("gift/c-2/1", "planned"),
        ]  # fmt: skip
        assert old.execute(text("SELECT intent, opt_out, seconds FROM events")).one() == (True, False, 8.5)
        assert bytes(old.execute(text("SELECT body FROM reports")).scalar_one()) == b'{"ended": true}'
    with upgraded.writing() as connection:
        assert roster.import_contacts(connection, [make_contact(1), make_contact(3)], NOW).new == 1
    with upgraded.reading() as connection:
        assert roster.count(connection) == 3
    Database.open(url, create=False).close()


def test_an_upgrade_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that breaks in the middle leaves the older schema with its data."""
    url = databases.here().empty_url(tmp_path)
    with at(url, revisions()[0]) as connection:
        fill(connection)
        before = shape(connection)

    def breaking(connection: Connection) -> None:
        migrate(connection)
        raise KeyError

    migrate = database_module._migrate
    monkeypatch.setattr(database_module, "_migrate", breaking)
    with pytest.raises(KeyError):
        Database.upgrade(url)
    monkeypatch.undo()
    with at(url, revisions()[0]) as connection:
        assert shape(connection) == before
        assert connection.execute(text("SELECT count(*) FROM calls")).scalar() == 2
    Database.upgrade(url).close()


def test_an_upgrade_is_quiet_and_changes_nothing_twice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Upgrading an up-to-date database leaves it as it is, and says nothing."""
    url = databases.here().empty_url(tmp_path)
    with caplog.at_level(logging.WARNING):
        before = Database.upgrade(url)
        with before.writing() as connection:
            connection.execute(text("INSERT INTO marks VALUES ('kept', '1')"))
        before.close()
        again = Database.upgrade(url)

    with again.reading() as connection:
        assert connection.execute(text("SELECT value FROM marks")).scalars().all() == ["1"]
    again.close()
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")


def test_migrations_are_part_of_the_package() -> None:
    """Every migration lies in a package, so that an installed Ringlab can upgrade, and is named by its version."""
    assert (MIGRATIONS / "__init__.py").is_file()
    assert (MIGRATIONS / "env.py").is_file()
    files = sorted((MIGRATIONS / "versions").glob("0*.py"))
    assert [file.name.partition("_")[0] for file in files] == revisions()
