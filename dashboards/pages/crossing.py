"""A factorial round on its page: the lifts variable by variable, the combination to confirm, what does not add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dashboards.charts.drawing import Scale
from dashboards.pages.evidence import VERDICTS
from dashboards.pages.figures import ArmFigure, MetricFigure, Standing
from dashboards.pages.home import variable_word
from dashboards.pages.pictures import lift_view
from dashboards.rendering.languages import Words

MOST_PAIRS = 12
WIDEST = 4.0  # a range wider than so many times the largest lift says nothing more and would flatten the others


@dataclass(frozen=True, slots=True)
class Effect:
    """One level beside its variable's control: numbers of people compared, and the effect by least squares."""

    variable: str
    arm: ArmFigure
    control: bool
    effect: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class VariableView:
    """One variable: what was found of it in a word and a sentence, and its levels' lifts."""

    variable: str
    status: str
    word: str
    sentence: str
    picture: Markup | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms together, beyond the sum of both; `strong` says that it holds after correction."""

    arms: str
    people: int
    difference: float
    low: float
    high: float
    p_adjusted: float
    strong: bool


@dataclass(frozen=True, slots=True)
class Combination:
    """The combination to confirm, and what it is expected to come to."""

    name: str
    arms: tuple[tuple[str, str], ...]
    leaning: tuple[str, ...]
    estimate: float | None
    span: tuple[float, float] | None
    control: float | None
    lift: float | None
    low: float | None
    high: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CrossingView:
    """The whole part of the page; `pairs` are the strongest first, `hidden` those with too few people."""

    variables: tuple[VariableView, ...]
    effects: tuple[Effect, ...]
    combination: Combination | None
    pairs: tuple[Pair, ...]
    more_pairs: tuple[Pair, ...]
    tested: int
    hidden: int


def crossing_of(standing: Standing, figure: MetricFigure | None, words: Words, *, blank: bool) -> CrossingView | None:
    """What a factorial round has beside its metrics; None for another design, or when there is no verdict."""
    found = standing.get("factorial")
    if not found or figure is None or blank:
        return None
    variables = {
        effect["arm"]: one["variable"] for one in found["variables"] for effect in (*one["arms"], *one["effects"])
    }
    alpha = standing.get("alpha", 0.05)
    pairs = tuple(_pair(pair, alpha) for pair in found.get("interactions", ()))
    useful = standing.get("smallest_useful_lift")
    scale = _scale(figure, useful)
    return CrossingView(
        tuple(_variable(number, one, figure, useful, scale, words) for number, one in enumerate(found["variables"])),
        tuple(row for one in found["variables"] for row in _effects(one, figure, words)),
        _combination(found.get("combination"), variables, words),
        pairs[:MOST_PAIRS],
        pairs[MOST_PAIRS:],
        len(pairs),
        int(found.get("hidden", 0)),
    )


def compared_with(standing: Standing, arm: str) -> int | None:
    """How many people had the control's level of this arm's variable; None outside a factorial round."""
    for one in (standing.get("factorial") or {}).get("variables", ()):
        if any(row["arm"] == arm for row in one["arms"]):
            return int(one["arms"][0]["contacts"])
    return None


def _scale(figure: MetricFigure, useful: float | None) -> Scale:
    """One scale for all variables."""
    lifts = [arm.lift for arm in figure.arms if arm.lift]
    most = WIDEST * max([abs(lift.value) for lift in lifts] + [useful or 0.0], default=0.0)
    ends = [end for lift in lifts for end in (lift.low, lift.high) if end is not None and abs(end) <= most]
    return Scale.around([*ends, *([] if useful is None else [useful if figure.better == "higher" else -useful])])


def _variable(
    number: int, one: Mapping[str, Any], figure: MetricFigure, useful: float | None, scale: Scale, words: Words
) -> VariableView:
    names = {row["arm"] for row in one["arms"]}
    own = [arm for arm in figure.arms if arm.arm in names and not arm.control]
    word = VERDICTS[one["status"]]
    return VariableView(
        variable_word(one["variable"], words),
        one["status"],
        words.say(word),
        str(one["sentence_zh"] if words.chinese else one["sentence"]),
        lift_view(figure, useful, words, arms=own, name=f"lift-{number}", scale=scale),
    )


def _effects(one: Mapping[str, Any], figure: MetricFigure, words: Words) -> list[Effect]:
    fitted = {row["arm"]: row for row in one["effects"]}
    lifts = {arm.arm: arm.lift for arm in figure.arms}
    rows = []
    for place, row in enumerate(one["arms"]):
        effect = fitted.get(row["arm"], {})
        low, high = effect.get("interval") or (None, None)
        least, most = row.get("interval") or (None, None)
        arm = ArmFigure(
            row["arm"], not place, row["contacts"], row["total"], row.get("estimate"), least, most,
            lifts.get(row["arm"]),
        )  # fmt: skip
        variable = variable_word(one["variable"], words)
        rows.append(Effect(variable, arm, not place, effect.get("difference"), low, high))
    return rows


def _combination(found: Mapping[str, Any] | None, variables: Mapping[str, str], words: Words) -> Combination | None:
    if not found:
        return None
    predicted, alone = found.get("predicted") or {}, found.get("lift") or {}
    low, high = alone.get("interval") or (None, None)
    warnings: Sequence[str] = found["warnings_zh"] if words.chinese else found["warnings"]
    return Combination(
        found["arm"],
        tuple((arm, variable_word(variables.get(arm), words)) for arm in found["arms"]),
        tuple(found["leaning"]),
        predicted.get("estimate"),
        tuple(predicted["interval"]) if predicted else None,
        (found.get("control") or {}).get("estimate"),
        alone.get("difference"),
        low,
        high,
        tuple(warnings),
    )


def _pair(pair: Mapping[str, Any], alpha: float) -> Pair:
    low, high = pair["interval_adjusted"]
    return Pair(
        " + ".join(pair["arms"]), pair["contacts"], pair["difference"], low, high, pair["p_adjusted"],
        pair["p_adjusted"] < alpha,
    )  # fmt: skip
