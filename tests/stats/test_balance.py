"""Did every arm get its share?"""

import pytest

from engine.stats.balance import balance_odds, balance_p_value


@pytest.mark.parametrize(
    ("observed", "odds"), [((3000, 3000), 0.377883), ((3100, 2900), 6.584844), ((3200, 2800), 35005.67)]
)
def test_balance_odds_are_the_reference_ones(observed, odds):
    """The Dirichlet mixture gives the reference vectors."""
    assert balance_odds(observed, (0.5, 0.5)) == pytest.approx(odds, rel=2e-6)


def test_balance_odds_are_a_fair_game():
    """Under the declared shares the odds' expectation is one, so they cannot be beaten by looking."""
    from math import comb

    expected = sum(comb(12, x) * 0.3**x * 0.7 ** (12 - x) * balance_odds((x, 12 - x), (0.3, 0.7)) for x in range(13))

    assert expected == pytest.approx(1.0, abs=1e-9)


def test_chi_square_agrees_with_scipy():
    """The p-value is scipy's χ² test of the shares, in whatever unit these are."""
    from scipy.stats import chisquare

    expected = chisquare([520, 480, 1010], [502.5, 502.5, 1005]).pvalue

    assert balance_p_value([520, 480, 1010], [1, 1, 2]) == pytest.approx(expected, rel=1e-9)


def test_an_arm_without_a_share_is_no_degree_of_freedom():
    """A closed arm changes neither p-value nor odds, and a contact in it is impossible."""
    assert balance_p_value([52, 48, 0], [1, 1, 0]) == pytest.approx(balance_p_value([52, 48], [1, 1]))
    assert balance_p_value([52, 48, 1], [1, 1, 0]) == 0.0
    assert balance_odds([52, 48, 1], [1, 1, 0]) == 1e300


def test_nobody_and_one_arm_are_in_balance():
    """Without contacts, or with one arm alone, nothing can be off."""
    assert balance_p_value([0, 0], [1, 1]) == 1.0
    assert balance_p_value([7], [1]) == 1.0
    assert balance_odds([0, 0], [1, 1]) == pytest.approx(1.0)


def test_hopeless_imbalance_stays_a_number():
    """Odds beyond any meaning are capped."""
    assert balance_odds([1_000_000, 0], [1, 1]) == 1e300


@pytest.mark.parametrize(
    ("observed", "shares", "named"),
    [([1, 2], [1], "shares"), ([-1, 2], [1, 1], "observed"), ([1, 2], [0, 0], "shares"), ([1], [-1], "shares")],
)
def test_impossible_counts_are_named(observed, shares, named):
    """Counts and shares that cannot be are refused with the argument's name."""
    for function in (balance_p_value, balance_odds):
        with pytest.raises(ValueError, match=named):
            function(observed, shares)
