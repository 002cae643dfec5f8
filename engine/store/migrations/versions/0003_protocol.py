"""When a call was sent and by which process, one live call per person, and the processes themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

OPEN = "state IN ('begun', 'sent', 'accepted', 'unknown')"


def upgrade() -> None:
    op.add_column("calls", sa.Column("sent_at", sa.BigInteger(), nullable=True))
    op.add_column("calls", sa.Column("holder", sa.String(), nullable=False, server_default=""))
    op.add_column("calls", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    # Calls of the release before had no instant of sending: begun meant that the provider may know them.
    op.execute("UPDATE calls SET state = 'sent' WHERE state = 'begun'")
    op.execute("UPDATE calls SET sent_at = begun_at WHERE begun_at IS NOT NULL AND state <> 'refused'")
    # Of a person's live calls in several experiments the first keeps its place; of the others nothing is known.
    earlier = f"FROM calls AS first WHERE first.contact_id = calls.contact_id AND first.id < calls.id AND first.{OPEN}"
    closed = "SET state = 'unknown', disposition = 'unknown', ended_at = begun_at"
    op.execute(f"UPDATE calls {closed} WHERE {OPEN} AND EXISTS (SELECT 1 {earlier})")
    op.drop_index("calls_open", table_name="calls")
    _index("calls_open", "calls", ["experiment_id", "state"], OPEN)
    _index("calls_live", "calls", ["contact_id"], f"{OPEN} AND ended_at IS NULL", unique=True)
    _index("calls_provider", "calls", ["provider_id"], "provider_id <> ''")
    _index("reports_troubled", "reports", ["id"], "trouble <> ''")
    op.create_table(
        "processes",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _index(name: str, of: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, of, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
