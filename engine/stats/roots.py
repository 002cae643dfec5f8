"""Roots inside a bracket, for one function or for many in lockstep."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """The root of a function that is positive at `low` and negative at `high`, to the last bits.

    Where the function keeps one sign the end that is nearest to a change of sign is returned.
    """
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def lockstep(
    function: Callable[[Array], Array],
    low: Array,
    high: Array,
    tolerance: float = 1e-12,
    values: tuple[Array, Array] | None = None,
) -> Array:
    """One root per element, by Chandrupatla's method in lockstep.

    Inverse quadratic interpolation where it is safe, bisection where it is not. The result never leaves
    its bracket; an end where the function is zero is a root. A root is kept as it is when it is found, so that it does
    not depend on what is sought beside it.

    Args:
        function: maps an array to an array of its shape, element by element; continuous.
        low, high: the brackets; `function` has opposite signs (or a zero) at the two.
        tolerance: how wide a bracket may stay, relative to one.
        values: of `function` at `low` and `high`, where they are known.

    Source: Chandrupatla 1997, Advances in Engineering Software 28(3), 145-149.
    """
    import numpy as np

    a, b = np.array(high, dtype=float), np.array(low, dtype=float)
    c = a.copy()
    fb, fa = values or (function(b), function(a))
    fc = fa.copy()
    step, best, settled = np.full_like(a, 0.5), a, np.zeros(a.shape, dtype=bool)
    for _ in range(120):
        x = a + step * (b - a)
        fx = function(x)
        same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        width, enough = np.abs(b - a), tolerance * (1 + np.abs(a))
        best = np.where(settled, best, np.where(np.abs(fa) <= np.abs(fb), a, b))
        settled |= (width <= enough) | (fa == 0) | (fb == 0)
        if settled.all():
            break
        step = _next_step((a, b, c), (fa, fb, fc), width, enough)
    inside: Array = np.minimum(np.maximum(best, np.minimum(low, high)), np.maximum(low, high))
    return inside


def _next_step(points: tuple[Array, ...], values: tuple[Array, ...], width: Array, enough: Array) -> Array:
    """Where between a and b to look next, as a share of the way."""
    import numpy as np

    (a, b, c), (fa, fb, fc) = points, values
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ab, cb, ca = fa - fb, fc - fb, fc - fa
        xi, phi = (a - b) / (c - b), ab / cb
        inverse = fa / ab * (fc / cb) + (c - a) / (b - a) * (fa / ca) * (fb / cb)
        smooth = (phi * phi < xi) & ((1 - phi) ** 2 < 1 - xi) & np.isfinite(inverse)
        least = np.minimum(0.5, enough / (2 * width))
    share: Array = np.minimum(np.maximum(np.where(smooth, inverse, 0.5), least), 1 - least)
    return share
