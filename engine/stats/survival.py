"""How long conversions take: Kaplan-Meier curves from counts per time, and whether arms convert at different speeds.

A curve is made of how many converted at each time and how many were last seen there without having converted
(still waiting, or at the end of their window). Times may be bins; nothing needs a row.

Sources: Kaplan & Meier 1958, JASA 53, 457-481; Greenwood 1926; Kalbfleisch & Prentice 1980, section 1.3 (the range
on the scale of log(-log)); Mantel 1966, Cancer Chemotherapy Reports 50, 163-170 (log-rank).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from engine.stats.arguments import check_count, check_inside
from engine.stats.normal import critical

if TYPE_CHECKING:
    from engine.stats.roots import Array


@dataclass(frozen=True, slots=True)
class Curve:
    """The share that has not converted, after each of `times`; `low` and `high` are its pointwise range.

    `at_risk` were still under observation just before the time; `errors` are Greenwood's standard errors.
    """

    times: tuple[float, ...]
    at_risk: tuple[float, ...]
    converted: tuple[float, ...]
    censored: tuple[float, ...]
    staying: tuple[float, ...]
    errors: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def after(self, time: float) -> float:
        """The share that has not converted by this time."""
        return next(
            (left for at, left in zip(reversed(self.times), reversed(self.staying), strict=True) if at <= time), 1.0
        )

    def quantile(self, share: float = 0.5) -> tuple[float | None, float | None, float | None]:
        """(time, low, high): when this share of everybody has converted; None for what is not reached.

        Source: Brookmeyer & Crowley 1982, Biometrics 38, 29-41.
        """
        left = 1 - check_inside("share", share)
        time, low, high = (self._first(values, left) for values in (self.staying, self.low, self.high))
        return time, low, high

    def _first(self, values: tuple[float, ...], left: float) -> float | None:
        return next((time for time, value in zip(self.times, values, strict=True) if value <= left + 1e-12), None)


@dataclass(frozen=True, slots=True)
class LogRank:
    """The χ² of the log-rank test on `freedom` degrees, and what each arm was expected to convert."""

    statistic: float
    freedom: int
    p_value: float
    observed: tuple[float, ...]
    expected: tuple[float, ...]


def kaplan_meier(
    times: Sequence[float],
    converted: Sequence[float],
    censored: Sequence[float],
    level: float = 0.95,
    method: str = "log-log",
) -> Curve:
    """The curve of one arm.

    Args:
        times: rising; hours, say. The end of a bin stands for the bin.
        converted: how many converted at each time.
        censored: how many were last seen at each time, not having converted; they count as present at it.
        method: of the range; `log-log`, or `plain` (value ± z · Greenwood's error, cut to 0 and 1).

    Raises:
        ValueError: times that do not rise, negative counts, or nobody at all.
    """
    z = critical(check_inside("level", level))
    if method not in ("log-log", "plain"):
        raise ValueError(f"method must be 'log-log' or 'plain', not {method!r}")
    import numpy as np

    places, events, losses = (np.array(column) for column in _checked(times, converted, censored))
    risk = (events + losses)[::-1].cumsum()[::-1]
    if risk[0] <= 0:
        raise ValueError("converted and censored: nobody was observed")
    going = np.divide(events, risk, out=np.zeros_like(risk), where=risk > 0)
    left = (1 - going).cumprod()
    rest = np.where(risk > events, risk * (risk - events), np.inf)
    errors = left * np.sqrt((events / rest).cumsum())
    low, high = _ranges(left, errors, z, method)
    columns = (places, risk, events, losses, left, errors, low, high)
    return Curve(*(tuple(column.tolist()) for column in columns))


def _ranges(left: Array, errors: Array, z: float, method: str) -> tuple[Array, Array]:
    """Where nothing or everything has converted, the curve itself."""
    import numpy as np

    inside = (left > 0) & (left < 1)
    if method == "plain":
        low, high = np.maximum(0.0, left - z * errors), np.minimum(1.0, left + z * errors)
    else:
        safe = np.where(inside, left, 0.5)
        reach = np.minimum(700.0, z * errors / (safe * -np.log(safe)))
        low, high = safe ** np.exp(reach), safe ** np.exp(-reach)
    return np.where(inside, low, left), np.where(inside, high, left)


def log_rank(
    times: Sequence[float], converted: Sequence[Sequence[float]], censored: Sequence[Sequence[float]]
) -> LogRank:
    """Whether two or more arms' curves differ.

    Args:
        times: rising, the same for all arms.
        converted, censored: per arm, counts per time as of `kaplan_meier`.

    An arm that nobody is in takes up no degree of freedom. Where there is nothing to compare, p is 1.
    """
    import numpy as np
    from scipy.special import chdtrc

    if len(converted) < 2 or len(converted) != len(censored):
        raise ValueError(
            f"converted and censored must hold the same two or more arms, not {len(converted)} and {len(censored)}"
        )
    checked = [_checked(times, events, losses) for events, losses in zip(converted, censored, strict=True)]
    events = np.array([each[1] for each in checked])
    leaving = events + np.array([each[2] for each in checked])
    risk = leaving[:, ::-1].cumsum(axis=1)[:, ::-1]
    total, dying = risk.sum(axis=0), events.sum(axis=0)
    some = dying > 0
    share = risk[:, some] / total[some]
    expected = (share * dying[some]).sum(axis=1)
    weight = dying[some] * (total[some] - dying[some]) / np.maximum(total[some] - 1, 1.0)
    covariance = np.diag((share * weight).sum(axis=1)) - (share * weight) @ share.T
    gap = events.sum(axis=1) - expected
    statistic, freedom = _quadratic(gap, covariance)
    p_value = float(chdtrc(freedom, statistic)) if freedom else 1.0
    observed = tuple(float(count) for count in events.sum(axis=1))
    return LogRank(statistic, freedom, p_value, observed, tuple(float(count) for count in expected))


def speeds_alike(times: Sequence[float], converted: Sequence[Sequence[float]]) -> float:
    """The p-value of "those who convert take equally long in all arms"; 1 when there is nothing to compare.

    It is the log-rank test among the converted alone, so that an arm that converts more, at the same speed, is no
    reason to reject: given that somebody converts within the window, when is all that is compared. Everybody
    counted must have had the whole window, or arms that began later would look faster.
    """
    nothing = [0.0] * len(times)
    return log_rank(times, converted, [nothing] * len(converted)).p_value


def late_share(times: Sequence[float], converted: Sequence[float], since: float) -> float | None:
    """The share of the conversions that came after `since`; None when nobody converted."""
    places, events, _ = _checked(times, converted, [0.0] * len(times))
    whole = math.fsum(events)
    late = math.fsum(event for time, event in zip(places, events, strict=True) if time > since)
    return late / whole if whole else None


def still_to_come(curve: Curve, window: float) -> float:
    """The share of the conversions within the window that is not seen yet, 0 to 1.

    Who was last seen before the window's end converts by it with the chance that the curve gives to those who
    waited as long. Zero when nobody waits, or nobody is ever expected to convert.
    """
    check_inside("window", window, 0.0, math.inf)
    end = curve.after(window)
    waited = [
        loss * (1 - end / left)
        for time, loss, left in zip(curve.times, curve.censored, curve.staying, strict=True)
        if loss and left > end and time < window
    ]
    coming = math.fsum(waited)
    seen = math.fsum(event for time, event in zip(curve.times, curve.converted, strict=True) if time <= window)
    return coming / (coming + seen) if coming else 0.0


def _quadratic(gap: Array, covariance: Array) -> tuple[float, int]:
    """(statistic, degrees of freedom) of a gap whose covariance has less than full rank."""
    import numpy as np

    if not gap.size or not float(covariance.max()) > 0:
        return 0.0, 0
    values, vectors = np.linalg.eigh(covariance)
    known = values > 1e-9 * float(values.max())
    turned = vectors[:, known].T @ gap
    return float((turned**2 / values[known]).sum()), int(known.sum())


def _checked(
    times: Sequence[float], converted: Sequence[float], censored: Sequence[float]
) -> tuple[list[float], list[float], list[float]]:
    if not len(times) == len(converted) == len(censored) or not len(times):
        counts = f"{len(times)}, {len(converted)} and {len(censored)}"
        raise ValueError(f"times, converted and censored must be as many, and at least one, not {counts}")
    places = _counts("times", times)
    if any(later <= earlier for earlier, later in pairwise(places)):
        raise ValueError("times must rise")
    return places, _counts("converted", converted), _counts("censored", censored)


def _counts(name: str, values: Sequence[float]) -> list[float]:
    """Finite numbers that are not negative; the one that is wrong is named."""
    if not all(0 <= value < math.inf for value in values):
        for place, value in enumerate(values):
            check_count(f"{name}[{place}]", value)
    return [float(value) for value in values]
