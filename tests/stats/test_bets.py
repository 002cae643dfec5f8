"""The guarantee of the race, by enumeration: no look's expected factor exceeds one under its null."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln, xlog1py, xlogy

from engine.stats.bets import (
    AGAINST_BETS,
    BEATEN_BETS,
    FOR_BETS,
    Contest,
    log_factor,
    log_factor_near,
    log_ratios,
    projection,
)


def binomial(successes, contacts, rate):
    log_choose = gammaln(contacts + 1) - gammaln(successes + 1) - gammaln(contacts - successes + 1)
    return np.exp(log_choose + xlogy(successes, rate) + xlog1py(contacts - successes, -rate))


def expected_factor(contacts, rates, past_rate, bet, margin, log_factor=log_factor):
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


@pytest.mark.parametrize("contacts", [(1, 1), (20, 5), (8, 30)])
@pytest.mark.parametrize("past_rate", [0.0005, 0.004, 0.12, 0.5, 0.98])
@pytest.mark.parametrize("half", [0.0005, 0.01, 0.1])
def test_no_duel_is_won_on_average_by_the_worse(contacts, past_rate, half):
    """If an arm is better than another by the margin or more, the expected factor of betting on less is at most one."""
    for rival in (0.0, 0.0003, 0.01, past_rate, 0.4):
        for more in (0.0, 0.003, 0.1):
            if rival + half + more <= 1:
                for bet in BEATEN_BETS:
                    rates = (rival, rival + half + more)
                    found = expected_factor(contacts, rates, past_rate, bet * half, half, log_factor_near)
                    assert found <= 1 + 1e-9


def test_a_duel_is_won_by_the_better():
    """When the arm is worse than its rival, the odds against it grow."""
    assert expected_factor((40, 40), (0.4, 0.1), 0.25, -0.3, 0.1, log_factor_near) > 5


def test_without_a_margin_the_null_is_the_mean():
    """The nearest pair without a lift is the bet's mean, and the factor rises with each success that is the arm's."""
    past, margin = np.array(0.12), np.array(0.0)
    for bet in (0.01, 0.2, 0.9):
        for won in (10.0, 60.0):
            control, arm = (np.array(300.0), np.array(40.0)), (np.array(200.0), np.array(won))
            logs = log_ratios(Contest.between(control, arm), past, np.array(bet), margin)
            rates = np.clip((0.12 - bet * 0.4, 0.12 + bet * 0.6), 0.0005, 0.9995)
            null = 0.6 * rates[0] + 0.4 * rates[1]
            assert logs == pytest.approx(np.log([rates / null, (1 - rates) / (1 - null)]))
            worth = logs[0] - logs[1]
            found = log_factor(control, arm, past, np.array(bet), margin)
            more = log_factor((control[0], control[1] - 1), (arm[0], arm[1] + 1), past, np.array(bet), margin)
            assert float(more - found) == pytest.approx(float(worth[1] - worth[0]))
            assert float(more - found) > 0


def test_a_bet_wins_when_it_is_right():
    """When the arms differ as the bet says, the odds grow."""
    assert expected_factor((40, 40), (0.1, 0.4), 0.25, 0.3, 0.0) > 5
    assert expected_factor((40, 40), (0.25, 0.25), 0.25, 0.0, 0.3) > 5


@pytest.mark.parametrize("margin", [-0.3, -0.03, -0.001, 0.0, 0.001, 0.03, 0.1, 0.3])
def test_the_projection_is_the_nearest_null(margin):
    """No other pair of rates with this difference is nearer to the bet."""
    n0, n1, a0, a1 = 300.0, 200.0, 0.35, 0.42
    shares = np.array((n0, n1)) / (n0 + n1)
    found = float(projection(shares, *map(np.array, (a0, a1 - a0 - margin, margin))))

    def divergence(q):
        def one(a, b):
            return a * np.log(a / b) + (1 - a) * np.log((1 - a) / (1 - b))

        return n0 * one(a0, q) + n1 * one(a1, q + margin)

    least, most = max(1e-3, 1e-3 - margin), min(1 - 1e-3, 1 - 1e-3 - margin)
    others = np.linspace(least, most, 20_001)
    assert divergence(found) <= divergence(others).min() + 1e-12


rates = st.floats(0.0005, 0.9995)


@settings(max_examples=300, deadline=None)
@given(st.floats(0.01, 0.99), rates, rates, st.floats(-0.3, 0.3))
def test_near_bets_and_far_ones_have_the_root_of_the_bracket(share, a0, a1, margin):
    """Few steps from the mean, or a search in the bracket: at the root the divergence has no slope."""
    shares = np.array((share, 1 - share))
    q = float(projection(shares, *map(np.array, (a0, a1 - a0 - margin, margin))))
    r = q + margin
    ends = sorted((a0, a1 - margin))
    inside = max(1e-12, 1e-12 - margin), min(1 - 1e-12, 1 - 1e-12 - margin)

    assert min(ends[0], inside[1]) - 1e-12 <= q <= max(ends[1], inside[0]) + 1e-12
    if inside[0] < ends[0] and ends[1] < inside[1]:
        slopes = share * (a0 - q) * r * (1 - r), (1 - share) * (a1 - r) * q * (1 - q)
        assert abs(sum(slopes)) <= 1e-10 * min(q * (1 - q), r * (1 - r))


def test_no_contacts_are_no_evidence():
    """A look that brings nothing to one side multiplies by one."""
    zero, some = np.array(0.0), np.array(50.0)
    for control, arm in [((zero, zero), (some, zero)), ((some, some), (zero, zero)), ((zero, zero), (zero, zero))]:
        assert float(log_factor(control, arm, np.array(0.1), np.array(0.02), np.array(0.0))) == 0.0
