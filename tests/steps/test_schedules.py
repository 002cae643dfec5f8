"""Random schedules of deaths, sleeps, lost answers and refusals: whatever happens, nobody is called twice.

Several processes share one database and one provider. Chance picks who does what next, when a process dies (at any
step of the protocol), sleeps with calls in hand and wakes up later, is thought dead while it lives, and what the
provider does to each request. `RINGLAB_SCHEDULES=200` plays as many schedules, 50 people each.
"""

import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine import failpoints
from engine.errors import InputError
from engine.steps import control, deal, dispatch, follow_up, receive, reconcile
from engine.steps import suppress as suppressing
from engine.store import queue
from engine.telephony.adapter import DialRequest, Fate, Finding, Found, Receipt
from engine.workspace import Running, Workspace
from tests.steps.makers import (
    MONDAY,
    STEADY,
    Wrapped,
    make_experiment,
    make_rows,
    make_workspace,
    number_of,
    replaced,
    rows_of,
    start,
    write_experiment,
)

SCHEDULES = int(os.environ.get("RINGLAB_SCHEDULES", "8"))
PEOPLE, MOVES, ATTEMPTS = 50, 60, 2
NAMES = ("one", "two")
OPEN = "('planned', 'begun', 'sent', 'accepted')"


class Died(BaseException):
    """A process ends here, as if it had lost its power."""


class Hostile(Wrapped):
    """The simulated provider behind a bad line: answers are lost, requests too, and it says later, no and nonsense."""

    def __init__(self, inner: Any, chance: Random) -> None:
        super().__init__(inner)
        self.chance, self.calm = chance, False
        self.late: list[str] = []

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        receipts = []
        for request in requests:
            if now > request.expires:
                receipts.append(Receipt(request.call, Fate.NOT_SENT, reason="too late"))
                continue
            luck = 1.0 if self.calm else self.chance.random()
            if luck < 0.06:
                receipts.append(Receipt(request.call, Fate.NOT_SENT, reason="no connection"))
            elif luck < 0.12:
                receipts.append(Receipt(request.call, Fate.REFUSED, reason="slow down", retry_after=30.0))
            elif luck < 0.14:
                receipts.append(Receipt(request.call, Fate.REFUSED, reason="no such number"))
            elif luck < 0.18:
                receipts.append(Receipt(request.call, Fate.UNKNOWN, reason="the line went down before it was placed"))
            elif luck < 0.19:
                raise RuntimeError("a mistake in the adapter")
            else:
                (receipt,) = super().submit([request], now)
                lost = luck < 0.27
                receipts.append(Receipt(request.call, Fate.UNKNOWN, reason="no answer") if lost else receipt)
        return receipts

    def find(self, call: str, now: datetime, to: str = "") -> Found:
        if not self.calm and self.chance.random() < 0.2:
            return Found(Finding.CANNOT_TELL)
        return super().find(call, now, to)


class Process:
    """One process: its own workspace, and the calls that it holds while it sleeps."""

    def __init__(self, folder: Path, providers: dict[str, Hostile]) -> None:
        self.workspace: Workspace = make_workspace(folder)
        self.runs: dict[str, Running] = {}
        for name, provider in providers.items():
            self.runs[name] = replaced(self.workspace.running(name), provider)
            self.workspace._running[name] = self.runs[name]
        self.asleep: list[tuple[str, Any]] = []

    def close(self) -> None:
        """Its connections are gone, and what it knew with them; the provider lives on."""
        self.workspace._running.clear()
        self.workspace.close()


