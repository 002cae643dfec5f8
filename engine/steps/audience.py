"""Who an experiment may call, and who not and why: counted before the first call, over a file or over the roster.

People are looked at in batches, so that memory does not grow with them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from engine.core import rules
from engine.core.calls import ends, starts
from engine.core.cautions import Caution, cautions
from engine.core.contacts import Contact
from engine.core.experiments import CONTROL, Experiment
from engine.core.regions import Place
from engine.core.rules import RULES, Deferred, Refused
from engine.errors import DatabaseError
from engine.intake.contacts import read_contacts
from engine.regions import rulebook
from engine.steps.eligibility import Pack, eligible, may_call, packs
from engine.steps.ruling import LONGEST, STATE, Facts, Reach, providers_of
from engine.store import consents, roster, suppressions
from engine.store.candidates import Prospect
from engine.store.contacts import attributes_of
from engine.store.roster import batches
from engine.workspace import Workspace

NO_EXPERIMENT = 0  # no experiment has this id: nobody is assigned in it
NEW = ""  # the rule that refuses who may be called


@dataclass(frozen=True, slots=True)
class People:
    """Who may be called. `refused` counts contacts per rule, `rejected` the file's rows that cannot be used.

    `waiting` are callable people who were called so often of late that their first call waits for a cap.
    """

    listed: int
    rejected: int
    left_out: int
    refused: dict[str, int]
    callable: int
    waiting: int = 0


@dataclass(slots=True)
class _Count:
    rules: Counter[str]
    packs: Counter[str]
    listed: int = 0
    rejected: int = 0
    matching: int = 0
    waiting: int = 0

    def people(self) -> People:
        refused = {rule: self.rules[rule] for rule in RULES if self.rules[rule]}
        left_out = self.listed - self.rejected - self.matching
        return People(self.listed, self.rejected, left_out, refused, self.rules[NEW], self.waiting)


def people_of(
    workspace: Workspace, experiment: Experiment, path: Path | None, now: datetime
) -> tuple[People, Counter[str]]:
    """Who of a file, or of the roster, may be called, and how many of them each pack has."""
    count = _Count(Counter(), Counter())
    if path is None:
        with workspace.database.reading() as connection:
            _count_roster(connection, experiment, count, now)
    else:
        _count_file(workspace, experiment, path, count, now)
    return count.people(), count.packs


def _count_roster(connection: Connection, experiment: Experiment, count: _Count, now: datetime) -> None:
    count.listed = roster.count(connection)
    ever, opens = may_call(connection, experiment, now), _Opens(experiment, now)

    def may(one: Prospect) -> str | None:
        return ever(one) or opens.refused(one.region, one.phone, one.timezones, _state(one, opens.state))

    for batch in batches(eligible(connection, experiment, NO_EXPERIMENT, None, now, may)):
        well = [candidate.id for _, candidate in batch if not candidate.refused]
        capped = _capped(connection, experiment, well, now, count)
        for pack, candidate in batch:
            rule = candidate.refused or ("cap" if candidate.id in capped else NEW)
            count.matching += 1
            count.rules[rule] += 1
            count.packs[pack.name] += not rule


def _state(one: Prospect, column: str) -> str:
    return attributes_of(one.attributes).get(column, "") if column in one.attributes else ""


def _count_file(workspace: Workspace, experiment: Experiment, path: Path, count: _Count, now: datetime) -> None:
    timings = [treatment.timing for treatment in experiment.treatments.values()]
    needs_time = any(timing.after_order is not None for timing in timings)
    all_packs, opens = packs(experiment), _Opens(experiment, now)
    for batch in read_contacts(path, experiment.audience.columns, experiment.audience.region):
        count.rejected += len(batch.rejects)
        count.listed += len(batch.contacts) + len(batch.rejects)
        chosen = [(contact, pack) for contact in batch.contacts if (pack := _pack_of(contact, all_packs)) is not None]
        count.matching += len(chosen)
        known = _known(workspace, experiment, [contact for contact, _ in chosen], now, count)
        for contact, pack in chosen:
            rule = known.get(contact.key, NEW)
            if not rule and needs_time and contact.ordered_at is None:
                rule = "no_order_time"
            if not rule:
                state = contact.attributes.get(opens.state, "")
                rule = opens.refused(contact.region, contact.phone, ";".join(contact.timezones), state) or NEW
            count.rules[rule] += 1
            count.packs[pack.name] += not rule


def _pack_of(contact: Contact, all_packs: Sequence[Pack]) -> Pack | None:
    return next((pack for pack in all_packs if _matches(contact.attributes, pack.where)), None)


def _matches(attributes: Any, where: Mapping[str, str | list[str]]) -> bool:
    return all(
        attributes.get(name) in ([wanted] if isinstance(wanted, str) else wanted) for name, wanted in where.items()
    )


class _Opens:
    """Whether any arm has an open hour before the experiment ends; asked once for each place and zones."""

    def __init__(self, experiment: Experiment, now: datetime) -> None:
        self.state = experiment.audience.columns.state or STATE
        self._reach, self._now = Reach(experiment), now
        self._ask = cache(self._opens)

    def refused(self, region: str, phone: str, timezones: str, state: str) -> str | None:
        """The rule `window` where no arm can call a person, else None."""
        place = rulebook().place(region, phone[:6], state)
        return None if self._ask(place, timezones) else "window"

    def _opens(self, place: Place, timezones: str) -> bool:
        zones, experiment = tuple(timezones.split(";")), self._reach.experiment
        somebody = Contact("somebody", "+0", place.country, zones)
        begin, end = starts(experiment, somebody), ends(experiment, somebody)
        moment = max(self._now, begin) if begin else self._now
        openings = (self._reach.at(arm, place).openings for arm in experiment.treatments)
        found = (one.next_open(moment, zones) for one in openings)
        return any(first is not None and (end is None or first < end) for first in found)


def _known(
    workspace: Workspace, experiment: Experiment, people: Sequence[Contact], now: datetime, count: _Count
) -> dict[str, str]:
    """Contact key → the rule that refuses one, as far as file and database tell."""
    try:
        database = workspace.database if workspace.is_there else None
    except DatabaseError:
        database = None
    if database is None:
        ruled = _ever(experiment, people, {}, {}, now)
        return {contact.key: rule for contact, rule in zip(people, ruled, strict=True) if rule}
    with database.reading() as connection:
        ids = roster.find(connection, [contact.key for contact in people])
        kept = consents.of(connection, sorted(ids.values()))
        suppressed = suppressions.suppressed_among(connection, [contact.phone for contact in people], now)
        refused = {contact.key: "suppressed" for contact in people if contact.phone in suppressed}
        for _, candidate in eligible(connection, experiment, NO_EXPERIMENT, sorted(ids.values()), now, _anybody):
            if candidate.refused and candidate.refused != "no_order_time":
                refused.setdefault(candidate.key, candidate.refused)
        given = {key: kept[contact_id] for key, contact_id in ids.items() if contact_id in kept}
        ruled = _ever(experiment, people, given, suppressions.imports(connection), now)
        for contact, rule in zip(people, ruled, strict=True):
            if rule:
                refused.setdefault(contact.key, rule)
        well = [contact_id for key, contact_id in ids.items() if key not in refused]
        capped = _capped(connection, experiment, well, now, count)
        return refused | {key: "cap" for key, contact_id in ids.items() if contact_id in capped and key not in refused}


def _anybody(one: Prospect) -> str | None:
    return None


def _ever(
    experiment: Experiment, people: Sequence[Contact], kept: Mapping[str, Any], imported: Any, now: datetime
) -> list[str | None]:
    """The rule that refuses each of these people at any hour; what the file says of a consent comes first."""
    reach = Reach(experiment)
    found = (
        rules.may_ever(reach.bounds(CONTROL, one), _newer(one.consent, kept.get(one.key)), imported, now)
        for one in people
    )
    return [ruling.rule if isinstance(ruling, Refused) else None for ruling in found]


def _newer(filed: Any, kept: Any) -> Any:
    """The consent that an import would keep."""
    if filed is None:
        return kept
    return kept if kept is not None and consents.stands(kept, filed) else filed


def _capped(
    connection: Connection, experiment: Experiment, ids: Sequence[int], now: datetime, count: _Count
) -> set[int]:
    """Those of the contacts who were called as often as the caps allow until the end; who only waits is counted."""
    reach = Reach(experiment)
    region = rulebook().place(experiment.audience.region, "")
    begun = Facts.read(connection, dict.fromkeys(ids, reach.at(CONTROL, region)), now).begun if ids else {}
    refused = set()
    for contact_id, contact in roster.contacts(connection, sorted(begun)).items():
        bounds = reach.bounds(CONTROL, contact)
        begin = starts(experiment, contact)
        moment = max(now, begin) if begin else now
        end = ends(experiment, contact) or moment + LONGEST
        ruling = rules.frequency(moment, bounds.openings, contact.timezones, bounds.caps, begun[contact_id], end)
        if isinstance(ruling, Refused):
            refused.add(contact_id)
        elif isinstance(ruling, Deferred):
            count.waiting += ruling.rule == "cap"
    return refused


def what_to_know(connection: Connection | None, experiment: Experiment, now: datetime) -> tuple[Caution, ...]:
    """What the rules of the experiment's region come to that its author may not expect."""
    years = range(now.year, (now + timedelta(days=30)).year + 1)
    imported = suppressions.imports(connection) if connection is not None else {}
    return tuple(cautions(experiment, rulebook(), providers_of(experiment), tuple(years), imported, now))


def rules_to_know(workspace: Workspace, experiment: Experiment, people: People, now: datetime) -> tuple[str, ...]:
    """The same as sentences, with how many wait for a cap."""
    try:
        database = workspace.database if workspace.is_there else None
    except DatabaseError:
        database = None
    if database is None:
        told = what_to_know(None, experiment, now)
    else:
        with database.reading() as connection:
            told = what_to_know(connection, experiment, now)
    waiting = f"{people.waiting:,} people were called so often of late that their first call waits for a cap"
    return (*(one.text for one in told), *((waiting,) if people.waiting else ()))
