"""The pictures of one experiment, each beside a table that says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from dashboards.charts import (
    DelaySeries,
    FunnelPanel,
    FunnelStage,
    LiftRow,
    LookPoint,
    LookSeries,
    delay_picture,
    funnel_picture,
    lift_picture,
    looks_picture,
)  # fmt: skip
from dashboards.charts.drawing import Scale
from dashboards.charts.lift import scale_of
from dashboards.charts.looks import looks_scale
from dashboards.pages.evidence import VERDICTS
from dashboards.pages.figures import ArmFigure, MetricFigure
from dashboards.rendering.languages import Words, message
from dashboards.rendering.numbers import Numbers
from engine.steps import report

STEPS = {
    "assigned": message("assigned"),
    "dialled": message("dialed"),
    "connected": message("connected"),
    "listened": message("heard the benefit"),
    "intent": message("said yes"),
    "message_sent": message("message sent"),
    "message_delivered": message("message delivered"),
    "link_opened": message("link opened"),
    "converted": message("converted"),
    "ordered": message("ordered"),
}


@dataclass(frozen=True, slots=True)
class FunnelView:
    """One arm's picture, and its steps as (name, people, share of the assigned)."""

    arm: str
    picture: Markup
    steps: tuple[tuple[str, int, float], ...]


Estimate = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class LookView:
    """One look of the log: the primary metric of the control and of the arm that the picture follows."""

    number: int
    as_of: datetime
    control: Estimate | None
    arm: Estimate | None
    status: str


def lift_view(
    figure: MetricFigure,
    useful: float | None,
    words: Words,
    *,
    arms: Sequence[ArmFigure] | None = None,
    name: str = "lift",
    scale: Scale | None = None,
) -> Markup | None:
    """The lift of every arm of the primary metric, or of these `arms`; None when there is none to draw."""
    numbers = Numbers(words)
    rows = [
        LiftRow(
            arm.arm, arm.lift.value, arm.lift.low, arm.lift.high, arm.lift.clarity, arm.lift.short,
            numbers.lift(arm.lift.value, figure.kind), numbers.range(arm.lift.low, arm.lift.high, figure.kind),
        )
        for arm in (figure.arms if arms is None else arms)
        if arm.lift and arm.lift.low is not None and arm.lift.high is not None
    ]  # fmt: skip
    if not rows:
        return None
    signed = useful if useful is None or figure.better == "higher" else -useful
    scale = scale or scale_of(rows, signed)
    ticks = _ticks(scale.ticks(), figure, numbers)
    title = words.say("Lift of every arm over the control: %(metric)s", metric=figure.label)
    return lift_picture(name, rows, signed, ticks, title, scale)


def _ticks(values: tuple[float, ...], figure: MetricFigure, numbers: Numbers) -> list[tuple[float, str]]:
    said = numbers.bare_points if figure.rate else lambda value: numbers.lift(value, figure.kind)
    return [(value, said(value) if value else "0") for value in values]


def funnel_views(
    steps: tuple[report.FunnelStep, ...], control: str, followed: str, words: Words
) -> tuple[FunnelView, ...]:
    """One picture for each arm, the control first and the arm followed second, all shares of the people assigned."""
    if not steps:
        return ()
    names = sorted(steps[0].counts, key=lambda arm: (arm != control, arm != followed))
    return tuple(_funnel(number, arm, control, steps, words) for number, arm in enumerate(names))


def _funnel(number: int, arm: str, control: str, steps: tuple[report.FunnelStep, ...], words: Words) -> FunnelView:
    numbers = Numbers(words)
    shares = [_share(step.counts, steps[0].counts, arm) for step in steps]
    names = [words.say(STEPS.get(step.name, step.name)) for step in steps]
    stages = tuple(
        FunnelStage(
            name, share,
            f"{numbers.percent(share)} · {numbers.number(step.counts.get(arm, 0))}",
            None if arm == control else _share(step.counts, steps[0].counts, control),
        )
        for name, share, step in zip(names, shares, steps, strict=True)
    )  # fmt: skip
    title = words.say("The people of %(arm)s, step by step", arm=arm)
    return FunnelView(
        arm,
        funnel_picture(f"funnel-{number}", FunnelPanel(arm, stages), title, words.say("control")),
        tuple((name, step.counts.get(arm, 0), share) for name, step, share in zip(names, steps, shares, strict=True)),
    )


