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

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.stats.roots import Array

    Flags = NDArray[np.bool_]

LEAST_RATE, GREATEST_RATE = 0.0005, 0.9995
"""Rates that bets may name. The null's are free, so the guarantee holds for any true rates."""

_EDGE = 1e-12
_SETTLED = 1e-12
_NEAR, _NOT_FAR = 0.01, 0.1
"""How far a null is from its bet's mean, over a rate's variance, where one and where two steps find it to 1e-12."""
_GREATEST = 600.0

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


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """What one look brought to two arms, the control or a rival first; `…` is the shape of many such contests.

    `counts` have the shape (2, 2, …): successes and failures of either; `contacts` (2, …) their sums; `shares`
    (2, …), adding up to one, are what the two have of the contacts; `held` says where both have any.
    """

    counts: Array
    contacts: Array
    shares: Array
    held: Flags

    @classmethod
    def of(cls, counts: Array) -> Contest:
        """From the counts; who has no contacts counts as one in the shares."""
        import numpy as np

        contacts = counts[0] + counts[1]
        some = np.maximum(contacts, 1.0)
        return cls(counts, contacts, some / (some[0] + some[1]), np.logical_and.reduce(contacts, axis=0))

    @classmethod
    def between(cls, control: tuple[Array, Array], arm: tuple[Array, Array], *beside: Array) -> Contest:
        """From the (contacts, successes) of the two, with as many axes as what they shall stand `beside` has."""
        import numpy as np

        n0, s0, n1, s1 = np.broadcast_arrays(*control, *arm)
        counts = np.array([[s0, s1], [n0 - s0, n1 - s1]], dtype=float)
        missing = max(0, *(np.ndim(other) for other in beside)) - n0.ndim if beside else 0
        return cls.of(counts.reshape(2, 2, *(1,) * missing, *n0.shape))

    def part(self, columns: slice) -> Contest:
        """Some of many contests, which the last axis but one holds."""
        place = (..., columns, slice(None))
        return Contest(self.counts[place], self.contacts[place], self.shares[place], self.held[place])

    def gained(self, logs: Array) -> Array:
        """The logarithm of the look's factor, from those of every success and failure."""
        import numpy as np

        result: Array = np.add.reduce(self.counts * logs, axis=(0, 1))
        return result


def log_factor(
    control: tuple[Array, Array], arm: tuple[Array, Array], past_rate: Array, bet: Array, margin: Array
) -> Array:
    """The logarithm of the factor of one look.

    Args:
        control, arm: the look's new (contacts, successes); without contacts on either side the factor is one.
        past_rate, bet, margin: as `log_ratios` takes them.
    """
    contest = Contest.between(control, arm, past_rate, bet, margin)
    return contest.gained(log_ratios(contest, past_rate, bet, margin))


def log_ratios(contest: Contest, past_rate: Array, bet: Array, margin: Array) -> Array:
    """The logarithms of the bet's likelihood over the null's, of one success and one failure of either arm.

    Of the shape (2, 2, …) like a contest's counts; zero where no bet is made. No root is sought where the margin is
    zero: the nearest pair is the bet's mean.

    Args:
        contest: the look.
        past_rate: the pooled rate before this look; nothing of the look itself may be in it.
        bet: the lift that is bet on. Where rates cannot be that far apart, and the nearest that can be are
            on the null's side, no bet is made.
        margin: the lift that the null names.
    """
    import numpy as np

    higher = past_rate + bet * contest.shares[0]
    named = np.empty((2, 2, *higher.shape))
    rates, a0, a1 = named[0], named[0, 0, ...], named[0, 1, ...]
    np.subtract(higher, bet, out=a0)
    a1[...] = higher
    np.minimum(np.maximum(rates, LEAST_RATE, out=rates), GREATEST_RATE, out=rates)
    beyond = a1 - a0 - margin
    made = contest.held & (beyond * (bet - margin) > 0)
    null = np.empty_like(named)
    null[0, 0] = projection(contest.shares, a0, beyond, margin)
    np.add(null[0, 0], margin, out=null[0, 1, ...])
    np.subtract(1.0, null[0], out=null[1])
    return _logs(named, null, made)


def log_factor_near(
    control: tuple[Array, Array], arm: tuple[Array, Array], past_rate: Array, bet: Array, margin: Array
) -> Array:
    """`log_factor` by `log_ratios_near`."""
    contest = Contest.between(control, arm, past_rate, bet, margin)
    return contest.gained(log_ratios_near(contest, past_rate, bet, margin))


