"""Exact methods for small samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.stats.arguments import Counted, check_counted, check_inside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.stats.roots import Array


def clopper_pearson(successes: float, contacts: float, level: float = 0.95) -> tuple[float, float]:
    """(low, high) of one rate, never covering less than `level`: Clopper & Pearson 1934."""
    from scipy.special import betaincinv

    successes, contacts = check_counted("successes, contacts", (successes, contacts))
    tail = (1 - check_inside("level", level)) / 2
    failures = contacts - successes
    low = 0.0 if successes == 0 else float(betaincinv(successes, failures + 1, tail))
    high = 1.0 if failures == 0 else float(betaincinv(successes + 1, failures, 1 - tail))
    return low, high


def boschloo(*, treated: Counted, control: Counted) -> float:
    """The two-sided p-value of Boschloo's exact unconditional test, for arms of at most 2,000 contacts.

    Fisher's one-sided p-value orders the tables; the chance of a table as extreme is maximized over the
    rate that both arms would share. Two-sided is twice the smaller side. Uniformly more powerful than
    Fisher's test. Above 2,000 contacts an arm use `difference`.

    Source: Boschloo 1970, Statistica Neerlandica 24, 1-35.
    """
    x1, n1 = _small("treated", treated)
    x0, n0 = _small("control", control)
    return min(1.0, 2 * min(_one_side(x1, n1, x0, n0), _one_side(x0, n0, x1, n1)))


def _small(name: str, counted: Counted) -> tuple[int, int]:
    successes, contacts = check_counted(name, counted)
    if successes != int(successes) or contacts != int(contacts):
        raise ValueError(f"{name} must be whole numbers, not {counted!r}")
    if contacts > 2000:
        raise ValueError(f"{name}: contacts must be at most 2000 for an exact test, not {contacts:g}")
    return int(successes), int(contacts)


def _one_side(x1: int, n1: int, x0: int, n0: int) -> float:
    """The greatest chance, over the shared rate, of a table as much in favor of the first arm."""
    import numpy as np

    last = _extreme_columns(x1, n1, x0, n0)

    def chance(rates: Array) -> Array:
        cumulative = np.cumsum(_binomial(n0, rates), axis=1)
        reached = np.where(last >= 0, cumulative[:, np.maximum(last, 0)], 0.0)
        result: Array = (_binomial(n1, rates) * reached).sum(axis=1)
        return result

    low, high, best = 0.0, 1.0, 0.0
    nodes = 201
    for _ in range(12):
        rates = np.linspace(low, high, nodes)
        chances = chance(rates)
        peak = int(chances.argmax())
        best = max(best, float(chances[peak]))
        low, high = float(rates[max(0, peak - 1)]), float(rates[min(nodes - 1, peak + 1)])
        nodes = 21
        if high - low < 1e-9:
            break
    return min(1.0, best)


def _extreme_columns(x1: int, n1: int, x0: int, n0: int) -> Array:
    """For each number of successes of the first arm, the most of the second that is still as extreme (−1: none).

    For a fixed first count Fisher's p-value grows with the second, so the extreme tables are a staircase.
    """
    import numpy as np

    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n1 + n0 + 1)))])

    def log_choose(n: int, k: NDArray[np.int64]) -> Array:
        result: Array = log_factorial[n] - log_factorial[k] - log_factorial[n - k]
        return result

    fisher = np.empty((n1 + 1, n0 + 1))
    for margin in range(n1 + n0 + 1):
        first = np.arange(max(0, margin - n0), min(n1, margin) + 1)
        log_p = log_choose(n1, first) + log_choose(n0, margin - first)
        p = np.exp(log_p - log_p.max())
        tail = np.cumsum(p[::-1])[::-1] / p.sum()
        fisher[first, margin - first] = tail
    extreme = fisher <= fisher[x1, x0] * (1 + 1e-10)
    columns: Array = extreme.sum(axis=1) - 1
    return columns


def _binomial(n: int, rates: Array) -> Array:
    """Binomial probabilities of 0…n, one row per rate."""
    import numpy as np
    from scipy.special import gammaln, xlog1py, xlogy

    k = np.arange(n + 1)
    log_choose = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    column = rates[:, None]
    result: Array = np.exp(log_choose + xlogy(k, column) + xlog1py(n - k, -column))
    return result
