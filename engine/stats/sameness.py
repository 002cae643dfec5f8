"""Same on purpose: that an arm differs from the control by less than a margin is a claim, and is proven like one.

Dropping a coupon because it does nothing saves money, and costs conversions if it did something. An arm that was
merely dropped for lack of a useful lift may be worse; one that is *the same* has passed two races, each against one
margin: "its lift is d or more" and "it is worse by d or more". Both odds must reach 20 : 1. By Ville's inequality,
and because only one of the two can be true, an arm that differs by d or more is called the same with a chance of at
most 1/20, at any of the looks.

Source: two one-sided tests, Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680; the odds are
those of `engine.stats.bets`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.stats.arguments import check_counted, check_inside
from engine.stats.odds import from_log

if TYPE_CHECKING:
    from engine.stats.arguments import Counted

ALARM = 20.0
"""Both odds must reach it."""
SEED_CONTACTS = 200
_BETS, _WEIGHTS = (0.0, 0.5), (0.8, 0.2)
"""Lifts bet on, in margins, away from the margin that is to be ruled out, and the stakes."""


@dataclass(frozen=True, slots=True)
class Sameness:
    """Where the two races of one arm stand: the logarithms of the bets against a lift, and those against a loss.

    Args:
        margin: the difference that would matter, above zero.
        base_rate: the control's rate, as planned; a wrong guess costs calls, never the guarantee.
    """

    margin: float
    base_rate: float
    above: tuple[float, ...] = (0.0, 0.0)
    below: tuple[float, ...] = (0.0, 0.0)
    control: Counted = (0.0, 0.0)
    arm: Counted = (0.0, 0.0)
    proven: bool = False

    def __post_init__(self) -> None:
        check_inside("margin", self.margin)
        check_inside("base_rate", self.base_rate)

    def look(self, *, control: Counted, arm: Counted) -> Sameness:
        """After a look at these cumulative (successes, contacts); a proof stands.

        Raises:
            ValueError: counts that cannot be, or that are fewer than at the last look.
        """
        import numpy as np

        from engine.stats.bets import log_factor

        new = [
            _gained(name, told, before)
            for name, told, before in (("control", control, self.control), ("arm", arm, self.arm))
        ]
        if self.proven or min(contacts for _, contacts in new) == 0:
            return self
        pairs = [(np.array(contacts), np.array(successes)) for successes, contacts in new]
        successes, contacts = (self.control[part] + self.arm[part] for part in (0, 1))
        rate = np.array((SEED_CONTACTS * self.base_rate + successes) / (SEED_CONTACTS + contacts))
        bets = np.array(_BETS) * self.margin
        above = log_factor(pairs[0], pairs[1], rate, -bets, np.array(self.margin))
        below = log_factor(pairs[0], pairs[1], rate, bets, np.array(-self.margin))
        after = replace(
            self,
            above=tuple((np.array(self.above) + above).tolist()),
            below=tuple((np.array(self.below) + below).tolist()),
            control=control,
            arm=arm,
        )
        return replace(after, proven=min(after.odds) >= ALARM)

    @property
    def odds(self) -> tuple[float, float]:
        """The odds against "better by the margin or more", and against "worse by the margin or more"."""
        return _odds(self.above), _odds(self.below)


def _gained(name: str, told: Counted, before: Counted) -> Counted:
    successes, contacts = check_counted(name, told) if told[1] else (0.0, 0.0)
    gained, new = successes - before[0], contacts - before[1]
    if gained < 0 or new < 0 or gained > new:
        raise ValueError(f"{name} is cumulative: {told!r} cannot follow {before!r}")
    return gained, new


def _odds(logs: Sequence[float]) -> float:
    import numpy as np

    from engine.stats.bets import log_mixture

    return from_log(float(log_mixture(np.array(logs), _WEIGHTS)))
