"""What a race is settled on before its first look: the plan, and the bets that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from engine.stats.arguments import check_inside, check_whole
from engine.stats.bets import (
    AGAINST_BETS,
    AGAINST_DECIDES,
    BEATEN_BETS,
    FOR_BETS,
    FOR_DECIDES,
    FOR_SHOWN,
    GREATEST_RATE,
    LEAST_RATE,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.stats.roots import Array

    Numbers = NDArray[np.int64]

SEED_CONTACTS = 200
"""How many contacts' worth the planned base rate counts before anything is known."""

RESERVE = 0.1
"""The part of alpha that is never staked: for a base rate that moves inside a look, which a look's law leaves out."""


@dataclass(frozen=True, slots=True)
class RacePlan:
    """What is settled before the first look, and never changed.

    Args:
        arms: arms with the control, at least two.
        useful_lift: the smallest lift that is worth having, as a difference of rates.
        base_rate: the control's rate, as planned; a wrong guess costs calls, never the guarantee.
        alpha: the chance of any false winner, over all arms and looks: half of a two-sided 5 %.
        power: the chance that an arm with the smallest useful lift is not dropped.
        max_contacts: contacts over all arms at which the race ends undecided; None for no end.
        deadline: contacts over all arms at which half of every stake is read a last time, as a z-test would; None
            for no such reading. The race does not end there.
    """

    arms: int
    useful_lift: float
    base_rate: float
    alpha: float = 0.025
    power: float = 0.8
    max_contacts: int | None = None
    deadline: int | None = None

    def __post_init__(self) -> None:
        check_whole("arms", self.arms, 2)
        check_inside("base_rate", self.base_rate)
        check_inside("useful_lift", self.useful_lift, 0.0, GREATEST_RATE - LEAST_RATE)
        check_inside("alpha", self.alpha)
        check_inside("power", self.power)
        for name in ("max_contacts", "deadline"):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name))

    @property
    def treated(self) -> int:
        """Arms beside the control."""
        return self.arms - 1

    @property
    def proof(self) -> float:
        """The odds at which a lift is outside its range: treated arms ÷ alpha."""
        return self.treated / self.alpha

    @property
    def drop(self) -> float:
        """The odds at which an arm is dropped: one ÷ the chance of missing a useful lift."""
        return 1 / (1 - self.power)

    @property
    def stake(self) -> float:
        """What of alpha every arm begins with."""
        return self.alpha * (1 - RESERVE) / self.treated

    def pooled(self, successes: Array, contacts: Array) -> Array:
        """The rate of all arms together so far, seeded with the plan's, for every pair of sums over the arms."""
        import numpy as np

        rate = (SEED_CONTACTS * self.base_rate + successes) / (SEED_CONTACTS + contacts)
        clipped: Array = np.minimum(np.maximum(rate, LEAST_RATE), GREATEST_RATE)
        return clipped


class Bets(NamedTuple):
    """What a race bets on at every look, and who is set against whom.

    `sides` has the shape (2, contests): the control against every arm, then every other arm, the rival, against
    every arm; both count from the control's 0. `lifts` and their nulls' `margins` are *for* and then *against*; a duel
    asks whether an arm is better than its rival by `half` a useful lift. Bets have the shape (bets, 1, 1). `weights`
    are the stakes on all `lifts`, of the shape (3, bets): of *for* as it is shown, of *for* and of *against* as they
    decide.
    """

    sides: Numbers
    lifts: Array
    margins: Array
    duel: Array
    half: Array
    weights: Array


@lru_cache(maxsize=64)
def bets_of(arms: int, useful_lift: float) -> Bets:
    """The bets of a race of so many arms."""
    import numpy as np

    pairs = [(rival, arm) for arm in range(1, arms) for rival in range(1, arms) if arm != rival]
    sides = np.array([*((0, arm) for arm in range(1, arms)), *pairs], dtype=np.int64).T
    margins = np.repeat((0.0, useful_lift), (len(FOR_BETS), len(AGAINST_BETS)))
    lifts, half = np.array(FOR_BETS + AGAINST_BETS) * useful_lift, np.array(useful_lift / 2)
    duel = np.array(BEATEN_BETS) * half
    none_for, none_against = (0.0,) * len(FOR_BETS), (0.0,) * len(AGAINST_BETS)
    weights = np.array((FOR_SHOWN + none_against, FOR_DECIDES + none_against, none_for + AGAINST_DECIDES))
    return Bets(sides, lifts[:, None, None], margins[:, None, None], duel[:, None, None], half, weights)
