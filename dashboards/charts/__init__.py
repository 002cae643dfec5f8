"""Pictures as SVG text: values and words in, markup out, no script and no style of their own.

Places along a picture are percentages of its width, so that it fits any screen while its text keeps its
size. Colors come from classes in the style sheet, for light, dark and paper; a shape and a word always
say the same as the color.
"""

from dashboards.charts.delay import DelaySeries, delay_picture
from dashboards.charts.funnel import FunnelPanel, FunnelStage, funnel_picture
from dashboards.charts.lift import LiftRow, lift_picture
from dashboards.charts.looks import LookPoint, LookSeries, looks_picture

__all__ = [
    "DelaySeries", "FunnelPanel", "FunnelStage", "LiftRow", "LookPoint", "LookSeries",
    "delay_picture", "funnel_picture", "lift_picture", "looks_picture",
]  # fmt: skip
