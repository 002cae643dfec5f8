"""Times: windows that open, schedules that end after they begin, spans that can be kept."""

from datetime import UTC, datetime, timedelta

from engine.core.calls import window_of
from engine.core.experiments import parse_moment
from engine.core.treatments import After, Redial
from engine.core.windows import Window
from engine.definitions.drafts import Draft
from engine.definitions.findings import Findings, shown
from engine.definitions.places import Trail

LONGEST_WAIT = timedelta(days=90)
SHORTEST_GAP = timedelta(minutes=1)


def check_times(draft: Draft) -> None:
    """Every treatment has a moment at which it may call, and every span is one that can be kept."""
    start, end = _moment(draft, "start"), _moment(draft, "end")
    if start is not None and end is not None and end <= start:
        message = (
            f"{shown(draft.experiment.schedule.end)} is not after the start, {shown(draft.experiment.schedule.start)}"
        )
        draft.findings.at_value(("schedule", "end"), message)
        start = end = None
    _check_windows(draft, start, end)
    _check_spans(draft)
    _check_redials(draft)


def _moment(draft: Draft, name: str) -> datetime | None:
    text, trail = getattr(draft.experiment.schedule, name), ("schedule", name)
    if text is None or not draft.findings.clean(trail):
        return None
    try:
        moment = parse_moment(text)
    except ValueError:
        draft.findings.at_value(trail, f'{shown(text)} is not a moment; write it as "2026-11-23 09:00"')
        return None
    if not 2000 <= moment.year <= 2200:
        draft.findings.at_value(trail, f"{shown(text)} is in the year {moment.year}; is it a typing error?")
        return None
    return moment.replace(tzinfo=UTC)  # any one clock will do to compare readings of one clock


def _check_windows(draft: Draft, start: datetime | None, end: datetime | None) -> None:
    said = ("schedule",)
    if not draft.findings.clean(said, ("control", "timing")):
        return
    for trail, treatment, written in draft.written():
        if trail != ("control",) and ("timing" not in written or not draft.findings.clean((*trail, "timing"))):
            continue
        place = (*trail, "timing") if "timing" in written else said
        window = window_of(draft.experiment, treatment)
        if window.never_opens:
            own, all_days = _days(treatment.timing.days), _days(draft.experiment.schedule.days)
            at = (*place, "days") if place != said else place
            draft.findings.at_key(at, f"the window never opens: {own}, and the schedule has {all_days}")
        elif start is not None and end is not None and not _opens(window, start, end):
            hours = f"{window.hours} on {_days(treatment.timing.days or draft.experiment.schedule.days)}"
            draft.findings.at_key(place, f"the window {hours} never opens between the schedule's start and end")


def _opens(window: Window, start: datetime, end: datetime) -> bool:
    opening = window.next_open(start, ("UTC",))
    return opening is not None and opening < end


def _days(days: tuple[str, ...] | None) -> str:
    return "every day" if days is None else ", ".join(days)


def _check_spans(draft: Draft) -> None:
    findings, within = draft.findings, draft.experiment.conversion.within
    trail: Trail = ("conversion", "within")
    if findings.clean(trail) and not timedelta() < within <= LONGEST_WAIT:
        findings.at_value(trail, "a conversion needs some time, and at most 90d")
    for place, treatment, written in draft.written():
        for section, name in (("redial", "gap"), ("timing", "expires_after")):
            trail = (*place, section, name)
            words = written.get(section)
            if not isinstance(words, dict) or name not in words or not findings.clean(trail):
                continue
            if name == "gap" and treatment.redial.gap < SHORTEST_GAP:
                findings.at_value(trail, "the time between two calls is at least 1m")
            if name == "expires_after" and treatment.timing.expires_after == timedelta():
                findings.at_value(trail, "a call that expires at once is never placed")


def _check_redials(draft: Draft) -> None:
    """What dispositions do in their own way is inside the cap of all, and every attempt has hours that are used."""
    for place, treatment, written in draft.written():
        words = written.get("redial")
        if not isinstance(words, dict):
            continue
        _check_by((*place, "redial", "by"), words.get("by"), treatment.redial, draft.findings)
        trail: Trail = (*place, "redial", "windows")
        hours, redials = words.get("windows"), treatment.redial.attempts - 1
        if isinstance(hours, list) and draft.findings.clean(trail, (*place, "redial", "attempts")):
            if not redials:
                draft.findings.at_key(trail, "nobody is called again, so no attempt has these hours; raise attempts")
            elif len(hours) > redials:
                message = f"names hours of {len(hours)} further calls, and there are at most {redials}"
                draft.findings.at_key(trail, message)


def _check_by(trail: Trail, written: object, redial: Redial, findings: Findings) -> None:
    if not isinstance(written, dict):
        return
    known: dict[str, After] = dict(redial.by)  # type: ignore[arg-type]  # its names are texts
    for name in written:
        after = known.get(str(name))
        if after is None or not findings.clean((*trail, str(name))):
            continue
        if after.gap is not None and after.gap < SHORTEST_GAP:
            findings.at_value((*trail, str(name), "gap"), "the time between two calls is at least 1m")
        if after.attempts is not None and after.attempts > redial.attempts:
            message = f"{after.attempts} is more than attempts, {redial.attempts}, which is the cap of all calls"
            findings.at_value((*trail, str(name), "attempts"), message)
