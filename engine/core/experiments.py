"""A question with a primary metric and two or more arms, as one file declares it.

`Experiment` is the whole of interface: the YAML, its JSON Schema, and what is stored at the
start are this model. Meaning that spans several fields is checked in `definitions`, where the
places of the words are known; what holds for one value is checked here.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from engine.core import combinations
from engine.core.caps import Cap
from engine.core.contacts import ContactColumns
from engine.core.shares import Level, Lift, PositiveLift, Share, parse_lift
from engine.core.treatments import (
    VARIABLES,
    Days,
    Duration,
    Treatment,
    Treatments,
    Value,
    changed_variables,
)

CONTROL = combinations.CONTROL
HOLDOUT = "holdout"
Spending = Literal["obrien-fleming", "pocock"]
FACTORIAL = "factorial"
NAME = re.compile(r"^[a-z0-9]+(?:-[a-z0-9]+)*$")


class State(StrEnum):
    """Where an experiment stands."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"  # every call is made; late conversions are awaited
    DECIDED = "decided"
    STOPPED = "stopped"


# What may be planted in a simulated arm: differences of rates over everybody called, and a factor of the delay.
DELAY = "delay"
EFFECTS = ("conversion", "connect", "intent", "early_hangup", "order", "opt_out", "complaint", DELAY)
LATER = {"caps": None, "consent": "region", "holidays": "region", "line": None}
LATER_OF: Mapping[str, Mapping[str, Any]] = {
    "columns": dict.fromkeys(("state", "consent", "consent_at", "consent_source", "consent_proof")),
    "pace": {"per_caller_id": None},
    "budget": {"calls_per_day": None, "spend_per_day": None},
    "redial": {"by": {}, "when": "window", "windows": []},
}
LIVE = frozenset({State.RUNNING, State.PAUSED, State.WAITING})


def parse_name(value: str) -> str:
    """A name of an experiment or arm: lower-case letters, digits and single hyphens."""
    if not NAME.match(value) or len(value) > 80:
        raise ValueError(f"{value!r} is not a name; use a-z, 0-9 and single hyphens, at most 80")
    return value


Name = Annotated[str, AfterValidator(parse_name)]


class Audience(Value):
    """Who may be called, and how they are dealt."""

    contacts: str | None = Field(
        None, description="a CSV or Parquet file, relative to this file, then to the workspace"
    )
    roster: bool = Field(False, description="people already imported")
    columns: ContactColumns = Field(ContactColumns(), description="which column says what")
    where: dict[str, str | list[str]] = Field({}, description="only contacts whose attributes have these values")
    region: str = Field("CN", pattern=r"^[A-Z]{2}$", description="ISO 3166 country of numbers without a country code")
    strata: list[str] = Field([], description="attributes within which arms are dealt evenly")
    holdout: Share = Field(0.0, description="share of contacts who get no call, to learn what calling itself adds")


class Size(Value):
    """How many people: a lift to find with some power, or a number."""

    lift: PositiveLift | None = Field(None, description="the lift to find")
    power: Level = Field(0.8, description="the chance to find it")
    baseline: Level = Field(0.12, description="the control's expected rate, for planning")
    contacts_per_arm: int | None = Field(None, ge=1, description="people in every arm, the control too")


class Guardrail(Value):
    """What must not get worse."""

    pause_at: int | None = Field(None, ge=1, description="pause an arm at this many")
    no_worse_by: PositiveLift | None = Field(None, description="alarm when worse than the control by this much")


class Metrics(Value):
    """What is read off each contact's outcome."""

    primary: str = Field("conversion", description="the metric that decides")
    secondary: list[str] = Field(["connect", "intent", "order", "revenue"], description="shown, corrected together")
    guardrails: dict[str, Guardrail] = Field(
        {"complaint": Guardrail(pause_at=3)}, description="what must not get worse"
    )


class Conversion(Value):
    """The event that counts as success, and how long it may take."""

    event: str = Field("friend_added", min_length=1, description="name of the event")
    within: Duration = Field(timedelta(hours=72), description="after the contact's first call")


