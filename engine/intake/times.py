"""What people write in a time column, as an instant.

Understood: ISO 8601, `2026-11-23 09:00`, `2026/11/23 9:00`, `2026年11月23日 9:00`, a day alone (its midnight), and
seconds or milliseconds since 1970. A time without a zone is on the clock of the zone that is passed.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from engine.errors import did_you_mean

CURE = "write times as 2026-11-23 09:00, or with their zone as 2026-11-23T09:00+08:00"

_LOCAL = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T\s]+(\d{1,2})[:：时](\d{2})分?(?:[:：](\d{2})秒?(?:\.\d+)?)?)?"
)
_EPOCH = re.compile(r"(\d{10})(\d{3})?(?:\.\d+)?")


def instant(text: str, zone: ZoneInfo) -> datetime:
    """The instant that `text` names, in UTC; raises ValueError, whose text is fit for a reject's reason."""
    try:
        return _read(text, zone).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("the time cannot be understood") from None


def _read(text: str, zone: ZoneInfo) -> datetime:
    if text[4:5] == "-":
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            return _spelled(text, zone)
        return read if read.tzinfo is not None else read.replace(tzinfo=zone)
    return _spelled(text, zone)


def _spelled(text: str, zone: ZoneInfo) -> datetime:
    if match := _EPOCH.fullmatch(text):
        seconds, thousandths = match.groups()
        return datetime.fromtimestamp(int(seconds) + int(thousandths or 0) / 1000, UTC)
    if match := _LOCAL.fullmatch(text):
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    raise ValueError


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """The zone of this IANA name; raises ValueError, which names the nearest, for any other word."""
    if name not in _zones():
        near = did_you_mean(name, _zones()) if len(name) < 40 else ""
        raise ValueError(f"there is no such time zone{near if 'did you mean' in near else ''}")
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
