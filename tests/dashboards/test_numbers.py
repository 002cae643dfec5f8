"""How numbers are written."""

from datetime import UTC, datetime, timedelta, timezone
from math import inf, nan

import pytest

from dashboards.rendering.languages import words
from dashboards.rendering.numbers import DASH, Numbers

EN, ZH = Numbers(words("en")), Numbers(words("zh-CN"))


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.12, "12.0%"), (1, "100.0%"), (0.0034, "0.34%"), (0.00012, "0.012%"), (0, "0.0%"), (None, DASH), (nan, DASH)],
)
def test_percent_keeps_the_digits_that_matter(share: float | None, said: str) -> None:
    """Small shares keep more decimals, and what is no number is a dash."""
    assert EN.percent(share) == said


@pytest.mark.parametrize(
    ("lift", "english", "chinese"),
    [
        (0.021, "+2.1 pt", "+2.1 个百分点"), (-0.021, "−2.1 pt", "−2.1 个百分点"),
        (0.0004, "+0.04 pt", "+0.04 个百分点"),
        (0.0, "0.0 pt", "0.0 个百分点"), (-1e-17, "0.0 pt", "0.0 个百分点"), (None, DASH, DASH), (inf, DASH, DASH),
    ],
)  # fmt: skip
def test_points_have_a_sign(lift: float | None, english: str, chinese: str) -> None:
    """Lifts of shares are in points, with a true minus sign, and nothing is `−0.0`."""
    assert (EN.points(lift), ZH.points(lift)) == (english, chinese)


def test_thousands_and_money() -> None:
    """Thousands stand apart; small money keeps its cents."""
    assert EN.number(1234567) == "1,234,567"
    assert (EN.money(12.345), EN.money(1234.5), EN.money(12), EN.money(-320.0, signed=True)) == (
        "12.35",
        "1,234",
        "12",
        "−320",
    )
    assert EN.money(None) == DASH


def test_ranges() -> None:
    """A range names its unit once, and one with an end missing is a dash."""
    assert EN.range(0.004, 0.038, "rate") == "+0.4 to +3.8 pt"
    assert ZH.range(-0.004, 0.038, "rate") == "−0.4 至 +3.8 个百分点"
    assert EN.range(-0.5, 2, "mean") == "−0.50 to +2.00"
    assert EN.range(None, 0.1, "rate") == EN.share_range(0.1, None) == DASH
    assert EN.share_range(0.1089, 0.1321) == "10.9–13.2%"


def test_p_values_and_time() -> None:
    """A tiny p-value is not written as zero; days round up, and the last day is in hours."""
    assert (EN.p_value(0.0123), EN.p_value(1e-9), EN.p_value(None)) == ("0.012", "<0.001", DASH)
    assert (EN.p_said(0.0123), EN.p_said(1e-9)) == ("p\u00a0=\u00a00.012", "p\u00a0<\u00a00.001")
    assert (EN.days(2.1), EN.days(1.0), EN.days(0.2), EN.days(0.0), EN.days(None)) == (
        "3 days",
        "1 day",
        "5 hours",
        "1 hour",
        DASH,
    )
    assert EN.moment(datetime(2026, 11, 24, 18, tzinfo=timezone(timedelta(hours=8)))) == "2026-11-24 10:00 UTC"
    assert EN.moment(datetime(2026, 11, 24, 10, tzinfo=UTC)) == "2026-11-24 10:00 UTC"


def test_metrics_by_kind() -> None:
    """Rates are percentages, talk time is seconds, money and ratios are numbers."""
    assert EN.estimate(0.12, "rate", "") == "12.0%"
    assert EN.estimate(42, "mean", "seconds") == "42.0 s"
    assert ZH.estimate(42, "mean", "seconds") == "42.0 秒"
    assert EN.estimate(8.4, "mean", "money") == "8.40"
    assert EN.estimate(1.5, "ratio", "") == "1.50"
    assert EN.lift(0.9, "mean") == "+0.90"
