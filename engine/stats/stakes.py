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
_NEVER = -1e4
_STEPS = 40
_LEAST = 1e-100
FULL = 1 - 1e-9
"""A stake this high is a proof."""


@dataclass(frozen=True, slots=True, eq=False)
class Law:
    """What the arm's successes of one look can be, of the shape (…, outcomes), when the arm is no better.

    `first` is the least number that is listed, `chances` are the hypergeometric ones of it and the following.
    """

    first: Array
    chances: Array

    @property
    def successes(self) -> Array:
        """The arm's successes that `chances` are of; of the shape (…, outcomes)."""
        import numpy as np

        listed: Array = self.first[..., None] + np.arange(self.chances.shape[-1])
        return listed

    def place(self, successes: Array) -> NDArray[np.int64]:
        """Where a number of successes is listed; what is beyond every thinkable chance counts as the nearest."""
        import numpy as np

        places: NDArray[np.int64] = np.clip(successes - self.first, 0, self.chances.shape[-1] - 1).astype(np.int64)
        return places


def law_of(control: Array, arm: Array, together: Array) -> Law:
    """The law of the arm's successes, given how many `together` have: nine standard deviations and 25 to either side.

    Args:
        control, arm, together: contacts of the two, and the successes of both; whole numbers that broadcast.
    """
    import numpy as np

    total = np.maximum(control + arm, 2.0)
    mean = together * arm / total
    reach = _REACH * np.sqrt(mean * control / total * (total - together) / (total - 1)) + _MORE
    first = np.maximum(np.maximum(np.floor(mean - reach), 0.0), together - control)
    last = np.minimum(np.minimum(np.ceil(mean + reach), arm), together)
    steps = np.arange(1.0, float((last - first).max(initial=0.0)) + 1)
    k = first[..., None] + steps
    possible = k <= last[..., None]
    up = ((arm + 1)[..., None] - k) * ((together + 1)[..., None] - k)
    down = k * ((control - together)[..., None] + k)
    logs = np.empty((*first.shape, len(steps) + 1))
    logs[..., 0] = 0.0
    np.where(possible, np.log(np.where(possible, up / down, 1.0)), _NEVER).cumsum(axis=-1, out=logs[..., 1:])
    chances = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return Law(first, chances / chances.sum(axis=-1, keepdims=True))


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


def staked(stake: Array, law: Law, shape: Array, successes: Array) -> Array:
    """The stakes after a look.

    Args:
        stake: before the look, in (0, 1).
        shape: what the stake shall become per listed number of successes, up to a factor; never falling.
        successes: the arm's, as they came.

    The factor is found from below, so that the mean is the stake before, or less by what the steps left.
    """
    import numpy as np

    shape = np.maximum(shape / shape[..., -1:], _LEAST)
    weighed = law.chances * shape
    factor = stake / weighed.sum(axis=-1)
    for _ in range(_STEPS):
        full = factor[..., None] * shape >= 1
        if not full.any():
            break
        spent, left = np.where(full, law.chances, 0.0).sum(axis=-1), np.where(full, 0.0, weighed).sum(axis=-1)
        better = np.where(left > _LEAST, (stake - spent) / np.maximum(left, _LEAST), factor)
        if (better <= factor * (1 + 1e-13)).all():
            break
        factor = np.maximum(factor, better)
    came = np.take_along_axis(shape, law.place(successes)[..., None], axis=-1)[..., 0]
    after: Array = np.minimum(1.0, factor * came)
    return after
