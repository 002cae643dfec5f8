"""Forgetting one person, while every tally stays what it was.

Name, number, key, attributes and order time go, and with them what the person said and what providers sent
about the number. The assignment, the calls and the outcome stay, of a contact without a name.
"""

import re

from sqlalchemy import Connection, delete, select, update

from engine.store import queue
from engine.store.ledger import CONTACTS, EVENTS, REPORTS
from engine.store.roster import ERASED

PAGE = 1_000  # reports held at once while those about a number are sought


def erase(connection: Connection, contact_id: int, phone: str) -> int:
    """Forget the contact of this row; what is planned for it is canceled. Returns how many reports went with it."""
    queue.cancel_contacts(connection, [contact_id], "erased")
    unnamed = f"{ERASED}{contact_id}"
    connection.execute(
        update(CONTACTS)
        .where(CONTACTS.c.id == contact_id)
        .values(key=unnamed, phone=unnamed, name="", attributes="{}", ordered_at=None)
    )
    of_contact = EVENTS.c.contact_id == contact_id
    connection.execute(update(EVENTS).where(of_contact).values(questions="", detail=""))
    connection.execute(update(EVENTS).where(of_contact, EVENTS.c.source == "conversions").values(provider_id=""))
    about = _reports_about(connection, phone)
    for part in queue.chunks(about):
        connection.execute(delete(REPORTS).where(REPORTS.c.id.in_(part)))
    return len(about)


def _reports_about(connection: Connection, phone: str) -> list[int]:
    """The reports in which the number stands, in whole or without its country code."""
    digits = re.escape(phone.lstrip("+")[-10:].encode())
    found: list[int] = []
    after = 0
    query = select(REPORTS.c.id, REPORTS.c.body).order_by(REPORTS.c.id).limit(PAGE)
    while rows := connection.execute(query.where(REPORTS.c.id > after)).all():
        found += [row.id for row in rows if re.search(digits, row.body)]
        after = rows[-1].id
    return found
