"""The exact account behind *for*: how much of the chance of a false winner an arm still has, and when it is proven.

An arm's *stake* is a chance: of all the harm that it may still do if it is no better than the control. It begins
at the arm's part of alpha. At a look the arm and the control bring n₁ and n₀ contacts with s successes
together. If the arm is no better, how many of the s are the arm's is at most hypergeometric, whatever the rate that
both share. So the stake may become any function of the arm's successes, from 0 to 1 and never falling, whose
hypergeometric mean is the stake before. An arm whose stake reaches 1 is proven: under its null that
happens with a chance of at most the stake that it began with, at any of the looks.

Which function is a matter of wits, not of validity. Here it is the one by which Wald's test would go on from
here: the odds of the race's own bets, less what they are when an arm is dropped, scaled so that nothing is lost to
a look that overshoots. With a known end, the chance that the last z-test is passed is added.

Sources: Wald 1945 (the shape); Müller & Schäfer 2001, Biometrics 57, 886-891 (the conditional error of a design
may be spent by any other); Fisher 1935 (the law given the sum).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.stats.roots import Array

    Flags = NDArray[np.bool_]

ABANDONED = 0.12
"""The odds *for* that an arm is expected to have left when it is dropped; they are staked on the arms that are not."""

_FLOOR = 0.02
"""What an arm keeps of its odds below `ABANDONED`, so that no bad start is final."""

_REACH, _MORE = 9.0, 25.0
_LEAST = 1e-100
FULL = 1 - 1e-9
"""A stake this high is a proof."""


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """What the arm's `successes` of one look can be, of the shape (…, outcomes), and the hypergeometric `chances` of
    each when the arm is no better.

    Where others have more outcomes, the last is repeated, with no chance that is worth a digit.
    """

    successes: Array
    chances: Array


def law_of(control: Array, arm: Array, together: Array) -> Law:
    """The law of the arm's successes, given how many `together` have.

    Of a look that can bring many different numbers those are listed that lie within nine standard deviations and 25
    of the mean.

    Args:
        control, arm, together: contacts of the two, and the successes of both; whole numbers that broadcast.
    """
    import numpy as np

    first, last = np.maximum(together - control, 0.0), np.minimum(together, arm)
    if (last - first).max(initial=0.0) > 2 * _MORE:
        total = np.maximum(control + arm, 2.0)
        mean = together * arm / total
        reach = _REACH * np.sqrt(mean * control / total * (total - together) / (total - 1)) + _MORE
        first, last = np.maximum(np.floor(mean - reach), first), np.minimum(np.ceil(mean + reach), last)
    successes = first[..., None] + np.arange((last - first).max(initial=0.0) + 1)
    before, after = successes[..., :-1], successes[..., 1:]
    up = (arm[..., None] - before) * (together[..., None] - before)
    down = after * ((control - together)[..., None] + after)
    chances: Array = np.ones(successes.shape)
    np.multiply.accumulate(up / down, axis=-1, out=chances[..., 1:])
    chances /= np.add.reduce(chances, axis=-1, keepdims=True)
    return Law(np.minimum(successes, last[..., None]), chances)


def going_on(odds: Array, begun: float) -> Array:
    """The stake that Wald's test would have at these odds, up to a factor; rises with them.

    Args:
        odds: of the race's bets, one before the first look.
        begun: the stake at the start.
    """
    import numpy as np

    proof = ABANDONED + (1 - ABANDONED) / begun
    stake: Array = np.maximum(_FLOOR * odds / proof, (odds - ABANDONED) / (proof - ABANDONED))
    return stake


def odds_needed(stake: Array, odds: Array, begun: float) -> Array:
    """The odds that would be a proof by now, for an arm with this stake at these odds."""
    proof = ABANDONED + (1 - ABANDONED) / begun
    needed: Array = ABANDONED + (proof - ABANDONED) * going_on(odds, begun) / stake
    return needed


def staked(stake: Array, law: Law, shape: Array, came: Array) -> Array:
    """The stakes after a look.

    Args:
        stake: before the look, below 1.
        shape: what the stake shall become per listed number of successes, up to a factor; never falling.
        came: the shape at the successes as they came, listed or not.
    """
    import numpy as np

    highest = shape[..., -1:]
    shape = np.maximum(shape / highest, _LEAST)
    weighed = law.chances * shape
    factor = stake / np.add.reduce(weighed, axis=-1)
    if (factor > 1).any():
        factor = _cut_off(stake, law, shape, weighed)
    after: Array = np.minimum(1.0, factor * np.maximum(came / highest[..., 0], _LEAST))
    return after


def _cut_off(stake: Array, law: Law, shape: Array, weighed: Array) -> Array:
    """The factor of `shape` whose mean is the stake where what reaches one is cut off there.

    The greatest outcomes are cut off. With one over an outcome's shape for the factor, so that it and all greater
    ones are full, the mean falls from outcome to outcome: where it is the stake or less, that outcome is full.
    """
    import numpy as np

    full, below = np.add.accumulate(law.chances[..., ::-1], axis=-1)[..., ::-1], np.zeros_like(weighed)
    np.add.accumulate(weighed[..., :-1], axis=-1, out=below[..., 1:])
    least = (full + below / shape > stake[..., None]).sum(axis=-1)
    place = np.minimum(least, shape.shape[-1] - 1)
    spent, left = _picked(full, place), _picked(below, place)
    uncut = stake / (left + _picked(weighed, place))
    factor: Array = np.where(least > place, uncut, (stake - spent) / np.maximum(left, _LEAST))
    return factor


def _picked(values: Array, places: NDArray[np.int64]) -> Array:
    """Per row of the last axis, the value at its place."""
    import numpy as np

    rows = values.reshape(-1, values.shape[-1])
    found: Array = rows[np.arange(len(rows)), places.ravel()].reshape(places.shape)
    return found
