"""How fast conversions come, hour by hour after the first call, with the end of the window marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from dashboards.charts.drawing import line, picture, shape, text

HEIGHT = 220
TOP, BOTTOM = 22, 26
FIRST, LAST = 8.0, 92.0
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
MARKED = 0.5


@dataclass(frozen=True, slots=True)
class DelaySeries:
    """One arm: (hour, share of its conversions within the window that have come by then), from hour 0 on.

    `kind` is a shape of `drawing.SHAPES`, which stands where half of them have come; `said` describes the arm.
    """

    arm: str
    kind: str
    points: tuple[tuple[float, float], ...]
    said: str


def delay_picture(
    name: str, series: Sequence[DelaySeries], window: float, ticks: Sequence[tuple[float, str]], words: tuple[str, str]
) -> Markup:
    """Hours from left to right, shares from bottom to top; `words` are the title and the name of the window's end."""
    title, closes = words
    marks: list[Markup] = []
    for share in SHARES:
        marks += [
            line(0, _height(share), 100, _height(share), "grid"),
            text(0, _height(share) - 4, f"{share:.0%}", "tick"),
        ]
    marks.append(line(_place(window, window), TOP - 8, _place(window, window), HEIGHT - BOTTOM, "useful"))
    marks.append(text(_place(window, window), 10, closes, "tick", "middle"))
    marks += [
        text(_place(hour, window), HEIGHT - 8, said, "tick", "middle") for hour, said in ticks if 0 <= hour <= window
    ]
    for one in series:
        marks += _series(one, window)
    described = "; ".join(f"{one.arm}: {one.said}" for one in series)
    return picture(name, HEIGHT, title, described, marks)


def _series(one: DelaySeries, window: float) -> list[Markup]:
    places = [(_place(hour, window), _height(share)) for hour, share in one.points]
    marks = [line(x1, y1, x2, y2, f"path path-{one.kind}") for (x1, y1), (x2, y2) in pairwise(places)]
    half = next((hour for hour, share in one.points if share >= MARKED), None)
    return marks if half is None else [*marks, shape(_place(half, window), _at(one, half), one.kind)]


def _at(one: DelaySeries, hour: float) -> float:
    return _height(dict(one.points)[hour])


def _place(hour: float, window: float) -> float:
    return round(FIRST + (LAST - FIRST) * min(max(hour / window, 0.0), 1.0), 2)


def _height(share: float) -> float:
    return round(TOP + (1 - min(max(share, 0.0), 1.0)) * (HEIGHT - TOP - BOTTOM), 1)
