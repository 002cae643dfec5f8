"""Rates: published numbers, and the law that a range and its p-value never disagree."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.rates import (
    difference,
    differences,
    rate_interval,
    relative,
    relatives,
    stratified_difference,
)


@st.composite
def counted(draw, most=400):
    contacts = draw(st.integers(1, most))
    return draw(st.integers(0, contacts)), contacts


def test_wilson_gives_the_published_interval():
    """Newcombe 1998a, table I: 81 of 263 is 0.2553 to 0.3662, 0 of 20 is 0 to 0.1611."""
    assert rate_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert rate_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_exact_gives_the_published_interval():
    """Newcombe 1998a, table I, Clopper-Pearson: 15 of 148 is 0.0578 to 0.1617, 0 of 20 is 0 to 0.1684."""
    assert rate_interval(15, 148, method="exact") == pytest.approx((0.0578, 0.1617), abs=5e-5)
    assert rate_interval(0, 20, method="exact") == pytest.approx((0.0, 0.1684), abs=5e-5)
    assert rate_interval(20, 20, method="exact") == pytest.approx((1 - 0.1684, 1.0), abs=5e-5)


def test_one_rate_agrees_with_statsmodels():
    """Both intervals of one rate are statsmodels' to ten digits."""
    from statsmodels.stats.proportion import proportion_confint

    for successes, contacts in [(1, 3), (360, 3000), (2999, 3000), (7, 45211)]:
        for ours, theirs in [("wilson", "wilson"), ("exact", "beta")]:
            expected = proportion_confint(successes, contacts, alpha=0.1, method=theirs)
            assert rate_interval(successes, contacts, 0.9, ours) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("treated", "control", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0528, 0.3382),
        ((9, 10), (3, 10), 0.1700, 0.8406),
        ((10, 10), (0, 20), 0.7156, 1.0000),
        ((10, 10), (0, 10), 0.6636, 1.0000),
    ],
)
def test_score_gives_the_published_interval(treated, control, low, high):
    """Newcombe 1998b, table II, Miettinen-Nurminen's rows."""
    estimate = difference(treated=treated, control=control)

    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("treated", "control", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0000),
        ((5, 100), (0, 100), 0.0033, 0.1118),
    ],
)
def test_newcombe_gives_the_published_interval(treated, control, low, high):
    """Newcombe 1998b, table II, method 10; the last is a zero cell of a hundred calls."""
    estimate = difference(treated=treated, control=control, method="newcombe")

    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=6e-5)


def test_the_score_test_agrees_with_statsmodels():
    """The p-value of a difference is statsmodels' score test, and the ratio's range its score interval."""
    from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

    for x1, n1, x0, n0 in [(450, 3000, 360, 3000), (5, 100, 1, 3000), (2999, 3000, 2990, 3000)]:
        pair = {"treated": (x1, n1), "control": (x0, n0)}
        p_value = test_proportions_2indep(x1, n1, x0, n0, compare="diff", method="score").pvalue
        assert difference(**pair).p_value == pytest.approx(p_value, rel=1e-9)
        low, high = confint_proportions_2indep(x1, n1, x0, n0, compare="ratio", method="score")
        lift = relative(**pair)
        assert (lift.low + 1, lift.high + 1) == pytest.approx((low, high), rel=1e-7)
        assert lift.value == pytest.approx(x1 / n1 / (x0 / n0) - 1)


@settings(max_examples=60, deadline=None)
@given(counted(), counted(), st.sampled_from([0.5, 0.8, 0.95, 0.999]))
def test_range_and_p_value_never_disagree(treated, control, level):
    """Zero lies outside the range exactly when the p-value is below one minus the level, by every method."""
    pair = {"treated": treated, "control": control, "level": level}
    for estimate in (difference(**pair), difference(**pair, method="newcombe"), relative(**pair)):
        assert (estimate.p_value < 1 - level) == (estimate.low > 0 or estimate.high < 0)
        assert estimate.low <= estimate.value <= estimate.high
        assert not any(math.isnan(number) for number in (estimate.value, estimate.low, estimate.high))


@settings(max_examples=60, deadline=None)
@given(counted(), counted())
def test_swapping_arms_mirrors_the_difference(treated, control):
    """What one arm gains over the other is what the other loses."""
    ours, theirs = difference(treated=treated, control=control), difference(treated=control, control=treated)

    assert (ours.low, ours.high) == pytest.approx((-theirs.high, -theirs.low), abs=1e-9)
    assert ours.p_value == pytest.approx(theirs.p_value)


@settings(max_examples=60, deadline=None)
@given(st.lists(counted(), min_size=1, max_size=6), counted(), st.randoms())
def test_arms_do_not_influence_each_other(arms, control, random):
    """Many comparisons at once are the same comparisons one by one, in any order."""
    shuffled = list(arms)
    random.shuffle(shuffled)
    together = differences(treated=shuffled, control=control)

    for arm, estimate in zip(shuffled, together, strict=True):
        alone = difference(treated=arm, control=control)
        assert (estimate.low, estimate.high, estimate.p_value) == pytest.approx(
            (alone.low, alone.high, alone.p_value), abs=1e-9
        )
    assert len(relatives(treated=arms, control=[control] * len(arms))) == len(arms)


