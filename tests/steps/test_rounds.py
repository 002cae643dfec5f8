"""A verdict in, the next round's file out: what is written is an experiment file that loads and starts."""

from pathlib import Path
from typing import Any

import pytest

from engine.core.experiments import Experiment
from engine.errors import NotFound, NotNow
from engine.steps import control, enroll, report
from engine.steps.rounds import write_next
from engine.workspace import Workspace
from tests.steps.makers import (
    MONDAY,
    make_workspace,
    number_of,
    run_to_end,
    start,
    write_experiment,
)

ARMS = {"gift": {"script": "gift-first"}, "story": {"script": "story"}, "coupon": {"sms": "coupon-reminder"}}
TRUTH = {"gift": "20pt", "story": "-10pt", "coupon": "1pt"}
SIZE = {"contacts_per_arm": 200}


def decided(folder: Path, workspace: Workspace, **changes: Any) -> None:
    """A first round with a clear winner, a clear loser and an arm that nobody can tell from the control."""
    values: dict[str, Any] = {"arms": ARMS, "truth": TRUTH, "size": SIZE, "experiment": "poc-round-1"}
    run_to_end(workspace, write_experiment(folder, 1700, **(values | changes)))


def written(folder: Path, workspace: Workspace, text: str) -> tuple[Path, Experiment]:
    """The written file in its place, and what it declares."""
    path = folder / "experiments" / "written.yaml"
    path.write_text(text, encoding="utf-8")
    return path, workspace.load(path)


@pytest.mark.slow
def test_rounds_follow_one_another(tmp_path: Path) -> None:
    """The winner becomes the control, losers go, the undecided stay; the file loads, starts, and calls new people.

    The confirming round sets everything that was learned against the control that the series began with.
    """
    with make_workspace(tmp_path) as workspace:
        decided(tmp_path, workspace)
        statuses = report.standing(workspace, "poc-round-1", MONDAY)["verdict"]["arms"]
        assert (statuses["gift"], statuses["story"]) == ("winner", "loser")
        path, second = written(tmp_path, workspace, write_next(workspace, "poc-round-1", MONDAY, confirm=False))
        assert (second.name, second.follows, second.control.script) == ("poc-round-2", "poc-round-1", "gift-first")
        assert second.arms == {"coupon": {"sms": "coupon-reminder"}}
        assert second.settings["conversion"] == "32%"
        done = enroll.start(workspace, path, MONDAY)
        assert sum(done.refused.values()) == 800  # who asked not to be called is refused for that
        control.stop(workspace, "poc-round-2", "long enough", "ann", MONDAY)
        text = write_next(workspace, "poc-round-2", MONDAY, confirm=True)
        path, last = written(tmp_path, workspace, text)
        assert (last.name, last.confirms, last.control.script) == ("poc-confirm", "poc-round-2", "classic")
        assert last.arms == {"combination": {"script": "gift-first"}}
        assert last.planted["combination"]["conversion"] == pytest.approx(0.2)
        done = enroll.start(workspace, path, MONDAY)
        assert sum(done.refused.values()) == 1200
        assert (
            number_of(
                workspace,
                "SELECT max(n) FROM (SELECT count(*) AS n FROM assignments GROUP BY contact_id) AS found",
            )
            == 1
        )


def test_a_round_without_a_verdict_has_no_next(tmp_path: Path) -> None:
    """The next round of a running experiment is refused with what to do; an unknown name with the nearest."""
    with make_workspace(tmp_path) as workspace:
        start(workspace, write_experiment(tmp_path, 20))
        with pytest.raises(NotNow, match="gift-first is running; the next round follows its verdict: ringlab run"):
            write_next(workspace, "gift-first", MONDAY, confirm=False)
        with pytest.raises(NotFound, match="did you mean 'gift-first'"):
            write_next(workspace, "gift-frist", MONDAY, confirm=True)


def test_nothing_is_confirmed_that_was_not_learned(tmp_path: Path) -> None:
    """An experiment that was stopped before anybody converted keeps its arms for the next round."""
    with make_workspace(tmp_path) as workspace:
        start(workspace, write_experiment(tmp_path, 20))
        control.stop(workspace, "gift-first", "wrong list", "ann", MONDAY)
        with pytest.raises(NotNow, match="nothing to confirm"):
            write_next(workspace, "gift-first", MONDAY, confirm=True)
        text = write_next(workspace, "gift-first", MONDAY, confirm=False, new_name="second-try")
        _, again = written(tmp_path, workspace, text)
        assert (again.name, again.follows, again.arms) == (
            "second-try",
            "gift-first",
            {"gift": {"script": "gift-first"}},
        )
