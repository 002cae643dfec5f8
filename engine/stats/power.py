"""How many people a question needs, and what a number of people can answer.

The plan uses the procedure that decides: Dunnett's bound when more than one arm is compared with the control,
the race itself, played many times with a stated seed, for `race_size`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.stats.arguments import check_count, check_inside, check_whole
from engine.stats.lanes import OUT_OF_CONTACTS, RUNNING, WINNER, Lanes
from engine.stats.normal import below, critical, quantile
from engine.stats.race_plans import RacePlan
from engine.stats.roots import bisect

if TYPE_CHECKING:
    from engine.stats.roots import Array


def contacts_per_arm(
    baseline: float,
    lift: float,
    alpha: float = 0.05,
    power: float = 0.8,
    arms: int = 1,
    control_ratio: float = 1.0,
) -> int:
    """Contacts that each treated arm needs to show a true lift with the chance `power`.

    Args:
        baseline: the control's rate.
        lift: the difference of rates, of either sign.
        alpha: two-sided, over all arms together.
        arms: arms beside the control; Dunnett's bound when more than one.
        control_ratio: the control's contacts per contact of one arm; √arms spends the fewest in all.

    Source: Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, chapter 4, with the
    variances of the two rates as they are.
    """
    treated = _treated_rate(baseline, lift)
    check_inside("power", power)
    check_inside("control_ratio", control_ratio, 0.0, math.inf)
    reach = _bound(alpha, arms, control_ratio) + quantile(power)
    if reach <= 0:
        raise ValueError(f"power must be above what chance alone gives at alpha {alpha:g}, not {power:g}")
    variance = treated * (1 - treated) + baseline * (1 - baseline) / control_ratio
    return max(1, math.ceil(reach**2 * variance / lift**2 - 1e-9))


def achieved_power(
    baseline: float,
    lift: float,
    contacts: float,
    alpha: float = 0.05,
    arms: int = 1,
    control_contacts: float | None = None,
) -> float:
    """The chance that one arm with this true lift is shown to be different in the lift's direction.

    Args:
        contacts: contacts of each treated arm.
        control_contacts: contacts of the control; as many when None.
    """
    treated = _treated_rate(baseline, lift)
    error, bound = _error_and_bound(baseline, treated, contacts, control_contacts, alpha, arms)
    return below(abs(lift) / error - bound)


def detectable_lift(
    baseline: float,
    contacts: float,
    alpha: float = 0.05,
    power: float = 0.8,
    arms: int = 1,
    control_contacts: float | None = None,
) -> float:
    """The smallest true lift above the control that is shown with the chance `power`; arguments as above.

    Raises:
        ValueError: not even a lift to nearly 100 % would be seen with so few contacts.
    """
    check_inside("baseline", baseline)
    check_inside("power", power)
    most = (1 - baseline) * (1 - 1e-9)

    def missing(lift: float) -> float:
        error, bound = _error_and_bound(baseline, baseline + lift, contacts, control_contacts, alpha, arms)
        return bound + quantile(power) - lift / error

    if missing(most) > 0:
        raise ValueError(f"contacts ({contacts:g}) are too few to see any lift above a rate of {baseline:g}")
    return bisect(missing, 0.0, most)


@dataclass(frozen=True, slots=True)
class RaceSize:
    """What playing a race many times came to. Contacts are matured calls over all arms."""

    expected: float
    median: float
    percentile_90: float
    power: float
    false_winners: float
    undecided: float
    fixed: int
    runs: int
    seed: int


def race_size(
    baseline: float,
    lift: float,
    alpha: float = 0.05,
    power: float = 0.8,
    arms: int = 1,
    *,
    useful_lift: float | None = None,
    truth: Sequence[float] | None = None,
    max_contacts: int | None = None,
    deadline: bool = False,
    looks: int = 80,
    runs: int = 400,
    seed: int = 1,
) -> RaceSize:
    """How many contacts the race spends until it decides, by playing it `runs` times.

    Args:
        lift: the first arm's true lift; the others have none. Overruled by `truth`.
        alpha: two-sided, over all arms, as in `contacts_per_arm`: the race runs at half of it.
        useful_lift: the smallest useful lift of the plan; `lift` when None.
        truth: every arm's true lift, arms beside the control.
        max_contacts: where the roster ends; four times the fixed sample when None.
        deadline: whether the race is read a last time there.
        looks: looks per fixed sample; living arms share the contacts between two looks equally.
        runs, seed: the same seed gives the same answer on any machine.

    Returns:
        A `RaceSize`: `power` is the share of races that an arm with at least the smallest useful lift wins,
        `false_winners` the share that an arm with no lift wins, `fixed` the sample of `contacts_per_arm`
        over all arms.
    """
    import numpy as np

    useful = lift if useful_lift is None else useful_lift
    lifts = [lift] + [0.0] * (arms - 1) if truth is None else list(truth)
    if len(lifts) != check_whole("arms", arms):
        raise ValueError(f"truth must hold one lift per arm ({arms}), not {len(lifts)}")
    rates = np.array([check_inside("baseline", baseline), *(_rate(baseline, one) for one in lifts)])
    fixed = contacts_per_arm(baseline, useful, alpha, power, arms) * (arms + 1)
    most = max_contacts or 4 * fixed
    plan = RacePlan(arms + 1, useful, baseline, alpha / 2, power, most, most if deadline else None)
    batch = max(arms + 1, fixed // check_whole("looks", looks))
    lanes = _play(plan, rates, batch, check_whole("runs", runs), seed)
    spent = lanes.contacts.sum(axis=1)
    won = np.where(lanes.status == WINNER, lanes.winner, 0)
    gains = (rates - baseline)[won]
    return RaceSize(
        expected=float(spent.mean()),
        median=float(np.median(spent)),
        percentile_90=float(np.quantile(spent, 0.9)),
        power=float(((won > 0) & (gains >= useful - 1e-12)).mean()),
        false_winners=float(((won > 0) & (gains <= 1e-12)).mean()),
        undecided=float((lanes.status == OUT_OF_CONTACTS).mean()),
        fixed=fixed,
        runs=runs,
        seed=seed,
    )


def _play(plan: RacePlan, rates: Array, batch: int, runs: int, seed: int) -> Lanes:
    """Races at these true rates, each dealt `batch` contacts a look in equal shares, until all are over."""
    import numpy as np

    lanes, random = Lanes.start(plan, runs), np.random.Generator(np.random.PCG64(seed))
    while (lanes.status == RUNNING).any():
        active = lanes.active
        share = np.maximum(1, batch // np.maximum(1, active.sum(axis=1, keepdims=True)))
        contacts = np.where(active, share, 0)
        lanes = lanes.look(plan, contacts.astype(float), random.binomial(contacts, rates).astype(float))
    return lanes


def _treated_rate(baseline: float, lift: float) -> float:
    check_inside("baseline", baseline)
    if lift == 0:
        raise ValueError("lift must not be zero: no number of contacts shows that nothing is something")
    return _rate(baseline, lift)


def _rate(baseline: float, lift: float) -> float:
    return check_inside("baseline + lift", baseline + lift)


def _error_and_bound(
    baseline: float, treated: float, contacts: float, control_contacts: float | None, alpha: float, arms: int
) -> tuple[float, float]:
    """The standard error of one arm's difference, and the |z| that it must reach."""
    control = contacts if control_contacts is None else control_contacts
    for name, count in (("contacts", contacts), ("control_contacts", control)):
        if check_count(name, count) < 1:
            raise ValueError(f"{name} must be at least 1, not {count:g}")
    error = math.sqrt(treated * (1 - treated) / contacts + baseline * (1 - baseline) / control)
    return error, _bound(alpha, arms, control / contacts)


def _bound(alpha: float, arms: int, control_ratio: float) -> float:
    """The |z| that shows a difference, over all arms: Dunnett's, the normal one for a single arm."""
    level = 1 - check_inside("alpha", alpha)
    if check_whole("arms", arms) == 1:
        return critical(level)
    from engine.stats.multiplicity import dunnett_critical

    return dunnett_critical((1 / math.sqrt(1 + control_ratio),) * arms, level)
