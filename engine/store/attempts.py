"""When people were called, over all experiments: what frequency caps count."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, literal_column, select

from engine.store.bulk import among
from engine.store.queue import CALLS
from engine.store.roster import batches

# Begun and not refused: a call whose fate is unknown may have rung, and counts. The literal lets databases
# see that the partial index applies.
_BEGUN = (
    select(CALLS.c.contact_id, CALLS.c.begun_at)
    .where(
        among(CALLS.c.contact_id, "ids"),
        CALLS.c.begun_at.is_not(None),
        CALLS.c.begun_at > bindparam("since"),
        CALLS.c.state != literal_column("'refused'"),
    )
    .order_by(CALLS.c.begun_at)
)


def begun_since(connection: Connection, contact_ids: Iterable[int], since: datetime) -> dict[int, list[datetime]]:
    """The instants after `since` at which these contacts were called, earliest first; only who was called."""
    found: dict[int, list[datetime]] = {}
    for batch in batches(contact_ids):
        for contact_id, at in connection.execute(_BEGUN, {"ids": batch, "since": since}).all():
            found.setdefault(contact_id, []).append(at)
    return found
