"""A value with its range and its p-value: what every comparison returns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """`value` lies in [`low`, `high`] at the level asked for; `p_value` is two-sided, against no difference.

    Range and p-value come from one test: the range leaves zero out exactly when the p-value is
    below one minus the level. An end that the data leave open is infinite.
    """

    value: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Lift:
    """A difference before any level is chosen.

    `ours` and `theirs` are the two arms' squared standard errors, not both zero; `freedom` are Student's degrees
    of freedom, infinite where the difference is read as normal.
    """

    value: float
    ours: float
    theirs: float
    freedom: float = math.inf

    @property
    def error(self) -> float:
        """The standard error of the difference."""
        return math.sqrt(self.ours + self.theirs)


def estimated(lifts: Sequence[Lift], levels: Sequence[float]) -> list[Estimate]:
    """Each lift with its range at its level, and its p-value."""
    import numpy as np
    from scipy.special import stdtr, stdtrit

    values, errors = np.array([lift.value for lift in lifts]), np.array([lift.error for lift in lifts])
    freedom = np.array([lift.freedom for lift in lifts])
    halves = stdtrit(freedom, (1 + np.array(levels)) / 2) * errors
    p_values = np.minimum(1.0, 2 * stdtr(freedom, -np.abs(values) / errors))
    return list(
        map(Estimate, values.tolist(), (values - halves).tolist(), (values + halves).tolist(), p_values.tolist())
    )
