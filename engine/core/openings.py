"""When a person may be called, after all that stands over the hours: weekdays, holidays and their eves, rule by rule.

Each rule is a layer; a moment is open when it is open in every layer, on every candidate clock of the person. So
more layers never open an hour that fewer had closed. A day of a year whose holidays are not known is closed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

from engine.core.windows import ALWAYS, Hours, Window, at_minute, zone

SHUT = Hours(())
WEEK = 7
# Longer than the longest holidays, and than a month in which one day of the week is open.
FARTHEST = 45


class Holidays(Protocol):
    """What is known of statutory holidays."""

    def on(self, place: str, day: date) -> bool | None:
        """Whether a day is a holiday in a place (`CN`, `US-AL`); None when the holidays of its year are not known."""


class NoHolidays:
    """Every day is like any other, for arithmetic over a typical week."""

    def on(self, place: str, day: date) -> bool | None:
        return False


@dataclass(frozen=True, slots=True)
class Layer:
    """One rule's hours for each day of the week, Monday first.

    `holiday` and `eve` are hours to which holidays and the days before them are cut; None leaves them as they are.
    `place` says whose holidays, `zone` on whose clock the hours are, the person's own when empty.
    """

    week: tuple[Hours, ...] = (ALWAYS,) * WEEK
    holiday: Hours | None = None
    eve: Hours | None = None
    place: str = ""
    zone: str = ""

    @classmethod
    def of(cls, window: Window) -> "Layer":
        """The hours of a window on its days."""
        return cls(tuple(window.hours if day in window.days else SHUT for day in range(WEEK)))

    def hours_on(self, day: date, holidays: Holidays) -> Hours:
        """The hours of one day."""
        hours = self.week[day.weekday()]
        if self.holiday is not None:
            today = holidays.on(self.place, day)
            if today is None:
                return SHUT
            hours = hours.intersect(self.holiday) if today else hours
        if self.eve is not None and holidays.on(self.place, day + timedelta(days=1)) is not False:
            hours = hours.intersect(self.eve)
        return hours

    @property
    def asks_holidays(self) -> bool:
        return self.holiday is not None or self.eve is not None


@dataclass(frozen=True, slots=True, eq=False)
class Openings:
    """Layers that all have to be open. Two are the same only when they are one object: they are looked up, not made."""

    layers: tuple[Layer, ...] = ()
    holidays: Holidays = field(default_factory=NoHolidays)

    def intersect(self, other: "Openings") -> "Openings":
        """Open when both are; the holidays are those of this one."""
        return Openings((*self.layers, *other.layers), self.holidays)

    def typical(self) -> "Openings":
        """The same in a week without holidays."""
        return _typical(self.layers)

    def hours_on(self, day: date, clock: str = "") -> Hours:
        """The hours of one day on the clock of a zone that layers name, else on the person's own."""
        return _hours_on(self, day, clock)

    @property
    def clocks(self) -> tuple[str, ...]:
        """The zones that layers name; the empty name is the person's own."""
        return tuple(sorted({"", *(layer.zone for layer in self.layers)}))

    @property
    def never_opens(self) -> bool:
        """Whether no day of a typical week has an open minute."""
        return not self.weekly_seconds

    @property
    def weekly_seconds(self) -> float:
        """Seconds of a typical week that are open on the person's own clock."""
        return _weekly_seconds(self.layers)

    def is_open(self, instant: datetime, zones: Iterable[str]) -> bool:
        """Whether an instant is open on the clock of every zone."""
        return all(self._span(local, clock) is not None for local, clock in self._locals(instant, zones))

    def next_open(self, instant: datetime, zones: tuple[str, ...]) -> datetime | None:
        """The first instant from `instant` on that is open in every zone; None when there is none in 45 days."""
        return _next_open(self, instant, zones)

    def closes(self, instant: datetime, zones: tuple[str, ...]) -> datetime:
        """When the hours that are open at `instant` end, on the first of the clocks on which they do."""
        return _closes(self, instant, zones)

    def _closes(self, instant: datetime, zones: tuple[str, ...]) -> datetime:
        ends = []
        for local, clock in self._locals(instant, zones):
            span = self._span(local, clock)
            ends.append(instant if span is None else at_minute(local, span[1]))
        return min(ends)

    def _locals(self, instant: datetime, zones: Iterable[str]) -> list[tuple[datetime, str]]:
        """The instant on every clock that matters, with the zone that the layers of this clock name."""
        own = [(instant.astimezone(zone(name)), "") for name in zones]
        return own + [(instant.astimezone(zone(name)), name) for name in self.clocks if name]

    def _span(self, local: datetime, clock: str) -> tuple[int, int] | None:
        minute = local.hour * 60 + local.minute
        spans = self.hours_on(local.date(), clock).spans
        return next((span for span in spans if span[0] <= minute < span[1]), None)

    def _opens(self, instant: datetime, local: datetime, clock: str) -> datetime | None:
        """The first open instant on one clock; None when there is none in 45 days."""
        if self._span(local, clock) is not None:
            return instant
        for ahead in range(FARTHEST + 1):
            day = local + timedelta(days=ahead)
            for start, _ in self.hours_on(day.date(), clock).spans:
                opening = at_minute(day, start)
                if opening > instant:
                    return opening
        return None

    def _next_open(self, instant: datetime, zones: tuple[str, ...]) -> datetime | None:
        if not zones or self.never_opens:
            return None
        moment, limit = instant.astimezone(UTC), instant + timedelta(days=FARTHEST)
        while moment <= limit:
            found = [self._opens(moment, local, clock) for local, clock in self._locals(moment, zones)]
            later = max((one for one in found if one is not None), default=moment)
            if None in found:
                return None
            if later == moment:
                return moment
            moment = later
        return None


# The calls of a batch ask for the same instant, in few windows and zones.
_next_open = lru_cache(maxsize=8192)(Openings._next_open)
_closes = lru_cache(maxsize=8192)(Openings._closes)


@lru_cache(maxsize=65_536)
def _hours_on(openings: Openings, day: date, clock: str) -> Hours:
    hours = ALWAYS
    for layer in openings.layers:
        if layer.zone == clock:
            hours = hours.intersect(layer.hours_on(day, openings.holidays))
    return hours


@lru_cache(maxsize=1024)
def _typical(layers: tuple[Layer, ...]) -> Openings:
    return Openings(layers)


@lru_cache(maxsize=1024)
def _weekly_seconds(layers: tuple[Layer, ...]) -> float:
    days = [date(2024, 1, 1) + timedelta(days=day) for day in range(WEEK)]
    return 60.0 * sum(end - start for day in days for start, end in _typical(layers).hours_on(day).spans)
