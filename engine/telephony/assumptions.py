"""What the simulated population is assumed to be: the settings of the simulated adapter.

Each field is one setting with its default, its reader and its meaning. Shares are written `72%` or
`0.72`, durations `6h`, money as a number, switches `on` or `off`.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from datetime import timedelta
from typing import Any

from engine.core.shares import parse_share, share_text
from engine.core.treatments import duration_text, parse_duration
from engine.errors import InputError, did_you_mean

ADDS_UP = ("machine", "busy", "no_answer", "invalid", "unreachable", "rejected")


def read_seed(value: object) -> int:
    """A seed: a whole number from 0 on, also as text; raises ValueError."""
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise ValueError(f"{value!r} is not a seed; write a whole number of at most 18 digits, such as 1")
    return int(text)


def read_money(value: object) -> float:
    """An amount of money of 0 or more, also as text; raises ValueError."""
    try:
        amount = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else -1.0
    except (ValueError, OverflowError):
        amount = -1.0
    if not 0 <= amount < 1e9:
        raise ValueError(f"{value!r} is not an amount of money; write a number such as 0.15")
    return amount


def read_switch(value: object) -> bool:
    """`on` or `off`; raises ValueError."""
    words = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError(f"{value!r} is neither on nor off")


def read_secret(value: object) -> str:
    """A secret, as text; raises ValueError that does not show it."""
    if not isinstance(value, str):
        raise ValueError("a secret is text; write it as ${NAME} and set NAME in the environment")
    return value


def read_span(value: object) -> timedelta:
    """A duration of more than nothing and at most 30 days; raises ValueError."""
    span = parse_duration(value)
    if not timedelta(0) < span <= timedelta(days=30):
        raise ValueError(f"{value!r} is not more than 0s and at most 30d")
    return span


def _share(default: float, says: str) -> float:
    return field(default=default, metadata={"reads": parse_share, "writes": share_text, "says": says})


def _money(default: float, says: str) -> float:
    return field(default=default, metadata={"reads": read_money, "writes": str, "says": says})


def _span(seconds: float, says: str) -> timedelta:
    default = timedelta(seconds=seconds)
    return field(default=default, metadata={"reads": read_span, "writes": duration_text, "says": says})


def _switch(default: bool, says: str) -> bool:
    writes = {True: "on", False: "off"}
    return field(default=default, metadata={"reads": read_switch, "writes": writes.__getitem__, "says": says})


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The population's rates. What is "of the list" counts everybody who was called at least once."""

    seed: int = field(
        default=1,
        metadata={"reads": read_seed, "writes": str, "says": "the same seed gives the same campaign"},
    )
    connect: float = _share(0.72, "people reached within two attempts, of the list; at least 35%")
    conversion: float = _share(0.12, "people who become a friend, of the list; at most 35%")
    intent: float = _share(0.135, "people who say yes, of those reached who do not convert; the converted all do")
    early_hangup: float = _share(0.215, "people who hang up within ten seconds, of those reached who do not convert")
    ordered: float = _share(0.5, "people who order, of those converted")
    order_value: float = _money(180.0, "mean value of an order")
    opt_out: float = _share(0.01, "people who ask not to be called again, of those reached")
    complaint: float = _share(0.0001, "people who complain hours later, of those reached")
    no_answer: float = _share(0.45, "calls that ring out, of first calls that nobody answers")
    busy: float = _share(0.17, "numbers that are busy, of first calls that nobody answers")
    machine: float = _share(0.12, "machines that answer, of first calls that no person answers")
    unreachable: float = _share(0.12, "phones that are off, of first calls that nobody answers")
    rejected: float = _share(0.09, "calls that are declined, of first calls that nobody answers")
    invalid: float = _share(0.05, "numbers that do not exist, of first calls that nobody answers")
    talk: timedelta = _span(35, "mean talk time when the script takes 40 s; 22s to 43s can be reached")  # noqa: RUF009  it is a field
    cost_per_minute: float = _money(0.15, "price of each started minute of talk")
    cost_per_message: float = _money(0.05, "price of a message")
    delivered: float = _share(0.96, "messages delivered, of those to people who do not convert")
    opens: float = _share(0.25, "links opened, of messages delivered to people who do not convert")
    conversion_delay: timedelta = _span(  # noqa: RUF009  it is a field
        6 * 3600, "median time from the call to the conversion; at 6h, 99.9% lie within 72h"
    )
    hour_effect: bool = _switch(True, "whether the hour of the contact's day changes who answers")
    drift: float = _share(0.0, "how much the conversion rate swings from morning to evening, relative")
    late: float = _share(0.0, "reports that come up to an hour late")
    repeats: float = _share(0.0, "reports that come twice")
    disorder: float = _share(0.0, "reports that later ones overtake")
    lost_receipts: float = _share(0.0, "requests that are accepted without an answer")
    refuses: float = _share(0.0, "requests that are refused")
    progress: bool = _switch(False, "whether ringing and answering are reported too")
    secret: str = field(
        default="",
        repr=False,
        metadata={"reads": read_secret, "writes": str, "says": "signs webhooks; without it none is believed"},
    )

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "Assumptions":
        """Assumptions from an experiment file's settings; raises InputError with everything that is wrong."""
        known = {each.name: each for each in fields(cls)}
        values: dict[str, Any] = {}
        problems = []
        for name, value in settings.items():
            if name not in known:
                problems.append(f"{name}: there is no such setting{did_you_mean(str(name), known)}")
                continue
            try:
                values[name] = known[name].metadata["reads"](value)
            except ValueError as error:
                problems.append(f"{name}: {error}")
        if not problems:
            assumptions = cls(**values)
            problems.extend(assumptions._contradictions())
        if problems:
            raise InputError("settings of the simulated adapter: " + "; ".join(problems))
        return assumptions

    def _contradictions(self) -> list[str]:
        problems = []
        total = sum(getattr(self, name) for name in ADDS_UP)
        if abs(total - 1) > 1e-6:
            problems.append(f"{', '.join(ADDS_UP)} add up to {share_text(total)}; make it 100%")
        if self.machine + self.invalid >= 1:
            problems.append("machine and invalid leave nobody who may answer later; make them less than 100%")
        if not timedelta(seconds=10) <= self.talk <= timedelta(minutes=5):
            problems.append(f"talk: {duration_text(self.talk)} is outside 10s to 5m")
        return problems


def settings_described() -> dict[str, str]:
    """Each setting's name and meaning, with its default."""
    return {each.name: _described(each) for each in fields(Assumptions)}


def _described(setting: Field[Any]) -> str:
    default = setting.metadata["writes"](setting.default) or "none"
    return f"{setting.metadata['says']} (default {default})"
