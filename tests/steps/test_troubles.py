"""Trouble on a line: it rests in every process, is tried again, and goes on; a person may end the rest."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.errors import NotNow
from engine.steps import control, report, troubles
from engine.steps.advance import Pacer, turn
from engine.steps.receive import take
from engine.telephony.adapter import DialRequest, Fate, Receipt
from engine.workspace import Running, Workspace
from tests import databases
from tests.cli.makers import ringlab
from tests.steps.makers import (
    MONDAY,
    Wrapped,
    counts_of,
    make_rows,
    make_workspace,
    replaced,
    rows_of,
    start,
    write_experiment,
)

SECOND = timedelta(seconds=1)
AUDIT = "SELECT who, action, subject FROM audit WHERE who = 'breaker' ORDER BY id"


class Line(Wrapped):
    """A provider whose answers to the next requests a test sets."""

    def __init__(self, inner: Any, **answer: Any) -> None:
        super().__init__(inner)
        self.answer: dict[str, Any] | None = answer or None

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        self.asked += [(now, request) for request in requests]
        if self.answer is None:
            return self.inner.submit(requests, now)
        return [Receipt(request.call, **self.answer) for request in requests]


def play(workspace: Workspace, running: Running, begin: datetime, seconds: float, step: timedelta = SECOND) -> int:
    """Turns over some time; returns how many calls the provider took."""
    now, placed = begin, 0
    while now < begin + timedelta(seconds=seconds):
        placed += turn(workspace, running, Pacer.of(running), now, SECOND).placed
        now += step
    return placed


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.UNKNOWN, Fate.NOT_SENT])
def test_a_provider_that_fails_is_left_alone_and_tried_again(tmp_path: Path, fate: Fate) -> None:
    """After twenty calls that came to nothing the account rests, then five calls try it, then all goes on."""
    path = write_experiment(tmp_path, 300, pace={"per_second": 4, "concurrent": 500})
    with make_workspace(tmp_path) as workspace, make_workspace(tmp_path) as other:
        running = start(workspace, path)
        line = Line(running.adapter, fate=fate, reason="500")
        through = replaced(running, line)
        assert play(workspace, through, MONDAY, 30) == 0
        assert 20 <= len(line.asked) <= 24
        (rest,) = report.resting(workspace, MONDAY)
        assert (rest.subject, rest.name, rest.trouble) == ("account", "simulated/gift-first", "refusals")
        assert rest.until - line.asked[-1][0] == timedelta(minutes=5)
        assert report.resting(other, MONDAY) == (rest,)
        assert play(other, replaced(other.running("gift-first"), line), MONDAY + 30 * SECOND, 60) == 0
        assert len(line.asked) <= 24  # the other process rests too
        line.answer, tried = None, len(line.asked)
        assert play(workspace, through, rest.until, 2) == 5
        assert len(line.asked) == tried + 5
        assert play(workspace, through, rest.until + 2 * SECOND, 20) >= 70
        assert [tuple(row) for row in rows_of(workspace, AUDIT)] == [
            ("breaker", "trip", "account:simulated/gift-first"), ("breaker", "close", "account:simulated/gift-first"),
        ]  # fmt: skip
        assert report.resting(workspace, MONDAY) == ()


def test_a_trial_that_fails_makes_the_rest_longer(tmp_path: Path) -> None:
    """Ten minutes after the second trip in a row."""
    path = write_experiment(tmp_path, 100, pace={"per_second": 4, "concurrent": 500})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        line = Line(running.adapter, fate=Fate.REFUSED, reason="503")
        through = replaced(running, line)
        play(workspace, through, MONDAY, 10)
        (first,) = report.resting(workspace, MONDAY)
        asked = len(line.asked)
        play(workspace, through, first.until, 10)
        (second,) = report.resting(workspace, MONDAY)
        assert len(line.asked) == asked + 5
        assert second.until - line.asked[-1][0] == timedelta(minutes=10)


def test_a_provider_is_given_the_time_that_it_asks_for(tmp_path: Path) -> None:
    """Retry-After holds for the account, over all its experiments, and not a second longer."""
    settings = {"seed": 3, "account": "line"}
    with make_workspace(tmp_path) as workspace:
        both = []
        for number, name in enumerate(("first", "second")):
            path = write_experiment(
                tmp_path, make_rows(60, 100 * number), experiment=name, settings=settings,
                audience={"contacts": f"{name}.csv", "columns": {"key": "id", "phone": "mobile"}},
                pace={"per_second": 1, "concurrent": 500},
            )  # fmt: skip
            running = start(workspace, path)
            both.append(replaced(running, Line(running.adapter)))
        first, second = both
        first.adapter.answer = {"fate": Fate.REFUSED, "reason": "over_limit", "retry_after": 40.0}
        assert play(workspace, first, MONDAY, 1) == 0
        first.adapter.answer = None
        (rest,) = report.resting(workspace, MONDAY)
        assert (rest.trouble, rest.until, rest.experiments) == (
            "retry_after", MONDAY + 40 * SECOND, ("first", "second"),
        )  # fmt: skip
        assert play(workspace, second, MONDAY, 40) == play(workspace, first, MONDAY, 40) == 0
        assert play(workspace, second, MONDAY + 40 * SECOND, 10) >= 9
        assert play(workspace, first, MONDAY + 40 * SECOND, 10) >= 9


def end(workspace: Workspace, keys: Sequence[str], now: datetime, disposition: Disposition, detail: str = "") -> None:
    """The provider reports these calls as ended."""
    events = [
        Event(key=f"{key}/end", kind=Kind.ENDED, at=now, call=key, disposition=disposition, detail=detail)
        for key in keys
    ]
    with workspace.database.writing() as connection:
        take(workspace, connection, "simulated", events, now)


def calls(line: Line, arm: str) -> list[str]:
    return [request.call for _, request in line.asked if request.arm == arm]


@pytest.mark.parametrize(("disposition", "detail"), [(Disposition.BLOCKED, ""), (Disposition.REJECTED, "SIP 607")])
def test_a_number_that_is_taken_for_spam_rests(tmp_path: Path, disposition: Disposition, detail: str) -> None:
    """Enough calls that a filter stopped: the caller number is used no more for hours; repeats count once."""
    arms = {"number": {"caller_id": "+864008000000"}}
    path = write_experiment(tmp_path, 100, arms=arms, pace={"per_second": 20, "concurrent": 500})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        running.adapter.capabilities = replace(running.adapter.capabilities, polls=False)  # type: ignore[misc]
        line = Line(running.adapter)
        through = replaced(running, line)
        play(workspace, through, MONDAY, 2)
        mine = calls(line, "number")[:12]
        for _ in range(5):
            end(workspace, mine[:9], MONDAY + 5 * SECOND, disposition, detail)
        assert report.resting(workspace, MONDAY) == ()
        end(workspace, mine, MONDAY + 6 * SECOND, disposition, detail)
        (rest,) = report.resting(workspace, MONDAY)
        assert (rest.subject, rest.name, rest.trouble) == (
            "caller", "simulated/gift-first/+864008000000", "high_risk",
        )  # fmt: skip
        before = len(calls(line, "number"))
        play(workspace, through, MONDAY + 10 * SECOND, 600, 10 * SECOND)
        assert len(calls(line, "number")) == before
        assert len(calls(line, "control")) <= before + 2  # arms stay side by side
        control.resume(workspace, "gift-first", "the carrier cleared it", "test", MONDAY + 700 * SECOND)
        play(workspace, through, MONDAY + 700 * SECOND, 10)
        assert len(calls(line, "number")) > before
        assert report.resting(workspace, MONDAY) == ()


def test_a_person_may_end_a_rest(tmp_path: Path) -> None:
    """`ringlab status` says what rests, why and until when; `ringlab resume` ends it, and who did it is kept."""
    path = write_experiment(tmp_path, 100, pace={"per_second": 20, "concurrent": 500})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        with pytest.raises(NotNow, match="cannot be asked to resume"):
            control.resume(workspace, "gift-first", "why not", "test", MONDAY)
        play(workspace, replaced(running, Line(running.adapter, fate=Fate.REFUSED)), MONDAY, 3)
        (rest,) = report.resting(workspace, MONDAY)
    database = ("--database", databases.here().url(tmp_path))
    said = ringlab("status", *database).out
    assert f"the account simulated/gift-first rests until {rest.until:%Y-%m-%d %H:%M} UTC" in " ".join(said.split())
    assert "the provider refused calls" in " ".join(said.split())
    assert ringlab("resume", "gift-first", "--reason", "the line is good again", *database).status == 0
    with make_workspace(tmp_path) as workspace:
        assert report.resting(workspace, MONDAY) == ()
        running = workspace.running("gift-first")
        assert play(workspace, replaced(running, Line(running.adapter)), MONDAY + 20 * SECOND, 2) > 0
        resumed = "SELECT subject, reason FROM audit WHERE action = 'resume'"
        assert [tuple(row) for row in rows_of(workspace, resumed)] == [
            ("account:simulated/gift-first", "the line is good again")
        ]


def test_a_pause_is_ended_on_the_campaigns_own_clock(tmp_path: Path) -> None:
    """Whenever a simulated campaign is resumed, its pace grows from where its own clock stands."""
    pace = {"per_second": 10, "concurrent": 5000, "ramp": "20s"}
    path = write_experiment(tmp_path, 900, pace=pace)
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        assert play(workspace, running, MONDAY, 30) > 150
        for moment in (MONDAY + timedelta(days=400), MONDAY - timedelta(days=400)):
            control.pause(workspace, "gift-first", "lunch", "test", moment)
            control.resume(workspace, "gift-first", "back", "test", moment)
        assert play(workspace, running, MONDAY + 30 * SECOND, 5) <= 15
        assert play(workspace, running, MONDAY + 50 * SECOND, 10) >= 90


def test_calls_that_fail_after_they_were_taken_rest_the_account(tmp_path: Path) -> None:
    """A provider that takes every call and connects none is no better than one that refuses."""
    path = write_experiment(tmp_path, 200, pace={"per_second": 20, "concurrent": 500})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        running.adapter.capabilities = replace(running.adapter.capabilities, polls=False)  # type: ignore[misc]
        line = Line(running.adapter)
        play(workspace, replaced(running, line), MONDAY, 3)
        keys = [request.call for _, request in line.asked]
        end(workspace, keys[:15], MONDAY + 5 * SECOND, Disposition.BUSY)
        end(workspace, keys[15:28], MONDAY + 6 * SECOND, Disposition.FAILED, "503")
        assert report.resting(workspace, MONDAY) == ()
        end(workspace, keys[28:31], MONDAY + 7 * SECOND, Disposition.FAILED, "503")
        (rest,) = report.resting(workspace, MONDAY)
        assert (rest.subject, rest.trouble) == ("account", "technical")


def test_a_line_that_works_never_rests(tmp_path: Path) -> None:
    """Busy lines, machines, declined calls and a few lost receipts are what telephones are like."""
    settings = {"seed": 3, "lost_receipts": "20%", "refuses": "20%"}
    path = write_experiment(tmp_path, 300, settings=settings)
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        play(workspace, running, MONDAY, 600, 5 * SECOND)
        assert rows_of(workspace, AUDIT) == []
        assert counts_of(workspace, "SELECT kind, sum(calls) FROM signals GROUP BY 1")["refusals"] >= 290
        with workspace.database.reading() as connection:
            assert troubles.resting(connection, [running.experiment], {"gift-first": MONDAY}) == ()