class Decision(Value):
    """How the verdict is reached; fixed at the start."""

    method: Literal["sequential", "group", "fixed"] = Field(
        "sequential", description="sequential may be read at any time; fixed only at the end"
    )
    alpha: Level = Field(0.05, description="chance of any false winner, two-sided, over all arms")
    smallest_useful_lift: PositiveLift = Field(Lift(size=0.01), description="a lift below this is not worth a change")
    same: list[Name] = Field(
        [], description="arms that shall be shown the same as the control, within the smallest useful lift"
    )
    looks: int = Field(5, ge=2, le=20, description="how many planned looks, at even shares of the people; method group")
    spending: Spending = Field(
        "obrien-fleming", description="obrien-fleming proves little early, pocock about evenly; method group"
    )


class Schedule(Value):
    """From when to when calls may be made, on the contact's clock."""

    start: str | None = Field(None, description='the first minute, such as "2026-11-23 09:00"')
    end: str | None = Field(None, description="the last minute")
    days: Days | None = Field(None, description="days of the week")


class Pace(Value):
    """How fast calls are placed."""

    per_second: float = Field(5.0, gt=0, le=1000, description="calls placed a second, at most")
    concurrent: int = Field(60, ge=1, le=100_000, description="calls in flight, at most")
    per_caller_id: float | None = Field(
        None, gt=0, le=1000, description="calls placed a second from one caller number, at most"
    )
    ramp: Duration | None = Field(
        None, description="time over which the pace grows to its full, also after a pause and after trouble"
    )
    waves: Literal["auto", "off"] | int = Field(
        "off", description="dial so many people, wait for their conversions, look, dial the next"
    )


class Budget(Value):
    """What may be spent."""

    calls: int | None = Field(None, ge=1, description="calls at most")
    spend: float | None = Field(None, gt=0, description="money at most, in the adapter's currency")
    calls_per_day: int | None = Field(None, ge=1, description="calls a day at most; the rest wait for the next day")
    spend_per_day: float | None = Field(None, gt=0, description="money a day at most; the rest wait for the next day")


class Incentive(Value):
    """What is offered."""

    says: str = Field(min_length=1, description="how the script says it")
    cost: float = Field(0.0, ge=0, description="money that one costs")


class Path(Value):
    """The way from the message's link to the friend."""

    url: str = Field(pattern=r"^https?://", description="where the tracked link leads")
    says: str = Field("", description="how the script says it")
    steps: list[str] = Field([], description="the steps, for the funnel")


def parse_moment(text: str) -> datetime:
    """A local moment from `2026-11-23 09:00`; raises ValueError that shows the form."""
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"):
        try:
            return datetime.strptime(text.strip(), form)  # noqa: DTZ007  a wall clock's reading, of each contact's own zone
        except ValueError:
            continue
    raise ValueError(f'{text!r} is not a moment; write it as "2026-11-23 09:00"')


def _leave_out(values: dict[str, Any] | None, defaults: Mapping[str, Any]) -> None:
    """Drop what says no more than its default."""
    for name, default in defaults.items():
        if values is not None and name in values and values[name] == default:
            del values[name]


