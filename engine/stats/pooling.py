"""One effect from many experiments, and what each experiment's own number is worth beside the others.

Sources: DerSimonian & Laird 1986, Controlled Clinical Trials 7, 177-188; Cochran 1954, Biometrics 10, 101-129 (Q);
Higgins & Thompson 2002, Statistics in Medicine 21, 1539-1558 (I²); Hartung & Knapp 2001, ibid. 20, 3875-3889, and
Sidik & Jonkman 2002, ibid. 21, 3153-3159; Higgins, Thompson & Spiegelhalter 2009, JRSS A 172, 137-159 (prediction).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.stats.arguments import check_inside, check_within
from engine.stats.homogeneity import lifts_alike
from engine.stats.normal import critical, two_sided

Effect = tuple[float, float]
"""(value, standard error) of one experiment."""
RANGES = ("hartung-knapp", "hartung-knapp-safe", "normal")


@dataclass(frozen=True, slots=True)
class Pooled:
    """`value` is the average effect, in [`low`, `high`].

    `between` is τ², the variance of true effects between experiments, and `heterogeneity` I², its share of all
    variance, 0 to 1; `q` and `q_p_value` test that there is none. The next experiment's own true effect lies in
    `prediction`; None with fewer than three experiments.
    """

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float
    experiments: int
    between: float
    heterogeneity: float
    q: float
    q_p_value: float
    prediction: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Shrunken:
    """An experiment's effect drawn toward the average; `weight` is what its own number still counts, 0 to 1.

    It decides nothing, and has no p-value.
    """

    value: float
    low: float
    high: float
    weight: float


def pooled(
    effects: Sequence[Effect], level: float = 0.95, model: str = "random", range_: str = "hartung-knapp"
) -> Pooled:
    """The average effect.

    Args:
        effects: (value, standard error) of at least one experiment.
        model: `random` (true effects differ between experiments; DerSimonian and Laird) or `fixed` (they do not;
            inverse variance).
        range_: of a random model: `hartung-knapp` (Student's t on the scatter that was seen, which keeps its
            promise with few experiments), `hartung-knapp-safe` (never shorter than by the normal's error, where
            few experiments agree by chance), or `normal`. One experiment, and a fixed model, have the normal's.

    The prediction range has k − 2 degrees of freedom and the model's own standard error.
    """
    from scipy.special import stdtr, stdtrit

    values, errors = _checked(effects)
    check_inside("level", level)
    if model not in ("random", "fixed"):
        raise ValueError(f"model must be 'random' or 'fixed', not {model!r}")
    if range_ not in RANGES:
        raise ValueError(f"range_ must be one of {', '.join(map(repr, RANGES))}, not {range_!r}")
    freedom = len(values) - 1
    precision = [1 / error**2 for error in errors]
    q = _scatter(values, precision)
    known = math.fsum(precision)
    scale = known - math.fsum(weight**2 for weight in precision) / known
    between = max(0.0, (q - freedom) / scale) if freedom and model == "random" else 0.0
    weights = [1 / (error**2 + between) for error in errors]
    value = _average(values, weights)
    plain = error = math.sqrt(1 / math.fsum(weights))
    reach, p_value = critical(level), two_sided(value / error)
    if model == "random" and range_ != "normal" and freedom and q > 0:
        scatter = _scatter(values, weights) / freedom
        error *= math.sqrt(max(1.0, scatter) if range_ == "hartung-knapp-safe" else scatter)
        reach = float(stdtrit(freedom, (1 + level) / 2))
        p_value = 2 * float(stdtr(freedom, -abs(value) / error))
    prediction = None
    if model == "random" and freedom >= 2:
        half = float(stdtrit(freedom - 1, (1 + level) / 2)) * math.hypot(math.sqrt(between), plain)
        prediction = (value - half, value + half)
    return Pooled(
        value, error, value - reach * error, value + reach * error, min(1.0, p_value), len(values), between,
        max(0.0, 1 - freedom / q) if q > 0 else 0.0, q, lifts_alike(effects), prediction,
    )  # fmt: skip


def shrunken(effects: Sequence[Effect], level: float = 0.95) -> tuple[Shrunken, ...]:
    """Each experiment's effect given all of them: the posterior under a normal prior fitted to them (empirical Bayes).

    The variance of the average itself is counted in, so that two experiments do not pretend to know a third. Past
    winners were picked for being high; drawn toward the average of all that were tried, winners or not, their
    numbers are no longer too high on average. So `effects` must hold every experiment, not the winners alone.

    Source: Morris 1983, JASA 78, 47-55.
    """
    average = pooled(effects, level, range_="hartung-knapp-safe")
    known = average.standard_error**2 if average.experiments > 1 else math.inf
    z = critical(level)
    found = []
    for value, error in effects:
        weight = 1.0 if math.isinf(known) else average.between / (average.between + error**2)
        middle = weight * value + (1 - weight) * average.value
        spread = weight * error**2 + (0.0 if weight == 1 else (1 - weight) ** 2 * known)
        found.append(Shrunken(middle, middle - z * math.sqrt(spread), middle + z * math.sqrt(spread), weight))
    return tuple(found)


def _average(values: Sequence[float], weights: Sequence[float]) -> float:
    return math.fsum(weight * value for weight, value in zip(weights, values, strict=True)) / math.fsum(weights)


def _scatter(values: Sequence[float], weights: Sequence[float]) -> float:
    """The weighted squares of the distances from the weighted average."""
    middle = _average(values, weights)
    return math.fsum(weight * (value - middle) ** 2 for weight, value in zip(weights, values, strict=True))


def _checked(effects: Sequence[Effect]) -> tuple[list[float], list[float]]:
    if not len(effects):
        raise ValueError("effects must hold at least one experiment")
    values = [
        check_within(f"effects[{place}]: value", value, -1e150, 1e150) for place, (value, _) in enumerate(effects)
    ]
    errors = [
        check_inside(f"effects[{place}]: standard error", error, 0.0, math.inf)
        for place, (_, error) in enumerate(effects)
    ]
    return values, errors
