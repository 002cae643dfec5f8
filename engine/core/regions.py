"""The rules of regions and providers, as rows of data, and what they come to together.

A row is law, a provider's condition, or ours: a margin for where the law names none. Law and providers hold
whatever an experiment says; what is ours holds until an experiment says otherwise. Of several rows that apply to
one person all hold: hours are cut to what is open in each, every cap counts, every consent is needed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal

from engine.core.caps import Cap
from engine.core.openings import SHUT, WEEK, Holidays, Layer, Openings
from engine.core.windows import ALWAYS, Hours, Window

Basis = Literal["law", "provider", "ours"]
LONGEST_CODE = 3  # of a state in ISO 3166-2
ANYWHERE = "*"  # the region of the row for regions that no row names


@dataclass(frozen=True, slots=True)
class Listing:
    """A do-not-call list that has to be asked. An import of it is good for `days`.

    A person who gave one of the consents in `exempt` may be called whether the list is there or not.
    """

    name: str
    days: int
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One rule. `week` are its hours, None for none of its own; `accepts` the bases of consent of which one is needed.

    `block` is for how long a person who said no is not called again: None says nothing, zero says for ever.
    """

    regions: tuple[str, ...]
    basis: Basis
    source: str
    checked_on: str
    provider: str = ""
    week: tuple[Hours, ...] | None = None
    holiday: Hours | None = None
    eve: Hours | None = None
    zone: str = ""
    caps: tuple[Cap, ...] = ()
    block: timedelta | None = None
    accepts: tuple[str, ...] = ()
    whom: str = ""
    lists: tuple[Listing, ...] = ()
    note: str = ""
    note_zh: str = ""

    @property
    def is_ours(self) -> bool:
        return self.basis == "ours"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person may be: a country, and the candidate states of it where states have rows of their own.

    `state` is the one state when it is known.
    """

    country: str
    states: tuple[str, ...] = ()
    state: str = ""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an experiment says itself: hours of one treatment, days, caps, and whether holidays are working days."""

    hours: Hours | None = None
    days: frozenset[int] | None = None
    caps: tuple[Cap, ...] | None = None
    holidays_open: bool = False
    consent_required: bool = False

    def layer(self) -> Layer:
        """The hours that the experiment wants."""
        return Layer.of(Window(self.hours or ALWAYS, self.days if self.days is not None else frozenset(range(WEEK))))


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """What holds for one treatment in one place.

    `accepts` holds, for every row that needs a consent, the bases of which one will do.
    """

    place: Place
    rows: tuple[Row, ...]
    openings: Openings
    caps: tuple[Cap, ...]
    accepts: tuple[tuple[str, ...], ...]
    lists: tuple[Listing, ...]
    block: timedelta | None  # None is for ever


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """All rows, the states by the first digits of a number, and the holidays. One book serves a process."""

    rows: tuple[Row, ...]
    states: Mapping[str, Mapping[str, tuple[str, ...]]]  # country → digits after the country code → states
    holidays: Holidays
    by_region: Mapping[str, tuple[Row, ...]] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            for region in row.regions:
                found.setdefault(region, []).append(row)
        object.__setattr__(self, "by_region", {region: tuple(rows) for region, rows in found.items()})

    def knows(self, country: str) -> bool:
        """Whether some row names this country."""
        return any(not row.provider for row in self.by_region.get(country, ()))

    def place(self, country: str, phone: str, state: str = "") -> Place:
        """Where the owner of a number may be; `state` is what the contact file says, such as `FL` or `US-FL`.

        Where the number does not tell its state, it may be in any state that has rules of its own.
        """
        return _place(self, country, phone[:6], state)

    def rows_of(self, place: Place, providers: Collection[str] = ()) -> tuple[Row, ...]:
        """Every row that applies in a place and on these providers' lines."""
        regions = [place.country, *place.states]
        found = [row for region in regions for row in self.by_region.get(region, ())]
        if not self.knows(place.country):
            found += self.by_region.get(ANYWHERE, ())
        return tuple(dict.fromkeys(row for row in found if not row.provider or row.provider in providers))

    def bounds(self, place: Place, wishes: Wishes, providers: tuple[str, ...] = ()) -> Bounds:
        """What the rows of a place and the wishes of an experiment come to."""
        return _bounds(self, place, wishes, providers)


