"""What one transaction holds against others until it ends, where many may write at once.

On SQLite a write transaction is the only one, and nothing here does anything. On PostgreSQL whoever reads in order
to write holds what was read, and reads after holding. To wait in a circle is impossible as long as everybody holds
in one order: names by `hold`, then experiments, then contacts in the order of their ids, then everything else.
"""

from typing import Final

from sqlalchemy import Connection, text

# The name is hashed by the server, so that every process and release comes to the same number.
_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


def hold(connection: Connection, name: str) -> None:
    """Wait until nobody else holds this name, and hold it until the transaction ends."""
    if connection.dialect.name != "sqlite":
        connection.execute(_HOLD, {"name": f"ringlab/{name}"})
