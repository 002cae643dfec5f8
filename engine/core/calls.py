"""One planned attempt to reach a contact, with a due time and a key."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from engine.core.contacts import Contact
from engine.core.experiments import Experiment, parse_moment
from engine.core.openings import Openings
from engine.core.regions import Wishes
from engine.core.treatments import Treatment
from engine.core.windows import ALWAYS, DAYS, EVERY_DAY, Hours, Window, zone

RING_TIMEOUT = timedelta(seconds=30)
TALK_LIMIT = timedelta(minutes=5)


class CallState(StrEnum):
    """How far a call has come. It moves down this list, and back to planned only when it provably did not ring."""

    PLANNED = "planned"  # due some time
    BEGUN = "begun"  # one process has it; the provider was not asked yet
    SENT = "sent"  # written before the provider is asked; never offered again unless it provably did not ring
    ACCEPTED = "accepted"  # the provider has it, and its id is known
    UNKNOWN = "unknown"  # asked, and the answer was lost
    ENDED = "ended"  # its end was heard
    REFUSED = "refused"  # a rule or the provider said no before it rang
    CANCELED = "canceled"  # the experiment ended first


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt. `not_after` is the instant after which it must not be placed.

    `rank` is the contact's place in the deal: calls that are due together are placed in this
    order, so that at every moment the arms are dialed side by side.
    """

    key: str
    experiment: str
    contact: str
    arm: str
    attempt: int
    due_at: datetime
    not_after: datetime
    rank: int


def call_key(experiment: str, contact: str, attempt: int) -> str:
    """The key of a call: what a provider is given as our reference, and unique for ever."""
    return f"{experiment}/{contact}/{attempt}"


def window_of(experiment: Experiment, treatment: Treatment, attempt: int = 1) -> Window:
    """When this treatment wants to call: its own window within the experiment's days; any time where it has none.

    A further attempt has the hours that the redial strategy names for it, where it names some. When it may be made is
    for the rules of the contact's region to say, which cut this further.
    """
    timing = treatment.timing
    return _window(_hours(treatment, attempt) or ALWAYS, timing.days, experiment.schedule.days)


def _hours(treatment: Treatment, attempt: int) -> Hours | None:
    return treatment.redial.hours(attempt) or treatment.timing.window


def send_before(call: "Call", openings: Openings, zones: tuple[str, ...], now: datetime) -> datetime:
    """The instant after which a call placed at `now` must not ring any more: its deadline, or when the hours end.

    A provider that queues what it is given is told this, so that nothing rings hours later outside them. Where it is
    not open at `now`, that is `now`.
    """
    return min(call.not_after, max(now, openings.closes(now, zones)))


def wishes_of(experiment: Experiment, treatment: Treatment, attempt: int = 1) -> Wishes:
    """What the experiment says itself about hours, days, caps, holidays and consent."""
    timing, schedule = treatment.timing, experiment.schedule
    named = timing.days is not None or schedule.days is not None
    return Wishes(
        _hours(treatment, attempt),
        _days(timing.days) & _days(schedule.days) if named else None,
        None if experiment.caps is None else tuple(experiment.caps),
        experiment.holidays == "open",
        experiment.consent == "required",
    )


@lru_cache(maxsize=1024)
def _window(hours: Hours, days: tuple[str, ...] | None, within: tuple[str, ...] | None) -> Window:
    return Window(hours, _days(days)).intersect(Window(ALWAYS, _days(within)))


def _days(names: tuple[str, ...] | None) -> frozenset[int]:
    return EVERY_DAY if names is None else frozenset(DAYS.index(name) for name in names)


def starts(experiment: Experiment, contact: Contact) -> datetime | None:
    """When the experiment begins on the contact's latest candidate clock; None when it has no start."""
    return _moment(experiment.schedule.start, contact.timezones, max)


def ends(experiment: Experiment, contact: Contact) -> datetime | None:
    """When the experiment ends on the contact's earliest candidate clock; None when it has no end."""
    return _moment(experiment.schedule.end, contact.timezones, min)


@lru_cache(maxsize=4096)
def _moment(
    text: str | None, zones: tuple[str, ...], choose: Callable[[Iterable[datetime]], datetime]
) -> datetime | None:
    if text is None:
        return None
    wall = parse_moment(text)
    return choose(wall.replace(tzinfo=zone(name)).astimezone(UTC) for name in zones)


def plan_call(
    experiment: Experiment,
    contact: Contact,
    arm: str,
    attempt: int,
    rank: int,
    wanted: datetime,
    window: Window | None = None,
) -> Call | None:
    """The call of this attempt at the first open instant from `wanted` on; None when there is none.

    It must be placed before its window closes, before it expires and before the experiment ends. `window` is in
    place of the arm's.
    """
    if window is None:
        window = window_of(experiment, experiment.treatments[arm], attempt)
    begin = starts(experiment, contact)
    due = window.next_open(max(wanted, begin) if begin else wanted, contact.timezones)
    end = ends(experiment, contact)
    if due is None or (end is not None and due >= end):
        return None
    return Call(
        key=call_key(experiment.name, contact.key, attempt), experiment=experiment.name, contact=contact.key,
        arm=arm, attempt=attempt, due_at=due, not_after=deadline(experiment, contact, arm, due), rank=rank,
    )  # fmt: skip


def deadline(experiment: Experiment, contact: Contact, arm: str, due: datetime) -> datetime:
    """The instant after which a call due at `due` must not be placed: expiry, or the experiment's end."""
    expires = experiment.treatments[arm].timing.expires_after
    limits = [due + expires if expires else None, ends(experiment, contact)]
    return min((limit for limit in limits if limit is not None), default=due + timedelta(days=30))


def first_attempt(experiment: Experiment, contact: Contact, arm: str, rank: int, now: datetime) -> Call | None:
    """The first call of a contact who drew `arm`: after the order when the arm says so, else at once.

    After an order its time runs from when it was wanted: where the window opens too late for that, there is no call.
    """
    timing = experiment.treatments[arm].timing
    if timing.after_order is None:
        return plan_call(experiment, contact, arm, 1, rank, now)
    if contact.ordered_at is None:
        return None
    wanted = contact.ordered_at + timing.after_order
    last = deadline(experiment, contact, arm, wanted)
    call = plan_call(experiment, contact, arm, 1, rank, max(now, wanted))
    if call is None or call.due_at >= last:
        return None
    return replace(call, not_after=min(call.not_after, last))


def why_no_first(experiment: Experiment, contact: Contact, arm: str, now: datetime) -> str:
    """The rule by which a contact who drew `arm` gets no first call at all."""
    after = experiment.treatments[arm].timing.after_order
    if after is None:
        return "window"
    if contact.ordered_at is None:
        return "no_order_time"
    call = plan_call(experiment, contact, arm, 1, 0, max(now, contact.ordered_at + after))
    return "window" if call is None else "expired"
