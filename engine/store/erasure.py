"""Forgetting one person, while every tally stays what it was.

Number, name, key, attributes and order time go, with the links sent, the words said, and what providers
reported about the person. Assignments, calls, events and outcomes stay, of a contact who means nobody. What
is on the suppression list stays there: not to be called outlives the person.
"""

import re

from sqlalchemy import Connection, delete, func, select, update

from engine.errors import NotNow
from engine.store import queue, roster
from engine.store.consents import CONSENTS
from engine.store.ledger import CONVERSIONS, EVENTS, REPORTS
from engine.store.messages import MESSAGES
from engine.store.queue import CALLS, CONTACTS, IS_OPEN
from engine.store.roster import ERASED, RESERVE

PAGE = 1_000  # reports held at once while those about a person are sought
UNSAID = "(erased)"


def erase(connection: Connection, key_or_phone: str) -> str:
    """Forget a contact, whose planned calls are canceled; returns the name under which its facts stay.

    Raises NotFound, and NotNow while a call to the contact may still be reported.
    """
    contact_id, contact = roster.show(connection, key_or_phone)
    roster.hold(connection, [contact_id])
    queue.cancel_contacts(connection, [contact_id], "erased")  # first, so that none is begun while it is looked
    under_way = select(func.count()).where(CALLS.c.contact_id == contact_id, IS_OPEN)
    if connection.execute(under_way).scalar_one():
        raise NotNow("a call to this contact is under way or its fate is unknown; erase again when it is settled")
    connection.execute(delete(RESERVE).where(RESERVE.c.contact_id == contact_id))
    connection.execute(delete(CONSENTS).where(CONSENTS.c.contact_id == contact_id))
    unnamed = f"{ERASED}{contact_id}"
    calls = _rename_calls(connection, contact_id, unnamed)
    _empty_events(connection, contact_id, contact.key, unnamed, calls)
    connection.execute(
        update(CONTACTS)
        .where(CONTACTS.c.id == contact_id)
        .values(key=unnamed, phone=unnamed, name="", attributes="{}", ordered_at=None)
    )
    _drop_reports(connection, [contact.phone.lstrip("+")[-10:], contact.key])
    return unnamed


def _rename_calls(connection: Connection, contact_id: int, unnamed: str) -> dict[str, str]:
    """Give the contact's calls and messages keys that name nobody; returns old key → new key of the calls."""
    renamed = {}
    for row in connection.execute(select(CALLS).where(CALLS.c.contact_id == contact_id)).all():
        experiment = row.key.partition("/")[0]
        renamed[row.key] = f"{experiment}/{unnamed}/{row.attempt}"
        new = {"key": renamed[row.key], "provider_id": ""}
        connection.execute(update(CALLS).where(CALLS.c.id == row.id).values(new))
    for row in connection.execute(select(MESSAGES).where(MESSAGES.c.contact_id == contact_id)).all():
        name = f"{ERASED}{row.id}"
        call = renamed.get(row.call, name)
        new = {
            "key": f"{call}/message/{row.id}",
            "call": call,
            "token": name,
            "url": "",
            "provider_id": "",
            "reason": "",
        }
        connection.execute(update(MESSAGES).where(MESSAGES.c.id == row.id).values(new))
    return renamed


def _empty_events(connection: Connection, contact_id: int, key: str, unnamed: str, calls: dict[str, str]) -> None:
    """Take what was said and every name out of the contact's events, those not yet joined among them."""
    early = EVENTS.c.contact_id.is_(None) & (
        EVENTS.c.call.in_(list(calls)) | ((EVENTS.c.source == CONVERSIONS) & (EVENTS.c.provider_id == key))
    )
    rows = connection.execute(select(EVENTS).where((EVENTS.c.contact_id == contact_id) | early)).all()
    for row in rows:
        new = {
            "key": f"{ERASED}{row.id}", "call": calls.get(row.call, ""), "provider_id": "", "detail": "",
            "questions": UNSAID if row.questions else "", "contact_id": contact_id,
        }  # fmt: skip
        connection.execute(update(EVENTS).where(EVENTS.c.id == row.id).values(new))


def _drop_reports(connection: Connection, names: list[str]) -> None:
    """Delete the reports in which one of these names stands, as it is or with its slashes escaped."""
    spelled = [spelling for name in names for spelling in (name, name.replace("/", "\\/"))]
    sought = re.compile(b"|".join(re.escape(spelling.encode()) for spelling in spelled))
    after = 0
    query = select(REPORTS.c.id, REPORTS.c.body).order_by(REPORTS.c.id).limit(PAGE)
    while rows := connection.execute(query.where(REPORTS.c.id > after)).all():
        about = [row.id for row in rows if sought.search(row.body)]
        for part in queue.chunks(about):
            connection.execute(delete(REPORTS).where(REPORTS.c.id.in_(part)))
        after = rows[-1].id
