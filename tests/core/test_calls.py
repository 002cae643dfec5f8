"""When a contact is called first and again, and when not at all."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core.calls import call_key, first_attempt, window_of, wishes_of
from engine.core.redial import next_attempt
from engine.core.treatments import Disposition
from tests.core.makers import MONDAY, make_call, make_contact, make_experiment

TEN_TO_TWELVE = {"script": "classic", "timing": {"window": "10:00-12:00"}, "redial": {"attempts": 3, "gap": "4h"}}


def test_a_first_call_is_due_at_the_next_opening():
    """At nine in Shanghai, a window from ten: an hour later."""
    call = first_attempt(make_experiment(control=TEN_TO_TWELVE), make_contact(), "control", 7, MONDAY)
    assert call is not None
    assert (call.due_at, call.rank, call.attempt) == (MONDAY + timedelta(hours=1), 7, 1)
    assert call.key == call_key("gift-first", "C1", 1)


def test_where_the_file_says_nothing_the_region_says_when():
    """Without a window of its own a treatment wants any hour, which the rules of the region then cut."""
    night = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
    call = first_attempt(make_experiment(), make_contact(), "control", 0, night)
    assert call is not None
    assert call.due_at == night
    assert wishes_of(make_experiment(), make_experiment().control).hours is None


def test_a_call_follows_an_order_by_the_time_that_the_arm_says():
    """Thirty minutes after the order."""
    experiment = make_experiment(control={"script": "classic", "timing": {"after_order": "30m"}})
    contact = make_contact(ordered_at=MONDAY + timedelta(hours=1))
    call = first_attempt(experiment, contact, "control", 0, MONDAY)
    assert call is not None
    assert call.due_at == MONDAY + timedelta(minutes=90)


def test_a_call_that_would_come_too_late_after_the_order_is_not_made():
    """`expires_after`: inside its time or not at all."""
    timing = {"after_order": "30m", "expires_after": "2h"}
    experiment = make_experiment(control={"script": "classic", "timing": timing})
    contact = make_contact(ordered_at=MONDAY - timedelta(hours=3))
    assert first_attempt(experiment, contact, "control", 0, MONDAY) is None
    assert first_attempt(experiment, make_contact(), "control", 0, MONDAY) is None


def test_an_experiment_that_has_ended_calls_nobody():
    """The end holds on the contact's own clock."""
    experiment = make_experiment(schedule={"end": "2026-11-23 09:00"})
    assert first_attempt(experiment, make_contact(), "control", 0, MONDAY) is None


def test_a_call_must_be_placed_before_the_experiment_ends():
    """The deadline is the end of the experiment on the contact's earliest clock."""
    experiment = make_experiment(schedule={"end": "2026-11-23 18:00"})
    call = first_attempt(experiment, make_contact(), "control", 0, MONDAY)
    assert call is not None
    assert call.not_after == datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def test_a_start_holds_on_the_latest_of_the_candidate_clocks():
    """Nine o'clock on both coasts."""
    experiment = make_experiment(schedule={"start": "2026-11-23 09:00"})
    contact = make_contact(timezones=("America/New_York", "America/Los_Angeles"))
    call = first_attempt(experiment, contact, "control", 0, datetime(2026, 11, 20, tzinfo=UTC))
    assert call is not None
    assert call.due_at == datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


def test_the_days_of_the_schedule_bind_every_arm():
    """An arm's own window is inside the experiment's days."""
    experiment = make_experiment(
        control={"script": "classic", "timing": {"days": ["mon", "sat"]}}, schedule={"days": ["mon", "tue"]}
    )
    assert window_of(experiment, experiment.control).days == {0}


def test_a_contact_who_did_not_answer_is_called_again_after_the_gap():
    """Four hours later, or at the next opening."""
    experiment = make_experiment(control=TEN_TO_TWELVE)
    again = next_attempt(experiment, make_contact(), make_call(), Disposition.NO_ANSWER, MONDAY + timedelta(hours=1))
    assert again is not None
    assert (again.attempt, again.due_at) == (2, datetime(2026, 11, 24, 2, 0, tzinfo=UTC))


@given(st.sampled_from(Disposition), st.integers(1, 10), st.integers(1, 10))
def test_a_contact_is_called_as_often_as_its_arm_says_and_no_more(disposition, attempt, attempts):
    """The strategy names the dispositions and the number of attempts."""
    control = {"script": "classic", "redial": {"attempts": attempts, "gap": "1h", "on": ["busy"]}}
    again = next_attempt(make_experiment(control=control), make_contact(), make_call(attempt), disposition, MONDAY)
    assert (again is not None) == (disposition is Disposition.BUSY and attempt < attempts)


def test_an_arm_that_changes_one_key_of_a_mapping_keeps_the_others():
    """`timing: {window: …}` in an arm leaves the control's `after_order` as it is."""
    control = {"script": "classic", "timing": {"after_order": "30m", "window": "10:00-12:00"}}
    experiment = make_experiment(control=control, arms={"late": {"timing": {"window": "14:00-16:00"}}})
    timing = experiment.treatments["late"].timing
    assert (timing.after_order, str(timing.window)) == (timedelta(minutes=30), "14:00-16:00")


def test_a_file_that_says_nothing_new_keeps_its_fingerprint():
    """Keys that came later count only where they are written: no running experiment changes by an upgrade."""
    assert make_experiment().fingerprint == "0dfa789aaa97b423"
    audience = {"contacts": "a.csv", "columns": {"key": "id"}}
    assert make_experiment(audience=audience).fingerprint == "d1a050c8e0dbcaf7"
    redial = {"control": make_experiment().control.model_dump(mode="json") | {"redial": {"when": "same_time_next_day"}}}
    for written in (redial, {"pace": {"per_caller_id": 1}}, {"budget": {"calls_per_day": 10}}):
        assert make_experiment(**written).fingerprint != make_experiment().fingerprint
    for written in ({"caps": []}, {"consent": "required"}, {"holidays": "open"}, {"line": "tencent"}):
        assert make_experiment(**written).fingerprint != make_experiment().fingerprint