def _share(counts: Mapping[str, int], assigned: Mapping[str, int], arm: str) -> float:
    everyone = assigned.get(arm, 0)
    return counts.get(arm, 0) / everyone if everyone else 0.0


@dataclass(frozen=True, slots=True)
class DelayRow:
    """One arm: its conversions, the hours by which half had come, the share in the window's last quarter, and the
    share that is not seen yet."""

    arm: str
    conversions: int
    median: str
    late: float | None
    to_come: float


@dataclass(frozen=True, slots=True)
class DelayView:
    """How long conversions take: the picture of the control and of the arm followed, and every arm's row."""

    picture: Markup | None
    window: str
    rows: tuple[DelayRow, ...]


def delay_view(standing: Mapping[str, Any], control: str, followed: str, words: Words) -> DelayView | None:
    """The delays of a standing; None where nobody has converted."""
    delay, numbers = standing.get("delay"), Numbers(words)
    arms = [arm for arm in (delay or {}).get("arms", ()) if arm["conversions"]]
    if not delay or not arms:
        return None

    def hours(value: float | None) -> str:
        return (
            "–"
            if value is None
            else words.say("%(n)s h", n=numbers.number(value, 0 if value >= 10 or value == round(value) else 1))
        )

    window = delay["window_hours"]
    rows = tuple(
        DelayRow(arm["arm"], arm["conversions"], hours(arm["median_hours"]), arm["late_share"], arm["still_to_come"])
        for arm in arms
    )
    series = [
        DelaySeries(
            arm["arm"], kind, _arrivals(delay["hours"], arm["converted_by"]), f"{row.conversions}, {row.median}"
        )
        for name, kind in ((control, "unclear"), (followed, "arm"))
        for arm, row in zip(arms, rows, strict=True)
        if arm["arm"] == name
    ]
    ticks = [(window * part / 4, hours(window * part / 4)) for part in range(4)]
    said = words.say("Conversions by hours after the first call"), words.say("window closes")
    picture = delay_picture("delay", series, window, ticks, said) if series else None
    return DelayView(picture, hours(window), rows)


def _arrivals(hours: Sequence[float], reached: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """The share of the conversions within the window that have come by each hour."""
    return ((0.0, 0.0), *((hour, share / reached[-1]) for hour, share in zip(hours, reached, strict=True)))


def look_views(looks: tuple[report.LookRow, ...], control: str, arm: str, words: Words) -> tuple[LookView, ...]:
    """The log of looks, first to last, following `arm`."""
    return tuple(
        LookView(
            look.number, look.as_of, look.estimate.get(control), look.estimate.get(arm),
            words.say(VERDICTS.get(look.status, look.status)),
        )
        for look in sorted(looks, key=lambda look: look.number)
    )  # fmt: skip


def looks_view(
    views: tuple[LookView, ...], control: str, arm: str, figure: MetricFigure, words: Words
) -> Markup | None:
    """How the metric came to be in the control and in `arm`; None with fewer than two looks at the arm."""
    counted = [view for view in views if view.arm is not None]
    if len(counted) < 2:
        return None
    numbers = Numbers(words)
    series = [
        LookSeries(
            name,
            kind,
            tuple(
                LookPoint(place, f"{view.as_of:%m-%d}", *found, _said(view, found, figure, numbers))
                for place, view in enumerate(counted)
                for found in [view.control if name == control else view.arm]
                if found is not None
            ),
        )
        for name, kind in ((control, "unclear"), (arm, "arm"))
    ]
    series = [one for one in series if one.points]
    ticks = [(value, numbers.estimate(value, figure.kind, figure.unit)) for value in looks_scale(series).ticks()]
    title = words.say(
        "%(metric)s at every look: %(control)s and %(arm)s", metric=figure.label, control=control, arm=arm
    )
    return looks_picture("looks", series, ticks, title)


def _said(view: LookView, found: Estimate, figure: MetricFigure, numbers: Numbers) -> str:
    value, low, high = (numbers.estimate(one, figure.kind, figure.unit) for one in found)
    return f"{view.as_of:%m-%d}: {value} ({low}, {high})"
