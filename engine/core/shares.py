"""Shares and lifts as people write them: `5%` of a whole, `2pt` between two rates, `10%` of the control's."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from engine.core.treatments import Value

PERCENT = re.compile(r"^\s*\+?(-?\d+(?:\.\d+)?)\s*%\s*$")
POINTS = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?)\s*(pt|%)\s*$")
MOST_RELATIVE = 1000.0  # a thousand times the control; a typing error above it


def parse_share(value: object) -> float:
    """A share from `5%` or `0.05`; raises ValueError outside 0 to 1."""
    found = PERCENT.match(value) if isinstance(value, str) else None
    if found:
        share = float(found[1]) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool):
        share = float(value)
    else:
        raise ValueError(f"{value!r} is not a percentage; write it as 5% or 0.05")
    if not 0 <= share <= 1:
        raise ValueError(f"{value!r} is outside 0% to 100%")
    return share


def share_text(value: float) -> str:
    """The shortest percentage for a share: `5%`, `2.5%`."""
    return f"{value * 100:.10g}%"


def _inside(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError("must be more than 0% and less than 100%")
    return value


_SHARE_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$"},
            {"type": "number", "minimum": 0, "maximum": 1},
        ]
    }
)
Share = Annotated[float, BeforeValidator(parse_share), PlainSerializer(share_text), _SHARE_SCHEMA]
Level = Annotated[
    float, BeforeValidator(parse_share), AfterValidator(_inside), PlainSerializer(share_text), _SHARE_SCHEMA
]


class Lift(Value):
    """A difference between two rates: in points (0.02 is 2pt), or relative to the control."""

    size: float
    relative: bool = False

    def points(self, baseline: float) -> float:
        """The lift as a difference of rates, over this rate of the control."""
        return self.size * baseline if self.relative else self.size

    def __str__(self) -> str:
        return f"{self.size * 100:.10g}{'%' if self.relative else 'pt'}"


def parse_lift(value: object) -> Lift:
    """A lift from `2pt` (percentage points) or `10%` (relative)."""
    if isinstance(value, Lift):
        return value
    found = POINTS.match(value) if isinstance(value, str) else None
    if not found:
        raise ValueError(
            f"{value!r} is not a lift; write 2pt for two percentage points, 10% for a tenth of the control"
        )
    lift = Lift(size=float(found[1]) / 100, relative=found[2] == "%")
    if not -1 <= lift.size <= (MOST_RELATIVE if lift.relative else 1):
        raise ValueError(f"{value!r} is not possible: a rate goes from 0% to 100%")
    return lift


def _positive(value: Lift) -> Lift:
    if value.size <= 0:
        raise ValueError(f"a lift to look for is more than zero, not {value}")
    return value


_LIFT_SCHEMA = WithJsonSchema(
    {"type": "string", "pattern": r"^\s*[+-]?\d+(\.\d+)?\s*(pt|%)\s*$", "examples": ["2pt", "10%"]}
)
AnyLift = Annotated[Lift, BeforeValidator(parse_lift), PlainSerializer(str), _LIFT_SCHEMA]
PositiveLift = Annotated[AnyLift, AfterValidator(_positive)]
