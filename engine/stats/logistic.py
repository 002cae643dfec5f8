"""A lift of rates with several covariates per contact: logistic regression, standardized over everybody.

A logistic model of success on the arm and on what was known before the call is asked for everybody's chance of
success under each arm; the lift is the difference of the two averages (g-computation). It estimates the same lift
as the plain difference, so it is read in points; chance dealt the arms, so it is right however wrong the model is,
and what the covariates explain makes its range shorter.

Sources: Rosenblum & van der Laan 2010, International Journal of Biostatistics 6(1), 13; Tsiatis, Davidian, Zhang &
Lu 2008, Statistics in Medicine 27, 4658-4677 (the variance); Ge et al. 2011, Drug Information Journal 45, 481-493.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.stats.arguments import check_inside
from engine.stats.normal import critical, two_sided

if TYPE_CHECKING:
    from engine.stats.roots import Array

_LEAST = 5
_FARTHEST = 30.0
_RIDGE = 1e-9


@dataclass(frozen=True, slots=True)
class StandardizedLift:
    """The lift in [`low`, `high`], its p-value, and `saved`: the share of the calls that the covariates save."""

    value: float
    low: float
    high: float
    p_value: float
    saved: float


def standardized_lift(
    treated: Sequence[float],
    successes: Sequence[float],
    covariates: Sequence[Sequence[float]],
    contacts: Sequence[float] | None = None,
    level: float = 0.95,
) -> StandardizedLift:
    """The treated rate minus the control's, everybody's covariates taken into account.

    Args:
        treated: per row, 1 for the arm and 0 for the control.
        successes: per row, how many succeeded: 0 or 1, or up to `contacts`.
        covariates: per row, the same number of values, known before the call; one that is the same for everybody
            counts for nothing.
        contacts: per row, how many it stands for; one each when left out.

    Raises:
        ValueError: an arm with fewer than five successes or five failures (a zero cell is `rates.difference`'s to
            read), no more contacts than parameters, or rows that do not fit together.

    The range is the delta method's on the influence of each contact, with n − p in place of n.
    """
    import numpy as np

    z = critical(check_inside("level", level))
    arm, won, people, extra = _arrays(treated, successes, covariates, contacts)
    design = np.column_stack([np.ones(len(arm)), arm, extra])
    everyone = float(people.sum())
    if everyone <= design.shape[1]:
        raise ValueError(f"contacts ({everyone:g}) must be more than the model's {design.shape[1]} parameters")
    slopes = _fitted(design, won, people)
    under = [
        _chance(np.column_stack([np.ones(len(arm)), np.full(len(arm), side), extra]) @ slopes) for side in (0.0, 1.0)
    ]
    value = float((people * (under[1] - under[0])).sum()) / everyone
    share = float((people * arm).sum()) / everyone
    variance = _variance(arm, won, people, under, value, share) * everyone / (everyone - design.shape[1])
    rates = [float((won * side).sum() / (people * side).sum()) for side in (1 - arm, arm)]
    plain = rates[1] * (1 - rates[1]) / (share * everyone) + rates[0] * (1 - rates[0]) / ((1 - share) * everyone)
    error = math.sqrt(variance)
    if error == 0:
        raise ValueError("successes follow from the covariates for everybody, so the range is unknown")
    return StandardizedLift(
        value, value - z * error, value + z * error, two_sided(value / error), max(0.0, 1 - variance / plain)
    )


def _variance(arm: Array, won: Array, people: Array, under: list[Array], value: float, share: float) -> float:
    """The variance of the lift: the mean square of each contact's influence, by how many there are."""
    everyone, total = float(people.sum()), 0.0
    for success, count in ((1.0, won), (0.0, people - won)):
        influence = (
            arm / share * (success - under[1]) - (1 - arm) / (1 - share) * (success - under[0]) + under[1] - under[0]
        ) - value
        total += float((count * influence**2).sum())
    return total / everyone**2


def _fitted(design: Array, won: Array, people: Array) -> Array:
    """The model's coefficients, by iterated weighted least squares."""
    import numpy as np

    slopes = np.zeros(design.shape[1])
    ridge = _RIDGE * float(people.sum()) * np.eye(design.shape[1])
    for _ in range(100):
        chance = _chance(design @ slopes)
        weight = people * chance * (1 - chance)
        step = np.linalg.solve((design * weight[:, None]).T @ design + ridge, design.T @ (won - people * chance))
        slopes = slopes + step / max(1.0, float(np.abs(step).max()) / 4)
        if float(np.abs(step).max()) < 1e-10:
            break
    return slopes


def _chance(log_odds: Array) -> Array:
    import numpy as np

    chance: Array = 1 / (1 + np.exp(-np.clip(log_odds, -_FARTHEST, _FARTHEST)))
    return chance


def _arrays(
    treated: Sequence[float],
    successes: Sequence[float],
    covariates: Sequence[Sequence[float]],
    contacts: Sequence[float] | None,
) -> tuple[Array, Array, Array, Array]:
    """Checked columns; covariates with the mean 0 and the variance 1, constant ones left out."""
    import numpy as np

    arm, won = np.asarray(treated, dtype=float), np.asarray(successes, dtype=float)
    people = np.ones_like(won) if contacts is None else np.asarray(contacts, dtype=float)
    extra = np.asarray(covariates, dtype=float)
    if arm.ndim != 1 or not arm.shape == won.shape == people.shape == extra.shape[:1] or extra.ndim != 2:
        raise ValueError("treated, successes, contacts and covariates must have as many rows, covariates as a table")
    for name, column in (("treated", arm), ("successes", won), ("contacts", people), ("covariates", extra)):
        if not np.isfinite(column).all():
            raise ValueError(f"{name} must be finite")
    if not np.isin(arm, (0.0, 1.0)).all():
        raise ValueError("treated must be 0 or 1")
    if (won < 0).any() or (won > people).any():
        raise ValueError("successes must be between 0 and the row's contacts")
    for name, side in (("control", arm == 0), ("treated", arm == 1)):
        least = min(float(won[side].sum()), float((people - won)[side].sum()))
        if least < _LEAST:
            raise ValueError(f"{name} must have at least {_LEAST} successes and {_LEAST} failures, not {least:g}")
    center = (people[:, None] * extra).sum(axis=0) / people.sum()
    spread = np.sqrt((people[:, None] * (extra - center) ** 2).sum(axis=0) / people.sum())
    varies = spread > 1e-12 * np.maximum(1.0, np.abs(center))
    return arm, won, people, (extra[:, varies] - center[varies]) / spread[varies]
