"""Runs the migrations on the connection that `Database` gives; the transaction is its own."""

from alembic import context
from sqlmodel import SQLModel

from engine.store import tables

assert tables.ContactRow.metadata is SQLModel.metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
)
context.run_migrations()
