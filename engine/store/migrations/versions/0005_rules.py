"""Consents, national lists, suppressions that end, and the calls of a person in the order of their times."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("suppressions", sa.Column("kind", sa.String(), nullable=False, server_default="internal"))
    op.add_column("suppressions", sa.Column("until", sa.BigInteger(), nullable=True))
    op.create_table(
        "consents",
        sa.Column(
            "contact_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey("contacts.id"),
            nullable=False,
        ),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("proof", sa.String(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id"),
    )
    op.create_table(
        "national_lists",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("numbers", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    begun = sa.text("begun_at IS NOT NULL")
    op.create_index("calls_of_person", "calls", ["contact_id", "begun_at"], sqlite_where=begun, postgresql_where=begun)
