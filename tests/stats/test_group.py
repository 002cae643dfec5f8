"""A few looks, fixed beforehand: published boundaries, power and what is known after stopping."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.after_stopping import after_stopping
from engine.stats.group import (
    boundaries,
    drift,
    exits,
    expected_information,
    inflation,
    repeated_range,
    stagewise_chance,
    stagewise_chances,
)

FAMILIES = ("obrien-fleming", "pocock", "linear", "kim-demets", "hwang-shih-decani")
CLASSIC = ("obrien-fleming-classic", "pocock-classic", "wang-tsiatis", "haybittle-peto")


def evenly(looks):
    return [look / looks for look in range(1, looks + 1)]


FIFTHS = evenly(5)


@pytest.mark.parametrize(
    ("fractions", "asked", "published"),
    [
        (FIFTHS, {}, (4.8769, 3.3569, 2.6803, 2.2898, 2.0310)),
        (FIFTHS, {"spending": "pocock"}, (2.4380, 2.4268, 2.4101, 2.3966, 2.3859)),
        (FIFTHS, {"alpha": 0.025, "sides": 1}, (4.8769, 3.3569, 2.6803, 2.2898, 2.0310)),
        (evenly(2), {}, (2.9626, 1.9686)),
        (evenly(3), {}, (3.7103, 2.5114, 1.9930)),
        (evenly(4), {}, (4.3326, 2.9631, 2.3590, 2.0141)),
        (evenly(3), {"alpha": 0.025, "sides": 1, "spending": "hwang-shih-decani"}, (3.0107, 2.5465, 1.9992)),
        (evenly(5), {"spending": "haybittle-peto"}, (3.0, 3.0, 3.0, 3.0, 1.990)),
    ],
)
def test_boundaries_are_the_published_ones(fractions, asked, published):
    """Reboussin, DeMets, Kim & Lan 2000; gsDesign's and rpact's manuals; Jennison & Turnbull 2000, section 2.7."""
    assert boundaries(fractions, **asked) == pytest.approx(published, abs=2e-4)


POCOCK = {
    0.01: (2.772, 2.873, 2.939, 2.986, 3.023, 3.053, 3.078, 3.099, 3.117),
    0.05: (2.178, 2.289, 2.361, 2.413, 2.453, 2.485, 2.512, 2.535, 2.555),
    0.10: (1.875, 1.992, 2.067, 2.122, 2.164, 2.197, 2.225, 2.249, 2.270),
}
OBRIEN_FLEMING = {
    0.01: (2.580, 2.595, 2.609, 2.621, 2.631, 2.640, 2.648, 2.654, 2.660),
    0.05: (1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087),
    0.10: (1.678, 1.710, 1.733, 1.751, 1.765, 1.776, 1.786, 1.794, 1.801),
}


@pytest.mark.parametrize("alpha", POCOCK)
@pytest.mark.parametrize(
    ("spending", "table"), [("pocock-classic", POCOCK), ("obrien-fleming-classic", OBRIEN_FLEMING)]
)
def test_classic_constants_are_the_published_ones(spending, table, alpha):
    """Jennison & Turnbull 2000, tables 2.1 and 2.3: two, three, five and ten looks."""
    found = [boundaries(evenly(looks), alpha, spending)[-1] for looks in (2, 3, 5, 10)]

    assert found == pytest.approx([table[alpha][looks - 2] for looks in (2, 3, 5, 10)], abs=6e-4)


def test_classic_bounds_have_their_shape():
    """Pocock's bounds are all the same, O'Brien and Fleming's fall with the root of the information."""
    assert boundaries(FIFTHS, spending="pocock-classic") == pytest.approx((2.4132,) * 5, abs=1e-4)
    assert boundaries(FIFTHS, spending="obrien-fleming-classic") == pytest.approx(
        (4.5617, 3.2256, 2.6337, 2.2809, 2.0401), abs=1e-4
    )
    assert boundaries(FIFTHS, spending="wang-tsiatis", shape=0.0) == pytest.approx(
        boundaries(FIFTHS, spending="obrien-fleming-classic")
    )


