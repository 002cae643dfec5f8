"""Times of orders that calls follow: a time that cannot be is told, and nobody is called by it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.core.contacts import Contact
from engine.core.experiments import LIVE, Experiment
from engine.intake.rejects import Reject
from engine.store import records
from engine.workspace import SIMULATED, Workspace

SKEW = timedelta(minutes=10)  # how far the clocks of two systems may be apart
FILE_SKEW = timedelta(days=1)  # times of a file may be of a zone that its numbers do not tell
OLDEST = timedelta(days=730)
CURE = "give the time of the last order with its zone, as 2026-11-23T09:00+08:00, or leave it out"


def wrong_time(ordered_at: datetime | None, now: datetime, ahead: timedelta = SKEW) -> str:
    """Why no call can follow an order of this time; "" when one can."""
    if ordered_at is None:
        return ""
    if ordered_at > now + ahead:
        return "the time of the order is in the future"
    return "the order is years old" if ordered_at < now - OLDEST else ""


def are_followed(workspace: Workspace, experiment: Experiment | None) -> bool:
    """Whether calls follow the orders of a file: of this experiment, or of the live ones that call the whole roster.

    A simulated campaign has a clock of its own, which may be behind the orders of its file.
    """
    if experiment is not None:
        return experiment.adapter != SIMULATED and _follows(experiment)
    with workspace.database.reading() as connection:
        live = [record.experiment for record in records.everything(connection, LIVE)]
    return any(one.audience.roster and _follows(one) for one in live)


def _follows(experiment: Experiment) -> bool:
    return any(treatment.timing.after_order is not None for treatment in experiment.treatments.values())


def timely(contacts: Sequence[Contact], now: datetime) -> tuple[list[Contact], list[Reject]]:
    """The contacts whose order calls can follow, and rejects of the others."""
    reasons = [wrong_time(contact.ordered_at, now, FILE_SKEW) for contact in contacts]
    fine = [contact for contact, reason in zip(contacts, reasons, strict=True) if not reason]
    wrong = [(contact.key, reason) for contact, reason in zip(contacts, reasons, strict=True) if reason]
    return fine, [Reject(0, f"{reason}, that of {key!r}", CURE) for key, reason in wrong]
