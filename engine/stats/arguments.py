"""What a statistic may be asked: each check raises a `ValueError` that names the argument."""

import math
from collections.abc import Sequence

Counted = tuple[float, float]
"""(successes, contacts)."""


def check_counted(name: str, counted: Counted) -> Counted:
    """(successes, contacts) as floats, with 0 ≤ successes ≤ contacts and at least one contact."""
    try:
        successes, contacts = counted
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a pair (successes, contacts), not {counted!r}") from None
    if 0 <= successes <= contacts and 1 <= contacts < math.inf:
        return float(successes), float(contacts)
    check_count(f"{name}: contacts", contacts)
    check_count(f"{name}: successes", successes)
    if contacts < 1:
        raise ValueError(f"{name}: contacts must be at least 1, not {contacts:g}")
    raise ValueError(f"{name}: successes ({successes:g}) exceed contacts ({contacts:g})")


def check_arms(name: str, arms: Sequence[Counted], least: int = 1) -> list[Counted]:
    """Every pair of a sequence that has at least `least` of them."""
    pairs = list(arms)
    if len(pairs) < least:
        raise ValueError(f"{name} must hold at least {least} (successes, contacts), not {len(pairs)}")
    return [check_counted(f"{name}[{place}]", pair) for place, pair in enumerate(pairs)]


def check_count(name: str, value: float) -> float:
    """A finite number that is not negative."""
    return check_within(name, value, 0, math.inf)


def check_within(name: str, value: float, low: float, high: float) -> float:
    """A finite number in [`low`, `high`]."""
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")
    if not low <= value <= high:
        bounds = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
        raise ValueError(f"{name} must be {bounds}, not {value:g}")
    return float(value)


def check_inside(name: str, value: float, low: float = 0.0, high: float = 1.0) -> float:
    """A finite number strictly between `low` and `high`: levels, rates, chances."""
    if not low < value < high:
        bounds = f"above {low:g}" if high == math.inf else f"strictly between {low:g} and {high:g}"
        raise ValueError(f"{name} must be {bounds}, not {value:g}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, not {value}")
    return float(value)


def check_whole(name: str, value: int, least: int = 1) -> int:
    """A whole number that is at least `least`."""
    if value != int(value) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value}")
    return int(value)


def check_probabilities(name: str, values: Sequence[float]) -> list[float]:
    """P-values: each in [0, 1]."""
    return [check_within(f"{name}[{place}]", value, 0, 1) for place, value in enumerate(values)]
