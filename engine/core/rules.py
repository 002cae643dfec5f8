"""Why a contact may not be called, now or ever.

Every rule is a pure function of facts and answers `Allowed`, `Deferred(until)` or `Refused`. All are
asked when a call is planned and again at the moment of placing it; the strictest answer holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from engine.core import caps as frequency_caps
from engine.core.caps import Cap
from engine.core.consents import Consent
from engine.core.openings import Openings
from engine.core.regions import Bounds, Listing


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
    "no_consent": "no consent on a basis that the region asks for, or a consent that was withdrawn",
    "no_list": "the national do-not-call list was never imported, or its import is too old",
    "invalid_number": "a number that cannot be called",
    "window": "no open window before the experiment ends",
    "cap": "called as often as the caps allow until the experiment ends",
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
    "no_consent": "没有该地区要求的同意，或同意已撤回",
    "no_list": "未导入全国拒呼名单，或名单已过期",
    "invalid_number": "号码无效",
    "window": "实验结束前没有可呼时段",
    "cap": "实验结束前呼叫次数已达上限",
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


def opening(now: datetime, openings: Openings, zones: tuple[str, ...], not_after: datetime) -> Ruling:
    """A call waits for the hours in which it may be made, on every candidate clock of the contact."""
    return frequency(now, openings, zones, (), (), not_after)


def frequency(
    now: datetime,
    openings: Openings,
    zones: tuple[str, ...],
    caps: Sequence[Cap],
    begun: Sequence[datetime],
    not_after: datetime,
) -> Ruling:
    """A call waits until every cap lets it go, and then for the hours; `begun` are the person's calls, earliest first.

    So what is deferred is allowed when its time comes, unless something else has happened by then.
    """
    free = frequency_caps.frees(caps, begun, now) if begun else now
    rule = "cap" if free > now else "window"
    until = openings.next_open(free, zones)
    if until is None or until >= not_after:
        return Refused(rule)
    return ALLOWED if until == now else Deferred(rule, until)


def consent(given: Consent | None, accepts: Iterable[Sequence[str]], now: datetime) -> Ruling:
    """One basis of every demand for a consent has to be met; what was withdrawn refuses even where none is demanded."""
    if given is not None and given.withdrawn:
        return Refused("no_consent")
    met = all(given is not None and given.holds(bases, now) for bases in accepts)
    return ALLOWED if met else Refused("no_consent")


def national_lists(
    lists: Iterable[Listing], imported: Mapping[str, datetime], given: Consent | None, now: datetime
) -> Ruling:
    """A list that the region demands was imported, and not too long ago, unless the consent needs none."""
    for one in lists:
        if given is not None and one.exempt and given.holds(one.exempt, now):
            continue
        at = imported.get(one.name)
        if at is None or now - at > timedelta(days=one.days):
            return Refused("no_list")
    return ALLOWED


def may_ever(bounds: Bounds, given: Consent | None, imported: Mapping[str, datetime], now: datetime) -> Ruling:
    """What holds of a person at any hour: consent and national lists."""
    return strictest((consent(given, bounds.accepts, now), national_lists(bounds.lists, imported, given, now)))


def strictest(rulings: Iterable[Ruling]) -> Ruling:
    """The first refusal, else the latest deferral, else allowed."""
    latest: Ruling = ALLOWED
    for ruling in rulings:
        if isinstance(ruling, Refused):
            return ruling
        if isinstance(ruling, Deferred) and (not isinstance(latest, Deferred) or ruling.until > latest.until):
            latest = ruling
    return latest
