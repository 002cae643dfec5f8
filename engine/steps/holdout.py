"""What calling itself adds: everybody who drew an arm, called or not, against the contacts who get no call."""

from collections.abc import Mapping
from typing import Any

from engine.core.experiments import HOLDOUT, Experiment
from engine.core.metrics import Sums


def calling_adds(experiment: Experiment, mature: Mapping[tuple[str, str], Sums]) -> dict[str, Any] | None:
    """The conversion rate of all arms together minus the holdout's; None without a holdout."""
    from engine.stats.rates import difference, rate_interval

    if not experiment.audience.holdout:
        return None
    called, apart = Sums(), Sums()
    for (arm, _), sums in mature.items():
        if arm == HOLDOUT:
            apart += sums
        else:
            called += sums
    people = {"contacts": apart.count, "total": apart.totals["converted"]}
    if not called.count or not apart.count:
        return people
    alone = (apart.totals["converted"], apart.count)
    lift = difference(treated=(called.totals["converted"], called.count), control=alone)
    return people | {
        "estimate": apart.totals["converted"] / apart.count,
        "interval": list(rate_interval(*alone)),
        "calling_adds": {"difference": lift.value, "interval": [lift.low, lift.high], "p_value": lift.p_value},
    }
