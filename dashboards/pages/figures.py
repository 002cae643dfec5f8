"""A standing's metrics as rows that a page can read: nothing is computed here that decides anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.charts.drawing import SHAPES
from dashboards.rendering.languages import Words, message
from dashboards.rendering.numbers import Kind
from engine.core.conditionals import CONNECTED
from engine.core.metrics import METRICS

Standing = Mapping[str, Any]

DENOMINATORS = {
    "assigned": message("of people assigned"),
    "dialled": message("of people dialed"),
    "connected": message("of people who answered the first call"),
    "listened": message("of people who heard the benefit"),
    "contacts": message("of people assigned"),
    "calls": message("of calls"),
    "converted": message("of people converted"),
}
CLARITY = {
    "better": message("better than the control"),
    "worse": message("worse than the control"),
    "same": message("no useful difference"),
    "unclear": message("not clear yet"),
}
SHORT = CLARITY | {"better": message("better"), "worse": message("worse")}
# What the engine says of one arm of the primary metric, as a shape and a word.
STATUSES = {
    "winner": ("better", message("better, proven")),
    "leaning": ("unclear", message("leaning, not proven")),
    "loser": ("worse", message("worse, proven")),
    "no_useful_difference": ("same", message("no useful difference")),
    "not_enough_people": ("unclear", message("not clear yet")),
    "stopped_for_safety": ("worse", message("stopped for safety")),
}
BEATEN = ("worse", message("beaten by another arm"))
"""A loser that is not worse than the control: the race dropped it for another arm."""
BETTER = {"higher": message("higher is better"), "lower": message("lower is better")}


@dataclass(frozen=True, slots=True)
class Lift:
    """An arm against the control. The range and p-value are those that decide under the method used."""

    value: float
    relative: float | None
    low: float | None
    high: float | None
    p_adjusted: float | None
    best: float | None
    saved: float | None
    clarity: str
    word: str
    short: str

    @property
    def outline(self) -> str:
        """The shape that says the same as the word."""
        return SHAPES[self.clarity]


@dataclass(frozen=True, slots=True)
class ArmFigure:
    """One arm's part of a metric; `lift` is None on the control, when there is no verdict to be had, and where the
    arm is not compared for the reason in `note`.
    """

    arm: str
    control: bool
    contacts: int
    total: float
    estimate: float | None
    low: float | None
    high: float | None
    lift: Lift | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class MetricFigure:
    """One metric over all arms; `among` says that it is of the people connected alone."""

    name: str
    among: bool
    label: str
    role: str
    kind: Kind
    unit: str
    better: str
    better_word: str
    denominator: str
    arms: tuple[ArmFigure, ...]
    guarded: str

    @property
    def rate(self) -> bool:
        return self.kind == "rate"

    @property
    def key(self) -> str:
        """Its name on the page: one metric may stand there of everybody and of the connected."""
        return f"{self.name}-among" if self.among else self.name

    @property
    def clear(self) -> tuple[ArmFigure, ...]:
        """The arms that clearly differ from the control."""
        return tuple(arm for arm in self.arms if arm.lift and arm.lift.clarity in ("better", "worse"))


def metric_figures(standing: Standing, words: Words, blank: bool) -> tuple[MetricFigure, ...]:
    """Every metric of the standing, in its order; with `blank`, lifts are left out."""
    useful = standing.get("smallest_useful_lift")
    return tuple(_metric(metric, standing, words, blank, useful) for metric in standing.get("metrics", ()))


def _metric(
    metric: Mapping[str, Any], standing: Standing, words: Words, blank: bool, useful: float | None
) -> MetricFigure:
    name, kind = metric["name"], metric["kind"]
    better = metric.get("better", "higher")
    useful = (metric.get("bounds") or {}).get("useful", useful if metric["role"] == "primary" else None)
    control = standing.get("control", "control")
    lifts = {
        found["arm"]: _lift(found, better, useful, standing, words, metric["role"] == "primary")
        for found in metric.get("comparisons", ())
        if found.get("difference") is not None
    }
    notes = {
        found["arm"]: str((found.get("reason_zh") if words.chinese else None) or found.get("reason") or "")
        for found in metric.get("comparisons", ())
    }
    return MetricFigure(
        name=name,
        among=metric.get("denominator") == CONNECTED,
        label=_label(metric, words),
        role=metric["role"],
        kind=kind,
        unit=str(metric.get("unit") or (METRICS[name].unit if name in METRICS else "")),
        better=better,
        better_word=words.say(BETTER[better]),
        denominator=words.say(DENOMINATORS.get(metric.get("denominator", "assigned"), "")),
        arms=tuple(
            _arm(arm, control, None if blank else lifts.get(arm["arm"]), notes.get(arm["arm"], ""))
            for arm in metric["arms"]
        ),
        guarded=_guarded(name, standing) if metric["role"] == "guardrail" else "",
    )


def _label(metric: Mapping[str, Any], words: Words) -> str:
    known = METRICS.get(metric["name"])
    chinese = metric.get("zh") or (known.zh if known else "")
    label = metric.get("label") or (known.label if known else metric["name"])
    return str(chinese if words.chinese and chinese else label)


def _arm(arm: Mapping[str, Any], control: str, lift: Lift | None, note: str) -> ArmFigure:
    low, high = arm.get("interval") or (None, None)
    return ArmFigure(
        arm["arm"], arm["arm"] == control, arm["contacts"], arm["total"], arm.get("estimate"), low, high, lift, note
    )


def _lift(
    found: Mapping[str, Any], better: str, useful: float | None, standing: Standing, words: Words, primary: bool
) -> Lift:
    always = found.get("sequential") or found.get("group") or {}
    low, high = always.get("interval") or found.get("interval_adjusted") or found.get("interval") or (None, None)
    adjusted = always.get("p_value", found.get("p_adjusted", found.get("p_value")))
    status = ((standing.get("verdict") or {}).get("arms") or {}).get(found["arm"], "") if primary else ""
    if status in STATUSES:
        beaten = status == "loser" and low is not None and high is not None and low < 0 < high
        clarity, word = BEATEN if beaten else STATUSES[status]
        short = word
    else:
        clarity = clarity_of(low, high, better, (found.get("bounds") or {}).get("useful", useful))
        unproven = adjusted is not None and adjusted >= standing.get("alpha", 0.05)
        if too_early(standing) or (clarity in ("better", "worse") and unproven):
            clarity = "unclear"
        word, short = CLARITY[clarity], SHORT[clarity]
    return Lift(
        value=found["difference"],
        relative=found.get("relative"),
        low=low,
        high=high,
        p_adjusted=adjusted,
        best=found.get("probability_best"),
        saved=found.get("people_saved"),
        clarity=clarity,
        word=words.say(word),
        short=words.say(short),
    )


def too_early(standing: Standing) -> bool:
    """Whether the standing itself says that nothing may be read from it yet."""
    status = (standing.get("verdict") or {}).get("status")
    return status == "not_enough_people" or not (standing.get("safe_to_read") or {"ok": True})["ok"]


def clarity_of(low: float | None, high: float | None, better: str, useful: float | None) -> str:
    """What a range alone says: better, worse, same (it holds no useful lift either way), or unclear."""
    if low is None or high is None:
        return "unclear"
    if useful and -useful < low and high < useful:
        return "same"
    if low > 0:
        return "better" if better == "higher" else "worse"
    if high < 0:
        return "worse" if better == "higher" else "better"
    return "unclear"


def _guarded(name: str, standing: Standing) -> str:
    """How a guardrail stands over all arms: fail, undecided or pass; undecided while nothing is known."""
    found = {check["status"] for check in standing.get("guardrails", ()) if check["metric"] == name}
    return next((status for status in ("fail", "undecided", "pass") if status in found), "undecided")
