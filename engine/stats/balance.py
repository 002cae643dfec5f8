"""Did every arm get its share? A sample ratio that is off makes every other number suspect."""

import math
from collections.abc import Sequence

from engine.stats.arguments import check_count
from engine.stats.odds import from_log

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

    The shares are compared with a Dirichlet mixture around them (1000 contacts' worth). When shares change,
    count anew from there and multiply the odds. A contact in an arm without a share is impossible: 1e300.

    Source: Lindon & Malek 2022, NeurIPS 35, "Anytime-valid inference for multinomial count data".
    """
    counts, expected = _counts_and_shares(observed, shares)
    total = sum(counts)
    log_odds = math.lgamma(_CONCENTRATION) - math.lgamma(_CONCENTRATION + total)
    for count, share in zip(counts, expected, strict=True):
        if share > 0:
            prior = _CONCENTRATION * share
            log_odds += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
        elif count:
            return from_log(math.inf)
    return from_log(log_odds)


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