@pytest.mark.parametrize(
    ("looks", "spending", "published"),
    [
        (2, "pocock-classic", (1.110, 1.100)),
        (3, "pocock-classic", (1.166, 1.151)),
        (4, "pocock-classic", (1.202, 1.183)),
        (5, "pocock-classic", (1.229, 1.207)),
        (2, "obrien-fleming-classic", (1.008, 1.007)),
        (3, "obrien-fleming-classic", (1.017, 1.016)),
        (4, "obrien-fleming-classic", (1.024, 1.022)),
        (5, "obrien-fleming-classic", (1.028, 1.026)),
    ],
)
def test_inflation_factors_are_the_published_ones(looks, spending, published):
    """Jennison & Turnbull 2000, tables 2.2 and 2.4: two-sided 5 %, powers of 80 % and 90 %."""
    found = [inflation(evenly(looks), 0.05, power, spending) for power in (0.8, 0.9)]

    assert found == pytest.approx(published, abs=7e-4)


@pytest.mark.parametrize("spending", FAMILIES + CLASSIC)
def test_one_look_is_the_fixed_test(spending):
    """A single look at the end has the ordinary bound, whatever the family."""
    assert boundaries([1.0], spending=spending) == pytest.approx((1.959964,), abs=1e-6)
    assert boundaries([1.0], 0.025, spending, sides=1) == pytest.approx((1.959964,), abs=1e-6)
    assert inflation([1.0], spending=spending) == pytest.approx(1.0)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.integers(1, 99), max_size=6, unique=True), st.sampled_from(FAMILIES),
    st.sampled_from([1, 2]), st.floats(1.0, 1.6), st.floats(0.001, 0.2),
)  # fmt: skip
def test_the_whole_error_is_spent_and_no_more(places, spending, sides, last, alpha):
    """Wherever the looks stand, and however many people came beyond the plan, the chance of crossing is alpha."""
    fractions = [*(place / 100 for place in sorted(places)), last]
    bounds = boundaries(fractions, alpha, spending, sides)

    assert exits(fractions, bounds, sides=sides).any == pytest.approx(alpha, rel=1e-9)
    assert all(0 < bound <= 20 for bound in bounds)


@pytest.mark.parametrize("spending", CLASSIC)
@pytest.mark.parametrize("fractions", [FIFTHS, [0.3, 0.35, 1.0], [0.5, 1.2]])
def test_classic_bounds_meet_the_error_over_uneven_looks(spending, fractions):
    """The constant is found for the looks as they are, even or not."""
    assert exits(fractions, boundaries(fractions, 0.05, spending)).any == pytest.approx(0.05)


def test_walks_cross_as_often_as_computed():
    """Played from a stated seed, with a drift, walks cross at each look with the computed chance."""
    fractions = np.array([0.1, 0.35, 0.4, 1.0])
    bounds = boundaries(fractions.tolist(), spending="linear")
    gaps = np.diff(fractions, prepend=0)
    steps = np.random.default_rng(5).normal(size=(200_000, 4)) * np.sqrt(gaps) + 1.5 * gaps
    z = steps.cumsum(axis=1) / np.sqrt(fractions)
    crossed = np.abs(z) >= bounds
    first = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 9)
    found = exits(fractions.tolist(), bounds, 1.5)

    for look in range(4):
        seen = [(z[first == look, look] > 0).sum() / 200_000, (z[first == look, look] < 0).sum() / 200_000]
        assert seen == pytest.approx((found.above[look], found.below[look]), abs=0.0025)


def test_a_look_that_moves_changes_no_look_before_it():
    """A bound depends on the looks so far alone, so that a late look or one more needs no plan."""
    early = boundaries([0.2, 0.45])

    assert boundaries([0.2, 0.45, 0.7, 1.0])[:2] == pytest.approx(early, abs=1e-12)
    assert boundaries([0.2, 0.45, 1.3])[:2] == pytest.approx(early, abs=1e-12)


def test_power_is_what_the_drift_was_chosen_for():
    """At the drift of 90 % the looks cross in 90 %, and use fewer people than the fixed test on average."""
    bounds = boundaries(FIFTHS)
    size = drift(FIFTHS, bounds, 0.9)

    assert exits(FIFTHS, bounds, size).any == pytest.approx(0.9)
    assert size == pytest.approx(3.2787, abs=1e-4)
    assert 0.7 < expected_information(FIFTHS, bounds, size) < 0.8
    assert expected_information(FIFTHS, bounds) == pytest.approx(1.0, abs=0.01)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.floats(-6, 6), st.sampled_from([1, 2]), st.sampled_from(FAMILIES))
