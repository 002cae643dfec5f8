"""What all calls, messages and later conversions came to for one contact.

An outcome is a pure function of the contact's events: order and repeats do not change it, so it
can be computed again from the ledger at any time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition

# Where a provider reports two endings of one call, the one that tells more holds.
TELLING = {
    disposition: rank
    for rank, disposition in enumerate(
        (
            Disposition.UNKNOWN, Disposition.CANCELED, Disposition.FAILED, Disposition.BLOCKED,
            Disposition.UNREACHABLE, Disposition.NO_ANSWER, Disposition.BUSY, Disposition.INVALID_NUMBER,
            Disposition.REJECTED, Disposition.ANSWERED_MACHINE, Disposition.ANSWERED_HUMAN,
        )
    )
}  # fmt: skip
ORDERED = "ordered"
# Members that are asked of every event: reading one off its class takes longer than the question.
ENDED, CONVERTED, HUMAN = Kind.ENDED, Kind.CONVERTED, Disposition.ANSWERED_HUMAN
SENT, DELIVERED, OPENED = Kind.MESSAGE_SENT, Kind.MESSAGE_DELIVERED, Kind.LINK_OPENED
OPTED_OUT, COMPLAINED = Kind.OPTED_OUT, Kind.COMPLAINED
ABOUT_CALL = (ENDED, Kind.RINGING, Kind.ANSWERED)  # a tuple of few, the most frequent first, is asked fastest
_canonical = attrgetter("at", "key")


@dataclass(frozen=True, slots=True)
class Terms:
    """What an experiment counts: the conversion's event and window, and what one incentive costs."""

    event: str
    within: timedelta
    incentive_cost: float = 0.0


class Outcome(NamedTuple):
    """One contact's numbers. Flags are 0 or 1; seconds, money and counts are sums.

    `dialled_at` is the start of the first call. `first_connected` is the connect of the first attempt
    alone: what no script can change. `converted`, `ordered` and `revenue` count inside the window.
    """

    calls: int = 0
    dialled: int = 0
    connected: int = 0
    first_connected: int = 0
    listened: int = 0
    intent: int = 0
    talk_seconds: float = 0.0
    early_hangup: int = 0
    unanswered_question: int = 0
    message_sent: int = 0
    message_delivered: int = 0
    link_opened: int = 0
    converted: int = 0
    ordered: int = 0
    revenue: float = 0.0
    cost: float = 0.0
    opt_out: int = 0
    complaint: int = 0
    dialled_at: datetime | None = None
    converted_at: datetime | None = None


def judge(events: Iterable[Event], terms: Terms, assigned_at: datetime) -> Outcome:
    """The outcome of one contact from all its events, in any order and with any repeats.

    The conversion window opens with the first call, or with the assignment for who was never called.
    """
    heard = _once(events)
    endings = _endings(heard)
    dialled_at = min([_started(event) for event in heard if event.kind in ABOUT_CALL], default=None)
    others = [event for event in heard if event.kind is not ENDED]
    later = _later(others, terms, dialled_at or assigned_at) if others else NOTHING
    humans = [end for end in endings.values() if end.disposition is HUMAN]
    talk = _talked(humans) if humans else SILENCE
    return Outcome(
        calls=len(endings),
        dialled=0 if dialled_at is None else 1,
        connected=1 if humans else 0,
        first_connected=1 if humans and _is_first(endings) else 0,
        listened=talk.listened,
        intent=talk.intent,
        talk_seconds=talk.seconds,
        early_hangup=talk.early,
        unanswered_question=talk.questions,
        message_sent=1 if SENT in later.kinds else 0,
        message_delivered=1 if DELIVERED in later.kinds else 0,
        link_opened=1 if OPENED in later.kinds else 0,
        converted=0 if later.converted_at is None else 1,
        ordered=later.ordered,
        revenue=later.revenue,
        cost=later.cost + sum([end.cost for end in endings.values()]) + later.incentive,
        opt_out=1 if OPTED_OUT in later.kinds or any(end.opt_out for end in endings.values()) else 0,
        complaint=1 if COMPLAINED in later.kinds else 0,
        dialled_at=dialled_at,
        converted_at=later.converted_at,
    )


class _Later(NamedTuple):
    """What everything but the endings came to."""

    kinds: frozenset[Kind] = frozenset()
    converted_at: datetime | None = None
    ordered: int = 0
    revenue: float = 0
    cost: float = 0
    incentive: float = 0.0


NOTHING = _Later()


def _later(others: Sequence[Event], terms: Terms, opens: datetime) -> _Later:
    """The same of some events; the conversion window opens at `opens`."""
    conversions = [event for event in others if event.kind is CONVERTED]
    inside = [event for event in conversions if opens <= event.at <= opens + terms.within]
    wins = [event.at for event in inside if event.name == terms.event]
    orders = [event for event in inside if event.name == ORDERED]
    return _Later(
        frozenset([event.kind for event in others]),
        min(wins, default=None),
        1 if orders else 0,
        sum([event.value for event in orders]),
        sum([event.cost for event in others]),
        terms.incentive_cost if wins else 0.0,
    )


def _once(events: Iterable[Event]) -> list[Event]:
    """Every event once, in an order that does not hang on how they came."""
    heard = list(events)
    if len(heard) < 2:
        return heard
    return list({event.key: event for event in sorted(heard, key=_canonical)}.values())


class _Talk(NamedTuple):
    """What all talks with a person came to."""

    listened: int = 0
    intent: int = 0
    seconds: float = 0.0
    early: int = 0
    questions: int = 0


SILENCE = _Talk()
UNHEARD = ("", "opening")  # whoever heard more than the opening has listened


def _talked(humans: Sequence[Event]) -> _Talk:
    return _Talk(
        1 if [end for end in humans if end.block not in UNHEARD] else 0,
        1 if [end for end in humans if end.intent] else 0,
        sum([end.seconds for end in humans]),
        1 if [end for end in humans if end.early] else 0,
        1 if [end for end in humans if end.questions] else 0,
    )


def _started(event: Event) -> datetime:
    """When the call that an event is about began at the latest."""
    return event.at - timedelta(seconds=event.seconds) if event.seconds else event.at


def _is_first(endings: Mapping[str, Event]) -> bool:
    """Whether the first of these calls was the first attempt, and a person answered it."""
    first = min(endings, key=attempt_of)
    return endings[first].disposition is HUMAN and attempt_of(first) == 1


def _endings(events: Iterable[Event]) -> dict[str, Event]:
    """The ending of each call: of several reports, the most telling."""
    endings: dict[str, Event] = {}
    for event in events:
        if event.kind is not ENDED:
            continue
        known = endings.get(event.call)
        if known is None or _telling(event) > _telling(known):
            endings[event.call] = event
    return endings


def _telling(event: Event) -> tuple[int, float, float, datetime, str]:
    return (TELLING[event.disposition or Disposition.UNKNOWN], event.seconds, event.cost, event.at, event.key)


def attempt_of(call: str) -> int:
    """The number of the attempt that a call's key names."""
    number = call.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0
