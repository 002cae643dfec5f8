"""What is asked, and what was counted: all that a standing is made of.

`Question` is settled before the first call; `Evidence` is what the ledger, a call log or bare counts say by now.
Both are plain values, so that a running experiment, an outside file and four numbers are judged by the same code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.core.denominators import AUDIENCE, variables_in
from engine.core.experiments import Guardrail, Spending
from engine.core.metrics import Metric, MetricKind
from engine.core.sentences import Label, Sentence
from engine.core.watches import Watch
from engine.stats.arguments import check_inside
from engine.stats.tallies import Tally

Method = Literal["fixed", "sequential", "group"]
Role = Literal["primary", "secondary", "guardrail", "descriptive"]
Stage = Literal["assigned", "dialled", "connected"]
Better = Literal["higher", "lower"]
PAUSED = "paused: "
"""So the reason begins for which an arm rests that a guardrail stopped; the guardrail's metric follows."""
FIRST_CONNECT = Label("the first-attempt connect rate", "首次呼叫接通率")
NOTHING = Tally(0, 0, 0)
HEARD_LATER = Label("what an arm changes is met only after the first connect", "方案的不同在首次接通之后才会体现")


@dataclass(frozen=True, slots=True)
class MetricTallies:
    """One metric's tallies per arm. `denominator` names whom the tallies count.

    `strata` holds the same people split; with `covariate` the tallies hold one known before the call.
    A ratio's denominator stands in the covariate's place. `apart` names the arms whose number may be shown and not
    compared, each with the reason.
    """

    name: str
    label: str
    zh: str
    kind: MetricKind
    better: Better
    role: Role
    denominator: str
    tallies: Mapping[str, Tally]
    strata: Mapping[str, Mapping[str, Tally]] | None = None
    covariate: bool = False
    unit: str = ""
    apart: Mapping[str, Sentence] = field(default_factory=dict)

    @classmethod
    def of(cls, metric: Metric, role: Role, tallies: Mapping[str, Tally], **rest: object) -> "MetricTallies":
        """The tallies of a metric of `METRICS`, over everyone assigned unless `rest` says otherwise."""
        values: dict[str, object] = {"denominator": "assigned", **rest}
        return cls(
            metric.name, metric.label, metric.zh, metric.kind, metric.better, role,
            tallies=tallies, unit=metric.unit, **values,  # type: ignore[arg-type]
        )  # fmt: skip

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.better == "higher" else -1

    def counted(self, arm: str) -> tuple[float, float]:
        """(successes, contacts) of a rate."""
        tally = self.tally(arm)
        return tally.total, tally.count

    def tally(self, arm: str) -> Tally:
        """The arm's tally, an empty one when nobody was counted."""
        return self.tallies.get(arm, NOTHING)

    def people(self, arm: str) -> int:
        """How many contacts stand behind the arm's number."""
        return round(self.counted(arm)[1])


@dataclass(frozen=True, slots=True)
class Question:
    """What is settled before the first call; `arms` has the control first.

    `smallest_useful_lift` is a difference in the primary metric's own unit, 0.01 for one point. `variables`
    says what each arm changes. `planned` are people per arm; `baseline` and `power` plan the race.
    `randomized` is false where chance did not deal the arms: then they are described and nothing is proven.
    `value_per_conversion` is money. With a `deadline` the race is read a last time at so many people over all arms;
    `least_new` are the people that a look of the race is worth, `same` the arms that shall be shown the same.
    `looks` and `spending` are those of planned looks. `costs` are those of the arms' incentives, where arms differ
    in them, the control's among them. `crossed` says that this is one variable of a factorial round: other variables
    are dealt to the same contacts, and `alpha` is this variable's part.
    """

    name: str
    arms: tuple[str, ...]
    control: str = "control"
    variables: Mapping[str, str | None] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    method: Method = "fixed"
    alpha: float = 0.05
    smallest_useful_lift: float = 0.01
    randomized: bool = True
    planned: int | None = None
    fingerprint: str = ""
    value_per_conversion: float | None = None
    level: float = 0.95
    guardrails: Mapping[str, Guardrail] = field(default_factory=dict)
    baseline: float = 0.12
    power: float = 0.8
    deadline: int | None = None
    least_new: int = 0
    same: tuple[str, ...] = ()
    looks: int = 5
    spending: Spending = "obrien-fleming"
    costs: Mapping[str, float] = field(default_factory=dict)
    crossed: bool = False

    def __post_init__(self) -> None:
        if not self.arms or self.arms[0] != self.control:
            raise ValueError(f"arms must begin with the control ({self.control}), not {self.arms}")
        if len(set(self.arms)) < len(self.arms):
            raise ValueError(f"arms must have different names, not {self.arms}")
        for name in ("alpha", "level", "baseline", "power"):
            check_inside(name, getattr(self, name))
        check_inside("smallest_useful_lift", self.smallest_useful_lift, 0.0, float("inf"))

    @property
    def treated(self) -> tuple[str, ...]:
        """The arms beside the control."""
        return self.arms[1:]

    def dealt(self, arm: str) -> bool:
        """Whether chance decides who is in the arm; an audience is another pack of people."""
        variable = self.variables.get(arm)
        return self.randomized and not (variable and AUDIENCE in variables_in(variable))


