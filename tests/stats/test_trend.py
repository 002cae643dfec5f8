"""Arms that stand in an order, and whether many are the same."""

import pytest

from engine.stats.homogeneity import lifts_alike, rates_alike
from engine.stats.trend import trend

ARMS, AMOUNTS = [(100, 1000), (115, 1000), (150, 1100), (149, 900)], (0.0, 10.0, 20.0, 30.0)


def test_the_trend_test_agrees_with_statsmodels():
    """The statistic is statsmodels', but for its variance of N − 1 in place of Armitage's N."""
    import numpy as np
    from scipy.stats import norm
    from statsmodels.stats.contingency_tables import Table

    table = Table(np.array([[n - x, x] for x, n in ARMS]), shift_zeros=False)
    expected = table.test_ordinal_association(row_scores=np.array(AMOUNTS), col_scores=np.array([0.0, 1.0]))
    contacts = sum(n for _, n in ARMS)
    z = expected.zscore * (contacts / (contacts - 1)) ** 0.5
    estimate = trend(ARMS, AMOUNTS)

    assert estimate.p_value == pytest.approx(2 * norm.sf(z), rel=1e-6)
    assert estimate.value / ((estimate.high - estimate.low) / 2 / 1.959963985) == pytest.approx(z, rel=1e-8)


def test_the_slope_is_least_squares():
    """The rate gained per unit is the weighted regression of rates on amounts."""
    import numpy as np

    slope = np.polyfit(AMOUNTS, [x / n for x, n in ARMS], 1, w=[n**0.5 for _, n in ARMS])[0]
    estimate = trend(ARMS, AMOUNTS)

    assert estimate.value == pytest.approx(slope)
    assert estimate.low > 0
    assert estimate.p_value < 0.05


def test_rates_alike_agrees_with_scipy():
    """The test of one rate for all arms is scipy's χ² of the table."""
    from scipy.stats import chi2_contingency

    table = [[x for x, _ in ARMS], [n - x for x, n in ARMS]]

    assert rates_alike(ARMS) == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert rates_alike([(0, 10), (0, 20)]) == 1.0
    assert rates_alike([(3, 10)]) == 1.0


def test_lifts_alike_is_cochrans_q():
    """Two segments' lifts are compared as two normal estimates are."""
    from engine.stats.normal import two_sided

    z = (0.05 - 0.01) / (0.01**2 + 0.02**2) ** 0.5

    assert lifts_alike([(0.05, 0.01), (0.01, 0.02)]) == pytest.approx(two_sided(z))
    assert lifts_alike([(0.05, 0.01)]) == 1.0
    with pytest.raises(ValueError, match=r"lifts\[1\]"):
        lifts_alike([(0.05, 0.01), (0.05, 0.0)])


@pytest.mark.parametrize(
    ("arms", "amounts", "named"),
    [
        (ARMS, (1, 2), "amounts"),
        (ARMS, (1, 1, 1, 1), "amounts"),
        (ARMS, (1, 2, 3, float("nan")), "amounts"),
        ([(0, 5), (0, 5)], (1, 2), "arms"),
        ([(1, 5)], (1,), "arms"),
    ],
)
def test_impossible_orders_are_refused(arms, amounts, named):
    """Amounts that cannot order the arms, and rates that cannot change, are named."""
    with pytest.raises(ValueError, match=named):
        trend(arms, amounts)
