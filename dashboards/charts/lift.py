"""The lift of every arm with its range, the zero line and the smallest useful lift."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboards.charts.drawing import Scale, bar, line, picture, shape, shortened, text

ROW = 46
FOOT = 24


@dataclass(frozen=True, slots=True)
class LiftRow:
    """One arm: `kind` is a shape of `drawing.SHAPES`, `word` says the same; `said` and `span` are number and range."""

    arm: str
    value: float
    low: float
    high: float
    kind: str
    word: str
    said: str
    span: str


def lift_picture(
    name: str,
    rows: Sequence[LiftRow],
    useful: float | None,
    ticks: Sequence[tuple[float, str]],
    title: str,
    scale: Scale | None = None,
) -> Markup:
    """Arms from top to bottom; `useful` is the smallest useful lift, negative where lower is better.

    `ticks` are values with the words for them; those that fall outside the scale are left out. Without a `scale`
    everything fits.
    """
    scale = scale or scale_of(rows, useful)
    height = len(rows) * ROW + FOOT
    floor = height - FOOT
    marks = [
        line(scale.at(value), 0, scale.at(value), floor, "grid")
        for value, _ in ticks
        if scale.low <= value <= scale.high
    ]
    marks.append(line(scale.at(0), 0, scale.at(0), floor, "zero"))
    if useful is not None:
        marks.append(line(scale.at(useful), 0, scale.at(useful), floor, "useful"))
    for place, row in enumerate(rows):
        marks += _row(row, place * ROW, scale)
    zero = next((place for place, (value, _) in enumerate(ticks) if value == 0), 0)
    marks += [
        text(scale.at(value), height - 8, said, "tick roomy" if (place - zero) % 2 else "tick", "middle")
        for place, (value, said) in enumerate(ticks)
        if scale.low <= value <= scale.high
    ]
    described = "; ".join(f"{row.arm}: {row.said} ({row.span}), {row.word}" for row in rows)
    return picture(name, height, title, described, marks)


def scale_of(rows: Sequence[LiftRow], useful: float | None) -> Scale:
    """The scale on which all ranges, zero and the smallest useful lift fit."""
    values = [value for row in rows for value in (row.low, row.high)]
    return Scale.around([*values, *([] if useful is None else [useful])])


def _row(row: LiftRow, top: float, scale: Scale) -> list[Markup]:
    middle = top + 33
    return [
        text(0, top + 17, f"{shortened(row.arm)} · {row.word}", "label halo"),
        text(100, top + 17, row.said, "value halo", "end", f" ({row.span})"),
        bar(scale.at(row.low), scale.at(row.high), middle - 4, 8, f"range range-{row.kind}"),
        shape(scale.at(row.value), middle, row.kind),
    ]
