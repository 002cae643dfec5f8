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

if TYPE_CHECKING:
    from engine.stats.roots import Array

LEAST_RATE, GREATEST_RATE = 0.0005, 0.9995
"""Rates that bets may name. The null's are free, so the guarantee holds for any true rates."""

_EDGE = 1e-12
_SETTLED = 1e-12
_MEANS = 4

Weights = tuple[float, ...]

FOR_BETS: Weights = (1.0, 2.5, 6.0)
"""Lifts that *for* bets on, in smallest useful lifts."""

FOR_SHOWN: Weights = (0.60, 0.25, 0.15)
FOR_DECIDES: Weights = (0.75, 0.20, 0.05)
"""The stake on each: of the odds that are shown, spread for any lift, and of those that decide."""

AGAINST_BETS: Weights = (0.0, -1.0)
AGAINST_SHOWN: Weights = (0.80, 0.20)
AGAINST_DECIDES: Weights = (0.93, 0.07)
"""Lifts that *against* bets on, in smallest useful lifts, and the stakes as above."""

BEATEN_BETS: Weights = (0.0, -1.0, -3.0)
BEATEN_DECIDES: Weights = (0.50, 0.40, 0.10)
"""Lifts over another arm that *beaten* bets on, in half a smallest useful lift, and the stakes."""


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

    m0, m1, a0, a1, made = _named(control[0], arm[0], past_rate, bet, margin)
    null = projection(m0, m1, a0, a1, margin)
    return np.where(made, _log_ratio(control, arm, (a0, a1), (null, null + margin)), 0.0)


def log_factor_for(
    control: tuple[Array, Array], arm: tuple[Array, Array], past_rate: Array, bet: Array
) -> tuple[Array, Array]:
    """`log_factor` against no lift, and by how much it rises with each success that is the arm's and not the control's.

    The nearest pair without a lift is the bet's mean: no root is sought.
    """
    import numpy as np

    zero = np.zeros_like(bet)
    m0, m1, a0, a1, made = _named(control[0], arm[0], past_rate, bet, zero)
    null = (m0 * a0 + m1 * a1) / (m0 + m1)
    slope = np.log(a1 / a0 * (1 - a0) / (1 - a1))
    return np.where(made, _log_ratio(control, arm, (a0, a1), (null, null)), 0.0), np.where(made, slope, 0.0)


def log_factor_near(
    control: tuple[Array, Array], arm: tuple[Array, Array], past_rate: Array, bet: Array, margin: Array
) -> Array:
    """`log_factor` of a bet that is named from its null: no root is sought, so that many cost little.

    The null is the pair around the past rate with the margin between, and the bet moves both rates towards each
    other in proportion to variance over contacts, until they differ by `bet` (less than `margin`), or a rate
    ends. So the null is the bet's projection by construction.
    """
    import numpy as np

    (n0, _), (n1, _) = control, arm
    made = (n0 > 0) & (n1 > 0)
    m0, m1 = np.maximum(n0, 1.0), np.maximum(n1, 1.0)
    q = np.minimum(np.maximum(past_rate - margin * (m1 / (m0 + m1)), LEAST_RATE), GREATEST_RATE - margin)
    r = q + margin
    v0, v1 = q * (1 - q) / m0, r * (1 - r) / m1
    most = np.minimum((GREATEST_RATE - q) / v0, (r - LEAST_RATE) / v1)
    step = np.minimum((margin - bet) / (v0 + v1), most)
    return np.where(made, _log_ratio(control, arm, (q + step * v0, r - step * v1), (q, r)), 0.0)


