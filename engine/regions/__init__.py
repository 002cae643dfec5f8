"""The rules of regions and providers that ship with Ringlab, read once: rows, area codes, holidays."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from engine.core.caps import Cap
from engine.core.consents import BASES
from engine.core.openings import SHUT
from engine.core.regions import Listing, Row, Rulebook
from engine.core.treatments import parse_duration
from engine.core.windows import DAYS, Hours
from engine.regions.calendars import Calendars

_WEEKDAYS, _WEEKEND = DAYS[:5], DAYS[5:]


@cache
def rulebook() -> Rulebook:
    """All rows that ship, with the holidays of this installation."""
    place = files("engine.regions")
    rows = tomllib.loads((place / "rows.toml").read_text("utf-8"))["row"]
    codes = tomllib.loads((place / "area_codes.toml").read_text("utf-8"))
    return Rulebook(tuple(map(read_row, rows)), read_codes(codes), Calendars())


def read_codes(countries: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Country → area code → the states that it serves."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for country, states in countries.items():
        own = found.setdefault(country, {})
        for state, codes in states.items():
            for code in codes.split():
                own[code] = (*own.get(code, ()), f"{country}-{state}")
    return found


def read_row(row: Mapping[str, Any]) -> Row:
    """One row of the data file; raises ValueError or KeyError for what no row can be."""
    consent = row.get("consent", {})
    accepts = tuple(consent.get("accepts", ()))
    if unknown := set(accepts) - set(BASES):
        raise ValueError(f"{sorted(unknown)} are no bases of a consent")
    if row["basis"] not in ("law", "provider", "ours") or (row["basis"] == "provider") != bool(row.get("provider")):
        raise ValueError(f"{row['regions']}: the basis is law, ours, or provider with the provider's name")
    return Row(
        regions=tuple(row["regions"]), basis=row["basis"], source=row["source"], checked_on=row["checked_on"],
        provider=row.get("provider", ""), week=_week(row["hours"]) if "hours" in row else None,
        holiday=_hours(row["holidays"]) if "holidays" in row else None,
        eve=_hours(row["eves"]) if "eves" in row else None, zone=row.get("zone", ""),
        caps=tuple(Cap.model_validate(cap) for cap in row.get("caps", ())), block=_block(row.get("block")),
        accepts=accepts, whom=consent.get("whom", ""), lists=tuple(map(_listing, row.get("lists", ()))),
        note=row.get("note", ""), note_zh=row.get("note_zh", ""),
    )  # fmt: skip


def _week(words: Mapping[str, str]) -> tuple[Hours, ...]:
    """Hours of each day, each by the closest word that names it."""
    if unknown := set(words) - {"every", "weekdays", "weekend", *DAYS}:
        raise ValueError(f"{sorted(unknown)} are no days")
    return tuple(_hours(_closest(words, day)) for day in DAYS)


def _closest(words: Mapping[str, str], day: str) -> str:
    names: Sequence[str] = (day, "weekdays" if day in _WEEKDAYS else "weekend", "every")
    return next(words[name] for name in names if name in words)


def _hours(text: str) -> Hours:
    return Hours.parse(text) if text else SHUT


def _block(text: str | None) -> timedelta | None:
    if text is None:
        return None
    return timedelta() if text == "forever" else parse_duration(text)


def _listing(listing: Mapping[str, Any]) -> Listing:
    return Listing(listing["name"], listing["days"], tuple(listing.get("exempt", ())))
