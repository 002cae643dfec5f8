"""When a contact who was not reached is called again: inside the cap, after the gap, in the window."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.core.calls import Call, send_before, window_of
from engine.core.redial import next_attempt, part_of, said_no, window_after
from engine.core.strategies import DISPOSITIONS, redial_words
from engine.core.treatments import REDIALLED, Disposition, Redial
from engine.core.windows import Hours, Window, zone
from tests.core.makers import MONDAY, make_call, make_contact, make_experiment

ZONES = st.sampled_from(
    [("Asia/Shanghai",), ("America/New_York",), ("Europe/Berlin",), ("America/New_York", "America/Los_Angeles")]
)
WHEN = st.sampled_from(["window", "same_time_next_day", "another_part_of_day"])
WINDOWS = st.sampled_from(["09:00-20:00", "10:00-12:00", "09:00-12:00, 14:00-20:00", "18:00-20:00", "11:00-11:03"])
GAPS = st.sampled_from(["1m", "10m", "4h", "1d", "30h"])
WAYS = st.fixed_dictionaries({}, optional={"gap": GAPS, "attempts": st.integers(1, 10), "when": WHEN})
REDIALS = st.fixed_dictionaries(
    {"attempts": st.integers(1, 6)},
    optional={
        "gap": GAPS, "when": WHEN, "windows": st.lists(WINDOWS, max_size=3),
        "on": st.lists(st.sampled_from(sorted(REDIALLED)), unique=True),
        "by": st.dictionaries(st.sampled_from(sorted(REDIALLED)), WAYS, max_size=4),
    },
)  # fmt: skip
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))


def made(redial: dict[str, Any], window: str = "09:00-20:00", **changes: Any) -> Any:
    control = {"script": "classic", "timing": {"window": window}, "redial": redial}
    return make_experiment(control=control, **changes)


@given(REDIALS, WINDOWS, ZONES, MOMENTS, st.lists(st.sampled_from(Disposition), min_size=12, max_size=12))
def test_the_cap_the_gap_and_the_window_hold_for_any_strategy(redial, window, zones, begin, endings):
    """However often nobody is reached: never more calls than `attempts`, each after its gap and inside its window."""
    experiment, contact = made(redial, window), make_contact(timezones=zones)
    strategy, calls = experiment.control.redial, 1
    opening = window_of(experiment, experiment.control).next_open(begin, zones)
    assume(opening is not None)
    call = make_call(due_at=opening)
    for disposition in endings:
        placed, ended = call.due_at, call.due_at + timedelta(seconds=30)
        again = next_attempt(experiment, contact, call, disposition, ended, placed)
        after = strategy.after(disposition)
        if again is None:
            break
        calls += 1
        assert after is not None
        assert again.attempt == call.attempt + 1 == calls
        assert again.due_at >= ended + after.gap
        hours = window_of(experiment, experiment.control, again.attempt)
        assert hours.is_open(again.due_at, zones)
        assert window_after(experiment, "control", call.attempt, disposition, placed, zones).is_open(
            again.due_at, zones
        )
        if after.when == "another_part_of_day" and len(zones) == 1:
            parts = [part_of(hours.hours, minute_of(at, zones[0])) for at in (placed, again.due_at)]
            assert parts[0] != parts[1]
        call = again
    assert calls <= strategy.attempts


def minute_of(at: datetime, name: str) -> int:
    local = at.astimezone(zone(name))
    return local.hour * 60 + local.minute


@pytest.mark.parametrize(
    ("disposition", "attempt", "hours"),
    [
        ("busy", 1, 1 / 6), ("busy", 2, 1 / 6), ("busy", 3, None), ("no_answer", 1, 4), ("unreachable", 1, 24),
        ("unreachable", 2, None), ("rejected", 1, None), ("answered_human", 1, None), ("invalid_number", 1, None),
    ],
)  # fmt: skip
def test_every_disposition_has_its_own_way(disposition, attempt, hours):
    """Ten minutes after a busy line, a day after a phone that is off, and not at all after what is not named."""
    redial = {
        "attempts": 3, "gap": "2h",
        "by": {"busy": {"gap": "10m"}, "no_answer": {"gap": "4h"}, "unreachable": {"gap": "1d", "attempts": 2}},
    }  # fmt: skip
    call = make_call(attempt)
    again = next_attempt(made(redial), make_contact(), call, Disposition(disposition), MONDAY)
    assert (None if again is None else (again.due_at - MONDAY) / timedelta(hours=1)) == (
        None if hours is None else pytest.approx(hours)
    )


def test_todays_form_stays_as_it_is():
    """A file without the new keys means what it meant."""
    redial = Redial.model_validate({"attempts": 2, "gap": "4h", "on": ["no_answer"]})
    after = redial.after(Disposition.NO_ANSWER)
    assert after is not None
    assert (after.attempts, after.gap, after.when) == (2, timedelta(hours=4), "window")
    assert redial.after(Disposition.BUSY) is None
    assert redial.model_dump(mode="json", exclude_defaults=True) == {"attempts": 2, "on": ["no_answer"]}


def test_the_same_time_of_the_next_day_is_kept_over_a_change_of_the_clock():
    """Eleven o'clock stays eleven o'clock on the day on which the clock goes back."""
    experiment = made({"attempts": 2, "gap": "1h", "when": "same_time_next_day"})
    placed = datetime(2026, 10, 24, 9, 0, tzinfo=UTC)  # eleven in Berlin, summer time
    again = next_attempt(
        experiment, make_contact(timezones=("Europe/Berlin",)), make_call(), Disposition.BUSY, placed, placed
    )
    assert again is not None
    assert again.due_at == datetime(2026, 10, 25, 10, 0, tzinfo=UTC)  # eleven in Berlin, winter time


def test_the_same_time_waits_for_the_gap():
    """With a gap of thirty hours it is the day after tomorrow."""
    experiment = made({"attempts": 2, "gap": "30h", "when": "same_time_next_day"})
    again = next_attempt(experiment, make_contact(), make_call(), Disposition.BUSY, MONDAY, MONDAY)
    assert again is not None
    assert again.due_at == MONDAY + timedelta(days=2)


@pytest.mark.parametrize(
    ("hour", "due"), [(9, "12:40"), (10, "12:40"), (13, "16:20"), (17, "09:00")]
)  # thirds of 09:00-20:00 end at 12:40 and 16:20
def test_another_part_of_the_day_is_another_third_of_the_open_hours(hour, due):
    """Who was called in the first third is called next in the second; after the third, the next morning."""
    experiment = made({"attempts": 2, "gap": "10m", "when": "another_part_of_day"})
    placed = MONDAY + timedelta(hours=hour - 9)
    again = next_attempt(experiment, make_contact(), make_call(), Disposition.NO_ANSWER, placed, placed)
    assert again is not None
    assert f"{again.due_at.astimezone(zone('Asia/Shanghai')):%H:%M}" == due


def test_every_attempt_has_its_own_hours():
    """The second call in the evening, all after it at noon, though the arm calls in the morning."""
    experiment = made({"attempts": 4, "gap": "1h", "windows": ["18:00-20:00", "12:00-13:00"]}, "09:00-11:00")
    assert [str(window_of(experiment, experiment.control, attempt).hours) for attempt in (1, 2, 3, 4)] == [
        "09:00-11:00", "18:00-20:00", "12:00-13:00", "12:00-13:00",
    ]  # fmt: skip
    again = next_attempt(experiment, make_contact(), make_call(), Disposition.BUSY, MONDAY)
    assert again is not None
    assert again.due_at == MONDAY + timedelta(hours=9)


@pytest.mark.parametrize(
    ("disposition", "talked", "intent", "opt_out", "no"),
    [
        (Disposition.REJECTED, 0.0, None, False, False), (Disposition.REJECTED, 4.0, None, False, True),
        (Disposition.NO_ANSWER, 0.0, None, False, False), (Disposition.FAILED, 12.0, False, False, True),
        (Disposition.BUSY, 0.0, None, True, True), (Disposition.ANSWERED_HUMAN, 30.0, True, False, False),
    ],
)  # fmt: skip
def test_a_person_who_said_no_is_told_from_a_call_that_was_declined(disposition, talked, intent, opt_out, no):
    """Talk and a no, or a wish to be left alone; a call that was declined while it rang may be tried again."""
    assert said_no(disposition, talked, intent, opt_out) is no


@given(st.lists(st.integers(0, 24 * 60), min_size=2, max_size=6, unique=True), st.integers(0, 24 * 60 - 1))
def test_the_parts_of_a_day_follow_one_another(edges, minute):
    """Thirds of any hours are numbered 0, 1, 2 in the order of the day."""
    edges = sorted(edges)[: len(edges) // 2 * 2]
    hours = Hours(tuple(zip(edges[::2], edges[1::2], strict=True)))
    parts = [part_of(hours, at) for at in range(24 * 60)]
    assert parts == sorted(parts)
    assert set(parts) <= {0, 1, 2}
    assert 0 <= part_of(hours, minute) <= 2


@given(MOMENTS, st.integers(0, 10_000), ZONES, WINDOWS)
def test_a_call_must_have_rung_before_its_window_closes(now, minutes, zones, hours):
    """A provider is told the earlier of the call's own deadline and the close of the window that is open now."""
    window, deadline = Window(Hours.parse(hours)), now + timedelta(minutes=minutes)
    call: Call = make_call(not_after=deadline)
    limit = send_before(call, window, zones, now)
    assert limit <= deadline
    if not window.is_open(now, zones):
        assert limit <= now
    else:
        assert limit == min(deadline, window.closes(now, zones))
        assert limit == deadline or not window.is_open(limit, zones)
        if limit - timedelta(seconds=1) > now:
            assert window.is_open(limit - timedelta(seconds=1), zones)


