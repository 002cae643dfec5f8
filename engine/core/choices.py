"""The combination of a factorial round to confirm: the best winner of each variable, less what speaks against it."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.cases import Case
from engine.core.cells import Cells, Interaction
from engine.core.combinations import combined
from engine.core.phrases import metric_label, size_of
from engine.core.readings import Reading
from engine.core.sentences import Sentence, Words, amount, chance, listed, points, whole
from engine.stats.estimates import Estimate


@dataclass(frozen=True, slots=True)
class Choice:
    """The combination to confirm: its arms, what it is expected to come to, and what speaks against more of it."""

    arms: tuple[str, ...]
    leaning: tuple[str, ...]
    left_out: tuple[str, ...]
    base: Estimate | None
    predicted: Estimate | None
    lift: Estimate | None
    warnings: tuple[Sentence, ...]


def best_of_each(case: Case, status: str) -> dict[str, Reading]:
    """Per variable the arm of this status with the highest gain, variables with the highest gain first."""
    best: dict[str, Reading] = {}
    for reading in case.with_status(status):
        best.setdefault(case.question.variables[reading.arm] or "", reading)
    return best


def choose(case: Case, cells: Cells, pairs: Sequence[Interaction]) -> Choice | None:
    """The best winner of each variable, less what an exclusion or an interaction speaks against."""
    winners = best_of_each(case, "winner")
    if not winners:
        return None
    leaning = [reading.arm for name, reading in best_of_each(case, "leaning").items() if name not in winners]
    chosen = [reading.arm for reading in winners.values()]  # the highest gain first
    warnings: list[Sentence] = []
    while excluded := cells.forbids(chosen):
        arm = [arm for arm in chosen if arm in excluded.values()][-1]
        chosen.remove(arm)
        warnings.append(Sentence("warn_excluded", {"arm": arm, "arms": listed(chosen)}))
    strong = [pair for pair in pairs if pair.adjusted.p_value < 1 - case.question.level]
    for pair in strong:
        sign = case.primary.metric.sign
        if not set(pair.arms) <= set(chosen) or sign * pair.estimate.value >= 0:
            continue
        both, first, second, _ = cells.four(*pair.arms)
        means = {pair.arms: both.mean, pair.arms[:1]: first.mean, pair.arms[1:]: second.mean}
        kept = max(means, key=lambda arms: sign * means[arms])
        chosen = [arm for arm in chosen if arm not in pair.arms or arm in kept]
        warnings.append(_against(case, pair, kept, len(pairs)))
    fit, levels, level = cells.fit([pair.arms for pair in strong]), cells.drawn(chosen), case.question.level
    order = [arm for arm in case.question.treated if arm in chosen]
    left = tuple(reading.arm for reading in winners.values() if reading.arm not in chosen)
    return Choice(
        tuple(order), tuple(leaning), left, fit.predicted([0] * len(levels), level), fit.predicted(levels, level),
        fit.predicted(levels, level, lift=True), tuple(warnings),
    )  # fmt: skip


def _against(case: Case, pair: Interaction, kept: tuple[str, ...], pairs: int) -> Sentence:
    values: dict[str, Words] = {
        "first": pair.arms[0],
        "second": pair.arms[1],
        "size": size_of(case.primary.metric, abs(pair.estimate.value)),
        "p": chance(pair.adjusted.p_value),
        "pairs": whole(pairs),
        "kept": listed(kept),
    }
    return Sentence("warn_interaction" if len(kept) > 1 else "warn_interaction_one", values)


def expected(case: Case, choice: Choice) -> Sentence:
    """What the combination is expected to do to the metric, with its range."""
    metric = case.primary.metric
    label, lift = metric_label(metric), choice.lift
    if lift is None:
        return Sentence("combined_unknown", {"combination": combined(choice.arms), "metric": label})
    up = lift.value >= 0
    low, high = (lift.low, lift.high) if up else (-lift.high, -lift.low)
    shown = points if metric.kind == "rate" else amount
    size = Sentence("range", {"value": size_of(metric, abs(lift.value)), "low": shown(low), "high": shown(high)})
    values: dict[str, Words] = {
        "combination": combined(choice.arms), "verb": Sentence("raises" if up else "lowers"), "metric": label,
        "size": size,
    }  # fmt: skip
    return Sentence("combined" if len(choice.arms) > 1 else "combined_one", values)
