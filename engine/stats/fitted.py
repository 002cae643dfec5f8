"""Two rates with a given difference that fit what was seen best: the root of a cubic, in closed form.

The score test fits rates to counts under a difference that it tries; the race projects a bet onto the rates
that its null allows, which is the same problem with expected counts in place of counts.

Source: Farrington & Manning 1990, Statistics in Medicine 9, 1447-1454.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.stats.roots import Array


_CLOSE = 1e-7
"""How far rounding can take the arc cosine's root astray, and so how far a polishing step may go."""


def fitted_control_rate(control: tuple[Array, Array], treated: tuple[Array, Array], delta: Array) -> Array:
    """The control's likeliest rate when the treated rate exceeds it by `delta`: the cubic's middle root.

    Good to about 1e-10; all arguments broadcast.

    Args:
        control, treated: (successes, contacts); successes need not be whole.
    """
    return fitting(control, treated)(delta)


def fitting(control: tuple[Array, Array], treated: tuple[Array, Array]) -> Callable[[Array], Array]:
    """`delta` → `fitted_control_rate`, for a search that tries many: what does not depend on it is done once.

    Where more than half succeeded failures are counted, so that rates near one keep their digits as small ones do.
    """
    import numpy as np

    (x0, n0), (x1, n1) = control, treated
    total = n0 + n1
    mostly = x0 + x1 > total / 2
    sign = np.where(mostly, -1.0, 1.0)
    first = np.where(mostly, n0 - x0, x0) / total
    successes = np.where(mostly, total - x0 - x1, x0 + x1) / total
    share = n0 / total

    def fitted(delta: Array) -> Array:
        delta = sign * delta
        root = _middle_root(
            (1 + share) * delta - 1 - successes,
            (share * delta - 1 - 2 * first) * delta + successes,
            first * delta * (1 - delta),
        )
        rate = np.minimum(np.maximum(root, np.maximum(0.0, -delta)), np.minimum(1.0, 1 - delta))
        result: Array = np.where(mostly, 1 - rate, rate)
        return result

    return fitted


def _middle_root(b: Array, c: Array, e: Array) -> Array:
    """Of root³ + b root² + c root + e, which has three real roots."""
    import numpy as np

    third = b / 3
    square = third * third
    half = third * (square - c / 2) + e / 2
    radius = np.sqrt(np.maximum(square - c / 3, 0.0))
    cube = radius * radius * radius
    cosine = np.abs(half) / np.where(cube == 0, 1.0, cube)
    root = np.copysign(2 * radius, half) * np.cos((np.pi + np.arccos(np.minimum(cosine, 1.0))) / 3) - third
    for _ in range(2):
        slope = (3 * root + 2 * b) * root + c
        value = ((root + b) * root + c) * root + e
        step = value / np.where(slope == 0, np.inf, slope)
        root = root - np.minimum(np.maximum(step, -_CLOSE), _CLOSE)
    result: Array = root
    return result
