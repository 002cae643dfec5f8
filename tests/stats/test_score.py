"""The score range ends where the score test just rejects, for arms of any size and rates of any smallness."""

import math

import numpy as np
import pytest

from engine.stats.fitted import fitted_control_rate
from engine.stats.rates import difference
from engine.stats.roots import bisect

PAIRS = [
    ((450, 3000), (360, 3000)),
    ((0, 30), (2, 8_211_888)),
    ((1, 1), (9_470_376, 9_473_231)),
    ((79, 3_505_319), (180, 2_922_376)),
    ((1_436_518, 1_436_586), (851, 851)),
    ((5, 5), (2_490_270, 2_490_270)),
    ((3, 7), (5, 11)),
]


def fitted_by_bisection(treated, control, lift):
    """The root of the likelihood's derivative, found the slow way."""
    (x1, n1), (x0, n0) = treated, control

    def slope(p):
        q = p + lift
        return (x1 - n1 * q) * p * (1 - p) + (x0 - n0 * p) * q * (1 - q)

    return bisect(slope, max(0.0, -lift), min(1.0, 1 - lift))


@pytest.mark.parametrize(("treated", "control"), PAIRS)
def test_the_range_ends_where_the_test_rejects(treated, control):
    """At each end that is not a limit of what can be, the statistic is the critical value."""
    (x1, n1), (x0, n0) = treated, control
    estimate = difference(treated=treated, control=control)
    for end in (estimate.low, estimate.high):
        if abs(end) == 1:
            continue
        p0 = fitted_by_bisection(treated, control, end)
        p1 = min(1.0, max(0.0, p0 + end))
        variance = (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0) * (n1 + n0) / (n1 + n0 - 1)
        assert abs(x1 / n1 - x0 / n0 - end) / math.sqrt(variance) == pytest.approx(1.959964, abs=1e-4)


@pytest.mark.parametrize("lift", [-0.4, -1e-3, 0.0, 1e-6, 0.02, 0.7])
@pytest.mark.parametrize(("treated", "control"), [((450, 3000), (360, 3000)), ((0, 9), (4, 9)), ((9, 9), (9, 9))])
def test_the_closed_form_is_the_likeliest_rate(treated, control, lift):
    """The cubic's root maximizes the likelihood under the difference."""
    found = fitted_control_rate(
        (np.array(float(control[0])), np.array(float(control[1]))),
        (np.array(float(treated[0])), np.array(float(treated[1]))),
        np.array(lift),
    )

    assert float(found) == pytest.approx(fitted_by_bisection(treated, control, lift), abs=1e-9)
