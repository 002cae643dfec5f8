"""Odds that stay finite: a number for people, sums and JSON."""

import math

GREATEST = 1e300
"""No odds are larger; beyond it they say nothing more."""

LOG_GREATEST = math.log(GREATEST)


def from_log(log_odds: float) -> float:
    """The odds with this natural logarithm, at most `GREATEST`."""
    return math.exp(log_odds) if log_odds < LOG_GREATEST else GREATEST
