"""What to believe about the arms: the probability of being best, and what choosing an arm is expected to lose.

Description, never a decision: "probability of being best above 95 %" is wrong in a third of the campaigns
that look after every batch. Rates have a Beta(1 + successes, 1 + failures) posterior (a uniform prior);
integrals are sums over one grid of log-odds, deterministic and exact to about ten digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.stats.arguments import Counted, check_arms

if TYPE_CHECKING:
    from engine.stats.roots import Array

_REACH = 9.0
_MOST_NODES = 6000


def probability_best(arms: Sequence[Counted]) -> tuple[float, ...]:
    """Per arm, the probability that its rate is the highest. They add up to one.

    Args:
        arms: (successes, contacts) of at least one arm, in any order.
    """
    return best_and_loss(arms)[0]


def expected_loss(arms: Sequence[Counted]) -> tuple[float, ...]:
    """Per arm, how far its rate is expected to fall short of the highest: the price of choosing it.

    Source: Stucchio 2015, "Bayesian A/B testing at VWO".
    """
    return best_and_loss(arms)[1]


def best_and_loss(arms: Sequence[Counted]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(`probability_best`, `expected_loss`) from one pass."""
    import numpy as np
    from scipy.special import betainc

    counts = np.array(check_arms("arms", arms))
    a, b = 1 + counts[:, 0], 1 + counts[:, 1] - counts[:, 0]
    log_odds, step = _grid(a, b)
    rates = 1 / (1 + np.exp(-log_odds))
    below = betainc(a[:, None], b[:, None], rates)
    densities = _densities(a, b, log_odds)
    others = np.array([np.prod(np.delete(below, arm, axis=0), axis=0) for arm in range(len(a))])
    best = (densities * others).sum(axis=1) * step
    highest = float((densities * others * rates).sum()) * step
    losses = np.maximum(0.0, highest - a / (a + b))
    best = best / best.sum()
    return tuple(float(value) for value in best), tuple(float(value) for value in losses)


def _grid(a: Array, b: Array) -> tuple[Array, float]:
    """A uniform grid of log-odds that every posterior fits on, and its step."""
    import numpy as np
    from scipy.special import betaincinv, polygamma, psi

    center, spread = psi(a) - psi(b), np.sqrt(polygamma(1, a) + polygamma(1, b))
    low = np.minimum(center - _REACH * spread, _logit(np.asarray(betaincinv(a, b, 1e-14), dtype=float)))
    high = np.maximum(center + _REACH * spread, -_logit(np.asarray(betaincinv(b, a, 1e-14), dtype=float)))
    width = float(high.max() - low.min())
    nodes = int(min(_MOST_NODES, np.ceil(width / (0.35 * float(spread.min()))))) + 1
    grid = np.linspace(float(low.min()), float(high.max()), nodes)
    return grid, width / (nodes - 1)


def _logit(rates: Array) -> Array:
    import numpy as np

    safe = np.clip(rates, 1e-300, 1 - 1e-16)
    result: Array = np.log(safe) - np.log1p(-safe)
    return result


def _densities(a: Array, b: Array, log_odds: Array) -> Array:
    """The posterior densities of the log-odds, one row per arm."""
    import numpy as np
    from scipy.special import betaln

    log_rate, log_rest = -np.logaddexp(0.0, -log_odds), -np.logaddexp(0.0, log_odds)
    logs = a[:, None] * log_rate + b[:, None] * log_rest - betaln(a, b)[:, None]
    result: Array = np.exp(logs)
    return result
