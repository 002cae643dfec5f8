"""Complaints against the control when shares change, and what a guard against a limit can see."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.harm import RelativeHarm, chance_of_alarm, harm_odds, relative_harm_odds, visible_times

looks = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=6)


@given(looks, st.floats(0.05, 0.95))
def test_looking_more_often_changes_no_odds(drawn, share):
    """While the share stays, the odds are those of all complaints together."""
    state = RelativeHarm()
    for ours, theirs in drawn:
        state = state.look(ours, theirs, share)
    whole = [sum(look[part] for look in drawn) for part in (0, 1)]

    assert math.log(state.odds) == pytest.approx(math.log(relative_harm_odds(whole[0], whole[1], share)), abs=1e-7)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.floats(0.05, 0.95)), max_size=6), st.randoms())
def test_the_order_of_periods_does_not_matter(periods, random):
    """Periods with other shares multiply on, in whatever order they came."""
    shuffled = list(periods)
    random.shuffle(shuffled)
    one = other = RelativeHarm()
    for period in periods:
        one = one.look(*period)
    for period in shuffled:
        other = other.look(*period)

    assert one.logs == pytest.approx(other.logs, abs=1e-9)


@given(st.floats(0.05, 0.95), st.floats(0.0, 1.0), st.integers(0, 6))
def test_an_arm_with_a_smaller_share_than_was_taken_is_a_fair_game_too(share, part, complaints):
    """Where the arm's true share of the calls is at most the one that is taken, the expected odds are at most one."""
    true = share * part
    expected = math.fsum(
        math.comb(complaints, y)
        * true**y
        * (1 - true) ** (complaints - y)
        * relative_harm_odds(y, complaints - y, share)
        for y in range(complaints + 1)
    )

    assert expected <= 1 + 1e-9


@settings(max_examples=30)
@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 6))
def test_calls_without_replacement_are_a_fair_game_too(calls, control_calls, complaints):
    """Complaints fall on calls, of which each arm has so many: the expected odds stay at most one."""
    whole = calls + control_calls
    complaints = min(complaints, whole)
    share = calls / whole
    expected = math.fsum(
        math.comb(calls, y) * math.comb(control_calls, complaints - y) / math.comb(whole, complaints)
        * relative_harm_odds(y, complaints - y, share)
        for y in range(complaints + 1)
    )  # fmt: skip

    assert expected <= 1 + 1e-9


def test_harmless_arms_seldom_alarm_over_two_hundred_looks():
    """An arm that complains like the control, whose share rises from a third to two thirds, alarms in at most 1 %."""
    random, runs, alarms = np.random.default_rng(4), 500, 0
    for _ in range(runs):
        state = RelativeHarm()
        for look in range(200):
            share = 1 / 3 if look < 100 else 2 / 3
            ours, theirs = random.poisson(0.3 * share), random.poisson(0.3 * (1 - share))
            state = state.look(int(ours), int(theirs), share)
            if state.odds >= 100:
                alarms += 1
                break
    assert alarms <= 5 + 3 * math.sqrt(5)


def test_an_arm_at_the_limit_seldom_alarms_however_long_it_is_watched():
    """Summed exactly over a million calls: at the limit itself the chance of an alarm is below 1 %."""
    assert 0.001 < chance_of_alarm(1.0, 1_000_000, 1e-4) < 0.01
    assert chance_of_alarm(0.3, 1_000_000, 1e-4) < 0.0005


@pytest.mark.parametrize(("times", "calls"), [(3, 37_000), (10, 3_500), (30, 810)])
def test_what_a_guard_can_see(times, calls):
    """Three, ten and thirty times 1 in 10,000 take 37,000, 3,500 and 810 calls in one case of two."""
    assert chance_of_alarm(times, calls, 1e-4) == pytest.approx(0.5, abs=0.01)
    assert visible_times(calls, 1e-4) == pytest.approx(times, rel=0.01)


@pytest.mark.parametrize(("times", "calls"), [(3, 37_000), (10, 3_500), (30, 810)])
def test_the_exact_chance_is_that_of_a_simulation(times, calls):
    """Complaints drawn one after another alarm as often as the recursion says."""
    random, runs, alarms = np.random.default_rng(6), 400, 0
    for _ in range(runs):
        moments = random.geometric(times * 1e-4, 60).cumsum()
        alarms += any(harm_odds(y, int(n), 1e-4) >= 100 for y, n in enumerate(moments, 1) if n <= calls)

    assert alarms / runs == pytest.approx(0.5, abs=3 * 0.5 / math.sqrt(runs))


def test_comparing_complaints_between_arms_is_hopeless_in_a_poc():
    """Where the control draws none it takes eight complaints on an arm of equal share: 27,000 calls at 3 in 10,000."""
    assert relative_harm_odds(7, 0) < 100 < relative_harm_odds(8, 0)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: chance_of_alarm(0.0, 100, 1e-4), "times"),
        (lambda: chance_of_alarm(3.0, 0, 1e-4), "calls"),
        (lambda: chance_of_alarm(3.0, 100, 0.5), "limit"),
        (lambda: chance_of_alarm(3.0, 100, 1e-4, 1.0), "alarm"),
        (lambda: RelativeHarm().look(1, 1, 1.0), "share"),
    ],
)
def test_impossible_numbers_are_named(call, named):
    """What cannot be is refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()
