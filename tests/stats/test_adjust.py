"""What is known before the call: strata, several covariates, and a cap on what single contacts can weigh."""

import numpy as np
import pytest

from engine.stats.adjust import poststratified_difference, strata_saved
from engine.stats.logistic import standardized_lift
from engine.stats.means import mean_difference, winsorized
from engine.stats.rates import stratified_difference
from engine.stats.tallies import Tally


def make_rows(seed, contacts=4000, lift=0.5, known=1.2):
    """Made-up contacts: arm, success, two covariates of which the first says much."""
    random = np.random.default_rng(seed)
    arm = random.permutation(np.arange(contacts) % 2)
    extra = random.normal(size=(contacts, 2))
    chance = 1 / (1 + np.exp(2 - lift * arm - known * extra[:, 0]))
    return arm, (random.random(contacts) < chance).astype(int), extra


def test_standardization_agrees_with_statsmodels():
    """The lift is the average over everybody of statsmodels' two predictions."""
    import statsmodels.api as sm

    arm, won, extra = make_rows(1)
    design = np.column_stack([np.ones(len(arm)), arm, extra])
    fit = sm.GLM(won, design, family=sm.families.Binomial()).fit()
    under = [design.copy(), design.copy()]
    under[0][:, 1], under[1][:, 1] = 0, 1
    gradient = [((p := fit.predict(each)) * (1 - p)) @ each / len(arm) for each in under]
    by_delta = np.sqrt((gradient[1] - gradient[0]) @ fit.cov_params() @ (gradient[1] - gradient[0]))
    found = standardized_lift(arm, won, extra)

    assert found.value == pytest.approx((fit.predict(under[1]) - fit.predict(under[0])).mean(), abs=1e-9)
    assert (found.high - found.low) / 2 / 1.959964 == pytest.approx(by_delta, rel=0.03)
    assert 0.1 < found.saved < 0.4


def test_rows_may_be_counts():
    """A row that stands for many contacts is as many rows."""
    arm, won, extra = make_rows(2, 800)
    rough = np.sign(extra[:, :1])
    cells = sorted({(a, x) for a, x in zip(arm, rough[:, 0], strict=True)})
    inside = [(arm == a) & (rough[:, 0] == x) for a, x in cells]
    grouped = standardized_lift(
        [a for a, _ in cells], [won[cell].sum() for cell in inside], [[x] for _, x in cells],
        [cell.sum() for cell in inside],
    )  # fmt: skip

    assert grouped.value == pytest.approx(standardized_lift(arm, won, rough).value, abs=1e-9)
    assert grouped.high == pytest.approx(standardized_lift(arm, won, rough).high, abs=1e-9)


def test_the_covariates_range_keeps_its_promise_under_a_wrong_model():
    """Played from a stated seed, with an effect that the model cannot have: the range covers 95 %."""
    random, covered, values = np.random.default_rng(1), 0, []
    for _ in range(250):
        arm, extra = random.permutation(np.arange(600) % 2), random.normal(size=600)
        rates = np.array([0.15 + 0.2 * (np.abs(extra) > 1), 0.2 + 0.2 * (extra > 0)])
        won = (random.random(600) < rates[arm, np.arange(600)]).astype(int)
        found = standardized_lift(arm, won, extra[:, None])
        truth = 0.3 - (0.15 + 0.2 * 0.31731)
        covered += found.low <= truth <= found.high
        values.append(found.value - truth)

    assert covered / 250 == pytest.approx(0.95, abs=0.035)
    assert np.mean(values) == pytest.approx(0.0, abs=0.006)


def test_covariates_that_say_nothing_change_nothing():
    """A constant covariate leaves the plain difference, and saves nothing."""
    arm, won, _ = make_rows(3, 500)
    found = standardized_lift(arm, won, np.ones((500, 1)))

    assert found.value == pytest.approx(won[arm == 1].mean() - won[arm == 0].mean(), abs=1e-9)
    assert found.saved == pytest.approx(0.0, abs=0.005)


def test_poststratification_weighs_strata_by_their_people():
    """The value is the stratum differences weighed by people; equal effects agree with Mantel and Haenszel's."""
    treated = [Tally.of_rate(60, 200), Tally.of_rate(20, 400)]
    control = [Tally.of_rate(50, 220), Tally.of_rate(12, 380)]
    found = poststratified_difference(treated, control)
    gaps = [0.3 - 50 / 220, 0.05 - 12 / 380]

    assert found.value == pytest.approx((420 * gaps[0] + 780 * gaps[1]) / 1200)
    mantel = stratified_difference(treated=[(60, 200), (20, 400)], control=[(50, 220), (12, 380)])
    assert found.value == pytest.approx(mantel.value, abs=2e-3)
    assert 0.02 < strata_saved(treated, control) < 0.2
    assert strata_saved(treated[:1], control[:1]) == 0


def test_one_stratum_is_the_plain_difference():
    """With one stratum the value is the difference of means."""
    ours, theirs = Tally.of([1.0, 2.0, 4.0]), Tally.of([1.0, 1.0, 3.0])

    assert poststratified_difference([ours], [theirs]).value == pytest.approx(mean_difference(ours, theirs).value)


def test_winsorizing_caps_all_arms_alike_and_says_so():
    """The cap comes from everybody together, and how many it changed is told per arm."""
    found = winsorized([[1, 2, 3, 4, 1000], [2, 2, 2, 2, 2]], share=0.9)

    assert found.cap == 4
    assert found.capped == (1, 0)
    assert (found.tallies[0].total, found.tallies[1].total) == (14, 10)
    assert winsorized([[1, 9]], cap=5.0).tallies[0].total == 6


def test_winsorized_means_agree_with_scipy():
    """The capped values are those of scipy's `winsorize` on the pooled rows."""
    from scipy.stats.mstats import winsorize

    rows = np.random.default_rng(2).lognormal(3, 1.5, 200)
    expected = np.asarray(winsorize(rows, (0, 0.05)))

    assert winsorized([rows[:120].tolist(), rows[120:].tolist()], 0.95).tallies[0].total == pytest.approx(
        expected[:120].sum()
    )


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: standardized_lift([0, 1], [0, 1], [[1], [1]]), "control must have at least 5"),
        (lambda: standardized_lift([0, 2], [0, 1], [[1], [1]]), "treated"),
        (lambda: standardized_lift([0, 1], [0, 2], [[1], [1]]), "successes"),
        (lambda: standardized_lift([0, 1], [0, 1], [[1]]), "rows"),
        (lambda: standardized_lift([0, 1], [0, 1], [[1], [float("nan")]]), "covariates"),
        (lambda: standardized_lift(*make_rows(1, 100), level=1.0), "level"),
        (lambda: poststratified_difference([], []), "strata"),
        (lambda: poststratified_difference([Tally.of_rate(1, 1)], [Tally.of_rate(1, 2)]), "count"),
        (lambda: poststratified_difference([Tally.of_rate(2, 2)], [Tally.of_rate(2, 2)]), "treated and control"),
        (lambda: winsorized([[1.0]], share=0.0), "share"),
        (lambda: winsorized([[], []]), "arms"),
        (lambda: winsorized([[float("inf")]]), "arms"),
    ],
)
def test_impossible_questions_are_refused(call, named):
    """What cannot be answered is refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()
