"""Numbers as text: rates, differences, ranges and chances, each in one form wherever it is printed."""

from collections.abc import Sequence

NONE = "–"


def value(number: float | None, kind: str) -> str:
    """A rate as `12.00%`, a mean or ratio to four digits."""
    if number is None:
        return NONE
    return f"{number:.2%}" if kind == "rate" else f"{number:,.4g}"


def lift(number: float | None, kind: str) -> str:
    """A difference: of rates in points, `+2.10pt`."""
    if number is None:
        return ""
    return f"{number * 100:+.2f}pt" if kind == "rate" else f"{number:+,.4g}"


def span(ends: Sequence[float | None] | None, kind: str) -> str:
    """A range of values."""
    return "" if not ends else f"{value(ends[0], kind)} to {value(ends[1], kind)}"


def lift_span(ends: Sequence[float | None] | None, kind: str) -> str:
    """A range of differences; an end that is not there is open."""
    return "" if not ends else " to ".join(NONE if end is None else lift(end, kind) for end in ends)


def percent(number: float | None, *, sign: bool = True) -> str:
    """A relative change, or a chance."""
    if number is None:
        return ""
    return f"{number:+.1%}" if sign else f"{number:.0%}"


def chance(p_value: float | None) -> str:
    """A p-value; it never pretends to be zero."""
    if p_value is None:
        return ""
    return f"{p_value:.2g}" if p_value >= 0.0001 else "< 0.0001"
