"""Are many the same? Rates over arms, lifts over segments."""

from collections.abc import Sequence

from engine.stats.arguments import Counted, check_arms, check_inside


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
