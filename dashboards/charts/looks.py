"""How a metric and its likely range came to be, look by look, for the control and one arm beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from dashboards.charts.drawing import Scale, line, picture, shape, text

HEIGHT = 240
TOP, BOTTOM = 14, 26
FIRST, LAST = 15.0, 96.0
LABELS = 6
APART = 0.9


@dataclass(frozen=True, slots=True)
class LookPoint:
    """One look: `label` stands below it, `said` describes it; `place` is its number from 0."""

    place: int
    label: str
    value: float
    low: float
    high: float
    said: str


@dataclass(frozen=True, slots=True)
class LookSeries:
    """One arm's looks; `kind` is a shape of `drawing.SHAPES`, which the legend names."""

    arm: str
    kind: str
    points: tuple[LookPoint, ...]


def looks_picture(name: str, series: Sequence[LookSeries], ticks: Sequence[tuple[float, str]], title: str) -> Markup:
    """Looks from left to right, the metric from bottom to top; ranges stand beside one another."""
    scale = looks_scale(series)
    count = 1 + max(point.place for one in series for point in one.points)
    marks: list[Markup] = []
    for value, said in ticks:
        if scale.low <= value <= scale.high:
            marks += [line(0, _height(scale, value), 100, _height(scale, value), "grid")]
            marks += [text(0, _height(scale, value) - 4, said, "tick")]
    for number, one in enumerate(series):
        marks += _series(one, scale, count, (number - (len(series) - 1) / 2) * APART)
    marks += _labels(series, count)
    described = "; ".join(f"{one.arm}: {point.said}" for one in series for point in one.points)
    return picture(name, HEIGHT, title, described, marks)


def looks_scale(series: Sequence[LookSeries]) -> Scale:
    """The scale on which all ranges fit."""
    values = [value for one in series for point in one.points for value in (point.low, point.high)]
    low, high = min(values), max(values)
    air = (high - low) * 0.08 or 0.005
    return Scale(low - air, high + air)


def _series(one: LookSeries, scale: Scale, count: int, aside: float) -> list[Markup]:
    places = [round(_place(point.place, count) + aside, 2) for point in one.points]
    marks = [
        line(x, _height(scale, point.low), x, _height(scale, point.high), f"whisker whisker-{one.kind}")
        for x, point in zip(places, one.points, strict=True)
    ]
    for (x1, first), (x2, second) in pairwise(zip(places, one.points, strict=True)):
        marks.append(line(x1, _height(scale, first.value), x2, _height(scale, second.value), f"path path-{one.kind}"))
    return marks + [
        shape(x, _height(scale, point.value), one.kind) for x, point in zip(places, one.points, strict=True)
    ]


def _labels(series: Sequence[LookSeries], count: int) -> list[Markup]:
    labels = {point.place: point.label for one in series for point in one.points}
    every = max(1, -(-count // LABELS))
    return [
        text(_place(place, count), HEIGHT - 8, label, "tick", "middle")
        for place, label in sorted(labels.items())
        if (count - 1 - place) % every == 0
    ]


def _place(number: int, count: int) -> float:
    return (FIRST + LAST) / 2 if count == 1 else FIRST + (LAST - FIRST) * number / (count - 1)


def _height(scale: Scale, value: float) -> float:
    """Where a value stands, in pixels from the top."""
    up = (scale.at(value) - scale.margin) / (100 - 2 * scale.margin)
    return round(TOP + (1 - up) * (HEIGHT - TOP - BOTTOM), 1)
