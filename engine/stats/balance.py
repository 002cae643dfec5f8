"""Did every arm get its share? A sample ratio that is off makes every other number suspect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.stats.arguments import check_count
from engine.stats.odds import Lasting, from_log

_CONCENTRATION = 1000.0


def balance_p_value(observed: Sequence[float], shares: Sequence[float]) -> float:
    """The χ² p-value of the observed counts against the shares, for description at one look.

    An arm whose share is zero is no degree of freedom; a contact in it is impossible, and the p-value 0.
    Checked again and again it cries wolf: `balance_odds` is what alarms.

    Args:
        observed: contacts per arm.
        shares: the arms' shares, in any unit.
    """
    from scipy.special import chdtrc

    counts, expected = _counts_and_shares(observed, shares)
    total = sum(counts)
    if any(count for count, share in zip(counts, expected, strict=True) if share == 0):
        return 0.0
    living = [(count, share * total) for count, share in zip(counts, expected, strict=True) if share > 0]
    if total == 0 or len(living) < 2:
        return 1.0
    statistic = sum((count - due) ** 2 / due for count, due in living)
    return float(chdtrc(len(living) - 1, statistic))


def balance_odds(observed: Sequence[float], shares: Sequence[float]) -> float:
    """The odds against the shares, safe to read at every look: alarm at 1000 : 1.

    The shares are compared with a Dirichlet mixture around them (1000 contacts' worth). `Deals` counts
    anew whenever shares change. A contact in an arm without a share is impossible: 1e300.

    Source: Lindon & Malek 2022, NeurIPS 35, "Anytime-valid inference for multinomial count data".
    """
    return from_log(_log_odds(observed, shares))


@dataclass(frozen=True, slots=True)
class Deals(Lasting):
    """Counts under shares that may change: the odds are counted anew from every change, and multiplied on.

    An arm whose share is zero gets nothing from then on; what it still gathers is left out, and the others are held
    against their shares of one another. So each part is a fair game of its own, and so is their product. The first
    three are what earlier shares came to; `since` are counts when the present `shares` began, `last` at the
    last look. `most` is the highest logarithm so far.
    """

    log_odds: float = 0.0
    counted: tuple[float, ...] = ()
    due: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    since: tuple[float, ...] = ()
    last: tuple[float, ...] = ()
    most: float = 0.0

    def look(self, observed: Sequence[float], shares: Sequence[float]) -> Deals:
        """The counts after one more look.

        Args:
            observed: contacts per arm, cumulative; a count that shrank is taken as it was.
            shares: the arms' shares since the look before, in any unit; zero for an arm that got nothing.
        """
        counts, expected = _counts_and_shares(observed, shares)
        none = (0.0,) * len(counts)
        if self.last and len(self.last) != len(counts):
            raise ValueError(f"observed must be as many as before ({len(self.last)}), not {len(counts)}")
        before = self.last or none
        now = tuple(max(count, was) for count, was in zip(counts, before, strict=True))
        if self.shares == tuple(expected):
            found = replace(self, last=now)
        else:
            closed = (self.log, self.gathered, self.expected) if self.last else (0.0, none, none)
            found = Deals(*closed, tuple(expected), before, now, self.most)
        return replace(found, most=found.now_most)

    @property
    def log(self) -> float:
        """The logarithm of the odds against the shares, over all of them."""
        return self.log_odds + _log_odds(self._new, self.shares)

    @property
    def gathered(self) -> tuple[float, ...]:
        """What each arm gathered while it had a share."""
        return tuple(count + new for count, new in zip(self.counted, self._new, strict=True))

    @property
    def expected(self) -> tuple[float, ...]:
        """What each arm's shares came to."""
        total = sum(self._new)
        return tuple(due + share * total for due, share in zip(self.due, self.shares, strict=True))

    @property
    def _new(self) -> list[float]:
        """What came under the present shares."""
        now = zip(self.last, self.since, self.shares, strict=True)
        return [count - was if share > 0 else 0.0 for count, was, share in now]


def _log_odds(observed: Sequence[float], shares: Sequence[float]) -> float:
    counts, expected = _counts_and_shares(observed, shares)
    total = sum(counts)
    log_odds = math.lgamma(_CONCENTRATION) - math.lgamma(_CONCENTRATION + total)
    for count, share in zip(counts, expected, strict=True):
        if share > 0:
            prior = _CONCENTRATION * share
            log_odds += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
        elif count:
            return math.inf
    return log_odds


def _counts_and_shares(observed: Sequence[float], shares: Sequence[float]) -> tuple[list[float], list[float]]:
    """Checked counts, and shares that add up to one."""
    counts = [check_count(f"observed[{place}]", count) for place, count in enumerate(observed)]
    weights = [check_count(f"shares[{place}]", share) for place, share in enumerate(shares)]
    if len(counts) != len(weights):
        raise ValueError(f"shares must be as many as observed ({len(counts)}), not {len(weights)}")
    total = math.fsum(weights)
    if total <= 0:
        raise ValueError("shares must not all be zero")
    return counts, [weight / total for weight in weights]
