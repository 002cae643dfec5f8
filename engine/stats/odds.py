"""Odds that stay finite: a number for people, sums and JSON."""

import math
from abc import ABC, abstractmethod

GREATEST = 1e300
"""No odds are larger; beyond it they say nothing more."""

LOG_GREATEST = math.log(GREATEST)


def from_log(log_odds: float) -> float:
    """The odds with this natural logarithm, at most `GREATEST`."""
    return math.exp(log_odds) if log_odds < LOG_GREATEST else GREATEST


class Lasting(ABC):
    """Odds that are read at every look; `most` is the highest logarithm that they had, at least 0."""

    __slots__ = ()
    most: float

    @property
    @abstractmethod
    def log(self) -> float:
        """The natural logarithm of the odds."""

    @property
    def odds(self) -> float:
        """The odds as they are."""
        return from_log(self.log)

    @property
    def highest(self) -> float:
        """The highest that the odds were at any look: what they passed, they passed."""
        return from_log(self.most)

    @property
    def now_most(self) -> float:
        """The highest logarithm with that of now."""
        return max(self.most, min(self.log, LOG_GREATEST))
