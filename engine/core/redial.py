"""Whether and when a contact who was not reached is called again.

However the ways of the dispositions are mixed, `attempts` is the one cap of all calls to a contact, every call comes
after its gap, and inside its window.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from engine.core.calls import Call, plan_call, window_of
from engine.core.contacts import Contact
from engine.core.experiments import Experiment
from engine.core.treatments import Disposition
from engine.core.windows import ALWAYS, Hours, Window, zone

DAYTIME = Hours(((9 * 60, 20 * 60),))  # the day that is parted where an experiment names no hours
PARTS = 3  # a day's open hours are parted into as many, of the same length


def is_due(experiment: Experiment, call: Call, disposition: Disposition) -> bool:
    """Whether the redial strategy of the call's arm wants another attempt after this ending."""
    after = experiment.treatments[call.arm].redial.after(disposition)
    return after is not None and after.attempts is not None and call.attempt < after.attempts


def said_no(disposition: Disposition, talked: float, intent: bool | None, opt_out: bool) -> bool:
    """Whether a person said no: who did is neither called again nor through another provider.

    `talked` are the seconds of talk. A call that was declined while it rang is no answer to what was offered.
    """
    return opt_out or intent is False or (disposition is Disposition.REJECTED and talked > 0)


def next_attempt(
    experiment: Experiment,
    contact: Contact,
    call: Call,
    disposition: Disposition,
    ended_at: datetime,
    begun_at: datetime | None = None,
) -> Call | None:
    """The call after `call`, or None when the redial strategy of its arm says that it was the last.

    `begun_at` is when the call was placed, where it is known: "same time" and "another part of the day" mean that.
    A refusal by a person (`said_no`, a complaint) is not a disposition: the caller checks it first.
    """
    after = experiment.treatments[call.arm].redial.after(disposition)
    if after is None or after.gap is None or not is_due(experiment, call, disposition):
        return None
    wanted, placed = ended_at + after.gap, begun_at or ended_at
    if after.when == "same_time_next_day":
        wanted = _same_time(placed, wanted, contact.timezones[0])
    window = window_after(experiment, call.arm, call.attempt, disposition, placed, contact.timezones)
    return plan_call(experiment, contact, call.arm, call.attempt + 1, call.rank, wanted, window)


def _same_time(placed: datetime, earliest: datetime, name: str) -> datetime:
    """The first later day's instant at the hour of `placed` on a clock, not before `earliest`."""
    local = placed.astimezone(zone(name))
    days = max(1, (earliest.astimezone(zone(name)).date() - local.date()).days)
    again = local + timedelta(days=days)  # the same reading of the clock, whatever the clock did overnight
    return (again if again >= earliest else again + timedelta(days=1)).astimezone(earliest.tzinfo)


def window_after(
    experiment: Experiment,
    arm: str,
    attempt: int,
    disposition: Disposition,
    placed: datetime,
    zones: tuple[str, ...],
) -> Window:
    """When the call after this attempt may be placed: in its window, in another part of the day where that is asked."""
    treatment = experiment.treatments[arm]
    window = window_of(experiment, treatment, attempt + 1)
    after = treatment.redial.after(disposition)
    if after is None or after.when != "another_part_of_day":
        return window
    hours = DAYTIME if window.hours == ALWAYS else window.hours
    before = [_minute(placed, name) for name in zones]
    parts = frozenset(part_of(hours, minute) for minute in before)
    if len(parts) == PARTS:  # so many clocks that every part was some clock's
        parts = frozenset((part_of(hours, before[0]),))
    return Window(_without(hours, parts), window.days)


def _minute(instant: datetime, name: str) -> int:
    local = instant.astimezone(zone(name))
    return local.hour * 60 + local.minute


def part_of(hours: Hours, minute: int) -> int:
    """Which third of these hours a minute of the day is in: 0, 1 or 2; a closed minute counts to what was before it."""
    total = sum(end - start for start, end in hours.spans)
    open_before = sum(max(0, min(minute, end) - start) for start, end in hours.spans)
    return min(PARTS * open_before // total, PARTS - 1) if total else 0


@lru_cache(maxsize=1024)
def _without(hours: Hours, parts: frozenset[int]) -> Hours:
    """The hours without some of their thirds, to the minute."""
    spans: list[tuple[int, int]] = []
    for start, end in hours.spans:
        for minute in range(start, end):
            if part_of(hours, minute) in parts:
                continue
            if spans and spans[-1][1] == minute:
                spans[-1] = (spans[-1][0], minute + 1)
            else:
                spans.append((minute, minute + 1))
    return Hours(tuple(spans)) if spans else hours
