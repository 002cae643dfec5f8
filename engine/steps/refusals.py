"""What a person's no comes to: for how long nobody calls, and the end of what was agreed to.

A complaint holds for ever. A mere no holds as long as the region says, for ever where it says nothing. Either
takes the person's consent back, so that where a consent is needed nobody calls when the time is over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.core.events import Event, Kind
from engine.core.experiments import CONTROL, Experiment
from engine.steps.ruling import Reach
from engine.store import consents, roster, suppressions
from engine.store.suppressions import Why


@dataclass(frozen=True, slots=True)
class Said:
    """A contact asked not to be called, in an experiment, last at `at`."""

    contact_id: int
    experiment: Experiment
    at: datetime
    complaint: bool


def said_in(events: Iterable[Event], contact_id: int, experiment: Experiment) -> Said:
    """What events say that come to an opt-out or a complaint."""
    against = [event for event in events if event.opt_out or event.kind in (Kind.OPTED_OUT, Kind.COMPLAINED)]
    complaint = any(event.kind is Kind.COMPLAINED for event in against)
    return Said(contact_id, experiment, max(event.at for event in against), complaint)


def keep(connection: Connection, said: Iterable[Said], now: datetime) -> set[int]:
    """Put who said no on the suppression list; returns who is on it now, for a block that is over holds no more."""
    told = list(said)
    people = roster.contacts(connection, sorted({one.contact_id for one in told}))
    ends: dict[Why, dict[str, datetime | None]] = {Why.OPTED_OUT: {}, Why.COMPLAINT: {}}
    reaches: dict[str, Reach] = {}
    asked: dict[int, datetime] = {}
    for one in told:
        contact = people[one.contact_id]
        reach = reaches.setdefault(one.experiment.name, Reach(one.experiment))
        bounds = reach.bounds(CONTROL, contact)
        kind = Why.COMPLAINT if one.complaint else Why.OPTED_OUT
        end = None if one.complaint or bounds.block is None else one.at + bounds.block
        asked[one.contact_id] = max(one.at, asked.get(one.contact_id, one.at))
        if end is None or end > now:
            known = ends[kind].get(contact.phone, end)
            ends[kind][contact.phone] = None if known is None or end is None else max(known, end)
    for kind, phones in ends.items():
        limited = {phone: end for phone, end in phones.items() if end is not None}
        suppressions.add(connection, phones, "opted_out", "call", now, kind=kind, until=limited)
    consents.withdraw(connection, asked, "call", now)
    listed = {phone for phones in ends.values() for phone in phones}
    return {contact_id for contact_id, contact in people.items() if contact.phone in listed}
