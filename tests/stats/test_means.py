"""Means, ratios and covariates against scipy and statsmodels."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.stats.adjust import cuped_difference, shared_slope, variance_saved
from engine.stats.means import mean_difference, mean_interval, relative_means
from engine.stats.ratios import fieller, ratio_difference, ratio_interval
from engine.stats.tallies import Tally


def make_rows(seed, contacts, lift=0.0):
    """Earlier spend and spend of made-up contacts."""
    random = np.random.default_rng(seed)
    before = random.gamma(2.0, 10.0, contacts)
    return before * 0.7 + random.normal(5 + lift, 6.0, contacts), before


def test_welch_agrees_with_scipy():
    """Difference, range and p-value are scipy's unequal-variance t-test."""
    from scipy.stats import ttest_ind

    ours, theirs = make_rows(1, 150, 2.0)[0], make_rows(2, 90)[0] * 1.5
    expected = ttest_ind(ours, theirs, equal_var=False)
    estimate = mean_difference(Tally.of(ours), Tally.of(theirs), 0.9)
    interval = expected.confidence_interval(0.9)

    assert estimate.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (estimate.low, estimate.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_one_mean_agrees_with_statsmodels():
    """The range of one mean is Student's."""
    from statsmodels.stats.weightstats import DescrStatsW

    rows = make_rows(3, 40)[0]

    assert mean_interval(Tally.of(rows)) == pytest.approx(DescrStatsW(rows).tconfint_mean())


def test_cuped_is_the_regression_on_the_covariate():
    """With arms of one size the adjusted lift is that of least squares with the covariate."""
    import statsmodels.api as sm

    (y1, x1), (y0, x0) = make_rows(4, 400, 1.0), make_rows(5, 400)
    design = np.column_stack([np.ones(800), np.repeat([1, 0], 400), np.concatenate([x1, x0])])
    fit = sm.OLS(np.concatenate([y1, y0]), design).fit()
    estimate = cuped_difference(Tally.of(y1, x1), Tally.of(y0, x0))

    assert estimate.value == pytest.approx(fit.params[1], rel=1e-9)
    assert shared_slope(Tally.of(y1, x1), Tally.of(y0, x0)) == pytest.approx(fit.params[2], rel=1e-9)
    assert (estimate.low, estimate.high) == pytest.approx(fit.conf_int()[1], rel=2e-2)
    assert estimate.high - estimate.low < 0.7 * np.ptp(
        [mean_difference(Tally.of(y1), Tally.of(y0)).low, mean_difference(Tally.of(y1), Tally.of(y0)).high]
    )


def test_a_covariate_that_says_nothing_changes_nothing():
    """A covariate that is the same for everyone leaves the difference of means."""
    ours, theirs = make_rows(6, 50)[0], make_rows(7, 60)[0]
    flat = cuped_difference(Tally.of(ours, np.ones(50)), Tally.of(theirs, np.ones(60)))

    assert flat == mean_difference(Tally.of(ours), Tally.of(theirs))
    assert variance_saved(Tally.of(ours, np.ones(50)), Tally.of(theirs, np.ones(60))) == 0


def test_what_a_covariate_saves_is_what_it_explains():
    """A covariate that explains most of the variance saves that share of the calls."""
    (y1, x1), (y0, x0) = make_rows(8, 5000), make_rows(9, 5000)

    explained = np.corrcoef(np.concatenate([y1, y0]), np.concatenate([x1, x0]))[0, 1] ** 2
    assert variance_saved(Tally.of(y1, x1), Tally.of(y0, x0)) == pytest.approx(explained, abs=0.01)


def test_values_without_spread_are_refused():
    """Nothing that varies is no ground for a range; it is said, not guessed."""
    with pytest.raises(ValueError, match="treated and control"):
        mean_difference(Tally.of([0.0, 0.0]), Tally.of([0.0, 0.0]))
    with pytest.raises(ValueError, match="count"):
        mean_difference(Tally.of([1.0]), Tally.of([0.0, 1.0]))


def make_costs(seed, contacts, rate):
    """Cost and conversion of made-up contacts: numerator and denominator of cost per conversion."""
    random = np.random.default_rng(seed)
    converted = (random.random(contacts) < rate).astype(float)
    return Tally.of(random.gamma(2.0, 0.5, contacts) + 20 * converted, converted)


def test_the_delta_method_agrees_with_resampling():
    """The range of cost per conversion is what a bootstrap of the contacts gives."""
    random = np.random.default_rng(11)
    converted = (random.random(4000) < 0.1).astype(float)
    cost = random.gamma(2.0, 0.5, 4000) + 20 * converted
    picks = random.integers(0, 4000, (1500, 4000))
    resampled = cost[picks].sum(1) / converted[picks].sum(1)
    low, high = ratio_interval(Tally.of(cost, converted))

    assert (high - low) / 2 / 1.96 == pytest.approx(resampled.std(), rel=0.06)


def test_fieller_agrees_with_delta_for_many_contacts():
    """With plenty of conversions both methods tell the same."""
    tally = make_costs(12, 200_000, 0.12)

    assert ratio_interval(tally, method="fieller") == pytest.approx(ratio_interval(tally), rel=1e-3)


def test_fieller_says_when_a_ratio_is_open():
    """Few conversions leave the ratio without an upper end, none at all without any."""
    few = Tally.of([3.0] * 10, [1.0] + [0.0] * 9)
    nothing = Tally.of([1.0, -1.0, 2.0, -2.0, 0.5], [0.0, 0.1, 0.0, -0.1, 0.0])

    assert fieller(few).shape == "outside"
    assert "may be zero" in fieller(few).sentence
    assert ratio_interval(few, method="fieller") == (-math.inf, math.inf)
    assert fieller(nothing).shape == "everything"
    assert "nothing is ruled out" in fieller(nothing).sentence
    assert fieller(make_costs(1, 5000, 0.2)).sentence.startswith("between")


def test_fieller_holds_the_ratios_that_are_not_rejected():
    """At the ends of the set the mean of y − r·x is exactly critical standard errors from zero."""
    tally = make_costs(13, 500, 0.1)
    found = fieller(tally)
    for ratio in (found.low, found.high):
        mean = tally.mean - ratio * tally.covariate_mean
        variance = tally.variance - 2 * ratio * tally.covariance + ratio**2 * tally.covariate_variance
        assert abs(mean) / math.sqrt(variance / tally.count) == pytest.approx(1.959964, abs=1e-6)


def test_a_difference_of_ratios_agrees_with_its_p_value():
    """The range reaches zero exactly at the level of the p-value."""
    ours, theirs = make_costs(14, 3000, 0.14), make_costs(15, 3000, 0.11)
    p_value = ratio_difference(ours, theirs).p_value
    at_p = ratio_difference(ours, theirs, 1 - p_value)

    assert p_value < 0.05
    assert at_p.high == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: ratio_interval(Tally.of([1.0, 2.0], [0.0, 0.0])), "denominator"),
        (lambda: ratio_interval(make_costs(1, 100, 0.5), method="magic"), "method"),
        (lambda: ratio_difference(Tally.of([1, 2], [0, 0]), make_costs(1, 100, 0.5)), "treated"),
        (lambda: ratio_difference(Tally.of([1, 1], [1, 1]), Tally.of([1, 1], [1, 1])), "treated and control"),
        (lambda: mean_interval(make_costs(1, 100, 0.5), 0.0), "level"),
    ],
)
def test_impossible_questions_are_refused(call, named):
    """A ratio to nothing, an unknown method and an impossible level are named."""
    with pytest.raises(ValueError, match=named):
        call()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.floats(-40, 40), st.floats(0.1, 60))
def test_relative_means_agree_with_the_difference(seed, lift, spread):
    """A relative lift leaves zero out exactly when the difference does, open ends included."""
    random = np.random.default_rng(seed)
    treated, control = Tally.of(random.normal(20 + lift, spread, 12)), Tally.of(random.normal(20, spread, 9))
    assume(control.mean > 0)
    plain, estimate = mean_difference(treated, control), relative_means(treated, control)

    assert estimate.p_value == plain.p_value
    assert (estimate.p_value < 0.05) == (estimate.low > 0 or estimate.high < 0)
    assert estimate.low <= estimate.value <= estimate.high


def test_a_relative_mean_is_the_difference_over_a_steady_control():
    """When the control hardly varies the relative lift is the difference divided by its mean."""
    random = np.random.default_rng(5)
    treated, control = Tally.of(random.normal(30, 9, 400)), Tally.of(random.normal(20, 0.001, 400))
    plain, estimate = mean_difference(treated, control), relative_means(treated, control)

    assert (estimate.low, estimate.high) == pytest.approx((plain.low / 20, plain.high / 20), rel=1e-3)
    with pytest.raises(ValueError, match="control"):
        relative_means(treated, Tally.of([-1.0, -2.0]))
