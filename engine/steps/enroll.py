"""Contacts in, assignments and first calls out.

Enrolling is idempotent: who has an arm keeps it, and late arrivals continue the blocks where the last
deal stopped. Where a race may drop arms, people wait in reserve until it is their turn to draw one.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from engine.core.assignment import order, standing
from engine.core.combinations import arms_of
from engine.core.consents import Consent, read_consent
from engine.core.contacts import Contact, ContactColumns
from engine.core.experiments import HOLDOUT, LIVE, Experiment
from engine.definitions.loading import load_text
from engine.definitions.reading import read_text
from engine.errors import InputError, NotNow
from engine.intake.phones import Number, normalize
from engine.steps import orders, receive
from engine.steps.deal import Person, deal_among, fill_part
from engine.steps.eligibility import Pack, eligible, wanted_of
from engine.steps.parts import in_parts
from engine.steps.size import people_wanted
from engine.store import consents, ledger, records, reserve, roster
from engine.store.locking import hold
from engine.workspace import Workspace

Progress = Callable[[int, int], None]
TAKEN_CURE = "one number belongs to one contact: correct the key or the number"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a start or an arrival of contacts came to.

    `rejects` is the file with the rows that cannot be used; `undealt` are people who are in and draw their arm later.
    """

    experiment: str
    new: bool = False
    imported: int = 0
    rejected: int = 0
    rejects: Path | None = None
    assigned: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    undealt: int = 0

    @property
    def per_arm(self) -> dict[str, int]:
        """The new assignments by arm: who drew a combination counts in each of its arms."""
        counted: Counter[str] = Counter()
        for combination, count in self.assigned.items():
            counted.update(dict.fromkeys(arms_of(combination) or (combination,), count))
        return dict(counted)


def start(workspace: Workspace, path: Path, now: datetime, progress: Progress | None = None) -> Enrolled:
    """Import the contacts of an experiment file, deal the arms and plan the first calls.

    The same file again changes nothing but to enroll who came since; a changed file of a started
    experiment is refused (law 8).
    """
    experiment = workspace.load(path)
    contacts = workspace.contact_file(experiment, path)
    _require_brand(experiment)
    with workspace.database.reading() as connection:
        known = records.find(connection, experiment.name)
    if known and known.fingerprint != experiment.fingerprint:
        raise NotNow(
            f"{path}: {experiment.name} is {known.state} and does not change (it was started as {known.fingerprint}, "
            f"this file is {experiment.fingerprint}); give the changed file another name"
        )
    if known and known.state not in LIVE:
        raise NotNow(f"{path}: {experiment.name} is {known.state}; give the next round another name")
    imported = import_file(workspace, experiment, contacts, now, progress) if contacts else None
    experiment_id = known.id if known else _create(workspace, experiment, read_text(path), path.resolve().parent, now)
    among = None if imported is None else imported.ids
    taken = enroll(workspace, experiment, experiment_id, among, now, opening=True)
    receive.join_unmatched(workspace, ledger.CONVERSIONS, now)
    return Enrolled(
        experiment.name, known is None, imported.kept if imported else 0, imported.rejected if imported else 0,
        imported.rejects if imported else None, taken.assigned, taken.refused, taken.undealt,
    )  # fmt: skip


def create(workspace: Workspace, text: str, now: datetime) -> Experiment:
    """Start an experiment from the text of its file, over people already in the roster.

    Raises ProblemsFound, InputError when it wants a contact file, and NotNow when the name is taken.
    """
    place = workspace.folder / "experiments" / "posted.yaml"
    experiment = load_text(text, place, workspace.surroundings(place))
    if not experiment.audience.roster:
        raise InputError("audience: an experiment that is posted calls people of the roster; write `roster: true`")
    _require_brand(experiment)
    with workspace.database.reading() as connection:
        known = records.find(connection, experiment.name)
    if known and known.fingerprint != experiment.fingerprint:
        raise NotNow(f"{experiment.name} is {known.state} and does not change; give it another name")
    experiment_id = known.id if known else _create(workspace, experiment, text, workspace.folder, now)
    enroll(workspace, experiment, experiment_id, None, now, opening=True)
    return experiment


