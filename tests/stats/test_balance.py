"""Did every arm get its share?"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.balance import Deals, balance_odds, balance_p_value


@pytest.mark.parametrize(
    ("observed", "odds"), [((3000, 3000), 0.377883), ((3100, 2900), 6.584844), ((3200, 2800), 35005.67)]
)
def test_balance_odds_are_the_reference_ones(observed, odds):
    """The Dirichlet mixture gives the reference vectors."""
    assert balance_odds(observed, (0.5, 0.5)) == pytest.approx(odds, rel=2e-6)


def test_balance_odds_are_a_fair_game():
    """Under the declared shares the odds' expectation is one, so they cannot be beaten by looking."""
    from math import comb

    expected = sum(comb(12, x) * 0.3**x * 0.7 ** (12 - x) * balance_odds((x, 12 - x), (0.3, 0.7)) for x in range(13))

    assert expected == pytest.approx(1.0, abs=1e-9)


def test_chi_square_agrees_with_scipy():
    """The p-value is scipy's χ² test of the shares, in whatever unit these are."""
    from scipy.stats import chisquare

    expected = chisquare([520, 480, 1010], [502.5, 502.5, 1005]).pvalue

    assert balance_p_value([520, 480, 1010], [1, 1, 2]) == pytest.approx(expected, rel=1e-9)


def test_an_arm_without_a_share_is_no_degree_of_freedom():
    """A closed arm changes neither p-value nor odds, and a contact in it is impossible."""
    assert balance_p_value([52, 48, 0], [1, 1, 0]) == pytest.approx(balance_p_value([52, 48], [1, 1]))
    assert balance_p_value([52, 48, 1], [1, 1, 0]) == 0.0
    assert balance_odds([52, 48, 1], [1, 1, 0]) == 1e300


def test_nobody_and_one_arm_are_in_balance():
    """Without contacts, or with one arm alone, nothing can be off."""
    assert balance_p_value([0, 0], [1, 1]) == 1.0
    assert balance_p_value([7], [1]) == 1.0
    assert balance_odds([0, 0], [1, 1]) == pytest.approx(1.0)


def test_hopeless_imbalance_stays_a_number():
    """Odds beyond any meaning are capped."""
    assert balance_odds([1_000_000, 0], [1, 1]) == 1e300


@pytest.mark.parametrize(
    ("observed", "shares", "named"),
    [([1, 2], [1], "shares"), ([-1, 2], [1, 1], "observed"), ([1, 2], [0, 0], "shares"), ([1], [-1], "shares")],
)
def test_impossible_counts_are_named(observed, shares, named):
    """Counts and shares that cannot be are refused with the argument's name."""
    for function in (balance_p_value, balance_odds):
        with pytest.raises(ValueError, match=named):
            function(observed, shares)


counts = st.lists(st.tuples(*[st.integers(0, 60)] * 3), min_size=1, max_size=5)


def played(new: list[tuple[int, ...]], shares: list[tuple[float, ...]]) -> Deals:
    """The deals after these new contacts, each look under its shares."""
    state, seen = Deals(), (0, 0, 0)
    for look, due in zip(new, shares, strict=True):
        seen = tuple(was + more for was, more in zip(seen, look, strict=True))
        state = state.look(seen, due)
    return state


@settings(max_examples=50, deadline=None)
@given(counts)
def test_looking_more_often_changes_no_odds(new):
    """While shares stay, the odds are those of the whole counts, however many looks there were."""
    state = played(new, [(1, 1, 2)] * len(new))
    whole = [sum(look[arm] for look in new) for arm in range(3)]

    assert state.odds == pytest.approx(balance_odds(whole, (1, 1, 2)), rel=1e-7)
    assert state.gathered == tuple(whole)
    assert state.expected == pytest.approx([sum(whole) / 4, sum(whole) / 4, sum(whole) / 2])


@settings(max_examples=50, deadline=None)
@given(counts, counts, st.permutations([0, 1, 2]))
def test_every_change_of_shares_starts_anew_and_multiplies_on(before, after, order):
    """An arm that left does not upset the others, and arms in another order have the same odds."""
    shares = [(1, 1, 1)] * len(before) + [(1, 0, 1)] * len(after)
    state = played(before + after, shares)
    first = [sum(look[arm] for look in before) for arm in range(3)]
    rest = [sum(look[arm] for look in after) for arm in (0, 2)]
    shuffled = played(
        [tuple(look[arm] for arm in order) for look in before + after],
        [tuple(share[arm] for arm in order) for share in shares],
    )

    assert math.log(state.odds) == pytest.approx(
        math.log(balance_odds(first, (1, 1, 1))) + math.log(balance_odds(rest, (1, 1))), abs=1e-6
    )
    assert math.log(shuffled.odds) == pytest.approx(math.log(state.odds), abs=1e-6)
    assert state.gathered[1] == first[1]  # what the arm still gathered after it left is no part of the check


def test_a_dropped_arm_makes_no_imbalance_and_a_broken_deal_does():
    """After one of three arms is dropped, equal growth of the two is in order and 60 : 40 is not."""
    start = Deals().look((1000, 1000, 1000), (1, 1, 1))

    assert start.look((3000, 1020, 3000), (1, 0, 1)).odds < 1
    assert start.look((3400, 1020, 2600), (1, 0, 1)).odds > 1000


def test_balance_seldom_cries_wolf_over_two_hundred_looks():
    """Drawn by the shares, arms that come and go reach 1000 : 1 in at most one run of a thousand."""
    random, runs, alarms = np.random.default_rng(2), 150, 0
    for _ in range(runs):
        state, seen = Deals(), np.zeros(3)
        for look in range(200):
            due = (1.0, 1.0, 1.0 if look < 80 else 0.0)
            seen = seen + random.multinomial(40, np.array(due) / sum(due))
            state = state.look([float(count) for count in seen], due)
            if state.odds >= 1000:
                alarms += 1
                break
    assert alarms <= 1


def test_counts_of_other_arms_than_before_are_refused():
    """A watch goes on over the arms that it began with."""
    with pytest.raises(ValueError, match="observed"):
        Deals().look((1, 2, 3), (1, 1, 1)).look((1, 2), (1, 1))
