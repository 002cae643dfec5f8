"""How numbers are written: aligned, with thousands apart and as many digits as a reader can use.

Shares are fractions (0.12 is 12 %); lifts of shares are differences of fractions, shown in points.
What there is no number for is a dash.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from dashboards.rendering.languages import Words

DASH = "–"
MINUS = "−"

Kind = Literal["rate", "mean", "ratio"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers in the form of one language."""

    words: Words

    def number(self, value: float | None, digits: int = 0, signed: bool = False) -> str:
        """`12,345`; with `signed`, `+12,345` and `−12,345`."""
        if value is None or not math.isfinite(value):
            return DASH
        text = f"{abs(value):,.{digits}f}"
        if not any(digit in text for digit in "123456789"):
            return text
        return (MINUS if value < 0 else "+" if signed else "") + text

    def percent(self, share: float | None) -> str:
        """`12.3%`; a share under one per cent keeps two or three decimals."""
        return self.number(_hundred(share), _digits(share)) + ("%" if _is_number(share) else "")

    def change(self, relative: float | None) -> str:
        """A relative lift: `+17.5%`."""
        return self.number(_hundred(relative), 1, signed=True) + ("%" if _is_number(relative) else "")

    def points(self, lift: float | None) -> str:
        """A lift of a share: `+2.1 pt`."""
        return self.bare_points(lift) + (self._unit_of_points() if _is_number(lift) else "")

    def bare_points(self, lift: float | None) -> str:
        """A lift of a share with no unit, for axes: `+2.1`."""
        small = lift is not None and 0.00005 <= abs(lift) < 0.001
        return self.number(_hundred(lift), 2 if small else 1, signed=True)

    def money(self, value: float | None, signed: bool = False) -> str:
        """`1,234`; under a hundred, `12.34`."""
        digits = 2 if value is not None and abs(value) < 100 and value != round(value) else 0
        return self.number(value, digits, signed)

    def seconds(self, value: float | None) -> str:
        """`42.0 s`."""
        return self.number(value, 1) + (self.words.say(" s") if _is_number(value) else "")

    def days(self, value: float | None) -> str:
        """`3.2 days`, or `5 hours` when less than a day is left."""
        if value is None or not math.isfinite(value):
            return DASH
        if value < 1:
            hours = max(1, math.ceil(value * 24))
            return self.words.count("%(n)s hour", "%(n)s hours", hours, n=hours)
        return self.words.count("%(n)s day", "%(n)s days", math.ceil(value), n=self.number(math.ceil(value)))

    def p_value(self, value: float | None) -> str:
        """`0.012`, or `<0.001`."""
        return "<0.001" if value is not None and value < 0.001 else self.number(value, 3)

    def p_said(self, value: float | None) -> str:
        """`p = 0.012`, or `p < 0.001`, within a sentence; a line does not break inside it."""
        sign = "<" if value is not None and value < 0.001 else "="
        return f"p\u00a0{sign}\u00a0{self.p_value(value).removeprefix('<')}"

    def estimate(self, value: float | None, kind: Kind, unit: str) -> str:
        """A metric of one arm."""
        if kind == "rate":
            return self.percent(value)
        return self.seconds(value) if unit == "seconds" else self.money(value) if unit else self.number(value, 2)

    def lift(self, value: float | None, kind: Kind) -> str:
        """A metric's difference from the control."""
        return self.points(value) if kind == "rate" else self.number(value, 2, signed=True)

    def range(self, low: float | None, high: float | None, kind: Kind) -> str:
        """`+0.4 to +3.8 pt`."""
        if not (_is_number(low) and _is_number(high)):
            return DASH
        first = self.bare_points(low) if kind == "rate" else self.number(low, 2, signed=True)
        return self.words.say("%(low)s to %(high)s", low=first, high=self.lift(high, kind))

    def share_range(self, low: float | None, high: float | None) -> str:
        """`10.9–13.2%`."""
        if not (_is_number(low) and _is_number(high)):
            return DASH
        return f"{self.percent(low).removesuffix('%')}–{self.percent(high)}"

    def moment(self, at: datetime) -> str:
        """`2026-11-24 10:00 UTC`; a page with scripts shows it on the reader's own clock."""
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def _unit_of_points(self) -> str:
        return self.words.say(" pt")


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _hundred(share: float | None) -> float | None:
    return None if share is None else share * 100


def _digits(share: float | None) -> int:
    size = abs(share or 0.0)
    if size == 0 or size >= 0.01:
        return 1
    return 2 if size >= 0.001 else 3
