"""Are many the same? The odds against one rate for all arms, safe at every look."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.homogeneity import Alike, rates_alike


def chances(contacts, rate):
    return [math.comb(contacts, x) * rate**x * (1 - rate) ** (contacts - x) for x in range(contacts + 1)]


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.72, 0.97])
@pytest.mark.parametrize("past", [None, [(40, 60), (50, 70), (8, 20)]])
def test_one_rate_is_a_fair_game(rate, past):
    """Whatever the rate at this look, the odds do not grow on average while all arms have it."""
    before, sizes = (Alike().look(past) if past else Alike()), (5, 3, 4)
    weights = [chances(size, rate) for size in sizes]
    known = past or [(0, 0)] * 3
    expected = math.fsum(
        math.prod(weights[arm][x] for arm, x in enumerate(drawn))
        * before.look([(was[0] + x, was[1] + size) for was, x, size in zip(known, drawn, sizes, strict=True)]).odds
        for drawn in product(*(range(size + 1) for size in sizes))
    )

    assert expected <= before.odds * (1 + 1e-9)


def play(rates, looks=200, size=40, seed=3, drift=0.0):
    """The highest odds over many looks of arms with these rates, which may all drift together."""
    random, state = np.random.default_rng(seed), Alike()
    seen, highest = np.zeros(len(rates)), 0.0
    for look in range(looks):
        seen = seen + random.binomial(size, np.array(rates) + drift * math.sin(look / 10))
        state = state.look([(float(won), size * (look + 1)) for won in seen])
        highest = max(highest, state.odds)
    return highest


def test_arms_alike_seldom_cry_wolf_over_two_hundred_looks():
    """One rate that drifts by ten points over the day reaches 20 : 1 in fewer than 5 % of runs."""
    runs = 20
    assert sum(play((0.7, 0.7, 0.7), seed=seed, drift=0.1) >= 20 for seed in range(runs)) <= 3


def test_an_arm_that_differs_is_found():
    """Six points between arms of 8,000 people are beyond 1000 : 1."""
    assert play((0.7, 0.7, 0.64)) > 1000


def test_what_the_ordinary_test_would_cry_is_still_open():
    """p = 0.0005 at one look is no alarm: it comes up too often when somebody looks every day."""
    counts = [(2100, 3000), (2222, 3000)]

    assert rates_alike(counts) < 0.001
    assert Alike().look(counts).odds < 100
    assert Alike().look([(2100, 3000), (2300, 3000)]).odds > 1000


pairs = st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(pairs, min_size=3, max_size=3), min_size=1, max_size=4), st.permutations([0, 1, 2]))
def test_the_order_of_arms_does_not_matter(looks, order):
    """Whatever is counted, an empty arm or all successes too, the odds are a number, and arms may change places."""
    one = other = Alike()
    for look in looks:
        one, other = one.look(look), other.look([look[arm] for arm in order])

    assert math.isfinite(one.odds)
    assert one.odds == pytest.approx(other.odds, rel=1e-9)


def test_one_arm_alone_is_refused():
    """Nothing can be alike with itself."""
    with pytest.raises(ValueError, match="counts"):
        Alike().look([(1, 2)])
