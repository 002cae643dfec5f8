"""Calls whose fate nobody can tell: a person finds out and says so."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.errors import InputError, NotFound, NotNow
from engine.steps import dispatch, operations, settle
from engine.steps.reconcile import LONGEST_LIFE, reconcile
from engine.store import processes
from engine.telephony.adapter import Fate
from engine.workspace import Workspace
from tests.steps.makers import MONDAY, counts_of, make_workspace, number_of, rows_of, start
from tests.steps.test_protocol import campaign, through

LATE = MONDAY + LONGEST_LIFE


def lose_all(workspace: Workspace, folder: Path) -> list[str]:
    """Ten calls of which no receipt and no report came; returns their keys."""
    lost, adapter = through(start(workspace, campaign(folder)), fate=Fate.UNKNOWN, reason="no answer")
    dispatch.dispatch(workspace, lost, MONDAY, 100)
    reconcile(workspace, lost, LATE)
    return [request.call for _, request in adapter.asked]


def test_unknown_calls_are_shown_with_masked_numbers(tmp_path: Path) -> None:
    """Each has its key, when it was sent and why nobody can tell; other experiments have none."""
    with make_workspace(tmp_path) as workspace:
        keys = lose_all(workspace, tmp_path)
        (found,) = settle.unknown(workspace)
        assert {call.key for call in found.calls} == set(keys)
        assert all("*" in call.phone and call.closed and call.sent_at == MONDAY for call in found.calls)
        assert found.waiting == 0
        assert settle.unknown(workspace, "gift-first") == (found,)
        with pytest.raises(NotFound):
            settle.unknown(workspace, "gift-frist")


def test_what_a_person_found_out_counts_like_a_report(tmp_path: Path) -> None:
    """The call ends, its outcome follows, and who said so is kept."""
    with make_workspace(tmp_path) as workspace:
        first, second, *others = lose_all(workspace, tmp_path)
        settle.settle(workspace, first, "no_answer", "ann", "in the log", LATE)
        settle.settle(workspace, second, "answered_human", "ann", "heard it", LATE)
        assert counts_of(workspace, "SELECT state, count(*) FROM calls GROUP BY 1") == {"ended": 2, "unknown": 8}
        assert number_of(workspace, "SELECT sum(connected) FROM outcomes") == 1
        said = rows_of(workspace, "SELECT who, action, reason FROM audit WHERE action = 'settle' ORDER BY id")
        assert [tuple(row) for row in said] == [
            ("ann", "settle", "no_answer: in the log"), ("ann", "settle", "answered_human: heard it")
        ]  # fmt: skip
        assert len(others) == 8


def test_only_a_call_whose_fate_is_unknown_is_settled_by_hand(tmp_path: Path) -> None:
    """A word that is no disposition, a call that is not there, and one whose end is known are refused."""
    with make_workspace(tmp_path) as workspace:
        first, *_ = lose_all(workspace, tmp_path)
        with pytest.raises(InputError, match="is not how a call ends"):
            settle.settle(workspace, first, "unknown", "ann", "", LATE)
        with pytest.raises(NotFound):
            settle.settle(workspace, "gift-first/nobody/1", "no_answer", "ann", "", LATE)
        settle.settle(workspace, first, "no_answer", "ann", "", LATE)
        with pytest.raises(NotNow, match="this call is ended"):
            settle.settle(workspace, first, "busy", "ann", "", LATE)


def test_processes_are_listed_while_they_live_and_when_they_fell_silent(tmp_path: Path) -> None:
    """One that said nothing for half a minute is shown as dead."""
    with make_workspace(tmp_path) as workspace:
        with workspace.database.writing() as connection:
            processes.beat(connection, "one", "dispatcher", MONDAY)
            processes.beat(connection, "two", "dispatcher", MONDAY + timedelta(minutes=1))
        listed = operations.living(workspace, MONDAY + timedelta(minutes=1))
        assert [(each.process.name, each.alive) for each in listed] == [("one", False), ("two", True)]
