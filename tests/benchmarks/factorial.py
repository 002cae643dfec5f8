"""What a factorial round costs beside one variable at a time: calls until every variable is decided, and regret.

Runs whole campaigns as counts, many at once, with the race that decides in the product (`engine.stats.lanes`): eight
variables, each with the control's level and two more, base 12 %, three levels that are better by the lift that is
looked for. People are dealt to combinations level by level, and their conversions follow the sum of their levels'
effects, with interactions between pairs of levels where asked for. Nothing here is of one run's chance: the seed is an
argument.

    python -m tests.benchmarks.factorial --runs 400
"""

import argparse
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.stats.lanes import Lanes
from engine.stats.race_plans import RacePlan

VARIABLES, LEVELS, BASE = 8, 3, 0.12
RUNNING = 0
Array = Any


@dataclass(frozen=True, slots=True)
class World:
    """What people do: effects of shape (variables, levels), and interactions of every level with every other."""

    effects: Array
    interactions: Array

    @property
    def best(self) -> float:
        """The rate of the best combination, searched level by level from the best of each variable."""
        chosen = self.effects.argmax(axis=1)
        for _ in range(5):
            for variable in range(len(chosen)):
                rates = [
                    self.rate(np.array([[*chosen[:variable], level, *chosen[variable + 1 :]]]))[0]
                    for level in range(LEVELS)
                ]
                chosen[variable] = int(np.argmax(rates))
        return float(self.rate(chosen[None, :])[0])

    def rate(self, codes: Array) -> Array:
        """The conversion rate of each row of levels."""
        variables = np.arange(self.effects.shape[0])
        rates = BASE + self.effects[variables, codes].sum(axis=1)
        if self.interactions.any():
            flat = variables * LEVELS + codes
            rates = rates + self.interactions[flat[:, :, None], flat[:, None, :]].sum(axis=(1, 2)) / 2
        return np.clip(rates, 0.001, 0.999)


def make_world(random: Array, lift: float, real: int = 3, interaction: float = 0.0) -> World:
    """Three variables have a level that is better by `lift`; pairs of levels interact with this standard deviation."""
    effects = np.zeros((VARIABLES, LEVELS))
    for variable in random.permutation(VARIABLES)[:real]:
        effects[variable, 1 + random.integers(2)] = lift
    size = VARIABLES * LEVELS
    pairs = np.zeros((size, size))
    if interaction:
        for one in range(VARIABLES):
            for other in range(one):
                for a in range(1, LEVELS):
                    for b in range(1, LEVELS):
                        value = random.normal(0, interaction)
                        pairs[one * LEVELS + a, other * LEVELS + b] = pairs[other * LEVELS + b, one * LEVELS + a] = (
                            value
                        )
    return World(effects, pairs)


def play(
    world: World, random: Array, lift: float, batch: int, most: int, *, follows: bool = False, alpha: float = 0.025
) -> dict[str, Any]:
    """One factorial round: a batch of calls, a look at every variable's race, until all are decided.

    Dropped levels go on being dealt, as for people who drew them before; with `follows` each batch is dealt among the
    levels that are not dropped, as the product deals who comes later. Returns the calls, how many variables were
    decided, which levels were proven, how far their combination is from the best, and the mean regret of a call.
    """
    plan = RacePlan(LEVELS, lift, BASE, alpha / VARIABLES, 0.8)
    races = Lanes.start(plan, lanes=VARIABLES)
    calls, decided, lost, best = 0, np.zeros(VARIABLES, dtype=int), 0.0, world.best
    while calls < most and (races.status == RUNNING).any():
        codes = _followed(races, random, batch) if follows else _dealt(random, batch)
        rates = world.rate(codes)
        lost += float((best - rates).sum())
        won = random.random(batch) < rates
        contacts, successes = np.zeros((VARIABLES, LEVELS)), np.zeros((VARIABLES, LEVELS))
        for level in range(LEVELS):
            drew = codes == level
            contacts[:, level] = drew.sum(axis=0)
            successes[:, level] = (drew & won[:, None]).sum(axis=0)
        calls += batch
        before = races.status != RUNNING
        races = races.look(plan, contacts, successes)
        decided[(races.status != RUNNING) & ~before] = calls
    chosen = np.where(races.winner > 0, races.winner, 0)
    reached = float(world.rate(chosen[None, :])[0])
    proven = [
        (int(variable), int(level)) for variable, level in zip(np.flatnonzero(chosen), chosen[chosen > 0], strict=True)
    ]
    return {
        "calls": calls, "decided": int((decided > 0).sum()), "proven": proven,
        "false": sum(world.effects[variable, level] <= 0 for variable, level in proven),
        "found": sum(world.effects[variable, level] > 0 for variable, level in proven),
        "short": best - reached, "regret": lost / max(calls, 1),
    }  # fmt: skip


def _followed(races: Lanes, random: Array, people: int) -> Array:
    """Levels dealt among the control's own and those that are not dropped."""
    codes = _dealt(random, people)
    for variable, alive in enumerate(races.alive):
        living = np.array([0, *(1 + np.flatnonzero(alive))])
        codes[:, variable] = random.permutation(np.resize(living, people))
    return codes


