"""Everything that a contact experiences: nine variables, of which an arm changes one.

A new variable is one field of `Treatment` with its type, default and description.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from engine.core.combinations import CONTROL, arms_of
from engine.core.windows import DAYS, Hours

DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|h|d|w)\s*$")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
LONGEST = timedelta(days=3660)


def parse_duration(value: object) -> timedelta:
    """A span of time from `30m`, `4h` or `3d`; raises ValueError that shows the form."""
    if isinstance(value, timedelta):
        return value
    found = DURATION.match(value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"{value!r} is not a duration; write it as 30m, 4h or 3d")
    seconds = float(found[1]) * UNITS[found[2]]
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{value!r} is longer than ten years")
    return timedelta(seconds=seconds)


def duration_text(value: timedelta) -> str:
    """The shortest way to write a duration: `30m`, `4h`, `3d`."""
    seconds = value.total_seconds()
    for unit in ("d", "h", "m"):
        if seconds and seconds % UNITS[unit] == 0:
            return f"{seconds // UNITS[unit]:.0f}{unit}"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def parse_days(value: object) -> tuple[str, ...]:
    """Days of the week, in their order, from names such as `mon`."""
    if not isinstance(value, list | tuple):
        raise ValueError("days are a list such as [mon, tue, wed, thu, fri]")
    unknown = [day for day in value if day not in DAYS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not a day; days are {', '.join(DAYS)}")
    if not value:
        raise ValueError("a window with no day never opens; name at least one day")
    return tuple(day for day in DAYS if day in value)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(duration_text),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*[smhdw]\s*$", "examples": ["30m", "4h", "3d"]}),
]  # fmt: skip
Days = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_days),
    WithJsonSchema({"type": "array", "items": {"enum": list(DAYS)}, "minItems": 1}),
]


class Disposition(StrEnum):
    """How one call ended."""

    ANSWERED_HUMAN = "answered_human"
    ANSWERED_MACHINE = "answered_machine"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    INVALID_NUMBER = "invalid_number"
    BLOCKED = "blocked"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class Value(BaseModel):
    """A frozen value of an experiment file; what it does not know, it refuses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Timing(Value):
    """When a contact's first call is due."""

    after_order: Duration | None = Field(None, description="this long after the contact's order")
    window: Hours | None = Field(None, description="hours of the contact's own day")
    days: Days | None = Field(None, description="days of the contact's own week")
    expires_after: Duration | None = Field(
        None, description="not at all when it could not be placed this long after it was due"
    )


Redialled = Literal["answered_machine", "busy", "failed", "no_answer", "rejected", "unreachable"]
REDIALLED = frozenset(Disposition(word) for word in get_args(Redialled))


def parse_redialled(value: object) -> tuple[Disposition, ...]:
    """Dispositions after which a contact may be called again."""
    if not isinstance(value, list | tuple):
        raise ValueError("on is a list such as [no_answer, busy]")
    allowed = sorted(REDIALLED)
    unknown = [word for word in value if word not in allowed]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not redialed; what may be is {', '.join(allowed)}")
    return tuple(Disposition(word) for word in value)


When = Literal["window", "same_time_next_day", "another_part_of_day"]


class After(Value):
    """What a disposition does in its own way; what it does not say is as for all."""

    attempts: int | None = Field(
        None, ge=1, le=10, description="no further call when this many calls were made, the first among them"
    )
    gap: Duration | None = Field(None, description="time until the next call, at least")
    when: When | None = Field(None, description="when the next call is due")