@dataclass(frozen=True, slots=True)
class LookCounts:
    """The primary metric at an earlier look: cumulative mature contacts and successes per arm."""

    contacts: Mapping[str, float]
    successes: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Placebo:
    """A number that no arm can change, per arm, and `why` it cannot."""

    metric: str
    tallies: Mapping[str, Tally]
    label: Label = FIRST_CONNECT
    why: Label = HEARD_LATER


@dataclass(frozen=True, slots=True)
class Delays:
    """Who converted how many hours after the first call, and who waits for how long: counts per part of the window.

    `hours` are the ends of the parts, the last the window's end. `converted` and `waited` hold everyone dialed, per
    arm; `settled` the conversions of those alone who had the whole window.
    """

    hours: tuple[float, ...]
    converted: Mapping[str, tuple[int, ...]]
    waited: Mapping[str, tuple[int, ...]]
    settled: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Segments:
    """The primary metric's tallies split by a column: segment value → arm → tally."""

    column: str
    values: Mapping[str, Mapping[str, Tally]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was counted by now. The first primary metric decides.

    `mature` and `waiting` are people outside and inside their conversion window; `finished` says that nothing
    more will come. `harm` holds (complaints, calls) per arm, `heard` (count, contacts) of other metrics that may
    pause an arm, over everyone called. `history` are the primary metric's earlier looks; `watch` and `race` are what
    the guards and the race carried from the latest. `resting` are arms that were not called since then, each with
    why. `by_adapter` names the adapters that placed the calls, with each one's stages where there are several.
    `per_day` is how many people a day the present pace reaches.
    """

    metrics: tuple[MetricTallies, ...]
    stages: Mapping[Stage, Mapping[str, int]] = field(default_factory=dict)
    placebo: Placebo | None = None
    mature: int | None = None
    waiting: int = 0
    finished: bool = False
    harm: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    heard: Mapping[str, Mapping[str, tuple[int, int]]] = field(default_factory=dict)
    history: tuple[LookCounts, ...] = ()
    race: Mapping[str, Any] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)
    resting: Mapping[str, str] = field(default_factory=dict)
    by_adapter: Mapping[str, Mapping[Stage, Mapping[str, int]]] = field(default_factory=dict)
    state: str = ""
    segments: tuple[Segments, ...] = ()
    per_day: float | None = None
    delays: Delays | None = None

    @property
    def primary(self) -> MetricTallies:
        """The metric that decides."""
        for metric in self.metrics:
            if metric.role == "primary":
                return metric
        raise ValueError("metrics must hold one whose role is primary")

    @property
    def stopped(self) -> dict[str, str]:
        """Arms that a guardrail stopped before, each with the guardrail's metric."""
        return {arm: why.removeprefix(PAUSED) for arm, why in self.resting.items() if why.startswith(PAUSED)}

    @property
    def closed(self) -> bool:
        """Whether a fixed horizon is reached: nothing more comes, and everyone had the time to convert."""
        return self.finished and self.waiting == 0
