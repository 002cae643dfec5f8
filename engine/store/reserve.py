"""The reserve: people who are in a live experiment and have not drawn an arm yet, in the experiment's order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select

from engine.store.bulk import Adding, among
from engine.store.roster import CONTACTS, RESERVE, batches
from engine.store.suppressions import NOW, SUPPRESSIONS, listed
from engine.store.tables import ReserveRow


@dataclass(frozen=True, slots=True)
class Reserved:
    """A contact who is next in the order; one who is `suppressed` by now draws no arm."""

    id: int
    key: str
    stratum: str
    suppressed: bool


_PUT = Adding(ReserveRow, ("contact_id", "pack", "stratum", "standing"), ("experiment_id",), new=True)
_FIRST = (
    select(RESERVE.c.contact_id, CONTACTS.c.key, RESERVE.c.stratum, SUPPRESSIONS.c.phone)
    .join(CONTACTS, CONTACTS.c.id == RESERVE.c.contact_id)
    .outerjoin(SUPPRESSIONS, listed(NOW))
    .where(RESERVE.c.experiment_id == bindparam("experiment"), RESERVE.c.pack == bindparam("pack"))
    .order_by(RESERVE.c.standing, RESERVE.c.contact_id)
    .limit(bindparam("most"))
)
_TAKE = delete(RESERVE).where(RESERVE.c.experiment_id == bindparam("experiment"), among(RESERVE.c.contact_id, "ids"))
_ANY = select(RESERVE.c.contact_id).where(RESERVE.c.experiment_id == bindparam("experiment")).limit(1)


def put(connection: Connection, experiment_id: int, rows: Sequence[tuple[int, str, str, int]]) -> None:
    """Keep these (contact, pack, stratum, standing) until their turn comes."""
    for batch in batches(rows):
        _PUT.run(connection, batch, experiment_id=experiment_id)


def first(connection: Connection, experiment_id: int, pack: str, most: int, now: datetime) -> list[Reserved]:
    """At most so many of a pack, in the experiment's order."""
    rows = connection.execute(_FIRST, {"experiment": experiment_id, "pack": pack, "most": most, "now": now}).all()
    return [Reserved(row[0], row[1], row[2], row[3] is not None) for row in rows]


def take(connection: Connection, experiment_id: int, contact_ids: Collection[int]) -> None:
    """Take these out: they drew an arm, or were refused one."""
    for batch in batches(contact_ids):
        connection.execute(_TAKE, {"experiment": experiment_id, "ids": batch})


def is_empty(connection: Connection, experiment_id: int) -> bool:
    """Whether everybody who is in has drawn an arm."""
    return connection.execute(_ANY, {"experiment": experiment_id}).first() is None


def counts(connection: Connection, experiment_id: int) -> dict[str, int]:
    """How many wait for their turn, by pack."""
    query = select(RESERVE.c.pack, func.count()).where(RESERVE.c.experiment_id == experiment_id)
    return {row[0]: row[1] for row in connection.execute(query.group_by(RESERVE.c.pack))}


def release(connection: Connection, experiment_id: int) -> None:
    """Let everybody go who has no arm: the experiment is over, and others may call them."""
    connection.execute(delete(RESERVE).where(RESERVE.c.experiment_id == experiment_id))
