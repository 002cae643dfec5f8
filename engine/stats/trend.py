"""Does more do more? Arms that stand in an order: coupons of 10, 20 and 30."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.stats.arguments import Counted, check_arms, check_inside
from engine.stats.estimates import Estimate
from engine.stats.normal import critical, two_sided


def trend(arms: Sequence[Counted], amounts: Sequence[float], level: float = 0.95) -> Estimate:
    """The rate gained per unit of the amount, with the Cochran-Armitage test and the range it inverts.

    Args:
        arms: (successes, contacts) of at least two arms, the control among them.
        amounts: what each arm has of it, in any unit; not all the same.

    Raises:
        ValueError: besides impossible counts, when no contact or every contact succeeded: nothing can trend.

    Source: Armitage 1955, Biometrics 11, 375-386.
    """
    pairs = check_arms("arms", arms, 2)
    check_inside("level", level)
    if len(amounts) != len(pairs):
        raise ValueError(f"amounts must be as many as arms ({len(pairs)}), not {len(amounts)}")
    if not all(math.isfinite(amount) for amount in amounts):
        raise ValueError("amounts must be finite")
    contacts = math.fsum(n for _, n in pairs)
    center = math.fsum(n * amount for (_, n), amount in zip(pairs, amounts, strict=True)) / contacts
    spread = math.fsum(n * (amount - center) ** 2 for (_, n), amount in zip(pairs, amounts, strict=True))
    if spread == 0:
        raise ValueError("amounts must not all be the same")
    rate = math.fsum(x for x, _ in pairs) / contacts
    if not 0 < rate < 1:
        raise ValueError("arms: no contact or every contact succeeded, so nothing can trend")
    slope = math.fsum(x * (amount - center) for (x, _), amount in zip(pairs, amounts, strict=True)) / spread
    error = math.sqrt(rate * (1 - rate) / spread)
    half = critical(level) * error
    return Estimate(slope, slope - half, slope + half, two_sided(slope / error))