@lru_cache(maxsize=65_536)
def _place(book: Rulebook, country: str, start: str, state: str) -> Place:
    known = book.states.get(country)
    named = state.strip().upper().removeprefix(f"{country}-")
    if known is None:
        states = (f"{country}-{named}",) if f"{country}-{named}" in book.by_region else ()
        plain = named if states or (named.isalnum() and len(named) <= LONGEST_CODE) else ""
        return Place(country, states, plain)
    every = {one for states in known.values() for one in states}
    if f"{country}-{named}" in every:
        return Place(country, (f"{country}-{named}",), named)
    digits = start.removeprefix("+1")[:3]
    may = known.get(digits) or tuple(sorted(region for region in book.by_region if region.startswith(f"{country}-")))
    return Place(country, may, may[0].partition("-")[2] if len(may) == 1 else "")


@lru_cache(maxsize=4096)
def _bounds(book: Rulebook, place: Place, wishes: Wishes, providers: tuple[str, ...]) -> Bounds:
    rows = book.rows_of(place, providers)
    layers = [layer for row in rows if (layer := _layer(row, place, wishes)) is not None]
    own = tuple(cap for row in rows if not row.is_ours or wishes.caps is None for cap in row.caps)
    accepts = tuple(dict.fromkeys(row.accepts for row in rows if row.accepts))
    if wishes.consent_required and not accepts:
        accepts = (("express", "contract"),)
    return Bounds(
        place,
        rows,
        Openings((wishes.layer(), *layers), book.holidays),
        tuple(dict.fromkeys((*own, *(wishes.caps or ())))),
        accepts,
        tuple(dict.fromkeys(one for row in rows for one in row.lists)),
        _strictest_block(book, place, providers),
    )


def _layer(row: Row, place: Place, wishes: Wishes) -> Layer | None:
    """The hours of a row, of which an experiment may widen what is ours; None when it has none."""
    holiday, eve, week = row.holiday, row.eve, row.week or (ALWAYS,) * WEEK
    if row.is_ours:
        if wishes.holidays_open:
            holiday = eve = None
        week = tuple(_widened(hours, day, wishes) for day, hours in enumerate(week))
    if row.week is None and holiday is None and eve is None:
        return None
    return Layer(week, holiday, eve, _calendar(row, place), row.zone)


def _widened(hours: Hours, day: int, wishes: Wishes) -> Hours:
    """Hours that are ours: an experiment's own hours come instead, on a closed day only when it names the day."""
    if wishes.hours is None:
        return hours
    named = wishes.days is not None and day in wishes.days
    return ALWAYS if named or hours != SHUT else SHUT


def _calendar(row: Row, place: Place) -> str:
    """Whose holidays a row means: the state's for a state's row, and for a country's where the state is known."""
    own = next((region for region in row.regions if region in place.states), "")
    if own:
        return own
    return f"{place.country}-{place.state}" if place.state else place.country


def _strictest_block(book: Rulebook, place: Place, providers: tuple[str, ...]) -> timedelta | None:
    """The longest block of all states that a person may be in."""
    may = [Place(place.country, (state,)) for state in place.states] or [place]
    found = [_block(book.rows_of(one, providers)) for one in may]
    return None if None in found else max(one for one in found if one is not None)


def _block(rows: Iterable[Row]) -> timedelta | None:
    """For how long a no holds: as the strictest row says, for ever when none says anything."""
    said = [row.block for row in rows if row.block is not None]
    if not said or timedelta() in said:
        return None
    return max(said)


def unknown_years(openings: Openings, years: Sequence[int]) -> list[tuple[str, int]]:
    """Places and years whose holidays the openings ask for and nobody knows: their days are closed."""
    places = sorted({layer.place for layer in openings.layers if layer.asks_holidays})
    return [
        (place, year) for place in places for year in years if openings.holidays.on(place, date(year, 1, 1)) is None
    ]
