"""Names of combinations: what a contact of a factorial round draws, one level of every variable.

A combination is named by the arms that it takes, in the file's order, joined by `+`: `gift-first+coupon-30`. A
variable that no arm of it changes stays as the control has it, so that the control of everything is `control`.
"""

from collections.abc import Collection, Iterable

CONTROL = "control"
JOINED = "+"


def combined(arms: Iterable[str]) -> str:
    """The name of the combination that takes these arms; the control's own levels are left out."""
    return JOINED.join(arm for arm in arms if arm != CONTROL) or CONTROL


def arms_of(combination: str) -> tuple[str, ...]:
    """The arms that a combination takes; none of the control of everything."""
    return () if combination == CONTROL else tuple(combination.split(JOINED))


def holds(combination: str, arms: Collection[str]) -> bool:
    """Whether a combination takes every one of these arms."""
    return set(arms) <= set(arms_of(combination))
