"""A factorial round's outcomes, summed per combination, put together for each variable.

The database sums per combination, so that what a look costs grows with the combinations that somebody drew and not
with the calls. Each variable is then counted over the contacts in whose combination every level of it could stand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from engine.core.cells import Cells
from engine.core.combinations import arms_of
from engine.core.crossed import Factor, crossed_standing, history_of
from engine.core.experiments import CONTROL, HOLDOUT, Experiment
from engine.core.factorial import comparable, decks, drawn_of, one_variable, options, shares_compared
from engine.core.metrics import FIELDS, METRICS, PAIRS, Sums
from engine.steps.evidence import ByStratum, SoFar, evidence_of, question_of
from engine.store.outcomes import Summed

if TYPE_CHECKING:
    import numpy as np

Keep = Callable[[Mapping[str, str]], bool]


def factorial_standing(
    experiment: Experiment, summed: Summed, so_far: SoFar, now: datetime, number: int
) -> dict[str, Any]:
    """Where a factorial round stands."""
    tables = [_Table.of(experiment, part) for part in (summed.everyone, summed.mature, summed.connected)]
    factors = [_factor(experiment, variable, tables, so_far) for variable in experiment.levels]
    question = replace(question_of(experiment, summed.mature), shares={})
    return crossed_standing(question, factors, _cells(experiment, summed.mature), summed.done, now, number)


def per_level(experiment: Experiment, sums: ByStratum) -> dict[tuple[str, str], Sums]:
    """Sums of every level over all contacts, the control's as the mean of its levels over the variables."""
    import numpy as np

    table = _Table.of(experiment, sums)
    found: dict[tuple[str, str], Sums] = {}
    controls: dict[str, list[Sums]] = {}
    for variable in experiment.levels:
        for (arm, stratum), part in table.by_level(variable, lambda _: True).items():
            if arm == CONTROL:
                controls.setdefault(stratum, []).append(part)
            else:
                found[arm, stratum] = part
    share = 1 / len(experiment.levels)
    for stratum, parts in controls.items():
        found[CONTROL, stratum] = _sums(np.sum([_numbers(part) for part in parts], axis=0) * share)
    return found


def _factor(experiment: Experiment, variable: str, tables: "list[_Table]", so_far: SoFar) -> Factor:
    alone = one_variable(experiment, variable)
    keep = _keep(experiment, variable)
    summed = Summed(*(table.by_level(variable, keep) for table in tables))
    looks = history_of(so_far.looks, variable)
    evidence = evidence_of(alone, summed, replace(so_far, looks=looks))
    compared = shares_compared(experiment, variable)
    whole = sum(compared.values())
    question = replace(
        question_of(alone, summed.mature),
        shares={arm: share / whole for arm, share in compared.items()},
        crossed=True,
        fingerprint=experiment.fingerprint,
        deadline=_deadline(experiment, so_far.planned, whole),
    )
    return Factor(variable, question, evidence)


def _deadline(experiment: Experiment, planned: int, compared: float) -> int | None:
    """A factorial round's races are read a last time where the roster ends, over whom the variable is compared."""
    people = round(planned * (1 - experiment.audience.holdout) * compared)
    return people if experiment.decision.method == "sequential" and people > 0 else None


def _keep(experiment: Experiment, variable: str) -> Keep:
    """Whether a contact's combination is one in which every level of the variable could stand."""
    deck = next(deck for deck in decks(experiment) if variable in deck.variables)
    if len(deck.variables) == 1:
        return lambda _: True
    within = comparable(experiment, deck, variable)
    return lambda drawn: tuple(drawn[name] for name in deck.variables) in within


def _cells(experiment: Experiment, mature: ByStratum) -> Cells | None:
    """The primary metric per combination; None for a ratio."""
    metric = METRICS[experiment.metrics.primary]
    if metric.kind == "ratio":
        return None
    known = {variable: options(experiment, variable) for variable in experiment.levels}
    pooled: dict[str, Sums] = {}
    for (arm, _), sums in mature.items():
        if arm != HOLDOUT:
            pooled[arm] = pooled[arm] + sums if arm in pooled else sums
    drawn = [drawn_of(experiment, arms_of(combination)) for combination in pooled]
    codes = [[known[variable].index(arm) for variable, arm in one.items()] for one in drawn]
    tallies = [sums.tally(metric) for sums in pooled.values()]
    return Cells(known, codes, tallies, experiment.exclude, metric.kind)


@dataclass(frozen=True, slots=True)
class _Table:
    """Sums as one array: a row per combination and stratum that somebody drew."""

    drawn: list[dict[str, str]]
    strata: list[str]
    numbers: "np.ndarray[Any, Any]"

    @classmethod
    def of(cls, experiment: Experiment, sums: ByStratum) -> "_Table":
        import numpy as np

        rows = [(arm, stratum, part) for (arm, stratum), part in sums.items() if arm != HOLDOUT]
        width = 1 + len(FIELDS) + len(PAIRS)
        numbers = np.array([_numbers(part) for *_, part in rows], dtype=float).reshape(len(rows), width)
        return cls([drawn_of(experiment, arms_of(arm)) for arm, *_ in rows], [row[1] for row in rows], numbers)

    def by_level(self, variable: str, keep: Keep) -> dict[tuple[str, str], Sums]:
        """The sums of each level of a variable in each stratum, over the combinations to keep."""
        import numpy as np

        groups: dict[tuple[str, str], int] = {}
        rows = [row for row, drawn in enumerate(self.drawn) if keep(drawn)]
        into = [groups.setdefault((self.drawn[row][variable], self.strata[row]), len(groups)) for row in rows]
        added = np.zeros((len(groups), self.numbers.shape[1]))
        np.add.at(added, into, self.numbers[rows])
        return {group: _sums(added[place]) for group, place in groups.items()}


def _numbers(sums: Sums) -> "np.ndarray[Any, Any]":
    import numpy as np

    return np.array(
        [sums.count, *(sums.totals[name] for name in FIELDS), *(sums.products[pair] for pair in PAIRS)], dtype=float
    )


def _sums(numbers: "np.ndarray[Any, Any]") -> Sums:
    values = [float(number) for number in numbers]
    count = int(values[0]) if values[0].is_integer() else round(values[0])
    return Sums(
        count, dict(zip(FIELDS, values[1:], strict=False)), dict(zip(PAIRS, values[1 + len(FIELDS) :], strict=True))
    )
