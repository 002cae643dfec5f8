"""The first schema.

It spells every type out: later schemas start from what was, not from what the tables are by then.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _roster()
    _queue()
    _ledger()
    _surroundings()


def _roster() -> None:
    op.create_table(
        "experiments",
        _key(), _text("name"), _long_text("definition"), _long_text("source"), _text("folder"),
        _text("fingerprint"), _text("state"), _text("reason"), _whole("planned"), _instant("created_at"),
        _instant("changed_at"), sa.UniqueConstraint("name"),
    )  # fmt: skip
    op.create_table(
        "contacts",
        _key(), _text("key"), _text("phone"), _text("name"), _text("region"), _text("timezones"),
        _instant("ordered_at", nullable=True), _long_text("attributes"), _instant("imported_at"),
        sa.UniqueConstraint("key"), sa.UniqueConstraint("phone"),
    )  # fmt: skip
    op.create_table(
        "suppressions",
        _text("phone"), _text("reason"), _text("source"), _instant("added_at"),
        sa.PrimaryKeyConstraint("phone"),
    )  # fmt: skip
    op.create_table(
        "assignments",
        _owner("experiment_id", "experiments.id"), _owner("contact_id", "contacts.id"), _text("arm"),
        _text("stratum"), _whole("place"), _whole("rank"), _instant("assigned_at"),
        sa.PrimaryKeyConstraint("experiment_id", "contact_id"),
    )  # fmt: skip
    op.create_index("assignments_contact", "assignments", ["contact_id"])
    op.create_index("assignments_stratum", "assignments", ["experiment_id", "stratum"])
    op.create_table(
        "refusals",
        _owner("experiment_id", "experiments.id"), _owner("contact_id", "contacts.id"), _text("rule"),
        _instant("at"), sa.PrimaryKeyConstraint("experiment_id", "contact_id", "rule"),
    )  # fmt: skip


def _queue() -> None:
    op.create_table(
        "calls",
        _key(), _text("key"), _owner("experiment_id", "experiments.id"),
        _owner("contact_id", "contacts.id"), _text("arm"), _whole("attempt"), _instant("due_at"),
        _instant("not_after"), _whole("rank"), _text("state"), _text("provider_id"),
        _instant("begun_at", nullable=True), _instant("ended_at", nullable=True), _text("disposition"),
        _number("seconds"), _number("cost"), _text("reason"), sa.UniqueConstraint("key"),
    )  # fmt: skip
    op.create_index("calls_attempt", "calls", ["experiment_id", "contact_id", "attempt"], unique=True)
    op.create_index("calls_due", "calls", ["experiment_id", "due_at", "rank"], **_where("state = 'planned'"))
    op.create_index(
        "calls_open", "calls", ["experiment_id", "state"], **_where("state IN ('begun', 'accepted', 'unknown')")
    )
    op.create_table(
        "messages",
        _key(), _text("key"), _owner("experiment_id", "experiments.id"),
        _owner("contact_id", "contacts.id"), _text("call"), _text("template"), _text("token"), _text("url"),
        _text("state"), _instant("begun_at"), _text("provider_id"), _text("reason"),
        sa.UniqueConstraint("key"), sa.UniqueConstraint("token"),
    )  # fmt: skip
    op.create_index("ix_messages_state", "messages", ["state"])


def _ledger() -> None:
    op.create_table(
        "reports",
        _key(), _text("adapter"), _long_text("headers"), _raw("body"), _instant("received_at"),
        _instant("judged_at", nullable=True), _text("trouble"),
    )  # fmt: skip
    op.create_index("reports_waiting", "reports", ["id"], **_where("judged_at IS NULL"))
    op.create_table(
        "events",
        _key(), _text("source"), _text("key"), _owner("experiment_id", "experiments.id", nullable=True),
        _owner("contact_id", "contacts.id", nullable=True), _text("call"), _text("provider_id"),
        _text("kind"), _instant("at"), _instant("received_at"), _text("disposition"), _number("seconds"),
        _number("cost"), _truth("intent", nullable=True), _truth("opt_out"), _text("block"),
        _truth("early"), _text("questions"), _text("name"), _number("value"), _text("detail"),
    )  # fmt: skip
    op.create_index("events_contact", "events", ["contact_id"])
    op.create_index("events_key", "events", ["source", "key"], unique=True)
    op.create_index("events_unmatched", "events", ["id"], **_where("contact_id IS NULL"))
    op.create_index("events_asked", "events", ["experiment_id"], **_where("questions != ''"))
    op.create_table(
        "outcomes",
        _owner("experiment_id", "experiments.id"), _owner("contact_id", "contacts.id"), _text("arm"),
        _text("stratum"), _instant("matures_at", nullable=True), _instant("dialled_at", nullable=True),
        _instant("converted_at", nullable=True), _whole("calls"), _whole("dialled"), _whole("connected"),
        _whole("first_connected"), _whole("listened"), _whole("intent"), _number("talk_seconds"),
        _whole("early_hangup"), _whole("unanswered_question"), _whole("message_sent"),
        _whole("message_delivered"), _whole("link_opened"), _whole("converted"), _whole("ordered"),
        _number("revenue"), _number("cost"), _whole("opt_out"), _whole("complaint"),
        sa.PrimaryKeyConstraint("experiment_id", "contact_id"),
    )  # fmt: skip
    op.create_index("outcomes_maturity", "outcomes", ["experiment_id", "matures_at"])
    op.create_table(
        "looks",
        _owner("experiment_id", "experiments.id"), _whole("number"), _instant("as_of"),
        _long_text("standing"), sa.PrimaryKeyConstraint("experiment_id", "number"),
    )  # fmt: skip


def _surroundings() -> None:
    op.create_table(
        "marks",
        _text("name"), _long_text("value"), sa.PrimaryKeyConstraint("name"),
    )  # fmt: skip
    op.create_table(
        "audit",
        _key(), _instant("at"), _text("who"), _text("action"), _text("subject"), _text("reason"),
    )  # fmt: skip
    op.create_table(
        "access",
        _text("digest"), _text("role"), _text("label"), _instant("created_at"),
        sa.PrimaryKeyConstraint("digest"),
    )  # fmt: skip


def _id() -> sa.types.TypeEngine[int]:
    """Row numbers, of 64 bits on every database: SQLite's INTEGER is that."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key() -> sa.Column[int]:
    return sa.Column("id", _id(), primary_key=True)


def _owner(name: str, target: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, _id(), sa.ForeignKey(target), nullable=nullable)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _long_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _raw(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=False)


def _truth(name: str, *, nullable: bool = False) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
