"""Buckets of pace: whoever takes, and whatever the clocks say, the pace holds."""

from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core.buckets import TRIAL, TRIAL_PATIENCE, Bucket, Rate, admit
from tests.core.makers import MONDAY

SECONDS = st.floats(-5_000, 5_000, allow_nan=False)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def take(bucket: Bucket, rate: Rate, wanted: int, at: float) -> tuple[int, Bucket]:
    """What one taker is granted at so many seconds, and what is left."""
    granted, left = admit({"b": bucket}, {"b": rate}, ["b"], [""] * wanted, MONDAY + seconds(at))
    return granted, left["b"]


@given(
    st.lists(st.tuples(SECONDS, st.integers(0, 500)), max_size=40),
    st.floats(0.01, 50),
    st.floats(1, 100),
    st.none() | st.floats(0.1, 5_000),
)
@example([(0.0, 2)], 1.0, 1.9999999999999858, None)
def test_no_clock_takes_more_than_the_pace(asked, per_second, burst, ramp):
    """Takers at any instants, clocks that jump both ways among them, get at most the rate × the time + the burst."""
    rate = Rate(per_second, burst, None if ramp is None else seconds(ramp))
    bucket, total, least, most = None, 0, 0.0, 0.0
    for place, (at, wanted) in enumerate(asked):
        if bucket is None:
            bucket, least, most = Bucket.fresh(rate, MONDAY + seconds(at)), at, at
        before, latest = total, most
        granted, bucket = take(bucket, rate, wanted, at)
        total, least, most = total + granted, min(least, at), max(most, at)
        assert granted <= wanted
        assert total <= per_second * (most - least) + burst + 1e-6, place
        assert total - before <= burst + per_second * (most - latest) + 1e-6
        assert granted <= burst + 1e-6


@given(st.floats(1, 1e9), st.floats(0.01, 100), st.floats(1, 50))
def test_waiting_saves_up_no_more_than_the_burst(waited, per_second, burst):
    """However far a clock jumps ahead, one take gets at most the burst."""
    rate = Rate(per_second, burst)
    _, empty = take(Bucket.fresh(rate, MONDAY), rate, 10_000, 0)
    assert take(empty, rate, 10_000, waited)[0] <= burst + 1e-6


def test_a_clock_that_is_behind_fills_nothing():
    """Two machines whose clocks are an hour apart have one pace together."""
    rate = Rate(1, 10)
    bucket = Bucket.fresh(rate, MONDAY)
    granted = 0
    for second in range(60):
        for behind in (0, 3600):
            got, bucket = take(bucket, rate, 100, second - behind)
            granted += got
    assert granted == 10 + 59


@pytest.mark.parametrize(("second", "rate"), [(0, 1), (30, 5), (60, 10), (600, 10), (-30, 1)])
def test_the_pace_grows_over_the_ramp(second, rate):
    """A campaign begins at a tenth of its pace and reaches all of it when the ramp is over."""
    assert Rate(10, 1, seconds(60)).at(MONDAY + seconds(second), MONDAY) == pytest.approx(rate)


def test_what_begins_slowly_slows_all():
    """An account that comes back after trouble makes every experiment through it grow anew."""
    own, shared = Rate(10, 100, seconds(60)), Rate(inf)
    now = MONDAY + seconds(3600)
    buckets = {
        "own": Bucket(0, now - seconds(10), MONDAY), "shared": Bucket(0, now - seconds(10), now - seconds(10)),
    }  # fmt: skip
    assert admit(buckets, {"own": own, "shared": shared}, ["own", "shared"], [""] * 100, now)[0] == 16
    calm = buckets | {"shared": replace(buckets["shared"], began_at=MONDAY)}
    assert admit(calm, {"own": own, "shared": shared}, ["own", "shared"], [""] * 100, now)[0] == 100


def test_the_first_call_without_room_ends_the_batch():
    """A caller number that has no room holds up who comes after, so that arms stay side by side."""
    rates = {"all": Rate(inf), "a": Rate(1, 2), "b": Rate(1, 5)}
    buckets = {name: Bucket.fresh(rate, MONDAY) for name, rate in rates.items()}
    granted, left = admit(buckets, rates, ["all"], ["a", "", "b", "a", "a", "b"], MONDAY)
    assert granted == 4
    assert (left["a"].tokens, left["b"].tokens) == (0, 4)


def test_nothing_is_taken_while_it_rests():
    """Until the end of its rest a bucket grants nothing, however full it is."""
    rate = Rate(100, 100)
    resting = replace(Bucket.fresh(rate, MONDAY), rests_until=MONDAY + seconds(60))
    assert take(resting, rate, 10, 59)[0] == 0
    assert take(resting, rate, 10, 60)[0] == 10


def test_after_trouble_a_trial_batch_goes_first():
    """Once the rest is over some calls try the line; without an answer others try it after a call's longest life."""
    rate = Rate(100, 100)
    bucket = replace(Bucket.fresh(rate, MONDAY), rests_until=MONDAY + seconds(60), trial=TRIAL)
    granted, bucket = take(bucket, rate, 50, 60)
    assert granted == TRIAL
    assert take(bucket, rate, 50, 61)[0] == 0
    assert take(bucket, rate, 50, 60 + TRIAL_PATIENCE.total_seconds())[0] == TRIAL
