"""How long calls take at the pace: calls of a contact, calls a second, days inside the windows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from engine.core.experiments import Experiment
from engine.core.treatments import Treatment
from engine.steps.ruling import usual

# What calls come to where the provider's own assumptions are not known.
REACHED_FIRST = 0.60  # contacts reached by the first attempt
MISSED = {  # how the calls end that reach nobody
    "no_answer": 0.45, "busy": 0.17, "answered_machine": 0.12, "unreachable": 0.12, "rejected": 0.09,
}  # fmt: skip
TALK_SECONDS, RING_SECONDS = 35.0, 18.0
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
CLOCK = ("UTC",)
MOST_WEEKS = 5_000
WEEK = timedelta(days=7)


def calls_each(treatment: Treatment) -> float:
    """Calls that one contact of a treatment is expected to take, those that fewer attempts are given less."""
    redial = treatment.redial
    capped = {name: own.attempts for name, own in redial.by.items() if own.attempts is not None}
    expected = again = 1.0
    for attempt in range(1, redial.attempts):
        given_up = sum(MISSED.get(name, 0.0) for name, attempts in capped.items() if attempts <= attempt)
        again *= (1 - REACHED_FIRST) * (1 - given_up)
        expected += again
    return expected


def per_second(experiment: Experiment) -> float:
    """Calls a second: the pace, what may be in flight over how long a call takes, or a day's budget over its hours."""
    occupied = RING_SECONDS + REACHED_FIRST * TALK_SECONDS
    fastest = min(experiment.pace.per_second, experiment.pace.concurrent / occupied)
    a_day = experiment.budget.calls_per_day
    return fastest if a_day is None else min(fastest, a_day / _daily(experiment))


def people_awaited(experiment: Experiment, each: float) -> float:
    """People who are called, `each` so often, while the conversions of one are awaited."""
    return per_second(experiment) * _weekly(experiment) * (experiment.conversion.within / WEEK) / each


def _daily(experiment: Experiment) -> float:
    """Seconds of a day in which the control may be called, on average over the days that are open at all."""
    openings = usual(experiment)
    days = sum(bool(openings.hours_on((MONDAY + timedelta(days=day)).date()).spans) for day in range(7))
    return openings.weekly_seconds / days if days else 0.0


def _weekly(experiment: Experiment) -> float:
    """Seconds a week in which the control's window is open."""
    return usual(experiment).weekly_seconds


def days_of_parts(experiment: Experiment, parts: Sequence[float]) -> list[float | None]:
    """Days from the first open minute of a week until each part's people had their time to convert.

    `parts` are calls; each begins when the one before is mature, inside the control's window.
    """
    window = usual(experiment)
    began = window.next_open(MONDAY, CLOCK)
    found: list[float | None] = []
    now = began
    for calls in parts:
        if now is not None:
            now = _called(experiment, now, calls)
        if now is None or began is None:
            found.append(None)
            continue
        mature = now + experiment.conversion.within
        found.append((mature - began) / timedelta(days=1))
        now = window.next_open(mature, CLOCK)
    return found


def _called(experiment: Experiment, begin: datetime, calls: float) -> datetime | None:
    """When so many calls are placed that begin at an open instant; None in a lifetime."""
    window = usual(experiment)
    left = calls / per_second(experiment)
    weekly = _weekly(experiment)
    weeks = max(0, ceil(left / weekly) - 1)
    if weeks > MOST_WEEKS:
        return None
    now, left = begin + weeks * WEEK, left - weeks * weekly
    while True:
        closes = window.closes(now, CLOCK)
        if left <= (closes - now).total_seconds():
            return now + timedelta(seconds=left)
        left -= (closes - now).total_seconds()
        after = window.next_open(closes, CLOCK)
        if after is None:
            return None
        now = after
