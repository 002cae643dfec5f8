"""Indexes of calls under way whose condition is cheap to ask of every row that changes, and of the ranks of a deal."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

OPEN = "(state = 'begun' OR state = 'sent' OR state = 'accepted' OR state = 'unknown')"


def upgrade() -> None:
    op.create_index("assignments_rank", "assignments", ["experiment_id", "rank"])
    for name, columns, condition in (
        ("calls_open", ["experiment_id", "state"], OPEN),
        ("calls_live", ["contact_id"], f"{OPEN} AND ended_at IS NULL"),
    ):
        op.drop_index(name, table_name="calls")
        where = sa.text(condition)
        op.create_index(name, "calls", columns, unique=name == "calls_live", sqlite_where=where, postgresql_where=where)
