"""A number read off one contact's outcome and averaged over contacts.

A metric is a weighted sum of outcome fields, and a ratio is one such sum over another. So what an arm's
contacts sum to (`Sums`: totals and products of fields) is enough for every metric, and a look reads no row.
A new metric is one entry of `METRICS`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Literal

from engine.core.outcomes import Outcome
from engine.stats.tallies import Tally

MetricKind = Literal["rate", "mean", "ratio"]
Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is averaged. `parts` weigh outcome fields; a ratio divides by the sum of `over`."""

    name: str
    zh: str
    label: str
    kind: MetricKind
    better: Literal["higher", "lower"]
    parts: Weights
    over: Weights = field(default_factory=dict)
    unit: Literal["", "seconds", "money"] = ""

    def number(self, outcome: Outcome) -> float:
        """One contact's number; for a ratio, its part above the line."""
        return weighed(self.parts, outcome)


def weighed(weights: Weights, outcome: Outcome) -> float:
    """The weighted sum of an outcome's fields."""
    return sum(weight * float(getattr(outcome, name)) for name, weight in weights.items())


def _rate(name: str, zh: str, label: str, of: str, better: Literal["higher", "lower"] = "higher") -> Metric:
    return Metric(name, zh, label, "rate", better, {of: 1.0})


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        _rate("connect", "接通率", "Connect rate", "connected"),
        _rate("intent", "意向率", "Intent rate", "intent"),
        _rate("conversion", "转化率", "Conversion rate", "converted"),
        _rate("order", "下单率", "Order rate", "ordered"),
        Metric("revenue", "人均收入", "Revenue per contact", "mean", "higher", {"revenue": 1.0}, unit="money"),
        Metric("cost", "人均成本", "Cost per contact", "mean", "lower", {"cost": 1.0}, unit="money"),
        Metric(
            "profit", "人均利润", "Profit per contact", "mean", "higher", {"revenue": 1.0, "cost": -1.0}, unit="money"
        ),
        Metric(
            "talk_time", "人均通话时长", "Talk time per contact", "mean", "higher", {"talk_seconds": 1.0},
            unit="seconds",
        ),
        _rate("early_hangup", "10秒内挂断率", "Hang-up in the first 10 s", "early_hangup", "lower"),
        _rate("message_delivered", "短信送达率", "Message delivered", "message_delivered"),
        _rate("link_opened", "链接打开率", "Link opened", "link_opened"),
        _rate("unanswered_question", "未答问题率", "Unanswered question", "unanswered_question", "lower"),
        _rate("opt_out", "拒绝联系率", "Opt-out", "opt_out", "lower"),
        _rate("complaint", "投诉率", "Complaint", "complaint", "lower"),
        Metric(
            "cost_per_conversion", "单个转化成本", "Cost per conversion", "ratio", "lower",
            {"cost": 1.0}, {"converted": 1.0}, "money",
        ),
        Metric(
            "revenue_per_call", "每通呼叫收入", "Revenue per call", "ratio", "higher",
            {"revenue": 1.0}, {"calls": 1.0}, "money",
        ),
    )
}  # fmt: skip

# The fields that are summed, and the pairs whose products some metric needs.
FIELDS = tuple(name for name in Outcome._fields if name not in ("dialled_at", "converted_at"))
FLAGS = tuple(name for name in FIELDS if name not in ("calls", "talk_seconds", "revenue", "cost"))  # 0 or 1


def _pairs() -> tuple[tuple[str, str], ...]:
    wanted = {(name, name) for name in FIELDS}
    for metric in METRICS.values():
        together = sorted({*metric.parts, *metric.over}, key=FIELDS.index)
        wanted.update(combinations_with_replacement(together, 2))
    return tuple(sorted(wanted, key=lambda pair: (FIELDS.index(pair[0]), FIELDS.index(pair[1]))))


PAIRS = _pairs()


@dataclass(frozen=True, slots=True)
class Sums:
    """What some contacts' outcomes sum to: their count, totals of `FIELDS`, and products of `PAIRS`."""

    count: int = 0
    totals: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(FIELDS, 0.0))
    products: Mapping[tuple[str, str], float] = field(default_factory=lambda: dict.fromkeys(PAIRS, 0.0))

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> "Sums":
        """The sums of these outcomes, one contact each."""
        count, totals, products = 0, dict.fromkeys(FIELDS, 0.0), dict.fromkeys(PAIRS, 0.0)
        for outcome in outcomes:
            count += 1
            for name in FIELDS:
                totals[name] += getattr(outcome, name)
            for one, other in PAIRS:
                products[one, other] += getattr(outcome, one) * getattr(outcome, other)
        return cls(count, totals, products)

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(
            self.count + other.count,
            {name: total + other.totals[name] for name, total in self.totals.items()},
            {pair: total + other.products[pair] for pair, total in self.products.items()},
        )

    def tally(self, metric: Metric) -> Tally:
        """The metric's tally; a ratio's denominator stands in the covariate's place."""
        return Tally(
            self.count,
            self._total(metric.parts),
            self._product(metric.parts, metric.parts),
            self._total(metric.over),
            self._product(metric.over, metric.over),
            self._product(metric.parts, metric.over),
        )

    def _total(self, weights: Weights) -> float:
        return sum(weight * self.totals[name] for name, weight in weights.items())

    def _product(self, one: Weights, other: Weights) -> float:
        return sum(
            a * b * self.products[(x, y) if (x, y) in self.products else (y, x)]
            for x, a in one.items()
            for y, b in other.items()
        )
