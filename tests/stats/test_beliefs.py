"""Probability of being best and expected loss."""

from math import exp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from engine.stats.beliefs import best_and_loss, expected_loss, probability_best

arms = st.lists(
    st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=5
)


@pytest.mark.parametrize(("ours", "theirs"), [((12, 90), (7, 100)), ((0, 5), (3, 4)), ((450, 3000), (360, 3000))])
def test_two_arms_have_the_closed_form(ours, theirs):
    """Evan Miller's closed form for two Beta posteriors, to nine digits."""
    (x1, n1), (x0, n0) = ours, theirs
    a1, b1, a0, b0 = 1 + x1, 1 + n1 - x1, 1 + x0, 1 + n0 - x0
    assert probability_best([ours, theirs])[0] == pytest.approx(_above(a1, b1, a0, b0), abs=1e-8)


def _above(a1, b1, a0, b0):
    """P(Beta(a1, b1) > Beta(a0, b0))."""
    return sum(exp(betaln(a0 + i, b0 + b1) - betaln(1 + i, b1) - betaln(a0, b0)) / (b1 + i) for i in range(a1))


def test_an_arm_that_has_just_begun_keeps_the_digits_beside_large_ones():
    """No success of five beside 120,000 of a million: the small arm is best with (1 − 0.12)⁶, nearly."""
    ours, theirs = (0, 5), (120_000, 1_000_000)

    assert probability_best([ours, theirs])[0] == pytest.approx(_above(1, 6, 1 + 120_000, 1 + 880_000), abs=1e-8)
    assert probability_best([ours, theirs])[0] == pytest.approx((1 - 0.12) ** 6, abs=1e-4)


def test_equal_arms_are_equally_likely():
    """Arms with the same counts share the probability and the loss."""
    best, loss = best_and_loss([(30, 200)] * 4)

    assert best == pytest.approx([0.25] * 4, abs=1e-9)
    assert max(loss) == pytest.approx(min(loss))


def test_losses_are_those_of_drawing_from_the_posterior():
    """A million draws give the same losses."""
    import numpy as np

    counts = [(360, 3000), (380, 3000), (1, 20)]
    random = np.random.default_rng(1)
    draws = np.array([random.beta(1 + x, 1 + n - x, 400_000) for x, n in counts])

    assert expected_loss(counts) == pytest.approx((draws.max(0) - draws).mean(1), abs=3e-4)


@settings(max_examples=60, deadline=None)
@given(arms)
def test_probabilities_add_up(counts):
    """Probabilities add up to one, losses are not negative, and the likeliest arm is no worse than the worst."""
    best, loss = best_and_loss(counts)

    assert sum(best) == pytest.approx(1)
    assert all(0 <= value <= 1 for value in (*best, *loss))


def test_arms_are_needed():
    """No arms is refused by name, and so is an arm without contacts."""
    with pytest.raises(ValueError, match="arms"):
        probability_best([])
    with pytest.raises(ValueError, match=r"arms\[1\]"):
        expected_loss([(1, 2), (0, 0)])
