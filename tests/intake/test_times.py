"""Instants as people write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.intake.times import instant, zone_named

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23 09:00",
        "2026-11-23T09:00:00",
        "2026-11-23T09:00+08:00",
        "2026-11-23T01:00:00Z",
        "2026-11-23 02:00:00+01",
        "2026/11/23 9:00",
        "2026/11/23 09:00:00",
        "2026.11.23 9:00:00.000",
        "2026-11-23 9:00",
        "2026年11月23日 9:00",
        "2026年11月23日 9时00分",
        "1795395600",
        "1795395600.0",
        "1795395600000",
    ],
)
def test_one_instant_has_many_spellings(text: str) -> None:
    """Local times are on the clock of the zone; zones in the text and epochs win over it."""
    assert instant(text, SHANGHAI) == NINE
    assert instant(text, SHANGHAI).tzinfo is UTC


def test_a_day_is_its_midnight() -> None:
    """A day without a time is the midnight it begins with, where the contact is."""
    assert instant("2026-11-23", SHANGHAI) == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert instant("2026/11/23", SHANGHAI) == datetime(2026, 11, 22, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "23/11/2026 09:00", "2026-13-01", "2026/2/30", "46349.375", "20261123", "0001-01-01", "99999"]
)
def test_a_time_that_could_mean_two_things_is_refused(text: str) -> None:
    """Days before months, spreadsheet serial numbers and impossible days are not guessed at."""
    with pytest.raises(ValueError, match="the time cannot be understood"):
        instant(text, SHANGHAI)


def test_an_unknown_zone_names_the_nearest() -> None:
    """A misspelled zone is answered with the one that was meant."""
    assert zone_named("Asia/Shanghai") == SHANGHAI
    with pytest.raises(ValueError, match="did you mean 'Asia/Shanghai'"):
        zone_named("Asia/Shangai")
    for name in ("", "../etc/passwd", "x" * 5000, "Beijing time"):
        with pytest.raises(ValueError, match="no such time zone"):
            zone_named(name)


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[0-9]{1,20}([-/.][0-9]{0,4}){0,4}", fullmatch=True)))
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    """No text makes any other trouble."""
    try:
        assert instant(text, SHANGHAI).tzinfo is UTC
    except ValueError as error:
        assert str(error) == "the time cannot be understood"  # noqa: PT017 -- either outcome is right
