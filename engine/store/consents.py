"""What people agreed to: one consent for each contact, or that it was taken back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from engine.core.consents import Consent
from engine.store.bulk import Adding, among
from engine.store.roster import batches
from engine.store.tables import ConsentRow, table

CONSENTS = table(ConsentRow)

_OF = select(
    CONSENTS.c.contact_id,
    CONSENTS.c.basis,
    CONSENTS.c.given_at,
    CONSENTS.c.source,
    CONSENTS.c.proof,
    CONSENTS.c.withdrawn,
).where(among(CONSENTS.c.contact_id, "ids"))
_ANY = select(CONSENTS.c.contact_id).limit(1)
_DROP = delete(CONSENTS).where(among(CONSENTS.c.contact_id, "ids"))
_ADD = Adding(ConsentRow, ("contact_id", "basis", "given_at", "source", "proof", "withdrawn"), ("recorded_at",))


def of(connection: Connection, contact_ids: Iterable[int]) -> dict[int, Consent]:
    """The consents of these contacts, those that were taken back among them."""
    found: dict[int, Consent] = {}
    for batch in batches(contact_ids):
        for row in connection.execute(_OF, {"ids": batch}).all():
            found[row[0]] = Consent(*row[1:5], bool(row[5]))
    return found


def keep(connection: Connection, given: Mapping[int, Consent], now: datetime) -> int:
    """Keep what contacts agreed to; returns how many are new or other than before.

    What was taken back stays so, unless a consent was given after it.
    """
    known = of(connection, sorted(given))
    changed = {
        contact_id: consent
        for contact_id, consent in given.items()
        if consent != known.get(contact_id) and not stands(known.get(contact_id), consent)
    }
    _write(connection, sorted(changed.items()), now)
    return len(changed)


def stands(kept: Consent | None, new: Consent) -> bool:
    """Whether a withdrawal that is kept stands against a consent."""
    if kept is None or not kept.withdrawn or new.withdrawn:
        return False
    return new.at is None or (kept.at is not None and new.at <= kept.at)


def withdraw(connection: Connection, asked: Mapping[int, datetime], source: str, now: datetime) -> int:
    """These contacts took back, at these times, what they had agreed to; returns how many had.

    The basis and its proof are kept. A consent that was given later stands.
    """
    known = of(connection, sorted(asked))
    rows = []
    for contact_id, at in sorted(asked.items()):
        before = known.get(contact_id)
        if before is not None and not before.withdrawn and (before.at is None or before.at <= at):
            rows.append((contact_id, Consent(before.basis, at, source, before.proof, withdrawn=True)))
    _write(connection, rows, now)
    return len(rows)


def _write(connection: Connection, rows: Sequence[tuple[int, Consent]], now: datetime) -> None:
    for batch in batches(rows):
        connection.execute(_DROP, {"ids": [contact_id for contact_id, _ in batch]})
        values = [(contact_id, one.basis, one.at, one.source, one.proof, one.withdrawn) for contact_id, one in batch]
        _ADD.run(connection, values, recorded_at=now)


def any_kept(connection: Connection) -> bool:
    """Whether anybody's consent is kept at all: most rosters of some regions have none."""
    return connection.execute(_ANY).first() is not None
