"""Outcomes in, a look with its verdict out: the numbers are those of the ledger, and what a look says is done."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.metrics import METRICS, Sums
from engine.core.outcomes import Outcome, judge
from engine.runner import Simulation
from engine.steps import control, look, report
from engine.steps.dispatch import dispatch
from engine.steps.evidence import incentive_costs
from engine.steps.measure import measure
from engine.steps.receive import add_conversions, poll
from engine.steps.resting import resting_arms
from engine.store import ledger, records
from engine.store import outcomes as outcome_rows
from engine.workspace import Workspace
from tests.steps.makers import (
    COLUMNS,
    MONDAY,
    STEADY,
    counts_of,
    make_experiment,
    make_workspace,
    number_of,
    rows_of,
    run_to_end,
    start,
    write_experiment,
)

NAME = "gift-first"
FAST = {"per_second": 50, "concurrent": 5000}
ONCE = make_experiment()["control"] | {"redial": {"attempts": 1}}


def judged_again(workspace: Workspace, now: Any = None) -> dict[tuple[str, str], Sums]:
    """Every contact's outcome computed anew from the events alone, summed per (arm, stratum)."""
    running = workspace.running(NAME)
    people = rows_of(workspace, "SELECT contact_id, stratum FROM assignments")
    strata: dict[int, str] = dict(people)
    with workspace.database.reading() as connection:
        events = ledger.events_of(connection, list(strata))
        dealt = outcome_rows.assignments(connection, list(strata))
    outcomes: dict[tuple[str, str], list[Outcome]] = {}
    for one in dealt:
        heard = [event for of, event in events.get(one.contact_id, ()) if of in (None, running.id)]
        outcome = judge(reversed(heard), running.terms[one.arm], one.assigned_at)
        opens = outcome.dialled_at or one.assigned_at
        if now is None or opens + running.experiment.conversion.within <= now:
            outcomes.setdefault((one.arm, strata[one.contact_id]), []).append(outcome)
    return {place: Sums.of(found) for place, found in outcomes.items()}


def test_a_results_page_is_a_function_of_the_ledger(tmp_path: Path) -> None:
    """The standing equals what judging every contact again from the stored events comes to, metric by metric."""
    audience = {"contacts": "contacts.csv", "columns": COLUMNS, "strata": ["segment"], "holdout": "10%"}
    costs = {"coupon": {"says": "二十元优惠券", "cost": 20}}
    path = write_experiment(tmp_path, 300, audience=audience, incentives=costs, control=ONCE | {"incentive": "coupon"})
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, path)
        with workspace.database.reading() as connection:
            kept = outcome_rows.sums(connection, simulation.running.id)
        again = judged_again(workspace)
        stands = report.standing(workspace, NAME, simulation.now)
        assert kept.keys() == again.keys()
        for place, sums in again.items():
            assert kept[place].count == sums.count
            assert kept[place].totals == pytest.approx(sums.totals)
            assert kept[place].products == pytest.approx(sums.products)
    for metric in stands["metrics"]:
        if metric["denominator"] == "connected":
            continue
        for row in metric["arms"]:
            pooled = sum((sums for (arm, _), sums in again.items() if arm == row["arm"]), Sums())
            tally = pooled.tally(METRICS[metric["name"]])
            assert (row["contacts"], row["total"]) == (tally.count, pytest.approx(tally.total))
    assert sum(sums.count for sums in again.values()) == 300


def test_nobody_inside_the_window_is_in_a_decision(tmp_path: Path) -> None:
    """People whose conversion window is still open are waited for, and counted in no metric."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 100, control=ONCE, pace=FAST))
        dispatch(workspace, running, MONDAY, 40)
        poll(workspace, running, MONDAY + timedelta(hours=1))
        dispatch(workspace, running, MONDAY + timedelta(hours=1), 60)
        within = timedelta(hours=72)
        for now, mature in (
            (MONDAY + within - timedelta(minutes=1), 0), (MONDAY + within + timedelta(minutes=1), 40),
            (MONDAY + within + timedelta(hours=2), 100),
        ):  # fmt: skip
            poll(workspace, running, now)
            stands = look.look(workspace, running, now)
            assert stands["maturity"] == {"mature": mature, "waiting": 100 - mature}
            primary = stands["metrics"][0]["arms"]
            assert sum(row["contacts"] for row in primary) == mature
            by_hand = judged_again(workspace, now)
            assert sum(row["total"] for row in primary) == sum(sums.totals["converted"] for sums in by_hand.values())


def test_delays_are_those_of_the_ledger(tmp_path: Path) -> None:
    """Each arm's curve counts everyone dialed once: who converted by when, and who still waits."""
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, write_experiment(tmp_path, 400, control=ONCE))
        rows = rows_of(
            workspace, "SELECT arm, converted, converted_at - dialled_at FROM outcomes WHERE dialled_at IS NOT NULL"
        )
        found = report.standing(workspace, NAME, simulation.now)["delay"]
        with workspace.database.reading() as connection:
            early = measure(connection, workspace.running(NAME).record, MONDAY, finished=False)["delay"]
    part = 72 / 48
    for arm in found["arms"]:
        hours = [took / 3.6e9 for name, won, took in rows if name == arm["arm"] and won]
        assert arm["dialled"] == sum(name == arm["arm"] for name, _, _ in rows)
        assert arm["conversions"] == len(hours) > 0
        for place in (0, 5, 20, 47):
            by_then = sum(took < part * (place + 1) for took in hours)
            assert arm["converted_by"][place] == pytest.approx(by_then / arm["dialled"])
        assert arm["still_to_come"] == 0
    assert early["p_value"] is None


