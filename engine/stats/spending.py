"""How much of the error may be spent by an information fraction, and bounds of a given shape.

Sources: Lan & DeMets 1983, Biometrika 70, 659-663; Kim & DeMets 1987, ibid. 74, 149-154; Hwang, Shih & DeCani
1990, Statistics in Medicine 9, 1439-1445; Wang & Tsiatis 1987, Biometrics 43, 193-199; Haybittle 1971, British
Journal of Radiology 44, 793-797.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from engine.stats.arguments import check_inside, check_within
from engine.stats.normal import below, quantile

SPENDING: dict[str, float | None] = {
    "obrien-fleming": None,
    "pocock": None,
    "linear": None,
    "kim-demets": 3.0,
    "hwang-shih-decani": -4.0,
}
"""Families that spend as information comes, each with its usual shape where it has one."""
SHAPED: dict[str, float | None] = {
    "obrien-fleming-classic": None,
    "pocock-classic": None,
    "wang-tsiatis": 0.25,
    "haybittle-peto": 3.0,
}
"""Bounds of one shape over looks that are all known beforehand, scaled so that the error is met exactly."""


def shape_of(name: str, shape: float | None) -> float:
    """The family's shape, checked; zero where it has none.

    Raises:
        ValueError: an unknown family, a shape for one that has none, or one that it cannot have.
    """
    families = SPENDING | SHAPED
    if name not in families:
        raise ValueError(f"spending must be one of {', '.join(map(repr, families))}, not {name!r}")
    usual = families[name]
    if usual is None:
        if shape is not None:
            raise ValueError(f"shape must not be given: {name!r} has none")
        return 0.0
    given = usual if shape is None else shape
    if name == "wang-tsiatis":
        return check_within("shape", given, -5, 1)
    if name == "hwang-shih-decani":
        return check_within("shape", given, -40, 40)
    return check_inside("shape", given, 0.0, 21.0)


def spent_by(name: str, alpha: float, sides: int, shape: float) -> Callable[[float], float]:
    """Cumulative error, over all sides, that may be spent by an information fraction; all of it from 1 on."""
    if name == "obrien-fleming":
        z = -quantile(alpha / sides / 2)
        return lambda time: 2 * sides * below(-z / math.sqrt(min(1.0, time)))
    if name == "pocock":
        return lambda time: alpha * math.log1p((math.e - 1) * min(1.0, time))
    if name == "hwang-shih-decani" and abs(shape) > 1e-9:
        return lambda time: alpha * math.expm1(-shape * min(1.0, time)) / math.expm1(-shape)
    power = shape if name == "kim-demets" else 1.0
    return lambda time: alpha * min(1.0, time) ** power


def shaped_bounds(name: str, times: Sequence[float], scale: float, shape: float) -> list[float]:
    """The bounds of a family of `SHAPED` when the last look's is `scale`."""
    if name == "haybittle-peto":
        return [*([shape] * (len(times) - 1)), scale]
    slope = {"obrien-fleming-classic": 0.0, "pocock-classic": 0.5}.get(name, shape)
    return [scale * (time / times[-1]) ** (slope - 0.5) for time in times]
