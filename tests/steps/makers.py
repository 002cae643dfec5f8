"""A whole workspace on a real database file: an experiment file, made-up contacts, and the simulated provider.

Nothing is faked. The provider's book is a file of its own, as a provider's memory is.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text

from engine.core.events import Event
from engine.runner import Simulation
from engine.settings import Settings
from engine.steps import enroll
from engine.telephony.adapter import DialRequest, Found, MessageRequest, Receipt
from engine.telephony.book import Book
from engine.telephony.simulated import Simulated
from engine.workspace import Running, Workspace
from tests import databases

MONDAY = datetime(2026, 11, 23, 2, tzinfo=UTC)  # ten o'clock in Shanghai, where the contacts live
COLUMNS = {"key": "id", "phone": "mobile", "name": "name", "ordered_at": "paid_at"}
SEGMENTS = ("new-buyer", "repeat", "lapsed")
TIERS = ("T1", "T2")
ALL_DAY = {"window": "09:00-20:00"}
STEADY = {"seed": 3, "hour_effect": "off"}  # what people do does not hang on the hour of the call


def make_rows(count: int, first: int = 0, **changes: str) -> list[dict[str, str]]:
    """Rows of a contact file, in mixed segments."""
    return [
        {
            "id": f"C{number:05}", "mobile": f"199{number:08}", "name": "王女士",
            "paid_at": f"2026-11-{1 + number % 20:02} 10:00", "segment": SEGMENTS[number % 3],
            "tier": TIERS[number // 3 % 2], **changes,
        }
        for number in range(first, first + count)
    ]  # fmt: skip


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """A contact file of these rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_experiment(**changes: Any) -> dict[str, Any]:
    """An experiment file's words: one script arm, two attempts, a message after the talk."""
    sound: dict[str, Any] = {
        "experiment": "gift-first",
        "audience": {"contacts": "contacts.csv", "columns": COLUMNS},
        "control": {
            "script": "classic", "sms": "link", "path": "mini", "timing": ALL_DAY,
            "redial": {"attempts": 2, "gap": "2h", "on": ["no_answer", "busy"]},
        },
        "arms": {"gift": {"script": "gift-first"}},
        "decision": {"method": "fixed"},
        "conversion": {"event": "friend_added", "within": "72h"},
        "paths": {"mini": {"url": "https://example.com/j"}},
        "pace": {"per_second": 20, "concurrent": 500},
        "caps": [{"calls": 3, "per": "24h"}],
        "settings": STEADY,
    }  # fmt: skip
    return sound | changes


def write_experiment(folder: Path, people: int | Sequence[Mapping[str, str]] = 240, **changes: Any) -> Path:
    """An experiment file with its contacts beside it; returns its path. JSON is YAML too."""
    values = make_experiment(**changes)
    path = folder / "experiments" / f"{values['experiment']}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    if values["audience"].get("contacts"):
        rows = make_rows(people) if isinstance(people, int) else people
        write_rows(path.parent / values["audience"]["contacts"], rows)
    return path


def make_workspace(folder: Path, seed: int | None = None) -> Workspace:
    """A workspace on the database of this folder, opened anew as another process would."""
    return Workspace(Settings(databases.here().url(folder), "https://ring.example"), folder, seed)


def start(workspace: Workspace, path: Path, now: datetime = MONDAY) -> Running:
    """Start an experiment file and open it."""
    return workspace.running(enroll.start(workspace, path, now).experiment)


def run_to_end(workspace: Workspace, path: Path, now: datetime = MONDAY) -> Simulation:
    """Start an experiment file and let its campaign play to the verdict."""
    simulation = Simulation(workspace, start(workspace, path, now))
    assert simulation.run()
    return simulation


def rows_of(workspace: Workspace, query: str, **values: Any) -> list[Any]:
    """What the database says."""
    with workspace.database.reading() as connection:
        return list(connection.execute(text(query), values))


def columns_of(workspace: Workspace, table: str) -> list[str]:
    """The names of a table's columns, in their order."""
    with workspace.database.reading() as connection:
        return [column["name"] for column in inspect(connection).get_columns(table)]


def counts_of(workspace: Workspace, query: str, **values: Any) -> dict[Any, int]:
    """Pairs of a query as a mapping."""
    return dict(rows_of(workspace, query, **values))


def number_of(workspace: Workspace, query: str, **values: Any) -> int:
    """The one number that the database answers."""
    return int(rows_of(workspace, query, **values)[0][0])


def arms_of(workspace: Workspace) -> dict[str, str]:
    """Contact's key → arm."""
    query = "SELECT contacts.key, arm FROM assignments JOIN contacts ON contacts.id = contact_id"
    return dict(tuple(row) for row in rows_of(workspace, query))


def outcomes_of(workspace: Workspace) -> list[Any]:
    """The whole table of outcomes, by contact."""
    return rows_of(workspace, "SELECT * FROM outcomes ORDER BY experiment_id, contact_id")


def replaced(running: Running, adapter: Any) -> Running:
    """The experiment calling through another adapter."""
    return replace(running, adapter=adapter)


class Wrapped:
    """The simulated provider with something in front of it: each request is seen before it is placed."""

    def __init__(self, inner: Any) -> None:
        self.inner: Simulated = inner
        self.capabilities = inner.capabilities
        self.asked: list[tuple[datetime, DialRequest]] = []

    @property
    def book(self) -> Book:
        return self.inner.book

    def before(self, requests: Sequence[DialRequest], now: datetime) -> None:
        """What a test wants to see or to break before the provider is asked."""

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        self.before(requests, now)
        self.asked += [(now, request) for request in requests]
        return self.inner.submit(requests, now)

    def send(self, requests: Sequence[MessageRequest], now: datetime) -> list[Receipt]:
        return self.inner.send(requests, now)

    def find(self, call: str, now: datetime, to: str = "") -> Found:
        return self.inner.find(call, now, to)

    def poll(self, since: str, now: datetime, limit: int) -> tuple[list[Event], str]:
        return self.inner.poll(since, now, limit)

    def next_event_at(self, since: str) -> datetime | None:
        return self.inner.next_event_at(since)

    def verify(self, headers: Mapping[str, str], body: bytes, url: str, now: datetime) -> None:
        self.inner.verify(headers, body, url, now)

    def parse(self, headers: Mapping[str, str], body: bytes) -> list[Event]:
        return self.inner.parse(headers, body)

    def close(self) -> None:
        self.inner.close()


def spread(order: Iterable[str], shares: Mapping[str, float]) -> float:
    """How far any prefix of an order of arms strays from the shares, in people."""
    seen = dict.fromkeys(shares, 0)
    worst = 0.0
    for place, arm in enumerate(order, start=1):
        seen[arm] += 1
        worst = max(worst, *(abs(seen[name] - share * place) for name, share in shares.items()))
    return worst
