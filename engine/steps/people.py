"""The roster by hand: who is in it, showing one, forgetting one, and conversions from a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.core.consents import Consent
from engine.core.contacts import Contact, ContactColumns
from engine.core.experiments import Experiment
from engine.errors import InputError
from engine.intake.conversions import ConversionBatch, read_conversions
from engine.intake.phones import Number, normalize
from engine.intake.rejects import Reject, write_rejects
from engine.intake.rows import Progress, open_rows
from engine.steps import enroll, receive
from engine.store import cancellations, consents, erasure, ledger, numbers, outcomes, records, roster, suppressions
from engine.workspace import Workspace

NOBODY = "no contact has this number"
NOBODY_CURE = "import the contact first, or name who it was by key"


@dataclass(frozen=True, slots=True)
class Person:
    """One contact with the arm drawn in each experiment."""

    contact: Contact
    suppressed: bool
    arms: Mapping[str, str]
    consent: Consent | None = None


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a file of conversions came to. `rejects` is the file with the rows that cannot be used."""

    read: int
    new: int
    rejected: int
    rejects: Path | None


def import_contacts(
    workspace: Workspace,
    path: Path,
    columns: ContactColumns,
    region: str,
    now: datetime,
    progress: Progress | None = None,
) -> tuple[enroll.Imported, int]:
    """Read a contact file into the roster, and deal who is new into the experiments that call the whole roster.

    Returns the import, and how many earlier conversions found their contact.
    """
    imported = enroll.import_file(workspace, None, path, now, progress, columns=columns, region=region)
    enroll.enroll_late(workspace, imported.ids, now, roster_only=True)
    return imported, receive.join_unmatched(workspace, ledger.CONVERSIONS, now)


def show(workspace: Workspace, key_or_phone: str, now: datetime, region: str = "CN") -> Person:
    """The contact of this key, else of this number; raises NotFound, which shows no number."""
    with workspace.database.reading() as connection:
        contact_id, contact = roster.show(connection, _named(key_or_phone, region))
        arms = {
            _experiment(connection, one.experiment_id).name: one.arm
            for one in outcomes.assignments(connection, [contact_id])
        }
        kept = consents.of(connection, [contact_id]).get(contact_id)
        return Person(contact, suppressions.contains(connection, contact.phone, now), arms, kept)


def _named(key_or_phone: str, region: str) -> str:
    """A number that is written with its country code as the roster keeps it; everything else as it is."""
    if not key_or_phone.startswith("+"):
        return key_or_phone
    number = normalize(key_or_phone, region)
    return number.e164 if isinstance(number, Number) else key_or_phone


def _experiment(connection: Any, experiment_id: int) -> Experiment:
    return records.by_id(connection, experiment_id).experiment


def erase(workspace: Workspace, key_or_phone: str, who: str, now: datetime, region: str = "CN") -> str:
    """Forget one person for good; the tallies stay. Returns the name under which the facts stay.

    Raises NotFound, and NotNow while a call to the person may still be reported.
    """
    with workspace.database.writing() as connection:
        unnamed = erasure.erase(connection, _named(key_or_phone, region))
        records.audit(connection, now, who, "erase", unnamed)
    return unnamed


def withdraw(workspace: Workspace, key_or_phone: str, who: str, now: datetime, region: str = "CN") -> bool:
    """Keep that a person took a consent back, and cancel what is planned; returns whether there was a consent.

    Nobody calls the person again until a consent is given that is later; raises NotFound.
    """
    with workspace.database.writing() as connection:
        contact_id, contact = roster.show(connection, _named(key_or_phone, region))
        had = consents.withdraw(connection, {contact_id: now}, who, now) > 0
        if not had and contact_id not in consents.of(connection, [contact_id]):
            consents.keep(connection, {contact_id: Consent("", now, who, withdrawn=True)}, now)
        cancellations.cancel_and_refuse(connection, [contact_id], "no_consent", now)
        records.audit(connection, now, who, "withdraw", contact.key)
    return had


def everybody(workspace: Workspace) -> Iterator[Contact]:
    """Every contact of the roster, without holding them all."""
    with workspace.database.reading() as connection:
        yield from roster.export(connection)


def import_conversions(
    workspace: Workspace,
    path: Path,
    now: datetime,
    *,
    region: str = "CN",
    event: str | None = None,
    zone: str | None = None,
    progress: Progress | None = None,
) -> Arrived:
    """Take in a file of conversions, idempotent by id; numbers are read as the contacts who have them."""
    read = new = 0
    rejects: list[Reject] = []
    for batch in read_conversions(path, region, event=event, zone=zone, progress=progress):
        named = _by_key(workspace, batch)
        read += len(batch.conversions) + len(batch.rejects)
        rejects += named.rejects
        new += receive.add_conversions(workspace, named.conversions, now)
    place = (workspace.database.path or path).with_name(f"{path.stem}.rejects.csv")
    if rejects:
        write_rejects(place, open_rows(path).columns, rejects)
    return Arrived(read, new, len(rejects), place if rejects else None)


def _by_key(workspace: Workspace, batch: ConversionBatch) -> ConversionBatch:
    """The batch with keys in the place of numbers; of a number that nobody has nothing is kept but its refusal."""
    if batch.named_by == "key":
        return batch
    with workspace.database.reading() as connection:
        keys = numbers.keys_of(connection, {one.contact for one in batch.conversions})
    known = [replace(one, contact=keys[one.contact]) for one in batch.conversions if one.contact in keys]
    strangers = [Reject(0, NOBODY, NOBODY_CURE)] * (len(batch.conversions) - len(known))
    return ConversionBatch(known, [*batch.rejects, *strangers], "key")


def columns_of(named: Mapping[str, str]) -> ContactColumns:
    """Which column says what; raises InputError for a field that contacts do not have."""
    from engine.errors import did_you_mean

    for name in named:
        if name not in ContactColumns.model_fields:
            raise InputError(f"contacts have no {name!r}{did_you_mean(name, ContactColumns.model_fields)}")
    return ContactColumns(**named)
