"""Small samples: Boschloo against scipy, and what it refuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.exact import boschloo


@pytest.mark.parametrize(
    ("treated", "control"),
    [((7, 12), (1, 9)), ((74, 100), (31, 100)), ((3, 3), (0, 3)), ((0, 50), (5, 60)), ((2, 30), (2, 31))],
)
def test_boschloo_agrees_with_scipy(treated, control):
    """The p-value is scipy's, with arms in columns."""
    from scipy.stats import boschloo_exact

    (a, n), (b, m) = treated, control
    expected = boschloo_exact([[a, b], [n - a, m - b]], n=128).pvalue

    assert boschloo(treated=treated, control=control) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 25), st.integers(1, 25), st.data())
def test_boschloo_is_never_weaker_than_fisher(n1, n0, data):
    """Boschloo's p-value is at most Fisher's doubled smaller side, and symmetric in the arms."""
    from scipy.stats import hypergeom

    x1, x0 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n0))
    law = hypergeom(n1 + n0, n1, x1 + x0)
    fisher = min(1.0, 2 * min(law.sf(x1 - 1), law.cdf(x1)))
    ours = boschloo(treated=(x1, n1), control=(x0, n0))

    assert 0 < ours <= fisher + 1e-9
    assert ours == pytest.approx(boschloo(treated=(x0, n0), control=(x1, n1)), rel=1e-9)


def test_boschloo_is_for_whole_and_small_numbers():
    """Fractions and thousands of contacts are refused with the argument's name."""
    with pytest.raises(ValueError, match="treated must be whole"):
        boschloo(treated=(1.5, 3), control=(1, 3))
    with pytest.raises(ValueError, match="control: contacts must be at most 2000"):
        boschloo(treated=(1, 3), control=(1, 3000))
