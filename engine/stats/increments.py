"""Counts that add up over looks: what a look may bring, and what rate the looks before it say."""

from collections.abc import Sequence

from engine.stats.arguments import Counted, check_count

ENOUGH = 20
"""So many successes and as many failures of the past give the rate that a look bets around."""


def grown(before: Sequence[Counted], now: Sequence[Counted]) -> tuple[Counted, ...]:
    """The counts that are taken for settled now: never fewer contacts or successes than before.

    Reports that revise contacts who were counted already are held back: no look's new successes are below zero
    or above its new contacts.

    Args:
        before, now: (successes, contacts) per arm, cumulative.
    """
    if len(before) != len(now):
        raise ValueError(f"now must be as many as before ({len(before)}), not {len(now)}")
    settled = []
    for place, ((won, people), (successes, contacts)) in enumerate(zip(before, now, strict=True)):
        check_count(f"now[{place}]: successes", successes)
        check_count(f"now[{place}]: contacts", contacts)
        more = max(contacts, people)
        settled.append((min(max(successes, won), won + more - people), more))
    return tuple(settled)


def likely_rates(past: Sequence[Counted], otherwise: tuple[float, ...]) -> tuple[float, ...]:
    """The rate of all arms so far; `otherwise` while they have too few successes or failures to say one."""
    successes, contacts = (sum(counted[part] for counted in past) for part in (0, 1))
    return otherwise if min(successes, contacts - successes) < ENOUGH else (successes / contacts,)
