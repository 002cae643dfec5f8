"""How long conversions take, arm by arm, and whether a window that is too short favors the faster arm."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from engine.core.evidence import Delays
from engine.core.sentences import Sentence, Words, chance, points
from engine.stats.survival import kaplan_meier, late_share, speeds_alike, still_to_come

SPEED_ALARM = 0.001
LEAST_CONVERSIONS = 20
LATE_PART = 0.75
LEAST_LATE = 0.02
"""Where less than this share of an arm's conversions comes in the last quarter, the window is long enough for it."""


@dataclass(frozen=True, slots=True)
class ArmDelay:
    """One arm: the share of everyone dialed that has converted by the end of each part of the window.

    `median` is the hour by which half of those who convert within the window have done so; `late` the share of them
    in the window's last quarter; both None before somebody had the whole window. `to_come` is the share of the
    conversions that is not seen yet.
    """

    arm: str
    dialled: int
    conversions: int
    reached: tuple[float, ...]
    median: float | None
    late: float | None
    to_come: float


@dataclass(frozen=True, slots=True)
class DelayReading:
    """All arms; `p_value` is of one speed for all, None where too few converted to tell."""

    hours: tuple[float, ...]
    arms: tuple[ArmDelay, ...]
    p_value: float | None
    warning: Sentence | None

    @property
    def window(self) -> float:
        """Hours until the window closes."""
        return self.hours[-1]

    def facts(self) -> dict[str, Any]:
        """The reading as a standing has it."""
        arms = [
            {
                "arm": each.arm, "dialled": each.dialled, "conversions": each.conversions,
                "converted_by": [round(share, 6) for share in each.reached], "median_hours": each.median,
                "late_share": each.late, "still_to_come": each.to_come,
            }
            for each in self.arms
        ]  # fmt: skip
        return {
            "window_hours": self.window, "hours": self.hours, "arms": arms, "p_value": self.p_value,
            "ok": self.warning is None,
        }  # fmt: skip


def read_delays(delays: Delays) -> DelayReading | None:
    """The curves of all arms in which somebody was dialed; None when there is none."""
    arms = tuple(_arm(delays, arm) for arm in delays.converted if sum(delays.converted[arm]) + sum(delays.waited[arm]))
    if not arms:
        return None
    many = {arm: counts for arm, counts in delays.settled.items() if sum(counts) >= LEAST_CONVERSIONS}
    p_value = speeds_alike(delays.hours, list(many.values())) if len(many) >= 2 else None
    warning = None
    if p_value is not None and p_value < SPEED_ALARM:
        warning = _warning({each.arm: each.late or 0.0 for each in arms if each.arm in many}, p_value)
    return DelayReading(delays.hours, arms, p_value, warning)


def _arm(delays: Delays, arm: str) -> ArmDelay:
    hours, converted, settled = delays.hours, delays.converted[arm], delays.settled[arm]
    curve = kaplan_meier(hours, converted, delays.waited[arm])
    by_then = zip(hours, accumulate(settled), strict=True)
    median = next((hour for hour, count in by_then if 2 * count >= sum(settled)), None) if any(settled) else None
    return ArmDelay(
        arm, sum(converted) + sum(delays.waited[arm]), sum(converted), tuple(1 - left for left in curve.staying),
        median, late_share(hours, settled, LATE_PART * hours[-1]), still_to_come(curve, hours[-1]),
    )  # fmt: skip


def _warning(late: Mapping[str, float], p_value: float) -> Sentence | None:
    """What a window too short for the slowest arm does; None where it is long enough for all."""
    slow, fast = max(late, key=late.__getitem__), min(late, key=late.__getitem__)
    if late[slow] < LEAST_LATE:
        return None
    values: dict[str, Words] = {"slow": slow, "fast": fast, "p": chance(p_value)}
    values |= {"late": f"{points(late[slow])}%", "soon": f"{points(late[fast])}%"}
    return Sentence("warn_speeds", values)
