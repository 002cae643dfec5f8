"""What an experiment came to that was played many times: how often it erred, how often it found, what it cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Play:
    """What one run came to."""

    seed: int
    status: str
    arm: str | None
    arms: Mapping[str, str]
    calls: int


@dataclass(frozen=True, slots=True)
class Simulated:
    """What all runs came to. `truth` holds every arm's planted lift of the primary metric, better above zero."""

    experiment: str
    method: str
    alpha: float
    useful_lift: float
    people: int
    truth: Mapping[str, float]
    plays: Sequence[Play]
    engine: Literal["campaign", "statistics"] = "campaign"
    drift: float = 0.0

    @property
    def runs(self) -> int:
        return len(self.plays)

    @property
    def is_calibration(self) -> bool:
        """Whether no effect is planted."""
        return not any(self.truth.values())

    @property
    def false_winners(self) -> int:
        """How many runs called an arm without a gain a winner."""
        return sum(
            any(status == "winner" and self.truth[arm] <= 0 for arm, status in play.arms.items()) for play in self.plays
        )

    def as_json(self) -> dict[str, Any]:
        """The simulation as plain data, schema `ringlab.simulation/1`; ranges are Wilson's at 95 %."""
        best = max(self.truth.values())
        found = sum(play.arms.get(self._best) == "winner" for play in self.plays)
        false = self.false_winners
        statuses = [play.status for play in self.plays]
        calls = [play.calls for play in self.plays]
        return {
            "schema": "ringlab.simulation/1", "experiment": self.experiment, "runs": self.runs, "engine": self.engine,
            "drift": self.drift, "seed": self.plays[0].seed, "people": self.people, "method": self.method,
            "alpha": self.alpha, "smallest_useful_lift": self.useful_lift, "calibration": self.is_calibration,
            "arms": [self._arm(arm) for arm in self.truth],
            "false_winner_rate": false / self.runs, "false_winner_interval": self._range(false),
            "power": found / self.runs if best > 0 else None,
            "power_interval": self._range(found) if best > 0 else None,
            "statuses": {status: statuses.count(status) for status in sorted(set(statuses))},
            "mean_calls": mean(calls), "median_calls": median(calls),
        }  # fmt: skip

    @property
    def _best(self) -> str:
        return max(self.truth, key=lambda arm: self.truth[arm])

    def _arm(self, arm: str) -> dict[str, Any]:
        won = sum(play.arms.get(arm) == "winner" for play in self.plays)
        return {
            "arm": arm, "true_lift": self.truth[arm], "winner": won / self.runs, "winner_interval": self._range(won),
            "named": sum(play.arm == arm for play in self.plays) / self.runs,
        }  # fmt: skip

    def _range(self, count: int) -> list[float]:
        from engine.stats.rates import rate_interval

        return list(rate_interval(count, self.runs))
