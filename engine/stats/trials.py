"""Whole experiments drawn from stated rates, many side by side: how often a method errs and finds, and what it takes.

Every look draws the new successes of each living arm at once for all experiments that still run. Rates may drift
from look to look by as much in every arm.

Sources: the methods' own modules, `lanes`, `group` and `multiplicity`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.stats.arguments import check_inside, check_whole, check_within
from engine.stats.lanes import NO_USEFUL_DIFFERENCE, RUNNING, WINNER, Lanes
from engine.stats.race_plans import RacePlan

if TYPE_CHECKING:
    from engine.stats.lanes import Flags, Numbers
    from engine.stats.roots import Array

Batch = Callable[[int, "Array"], "Array | float"]
PERIOD = 20
"""Looks in one wave of the drift."""
LEAST_RATE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """What experiments came to, one row each; arms without the control in `won` and `gains`.

    `contacts` are all that were gathered, `looks` how many it took; `over` says that the method came to its end, a
    winner or no useful difference, before the contacts were used up. `gains` are what was seen of every arm.
    """

    contacts: Array
    looks: Numbers
    won: Flags
    nothing: Flags
    over: Flags
    gains: Array


@dataclass(frozen=True, slots=True)
class Truth:
    """True rates, the control's first, how far they swing together (a share of the control's), and the seed."""

    rates: tuple[float, ...]
    drift: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        if len(self.rates) < 2:
            raise ValueError(f"rates must hold the control's and another, not {len(self.rates)}")
        for place, rate in enumerate(self.rates):
            check_within(f"rates[{place}]", rate, 0, 1)
        check_within("drift", self.drift, 0, 1)


class _Draw:
    """New successes, look by look; every experiment's drift begins at another place of its wave."""

    def __init__(self, truth: Truth, runs: int) -> None:
        import numpy as np

        self.random = np.random.Generator(np.random.PCG64(truth.seed))
        self.rates = np.array(truth.rates)
        self.swing = truth.drift * truth.rates[0]
        self.phase = self.random.random(runs) * 2 * math.pi

    def __call__(self, look: int, rows: Numbers, contacts: Array) -> Array:
        import numpy as np

        shift = self.swing * np.sin(self.phase[rows] + 2 * math.pi * look / PERIOD)
        rates = np.clip(self.rates + shift[:, None], LEAST_RATE, 1 - LEAST_RATE)
        drawn: Array = self.random.binomial(contacts.astype(np.int64), rates).astype(float)
        return drawn


def race_trials(plan: RacePlan, truth: Truth, batch: Batch, most: int, runs: int) -> Trials:
    """Races of at most `most` contacts over all arms.

    Args:
        batch: how many contacts look k (from 0) brings to each living arm, given how many are living in each race.
    """
    import numpy as np

    _check_arms(truth, plan.arms)
    lanes, draw = Lanes.start(plan, check_whole("runs", runs)), _Draw(truth, runs)
    rows, looks = np.arange(runs), 0
    found = _Rows(runs, plan.arms)
    while len(rows):
        active = lanes.active
        living = np.maximum(1, active.sum(axis=1))
        left = (check_whole("most", most) - lanes.contacts.sum(axis=1)) // living
        each = np.minimum(np.maximum(1.0, np.round(batch(looks, living))), left)
        contacts = np.where(active, each[:, None], 0.0)
        lanes = lanes.look(plan, contacts, draw(looks, rows, contacts))
        looks += 1
        done = (lanes.status != RUNNING) | (most - lanes.contacts.sum(axis=1) < living)
        found.keep(rows[done], lanes.only(done), looks)
        rows, lanes = rows[~done], lanes.only(~done)
    return found.trials()


class _Rows:
    """Races as they end, put back into their places."""

    def __init__(self, runs: int, arms: int) -> None:
        import numpy as np

        self.contacts, self.looks = np.zeros(runs), np.zeros(runs, dtype=np.int64)
        self.won, self.gains = np.zeros((runs, arms - 1), dtype=bool), np.zeros((runs, arms - 1))
        self.status = np.full(runs, RUNNING)

    def keep(self, rows: Numbers, lanes: Lanes, looks: int) -> None:
        import numpy as np

        rates = lanes.successes / np.maximum(lanes.contacts, 1.0)
        self.contacts[rows], self.looks[rows] = lanes.contacts.sum(axis=1), looks
        self.won[rows] = lanes.alive & lanes.proven
        self.gains[rows], self.status[rows] = rates[:, 1:] - rates[:, :1], lanes.status

    def trials(self) -> Trials:
        nothing = self.status == NO_USEFUL_DIFFERENCE
        return Trials(self.contacts, self.looks, self.won, nothing, nothing | (self.status == WINNER), self.gains)


def look_trials(
    truth: Truth,
    useful_lift: float,
    per_arm: Sequence[float],
    bounds: Sequence[Sequence[float]],
    runs: int,
) -> Trials:
    """Experiments that are read at one or a few planned looks; an arm that was settled gathers no more.

    Args:
        useful_lift: an arm whose whole range lies below it is settled too.
        per_arm: contacts of each arm at the full plan, the control's first.
        bounds: (share of the plan, |z| that proves) of each look, the last at 1.
    """
    import numpy as np

    _check_arms(truth, len(per_arm))
    check_inside("useful_lift", useful_lift, 0.0, math.inf)
    draw, rows = _Draw(truth, check_whole("runs", runs)), np.arange(runs)
    shape = (runs, len(per_arm))
    contacts, successes = np.zeros(shape), np.zeros(shape)
    won, open_ = np.zeros((runs, shape[1] - 1), dtype=bool), np.ones((runs, shape[1] - 1), dtype=bool)
    looks, before = np.zeros(runs, dtype=np.int64), 0.0
    for look, (share, bound) in enumerate(bounds):
        going: Flags = open_.sum(axis=1) > 0
        gather = np.concatenate([going[:, None], open_], axis=1)
        new = np.where(gather, np.round(np.array(per_arm) * share) - np.round(np.array(per_arm) * before), 0.0)
        contacts, successes = contacts + new, successes + draw(look, rows, new)
        looks, before = looks + going, share
        gain, pooled, apart = _errors(contacts, successes)
        proven: Flags = open_ & (np.abs(gain) >= bound * pooled) & (pooled > 0)
        useless: Flags = open_ & ~proven & (gain + bound * apart < useful_lift)
        won |= proven & (gain > 0)
        open_ &= ~proven & ~useless
    gains = _errors(contacts, successes)[0]
    left = open_.sum(axis=1)
    empty: Flags = (left == 0) & (won.sum(axis=1) == 0)
    return Trials(contacts.sum(axis=1), looks, won, empty, left == 0, gains)


def _errors(contacts: Array, successes: Array) -> tuple[Array, Array, Array]:
    """Each arm's difference from the control, and its standard error with one rate for both and with two."""
    import numpy as np

    rates = successes / np.maximum(contacts, 1.0)
    n0, n1 = np.maximum(contacts[:, :1], 1.0), np.maximum(contacts[:, 1:], 1.0)
    both = (successes[:, :1] + successes[:, 1:]) / (n0 + n1)
    apart = np.sqrt(rates[:, :1] * (1 - rates[:, :1]) / n0 + rates[:, 1:] * (1 - rates[:, 1:]) / n1)
    return rates[:, 1:] - rates[:, :1], np.sqrt(both * (1 - both) * (1 / n0 + 1 / n1)), apart


def _check_arms(truth: Truth, arms: int) -> None:
    if len(truth.rates) != arms:
        raise ValueError(f"rates must be {arms}, one per arm with the control, not {len(truth.rates)}")
