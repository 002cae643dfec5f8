"""The guarantee of the race, by enumeration: no look's expected factor exceeds one under its null."""

import numpy as np
import pytest
from scipy.special import gammaln, xlog1py, xlogy

from engine.stats.bets import AGAINST_BETS, FOR_BETS, log_factor, projection


def binomial(successes, contacts, rate):
    log_choose = gammaln(contacts + 1) - gammaln(successes + 1) - gammaln(contacts - successes + 1)
    return np.exp(log_choose + xlogy(successes, rate) + xlog1py(contacts - successes, -rate))


def expected_factor(contacts, rates, past_rate, bet, margin):
    """The expectation over every possible look."""
    n0, n1 = contacts
    s0, s1 = np.meshgrid(np.arange(n0 + 1.0), np.arange(n1 + 1.0), indexing="ij")
    sizes = np.array(float(n0)), np.array(float(n1))
    factor = np.exp(log_factor((sizes[0], s0), (sizes[1], s1), *map(np.array, (past_rate, bet, margin))))
    return float((binomial(s0, n0, rates[0]) * binomial(s1, n1, rates[1]) * factor).sum())


@pytest.mark.parametrize("contacts", [(1, 1), (20, 5), (8, 30)])
@pytest.mark.parametrize("past_rate", [0.0005, 0.004, 0.12, 0.5, 0.98])
@pytest.mark.parametrize("lift", [0.001, 0.02, 0.2])
def test_no_bet_wins_on_average_under_its_null(contacts, past_rate, lift):
    """Whatever the true rates, if they satisfy the null the expected factor is at most one."""
    for control in (0.0, 0.0003, 0.01, past_rate, 0.4, 0.999):
        for less in (0.0, 0.003, 0.1):
            if control - less >= 0:
                for bet in FOR_BETS:
                    rates = (control, control - less)
                    assert expected_factor(contacts, rates, past_rate, bet * lift, 0.0) <= 1 + 1e-9
            if control + lift + less <= 1:
                for bet in AGAINST_BETS:
                    rates = (control, control + lift + less)
                    assert expected_factor(contacts, rates, past_rate, bet * lift, lift) <= 1 + 1e-9


def test_a_bet_wins_when_it_is_right():
    """When the arms differ as the bet says, the odds grow."""
    assert expected_factor((40, 40), (0.1, 0.4), 0.25, 0.3, 0.0) > 5
    assert expected_factor((40, 40), (0.25, 0.25), 0.25, 0.0, 0.3) > 5


@pytest.mark.parametrize("margin", [-0.3, -0.001, 0.0, 0.001, 0.3])
def test_the_projection_is_the_nearest_null(margin):
    """No other pair of rates with this difference is nearer to the bet."""
    n0, n1, a0, a1 = 300.0, 200.0, 0.35, 0.42
    found = float(projection(*map(np.array, (n0, n1, a0, a1, margin))))

    def divergence(q):
        def one(a, b):
            return a * np.log(a / b) + (1 - a) * np.log((1 - a) / (1 - b))

        return n0 * one(a0, q) + n1 * one(a1, q + margin)

    least, most = max(1e-3, 1e-3 - margin), min(1 - 1e-3, 1 - 1e-3 - margin)
    others = np.linspace(least, most, 20_001)
    assert divergence(found) <= divergence(others).min() + 1e-12


def test_no_contacts_are_no_evidence():
    """A look that brings nothing to one side multiplies by one."""
    zero, some = np.array(0.0), np.array(50.0)
    for control, arm in [((zero, zero), (some, zero)), ((some, some), (zero, zero)), ((zero, zero), (zero, zero))]:
        assert float(log_factor(control, arm, np.array(0.1), np.array(0.02), np.array(0.0))) == 0.0
