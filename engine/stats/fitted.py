"""Two rates with a given difference that fit what was seen best: the root of a cubic, in closed form.

The score test fits rates to counts under a difference that it tries; the race projects a bet onto the rates
that its null allows, which is the same problem with expected counts in place of counts.

Source: Farrington & Manning 1990, Statistics in Medicine 9, 1447-1454.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.stats.roots import Array


def fitted_control_rate(control: tuple[Array, Array], treated: tuple[Array, Array], delta: Array) -> Array:
    """The control's likeliest rate when the treated rate exceeds it by `delta`: the cubic's middle root.

    Good to about 1e-10; all arguments broadcast.

    Args:
        control, treated: (successes, contacts); successes need not be whole.
    """
    import numpy as np

    (x0, n0), (x1, n1) = control, treated
    total, successes = n0 + n1, x0 + x1
    b = ((total + n0) * delta - total - successes) / total
    c = ((n0 * delta - total - 2 * x0) * delta + successes) / total
    e = x0 * delta * (1 - delta) / total
    half = b**3 / 27 - b * c / 6 + e / 2
    radius = np.sqrt(np.maximum(b * b / 9 - c / 3, 0.0))
    radius = np.where(half >= 0, radius, -radius)
    cube = radius**3
    cosine = np.clip(half / np.where(cube == 0, 1.0, cube), -1.0, 1.0)
    root = 2 * radius * np.cos((np.pi + np.arccos(cosine)) / 3) - b / 3
    for _ in range(2):
        slope = (3 * root + 2 * b) * root + c
        value = ((root + b) * root + c) * root + e
        root = root - np.where(np.abs(slope) > 1e-9, value / np.where(slope == 0, 1.0, slope), 0.0)
    fitted: Array = np.clip(root, np.maximum(0.0, -delta), np.minimum(1.0, 1 - delta))
    return fitted
