"""A few looks, fixed beforehand."""

import pytest

from engine.stats.group import boundaries

FIFTHS = [0.2, 0.4, 0.6, 0.8, 1.0]


def test_boundaries_are_the_published_ones():
    """Reboussin, DeMets, Kim & Lan 2000: five looks, two-sided 5 %, both spending functions."""
    assert boundaries(FIFTHS) == pytest.approx((4.8769, 3.3569, 2.6803, 2.2898, 2.0310), abs=2e-4)
    assert boundaries(FIFTHS, spending="pocock") == pytest.approx((2.4380, 2.4268, 2.4101, 2.3966, 2.3859), abs=1e-4)


def test_one_look_is_the_fixed_test():
    """A single look at the end has the ordinary bound, whatever the spending."""
    for spending in ("obrien-fleming", "pocock", "linear"):
        assert boundaries([1.0], spending=spending) == pytest.approx((1.959964,), abs=1e-5)
    assert boundaries([1.0], alpha=0.025, sides=1) == pytest.approx((1.959964,), abs=1e-5)


def test_the_whole_error_is_spent_and_no_more():
    """Played from a stated seed, walks without a difference cross with the chance alpha."""
    import numpy as np

    fractions = np.array([0.1, 0.35, 0.4, 1.0])
    bounds = np.array(boundaries(fractions.tolist(), spending="linear"))
    steps = np.random.default_rng(5).normal(size=(200_000, 4)) * np.sqrt(np.diff(fractions, prepend=0))
    z = steps.cumsum(axis=1) / np.sqrt(fractions)

    assert (np.abs(z) >= bounds).any(axis=1).mean() == pytest.approx(0.05, abs=0.0015)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: boundaries([]), "fractions"),
        (lambda: boundaries([0.5, 0.5]), "fractions"),
        (lambda: boundaries([0.5, 1.5]), "fractions"),
        (lambda: boundaries([1.0], alpha=0), "alpha"),
        (lambda: boundaries([1.0], sides=3), "sides"),
        (lambda: boundaries([1.0], spending="all"), "spending"),
    ],
)
def test_impossible_designs_are_refused(call, named):
    """A design that cannot be is refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()
