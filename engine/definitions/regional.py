"""The rules of the region that an experiment calls: hours that never open, and what its author should know."""

from collections.abc import Iterator

from engine.core.calls import window_of
from engine.core.cautions import TYPICAL, bounds_of, cautions
from engine.core.experiments import CONTROL, parse_moment
from engine.core.regions import Wishes
from engine.definitions.drafts import Draft
from engine.definitions.places import Trail
from engine.regions import rulebook

MOST_YEARS = 3


def check_regional(draft: Draft) -> None:
    """Every treatment has hours in which the region's rules let it call; the rest is said as cautions."""
    needed: tuple[Trail, ...] = (
        ("audience", "region"), ("schedule",), ("caps",), ("line",), ("adapter",), ("holidays",), ("control",),
        ("arms",),
    )  # fmt: skip
    if not draft.findings.clean(*needed):
        return
    experiment, book = draft.experiment, rulebook()
    named = (experiment.line,) if experiment.line else ()
    providers = tuple(dict.fromkeys((*draft.surroundings.bound_by(experiment.adapter), *named)))
    shut = False
    for trail, treatment, written in draft.written():
        arm = CONTROL if trail == (CONTROL,) else str(trail[-1])
        window = treatment.timing.window
        if window is None or "timing" not in written or window_of(experiment, treatment).never_opens:
            continue
        if bounds_of(experiment, arm, book, providers).openings.never_opens:
            place = book.place(experiment.audience.region, "")
            usual = book.bounds(place, Wishes(), providers).openings.typical().hours_on(TYPICAL)
            draft.findings.at_key(
                (*trail, "timing"),
                f"the window {window} never opens in {experiment.audience.region}, where people are called "
                f"{usual} on a Monday",
            )
            shut = True
    if not shut:
        for caution in cautions(experiment, book, providers, tuple(_years(draft))):
            draft.findings.caution(tuple(part for name in caution.trail for part in _parts(name)), caution.text)


def _parts(name: str) -> tuple[str, ...]:
    return ("arms", name.removeprefix("arms.")) if name.startswith("arms.") else (name,)


def _years(draft: Draft) -> Iterator[int]:
    schedule = draft.experiment.schedule
    years = []
    for text in (schedule.start, schedule.end):
        try:
            years += [parse_moment(text).year] if text is not None else []
        except ValueError:
            return  # said where times are checked
    if years:
        yield from range(min(years), min(max(years), min(years) + MOST_YEARS) + 1)
