"""Two rates with a given difference that fit what was seen best: the root of a cubic, in closed form.

The score test fits rates to counts under a difference that it tries; the race projects a bet onto the rates
that its null allows, which is the same problem with expected counts in place of counts.

Source: Farrington & Manning 1990, Statistics in Medicine 9, 1447-1454.
"""

from __future__ import annotations

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
    import numpy as np

    (x0, n0), (x1, n1) = control, treated
    mostly = x0 + x1 > (n0 + n1) / 2
    fitted = _fitted(
        (np.where(mostly, n0 - x0, x0), n0),
        (np.where(mostly, n1 - x1, x1), n1),
        np.where(mostly, -delta, delta),
    )
    result: Array = np.where(mostly, 1 - fitted, fitted)
    return result


def _fitted(control: tuple[Array, Array], treated: tuple[Array, Array], delta: Array) -> Array:
    """As above, where at most half succeeded: small rates keep their digits."""
    import numpy as np

    (x0, n0), (x1, n1) = control, treated
    total, successes = n0 + n1, x0 + x1
    b = ((total + n0) * delta - total - successes) / total
    c = ((n0 * delta - total - 2 * x0) * delta + successes) / total
    e = x0 * delta * (1 - delta) / total
    third = b / 3
    half = third * (third * third - c / 2) + e / 2
    radius = np.sqrt(np.maximum(third * third - c / 3, 0.0))
    radius = np.where(half >= 0, radius, -radius)
    cube = radius * radius * radius
    cosine = half / np.where(cube == 0, 1.0, cube)
    angle = np.arccos(np.minimum(np.maximum(cosine, -1.0), 1.0))
    root = 2 * radius * np.cos((np.pi + angle) / 3) - third
    for _ in range(2):
        slope = (3 * root + 2 * b) * root + c
        value = ((root + b) * root + c) * root + e
        step = value / np.where(slope == 0, np.inf, slope)
        root = root - np.minimum(np.maximum(step, -_CLOSE), _CLOSE)
    fitted: Array = np.minimum(np.maximum(root, np.maximum(0.0, -delta)), np.minimum(1.0, 1 - delta))
    return fitted
