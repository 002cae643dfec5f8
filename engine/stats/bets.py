"""One look's evidence about two arms, as the factor by which a bet on a lift multiplies its stake.

A look brings new counts: control (n₀, s₀) and arm (n₁, s₁). A bet names two rates, q − δ(1−f) and q + δf
around what the past says (f the control's share of the look), and is compared with the likeliest rates that
the null allows: those whose difference is the null's margin m. That pair is the reverse information
projection of the bet, so the factor's expectation is at most one for every pair of rates with a lift of at
most m (for a bet above it) or at least m (for a bet below it). Products over looks are non-negative
supermartingales, and Ville's inequality bounds the chance that they are ever large.

All arrays broadcast; every argument may have any shape.

Sources: Turner, Ly & Grünwald 2024, Statistics and Probability Letters 198 (safe tests for 2×2 tables);
Grünwald, de Heide & Koolen 2024, JRSS B 86, 1091-1128 (reverse information projection); Ville 1939.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.stats.fitted import fitted_control_rate

if TYPE_CHECKING:
    from engine.stats.roots import Array

LEAST_RATE, GREATEST_RATE = 0.0005, 0.9995
"""Rates that bets may name. The null's are free, so the guarantee holds for any true rates."""

_EDGE = 1e-12

FOR_BETS, FOR_WEIGHTS = (1.0, 2.5, 6.0), (0.60, 0.25, 0.15)
"""Lifts that *for* bets on, in smallest useful lifts, and the stake on each."""

AGAINST_BETS, AGAINST_WEIGHTS = (0.0, -1.0), (0.80, 0.20)
"""Lifts that *against* bets on, in smallest useful lifts, and the stake on each."""


def log_factor(
    control: tuple[Array, Array], arm: tuple[Array, Array], past_rate: Array, bet: Array, margin: Array
) -> Array:
    """The logarithm of the factor of one look.

    Args:
        control, arm: the look's new (contacts, successes); without contacts on either side the factor is one.
        past_rate: the pooled rate before this look; nothing of the look itself may be in it.
        bet: the lift that is bet on. Where rates cannot be that far apart, and the nearest that can be are
            on the null's side, no bet is made.
        margin: the lift that the null names.
    """
    import numpy as np

    (n0, s0), (n1, s1) = control, arm
    idle = (n0 == 0) | (n1 == 0)
    m0, m1 = np.where(idle, 1.0, n0), np.where(idle, 1.0, n1)
    share = m0 / (m0 + m1)
    a0 = np.clip(past_rate - bet * (1 - share), LEAST_RATE, GREATEST_RATE)
    a1 = np.clip(past_rate + bet * share, LEAST_RATE, GREATEST_RATE)
    null = projection(m0, m1, a0, a1, margin)
    result: Array = (
        s0 * np.log(a0 / null)
        + (n0 - s0) * np.log((1 - a0) / (1 - null))
        + s1 * np.log(a1 / (null + margin))
        + (n1 - s1) * np.log((1 - a1) / (1 - null - margin))
    )
    lost = (a1 - a0 - margin) * (bet - margin) <= 0
    return np.where(idle | lost, 0.0, result)


def projection(n0: Array, n1: Array, a0: Array, a1: Array, margin: Array) -> Array:
    """The control's rate q that brings (q, q + margin) nearest to (a0, a1) by n-weighted divergence.

    The divergence is convex in q, so its derivative has one root; it lies between a0 and a1 − margin, where
    the two terms change sign. The cubic's root is polished by Newton's steps, kept inside that bracket: a
    bare one diverges for small rates and would break the guarantee without a word.
    """
    import numpy as np

    least = np.maximum(_EDGE, _EDGE - margin)
    most = np.minimum(1 - _EDGE, 1 - _EDGE - margin)
    low = np.clip(np.minimum(a0, a1 - margin), least, most)
    high = np.clip(np.maximum(a0, a1 - margin), least, most)
    q = np.clip(fitted_control_rate((n0 * a0, n0), (n1 * a1, n1), margin), low, high)
    for _ in range(60):
        r = q + margin
        v0, v1 = q * (1 - q), r * (1 - r)
        slope0, slope1 = (a0 - q) / v0, (a1 - r) / v1
        value = n0 * slope0 + n1 * slope1
        fall = n0 * (1 + slope0 * (1 - 2 * q)) / v0 + n1 * (1 + slope1 * (1 - 2 * r)) / v1
        low, high = np.where(value > 0, q, low), np.where(value < 0, q, high)
        step = q + value / fall
        following = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        moved = (np.abs(following - q) / np.minimum(v0, v1)).max(initial=0.0)
        q = following
        if moved < 1e-12:
            break
    result: Array = q
    return result


def log_mixture(logs: Array, weights: tuple[float, ...]) -> Array:
    """log Σ wᵢ exp(logsᵢ) over the last axis."""
    import numpy as np

    highest = logs.max(axis=-1, keepdims=True)
    result: Array = (highest + np.log((np.exp(logs - highest) * np.array(weights)).sum(-1, keepdims=True)))[..., 0]
    return result