@pytest.mark.parametrize(
    ("redial", "english", "chinese"),
    [
        ({"attempts": 1}, "one call", "只呼一次"),
        (
            {"attempts": 2, "gap": "2h"},
            "2 calls at most; busy or no answer: again after 2h",
            "最多呼 2 次；占线、无人接听：2 小时后再呼",
        ),
        (
            {
                "attempts": 3, "on": ["no_answer"], "when": "another_part_of_day", "windows": ["18:00-20:00"],
                "by": {"unreachable": {"gap": "1d", "attempts": 2, "when": "window"}},
            },
            "3 calls at most; no answer: again after 4h, in another part of the day; "
            "unreachable: again after 1d, 2 calls at most; called again in 18:00-20:00",
            "最多呼 3 次；无人接听：4 小时后再呼，换一个时段；无法接通：1 天后再呼，最多 2 次；重呼时段 18:00-20:00",
        ),
    ],
    ids=["once", "plain", "by disposition"],
)  # fmt: skip
def test_a_strategy_is_said_in_words(redial, english, chinese):
    """What an arm does when nobody is reached, in the words of the page's language."""
    assert redial_words(Redial.model_validate(redial)) == (english, chinese)


def test_every_disposition_that_is_redialed_has_words():
    """No strategy names an ending that pages cannot say."""
    assert set(DISPOSITIONS) == set(REDIALLED)
