"""What the guards carry from one look to the next, so that each is safe at every look.

A watch is made of plain values and is kept with its look, as JSON: whoever measures next goes on from there.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from engine.stats.balance import Deals
from engine.stats.harm import RelativeHarm
from engine.stats.homogeneity import Alike
from engine.stats.margins import Margins

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HarmWatch:
    """One arm's complaints against the control's; `heard` are the counts of the two that are in the odds, arm first."""

    odds: RelativeHarm = field(default_factory=RelativeHarm)
    heard: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Watch:
    """What every guard has seen: balance by stage, complaints by arm, the placebo, and margins by metric.

    Lists of arms are in the experiment's order.
    """

    balance: Mapping[str, Deals] = field(default_factory=dict)
    harm: Mapping[str, HarmWatch] = field(default_factory=dict)
    placebo: Alike | None = None
    margins: Mapping[str, Margins] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The watch as a look keeps it; empty where nothing is watched."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Watch":
        """The watch that a look kept."""
        return cls(
            _each(kept.get("balance", {}), Deals),
            {
                arm: HarmWatch(_value(RelativeHarm, value["odds"]), _tuple(value["heard"]))
                for arm, value in kept.get("harm", {}).items()
            },
            _value(Alike, kept["placebo"]) if kept.get("placebo") else None,
            _each(kept.get("margins", {}), Margins),
        )


def _each(kept: Mapping[str, Any], kind: Callable[..., T]) -> dict[str, T]:
    return {name: _value(kind, value) for name, value in kept.items()}


def _value(kind: Callable[..., T], kept: Mapping[str, Any]) -> T:
    return kind(**{name: _tuple(value) for name, value in kept.items()})


def _tuple(kept: Any) -> Any:
    """Lists of JSON as the tuples that they were."""
    return tuple(_tuple(each) for each in kept) if isinstance(kept, list) else kept