def add_contacts(workspace: Workspace, contacts: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """Take in contacts, such as who has just ordered, and deal them into every running experiment that they fit.

    Each has `key` and `phone`, and may have `name`, `region`, `timezone`, `ordered_at` and `attributes`. What
    cannot be used is told by its place. Who is known already keeps its arms.
    """
    people: list[Contact] = []
    rejected: list[dict[str, Any]] = []
    for place, given in enumerate(contacts, start=1):
        number = normalize(str(given["phone"]), str(given.get("region") or "CN"))
        if not isinstance(number, Number):
            rejected.append({"contact": place, "reason": number.reason, "cure": number.cure})
        elif reason := orders.wrong_time(given.get("ordered_at"), now):
            rejected.append({"contact": place, "reason": reason, "cure": orders.CURE})
        else:
            people.append(_person(given, number))
    with workspace.database.writing() as connection:
        counted = roster.import_contacts(connection, people, now)
        ids = roster.find(connection, [person.key for person in people])
        keep_consents(connection, people, ids, set(counted.taken), now)
    rejected += [{"contact": key, "reason": "the number belongs to another contact"} for key in counted.taken]
    enrolled = enroll_late(workspace, sorted(ids.values()), now, roster_only=False)
    if counted.new:
        receive.join_unmatched(workspace, ledger.CONVERSIONS, now)
    return {
        "imported": counted.new, "changed": counted.changed, "repeated": counted.same, "rejected": rejected,
        "enrolled": enrolled,
    }  # fmt: skip


def enroll_late(workspace: Workspace, ids: Sequence[int], now: datetime, *, roster_only: bool) -> dict[str, int]:
    """Deal who came late into the live experiments, oldest first; returns how many each took.

    With `roster_only`, into those alone that call whoever is in the roster.
    """
    with workspace.database.reading() as connection:
        live = records.everything(connection, LIVE)[::-1]
    taken: dict[str, int] = {}
    for record in live:
        if record.experiment.audience.roster or not roster_only:
            taken[record.name] = enroll(workspace, record.experiment, record.id, ids, now).new
    return taken


def _person(given: Mapping[str, Any], number: Number) -> Contact:
    zones = (given["timezone"],) if given.get("timezone") else number.timezones
    return Contact(
        str(given["key"]), number.e164, number.region, zones, str(given.get("name") or ""), given.get("ordered_at"),
        {str(name): str(value) for name, value in (given.get("attributes") or {}).items()}, _consent(given),
    )  # fmt: skip


def _consent(given: Mapping[str, Any]) -> Consent | None:
    said = given.get("consent")
    if not said:
        return None
    return read_consent(said["basis"], said.get("at"), said.get("source", ""), said.get("proof", ""))


def _require_brand(experiment: Experiment) -> None:
    if experiment.adapter != "simulated" and not experiment.values.get("brand"):
        raise InputError("say who is calling before real people are called: values: {brand: …} in the experiment file")


def _create(workspace: Workspace, experiment: Experiment, source: str, folder: Path, now: datetime) -> int:
    wanted = people_wanted(experiment)
    planned = sum(wanted.values()) if wanted else 0
    with workspace.database.writing() as connection:
        hold(connection, "experiments")
        known = records.find(connection, experiment.name)
        if known:  # another process has just started it
            if known.fingerprint != experiment.fingerprint:
                raise NotNow(f"{experiment.name} is {known.state} and does not change; give it another name")
            return known.id
        made = records.create(connection, experiment, source, str(folder), planned, now)
        records.audit(connection, now, "command line", "start", experiment.name, experiment.fingerprint)
    return made


@dataclass(frozen=True, slots=True)
class Imported:
    """Contacts of a file that are in the roster now."""

    ids: Sequence[int]
    kept: int
    rejected: int
    rejects: Path | None


def import_file(
    workspace: Workspace,
    experiment: Experiment | None,
    path: Path,
    now: datetime,
    progress: Progress | None = None,
    *,
    columns: ContactColumns | None = None,
    region: str = "CN",
) -> Imported:
    """Read a contact file into the roster; rows that cannot be used go to a rejects file beside the database."""
    from engine.intake.contacts import read_contacts
    from engine.intake.rejects import Reject, write_rejects
    from engine.intake.rows import open_rows

    columns = experiment.audience.columns if experiment else columns or ContactColumns()
    region = experiment.audience.region if experiment else region
    place = (workspace.database.path or path).with_name(f"{experiment.name if experiment else path.stem}.rejects.csv")
    ids: list[int] = []
    rejects: list[Reject] = []
    followed = orders.are_followed(workspace, experiment)
    for batch in read_contacts(path, columns, region, progress=progress):
        contacts, untimely = orders.timely(batch.contacts, now) if followed else (batch.contacts, [])
        rejects += untimely
        with workspace.database.writing() as connection:
            counted = roster.import_contacts(connection, contacts, now)
            found = roster.find(connection, [contact.key for contact in contacts])
            taken = set(counted.taken)
            keep_consents(connection, contacts, found, taken, now)
        ids.extend(found[contact.key] for contact in contacts if contact.key not in taken)
        rejects += batch.rejects
        rejects += [Reject(0, f"the number of {key!r} belongs to another contact", TAKEN_CURE) for key in counted.taken]
    if rejects:
        write_rejects(place, open_rows(path).columns, rejects)
    return Imported(ids, len(ids), len(rejects), place if rejects else None)


def keep_consents(
    connection: Connection, people: Sequence[Contact], ids: Mapping[str, int], taken: Collection[str], now: datetime
) -> None:
    """Keep what people agreed to, as far as their file says."""
    given = {ids[one.key]: one.consent for one in people if one.consent is not None and one.key not in taken}
    if given:
        consents.keep(connection, given, now)


@dataclass(frozen=True, slots=True)
class Taken:
    """Who was taken in: `new` people, arms drawn, refusals per rule; `undealt` are all who wait for their turn."""

    new: int
    assigned: dict[str, int]
    undealt: int
    refused: dict[str, int]


def enroll(
    workspace: Workspace,
    experiment: Experiment,
    experiment_id: int,
    among: Sequence[int] | None,
    now: datetime,
    *,
    opening: bool = False,
) -> Taken:
    """Take in who is not in yet: they draw an arm at once, or when their turn comes where arms may be dropped.

    With `opening` everybody who is in now is what the experiment plans on. Nobody is taken in by an experiment that
    has ended meanwhile.
    """
    with workspace.database.writing() as connection:
        hold(connection, "enrolling")  # a contact is in one experiment of those that share none
        if records.held_state(connection, experiment_id) not in LIVE:
            return Taken(0, {}, 0, {})
        chosen, refused = _choose(connection, experiment, experiment_id, among, now)
        roster.refuse(connection, experiment_id, refused, now)
        people = _within_size(connection, experiment, experiment_id, chosen)
        drawn: Counter[str] = Counter()
        if in_parts(experiment):
            for pack, those in people.items():
                rows = [(id_, pack, stratum, standing(experiment.name, key)) for key, stratum, id_ in those]
                reserve.put(connection, experiment_id, rows)
            drawn = fill_part(connection, experiment, experiment_id, now)
        elif people:
            drawn = deal_among(connection, experiment, experiment_id, people, now)
        undealt = sum(reserve.counts(connection, experiment_id).values())
        if opening:
            called = drawn.total() - drawn[HOLDOUT] + round(undealt * (1 - experiment.audience.holdout))
            records.plan_on(connection, experiment_id, called)
    new = sum(len(those) for those in people.values())
    return Taken(new, dict(drawn), undealt, dict(Counter(rule for _, rule in refused)))


def _choose(
    connection: Connection, experiment: Experiment, experiment_id: int, among: Sequence[int] | None, now: datetime
) -> tuple[list[tuple[Pack, list[Person]]], list[tuple[int, str]]]:
    """Who may be dealt an arm, pack by pack, and who may not, as (id, rule)."""
    chosen: dict[str, tuple[Pack, list[Person]]] = {}
    refused: list[tuple[int, str]] = []
    for pack, candidate in eligible(connection, experiment, experiment_id, among, now):
        if candidate.refused:
            refused.append((candidate.id, candidate.refused))
        else:
            people = chosen.setdefault(pack.name, (pack, []))[1]
            people.append((candidate.key, pack.name + candidate.stratum, candidate.id))
    return list(chosen.values()), refused


def _within_size(
    connection: Connection, experiment: Experiment, experiment_id: int, chosen: list[tuple[Pack, list[Person]]]
) -> dict[str, list[Person]]:
    """Of each pack as many as its size has room for, the first in the experiment's order."""
    wanted = people_wanted(experiment)
    if not wanted:
        return {pack.name: people for pack, people in chosen if people}
    assigned = roster.assigned(connection, experiment_id)
    reserved = reserve.counts(connection, experiment_id)
    found: dict[str, list[Person]] = {}
    for pack, people in chosen:
        drawn = (count for arm, count in assigned.items() if arm in pack.shares or experiment.is_factorial)
        had = sum(drawn) + reserved.get(pack.name, 0)
        room = max(wanted_of(pack, wanted) - had, 0)
        those = people
        if room < len(people):
            those = sorted(people, key=lambda person: order(experiment.name, person[0]))[:room]
        if those:
            found[pack.name] = those
    return found
