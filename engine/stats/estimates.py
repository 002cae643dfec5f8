"""A value with its range and its p-value: what every comparison returns."""

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
