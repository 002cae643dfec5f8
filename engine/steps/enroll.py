"""Contacts in, assignments and first calls out.

Enrolling is idempotent: who has an arm keeps it, and late arrivals continue the blocks where the last
deal stopped.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from engine.core.assignment import Assignment, deal, order
from engine.core.calls import first_attempt
from engine.core.combinations import arms_of
from engine.core.contacts import Contact, ContactColumns
from engine.core.experiments import HOLDOUT, LIVE, Experiment
from engine.core.factorial import deal_combinations
from engine.definitions.loading import load_text
from engine.definitions.reading import read_text
from engine.errors import InputError, NotNow
from engine.intake.phones import Number, normalize
from engine.steps import receive
from engine.steps.eligibility import Pack, eligible, wanted_of
from engine.steps.resting import undealt_levels
from engine.steps.size import people_wanted
from engine.store import ledger, outcomes, queue, records, roster
from engine.workspace import Workspace

BATCH = 10_000
Progress = Callable[[int, int], None]
TAKEN_CURE = "one number belongs to one contact: correct the key or the number"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a start or an arrival of contacts came to. `rejects` is the file with the rows that cannot be used."""

    experiment: str
    new: bool = False
    imported: int = 0
    rejected: int = 0
    rejects: Path | None = None
    assigned: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

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
    assigned, refused = enroll(workspace, experiment, experiment_id, among, now)
    receive.join_unmatched(workspace, ledger.CONVERSIONS, now)
    return Enrolled(
        experiment.name, known is None, imported.kept if imported else 0, imported.rejected if imported else 0,
        imported.rejects if imported else None, assigned, refused,
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
    enroll(workspace, experiment, experiment_id, None, now)
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
        else:
            people.append(_person(given, number))
    with workspace.database.writing() as connection:
        counted = roster.import_contacts(connection, people, now)
        ids = roster.find(connection, [person.key for person in people])
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
            assigned, _ = enroll(workspace, record.experiment, record.id, ids, now)
            taken[record.name] = sum(assigned.values())
    return taken


def _person(given: Mapping[str, Any], number: Number) -> Contact:
    zones = (given["timezone"],) if given.get("timezone") else number.timezones
    return Contact(
        str(given["key"]), number.e164, number.region, zones, str(given.get("name") or ""), given.get("ordered_at"),
        {str(name): str(value) for name, value in (given.get("attributes") or {}).items()},
    )  # fmt: skip


def _require_brand(experiment: Experiment) -> None:
    if experiment.adapter != "simulated" and not experiment.values.get("brand"):
        raise InputError("say who is calling before real people are called: values: {brand: …} in the experiment file")


def _create(workspace: Workspace, experiment: Experiment, source: str, folder: Path, now: datetime) -> int:
    wanted = people_wanted(experiment)
    planned = sum(wanted.values()) if wanted else 0
    with workspace.database.writing() as connection:
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
    for batch in read_contacts(path, columns, region, progress=progress):
        with workspace.database.writing() as connection:
            counted = roster.import_contacts(connection, batch.contacts, now)
            found = roster.find(connection, [contact.key for contact in batch.contacts])
        taken = set(counted.taken)
        ids.extend(found[contact.key] for contact in batch.contacts if contact.key not in taken)
        rejects += batch.rejects
        rejects += [Reject(0, f"the number of {key!r} belongs to another contact", TAKEN_CURE) for key in counted.taken]
    if rejects:
        write_rejects(place, open_rows(path).columns, rejects)
    return Imported(ids, len(ids), len(rejects), place if rejects else None)


def enroll(
    workspace: Workspace,
    experiment: Experiment,
    experiment_id: int,
    among: Sequence[int] | None,
    now: datetime,
) -> tuple[dict[str, int], dict[str, int]]:
    """Deal arms to who has none yet; returns the new assignments per arm and the refusals per rule."""
    with workspace.database.writing() as connection:
        chosen, refused = _choose(connection, experiment, experiment_id, among)
        roster.refuse(connection, experiment_id, refused, now)
        assigned: Counter[str] = Counter()
        for part in _parts(_deal(connection, experiment, experiment_id, chosen)):
            roster.assign(connection, experiment_id, part, now)
            _plan_first(connection, experiment, experiment_id, part, now)
            assigned.update(assignment.arm for _, assignment, _ in part)
    return dict(assigned), dict(Counter(rule for _, rule in refused))


Chosen = list[tuple[str, str, int]]  # key, stratum, id


def _choose(
    connection: Connection, experiment: Experiment, experiment_id: int, among: Sequence[int] | None
) -> tuple[list[tuple[Pack, Chosen]], list[tuple[int, str]]]:
    """Who may be dealt an arm, pack by pack, and who may not, as (id, rule)."""
    chosen: dict[str, tuple[Pack, Chosen]] = {}
    refused: list[tuple[int, str]] = []
    for pack, candidate in eligible(connection, experiment, experiment_id, among):
        if candidate.refused:
            refused.append((candidate.id, candidate.refused))
        else:
            people = chosen.setdefault(pack.name, (pack, []))[1]
            people.append((candidate.key, pack.name + candidate.stratum, candidate.id))
    return list(chosen.values()), refused


def _deal(
    connection: Connection, experiment: Experiment, experiment_id: int, chosen: list[tuple[Pack, Chosen]]
) -> Iterator[tuple[int, Assignment, int]]:
    """Deal every pack's arms; ranks interleave the packs, so that all arms are dialed side by side."""
    ids = {key: contact_id for _, people in chosen for key, _, contact_id in people}
    dealt = roster.dealt(connection, experiment_id)
    assigned = roster.assigned(connection, experiment_id)
    first = roster.next_rank(connection, experiment_id)
    wanted = people_wanted(experiment)
    hands: list[Assignment] = []
    undealt = undealt_levels(connection, experiment.name) if experiment.is_factorial else []
    for pack, people in chosen:
        had = sum(count for arm, count in assigned.items() if arm in pack.shares or experiment.is_factorial)
        room = wanted_of(pack, wanted) - had if wanted else len(people)
        keys = ((key, stratum) for key, stratum, _ in people)
        if experiment.is_factorial:
            drawn = deal_combinations(experiment, keys, dealt, undealt)
        else:
            drawn = deal(experiment.name, pack.shares, keys, dealt)
        hands += islice(drawn, max(room, 0))
    if len(chosen) > 1:
        hands.sort(key=lambda assignment: order(experiment.name, assignment.contact))
    for rank, assignment in enumerate(hands, start=first):
        yield ids[assignment.contact], assignment, rank


def _parts(dealt: Iterable[tuple[int, Assignment, int]]) -> Iterable[list[tuple[int, Assignment, int]]]:
    part: list[tuple[int, Assignment, int]] = []
    for hand in dealt:
        part.append(hand)
        if len(part) == BATCH:
            yield part
            part = []
    if part:
        yield part


def _plan_first(
    connection: Connection,
    experiment: Experiment,
    experiment_id: int,
    part: list[tuple[int, Assignment, int]],
    now: datetime,
) -> None:
    """Queue the first calls; who will not be called is refused, and mature when the window after now closes."""
    contacts = roster.contacts(connection, [contact_id for contact_id, _, _ in part])
    calls, refused = [], []
    mature = {}
    for contact_id, assignment, rank in part:
        if assignment.arm == HOLDOUT:
            mature[contact_id] = now + experiment.conversion.within
            continue
        call = first_attempt(experiment, contacts[contact_id], assignment.arm, rank, now)
        if call is None:
            refused.append((contact_id, "window"))
            mature[contact_id] = now + experiment.conversion.within
        else:
            calls.append((contact_id, call))
    queue.plan(connection, experiment_id, calls)
    roster.refuse(connection, experiment_id, refused, now)
    outcomes.mature_at(connection, experiment_id, mature)