class Storm:
    """One schedule."""

    def __init__(self, folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.chance, self.now = folder, Random(seed), MONDAY
        self.opener = make_workspace(folder)
        control_words = make_experiment()["control"] | {
            "redial": {"attempts": ATTEMPTS, "gap": "5m", "on": ["no_answer", "busy"]}
        }
        for name in NAMES:
            other = [each for each in NAMES if each != name]
            path = write_experiment(
                folder / name, make_rows(PEOPLE // 2 + 5), experiment=name, compatible_with=other,
                control=control_words, settings=STEADY | {"repeats": "10%", "disorder": "10%"},
            )  # fmt: skip
            start(self.opener, path, MONDAY)
        self.providers = {name: Hostile(self.opener.running(name).adapter, self.chance) for name in NAMES}
        self.processes = [Process(folder, self.providers) for _ in range(3)]
        self.deadly = 0.08
        for module in (dispatch, reconcile, follow_up):
            monkeypatch.setattr(module, "reached", self.reached)
        monkeypatch.setattr(failpoints, "reached", self.reached)

    def reached(self, name: str) -> None:
        """Every step of the protocol may be the last."""
        if self.chance.random() < self.deadly:
            raise Died(name)

    def move(self) -> None:
        """Something happens."""
        process, name = self.chance.choice(self.processes), self.chance.choice(NAMES)
        moves: list[tuple[float, Callable[[Process, str], object]]] = [
            (6, self.place), (2, self.fall_asleep), (2, self.wake), (4, self.hear), (2, self.reconcile),
            (2, self.wait), (0.3, self.suppress), (0.3, self.pause), (1, self.deal),
        ]  # fmt: skip
        act = self.chance.choices([act for _, act in moves], [weight for weight, _ in moves])[0]
        try:
            act(process, name)
        except Died:
            process.close()
            self.processes[self.processes.index(process)] = Process(self.folder, self.providers)
        for provider in self.providers.values():
            assert provider.book.doubles() == {}

    def place(self, process: Process, name: str) -> None:
        dispatch.dispatch(process.workspace, process.runs[name], self.now, self.chance.randint(1, 8))

    def fall_asleep(self, process: Process, name: str) -> None:
        """It begins calls, or writes them as sent, and then hears nothing for a while."""
        running = process.runs[name]
        batch = dispatch._claim(process.workspace, running, self.now, self.chance.randint(1, 5))
        if batch.begun and self.chance.random() < 0.5:
            batch = dispatch._send(process.workspace, running, batch, lambda: (self.now,))
        process.asleep.append((name, batch))

    def wake(self, process: Process, name: str) -> None:
        """It goes on where it was."""
        for held, batch in process.asleep:
            running, ready = process.runs[held], batch
            if not ready.requests:
                ready = dispatch._send(process.workspace, running, batch, lambda: (self.now,))
            receipts = dispatch._submitted(running, ready.requests, self.now)
            with process.workspace.database.writing() as connection:
                dispatch._keep_receipts(connection, running, ready, receipts, self.now)
        process.asleep.clear()

    def hear(self, process: Process, name: str) -> None:
        receive.poll(process.workspace, process.runs[name], self.now, self.chance.randint(1, 40))

    def reconcile(self, process: Process, name: str) -> None:
        """The leader settles; now and then it takes a living process for dead."""
        alive = {each.workspace.holder for each in self.processes if self.chance.random() < 0.8}
        reconcile.reconcile(process.workspace, process.runs[name], self.now, alive)

    def wait(self, process: Process, name: str) -> None:
        self.now += timedelta(seconds=self.chance.choice((1, 5, 30, 90, 400, 1200)))

    def suppress(self, process: Process, name: str) -> None:
        phone = f"199{self.chance.randrange(PEOPLE // 2):08}"
        suppressing.add(process.workspace, [phone], "asked", "storm", self.now)

    def pause(self, process: Process, name: str) -> None:
        with suppress(InputError):
            control.pause(process.workspace, name, "storm", "storm", self.now)
        self.now += timedelta(seconds=30)
        with suppress(InputError):
            control.resume(process.workspace, name, "calm", "storm", self.now)

    def deal(self, process: Process, name: str) -> None:
        deal.ahead(process.workspace, process.runs[name], self.now)

    def calm_down(self) -> None:
        """Nothing fails any more: every call comes to its end."""
        self.deadly = 0.0
        for provider in self.providers.values():
            provider.calm = True
        for process in self.processes:
            self.wake(process, "")
        workspace, runs = self.processes[0].workspace, self.processes[0].runs
        alive = {process.workspace.holder for process in self.processes}
        for _ in range(400):
            for running in runs.values():
                dispatch.dispatch(workspace, running, self.now, 100)
                while receive.poll(workspace, running, self.now).events:
                    pass
                reconcile.reconcile(workspace, running, self.now, alive)
                deal.ahead(workspace, running, self.now)
            if not number_of(workspace, f"SELECT count(*) FROM calls WHERE state IN {OPEN}"):
                return
            self.now += timedelta(minutes=4)
        pytest.fail(str(rows_of(workspace, "SELECT state, count(*) FROM calls GROUP BY 1")))

    def close(self) -> None:
        for process in self.processes:
            process.close()
        self.opener.close()


def lives(provider: Hostile) -> dict[str, list[tuple[int, int]]]:
    """When each person's calls lived at the provider, from its own memory: placed until ended."""
    connection: sqlite3.Connection = provider.book._connection
    query = (
        "SELECT asked.call, asked.at, max(reports.at) FROM asked JOIN reports ON reports.call = asked.call "
        "WHERE asked.message = '' AND reports.kind = 'ended' GROUP BY asked.id"
    )
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for call, placed, over in connection.execute(query):
        found[call.split("/")[1]].append((placed, over))
    return found


def check(storm: Storm) -> None:
    """What holds of every schedule."""
    workspace = storm.processes[0].workspace
    assert workspace.database.check() == ()
    placed: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for provider in storm.providers.values():
        assert provider.book.doubles() == {}
        for person, times in lives(provider).items():
            placed[person] += times
    for times in placed.values():
        times.sort()
        assert len(times) <= ATTEMPTS * len(NAMES)
        for (_, over), (begun, _) in pairwise(times):
            assert over <= begun  # no two calls of a person live at once
    asked = sum(provider.book.calls() for provider in storm.providers.values())
    assert asked == number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'ended'")  # nothing is lost
    begun = number_of(workspace, "SELECT count(*) FROM calls WHERE begun_at IS NOT NULL OR state = 'refused'")
    known = rows_of(workspace, "SELECT state, count(*) FROM calls WHERE state <> 'canceled' GROUP BY 1")
    assert {state for state, _ in known} <= {"ended", "refused", "unknown"}
    assert sum(count for _, count in known) == begun
    unexplained = (
        "SELECT count(*) FROM calls WHERE state = 'refused' AND (reason = '' OR NOT EXISTS (SELECT 1 FROM refusals "
        "WHERE refusals.contact_id = calls.contact_id AND refusals.experiment_id = calls.experiment_id))"
    )
    assert number_of(workspace, unexplained) == 0
    with workspace.database.reading() as connection:
        assert all(queue.in_flight(connection, running.id) == 0 for running in storm.processes[0].runs.values())


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_nobody_is_called_twice_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    """After every schedule: one live call per person, attempts as allowed, nothing lost, every refusal explained."""
    for seed in range(part, SCHEDULES, 8):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with monkeypatch.context() as patching:
            storm = Storm(folder, seed, patching)
            for _ in range(MOVES):
                storm.move()
            storm.calm_down()
            check(storm)
            storm.close()