def _dealt(random: Array, people: int) -> Array:
    """Levels of shape (people, variables): each variable in permuted blocks of its own."""
    blocks = -(-people // LEVELS)
    order = random.random((VARIABLES, blocks, LEVELS)).argsort(axis=2)
    return order.reshape(VARIABLES, -1)[:, :people].T


def regret(random: Array, lift: float, people: int, *, crossed: bool, runs: int, interaction: float = 0.0) -> float:
    """The mean shortfall, against the best combination, of taking the highest level of every variable after `people`.

    Without `crossed` one variable is changed at a time beside one shared control: 17 groups. With it everyone draws a
    level of each.
    """
    short = []
    for _ in range(runs):
        world = make_random_world(random, lift, interaction)
        if crossed:
            codes = _dealt(random, people)
            won = random.random(people) < world.rate(codes)
            rates = np.array([[won[codes[:, v] == level].mean() for level in range(LEVELS)] for v in range(VARIABLES)])
        else:
            each = people // (1 + VARIABLES * (LEVELS - 1))
            control = random.binomial(each, BASE) / each
            single = np.clip(BASE + world.effects, 0.001, 0.999)
            rates = random.binomial(each, single) / each
            rates[:, 0] = control
        short.append(world.best - float(world.rate(rates.argmax(axis=1)[None, :])[0]))
    return float(np.mean(short))


def make_random_world(random: Array, lift: float, interaction: float) -> World:
    """Every level's effect is drawn: normal, with `lift` as its standard deviation."""
    world = make_world(random, lift, 0, interaction)
    world.effects[:, 1:] = random.normal(0, lift, (VARIABLES, LEVELS - 1))
    return world


def measured(runs: int, seed: int, useful: float = 0.02, batch: int = 500, most: int = 60_000) -> dict[str, Any]:
    """All figures of the documentation. `useful` is the lift that is looked for."""
    random = np.random.default_rng(seed)
    figures: dict[str, Any] = {"runs": runs, "seed": seed, "useful lift": useful, "calls a look": batch}
    for name, real, true in (
        ("no real winner", 0, 0.0),
        ("three of 2 points", 3, 0.02),
        ("three of 3 points", 3, 0.03),
    ):
        worlds = [make_world(random, true, real) for _ in range(runs)]
        for dealt, follows in (("all dealt at the start", False), ("dealt as it goes", True)):
            plays = [play(world, random, useful, batch, most, follows=follows) for world in worlds]
            figures[f"{name}, {dealt}"] = _summed(plays, real)
    plays = [
        play(make_world(random, 0.02, 3), random, useful, batch, most, follows=True, alpha=0.2) for _ in range(runs)
    ]
    figures["three of 2 points, dealt as it goes, 2.5 % for each variable"] = _summed(plays, 3)
    for strength in (0.0, 0.005, 0.01):
        figures[f"regret, interactions of {strength * 100:g} points"] = {
            f"{name}, {people:,} calls": regret(
                random, useful, people, crossed=crossed, runs=runs, interaction=strength
            )
            for name, people, crossed in (("one at a time", 45_000, False), ("factorial", 9_000, True))
        }
    return figures


def errors(seed: int, rounds: tuple[int, int] = (500, 300)) -> dict[str, float]:
    """The share of rounds with a false winner, without a real one and with three of 3 points, a look every 1,000 calls.

    Every second round is dealt as it goes.
    """
    random, found = np.random.default_rng(seed), {}
    for real, true, runs in ((0, 0.0, rounds[0]), (3, 0.03, rounds[1])):
        worlds = (make_world(random, true, real) for _ in range(runs))
        false = sum(
            play(world, random, 0.02, 1000, 40_000, follows=bool(place % 2))["false"] > 0
            for place, world in enumerate(worlds)
        )
        found[f"{real} real winners, {runs} rounds"] = false / runs
    return found


def _summed(plays: list[dict[str, Any]], real: int) -> dict[str, Any]:
    calls = np.array([one["calls"] for one in plays])
    return {
        "calls, median": float(np.median(calls)), "calls, mean": float(calls.mean()),
        "calls, 90th percentile": float(np.quantile(calls, 0.9)),
        "all decided": float(np.mean([one["decided"] == VARIABLES for one in plays])),
        "rounds with a false winner": float(np.mean([one["false"] > 0 for one in plays])),
        "real winners found": float(np.mean([one["found"] for one in plays])) / real if real else None,
    }  # fmt: skip


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description="What a factorial round costs beside one variable at a time.")
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--errors", action="store_true", help="only how often a round has a false winner")
    asked = parser.parse_args()
    if asked.errors:
        print(json.dumps(errors(asked.seed), indent=1))  # noqa: T201  it is what the command is for
        return
    print(json.dumps(measured(asked.runs, asked.seed), indent=1))  # noqa: T201  it is what the command is for


if __name__ == "__main__":
    main()
