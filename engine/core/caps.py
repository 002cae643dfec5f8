"""How often one person may be called, whatever experiment or arm asks."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pydantic import Field

from engine.core.treatments import Duration, Value, duration_text


class Cap(Value):
    """At most so many calls to one person in any stretch of so much time."""

    calls: int = Field(ge=1, le=1000, description="calls to one person, at most")
    per: Duration = Field(description="in any stretch of this length, over all experiments")

    def __str__(self) -> str:
        return f"{self.calls} per {duration_text(self.per)}"

    def frees(self, begun: Sequence[datetime], now: datetime) -> datetime:
        """When this cap lets another call go: `now`, or the moment at which enough of the calls are old enough.

        `begun` are the instants of a person's calls, earliest first, an unknown call among them.
        """
        if len(begun) < self.calls:
            return now
        return max(now, begun[-self.calls] + self.per)


def frees(caps: Iterable[Cap], begun: Sequence[datetime], now: datetime) -> datetime:
    """When all of the caps let another call go."""
    return max((cap.frees(begun, now) for cap in caps), default=now)


def longest(caps: Iterable[Cap]) -> timedelta:
    """How far back calls matter."""
    return max((cap.per for cap in caps), default=timedelta())


def binding(caps: Iterable[Cap], attempts: int, gap: timedelta) -> Cap | None:
    """The cap that moves calls of one person that follow each other at this gap; None when none does."""
    for cap in sorted(caps, key=lambda one: -one.per):
        if attempts > cap.calls and gap * cap.calls < cap.per:
            return cap
    return None
