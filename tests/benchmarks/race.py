"""What the race spends for a right decision: `python -m tests.benchmarks.race --runs 2000`.

Nine truths are played with looks at every eightieth of the fixed sample, in equal shares for whoever is still in. What
is spent is set against the least that any procedure with the same error rates must spend on average: for every
wrong answer that has to be ruled out, contacts times information reach the binary divergence of the error rates
(Garivier & Kaufmann 2016, Proceedings of Machine Learning Research 49), at the best shares that only an oracle
knows. Beside the race stand the plain rules: each arm's shown odds at T/α and 1/β, nothing accounted for.
"""

import argparse
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.optimize import minimize

from engine.stats.bets import log_mixture
from engine.stats.lanes import RUNNING, WINNER, Lanes
from engine.stats.race_plans import RacePlan

Array = NDArray[np.float64]
BASE, USEFUL, ALPHA, POWER, LOOKS = 0.12, 0.018, 0.025, 0.8, 80
DRIFT, PERIOD = 0.25, 37
TRUTHS: dict[str, tuple[float, ...]] = {
    "1 arm: useless": (0.0,),
    "1 arm: d": (1.0,),
    "1 arm: 2 d": (2.0,),
    "3 arms: useless": (0.0,) * 3,
    "3 arms: one d": (1.0, 0.0, 0.0),
    "3 arms: mixed": (1.5, 0.5, -1.0),
    "7 arms: useless": (0.0,) * 7,
    "7 arms: one d": (1.0, *(0.0,) * 6),
    "7 arms: mixed": (1.5, 1.0, 0.5, 0.0, 0.0, -1.0, -1.0),
}


def divergence(one: float, other: float) -> float:
    """Of two coins, in nats."""
    return one * math.log(one / other) + (1 - one) * math.log((1 - one) / (1 - other))


def least(lifts: Iterable[float]) -> float:
    """The fewest contacts that rule out, on average, every answer that would be wrong."""
    rates = [BASE, *(BASE + lift for lift in lifts)]
    noise = [rate * (1 - rate) for rate in rates]
    best = max(range(1, len(rates)), key=rates.__getitem__)
    has_winner = rates[best] - BASE >= USEFUL - 1e-12
    found, missed = divergence(POWER, ALPHA), divergence(1 - ALPHA, 1 - POWER)
    beaten = divergence(1 - ALPHA, (1 - POWER) / 2)

    def needed(arm: int, gap: float, nats: float, against: int, contacts: float) -> float:
        room = gap * gap / (2 * nats) - noise[against] / contacts if gap > 0 else -1.0
        return noise[arm] / room if room > 0 else 1e12

    def spent(logs: Array) -> float:
        control, winner = np.exp(logs)
        if not has_winner:
            return float(
                control
                + sum(needed(arm, BASE + USEFUL - rates[arm], missed, 0, control) for arm in range(1, len(rates)))
            )
        winner = max(winner, needed(best, rates[best] - BASE, found, 0, control))
        rest = (
            min(
                needed(arm, BASE + USEFUL - rates[arm], missed, 0, control),
                needed(arm, rates[best] + USEFUL / 2 - rates[arm], beaten, best, winner),
            )
            for arm in range(1, len(rates))
            if arm != best
        )
        return float(control + winner + sum(rest))

    scale = math.log(4 * noise[0] * found / USEFUL**2)
    starts = [(scale + a, scale + b) for a in (0.0, 0.7, 1.4) for b in (0.0, 0.7, 1.4)]
    return min(float(minimize(spent, start, method="Nelder-Mead", options={"xatol": 1e-6}).fun) for start in starts)


class Plain(Lanes):
    """The plain rules over the same bets: proven at T/α, dropped at 1/β, beaten at 2/β; nothing is accounted for."""

    __slots__ = ()

    def _judge(self, plan: RacePlan, against: Array) -> Lanes:
        running = (self.status == RUNNING)[:, None]
        proven = self.proven | (self.alive & (self.log_odds_for >= math.log(plan.proof)) & running)
        failed = ~proven & (self.log_odds_against >= math.log(plan.drop)) & running
        alive = self._beaten(self.alive & ~failed, proven, plan)
        return replace(self, alive=alive, proven=proven)._ended(plan)

    def _beats(self, plan: RacePlan) -> NDArray[np.bool_]:
        beats: NDArray[np.bool_] = log_mixture(self.duel_logs, (0.8, 0.2, 0.0), axis=0) >= math.log(2 * plan.drop)
        return beats


@dataclass(frozen=True, slots=True)
class Played:
    """What races of one truth came to: contacts on average over the least, and how often they erred and found."""

    truth: str
    ratio: float
    false: float
    best: float


