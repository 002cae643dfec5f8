"""Schemas: what migrations build, and what a new database gets at once."""

import logging
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from engine.store import database as database_module
from engine.store.database import NEWEST, Database

MIGRATIONS = Path(database_module.__file__).parent / "migrations"


def migrated(folder: Path) -> Database:
    return Database.upgrade(f"sqlite:///{folder / 'migrated.db'}")


def shape(connection: Connection) -> dict[str, object]:
    """Everything that SQLite knows about the schema, whatever way its statements were written."""
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


def test_migrations_build_the_tables(tmp_path: Path) -> None:
    """A database that was upgraded step by step has the tables as they are declared."""
    with migrated(tmp_path).reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_a_new_database_is_a_migrated_one(tmp_path: Path) -> None:
    """A new database and an upgraded one have the same columns, keys, indexes and version."""
    with migrated(tmp_path).reading() as old, Database.open("sqlite://").reading() as new:
        assert shape(old) == shape(new)
        assert old.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]


def test_a_difference_is_seen(tmp_path: Path) -> None:
    """One missing index is a different schema."""
    database = migrated(tmp_path)
    with database.writing() as connection:
        connection.execute(text("DROP INDEX calls_due"))
    with database.reading() as old, Database.open("sqlite://").reading() as new:
        assert shape(old) != shape(new)
        assert len(compare_metadata(MigrationContext.configure(old), SQLModel.metadata)) == 1


def test_the_newest_version_is_the_last_migration() -> None:
    """What a new database is stamped with is where the migrations end, and versions sort by age."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    revisions = [revision.revision for revision in script.walk_revisions("base", "heads")]

    assert script.get_heads() == [NEWEST]
    assert revisions == sorted(revisions, reverse=True)


def test_an_upgrade_is_quiet_and_changes_nothing_twice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Upgrading an up-to-date database leaves it as it is, and says nothing."""
    with caplog.at_level(logging.WARNING):
        before = migrated(tmp_path)
        with before.writing() as connection:
            connection.execute(text("INSERT INTO marks VALUES ('kept', '1')"))
        before.close()
        again = migrated(tmp_path)

    with again.reading() as connection:
        assert connection.execute(text("SELECT value FROM marks")).scalars().all() == ["1"]
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")


def test_migrations_are_part_of_the_package() -> None:
    """Every migration lies in a package, so that an installed Ringlab can upgrade."""
    assert (MIGRATIONS / "__init__.py").is_file()
    assert (MIGRATIONS / "env.py").is_file()
    assert [file.name for file in sorted((MIGRATIONS / "versions").glob("0*.py"))] == [
        "0001_first.py",
        "0002_reserve.py",
        "0004_rules.py",
    ]