class Experiment(Value):
    """One experiment file."""

    experiment: Name = Field(description="its name, unique among all")
    hypothesis: str = Field("", description="what is believed, and by how much")
    owner: str = Field("", description="who answers for it")
    audience: Audience = Field(description="who may be called")
    control: Treatment = Field(description="what people get today")
    arms: dict[str, dict[str, Any]] = Field(description="each changes exactly one variable of the control")
    design: Literal["one-at-a-time", "factorial"] = Field(
        "one-at-a-time", description="factorial draws one level of every variable for each contact"
    )
    exclude: list[dict[str, str]] = Field([], description="combinations that are never drawn, each as variable: arm")
    shares: dict[str, Share] = Field({}, description="each arm's share of the contacts; the default is equal")
    size: Size = Field(Size(), description="how many people")
    metrics: Metrics = Field(Metrics(), description="what is measured")
    conversion: Conversion = Field(Conversion(), description="what counts as success")
    decision: Decision = Field(Decision(), description="how the verdict is reached")
    schedule: Schedule = Field(Schedule(), description="from when to when")
    pace: Pace = Field(Pace(), description="how fast")
    budget: Budget = Field(Budget(), description="what may be spent")
    caps: list[Cap] | None = Field(
        None, description="calls to one person over all experiments, in place of the region's default; see rules.md"
    )
    consent: Literal["region", "required"] = Field(
        "region", description="whether only people with a consent are called: as their region demands, or always"
    )
    holidays: Literal["region", "open"] = Field(
        "region", description="whether holidays that are closed by default, not by law, are open"
    )
    line: Literal["tencent", "aliyun", "volcengine", "huawei"] | None = Field(
        None, description="over whose line the calls go, where its provider has rules of its own"
    )
    incentives: dict[str, Incentive] = Field({}, description="what may be offered, by name")
    paths: dict[str, Path] = Field({}, description="ways from the link to the friend, by name")
    voices: list[str] = Field([], description="voices of the provider beside those that the adapter knows")
    values: dict[str, str] = Field({}, description="words that scripts may use for everybody, such as brand")
    adapter: str = Field("simulated", description="through which provider the calls go")
    settings: dict[str, Any] = Field({}, description="of the adapter; ${NAME} is read from the environment")
    confirms: str | None = Field(None, description="the experiment whose winners this one confirms together")
    follows: str | None = Field(None, description="the experiment that this round comes after")
    compatible_with: list[str] = Field([], description="experiments that may call the same people at the same time")
    truth: dict[str, Any] = Field({}, description="effects planted in the simulated population")

    @property
    def name(self) -> str:
        return self.experiment

    @cached_property
    def treatments(self) -> dict[str, Treatment]:
        """Every arm's whole treatment, the control first, in the file's order; a combination's when it is asked for."""
        return Treatments(self.control, self.arms)

    @property
    def is_factorial(self) -> bool:
        """Whether a contact draws a combination of arms rather than one arm."""
        return self.design == FACTORIAL

    @cached_property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Per variable that some arm changes, those arms: the levels of a factorial round beside the control's own."""
        changed = {arm: changed_variables(self.control, self.treatments[arm]) for arm in self.arms}
        found = {name: tuple(arm for arm in self.arms if name in changed[arm]) for name in VARIABLES}
        return {name: arms for name, arms in found.items() if arms}

    @property
    def all_shares(self) -> dict[str, float]:
        """Every arm's share, the control first and the holdout last when there is one; they sum to 1.

        In a factorial round each variable's levels and the control's own level of it sum to 1 by themselves, and
        the control's share is the mean of those over the variables.
        """
        holdout = {HOLDOUT: self.audience.holdout} if self.audience.holdout else {}
        if not self.is_factorial or not self.levels:
            return self._shares_among([*self.treatments]) | holdout
        each = [self._shares_among([CONTROL, *arms]) for arms in self.levels.values()]
        level = {arm: share for shares in each for arm, share in shares.items()}
        control = sum(shares[CONTROL] for shares in each) / len(each)
        return {arm: control if arm == CONTROL else level[arm] for arm in self.treatments} | holdout

    def _shares_among(self, names: Sequence[str]) -> dict[str, float]:
        """The shares of these arms, the control first among them, of everybody but the holdout."""
        if self.shares and not self.is_factorial:
            weights = {name: self.shares[name] for name in names}
        elif self.decision.method == "fixed" and self.size.contacts_per_arm is None:
            # With a fixed horizon the comparison with many arms is sharpest at a control of √arms to one.
            weights = dict.fromkeys(names, 1.0) | {CONTROL: (len(names) - 1) ** 0.5}
        else:
            weights = dict.fromkeys(names, 1.0)
        called = (1 - self.audience.holdout) / sum(weights.values())
        return {name: weight * called for name, weight in weights.items()}

    @property
    def planted(self) -> dict[str, dict[str, float]]:
        """Each arm's planted effects: metric → difference from the control, in the metric's own unit.

        A bare lift in `truth` is one of the conversion; a relative lift is of `size.baseline`. A combination's
        are added to those of its arms.
        """
        return {arm: self._effects(effects) for arm, effects in self.truth.items()}

    def _effects(self, effects: Any) -> dict[str, float]:
        named = effects if isinstance(effects, dict) else {"conversion": effects}
        return {
            metric: float(lift) if isinstance(lift, int | float) else parse_lift(lift).points(self.size.baseline)
            for metric, lift in named.items()
        }

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything declared; a changed file has another (law 8)."""
        values = self.model_dump(mode="json")
        # Keys that came later count only where they say something, so that no file changes by an upgrade.
        _leave_out(values, LATER)
        arms = (values["control"], *values["arms"].values())
        for whole in (values, values["audience"], *arms):
            for name, defaults in LATER_OF.items():
                _leave_out(whole.get(name), defaults)
        text = json.dumps(values, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
