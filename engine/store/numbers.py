"""Who has a number."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from engine.store.roster import CONTACTS, batches


def keys_of(connection: Connection, phones: Iterable[str]) -> dict[str, str]:
    """The keys of the contacts with these numbers (E.164), by number; a number that nobody has is left out."""
    query = select(CONTACTS.c.phone, CONTACTS.c.key)
    return {
        row.phone: row.key
        for batch in batches(phones)
        for row in connection.execute(query.where(CONTACTS.c.phone.in_(batch)))
    }
