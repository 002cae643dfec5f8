"""When people may be called: hours of the day and days of the week, on the clock of the person called.

A contact whose zone is not certain has several candidate zones; an instant is open only when it
is open in all of them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN = re.compile(r"^(\d{1,2}):([0-5]\d)\s*[-–—~]\s*(\d{1,2}):([0-5]\d)$")
FULL_DAY = 24 * 60
HORIZON = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans of a day, each (first minute, minute after the last), sorted and apart."""

    spans: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: object) -> "Hours":
        """Hours from `"09:00-12:00, 14:00-20:00"`; raises ValueError that says what is wrong."""
        if isinstance(text, cls):
            return text
        if not isinstance(text, str):
            raise ValueError('a window is written "10:00-12:00", or several: "09:00-12:00, 14:00-20:00"')
        spans = sorted(_span(part.strip()) for part in text.split(","))
        for (_, end), (start, _) in pairwise(spans):
            if start < end:
                raise ValueError(f"the spans of the window {text!r} overlap")
        return cls(tuple(spans))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": "string",
            "examples": ["10:00-12:00", "09:00-12:00, 14:00-20:00"],
            "pattern": r"^\s*\d{1,2}:[0-5]\d\s*-\s*\d{1,2}:[0-5]\d(\s*,\s*\d{1,2}:[0-5]\d\s*-\s*\d{1,2}:[0-5]\d)*\s*$",
        }

    def intersect(self, other: "Hours") -> "Hours":
        """The minutes open in both; it may be empty."""
        both = ((max(a, c), min(b, d)) for a, b in self.spans for c, d in other.spans if max(a, c) < min(b, d))
        return Hours(tuple(sorted(both)))

    def __str__(self) -> str:
        return ", ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in self.spans)


def _span(text: str) -> tuple[int, int]:
    found = SPAN.match(text)
    if not found:
        raise ValueError(f'{text!r} is not a window; write it as "10:00-12:00"')
    hour, minute, last_hour, last_minute = (int(part) for part in found.groups())
    start, end = hour * 60 + minute, last_hour * 60 + last_minute
    if end > FULL_DAY or start >= FULL_DAY:
        raise ValueError(f"the window {text!r} goes past 24:00")
    if start >= end:
        raise ValueError(f"the window {text!r} never opens: it ends before it begins")
    return start, end


ALWAYS = Hours(((0, FULL_DAY),))
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Window:
    """Hours on certain days of the week (0 is Monday)."""

    hours: Hours = ALWAYS
    days: frozenset[int] = EVERY_DAY

    def intersect(self, other: "Window") -> "Window":
        """Open when both are."""
        return Window(self.hours.intersect(other.hours), self.days & other.days)

    @property
    def never_opens(self) -> bool:
        return not self.hours.spans or not self.days

    def is_open(self, instant: datetime, zones: Iterable[str]) -> bool:
        """Whether `instant` is inside the window on the clock of every zone."""
        return all(self._open_span(instant.astimezone(zone(name))) is not None for name in zones)

    def next_open(self, instant: datetime, zones: tuple[str, ...]) -> datetime | None:
        """The first instant from `instant` on that is open in every zone; None when there is none in 15 days."""
        return _next_open(self, instant, zones)

    def _next_open(self, instant: datetime, zones: tuple[str, ...]) -> datetime | None:
        if self.never_opens or not zones:
            return None
        moment, limit = instant.astimezone(UTC), instant + HORIZON
        while moment <= limit:
            later = max(self._opens(moment, zone(name)) for name in zones)
            if later == moment:
                return moment
            moment = later
        return None

    def closes(self, instant: datetime, zones: tuple[str, ...]) -> datetime:
        """When the window that is open at `instant` closes in the first of the zones to close."""
        return _closes(self, instant, zones)

    def _closes(self, instant: datetime, zones: tuple[str, ...]) -> datetime:
        ends = []
        for name in zones:
            local = instant.astimezone(zone(name))
            span = self._open_span(local)
            ends.append(instant if span is None else at_minute(local, span[1]))
        return min(ends)

    def _open_span(self, local: datetime) -> tuple[int, int] | None:
        if local.weekday() not in self.days:
            return None
        minute = local.hour * 60 + local.minute
        return next((span for span in self.hours.spans if span[0] <= minute < span[1]), None)

    def _opens(self, instant: datetime, clock: ZoneInfo) -> datetime:
        local = instant.astimezone(clock)
        if self._open_span(local) is not None:
            return instant
        for ahead in range(HORIZON.days + 1):
            day = local + timedelta(days=ahead)
            if day.weekday() not in self.days:
                continue
            for start, _ in self.hours.spans:
                opening = at_minute(day, start)
                if opening > instant:
                    return opening
        return instant + HORIZON + timedelta(seconds=1)


# The calls of a batch ask for the same instant, in few windows and zones.
_next_open = lru_cache(maxsize=4096)(Window._next_open)
_closes = lru_cache(maxsize=4096)(Window._closes)


def at_minute(local: datetime, minute: int) -> datetime:
    """The instant at which the clock of `local`'s day and zone shows this minute of the day."""
    day = local.date() + timedelta(days=minute // FULL_DAY)
    minute %= FULL_DAY
    return datetime.combine(day, time(minute // 60, minute % 60), local.tzinfo).astimezone(UTC)


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of this IANA name; raises ValueError for a name that no zone has."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{name!r} is not the name of a time zone, such as Asia/Shanghai") from error


def is_zone(name: str) -> bool:
    """Whether a time zone has this name."""
    try:
        zone(name)
    except ValueError:
        return False
    return True
