"""Rates among the people connected at the first attempt: for which arms they are fair, and how much sharper they are.

Whom an arm cannot choose are the same people in all arms. Leaving out who never heard anything takes their noise
away; leaving out who was reached later takes their conversions away too. Which of the two weighs more is a number.
"""

from collections.abc import Mapping, Sequence

from engine.core.comparisons import MetricNumbers
from engine.core.denominators import apart_among_connected, connected_of, denominator_of
from engine.core.evidence import MetricTallies, Question
from engine.core.metrics import METRICS
from engine.core.sentences import in_both
from engine.stats.tallies import Tally

CONNECTED = "connected"
AFTER_CONNECT = ("intent", "conversion")


def among_connected(
    tallies: Mapping[str, Mapping[str, Tally]], variables: Mapping[str, str | None]
) -> list[MetricTallies]:
    """The metrics (name → arm → tally) of who connected at the first attempt; they describe and decide nothing."""
    apart = apart_among_connected(variables)
    return [
        MetricTallies.of(METRICS[name], "descriptive", by_arm, denominator=CONNECTED, apart=apart)
        for name, by_arm in tallies.items()
    ]


def denominators(question: Question) -> list[dict[str, object]]:
    """What a standing says of each arm whose variable is known: what it can change first, and what follows."""
    rows = {arm: denominator_of(question.variables.get(arm)) for arm in question.treated}
    return [
        {
            "arm": arm,
            "variable": question.variables.get(arm),
            "connect": row.connect,
            "connected": row.connected,
            **in_both("first", row.first),
            **in_both("headline", row.headline),
            **in_both("why", row.why),
        }
        for arm, row in rows.items()
        if row
    ]


def conditional(
    question: Question, numbers: MetricNumbers, every: Sequence[MetricNumbers], arm: str
) -> dict[str, object]:
    """What a standing says of one arm's comparison among the connected; nothing of a metric over everybody."""
    if numbers.metric.denominator != CONNECTED:
        return {}
    whole = next(
        (
            each.metric
            for each in every
            if each.metric.name == numbers.metric.name and each.metric.denominator != CONNECTED
        ),
        None,
    )
    found: dict[str, object] = {"conditional": connected_of(question.variables.get(arm))}
    saved = (
        people_saved(whole, numbers.metric, question.control, arm)
        if whole and arm not in numbers.metric.apart
        else None
    )
    return found if saved is None else found | {"people_saved": saved}


def people_saved(whole: MetricTallies, part: MetricTallies, control: str, arm: str) -> float | None:
    """The share of people by which an experiment could be smaller if only `part` were counted; negative when larger.

    People needed for a relative lift go with (1 − p) / x, of x successes at the rate p: the squared relative error.
    One relative lift in everybody is assumed; None where nobody succeeded, or nobody failed.
    """
    (x, n), (y, m) = _both(whole, control, arm), _both(part, control, arm)
    if not (0 < x < n and 0 < y <= m):
        return None
    return 1 - ((1 - y / m) / y) / ((1 - x / n) / x)


def _both(metric: MetricTallies, *arms: str) -> tuple[float, float]:
    """Successes and contacts of several arms together."""
    counted = [metric.counted(arm) for arm in arms]
    return sum(total for total, _ in counted), sum(contacts for _, contacts in counted)
