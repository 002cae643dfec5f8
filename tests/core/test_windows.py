"""When people may be called: on their own clock, in every zone that may be theirs, through both DST changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.windows import ALWAYS, DAYS, Hours, Window, is_zone

MORNING = Hours.parse("10:00-12:00")
WEEKDAYS = frozenset(range(5))
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
zones = st.lists(
    st.sampled_from(["Asia/Shanghai", "America/New_York", "America/Los_Angeles", "Europe/London", "Australia/Sydney"]),
    min_size=1, max_size=3, unique=True,
).map(tuple)  # fmt: skip


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(st.integers(0, 22)) * 60
    end = draw(st.integers(start // 60 + 1, 24)) * 60
    return Window(Hours(((start, end),)), frozenset(draw(st.sets(st.integers(0, 6), min_size=1))))


@given(windows(), instants, zones)
def test_the_next_opening_is_open_in_every_zone_and_nothing_before_it_is(window, instant, zones):
    """A call is placed at the first instant that is open on every candidate clock."""
    opening = window.next_open(instant, zones)
    if opening is None:
        later = (instant + timedelta(hours=hour) for hour in range(24 * 14))
        assert not any(window.is_open(moment, zones) for moment in later)
        return
    assert opening >= instant
    assert window.is_open(opening, zones)
    quarter = timedelta(minutes=15)
    before = instant
    while before < opening:
        assert not window.is_open(before, zones)
        before += quarter


@given(windows(), instants, zones)
def test_an_open_window_closes_later_and_is_shut_then(window, instant, zones):
    """The closing is the first instant at which some clock has left its span."""
    opening = window.next_open(instant, zones)
    if opening is not None:
        closing = window.closes(opening, zones)
        assert closing > opening
        if window.hours.spans[0][1] < 24 * 60:
            assert not window.is_open(closing, zones)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-23 09:59", "2026-11-23 10:00"),  # Monday before the window
        ("2026-11-23 11:00", "2026-11-23 11:00"),  # inside
        ("2026-11-23 12:00", "2026-11-24 10:00"),  # the end is not inside
        ("2026-11-27 13:00", "2026-11-30 10:00"),  # Friday: over the weekend
    ],
)
def test_a_call_waits_for_the_window_of_its_days(local, expected):
    """Ten to twelve on weekdays, on Shanghai's clock."""
    shanghai = ZoneInfo("Asia/Shanghai")
    instant = datetime.fromisoformat(local).replace(tzinfo=shanghai)
    found = Window(MORNING, WEEKDAYS).next_open(instant, ("Asia/Shanghai",))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=shanghai)


def test_an_unknown_zone_is_open_only_when_all_candidates_are():
    """A number that may be in New York or Los Angeles is called when both are inside the window."""
    both = ("America/New_York", "America/Los_Angeles")
    found = Window(Hours.parse("09:00-13:00")).next_open(datetime(2026, 11, 23, 14, 0, tzinfo=UTC), both)
    assert found == datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def test_a_pair_of_zones_that_never_share_an_hour_never_opens():
    """Shanghai's morning is New York's night."""
    assert Window(MORNING).next_open(datetime(2026, 11, 23, tzinfo=UTC), ("Asia/Shanghai", "America/New_York")) is None


@pytest.mark.parametrize(
    ("day", "hour"), [((2026, 3, 8), 15), ((2026, 3, 7), 15), ((2026, 11, 1), 15), ((2026, 10, 31), 14)]
)
def test_the_window_follows_the_clock_through_both_changes(day, hour):
    """Ten in New York is 15:00 UTC in winter and 14:00 in summer; the day of the change is the new time."""
    expected = {(2026, 3, 8): 14, (2026, 3, 7): 15, (2026, 11, 1): 15, (2026, 10, 31): 14}[day]
    found = Window(MORNING).next_open(datetime(*day, 6, 0, tzinfo=UTC), ("America/New_York",))
    assert found == datetime(*day, expected, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("12:00-10:00", "never opens"),
        ("10:00-10:00", "never opens"),
        ("10-12", "is not a window"),
        ("10:00-25:00", "past 24:00"),
        ("09:00-12:00, 11:00-14:00", "overlap"),
        (9, "is written"),
    ],
)
def test_a_window_that_cannot_be_is_refused_with_its_form(text, says):
    """The error shows how a window is written, or why this one is none."""
    with pytest.raises(ValueError, match=says):
        Hours.parse(text)


def test_hours_are_written_as_they_are_read():
    """Several spans, sorted."""
    assert str(Hours.parse("14:00-20:00, 9:00-12:00")) == "09:00-12:00, 14:00-20:00"


@given(windows(), windows(), instants)
def test_an_intersection_is_open_when_both_are(one, other, instant):
    """Two windows together are open exactly when each of them is."""
    zone = ("Asia/Shanghai",)
    assert one.intersect(other).is_open(instant, zone) == (one.is_open(instant, zone) and other.is_open(instant, zone))


def test_days_and_zones_are_known_by_their_names():
    """A zone is an IANA name."""
    assert DAYS[0] == "mon"
    assert is_zone("Asia/Shanghai")
    assert not is_zone("Asia/Nowhere")
    assert not is_zone("../etc/passwd")
    assert not Window(ALWAYS).never_opens
    assert Window(ALWAYS, frozenset()).never_opens
