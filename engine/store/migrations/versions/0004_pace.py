"""Pace and its rests as facts of the database, and the account of every experiment."""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("experiments", sa.Column("account", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_experiments_account", "experiments", ["account"])
    op.create_index(
        "calls_begun",
        "calls",
        ["experiment_id", "begun_at"],
        sqlite_where=sa.text("begun_at IS NOT NULL"),
        postgresql_where=sa.text("begun_at IS NOT NULL"),
    )
    op.create_table(
        "buckets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("filled_at", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("rests_until", sa.BigInteger(), nullable=True),
        sa.Column("trial", sa.Integer(), nullable=True),
        sa.Column("trips", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("tripped_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "signals",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("signals_latest", "signals", ["kind", "name", "at"])
    _name_accounts()


def _name_accounts() -> None:
    """The account of each experiment that was started before: as `engine.core.accounts` named it at this version."""
    rows = sa.table("experiments", sa.column("id"), sa.column("definition"), sa.column("account"))
    connection = op.get_bind()
    for key, definition in connection.execute(sa.select(rows.c.id, rows.c.definition)).all():
        named = _account(json.loads(definition))
        connection.execute(rows.update().where(rows.c.id == key).values(account=named))


def _account(experiment: dict[str, Any]) -> str:
    settings, adapter = experiment.get("settings") or {}, experiment.get("adapter") or "simulated"
    if settings.get("account"):
        return f"{adapter}/{settings['account']}"
    if adapter == "simulated":
        return f"simulated/{experiment.get('experiment', '')}"
    written = json.dumps(settings, sort_keys=True, default=str)
    return f"{adapter}/{hashlib.sha256(written.encode()).hexdigest()[:8]}"