def log_ratios_near(contest: Contest, past_rate: Array, bet: Array, margin: Array) -> Array:
    """`log_ratios` of a bet that is named from its null: no root is sought, so that many cost little.

    The null is the pair around the past rate with the margin between, and the bet moves both rates towards each
    other in proportion to variance over contacts, until they differ by `bet` (less than `margin`), or a rate
    ends. So the null is the bet's projection by construction.
    """
    import numpy as np

    q = np.minimum(np.maximum(past_rate - margin * contest.shares[1], LEAST_RATE), GREATEST_RATE - margin)
    null = np.empty((2, 2, *q.shape))
    null[0, 0], null[0, 1] = q, q + margin
    np.subtract(1.0, null[0], out=null[1])
    v0, v1 = null[0] * null[1] / contest.shares
    r = null[0, 1]
    most = np.minimum((GREATEST_RATE - q) / v0, (r - LEAST_RATE) / v1)
    step = np.minimum((margin - bet) / (v0 + v1), most)
    named = np.empty((2, 2, *step.shape))
    np.add(q, step * v0, out=named[0, 0, ...])
    np.subtract(r, step * v1, out=named[0, 1, ...])
    return _logs(named, null, contest.held)


def _logs(named: Array, null: Array, made: Flags) -> Array:
    """The logarithms of named over null rates, and of what they leave to failures, which is filled in for `named`."""
    import numpy as np

    np.subtract(1.0, named[0], out=named[1])
    logs: Array = np.log(np.divide(named, null, out=named), out=named)
    logs *= made
    return logs


def projection(shares: Array, control: Array, beyond: Array, margin: Array) -> Array:
    """The control's rate q that brings (q, q + margin) nearest to the bet (a₀, a₁) by n-weighted divergence.

    The divergence is convex in q, so its derivative has one root; it lies between a₀ and a₁ − margin, where the
    two terms change sign. Around the contacts' mean of these two the derivative's numerator is a cubic whose
    constant is the smallest by far: Halley's step from the mean and one of Newton's on the cubic settle it for any
    bet that is near its null. Where they do not, the search goes on inside the bracket: a bare Newton step diverges
    for small rates and would break the guarantee without a word.

    Args:
        shares: of the shape (2, …), the control's and the arm's parts of the contacts.
        control: a₀.
        beyond: a₁ − a₀ − margin.
        margin: the lift that the null names.
    """
    import numpy as np

    f, g = shares[0], shares[1]
    bend = f * g * beyond * margin
    mean = control + g * beyond
    above = mean + margin
    v0, v1 = mean * (1 - mean), above * (1 - above)
    tilt = 1 - 2 * mean
    a, b, c = f * v1 + g * v0 - 2 * bend, tilt - 2 * f * margin, bend * (tilt - margin)
    least = np.minimum(np.minimum(v0, v1), a)
    far, scale = np.abs(c), least * np.abs(least)
    steps = 1 if (far <= _NEAR * scale).all() else 2
    if steps > 1 and not (far <= _NOT_FAR * scale).all():
        return _newton(shares, (control, control + margin + beyond), margin, mean)
    x = a * c / (b * c - a * a)
    for _ in range(steps):
        slope = x - b
        value = slope * x - a
        x = x - (value * x - c) / (value + x * (slope + x))
    root: Array = mean + x
    return root


def _newton(shares: Array, bet: tuple[Array, Array], margin: Array, near: Array) -> Array:
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
        value = shares[0] * slope0 + shares[1] * slope1
        fall = shares[0] * (1 + slope0 * (1 - q - q)) / v0 + shares[1] * (1 + slope1 * (1 - r - r)) / v1
        low, high = np.where(value > 0, q, low), np.where(value < 0, q, high)
        step = q + value / fall
        following = np.where((step >= low) & (step <= high), step, (low + high) / 2)
        moved = (np.abs(following - q) / np.minimum(v0, v1)).max(initial=0.0)
        q = following
        if moved < _SETTLED:
            break
    return q


def log_mixture(logs: Array, weights: Weights, axis: int = -1) -> Array:
    """log Σ wᵢ exp(logsᵢ) over an axis: the last, or the first."""
    import numpy as np

    highest = np.maximum.reduce(logs, axis=axis, keepdims=True)
    parts = np.exp(logs - highest)
    parts *= _column(weights, 1 if axis else parts.ndim)
    result: Array = np.log(np.add.reduce(parts, axis=axis, keepdims=True)) + highest
    squeezed: Array = result.squeeze(axis)
    return squeezed


def mixture(logs: Array, weights: Weights) -> Array:
    """Σ wᵢ exp(logsᵢ) over the first axis, of `kept_odds`."""
    import numpy as np

    parts = kept_odds(logs)
    parts *= _column(weights, parts.ndim)
    result: Array = np.add.reduce(parts, axis=0)
    return result


def kept_odds(logs: Array) -> Array:
    """exp(logs), of logarithms that are kept within ±600: beyond they say nothing more."""
    import numpy as np

    parts = np.maximum(logs, -_GREATEST)
    odds: Array = np.exp(np.minimum(parts, _GREATEST, out=parts), out=parts)
    return odds


@lru_cache(maxsize=64)
def _column(weights: Weights, dimensions: int) -> Array:
    """Weights along the first of so many axes."""
    import numpy as np

    return np.array(weights).reshape(-1, *(1,) * (dimensions - 1))
