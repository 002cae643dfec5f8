"""What a winner's lift is worth."""

import numpy as np
import pytest

from engine.stats.after_win import conditional_estimate


@pytest.mark.parametrize("lift", [0.0, 1.0, 2.5, 4.0])
def test_winners_are_neither_flattered_nor_missed(lift):
    """Among arms that pass, the estimate is as often too high as too low and the range covers the truth."""
    seen = np.random.default_rng(3).normal(lift, 1, 60_000)
    found = [conditional_estimate(float(z), 1.0, 1.96) for z in seen[seen > 1.96][:600]]

    assert np.mean([one.value < lift for one in found]) == pytest.approx(0.5, abs=0.07)
    assert np.mean([one.low <= lift <= one.high for one in found]) >= 0.93


def test_a_clear_winner_keeps_its_lift():
    """Far above the bound nothing is taken away; the nearer to it the more."""
    clear, near = conditional_estimate(0.08, 0.01, 2.8), conditional_estimate(0.032, 0.01, 2.8)

    assert clear.value == pytest.approx(0.08, abs=1e-5)
    assert near.low < near.value < 0.032 < near.high


def test_nothing_was_picked_below_the_bound():
    """A lift that did not pass has no conditional estimate."""
    with pytest.raises(ValueError, match="value"):
        conditional_estimate(0.01, 0.01, 1.96)
    with pytest.raises(ValueError, match="standard_error"):
        conditional_estimate(0.01, 0.0, 1.96)
    with pytest.raises(ValueError, match="level"):
        conditional_estimate(0.03, 0.01, 1.96, level=1.0)