@settings(max_examples=60, deadline=None)
@given(counted(200), counted(200))
def test_the_range_is_what_the_test_does_not_reject(treated, control):
    """A wider level never gives a narrower range."""
    narrow = difference(treated=treated, control=control, level=0.8)
    wide = difference(treated=treated, control=control, level=0.99)

    assert wide.low <= narrow.low + 1e-9
    assert narrow.high <= wide.high + 1e-9


def test_arrays_are_as_good_as_tuples():
    """Two controls may be tuples or numpy rows, and what comes out is plain numbers."""
    import numpy as np

    treated, control = [(5, 100), (9, 100)], [(3, 90), (4, 110)]
    plain = differences(treated=treated, control=control)

    assert differences(treated=np.array(treated), control=np.array(control)) == plain
    assert differences(treated=treated, control=[np.array(pair) for pair in control]) == plain
    assert differences(treated=np.array(treated), control=np.array((3, 90)))[0] == plain[0]
    assert {type(number) for number in (plain[0].value, plain[0].low, plain[0].high, plain[0].p_value)} == {float}


@pytest.mark.parametrize("treated", [(0, 1), (1, 1)])
@pytest.mark.parametrize("control", [(0, 1), (1, 1), (0, 100), (100, 100)])
def test_zero_cells_are_information(treated, control):
    """No success, nothing but successes and a single contact all give numbers."""
    estimate = difference(treated=treated, control=control)

    assert -1 <= estimate.low < estimate.high <= 1
    assert 0 < estimate.p_value <= 1


def test_a_relative_lift_without_successes_says_what_is_open():
    """No success in the control leaves the lift without an upper end; none anywhere leaves it at zero."""
    open_ended = relative(treated=(5, 100), control=(0, 100))
    nothing = relative(treated=(0, 100), control=(0, 100))

    assert open_ended.value == open_ended.high == math.inf
    assert open_ended.low == pytest.approx(0.3237, abs=1e-3)
    assert (nothing.value, nothing.low, nothing.high, nothing.p_value) == (0, -1, math.inf, 1)


def test_strata_give_the_cochran_mantel_haenszel_test():
    """The p-value over strata is statsmodels' test without correction, the value Mantel and Haenszel's."""
    import numpy as np
    from statsmodels.stats.contingency_tables import StratifiedTable

    treated, control = [(30, 200), (5, 90), (60, 150)], [(20, 210), (0, 80), (41, 160)]
    estimate = stratified_difference(treated=treated, control=control)
    tables = [np.array([[a, n - a], [b, m - b]]) for (a, n), (b, m) in zip(treated, control, strict=True)]
    weights = [n * m / (n + m) for (_, n), (_, m) in zip(treated, control, strict=True)]
    gaps = [a / n - b / m for (a, n), (b, m) in zip(treated, control, strict=True)]

    assert estimate.p_value == pytest.approx(StratifiedTable(tables).test_null_odds().pvalue, rel=1e-9)
    assert estimate.value == pytest.approx(np.average(gaps, weights=weights))
    assert 0 < estimate.low < estimate.value < estimate.high


@settings(max_examples=60, deadline=None)
@given(counted(), counted())
def test_one_stratum_is_no_stratum(treated, control):
    """With one stratum the stratified difference is the difference."""
    whole = difference(treated=treated, control=control)

    assert stratified_difference(treated=[treated], control=[control]) == whole


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(counted(60), counted(60)), min_size=1, max_size=4))
def test_strata_agree_with_their_p_value(strata):
    """Over strata, too, zero is outside the range exactly when the test rejects it."""
    estimate = stratified_difference(treated=[one for one, _ in strata], control=[two for _, two in strata])

    assert (estimate.p_value < 0.05) == (estimate.low > 0 or estimate.high < 0)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: rate_interval(5, 3), "exceed"),
        (lambda: rate_interval(1, 3, method="wald"), "method"),
        (lambda: rate_interval(1, 3, level=1.0), "level"),
        (lambda: difference(treated=(1, 0), control=(1, 2)), "treated"),
        (lambda: difference(treated=(1, 2), control=(-1, 2)), "control"),
        (lambda: difference(treated=(1, 2), control=(1, 2), method="wald"), "method"),
        (lambda: difference(treated=(1, 2), control=(math.nan, 2)), "control"),
        (lambda: difference(treated=(1, 2), control=(1, 2), method="newcombe", level=0), "level"),
        (lambda: differences(treated=[(1, 2)], control=[(1, 2), (1, 2)]), "control"),
        (lambda: differences(treated=[(1, 2, 3)], control=(1, 2)), "treated"),
        (lambda: differences(treated=[], control=(1, 2)), "treated"),
        (lambda: stratified_difference(treated=[(1, 2)], control=[]), "control"),
        (lambda: stratified_difference(treated=[(1, 2)], control=[(1, 2), (1, 2)]), "control"),
    ],
)
def test_what_cannot_be_is_refused_by_name(call, named):
    """An impossible argument is named in the error."""
    with pytest.raises(ValueError, match=named):
        call()