def test_what_is_shown_after_stopping_never_disagrees_with_the_decision(looks, z, sides, spending):
    """At the last look the range leaves zero out exactly when the bound is reached; the median lies within."""
    fractions = [look / looks for look in range(1, looks + 1)]
    bounds = boundaries(fractions, 0.05, spending, sides)
    found = after_stopping(z * 0.01, 0.01, fractions, bounds, sides, 0.95 if sides == 2 else 0.9)

    assert found.low <= found.value <= found.high
    assert (found.p_value < (0.05 if sides == 2 else 0.1)) == (found.low > 0 or found.high < 0)
    if z > 0:
        assert (found.low > 0) == (z > bounds[-1])
        assert (repeated_range(z * 0.01, 0.01, bounds[-1])[0] > 0) == (z > bounds[-1])


def test_the_estimate_after_stopping_is_as_often_too_high_as_too_low():
    """Played from a stated seed: of experiments that stop, half end above the truth; the range covers 95 %."""
    fractions, truth, runs = [0.25, 0.5, 0.75, 1.0], 2.0, 300
    bounds = boundaries(fractions, spending="pocock")
    random, high, covered, raw = np.random.default_rng(8), 0, 0, 0.0
    for _ in range(runs):
        score = (random.normal(size=4) * 0.5 + truth * 0.25).cumsum()
        z = score / np.sqrt(fractions)
        look = next((place for place in range(4) if abs(z[place]) >= bounds[place]), 3)
        error = 1 / fractions[look] ** 0.5
        found = after_stopping(z[look] * error, error, fractions[: look + 1], bounds[: look + 1])
        high += found.value > truth
        covered += found.low <= truth <= found.high
        raw += z[look] * error > truth

    assert high / runs == pytest.approx(0.5, abs=0.08)
    assert covered / runs == pytest.approx(0.95, abs=0.03)
    assert raw > high


def test_without_earlier_looks_the_raw_numbers_stand():
    """One look alone gives the ordinary estimate, range and p-value."""
    found = after_stopping(0.03, 0.01, [1.0], [1.96])

    assert (found.value, found.low, found.high) == pytest.approx((0.03, 0.0104, 0.0496), abs=1e-5)
    assert found.p_value == pytest.approx(0.0027, abs=1e-5)
    assert stagewise_chance([1.0], [1.96], 0.0) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: boundaries([]), "fractions"),
        (lambda: boundaries([0.5, 0.5]), "fractions"),
        (lambda: boundaries([0.5, 1.0, 1.5]), "fractions"),
        (lambda: boundaries([0.5, float("nan")]), "fractions"),
        (lambda: boundaries([1.0], alpha=0), "alpha"),
        (lambda: boundaries([1.0], sides=3), "sides"),
        (lambda: boundaries([1.0], spending="all"), "spending"),
        (lambda: boundaries([1.0], spending="kim-demets", shape=0.0), "shape"),
        (lambda: boundaries([1.0], spending="pocock", shape=2.0), "shape"),
        (lambda: boundaries(FIFTHS, spending="haybittle-peto", shape=1.0), "alpha"),
        (lambda: exits(FIFTHS, [2.0]), "bounds"),
        (lambda: exits([1.0], [2.0], sides=0), "sides"),
        (lambda: exits([1.0], [2.0], drift=99), "drift"),
        (lambda: drift([1.0], [0.5], 0.5), "power"),
        (lambda: after_stopping(0.1, 0.0, [1.0], [2.0]), "standard_error"),
        (lambda: after_stopping(0.1, 0.1, [1.0], [2.0], level=1.0), "level"),
        (lambda: repeated_range(0.1, 0.1, 0.0), "bound"),
    ],
)
def test_impossible_designs_are_refused(call, named):
    """A design that cannot be is refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()


def test_many_drifts_at_once_are_each_one():
    """Chances in the order of stages, for one drift or for many."""
    fractions, bounds, drifts = [0.3, 0.6, 1.0], [3.4, 2.4, 2.0], np.array([-2.0, 0.0, 1.5, 3.0])
    found = stagewise_chances(fractions, bounds, 1.7, drifts)

    assert found.tolist() == pytest.approx([stagewise_chance(fractions, bounds, 1.7, drift) for drift in drifts])
    assert (np.diff(found) > 0).all()
