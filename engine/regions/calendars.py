"""Statutory holidays: China's as the State Council announced them, everybody else's as the law computes them.

In China the days off around a holiday are holidays, and a weekend that is worked instead of them is no other day
than a weekend. The State Council announces one year at a time: a year that is not announced is not known.
"""

from datetime import date
from functools import lru_cache


class Calendars:
    """The holidays of every country and state that the `holidays` package knows; China's by `chinesecalendar`."""

    def on(self, place: str, day: date) -> bool | None:
        """Whether a day is a holiday in a place (`CN`, `US-AL`); None when the holidays of its year are not known."""
        days = _china(day.year) if place.partition("-")[0] == "CN" else _elsewhere(place, day.year)
        return None if days is None else day in days


@lru_cache(maxsize=64)
def _china(year: int) -> frozenset[date] | None:
    import chinese_calendar

    known = chinese_calendar.constants.holidays
    if not any(day.year == year for day in known):
        return None
    return frozenset(day for day in known if day.year == year)


@lru_cache(maxsize=4096)
def _elsewhere(place: str, year: int) -> frozenset[date] | None:
    import holidays

    country, _, state = place.partition("-")
    supported = holidays.list_supported_countries()
    if country not in supported:
        return None
    part = state if state in supported[country] else None
    found = holidays.country_holidays(country, subdiv=part, years=year)
    return frozenset(found) if found else None
