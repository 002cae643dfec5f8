"""When people were called and how it ended: what frequency caps count, and what the next attempt hangs on."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, literal_column, select

from engine.core.treatments import Disposition
from engine.store.bulk import among
from engine.store.roster import batches
from engine.store.tables import CallRow, table

CALLS = table(CallRow)
DISPOSITIONS = {one.value: one for one in Disposition}
_BEGUN = select(CALLS.c.id, CALLS.c.begun_at).where(among(CALLS.c.id, "ids"))
_BEFORE = select(CALLS.c.contact_id, CALLS.c.attempt, CALLS.c.begun_at, CALLS.c.disposition).where(
    CALLS.c.experiment_id == bindparam("experiment"), among(CALLS.c.contact_id, "contacts"), CALLS.c.disposition != ""
)

# Begun and not refused: a call whose fate is unknown may have rung, and counts. The literal lets databases
# see that the partial index applies.
_SINCE = (
    select(CALLS.c.contact_id, CALLS.c.begun_at)
    .where(
        among(CALLS.c.contact_id, "ids"),
        CALLS.c.begun_at.is_not(None),
        CALLS.c.begun_at > bindparam("since"),
        CALLS.c.state != literal_column("'refused'"),
    )
    .order_by(CALLS.c.begun_at)
)


def begun(connection: Connection, ids: Collection[int]) -> dict[int, datetime]:
    """When these calls were placed, by id; those that never were are left out."""
    if not ids:
        return {}
    rows = connection.execute(_BEGUN, {"ids": sorted(ids)})
    return {row[0]: row[1] for row in rows if row[1] is not None}


def before(
    connection: Connection, experiment_id: int, contacts: Collection[int]
) -> dict[tuple[int, int], tuple[datetime, Disposition]]:
    """When each ended attempt of these contacts was placed and how it ended, by contact and attempt."""
    rows = connection.execute(_BEFORE, {"experiment": experiment_id, "contacts": sorted(set(contacts))})
    return {(row[0], row[1]): (row[2], DISPOSITIONS[row[3]]) for row in rows if row[2] is not None}


def begun_since(connection: Connection, contact_ids: Iterable[int], since: datetime) -> dict[int, list[datetime]]:
    """The instants after `since` at which these contacts were called, earliest first; only who was called."""
    found: dict[int, list[datetime]] = {}
    for batch in batches(contact_ids):
        for contact_id, at in connection.execute(_SINCE, {"ids": batch, "since": since}).all():
            found.setdefault(contact_id, []).append(at)
    return found
