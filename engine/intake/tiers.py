"""Value tiers: how much a contact has been worth, relative to the others of its file.

The score is frequency x monetary / (recency + 1), of whichever of the three are declared (recency in days).
The tiers are thirds of the file's scores, found in a first pass over it: `high` above the second tercile,
`mid` above the first, else `low`; equal scores are in one tier, whatever the file's order. Fixed thresholds
would need a currency and a trade. A contact with a blank among the declared columns is `unknown`.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.intake.rows import RowFile

TIER = "value_tier"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TierColumns:
    """The places of the declared columns in a row."""

    recency: int | None = None
    frequency: int | None = None
    monetary: int | None = None


@dataclass(frozen=True, slots=True)
class Tiers:
    """The tier of a row, by the two scores that part a file's contacts into thirds."""

    columns: TierColumns
    low: float
    high: float

    def __call__(self, values: Sequence[str]) -> str:
        """`high`, `mid`, `low` or `unknown`; raises ValueError naming the quantity that is no number."""
        score = _score(self.columns, values)
        if score is None:
            return UNKNOWN
        return "high" if score > self.high else "mid" if score > self.low else "low"


def learn_tiers(rows: RowFile, columns: TierColumns) -> Tiers:
    """The tiers of a file, from one pass over it (8 bytes a row); rows without a score are passed over."""
    scores = array("d")
    for batch in rows.batches():
        for _, values in batch.rows:
            try:
                score = _score(columns, values)
            except ValueError:  # the row becomes a reject when contacts are read
                continue
            if score is not None:
                scores.append(score)
    if not scores:
        return Tiers(columns, 0.0, 0.0)
    low, high = np.quantile(np.frombuffer(scores), [1 / 3, 2 / 3], method="inverted_cdf")
    return Tiers(columns, float(low), float(high))


def _score(columns: TierColumns, values: Sequence[str]) -> float | None:
    """The score of a row, None where a declared cell is blank; raises ValueError."""
    recency = _number("recency", columns.recency, values)
    frequency = _number("frequency", columns.frequency, values)
    monetary = _number("monetary", columns.monetary, values)
    if recency is not None and recency < 0:
        raise ValueError("recency is a count of days since the last order, and is negative here")
    if recency is None or frequency is None or monetary is None:
        return None
    return frequency * monetary / (recency + 1 if columns.recency is not None else 1)


def _number(name: str, place: int | None, values: Sequence[str]) -> float | None:
    """The number of a declared cell, 1 where the quantity is not declared, None where the cell is blank."""
    if place is None:
        return 1.0
    if not values[place]:
        return None
    try:
        number = float(values[place])
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is not a number")
    return number
