"""Harm, watched at every look: odds against "the limit is kept" and "the arm complains like the control".

Both are mixtures of likelihood ratios, so by Ville's inequality the chance that they ever reach 1/α is at
most α when nothing is wrong. Three, ten and thirty times the limit are looked for at once.
"""

import math

from engine.stats.arguments import check_count, check_counted, check_inside
from engine.stats.odds import from_log

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


def relative_harm_odds(complaints: float, control_complaints: float, share: float = 0.5) -> float:
    """The odds that the arm draws more complaints than the control; alarm at 1/α.

    Given a complaint from one of the two, whose is it?

    Args:
        complaints: complaints on the arm.
        control_complaints: complaints on the control.
        share: the arm's share of the contacts of the two, over all looks the same.
    """
    check_count("complaints", complaints)
    check_count("control_complaints", control_complaints)
    check_inside("share", share)
    log_odds = []
    for times in _TIMES:
        whole = times * share + 1 - share
        log_odds.append(complaints * math.log(times / whole) - control_complaints * math.log(whole))
    return _mixture(log_odds)


def _mixture(log_odds: list[float]) -> float:
    highest = max(log_odds)
    parts = (weight * math.exp(value - highest) for weight, value in zip(_WEIGHTS, log_odds, strict=True))
    return from_log(highest + math.log(math.fsum(parts)))