@dataclass(frozen=True, slots=True)
class Setting:
    """What a campaign is planned on: base rate, smallest useful lift, and how far the base rate swings."""

    base: float = BASE
    useful: float = USEFUL
    drift: float = DRIFT


def race(lanes: type[Lanes], setting: Setting, lifts: Array, runs: int, random: np.random.Generator) -> Lanes:
    """Races until all are over; lifts with the control's zero first. Looks stand at eightieths of the fixed sample."""
    base, useful = setting.base, setting.useful
    noise = base * (1 - base) + (base + useful) * (1 - base - useful)
    each = max(1, round((1.959964 + 0.841621) ** 2 * noise / useful**2 / LOOKS))
    plan, rates = RacePlan(len(lifts), useful, base, ALPHA, POWER), base + lifts
    races, look = lanes.start(plan, runs), 0
    while (races.status == RUNNING).any():
        contacts = np.where(races.active, each, 0)
        swing = setting.drift * base * math.sin(2 * math.pi * look / PERIOD)
        now = np.clip(rates + swing, 0.0, 1.0)
        races = races.look(plan, contacts.astype(float), random.binomial(contacts, now).astype(float))
        look += 1
    return races


def winners_of(races: Lanes) -> NDArray[np.int64]:
    """The winner of each race, 0 for none."""
    return np.where(races.status == WINNER, races.winner, 0)


def play(lanes: type[Lanes], truth: str, runs: int, seed: int) -> Played:
    """Races of one truth, with a base rate that swings by a quarter from look to look."""
    lifts = np.array([0.0, *TRUTHS[truth]]) * USEFUL
    races = race(lanes, Setting(), lifts, runs, np.random.default_rng(seed))
    won, spent = winners_of(races), float(races.contacts.sum(axis=1).mean())
    false = float(((won > 0) & (lifts[won] <= 0)).mean())
    return Played(truth, spent / least(lifts[1:].tolist()), false, float((won == 1 + int(lifts[1:].argmax())).mean()))


def errors(arms: int, plans: int, runs: int, seed: int) -> tuple[float, float, float]:
    """Over plans drawn at random (base 8-30 %, d 8-20 % of it, drift up to a quarter): the share of races of useless
    arms with a false winner, of those with harmful ones among them, and of races with one lift of d that find it."""
    random = np.random.default_rng(seed)
    useless, harmful, found = [], [], []
    for _ in range(plans):
        base = float(random.uniform(0.08, 0.30))
        setting = Setting(base, base * float(random.uniform(0.08, 0.20)), float(random.uniform(0.0, DRIFT)))
        none = np.zeros(arms + 1)
        worse = np.concatenate([[0.0], -setting.useful * random.uniform(0.0, 1.0, arms)])
        one = np.concatenate([[0.0, setting.useful], np.zeros(arms - 1)])
        useless.append((winners_of(race(Lanes, setting, none, runs, random)) > 0).mean())
        harmful.append((winners_of(race(Lanes, setting, worse, runs, random)) > 0).mean())
        found.append((winners_of(race(Lanes, setting, one, runs, random)) == 1).mean())
    return float(np.mean(useless)), float(np.mean(harmful)), float(np.mean(found))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plans", type=int, default=0, help="measure the error rates over so many random plans")
    asked, say = parser.parse_args(), Console(width=120, highlight=False, soft_wrap=True).print
    if asked.plans:
        say("arms   false winner: none better   some harmful   power at d")
        for arms in (1, 3, 7):
            none, worse, power = errors(arms, asked.plans, asked.runs, asked.seed)
            say(f"{arms:4}{none:28.4f}{worse:15.4f}{power:13.3f}")
        return
    ratios: dict[str, list[float]] = {"race": [], "plain": []}
    say(f"{'truth':18}{'contacts over the least: race':>30}{'plain':>8}{'false winners':>15}{'best wins':>11}")
    for truth in TRUTHS:
        ours, plain = (play(lanes, truth, asked.runs, asked.seed) for lanes in (Lanes, Plain))
        ratios["race"].append(ours.ratio)
        ratios["plain"].append(plain.ratio)
        say(f"{truth:18}{ours.ratio:30.3f}{plain.ratio:8.3f}{ours.false:15.4f}{ours.best:11.3f}")
    race_index, plain_index = (math.exp(sum(map(math.log, found)) / len(found)) for found in ratios.values())
    say(f"{'geometric mean':18}{race_index:30.3f}{plain_index:8.3f}   race / plain {race_index / plain_index:.3f}")


if __name__ == "__main__":
    main()