class Redial(Value):
    """How often and when a contact who was not reached is called again."""

    attempts: int = Field(1, ge=1, le=10, description="calls to one contact at most, the first among them")
    gap: Duration = Field(timedelta(hours=4), description="time between two calls, at least")
    on: Annotated[
        tuple[Disposition, ...],
        BeforeValidator(parse_redialled),
        WithJsonSchema({"type": "array", "items": {"enum": sorted(REDIALLED)}}),
    ] = Field((Disposition.NO_ANSWER, Disposition.BUSY), description="dispositions that are called again")
    by: dict[Redialled, After] = Field({}, description="dispositions that are called again in a way of their own")
    when: When = Field(
        "window", description="when a further call is due: in the window, at the hour of the last call, at another hour"
    )
    windows: list[Hours] = Field(
        [], description="hours of the second call, the third and so on, in place of the arm's; the last for all after"
    )

    def after(self, disposition: Disposition) -> After | None:
        """Everything about the call after this disposition; None when it is not called again."""
        return self._afters.get(disposition)

    @cached_property
    def _afters(self) -> dict[Disposition, After]:
        plain = After(attempts=self.attempts, gap=self.gap, when=self.when)
        found = dict.fromkeys(self.on, plain)
        for name, own in self.by.items():
            found[Disposition(name)] = After(
                attempts=min(self.attempts, own.attempts or self.attempts),
                gap=self.gap if own.gap is None else own.gap,
                when=own.when or self.when,
            )
        return found

    def hours(self, attempt: int) -> Hours | None:
        """The hours of this attempt where the strategy names some."""
        return self.windows[min(attempt - 2, len(self.windows) - 1)] if attempt > 1 and self.windows else None

    @cached_property
    def minds_the_hour(self) -> bool:
        """Whether some further call hangs on the hour of the one before."""
        return any(after.when != "window" for after in self._afters.values())


class Treatment(Value):
    """What one arm does. Each field is a variable."""

    script: str = Field(description="the call script, a file of scripts/")
    voice: str | None = Field(None, description="the voice that speaks it")
    sms: str | None = Field(None, description="the hang-up message, a file of scripts/sms/")
    incentive: str | None = Field(None, description="what is offered, named under incentives")
    path: str | None = Field(None, description="the way from the link to the friend, named under paths")
    timing: Timing = Field(Timing(), description="when the first call is due")
    redial: Redial = Field(Redial(), description="what happens after a call that reached nobody")
    audience: dict[str, str | list[str]] | None = Field(
        None, description="the pack of contacts; compared, never randomized"
    )
    caller_id: str | None = Field(None, description="the number that the contact sees")

    def merged(self, change: dict[str, Any]) -> "Treatment":
        """This treatment with `change` on top; a mapping changes only the keys it names."""
        values = self.model_dump()
        for name, value in change.items():
            old = values.get(name)
            merges = name in ("timing", "redial") and isinstance(old, dict) and isinstance(value, dict)
            values[name] = {**(old or {}), **value} if merges else value
        return Treatment.model_validate(values)


class Treatments(dict[str, Treatment]):
    """Every arm's whole treatment, the control first; a combination of arms is put together when it is asked for."""

    def __init__(self, control: Treatment, changes: Mapping[str, dict[str, Any]]) -> None:
        super().__init__({CONTROL: control} | {arm: control.merged(change) for arm, change in changes.items()})
        self._changes = changes
        self._combined: dict[str, Treatment] = {}

    def __missing__(self, combination: str) -> Treatment:
        if combination not in self._combined:
            treatment = self[CONTROL]
            for arm in arms_of(combination):
                treatment = treatment.merged(self._changes[arm])
            self._combined[combination] = treatment
        return self._combined[combination]


VARIABLES = tuple(Treatment.model_fields)
VARIABLES_ZH = {
    "script": "话术", "voice": "音色", "sms": "短信", "incentive": "利益点", "path": "链路", "timing": "外呼时间",
    "redial": "重呼策略", "audience": "人群包", "caller_id": "外显号码",
}  # fmt: skip


def changed_variables(control: Treatment, arm: Treatment) -> tuple[str, ...]:
    """The variables in which `arm` differs from `control`."""
    return tuple(name for name in VARIABLES if getattr(control, name) != getattr(arm, name))
