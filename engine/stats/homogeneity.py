"""Are many the same? Rates over arms, lifts over segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.stats.arguments import Counted, check_arms, check_inside
from engine.stats.bets import log_factor, log_mixture
from engine.stats.increments import grown, likely_rates
from engine.stats.odds import Lasting

APART = (-0.06, -0.02, 0.02, 0.06)
"""Differences of one arm's rate from all the others' that are bet on, in equal parts."""

FIRST_RATES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Rates that looks bet around in equal parts while the past says too little."""


@dataclass(frozen=True, slots=True)
class Alike(Lasting):
    """One rate for all arms, safe to read at every look: the odds against it; a look makes a new value.
    `most` is the highest logarithm so far.

    Each arm is bet to be above, and below, all the others together, by the factors of `engine.stats.bets` with the
    margin 0. Where all arms have one rate at a look, whatever it is at that look, every factor's expectation is at most
    one, and so is that of their mean over bets and arms: by Ville's inequality it reaches 1/α with a chance ≤ α.
    """

    counts: tuple[Counted, ...] = ()
    logs: tuple[tuple[float, ...], ...] = ()
    most: float = 0.0

    def look(self, counts: Sequence[Counted]) -> Alike:
        """The odds after one more look.

        Args:
            counts: cumulative (successes, contacts) per arm, of at least two; an arm without new ones says nothing.
        """
        import numpy as np

        if len(counts) < 2:
            raise ValueError(f"counts must hold at least two arms, not {len(counts)}")
        before = self.counts or ((0.0, 0.0),) * len(counts)
        now = grown(before, counts)
        if self.counts == now:
            return self
        successes, contacts = (np.array(now) - np.array(before)).T[:, :, None, None]
        others = contacts.sum(axis=0) - contacts, successes.sum(axis=0) - successes
        bets, margin = np.array(APART)[:, None], np.zeros(())
        rates = np.array(likely_rates(before, FIRST_RATES))
        brought = log_mixture(
            log_factor(others, (contacts, successes), rates, bets, margin), (1 / len(rates),) * len(rates)
        )
        logs = np.array(self.logs or ((0.0,) * len(APART),) * len(counts)) + brought
        found = replace(self, counts=now, logs=tuple(tuple(float(log) for log in row) for row in logs))
        return replace(found, most=found.now_most)

    @property
    def log(self) -> float:
        """The logarithm of the odds that some arm's rate is another."""
        import numpy as np

        if not self.logs:
            return 0.0
        logs = np.array(self.logs).ravel()
        return float(log_mixture(logs, (1 / len(logs),) * len(logs)))


def rates_alike(arms: Sequence[Counted]) -> float:
    """The χ² p-value of one rate for all arms; 1 when there is nothing to compare.

    Args:
        arms: (successes, contacts) per arm.

    Source: Pearson 1900; one degree of freedom less than there are arms.
    """
    from scipy.special import chdtrc

    pairs = check_arms("arms", arms)
    successes, contacts = (sum(pair[part] for pair in pairs) for part in (0, 1))
    rate = successes / contacts
    if len(pairs) < 2 or not 0 < rate < 1:
        return 1.0
    statistic = sum((x - n * rate) ** 2 / (n * rate * (1 - rate)) for x, n in pairs)
    return float(chdtrc(len(pairs) - 1, statistic))


def lifts_alike(lifts: Sequence[tuple[float, float]]) -> float:
    """The p-value of one lift for all segments (Cochran's Q); 1 when there is nothing to compare.

    Args:
        lifts: (lift, standard error) per segment.

    Source: Cochran 1954, Biometrics 10, 101-129.
    """
    from scipy.special import chdtrc

    weights = [
        1 / check_inside(f"lifts[{place}]: standard error", error, 0.0, float("inf")) ** 2
        for place, (_, error) in enumerate(lifts)
    ]
    if len(lifts) < 2:
        return 1.0
    shared = sum(weight * lift for weight, (lift, _) in zip(weights, lifts, strict=True)) / sum(weights)
    statistic = sum(weight * (lift - shared) ** 2 for weight, (lift, _) in zip(weights, lifts, strict=True))
    return float(chdtrc(len(lifts) - 1, statistic))
