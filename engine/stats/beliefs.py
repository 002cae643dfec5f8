"""What to believe about the arms: the probability of being best, and what choosing an arm is expected to lose.

Description, never a decision: "probability of being best above 95 %" is wrong in a third of the campaigns
that look after every batch. Rates have a Beta(1 + successes, 1 + failures) posterior (a uniform prior);
integrals are sums over one grid of log-odds, deterministic and exact to about ten digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine.stats.arguments import Counted, check_arms

if TYPE_CHECKING:
    from engine.stats.roots import Array

_NEGLIGIBLE = 1e-14
_STEP = 0.3
_MOST_NODES = 65_536


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
    return best_and_losses([arms])[0]


def best_and_losses(families: Sequence[Sequence[Counted]]) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """`best_and_loss` of many families of arms; those that are as many and fit on as many nodes in one step."""
    import numpy as np

    groups: dict[tuple[int, int], list[int]] = {}
    grids = []
    for place, family in enumerate(families):
        counts = np.array(check_arms("arms", family))
        a, b = 1 + counts[:, 0], 1 + counts[:, 1] - counts[:, 0]
        grids.append((a, b, *_grid(a, b)))
        groups.setdefault((len(family), grids[-1][-1]), []).append(place)
    found: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {}
    for (_, nodes), places in groups.items():
        a, b, low, high = (np.array([grids[place][part] for place in places]) for part in range(4))
        found |= zip(places, _integrated(a, b, np.linspace(low, high, nodes, axis=1)), strict=True)
    return [found[place] for place in range(len(grids))]


def _integrated(a: Array, b: Array, log_odds: Array) -> Iterator[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Probabilities and losses of families, of the shape (families, arms), each on its own grid (families, nodes)."""
    import numpy as np

    steps = (log_odds[:, 1] - log_odds[:, 0])[:, None, None]
    densities = _densities(a, b, log_odds)
    weights = densities * _product_of_others(_below(densities, steps)) * steps
    best = weights.sum(axis=2)
    highest = (weights / (1 + np.exp(-log_odds))[:, None, :]).sum(axis=(1, 2))
    losses = np.maximum(0.0, highest[:, None] - a / (a + b))
    shares = best / best.sum(axis=1, keepdims=True)
    return zip(map(tuple, shares.tolist()), map(tuple, losses.tolist()), strict=True)


def _product_of_others(below: Array) -> Array:
    """Per arm, the product of all rows of its family but its own."""
    import numpy as np

    ones = np.ones_like(below[:, :1])
    before = np.cumprod(np.concatenate([ones, below[:, :-1]], axis=1), axis=1)
    after = np.cumprod(np.concatenate([ones, below[:, :0:-1]], axis=1), axis=1)[:, ::-1]
    product: Array = before * after
    return product


def _grid(a: Array, b: Array) -> tuple[float, float, int]:
    """The ends of a uniform grid of log-odds that every posterior of a family fits on, and how many nodes it has.

    The step resolves the narrowest posterior; one with few successes (or failures) is less smooth and needs more.
    """
    import numpy as np
    from scipy.special import zeta

    spread = np.sqrt(zeta(2.0, a) + zeta(2.0, b))
    low, high = float(_lower_end(a, b, spread).min()), -float(_lower_end(b, a, spread).min())
    fine = _STEP * float((spread / (1 + 1 / np.minimum(a, b))).min())
    return low, high, 32 * math.ceil(min(_MOST_NODES, (high - low) / fine + 1) / 32)


def _lower_end(a: Array, b: Array, spread: Array) -> Array:
    """Log-odds below which a posterior has a negligible part, by Chernoff's bound."""
    import numpy as np
    from scipy.special import betaln

    tilt = np.minimum(8 / spread, 0.95 * a)
    end: Array = (np.log(_NEGLIGIBLE) + betaln(a, b) - betaln(a - tilt, b + tilt)) / tilt
    return end


def _below(densities: Array, steps: Array) -> Array:
    """The distribution functions on the grid: the integral of the sinc series through the densities.

    It converges as fast as the trapezoid rule does for a whole integral, where a running sum would not.

    Source: Stenger 1993, Numerical Methods Based on Sinc and Analytic Functions, section 4.6.
    """
    import numpy as np
    from scipy.special import sici

    nodes = densities.shape[-1]
    half = sici(np.pi * np.arange(nodes))[0] / np.pi
    kernel = 0.5 + np.concatenate([half, [0.0], -half[:0:-1]])
    spectrum = np.fft.rfft(densities, 2 * nodes) * np.fft.rfft(kernel)
    below: Array = steps * np.fft.irfft(spectrum, 2 * nodes)[..., :nodes]
    return np.minimum(np.maximum(below, 0.0), 1.0)


def _densities(a: Array, b: Array, log_odds: Array) -> Array:
    """The posterior densities of the log-odds, of the shape (families, arms, nodes)."""
    import numpy as np
    from scipy.special import betaln

    log_odds = log_odds[:, None, :]
    log_rate = -np.logaddexp(0.0, -log_odds)
    logs = (a + b)[..., None] * log_rate - b[..., None] * log_odds - betaln(a, b)[..., None]
    result: Array = np.exp(logs)
    return result
