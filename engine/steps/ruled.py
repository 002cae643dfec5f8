"""The rules that hold for one experiment, and whom they refused: what is read before the first call and after."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from engine.core.caps import Cap
from engine.core.cautions import Caution
from engine.core.contacts import REGION_ZONES
from engine.core.experiments import CONTROL, Experiment
from engine.core.openings import Openings
from engine.core.regions import Listing, Row
from engine.core.rules import RULES
from engine.core.windows import zone
from engine.intake.phones import home_zones
from engine.regions import rulebook
from engine.steps.audience import what_to_know
from engine.steps.ruling import Reach
from engine.store import queue, records, roster, suppressions
from engine.workspace import Workspace

DAYS_SHOWN = 7


@dataclass(frozen=True, slots=True)
class Day:
    """One of the next days: its hours per group of arms; `holiday` is None where its year is not known."""

    day: date
    holiday: bool | None
    hours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A row, and whether the experiment says otherwise where the row is ours."""

    row: Row
    widened: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A do-not-call list that the region asks for, and its last import."""

    listing: Listing
    imported_at: datetime | None
    fresh: bool


@dataclass(frozen=True, slots=True)
class Ruled:
    """What holds for an experiment in its own region, and who was refused: (rule, what it means, contacts).

    `people` are all who were looked at: who is in, and who was refused before. `next_due` is the next planned call.
    """

    name: str
    state: str
    region: str
    states: int
    zones: tuple[str, ...]
    rows: tuple[Held, ...]
    groups: tuple[tuple[str, ...], ...]
    days: tuple[Day, ...]
    caps: tuple[Cap, ...]
    accepts: tuple[tuple[str, ...], ...]
    lists: tuple[Asked, ...]
    block: timedelta | None
    cautions: tuple[Caution, ...]
    refusals: tuple[tuple[str, str, int], ...]
    refused_people: int
    people: int
    next_due: datetime | None
    begun: bool


def rules_of(workspace: Workspace, name: str, now: datetime) -> Ruled:
    """The rules of one experiment; raises NotFound."""
    with workspace.database.reading() as connection:
        record = records.get(connection, name)
        counted = roster.refusals(connection, record.id)
        refused, people = roster.refused_people(connection, record.id)
        imported = suppressions.imports(connection)
        told = what_to_know(connection, record.experiment, now)
        due = queue.next_due(connection, record.id)
        begun = queue.last_begun(connection, record.id) is not None
    experiment = record.experiment
    reach, region = Reach(experiment), experiment.audience.region
    place = rulebook().place(region, "")
    bounds = reach.at(CONTROL, place)
    zones = REGION_ZONES.get(region) or home_zones(region)
    groups = _groups(experiment, reach)
    openings = [reach.at(group[0], place).openings for group in groups]
    most = sorted(counted, key=lambda rule: -counted[rule])
    return Ruled(
        name=name, state=record.state.value, region=region, states=len(place.states), zones=zones,
        rows=tuple(Held(row, _widened(experiment, row)) for row in bounds.rows), groups=groups,
        days=_days(openings, region, zones, now), caps=bounds.caps, accepts=bounds.accepts,
        lists=tuple(_asked(one, imported, now) for one in bounds.lists), block=bounds.block, cautions=told,
        refusals=tuple((rule, RULES.get(rule, rule), counted[rule]) for rule in most),
        refused_people=refused, people=people, next_due=due, begun=begun,
    )  # fmt: skip


def _groups(experiment: Experiment, reach: Reach) -> tuple[tuple[str, ...], ...]:
    """Arms that call at the same hours, the control's first."""
    place = rulebook().place(experiment.audience.region, "")
    found: dict[Openings, list[str]] = {}
    for arm in experiment.treatments:
        found.setdefault(reach.at(arm, place).openings, []).append(arm)
    return tuple(tuple(arms) for arms in found.values())


def _widened(experiment: Experiment, row: Row) -> bool:
    said = (
        experiment.caps is not None and bool(row.caps),
        experiment.control.timing.window is not None and row.week is not None,
        experiment.holidays == "open" and row.holiday is not None,
    )
    return row.is_ours and any(said)


def _days(openings: list[Openings], region: str, zones: tuple[str, ...], now: datetime) -> tuple[Day, ...]:
    first = now.astimezone(zone(zones[0])).date()
    ahead = [first + timedelta(days=day) for day in range(DAYS_SHOWN)]
    holidays = rulebook().holidays
    return tuple(Day(day, holidays.on(region, day), tuple(_hours(one, day) for one in openings)) for day in ahead)


def _hours(openings: Openings, day: date) -> str:
    hours = openings.hours_on(day)
    for clock in openings.clocks:
        hours = hours.intersect(openings.hours_on(day, clock)) if clock else hours
    return str(hours)


def _asked(listing: Listing, imported: dict[str, datetime], now: datetime) -> Asked:
    at = imported.get(listing.name)
    return Asked(listing, at, at is not None and now - at <= timedelta(days=listing.days))
