"""Why a contact may not be called, now or ever.

Every rule is a pure function of facts and answers `Allowed`, `Deferred(until)` or `Refused`. All are
asked when a call is planned and again at the moment of placing it; the strictest answer holds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine.core.windows import Window


@dataclass(frozen=True, slots=True)
class Allowed:
    """Nothing stands against the call."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not before `until`."""

    rule: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Not at all; `rule` is one of `RULES`."""

    rule: str


Ruling = Allowed | Deferred | Refused
ALLOWED: Final = Allowed()

# Each rule's name and what a person reads about it.
RULES = {
    "suppressed": "on the suppression list",
    "other_experiment": "in another running experiment, or in an earlier round of this series",
    "no_order_time": "no time of order, and an arm calls after the order",
    "invalid_number": "a number that cannot be called",
    "window": "no open window before the experiment ends",
    "expired": "could not be placed before its deadline",
    "budget": "the budget is spent",
    "opted_out": "asked not to be called again",
    "provider": "the provider refused the call",
    "script": "the script needs a value that the contact does not have",
}
RULES_ZH = {
    "suppressed": "在禁呼名单中",
    "other_experiment": "正在参加其他实验，或参加过本系列的前一轮",
    "no_order_time": "缺少下单时间",
    "invalid_number": "号码无效",
    "window": "实验结束前没有可呼时段",
    "expired": "超过最晚外呼时间",
    "budget": "预算已用完",
    "opted_out": "客户要求不再联系",
    "provider": "线路方拒绝",
    "script": "客户缺少话术所需的信息",
}


def suppression(suppressed: bool) -> Ruling:
    """A number on the suppression list is never called."""
    return Refused("suppressed") if suppressed else ALLOWED


def expiry(now: datetime, not_after: datetime) -> Ruling:
    """A call is placed before its deadline or not at all."""
    return Refused("expired") if now >= not_after else ALLOWED


def opening(now: datetime, window: Window, zones: tuple[str, ...], not_after: datetime) -> Ruling:
    """A call waits for its window, on every candidate clock of the contact."""
    until = window.next_open(now, zones)
    if until is None or until >= not_after:
        return Refused("window")
    return ALLOWED if until == now else Deferred("window", until)


def budget(calls: int, spent: float, calls_limit: int | None, spend_limit: float | None) -> Ruling:
    """No call after the budget of calls or money is spent; `calls` and `spent` count what was placed."""
    over = (calls_limit is not None and calls >= calls_limit) or (spend_limit is not None and spent >= spend_limit)
    return Refused("budget") if over else ALLOWED


def strictest(rulings: Iterable[Ruling]) -> Ruling:
    """The first refusal, else the latest deferral, else allowed."""
    latest: Ruling = ALLOWED
    for ruling in rulings:
        if isinstance(ruling, Refused):
            return ruling
        if isinstance(ruling, Deferred) and (not isinstance(latest, Deferred) or ruling.until > latest.until):
            latest = ruling
    return latest
