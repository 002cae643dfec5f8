"""What each of the three methods takes to find a lift: read once, at planned looks, or as a race."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.stats.arguments import check_whole
from engine.stats.group import boundaries
from engine.stats.inflation import inflation
from engine.stats.power import contacts_per_arm, race_size

LOOKS = (0.2, 0.4, 0.6, 0.8, 1.0)
SEED = 1
MOST_ARMS = 30
"""A race of more arms is not played for a plan."""


@dataclass(frozen=True, slots=True)
class Once:
    """Read once, at the end. `control_share` is the control's best share of everybody, `best` the contacts then."""

    contacts_per_arm: int
    contacts: int
    control_share: float
    best: int


@dataclass(frozen=True, slots=True)
class Looks:
    """Read at planned looks: the largest sample, when no look before the last decides."""

    looks: int
    contacts_per_arm: int
    contacts: int


@dataclass(frozen=True, slots=True)
class Race:
    """Contacts over all arms until a race decides, when no arm has an effect and when one has the lift.

    `power` is the chance that the arm with the lift wins. Played `runs` times with `seed`.
    """

    no_effect: float
    no_effect_90: float
    with_lift: float
    with_lift_90: float
    power: float
    runs: int
    seed: int


@dataclass(frozen=True, slots=True)
class Needs:
    """All three methods; no race where there are too many arms to play it."""

    fixed: Once
    group: Looks
    sequential: Race | None


def needs(
    baseline: float,
    lift: float,
    alpha: float = 0.05,
    power: float = 0.8,
    arms: int = 1,
    max_contacts: int | None = None,
    runs: int | None = None,
    *,
    deadline: bool = False,
) -> Needs:
    """What it takes to find a true lift of the control's rate.

    Args:
        lift: a difference of rates, of either sign: a fall is the rise of what did not happen.
        alpha: two-sided, over all arms.
        arms: arms beside the control.
        max_contacts: where the race ends for lack of people.
        deadline: whether the race is read a last time there.
        runs: races played for each truth; fewer for many arms when None.
    """
    if lift < 0:
        return needs(1 - baseline, -lift, alpha, power, arms, max_contacts, runs, deadline=deadline)
    each = contacts_per_arm(baseline, lift, alpha, power, check_whole("arms", arms))
    root = math.sqrt(arms)
    uneven = contacts_per_arm(baseline, lift, alpha, power, arms, control_ratio=root)
    once = Once(each, each * (arms + 1), root / (root + arms), math.ceil(uneven * (arms + root)))
    single = contacts_per_arm(baseline, lift, alpha / arms, power)
    factor = inflation(LOOKS, alpha / arms, power, boundaries(LOOKS, alpha / arms))
    planned = math.ceil(single * factor)
    looks = Looks(len(LOOKS), planned, planned * (arms + 1))
    race = _race((baseline, lift, alpha, power, arms), (max_contacts, deadline), runs or runs_for(arms))
    return Needs(once, looks, race)


def runs_for(arms: int) -> int:
    """How many races of so many arms a plan plays: every pair of arms costs time."""
    return 400 if arms == 1 else 200 if arms <= 3 else 100


def _race(asked: tuple[float, float, float, float, int], ends: tuple[int | None, bool], runs: int) -> Race | None:
    baseline, lift, alpha, power, arms = asked
    if arms > MOST_ARMS:
        return None
    nothing, something = (
        race_size(
            baseline, lift, alpha, power, arms, truth=[best] + [0.0] * (arms - 1), max_contacts=ends[0],
            deadline=ends[1], looks=20, runs=runs, seed=SEED,
        )
        for best in (0.0, lift)
    )  # fmt: skip
    return Race(
        nothing.expected, nothing.percentile_90, something.expected, something.percentile_90, something.power, runs,
        SEED,
    )  # fmt: skip
