"""Tallies add, and know what they may be."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.tallies import Tally

values = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=30)


@settings(max_examples=60, deadline=None)
@given(values, values)
def test_merging_tallies_is_tallying_together(ones, others):
    """The sum of two tallies is the tally of all their contacts."""
    merged = Tally.of(*zip(*ones, strict=True)) + Tally.of(*zip(*others, strict=True))
    together = Tally.of(*zip(*ones, *others, strict=True))

    for name in ("count", "total", "squares", "covariate_total", "covariate_squares", "products"):
        assert getattr(merged, name) == pytest.approx(getattr(together, name), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(values)
def test_moments_are_those_of_the_rows(rows):
    """Mean, variance and covariance are numpy's over the rows."""
    ys, xs = np.array(rows).T
    tally = Tally.of(ys, xs)

    assert tally.mean == pytest.approx(ys.mean(), abs=1e-9)
    assert tally.variance == pytest.approx(ys.var(ddof=1), abs=1e-6)
    assert tally.covariate_mean == pytest.approx(xs.mean(), abs=1e-9)
    assert tally.covariate_variance == pytest.approx(xs.var(ddof=1), abs=1e-6)
    assert tally.covariance == pytest.approx(np.cov(ys, xs)[0, 1], abs=1e-6)


def test_a_rate_is_a_mean_of_ones():
    """The tally of successes has the rate as its mean."""
    assert Tally.of_rate(360, 3000).mean == pytest.approx(0.12)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Tally(-1, 0, 0), "count"),
        (lambda: Tally(2, math.nan, 1), "total"),
        (lambda: Tally(2, 1, -1), "squares"),
        (lambda: Tally(0, 1, 1), "squares"),
        (lambda: Tally(2, 10, 1), "squares"),
        (lambda: Tally(2, 1, 1, 10, 1), "covariate_squares"),
        (lambda: Tally(2, 1, 1, 1, 1, 50), "products"),
        (lambda: Tally(0, 0, 0).mean, "count"),
        (lambda: Tally(1, 1, 1).variance, "count"),
        (lambda: Tally(1, 1, 1).covariance, "count"),
        (lambda: Tally.of([1.0], [1.0, 2.0]), "covariates"),
    ],
)
def test_impossible_tallies_are_refused(make, named):
    """Sums that no contacts could have are refused with the field's name."""
    with pytest.raises(ValueError, match=named):
        make()


def test_a_tally_adds_to_tallies_only():
    """A tally and a number do not add."""
    with pytest.raises(TypeError):
        Tally(1, 1, 1) + 1
