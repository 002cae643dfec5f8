"""Calls that were planned and will not be placed, because the contact may not be called any more.

Each is canceled, and the contact is kept among those who were not called, or not again, with the rule.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from engine.store import roster
from engine.store.queue import CALLS, CONTACTS, cancel_contacts, chunks, planned_of

_PLANNED = select(CALLS.c.experiment_id, CALLS.c.contact_id).where(planned_of("ids"))


def cancel_and_refuse(connection: Connection, contact_ids: Iterable[int], rule: str, now: datetime) -> None:
    """Cancel every planned call of these contacts, in every experiment, and keep the refusals by this rule."""
    ids = sorted(set(contact_ids))
    refused: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for experiment_id, contact_id in connection.execute(_PLANNED, {"ids": ids}).all():
        refused[experiment_id].append((contact_id, rule))
    for experiment_id, contacts in refused.items():
        roster.refuse(connection, experiment_id, contacts, now)
    cancel_contacts(connection, ids, rule)


def cancel_and_refuse_phones(connection: Connection, phones: Sequence[str], rule: str, now: datetime) -> None:
    """The same for the contacts who have these numbers."""
    for part in chunks(sorted(set(phones))):
        ids = connection.execute(select(CONTACTS.c.id).where(CONTACTS.c.phone.in_(part))).scalars()
        cancel_and_refuse(connection, ids, rule, now)
