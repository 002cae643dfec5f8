"""When a line rests by itself, and when complaints stop a campaign."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from engine.core.breakers import (
    BREAKERS,
    TROUBLES,
    TROUBLES_ZH,
    Trouble,
    complaints_exceed,
    counted,
    is_high_risk,
    poisson_lower,
)
from engine.core.treatments import Disposition
from tests.core.makers import MONDAY


@pytest.mark.parametrize(
    ("kind", "calls", "bad", "trips"),
    [
        (Trouble.TECHNICAL, 19, 19, False), (Trouble.TECHNICAL, 20, 10, True), (Trouble.TECHNICAL, 20, 9, False),
        (Trouble.TECHNICAL, 100, 50, True), (Trouble.HIGH_RISK, 9, 9, False), (Trouble.HIGH_RISK, 10, 2, True),
        (Trouble.HIGH_RISK, 100, 19, False),
    ],
)  # fmt: skip
def test_a_breaker_trips_on_a_share_of_enough_calls(kind, calls, bad, trips):
    """A few bad calls are no share yet, and a share below the limit is what lines are like."""
    assert BREAKERS[kind].trips(calls, bad) is trips


@given(st.integers(0, 1000))
def test_every_trip_in_a_row_rests_longer_up_to_a_limit(trips):
    """Twice as long each time, and never longer than the longest."""
    for breaker in BREAKERS.values():
        rest = breaker.rest_after(trips)
        assert breaker.rest <= rest <= breaker.rest_after(trips + 1) <= breaker.longest


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 30)), max_size=30), st.integers(1, 100))
def test_only_the_latest_calls_of_the_window_are_counted(ended, latest):
    """What was before the window, or before so many newer calls, says nothing of the line now."""
    signals = sorted(((MONDAY + timedelta(seconds=at), calls, calls // 2) for at, calls in ended), reverse=True)
    since = MONDAY + timedelta(seconds=300)
    calls, bad = counted(signals, since, latest)
    inside = [one for one in signals if one[0] > since]
    assert bad <= calls <= sum(one[1] for one in inside)
    assert calls == sum(one[1] for one in inside) or calls >= latest
    assert calls < latest + 30


@pytest.mark.parametrize(
    ("disposition", "detail", "risky"),
    [
        ("blocked", "", True), ("rejected", "607", True), ("failed", "SIP 608 Rejected", True),
        ("failed", "HighRiskSipCode(32)", True), ("failed", "disconnection_reason: marked_as_spam", True),
        ("rejected", "603", False), ("failed", "16078", False), ("answered_human", "607", False), ("busy", "", False),
    ],
)  # fmt: skip
def test_a_call_that_a_filter_stopped_is_told_from_others(disposition, detail, risky):
    """Codes 607 and 608, and the providers' words for them, whatever stands around them."""
    assert is_high_risk(Disposition(disposition), detail) is risky


@given(st.integers(1, 400))
def test_the_lower_bound_is_garwoods(count):
    """The mean at which so many or more are seen once in forty times."""
    assert poisson.sf(count - 1, poisson_lower(count)) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize(
    ("complaints", "calls", "exceed"),
    [(1, 10, False), (2, 806, True), (2, 810, False), (3, 3000, False), (10, 15_000, True), (10, 16_500, False)],
)
def test_a_campaign_is_stopped_by_the_lower_poisson_bound(complaints, calls, exceed):
    """Surely above 3 in 10,000: two in 806 calls, not three in 3,000."""
    assert complaints_exceed(complaints, calls) is exceed


def test_every_trouble_is_said_in_both_languages():
    """Nothing rests without a reason that people can read."""
    assert set(TROUBLES) == set(TROUBLES_ZH) == set(Trouble)
