"""The read side that command line and pages share, in every state of an experiment."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from engine.core.experiments import State
from engine.errors import NotFound
from engine.runner import Simulation
from engine.steps import cards, control, report
from engine.steps.dispatch import dispatch
from engine.steps.receive import poll
from engine.workspace import Running, Workspace
from tests.steps.makers import (
    COLUMNS,
    MONDAY,
    make_workspace,
    number_of,
    outcomes_of,
    rows_of,
    start,
    write_experiment,
)

NAME = "gift-first"
LATER = MONDAY + timedelta(days=30)


def play(workspace: Workspace, running: Running) -> None:
    Simulation(workspace, running).run()


def call_all(workspace: Workspace, running: Running) -> None:
    Simulation(workspace, running).run("empty")


def pause(workspace: Workspace, running: Running) -> None:
    dispatch(workspace, running, MONDAY, 10)
    control.pause(workspace, NAME, "too loud", "ann", MONDAY)


def stop(workspace: Workspace, running: Running) -> None:
    dispatch(workspace, running, MONDAY, 10)
    poll(workspace, running, MONDAY + timedelta(hours=1))
    control.stop(workspace, NAME, "enough", "ann", MONDAY)


def nothing(workspace: Workspace, running: Running) -> None:
    """It was just started."""


@pytest.mark.parametrize(
    ("happens", "state", "calls"),
    [
        (nothing, State.RUNNING, False), (pause, State.PAUSED, False), (call_all, State.WAITING, True),
        (play, State.DECIDED, True), (stop, State.STOPPED, True),
    ],
)  # fmt: skip
def test_cards_and_results_of_every_state(
    tmp_path: Path, happens: Callable[[Workspace, Running], None], state: State, calls: bool
) -> None:
    """Whatever the state, card and results say it, count what the ledger counts, and say what comes next."""
    audience = {"contacts": "contacts.csv", "columns": COLUMNS, "holdout": "10%"}
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 60, audience=audience, hypothesis="Gifts win."))
        happens(workspace, running)
        before = outcomes_of(workspace), number_of(workspace, "SELECT count(*) FROM looks")
        card, results = report.card(workspace, NAME), report.results(workspace, NAME, LATER)
        assert report.cards(workspace, LATER) == (card,)
        assert results.card == card
        assert (card.state, card.hypothesis, card.assigned, card.planned) == (state, "Gifts win.", 54, 54)
        assert card.next_action == cards.NEXT[state]
        ended, spent = rows_of(workspace, "SELECT sum(calls), sum(cost) FROM outcomes")[0]
        assert (card.calls, card.spend) == (ended, pytest.approx(spent))
        assert (card.calls > 0) == calls
        assert (card.days_left is None) == (state not in (State.RUNNING, State.PAUSED))
        assert [(arm.name, arm.variable, arm.contacts) for arm in card.arms] == [
            ("control", None, 27), ("gift", "script", 27), ("holdout", None, 6)
        ]  # fmt: skip
        assert results.standing["state"] == state
        funnel = {step.name: step.counts for step in results.funnel}
        assert funnel["assigned"] == {"control": 27, "gift": 27}
        steps = list(funnel.values())
        assert all(wide[arm] >= narrow[arm] for wide, narrow in pairwise(steps[:5]) for arm in wide)
        query = "SELECT arm, sum(converted) FROM outcomes WHERE arm <> 'holdout' GROUP BY 1"
        assert funnel["converted"] == dict(tuple(row) for row in rows_of(workspace, query))
        assert (
            outcomes_of(workspace),
            number_of(workspace, "SELECT count(*) FROM looks"),
        ) == before  # reading writes nothing
    assert results.yaml.startswith("{")
    assert results.reproduce == "ringlab results gift-first --format json"
    assert set(results.treatments) == {"control", "gift"}
    changed = [part for row in results.differences["gift"] for part in row.parts]
    assert {op for op, _ in changed} >= {"added", "removed"}


def test_a_paused_experiment_needs_attention(tmp_path: Path) -> None:
    """A card says why an experiment stands still."""
    with make_workspace(tmp_path) as workspace:
        pause(workspace, start(workspace, write_experiment(tmp_path, 20)))
        card = report.card(workspace, NAME)
    assert (card.health, card.health_reason) == ("attention", "too loud")


@pytest.mark.parametrize("ask", ["card", "results", "standing", "refusals"])
def test_an_unknown_experiment_is_not_found_with_the_nearest(tmp_path: Path, ask: str) -> None:
    """A name that no experiment has is told with the one that may have been meant."""
    with make_workspace(tmp_path) as workspace:
        start(workspace, write_experiment(tmp_path, 10))
        now = (MONDAY,) if ask in ("results", "standing") else ()
        with pytest.raises(NotFound, match="there is no experiment 'gift-frist'; did you mean 'gift-first'"):
            getattr(report, ask)(workspace, "gift-frist", *now)


def test_the_newest_experiment_is_listed_first(tmp_path: Path) -> None:
    """Cards stand in the order of their starts, the last one on top."""
    with make_workspace(tmp_path) as workspace:
        for number, name in enumerate(("one", "two", "three")):
            path = write_experiment(
                tmp_path / name,
                10,
                experiment=name,
                compatible_with=[other for other in ("one", "two", "three") if other != name],
            )
            start(workspace, path, MONDAY + timedelta(hours=number))
        assert [card.name for card in report.cards(workspace, LATER)] == ["three", "two", "one"]
