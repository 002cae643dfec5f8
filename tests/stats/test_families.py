"""Many families of comparisons at once say what one comparison at a time says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.adjust import cuped_difference, cuped_lift
from engine.stats.estimates import estimated
from engine.stats.families import compare_lifts, compare_rates
from engine.stats.means import mean_difference, mean_interval, mean_intervals, mean_lift
from engine.stats.multiplicity import dunnett, dunnett_adjusted, dunnett_critical, dunnett_criticals, dunnett_families
from engine.stats.rates import (
    difference,
    newcombe_ranges,
    rate_interval,
    rate_intervals,
    relative,
    stratified_difference,
    stratified_differences,
)
from engine.stats.ratios import ratio_difference, ratio_lift
from engine.stats.tallies import Tally

counted = st.integers(1, 4000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
families = st.lists(st.lists(counted, min_size=2, max_size=5), min_size=1, max_size=4)
loadings = st.lists(st.lists(st.floats(0.05, 0.99), min_size=1, max_size=5).map(tuple), min_size=1, max_size=5)
tallies = st.lists(st.floats(0, 100), min_size=2, max_size=9).map(
    lambda values: Tally.of([*values, max(values) + 1], [*(value / 2 + 1 for value in values), 3.0])
)


def told(estimate, **changes):
    values = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "p_value": estimate.p_value}
    return pytest.approx(tuple((values | changes).values()), rel=1e-9, abs=1e-9)


def numbers(estimate):
    return (estimate.value, estimate.low, estimate.high, estimate.p_value)


@settings(max_examples=40, deadline=None)
@given(families)
def test_rates_are_those_of_single_comparisons(all_arms):
    """Estimate, lift and adjusted estimate of each arm are `difference`, `relative` and `dunnett`, family by family."""
    for (control, *treated), found in zip(all_arms, compare_rates(all_arms, 0.9, 0.95), strict=True):
        bound = dunnett_critical(tuple((n / (n + control[1])) ** 0.5 for _, n in treated), 0.95)
        adjusted = dunnett(treated=treated, control=control, level=0.95)
        for arm, each, together in zip(treated, found, adjusted, strict=True):
            assert numbers(each.estimate) == told(difference(treated=arm, control=control, level=0.9))
            assert numbers(each.relative) == told(relative(treated=arm, control=control, level=0.9))
            assert numbers(each.adjusted) == told(together)
            assert each.bound == pytest.approx(bound, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(tallies, min_size=2, max_size=4), min_size=1, max_size=3))
def test_lifts_are_those_of_single_comparisons(all_arms):
    """Means by Welch and ratios by the delta method, single or together; the wide range is at Dunnett's bound."""
    for lift, single in ((mean_lift, mean_difference), (ratio_lift, ratio_difference)):
        lifts = [[lift(tally, control) for tally in treated] for control, *treated in all_arms]
        for (control, *treated), found in zip(all_arms, compare_lifts(lifts, 0.9, 0.95), strict=True):
            for tally, each in zip(treated, found, strict=True):
                assert numbers(each.estimate) == told(single(tally, control, 0.9))
                assert each.adjusted.low <= single(tally, control, 0.95).low + 1e-9
                assert each.adjusted.p_value >= each.estimate.p_value - 1e-12
                assert each.relative is None


@settings(max_examples=40, deadline=None)
@given(loadings, st.floats(0, 6))
def test_dunnett_of_many_families_is_that_of_each(all_loadings, z):
    """Bounds and adjusted p-values do not depend on which families are asked for together."""
    statistics = [tuple(z * (place + 1) / len(family) for place in range(len(family))) for family in all_loadings]

    assert dunnett_criticals(all_loadings) == pytest.approx([dunnett_critical(family) for family in all_loadings])
    for family, each, found in zip(all_loadings, statistics, dunnett_families(statistics, all_loadings), strict=True):
        assert found == pytest.approx(dunnett_adjusted(each, family), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(counted, counted), min_size=1, max_size=5))
def test_ranges_of_many_rates_are_those_of_each(pairs):
    """Wilson's and Newcombe's ranges, one at a time or together."""
    treated, control = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    hybrids = newcombe_ranges(treated=treated, control=control, level=0.9)

    assert rate_intervals(treated, 0.9) == [rate_interval(*arm, 0.9) for arm in treated]
    for ours, theirs, (low, high) in zip(treated, control, hybrids, strict=True):
        single = difference(treated=ours, control=theirs, level=0.9, method="newcombe")
        assert (low, high) == (single.low, single.high)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.tuples(counted, counted), min_size=1, max_size=4), min_size=1, max_size=4))
def test_stratified_differences_are_those_of_each(comparisons):
    """Comparisons over one, two or more strata are told apart, and each is what it is alone."""
    ours = [[pair[0] for pair in strata] for strata in comparisons]
    theirs = [[pair[1] for pair in strata] for strata in comparisons]
    together = stratified_differences(treated=ours, control=theirs)

    for one, other, found in zip(ours, theirs, together, strict=True):
        assert numbers(found) == told(stratified_difference(treated=one, control=other))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(tallies, tallies), min_size=1, max_size=4))
def test_means_are_those_of_each(pairs):
    """Student's ranges and what a covariate leaves, one at a time or together."""
    kept = [(ours, theirs) for ours, theirs in pairs if _varies(ours, theirs)]
    lifts = [cuped_lift(ours, theirs) for ours, theirs in kept]

    assert mean_intervals([ours for ours, _ in pairs]) == [mean_interval(ours) for ours, _ in pairs]
    for (ours, theirs), found in zip(kept, estimated(lifts, [0.8] * len(lifts)), strict=True):
        assert numbers(found) == told(cuped_difference(ours, theirs, 0.8))


def _varies(ours, theirs):
    try:
        cuped_lift(ours, theirs)
    except ValueError:
        return False
    return True


def test_nothing_to_compare_is_nothing():
    """No families in, none out; a family without an arm beside its control is refused by its place."""
    assert compare_rates([], 0.95, 0.95) == compare_lifts([], 0.95, 0.95) == rate_intervals([]) == []
    with pytest.raises(ValueError, match=r"families\[1\]"):
        compare_rates([[(1, 2), (1, 2)], [(1, 2)]], 0.95, 0.95)
    with pytest.raises(ValueError, match="level"):
        compare_rates([[(1, 2), (1, 2)]], 1.5, 0.95)
    with pytest.raises(ValueError, match="loadings"):
        dunnett_families([(1.0, 2.0)], [(0.5,)])
