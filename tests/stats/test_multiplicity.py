"""Many arms and many metrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.means import mean_difference
from engine.stats.multiplicity import (
    benjamini_hochberg,
    dunnett,
    dunnett_adjusted,
    dunnett_critical,
    dunnett_means,
    dunnett_p_values,
    holm,
)
from engine.stats.normal import two_sided
from engine.stats.rates import difference
from engine.stats.tallies import Tally

p_values = st.lists(st.floats(0, 1), max_size=12)
arms = st.lists(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(p_values.filter(bool))
def test_adjusted_p_values_agree_with_statsmodels(values):
    """Holm and Benjamini-Hochberg are statsmodels', in the order given."""
    from statsmodels.stats.multitest import multipletests

    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1], abs=1e-12)
    assert benjamini_hochberg(values) == pytest.approx(multipletests(values, method="fdr_bh")[1], abs=1e-12)


def test_nothing_to_adjust_is_nothing():
    """No p-values in, none out."""
    assert holm([]) == benjamini_hochberg([]) == ()


@pytest.mark.parametrize(
    ("arms", "level", "bound"),
    [(2, 0.95, 2.21), (3, 0.95, 2.35), (5, 0.95, 2.51), (9, 0.95, 2.69), (2, 0.99, 2.79), (5, 0.99, 3.06)],
)
def test_bounds_are_those_of_dunnetts_tables(arms, level, bound):
    """Dunnett 1964, table of two-sided critical values, infinite degrees of freedom, equal sizes."""
    assert dunnett_critical((0.5**0.5,) * arms, level) == pytest.approx(bound, abs=0.006)


def test_one_arm_needs_no_correction():
    """With a single arm the bound is the normal one and the p-value its own."""
    assert dunnett_critical((0.6,), 0.95) == pytest.approx(1.959964, abs=1e-6)
    assert dunnett_adjusted([2.0], [0.6]) == (two_sided(2.0),)


def test_dunnett_agrees_with_the_multivariate_normal():
    """Adjusted p-values of unequal arms are the multivariate normal's, computed by another road."""
    from scipy.stats import multivariate_normal

    loadings = (0.5, 0.7, 0.85)
    covariance = [[1.0 if i == j else a * b for j, b in enumerate(loadings)] for i, a in enumerate(loadings)]
    law = multivariate_normal(cov=covariance, maxpts=2_000_000, abseps=1e-7, releps=1e-7, seed=1)
    inside = law.cdf([2.2] * 3, lower_limit=[-2.2] * 3)

    assert dunnett_adjusted([2.2, 0.0, -2.2], loadings) == pytest.approx((1 - inside, 1.0, 1 - inside), abs=1e-5)


def test_tiny_p_values_keep_their_digits():
    """Far out the adjusted p-value is the number of arms times the single one."""
    adjusted = dunnett_adjusted([9.0] + [0.0] * 4, [0.5] * 5)[0]

    assert adjusted == pytest.approx(5 * two_sided(9.0), rel=1e-3)


def test_the_quadrature_is_fine_enough():
    """A control far smaller than its arms, the hardest case, still agrees with the bound on pairs."""
    adjusted = dunnett_adjusted([2.0, 2.0], [0.9995, 0.9995])[0]

    assert two_sided(2.0) < adjusted < 1.1 * two_sided(2.0)


@settings(max_examples=60, deadline=None)
@given(arms, st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_simultaneous_ranges_agree_with_adjusted_p_values(treated, control):
    """An arm's simultaneous range leaves zero out exactly when its adjusted p-value is below 5 %."""
    for arm, estimate in zip(treated, dunnett(treated=treated, control=control), strict=True):
        alone = difference(treated=arm, control=control)
        assert (estimate.p_value < 0.05) == (estimate.low > 0 or estimate.high < 0)
        assert estimate.p_value >= alone.p_value - 1e-12
        assert estimate.low <= alone.low + 1e-9
        assert estimate.high >= alone.high - 1e-9


@settings(max_examples=60, deadline=None)
@given(arms, st.randoms())
def test_the_order_of_arms_does_not_matter(treated, random):
    """Shuffled arms get the same adjusted p-values."""
    control = (40, 300)
    places = list(range(len(treated)))
    random.shuffle(places)
    shuffled = dunnett(treated=[treated[place] for place in places], control=control)
    straight = dunnett(treated=treated, control=control)
    assert dunnett_p_values(treated=treated, control=control) == tuple(one.p_value for one in straight)

    for place, estimate in zip(places, shuffled, strict=True):
        assert estimate.p_value == pytest.approx(straight[place].p_value, abs=1e-9)
        assert estimate.low == pytest.approx(straight[place].low, abs=1e-8)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: holm([0.5, 1.2]), r"p_values\[1\]"),
        (lambda: benjamini_hochberg([-0.1]), r"p_values\[0\]"),
        (lambda: dunnett(treated=[], control=(1, 2)), "treated"),
        (lambda: dunnett(treated=[(1, 2)], control=(1, 2), level=2), "level"),
        (lambda: dunnett_adjusted([1.0], [0.5, 0.5]), "loadings"),
        (lambda: dunnett_adjusted([1.0, 2.0], [0.5, 1.0]), r"loadings\[1\]"),
        (lambda: dunnett_adjusted([float("inf"), 1.0], [0.5, 0.5]), "statistics"),
    ],
)
def test_impossible_arguments_are_named(call, named):
    """What cannot be is refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()


def make_tally(seed, contacts, lift=0.0):
    return Tally.of(np.random.default_rng(seed).gamma(2.0, 10.0, contacts) + lift)


def test_means_are_adjusted_as_rates_are():
    """Simultaneous ranges of means agree with their adjusted p-values and are wider than single ones."""
    control = make_tally(1, 400)
    treated = [make_tally(seed, 250 + seed, lift) for seed, lift in enumerate((0, 1, 2.2, 2.6, 4), start=2)]
    for tally, estimate in zip(treated, dunnett_means(treated=treated, control=control), strict=True):
        alone = mean_difference(tally, control)
        assert (estimate.p_value < 0.05) == (estimate.low > 0 or estimate.high < 0)
        assert estimate.p_value > alone.p_value
        assert estimate.low < alone.low
    assert dunnett_means(treated=treated[:1], control=control)[0].p_value == pytest.approx(
        mean_difference(treated[0], control).p_value
    )


def test_adjusted_means_agree_with_scipy():
    """For large arms of equal spread the adjusted p-values are those of scipy's Dunnett test."""
    from scipy.stats import dunnett as scipy_dunnett

    rows = [np.random.default_rng(seed).normal(lift, 1, 3000) for seed, lift in enumerate((0, 0.05, 0.07))]
    expected = scipy_dunnett(*rows[1:], control=rows[0], rng=np.random.default_rng(1)).pvalue
    found = dunnett_means(treated=[Tally.of(row) for row in rows[1:]], control=Tally.of(rows[0]))

    assert [estimate.p_value for estimate in found] == pytest.approx(expected, abs=2e-3)


def test_means_without_spread_in_one_arm_still_compare():
    """An arm whose values are all the same is compared by the control's spread."""
    flat = Tally.of([30.0] * 50)
    found = dunnett_means(treated=[flat, make_tally(3, 100)], control=make_tally(1, 100))

    assert 0 <= found[0].p_value < 0.05
    with pytest.raises(ValueError, match="treated"):
        dunnett_means(treated=[], control=flat)
