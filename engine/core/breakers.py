"""When a line rests by itself: a provider's account after technical failures, a caller number that is taken for spam.

A breaker trips on the share of bad endings among the latest calls, lets what it guards rest, then a trial batch
through, and closes when the trial went well; each further trip in a row makes the rest twice as long.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import exp

from engine.core.treatments import Disposition


class Trouble(StrEnum):
    """What a breaker watches."""

    REFUSALS = "refusals"  # the provider did not take calls, or its answer was lost
    TECHNICAL = "technical"  # calls that it took failed
    HIGH_RISK = "high_risk"  # a carrier or a filter took the caller for spam
    RETRY_AFTER = "retry_after"  # the provider asked to wait


@dataclass(frozen=True, slots=True)
class Breaker:
    """Trips when, of at most `latest` calls within `window`, at least `least`, a share of `share` or more was bad."""

    share: float
    least: int
    latest: int
    window: timedelta
    rest: timedelta
    longest: timedelta

    def trips(self, calls: int, bad: int) -> bool:
        """Whether so many bad ones of so many calls are trouble."""
        return calls >= self.least and bad >= self.share * calls

    def rest_after(self, trips: int) -> timedelta:
        """How long what tripped rests, after so many trips in a row before this one."""
        return min(self.rest * (1 << min(trips, 20)), self.longest)


_LINE = Breaker(0.5, 20, 100, timedelta(minutes=10), rest=timedelta(minutes=5), longest=timedelta(hours=1))
BREAKERS = {
    Trouble.REFUSALS: _LINE,
    Trouble.TECHNICAL: _LINE,
    Trouble.HIGH_RISK: Breaker(0.2, 10, 100, timedelta(hours=2), rest=timedelta(hours=4), longest=timedelta(days=2)),
}
KEPT = timedelta(days=1)  # longer than any window
TROUBLES = {
    Trouble.REFUSALS: "the provider refused calls, or its answers were lost",
    Trouble.TECHNICAL: "calls failed at the provider",
    Trouble.HIGH_RISK: "calls were blocked as spam or high risk",
    Trouble.RETRY_AFTER: "the provider asked to wait",
}
TROUBLES_ZH = {
    Trouble.REFUSALS: "线路方拒绝呼叫过多，或没有收到其答复",
    Trouble.TECHNICAL: "线路方呼叫失败过多",
    Trouble.HIGH_RISK: "被运营商标记为骚扰或高风险",
    Trouble.RETRY_AFTER: "线路方要求稍后再试",
}

FAILED = frozenset({Disposition.FAILED, Disposition.UNKNOWN})
# SIP 607 and 608, and the words of providers that mean the same, beside our own `blocked`.
RISK = re.compile(r"(?<!\d)60[78](?!\d)|high_?risk|operator_?block|marked_as_spam|network_blocked", re.IGNORECASE)
MAY_BE_RISK = frozenset({Disposition.BLOCKED, Disposition.REJECTED, Disposition.FAILED})


def is_high_risk(disposition: Disposition, detail: str) -> bool:
    """Whether a call ended because a carrier or a filter took it for spam; `detail` is the provider's own code."""
    return disposition is Disposition.BLOCKED or (disposition in MAY_BE_RISK and RISK.search(detail) is not None)


def counted(signals: Iterable[tuple[datetime, int, int]], since: datetime, latest: int) -> tuple[int, int]:
    """Calls and bad ones among the latest signals, given newest first as (when, calls, bad), after `since`."""
    calls = bad = 0
    for at, ended, badly in signals:
        if at <= since or calls >= latest:
            break
        calls, bad = calls + ended, bad + badly
    return calls, bad


COMPLAINT_LIMIT = 3e-4
LEAST_COMPLAINTS = 2  # one complaint is an event, not yet a rate
LOWER = 0.025  # the lower end of a two-sided range of 95 %


def complaints_exceed(complaints: int, calls: int) -> bool:
    """Whether so many complaints show that a campaign has more than 3 in 10,000 calls: the lower 95 % Poisson bound."""
    return complaints >= LEAST_COMPLAINTS and poisson_lower(complaints) > COMPLAINT_LIMIT * calls


def poisson_lower(count: int, level: float = LOWER) -> float:
    """The mean of which `count` or more is seen with the chance `level` (Garwood 1936, Biometrika 28, 437-442)."""
    low, high = 0.0, float(count)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_least(count, middle) < level else (low, middle)
    return low


def _at_least(count: int, mean: float) -> float:
    """The chance of `count` or more where `mean` is expected, by the terms from `count` on, which lose no digits."""
    term = exp(-mean)
    for number in range(1, count + 1):
        term *= mean / number
    total, number = 0.0, count
    while term > total * 1e-17 and number < count + 10_000:
        total, number = total + term, number + 1
        term *= mean / number
    return total