def test_incentives_with_costs_are_read_as_a_trend(tmp_path: Path) -> None:
    """Two arms with dearer coupons than the control's: the standing has the trend over what they cost."""
    costs = {name: {"says": name, "cost": cost} for name, cost in (("ten", 10), ("twenty", 20), ("thirty", 30))}
    arms = {"a": {"incentive": "thirty"}, "b": {"incentive": "twenty"}, "c": {"script": "story"}}
    with make_workspace(tmp_path) as workspace:
        path = write_experiment(tmp_path, 400, control=ONCE | {"incentive": "ten"}, arms=arms, incentives=costs)
        simulation = run_to_end(workspace, path)
        found = report.standing(workspace, NAME, simulation.now)["trend"]
        experiment = simulation.running.experiment
    assert found["costs"] == {"control": 10.0, "a": 30.0, "b": 20.0}
    assert incentive_costs(experiment.model_copy(update={"arms": {"a": {"incentive": "thirty"}}})) == {}


def test_looks_are_kept_and_numbered(tmp_path: Path) -> None:
    """Every look is kept as it was, with its number; asking for the standing keeps none."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 20, control=ONCE))
        for hour in range(3):
            look.look(workspace, running, MONDAY + timedelta(hours=hour))
            report.standing(workspace, NAME, MONDAY + timedelta(hours=hour))
        with workspace.database.reading() as connection:
            kept = records.looks(connection, running.id)
        assert [one["look"] for one in kept] == [1, 2, 3]
        assert [one["as_of"] for one in kept] == [f"2026-11-23T0{2 + hour}:00:00Z" for hour in range(3)]
        assert [row.number for row in report.results(workspace, NAME, MONDAY).looks] == [1, 2, 3]
        control.stop(workspace, NAME, "enough", "ann", MONDAY)
        look.look(workspace, running, MONDAY + timedelta(hours=9))
        assert number_of(workspace, "SELECT count(*) FROM looks") == 3  # what is over is looked at no more


def daily(calls: int, **changes: Any) -> dict[str, Any]:
    """A campaign that calls so many people a day, for a minute."""
    control = ONCE | {"timing": {"window": "10:00-10:01"}}
    return {"control": control, "pace": {"per_second": calls / 60, "concurrent": 5000}} | changes


def begun(workspace: Workspace) -> dict[str, int]:
    """How many calls of each arm were ever begun."""
    return counts_of(workspace, "SELECT arm, count(*) FROM calls WHERE begun_at IS NOT NULL GROUP BY 1")


def test_a_guardrail_pauses_an_arm(tmp_path: Path) -> None:
    """An arm with too many complaints is dialed no more while the others go on to the end."""
    arms = {"gift": {"script": "gift-first"}, "story": {"script": "story"}}
    settings = STEADY | {"complaint": 0}
    words = daily(
        150, arms=arms, truth={"story": {"complaint": "20pt"}}, settings=settings, size={"contacts_per_arm": 150}
    )
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 450, **words))
        seen: list[int] = []

        def watch(progress: Any) -> None:
            with workspace.database.reading() as connection:
                if resting_arms(connection, NAME) == {"story": "paused: complaint"}:
                    seen.append(begun(workspace)["story"])

        assert Simulation(workspace, running, watch).run()
        stands = report.standing(workspace, NAME, MONDAY)
        canceled = "SELECT arm, reason, count(*) FROM calls WHERE state = 'canceled' GROUP BY 1, 2"
        assert [tuple(row) for row in rows_of(workspace, canceled)] == [("story", "resting", 150 - seen[0])]
        assert begun(workspace) == {"control": 150, "gift": 150, "story": seen[0]}
    assert set(seen) == {seen[0]}
    assert seen[0] <= 60
    assert any(check["arm"] == "story" and check["status"] == "fail" for check in stands["guardrails"])
    assert stands["verdict"]["arms"]["story"] == "stopped_for_safety"


def test_an_experiment_whose_arms_all_do_harm_is_paused(tmp_path: Path) -> None:
    """When every treated arm is stopped for safety the experiment is paused, and its run ends."""
    words = daily(100, truth={"gift": {"complaint": "30pt"}}, settings=STEADY | {"complaint": 0})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 300, **words))
        assert Simulation(workspace, running).run() is False
        card = report.card(workspace, NAME)
        assert (card.state, card.health) == ("paused", "attention")
        assert card.verdict is not None
        assert card.verdict["status"] == "stopped_for_safety"
        assert number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'planned'") > 0
        done = rows_of(workspace, "SELECT who, action FROM audit ORDER BY id DESC LIMIT 1")
        assert tuple(done[0]) == ("guardrail", "pause")
        control.resume(workspace, NAME, "the script was mended", "ann", MONDAY)
        with workspace.database.reading() as connection:
            assert resting_arms(connection, NAME) == {"gift": "paused: complaint"}


RACE = {"decision": {"smallest_useful_lift": "3pt"}, "conversion": {"within": "24h"}}
SWIFT = STEADY | {"conversion_delay": "1h"}


@pytest.mark.slow
def test_a_race_ends_when_its_winner_is_proven(tmp_path: Path) -> None:
    """A sequential experiment ends early: what is planned is canceled, and the planted winner is named."""
    words = daily(200, truth={"gift": "20pt"}, settings=SWIFT, **RACE)
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, write_experiment(tmp_path, 1400, **words))
        stands = report.standing(workspace, NAME, simulation.now)
        assert (stands["verdict"]["status"], stands["verdict"]["arm"]) == ("winner", "gift")
        states = counts_of(workspace, "SELECT state, count(*) FROM calls GROUP BY 1")
        assert set(states) == {"ended", "canceled"}
        assert states["canceled"] >= 200
        assert rows_of(workspace, "SELECT DISTINCT reason FROM calls WHERE state = 'canceled'") == [("decided",)]
        assert simulation.running.adapter.book.calls() == states["ended"]  # type: ignore[attr-defined]
        assert report.card(workspace, NAME).state == "decided"
        assert workspace.database.check() == ()


@pytest.mark.slow
def test_an_arm_that_the_race_drops_gets_no_more_calls(tmp_path: Path) -> None:
    """An arm that lost is dialed no more from the look on that dropped it; the race goes on among the others."""
    arms = {"gift": {"script": "gift-first"}, "story": {"script": "story"}}
    truth = {"story": "-11.5pt", "gift": "2pt"}
    words = daily(300, arms=arms, truth=truth, settings=SWIFT | {"conversion": "20%"}, size={"baseline": "20%"}, **RACE)
    words["truth"]["story"] = "-18pt"
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 2100, **words))
        dropped: list[int] = []

        def watch(progress: Any) -> None:
            with workspace.database.reading() as connection:
                if "story" in resting_arms(connection, NAME):
                    dropped.append(begun(workspace)["story"])

        assert Simulation(workspace, running, watch).run()
        stands = report.standing(workspace, NAME, MONDAY)
        placed = begun(workspace)
    assert len(dropped) > 5
    assert set(dropped) == {placed["story"]}
    assert placed["story"] <= placed["gift"] - 100
    assert stands["verdict"]["arms"]["story"] in ("loser", "no_useful_difference")
    assert stands["verdict"].get("arm") != "story"


def test_a_fixed_horizon_is_decided_only_at_its_end(tmp_path: Path) -> None:
    """Looks on the way name no winner when the method waits for its horizon, however clear the lead."""
    path = write_experiment(tmp_path, 400, control=ONCE, truth={"gift": "22pt"}, pace=FAST)
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        dispatch(workspace, running, MONDAY, 200)
        poll(workspace, running, MONDAY + timedelta(hours=90))
        early = look.look(workspace, running, MONDAY + timedelta(hours=90))
        assert (early["verdict"]["status"], early["verdict"]["final"]) != ("winner", True)
        assert report.card(workspace, NAME).state == "running"
        simulation = Simulation(workspace, running)
        assert simulation.run()
        last = report.standing(workspace, NAME, simulation.now)
        assert (last["verdict"]["status"], last["verdict"]["arm"]) == ("winner", "gift")
        assert add_conversions(workspace, [], simulation.now) == 0
        assert report.standing(workspace, NAME, simulation.now + timedelta(days=9)) == last
