"""Makers of the core's values, each with a sound default for everything."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core.calls import Call, call_key
from engine.core.contacts import Contact
from engine.core.events import Event, Kind
from engine.core.experiments import Experiment
from engine.core.treatments import Disposition

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 09:00 in Shanghai


def make_contact(key: str = "C1", **values: Any) -> Contact:
    """A contact in Shanghai."""
    return Contact(**{"key": key, "phone": "+8619900000001", "region": "CN", "timezones": ("Asia/Shanghai",), **values})


def make_experiment(**values: Any) -> Experiment:
    """An experiment with one script arm."""
    sound: dict[str, Any] = {
        "experiment": "gift-first",
        "audience": {"roster": True},
        "control": {"script": "classic", "redial": {"attempts": 2, "gap": "4h"}},
        "arms": {"gift": {"script": "gift-first"}},
        "decision": {"method": "fixed"},
    }
    return Experiment.model_validate(sound | values)


def make_call(attempt: int = 1, **values: Any) -> Call:
    """A call of the control, due on Monday at nine."""
    sound = {
        "key": call_key("gift-first", "C1", attempt), "experiment": "gift-first", "contact": "C1", "arm": "control",
        "attempt": attempt, "due_at": MONDAY, "not_after": MONDAY + timedelta(days=30), "rank": 0,
    }  # fmt: skip
    return Call(**(sound | values))


def make_event(kind: Kind = Kind.ENDED, key: str = "e1", minutes: float = 1, **values: Any) -> Event:
    """An event about the first call, some minutes after Monday at nine."""
    at = MONDAY + timedelta(minutes=minutes)
    defaults: Mapping[str, Any] = {"call": call_key("gift-first", "C1", 1)}
    if kind is Kind.ENDED:
        defaults = {**defaults, "disposition": Disposition.ANSWERED_HUMAN, "seconds": 30.0}
    return Event(**{"key": key, "kind": kind, "at": at, **defaults, **values})
