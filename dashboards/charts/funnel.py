"""One arm's people through the steps, each bar a share of everyone assigned, beside the control's mark."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboards.charts.drawing import bar, line, picture, text

STEP = 34


@dataclass(frozen=True, slots=True)
class FunnelStage:
    """One step: `share` is of everyone assigned (0 to 1); `reference` is the control's, None on the control."""

    name: str
    share: float
    said: str
    reference: float | None = None


@dataclass(frozen=True, slots=True)
class FunnelPanel:
    """One arm's steps in their order."""

    arm: str
    stages: tuple[FunnelStage, ...]


def funnel_picture(name: str, panel: FunnelPanel, title: str, reference_word: str) -> Markup:
    """The panel of one arm; `reference_word` names the control's mark in the description."""
    marks: list[Markup] = []
    for place, stage in enumerate(panel.stages):
        marks += _stage(stage, place * STEP)
    return picture(name, len(panel.stages) * STEP, title, _described(panel.stages, reference_word), marks)


def _stage(stage: FunnelStage, top: float) -> list[Markup]:
    drawn = [
        text(0, top + 13, stage.name, "label"),
        text(100, top + 13, stage.said, "value", "end"),
        bar(0, 100, top + 19, 8, "track"),
        bar(0, _place(stage.share), top + 19, 8, "fill"),
    ]
    if stage.reference is not None:
        place = _place(stage.reference)
        drawn.append(line(place, top + 16, place, top + 30, "reference"))
    return drawn


def _place(share: float) -> float:
    return round(min(max(share, 0.0), 1.0) * 100, 2)


def _described(stages: Sequence[FunnelStage], reference_word: str) -> str:
    parts = []
    for stage in stages:
        beside = "" if stage.reference is None else f" ({reference_word} {stage.reference:.1%})"
        parts.append(f"{stage.name}: {stage.said}{beside}")
    return "; ".join(parts)
