"""Pictures: what they show, to who sees them and to who does not."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
)
from dashboards.charts.drawing import SHAPES, Scale, shortened

SVG = "{http://www.w3.org/2000/svg}"
LIFTS = st.floats(-1, 1, allow_nan=False)


def make_row(arm: str = "story", value: float = 0.02, half: float = 0.01, kind: str = "better") -> LiftRow:
    return LiftRow(arm, value, value - half, value + half, kind, "better", f"+{value * 100:.1f} pt", "+1.0 to +3.0 pt")


def parsed(picture: Markup) -> ET.Element:
    """The picture as XML: it must be well formed."""
    return ET.fromstring(str(picture).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def texts(root: ET.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def make_looks(count: int) -> LookSeries:
    points = tuple(LookPoint(place, f"11-{place + 1:02}", 0.12, 0.1, 0.14, f"look {place}") for place in range(count))
    return LookSeries("story", "arm", points)


def make_delay(hours: int = 72) -> DelaySeries:
    points = tuple((hour, hour / hours) for hour in range(hours + 1))
    return DelaySeries("story", "arm", points, "360, 36 h")


def pictures() -> list[Markup]:
    stages = (FunnelStage("assigned", 1.0, "100%"), FunnelStage("dialed", 0.9, "90%", 0.8))
    return [
        lift_picture("lift", [make_row()], 0.01, [(0.0, "0"), (0.02, "+2.0")], "Lift"),
        funnel_picture("funnel", FunnelPanel("story", stages), "Funnel", "control"),
        looks_picture("looks", [make_looks(3)], [(0.1, "10%")], "Looks"),
        delay_picture("delay", [make_delay()], 72.0, [(0.0, "0 h")], ("Delay", "window closes")),
    ]


@pytest.mark.parametrize("picture", pictures())
def test_a_picture_is_named_and_described(picture: Markup) -> None:
    """Each picture is an image with a title and a description that says its numbers, and has no style or script."""
    root = parsed(picture)
    assert root.get("role") == "img"
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert description.text
    assert "style=" not in picture
    assert "<script" not in picture


def test_lift_has_zero_and_useful_lines_and_a_word_for_every_shape() -> None:
    """Zero and the smallest useful lift are drawn; an arm's word stands beside its name, not its color alone."""
    root = parsed(lift_picture("lift", [make_row(), make_row("gift")], 0.01, [(0.0, "0")], "Lift"))
    lines = [line.get("class") for line in root.iter(f"{SVG}line")]
    assert lines.count("zero") == 1
    assert lines.count("useful") == 1
    assert "story · better" in texts(root)
    assert "useful" not in [
        line.get("class") for line in parsed(lift_picture("l", [make_row()], None, [], "")).iter(f"{SVG}line")
    ]


@given(st.lists(st.tuples(LIFTS, st.floats(0, 1)), min_size=1, max_size=15), LIFTS)
def test_every_mark_stays_inside(lifts: list[tuple[float, float]], useful: float) -> None:
    """Whatever the numbers, marks stand between 0 and 100 per cent of the width and ranges run forward."""
    rows = [make_row(f"arm-{number}", value, half) for number, (value, half) in enumerate(lifts)]
    root = parsed(lift_picture("lift", rows, useful, [(0.0, "0")], "Lift"))
    for element in root.iter():
        for name in ("x", "x1", "x2", "width"):
            place = element.get(name, "")
            if place.endswith("%"):
                assert 0 <= float(place[:-1]) <= 100


@given(LIFTS, LIFTS)
def test_a_scale_keeps_order_and_holds_zero(one: float, other: float) -> None:
    """What is larger stands further right; zero is on the scale and among its ticks."""
    scale = Scale.around([one, other])
    assert (scale.at(one) <= scale.at(other)) == (one <= other) or abs(scale.at(one) - scale.at(other)) < 0.02
    assert scale.low <= 0 <= scale.high
    assert any(tick == 0 for tick in scale.ticks())
    assert 2 <= len(scale.ticks()) <= 14


def test_names_are_escaped_and_shortened() -> None:
    """An arm's name is text, and one too long for its place ends in an ellipsis; the description has it whole."""
    long = "a-very-long-arm-name-that-goes-on"
    root = parsed(lift_picture("lift", [make_row("<b>"), make_row(long)], None, [], "T"))
    assert any(text.startswith("<b> ·") for text in texts(root))
    assert any("…" in text for text in texts(root))
    assert long in "".join(root.itertext())
    assert len(shortened(long)) == 22


def test_funnel_marks_the_control() -> None:
    """Each bar is as long as its share, and the control's share is marked beside another arm's."""
    root = parsed(
        funnel_picture(
            "f",
            FunnelPanel("story", (FunnelStage("dialed", 0.5, "50%", 0.8), FunnelStage("x", 1.7, ""))),
            "T",
            "control",
        )
    )
    fills = [bar.get("width") for bar in root.iter(f"{SVG}rect") if bar.get("class") == "fill"]
    assert fills == ["50.0%", "100.0%"]
    assert [line.get("x1") for line in root.iter(f"{SVG}line")] == ["80.0%"]


@pytest.mark.parametrize("count", [1, 2, 7, 80])
def test_looks_show_a_few_labels_and_every_range(count: int) -> None:
    """Every look has its range; the last look is labeled, and labels never crowd."""
    root = parsed(looks_picture("looks", [make_looks(count)], [], "Looks"))
    whiskers = [line for line in root.iter(f"{SVG}line") if "whisker" in (line.get("class") or "")]
    labels = [text for text in texts(root) if text.startswith("11-")]
    assert len(whiskers) == count
    assert labels[-1] == f"11-{count:02}"
    assert len(labels) <= 6


def test_every_clarity_has_its_shape() -> None:
    """Four readings, four different shapes, and one for the arm in the looks."""
    assert set(SHAPES) == {"better", "worse", "same", "unclear", "arm"}
    assert len(set(SHAPES.values())) == 5


def test_delays_end_where_the_window_closes() -> None:
    """The curve begins with nothing and ends with everything at the window's mark; its shape stands at the half."""
    root = parsed(delay_picture("delay", [make_delay()], 72.0, [(36.0, "36 h")], ("Delay", "window closes")))
    path = [element for element in root.iter(f"{SVG}line") if "path-arm" in (element.get("class") or "")]
    (closes,) = [element for element in root.iter(f"{SVG}line") if element.get("class") == "useful"]
    (mark,) = [element for element in root.iter(f"{SVG}svg") if element.get("x")]

    assert path[-1].get("x2") == closes.get("x1")
    assert mark.get("x") == "50.0%"
    assert "window closes" in texts(root)
    assert "36 h" in texts(root)
