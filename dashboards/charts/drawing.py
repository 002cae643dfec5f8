"""The few marks that every picture is drawn with."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to places along the width, in per cent, with `margin` per cent free at both ends."""

    low: float
    high: float
    margin: float = 2.0

    @classmethod
    def around(cls, values: Iterable[float]) -> "Scale":
        """A scale on which these values and zero fit, with air at both ends."""
        known = [value for value in values if math.isfinite(value)]
        low, high = min([0.0, *known]), max([0.0, *known])
        air = (high - low) * 0.05 or 0.005
        return cls(low - air if low < 0 else 0.0 - air, high + air)

    def at(self, value: float) -> float:
        """The place of a value; values beyond the ends stand at the ends."""
        inside = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.margin + inside * (100 - 2 * self.margin), 2)

    def ticks(self, wanted: int = 5) -> tuple[float, ...]:
        """Round values inside the scale, about as many as wanted; zero is among them."""
        step = _round_step((self.high - self.low) / wanted)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return tuple(round(place * step, 12) for place in range(first, last + 1))


def _round_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.7)


def picture(name: str, height: float, title: str, description: str, marks: Iterable[Markup]) -> Markup:
    """An SVG as wide as its place and `height` pixels high, named and described for who cannot see it."""
    return Markup(
        '<svg class="chart" role="img" width="100%" height="{height}" aria-labelledby="{name}-t {name}-d">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>{marks}</svg>'
    ).format(name=name, height=f"{height:g}", title=title, description=description, marks=Markup("").join(marks))


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    """A line; x in per cent, y in pixels."""
    return Markup('<line x1="{}%" y1="{:g}" x2="{}%" y2="{:g}" class="{}"/>').format(x1, y1, x2, y2, css)


def bar(x1: float, x2: float, y: float, height: float, css: str) -> Markup:
    """A bar from x1 to x2 (per cent) whose top is at y."""
    return Markup('<rect x="{}%" y="{:g}" width="{}%" height="{:g}" rx="2" class="{}"/>').format(
        x1, y, round(max(x2 - x1, 0.0), 2), height, css
    )


def text(x: float, y: float, said: str, css: str = "", anchor: str = "start", more: str = "") -> Markup:
    """Words at a place; `anchor` is start, middle or end. `more` follows where there is room for it."""
    rest = Markup('<tspan class="roomy">{}</tspan>').format(more) if more else ""
    return Markup('<text x="{}%" y="{:g}" class="{}" text-anchor="{}">{}{}</text>').format(
        x, y, css, anchor, escape(said), rest
    )


def shortened(name: str, most: int = 22) -> str:
    """A name that fits beside its number; the table beside the picture has it whole."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


# Each shape's outline around (0, 0); with its word it says what the color says.
SHAPES = {
    "better": "M0 -6 L6 5 L-6 5 Z",
    "worse": "M0 6 L6 -5 L-6 -5 Z",
    "same": "M-5 -5 H5 V5 H-5 Z",
    "arm": "M0 -6 L6 0 L0 6 L-6 0 Z",
    "unclear": "M0 -5 A5 5 0 1 1 0 5 A5 5 0 1 1 0 -5 Z",
}


def shape(x: float, y: float, kind: str, css: str = "") -> Markup:
    """A shape of `SHAPES` at x per cent and y pixels."""
    return Markup(
        '<svg x="{}%" y="{:g}" overflow="visible" aria-hidden="true"><path d="{}" class="mark mark-{} {}"/></svg>'
    ).format(x, y, SHAPES[kind], kind, css)
