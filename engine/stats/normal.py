"""The normal distribution from the standard library alone, so that common commands load nothing."""

import math
from statistics import NormalDist

_STANDARD = NormalDist()


def density(z: float) -> float:
    """φ(z)."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def below(z: float) -> float:
    """Φ(z), exact in the lower tail."""
    return math.erfc(-z / math.sqrt(2)) / 2


def two_sided(z: float) -> float:
    """P(|Z| ≥ |z|), the p-value of a z-statistic."""
    return math.erfc(abs(z) / math.sqrt(2))


def quantile(p: float) -> float:
    """The z below which a share `p` lies."""
    return _STANDARD.inv_cdf(p)


def critical(level: float) -> float:
    """The z that a two-sided range at `level` reaches on each side: 1.96 for 0.95."""
    return -_STANDARD.inv_cdf((1 - level) / 2)
