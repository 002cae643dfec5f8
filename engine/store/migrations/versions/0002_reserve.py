"""People who are in and have not drawn an arm yet, periods of the deal, and what empty campaigns came to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("assignments", sa.Column("period", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "reserve",
        sa.Column("experiment_id", ID, sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("contact_id", ID, sa.ForeignKey("contacts.id"), nullable=False),
        sa.Column("pack", sa.String(), nullable=False),
        sa.Column("stratum", sa.String(), nullable=False),
        sa.Column("standing", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "contact_id"),
    )
    op.create_index("reserve_contact", "reserve", ["contact_id"])
    op.create_index("reserve_order", "reserve", ["experiment_id", "pack", "standing"])
    op.create_table(
        "calibrations",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("seed", ID, nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("false_winners", sa.Integer(), nullable=False),
        sa.Column("promised", sa.Float(), nullable=False),
        sa.Column("played_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "engine"),
    )
