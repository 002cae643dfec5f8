"""One effect from many experiments: published reviews of trials, and what shrinking past winners buys."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.pooling import pooled, shrunken

# Colditz et al. 1994, JAMA 271, 698-702: tuberculosis with and without BCG, (cases, rest) of each arm.
BCG = [
    (4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619), (33, 5036, 47, 5761),
    (180, 1361, 372, 1079), (8, 2537, 10, 619), (505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600),
    (186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825),
]  # fmt: skip
TRIALS = [
    (math.log(a / (a + b) / (c / (c + d))), math.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))) for a, b, c, d in BCG
]


def test_the_random_model_is_the_published_one():
    """Viechtbauer 2010, Journal of Statistical Software 36(3): DerSimonian and Laird on the BCG trials."""
    found = pooled(TRIALS, range_="normal")

    assert (found.value, found.standard_error) == pytest.approx((-0.7141, 0.1787), abs=5e-5)
    assert (found.low, found.high) == pytest.approx((-1.0644, -0.3638), abs=5e-5)
    assert (found.between, found.q, found.heterogeneity) == pytest.approx((0.3088, 152.2330, 0.9212), abs=6e-5)
    assert found.experiments == 13
    assert found.q_p_value < 1e-4


def test_hartung_and_knapp_is_metafors():
    """metafor's `test="knha"` on the BCG trials: standard error 0.1807, Student's t on 12 degrees."""
    found = pooled(TRIALS)

    assert (found.value, found.standard_error) == pytest.approx((-0.7141, 0.1807), abs=5e-5)
    assert (found.low, found.high, found.p_value) == pytest.approx((-1.1078, -0.3204, 0.0019), abs=5e-5)


def test_the_fixed_model_is_the_published_one():
    """metafor's equal-effects model on the BCG trials."""
    found = pooled(TRIALS, model="fixed")

    assert (found.value, found.standard_error) == pytest.approx((-0.4303, 0.0405), abs=5e-5)
    assert (found.low, found.high) == pytest.approx((-0.5097, -0.3509), abs=5e-5)
    assert found.between == 0
    assert found.prediction is None


@pytest.mark.parametrize("seed", range(4))
def test_pooling_agrees_with_statsmodels(seed):
    """All of it is statsmodels' where experiments differ; elsewhere it wrongly lets τ² fall below zero."""
    from statsmodels.stats.meta_analysis import combine_effects

    random = np.random.default_rng(seed)
    errors = random.uniform(0.05, 0.5, 4 + seed)
    values = random.normal(0.2, 2.0, 4 + seed)
    effects = list(zip(values, errors, strict=True))
    theirs = combine_effects(values, errors**2, method_re="dl", use_t=False)
    ours, plain, fixed = pooled(effects), pooled(effects, range_="normal"), pooled(effects, model="fixed")

    assert ours.between == pytest.approx(theirs.tau2)
    assert ours.q == pytest.approx(theirs.q)
    assert (fixed.value, fixed.standard_error) == pytest.approx((theirs.mean_effect_fe, theirs.sd_eff_w_fe))
    assert (plain.value, plain.standard_error) == pytest.approx((theirs.mean_effect_re, theirs.sd_eff_w_re))
    assert ours.standard_error == pytest.approx(theirs.sd_eff_w_re_hksj)
    assert pooled(effects, range_="hartung-knapp-safe").standard_error >= plain.standard_error


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0.001, 1)), min_size=1, max_size=9),
    st.sampled_from(["random", "fixed"]), st.sampled_from([0.8, 0.95, 0.99]), st.randoms(),
)  # fmt: skip
def test_range_and_p_value_never_disagree(effects, model, level, random):
    """Zero lies outside the range exactly when p is below one minus the level; the order of experiments is nothing."""
    found = pooled(effects, level, model)
    assert (found.p_value < 1 - level) == (found.low > 0 or found.high < 0)
    shuffled = list(effects)
    random.shuffle(shuffled)
    assert pooled(shuffled, level, model).value == pytest.approx(found.value)
    for (value, _), one in zip(effects, shrunken(effects, level), strict=True):
        assert min(value, found.value) - 1e-9 <= one.value <= max(value, found.value) + 1e-9 or model == "fixed"
        assert one.low <= one.value <= one.high


def test_shrunken_winners_are_no_longer_too_high():
    """Played from a stated seed: the raw lifts of those picked for p < 5 % are too high by a third, shrunken not."""
    random, raw, drawn = np.random.default_rng(4), [], []
    for _ in range(150):
        truths = random.normal(0.01, 0.01, 30)
        seen = truths + random.normal(0, 0.01, 30)
        for truth, value, one in zip(truths, seen, shrunken([(value, 0.01) for value in seen]), strict=True):
            if value > 0.0196:
                raw.append(value - truth)
                drawn.append(one.value - truth)

    assert np.mean(raw) > 0.006
    assert abs(np.mean(drawn)) < 0.001


def test_one_experiment_is_its_own_average():
    """There is nothing to pool or to shrink toward."""
    found = pooled([(0.02, 0.01)])

    assert (found.value, found.standard_error, found.between, found.q_p_value) == (0.02, 0.01, 0, 1)
    assert found.low == pytest.approx(0.02 - 0.0196, abs=1e-5)
    assert shrunken([(0.02, 0.01)])[0].value == 0.02


def test_experiments_that_agree_to_the_digit_are_not_taken_for_certain():
    """Equal effects have no scatter: the range keeps the errors that the experiments came with."""
    found = pooled([(0.02, 0.01), (0.02, 0.01)])

    assert found.standard_error == pytest.approx(0.01 / 2**0.5)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: pooled([]), "effects"),
        (lambda: pooled([(0.1, 0.0)]), r"effects\[0\]: standard error"),
        (lambda: pooled([(0.1, 0.1), (float("nan"), 0.1)]), r"effects\[1\]: value"),
        (lambda: pooled(TRIALS, 1.0), "level"),
        (lambda: pooled(TRIALS, model="bayes"), "model"),
        (lambda: pooled(TRIALS, range_="wide"), "range_"),
    ],
)
def test_impossible_effects_are_refused(call, named):
    """What cannot be pooled is refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()
