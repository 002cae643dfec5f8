"""Harm, watched at every look: odds against "the limit is kept" and "the arm complains like the control".

Both are mixtures of likelihood ratios, so by Ville's inequality the chance that they ever reach 1/α is at
most α when nothing is wrong. Three, ten and thirty times the limit are looked for at once.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from engine.stats.arguments import check_count, check_counted, check_inside, check_whole
from engine.stats.odds import from_log
from engine.stats.roots import bisect

_TIMES = (3.0, 10.0, 30.0)
_WEIGHTS = (0.40, 0.35, 0.25)


def harm_odds(complaints: float, contacts: float, limit: float) -> float:
    """The odds that the arm's complaint rate exceeds `limit`; alarm at 1/α, 100 : 1 for 1 %.

    Args:
        complaints: contacts of the arm that complained.
        contacts: contacts of the arm.
        limit: the rate that may not be exceeded, below 1/30 so that thirty times it is still a rate.
    """
    if contacts == 0 and complaints == 0:
        return 1.0
    complaints, contacts = check_counted("complaints, contacts", (complaints, contacts))
    check_inside("limit", limit, 0.0, 1 / _TIMES[-1])
    return _mixture(
        [
            complaints * math.log(times) + (contacts - complaints) * math.log((1 - times * limit) / (1 - limit))
            for times in _TIMES
        ]
    )


@dataclass(frozen=True, slots=True)
class RelativeHarm:
    """Complaints on an arm against those on the control, counted anew at every look and multiplied on.

    Given a complaint from one of the two, whose is it? If an arm's call draws one as easily as the control's, it is the
    arm's with a chance that is the arm's share of the calls. `logs` hold the logarithm of every mixture part's product.
    """

    logs: tuple[float, ...] = (0.0,) * len(_TIMES)

    def look(self, complaints: float, control_complaints: float, share: float) -> "RelativeHarm":
        """The odds after the complaints that a look brings.

        Args:
            complaints: new complaints on the arm.
            control_complaints: new complaints on the control.
            share: the arm's share of the calls of the two; it may be another at every look.
        """
        check_count("complaints", complaints)
        check_count("control_complaints", control_complaints)
        check_inside("share", share)
        logs = []
        for times, log in zip(_TIMES, self.logs, strict=True):
            whole = times * share + 1 - share
            logs.append(log + complaints * math.log(times / whole) - control_complaints * math.log(whole))
        return RelativeHarm(tuple(logs))

    @property
    def odds(self) -> float:
        """The odds that the arm draws more complaints than the control."""
        return _mixture(list(self.logs))


def relative_harm_odds(complaints: float, control_complaints: float, share: float = 0.5) -> float:
    """The odds that the arm draws more complaints than the control; alarm at 1/α.

    Args:
        complaints: complaints on the arm.
        control_complaints: complaints on the control.
        share: the arm's share of the calls of the two, over all looks the same; `RelativeHarm` follows one
            that changes.
    """
    return RelativeHarm().look(complaints, control_complaints, share).odds


def chance_of_alarm(times: float, calls: int, limit: float, alarm: float = 100.0) -> float:
    """The chance that `harm_odds` reach `alarm` within so many calls, one of which draws a complaint so often.

    The alarm comes with the y-th complaint if that comes early enough; so it is a walk of complaints over the last
    calls at which 1, 2, 3 … of them would alarm, which is summed exactly (complaints as a Poisson process).

    Args:
        times: the true complaint rate, in limits.
        calls: calls on the arm.
    """
    import numpy as np
    from scipy.special import gammaln

    check_inside("times", times, 0.0, math.inf)
    check_whole("calls", calls)
    check_inside("alarm", alarm, 1.0, math.inf)
    rate, before, needed = times * limit, 0, 1
    quiet = np.array([1.0])
    while before < calls:
        last = min(calls, _last_call(needed, limit, alarm))
        new = np.arange(needed)
        mean = max(rate * (last - before), 1e-300)
        arriving = np.exp(new * math.log(mean) - mean - gammaln(new + 1.0))
        quiet = np.convolve(quiet, arriving)[:needed]
        before, needed = last, needed + 1
    return float(min(1.0, max(0.0, 1 - quiet.sum())))


def visible_times(calls: int, limit: float, alarm: float = 100.0) -> float:
    """The complaint rate, in limits, that alarms within so many calls in one case of two."""
    log_times = bisect(lambda log: 0.5 - chance_of_alarm(math.exp(log), calls, limit, alarm), 0.0, -math.log(limit))
    return math.exp(log_times)


@lru_cache(maxsize=4096)
def _last_call(complaints: int, limit: float, alarm: float) -> int:
    """The last call with which so many complaints alarm; 0 when they never do."""
    low, high = 0, complaints
    while harm_odds(complaints, high, limit) >= alarm:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if harm_odds(complaints, middle, limit) >= alarm else (low, middle)
    return low if low >= complaints else 0


def _mixture(log_odds: list[float]) -> float:
    highest = max(log_odds)
    parts = (weight * math.exp(value - highest) for weight, value in zip(_WEIGHTS, log_odds, strict=True))
    return from_log(highest + math.log(math.fsum(parts)))