def _named(
    n0: Array, n1: Array, past_rate: Array, bet: Array, margin: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Contacts (one where there are none), the two rates that the bet names, and whether a bet is made at all."""
    import numpy as np

    some = (n0 > 0) & (n1 > 0)
    m0, m1 = np.maximum(n0, 1.0), np.maximum(n1, 1.0)
    higher = past_rate + bet * (m0 / (m0 + m1))
    a0 = np.minimum(np.maximum(higher - bet, LEAST_RATE), GREATEST_RATE)
    a1 = np.minimum(np.maximum(higher, LEAST_RATE), GREATEST_RATE)
    return m0, m1, a0, a1, some & ((a1 - a0 - margin) * (bet - margin) > 0)


def _log_ratio(
    control: tuple[Array, Array], arm: tuple[Array, Array], bet: tuple[Array, Array], null: tuple[Array, Array]
) -> Array:
    """The look's log likelihood of the bet's rates over the null's."""
    import numpy as np

    (n0, s0), (n1, s1) = control, arm
    won0, lost0 = np.log(bet[0] / null[0]), np.log((1 - bet[0]) / (1 - null[0]))
    won1, lost1 = np.log(bet[1] / null[1]), np.log((1 - bet[1]) / (1 - null[1]))
    ratio: Array = s0 * won0 + (n0 - s0) * lost0 + s1 * won1 + (n1 - s1) * lost1
    return ratio


def projection(n0: Array, n1: Array, a0: Array, a1: Array, margin: Array) -> Array:
    """The control's rate q that brings (q, q + margin) nearest to (a0, a1) by n-weighted divergence.

    The divergence is convex in q, so its derivative has one root; it lies between a0 and a1 − margin, where the
    two terms change sign. At the root q is the mean of those two ends, weighed by contacts over variance, and for
    bets that are near the null the mean at any q near it is nearer still: two of them, drawn out to where they
    lead (Aitken), are exact, which another one shows. Where they are not, Newton's steps end the search, kept
    inside the bracket: a bare one diverges for small rates and would break the guarantee without a word.
    """
    import numpy as np

    b1 = a1 - margin
    q, before = (n0 * a0 + n1 * b1) / (n0 + n1), np.zeros(())
    for mean in range(_MEANS):
        r = q + margin
        w0, w1 = n0 * r * (1 - r), n1 * q * (1 - q)
        nearer = (w0 * a0 + w1 * b1) / (w0 + w1)
        if not (np.minimum(w0, w1) > 0).all():
            break
        step = nearer - q
        q = nearer
        if (np.abs(step) <= _SETTLED * q).all():
            return q
        if mean == 1:
            bend = step - before
            q = q - step * step / np.where(bend == 0, np.inf, bend)
        before = step
    return _newton(n0, n1, (a0, a1), margin, q)


def _newton(n0: Array, n1: Array, bet: tuple[Array, Array], margin: Array, near: Array) -> Array:
    """The root by Newton's steps from `near`, which bisect where they would leave the bracket."""
    import numpy as np

    least = np.maximum(_EDGE, _EDGE - margin)
    most = np.minimum(1 - _EDGE, 1 - _EDGE - margin)
    ends = [np.minimum(np.maximum(end, least), most) for end in (bet[0], bet[1] - margin)]
    low, high = np.minimum(*ends), np.maximum(*ends)
    q = np.minimum(np.maximum(near, low), high)
    for _ in range(60):
        r = q + margin
        v0, v1 = q * (1 - q), r * (1 - r)
        slope0, slope1 = (bet[0] - q) / v0, (bet[1] - r) / v1
        value = n0 * slope0 + n1 * slope1
        fall = n0 * (1 + slope0 * (1 - q - q)) / v0 + n1 * (1 + slope1 * (1 - r - r)) / v1
        low, high = np.where(value > 0, q, low), np.where(value < 0, q, high)
        step = q + value / fall
        following = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        moved = (np.abs(following - q) / np.minimum(v0, v1)).max(initial=0.0)
        q = following
        if moved < _SETTLED:
            break
    return q


def log_mixture(logs: Array, weights: Weights) -> Array:
    """log Σ wᵢ exp(logsᵢ) over the last axis."""
    import numpy as np

    highest = logs.max(axis=-1, keepdims=True)
    result: Array = highest[..., 0] + np.log(np.exp(logs - highest) @ np.array(weights))
    return result
