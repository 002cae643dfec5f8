"""A factorial round from its file to the round after: dealt, dialed, read and followed."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.core.combinations import arms_of
from engine.core.factorial import drawn_of
from engine.errors import InputError
from engine.steps import dispatch, enroll, guard, look, plan, report
from engine.steps.resting import deal_no_more, rest, resting_arms
from engine.steps.rounds import write_next
from engine.store import queue
from tests.steps.makers import (
    MONDAY,
    Wrapped,
    make_rows,
    make_workspace,
    number_of,
    replaced,
    run_to_end,
    start,
    write_experiment,
    write_rows,
)
from tests.steps.makers import (
    arms_of as arms_drawn,
)

ARMS: dict[str, Any] = {
    "gift": {"script": "gift-first"}, "story": {"script": "story"}, "calm": {"voice": "calm-male"},
    "box": {"incentive": "gift-box"},
}  # fmt: skip
OFFERS = {"gift-box": {"says": "一份小样礼盒", "cost": 18}}
DECISION = {"method": "sequential", "smallest_useful_lift": "8pt"}


def make_round(**changes: Any) -> dict[str, Any]:
    """A factorial round of three variables, on the words of an experiment file."""
    sound: dict[str, Any] = {
        "experiment": "all-at-once", "arms": ARMS, "design": "factorial", "incentives": OFFERS, "decision": DECISION,
    }  # fmt: skip
    return sound | changes


def test_every_contact_draws_one_level_of_every_variable(tmp_path: Path) -> None:
    """People are dealt combinations, the calls carry their treatments, and late arrivals continue the blocks."""
    with make_workspace(tmp_path) as workspace:
        path = write_experiment(tmp_path, 120, **make_round())
        running = start(workspace, path)
        experiment = running.experiment
        first = arms_drawn(workspace)
        assert len(set(first.values())) == 12
        write_rows(path.parent / "contacts.csv", make_rows(180))
        done = enroll.start(workspace, path, MONDAY)
        drawn = arms_drawn(workspace)
        assert sum(done.assigned.values()) == 60
        assert {key: drawn[key] for key in first} == first
        for variable in experiment.levels:
            counted = Counter(drawn_of(experiment, arms_of(arm))[variable] for arm in drawn.values())
            assert max(counted.values()) - min(counted.values()) <= 1
        assert sum(done.per_arm[arm] for arm in ("gift", "story")) == 40

        watched = Wrapped(running.adapter)
        dispatch.dispatch(workspace, replaced(running, watched), MONDAY, 180)
        asked = {request.contact: request for _, request in watched.asked}
        assert len(asked) == 180
        assert {request.arm for request in asked.values()} == set(drawn.values())
        for key, request in asked.items():
            assert request.arm == drawn[key]
            assert request.voice == ("calm-male" if "calm" in arms_of(request.arm) else None)


def test_a_level_that_rests_is_neither_dialed_nor_dealt(tmp_path: Path) -> None:
    """Whoever drew it waits; everybody else is dialed, and who comes later draws the variable's other levels."""
    with make_workspace(tmp_path) as workspace:
        path = write_experiment(tmp_path, 120, **make_round())
        running = start(workspace, path)
        with workspace.database.writing() as connection:
            rest(connection, running.experiment.name, {"gift": "paused: complaint"})
        watched = Wrapped(running.adapter)
        dispatch.dispatch(workspace, replaced(running, watched), MONDAY, 200)
        asked = [request.arm for _, request in watched.asked]
        assert len(asked) == 80
        assert not any("gift" in arms_of(arm) for arm in asked)
        with workspace.database.reading() as connection:
            assert queue.next_due(connection, running.id, ["gift"]) is None
            assert queue.next_due(connection, running.id, ["story"]) is not None
        write_rows(path.parent / "contacts.csv", make_rows(160))
        done = enroll.start(workspace, path, MONDAY)
        assert sum(done.assigned.values()) == 40
        assert "gift" not in done.per_arm
        assert done.per_arm["story"] == 20


@pytest.mark.slow
def test_a_round_is_played_to_its_verdict_and_followed(tmp_path: Path) -> None:
    """Planted effects add up over a combination; winners are named per variable and go on together.

    The next round keeps what is open with the winners in the control; the confirming round sets the combination
    against the control that the round began with.
    """
    truth = {"gift": "16pt", "box": "14pt", "gift+box": "-2pt"}
    with make_workspace(tmp_path) as workspace:
        settings = {"seed": 3, "hour_effect": "off", "conversion": "5%"}
        changes = make_round(truth=truth, settings=settings, size={"baseline": "10%"})
        simulation = run_to_end(workspace, write_experiment(tmp_path, 2400, **changes))
        stands = report.standing(workspace, "all-at-once", simulation.now)
        verdict, factorial = stands["verdict"], stands["factorial"]
        assert (verdict["arms"]["gift"], verdict["arms"]["box"]) == ("winner", "winner")
        assert factorial["combination"]["arm"] == "gift+box"
        assert factorial["combination"]["lift"]["interval"][0] < 0.28 < factorial["combination"]["lift"]["interval"][1]
        assert [one["variable"] for one in factorial["variables"]] == ["script", "voice", "incentive"]
        card = report.card(workspace, "all-at-once")
        assert card.assigned == 2400
        assert {arm.name: arm.contacts for arm in card.arms}["gift"] == 800
        assert number_of(workspace, "SELECT count(*) FROM looks") == stands["look"]

        confirm = workspace.folder / "experiments" / "confirm.yaml"
        confirm.write_text(write_next(workspace, "all-at-once", MONDAY, confirm=True), encoding="utf-8")
        made = workspace.load(confirm)
        assert made.arms == {"combination": {"script": "gift-first", "incentive": "gift-box"}}
        assert (made.design, made.confirms, made.truth) == ("one-at-a-time", "all-at-once", {"combination": "28pt"})


def test_the_race_is_replayed_over_the_looks_of_each_variable(tmp_path: Path) -> None:
    """A look keeps every variable's own counts, and the same evidence read again says the same."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 60, **make_round()))
        first = look.look(workspace, running, MONDAY)
        again = look.look(workspace, running, MONDAY)
        assert (first["look"], again["look"]) == (1, 2)
        assert first["factorial"] == again["factorial"]
        kept = [one["race"]["race"]["plan"] for one in again["factorial"]["variables"]]
        assert [plan["deadline"] for plan in kept] == [60, 60, 60]
        assert [plan["arms"] for plan in kept] == [3, 2, 2]
        assert first["verdict"]["status"] == "not_enough_people"
        assert report.card(workspace, "all-at-once").assigned == 60
        with workspace.database.reading() as connection:
            assert resting_arms(connection, "all-at-once") == {}


def test_each_call_counts_once_against_the_limit_of_all(tmp_path: Path) -> None:
    """A complaint stands in a level of every variable; the campaign's limit hears it once, and one is no alarm."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 60, **make_round()))
        with workspace.database.writing() as connection:
            connection.execute(text("UPDATE outcomes SET calls = 400"))
            connection.execute(text("UPDATE outcomes SET complaint = 1 WHERE contact_id <= 3 AND arm LIKE '%gift+%'"))
            assert guard.stop_harm(connection, running, MONDAY) is False
            connection.execute(text("UPDATE outcomes SET complaint = 1 WHERE contact_id <= 40"))
            assert guard.stop_harm(connection, running, MONDAY) is True


def test_only_a_level_that_is_worse_rests(tmp_path: Path) -> None:
    """A level without a useful difference goes on being dialed, since its people serve the other variables."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 60, **make_round()))
        found = look.look(workspace, running, MONDAY)
    rows = {row["arm"]: row for row in found["metrics"][0]["comparisons"]}
    rows["gift"] |= {"sequential": {"interval": [-0.09, -0.01]}}
    rows["story"] |= {"sequential": {"interval": [-0.05, 0.01]}}
    verdict = found["verdict"] | {"active": ["control", "calm", "box"], "status": "not_enough_people"}
    rested = look._resting(running.experiment, found | {"verdict": verdict})
    assert rested == {"gift": "dropped"}


def test_a_settled_level_is_dealt_to_nobody_who_comes_later(tmp_path: Path) -> None:
    """A level that was dropped without being worse is dialed for those who drew it, and drawn no more."""
    with make_workspace(tmp_path) as workspace:
        path = write_experiment(tmp_path, 60, **make_round())
        running = start(workspace, path)
        statuses = {"gift": "winner", "story": "no_useful_difference", "calm": "not_enough_people", "box": "loser"}
        assert look.settled_levels({"verdict": {"arms": statuses}}) == {"story", "box"}
        with workspace.database.writing() as connection:
            deal_no_more(connection, "all-at-once", ["story"])
        write_rows(path.parent / "contacts.csv", make_rows(120))
        done = enroll.start(workspace, path, MONDAY)
        assert "story" not in done.per_arm
        assert done.per_arm["gift"] == 30
        watched = Wrapped(running.adapter)
        dispatch.dispatch(workspace, replaced(running, watched), MONDAY, 200)
        assert sum("story" in arms_of(request.arm) for _, request in watched.asked) == 20


def test_the_plan_sets_the_round_beside_one_variable_at_a_time(tmp_path: Path) -> None:
    """Everyone serves every variable, so that the same questions take fewer people; nothing is written."""
    with make_workspace(tmp_path) as workspace:
        path = write_experiment(tmp_path, 600, **make_round(audience={"contacts": "contacts.csv", "columns": {
            "key": "id", "phone": "mobile", "name": "name", "ordered_at": "paid_at"}, "holdout": "10%"}))  # fmt: skip
        said = plan.plan(workspace, path, MONDAY)
        crossed = said.factorial
        assert crossed is not None
        assert [one.variable for one in crossed.variables] == ["script", "voice", "incentive"]
        assert crossed.people_needed < crossed.one_at_a_time
        assert crossed.combinations == 12
        assert (said.per_arm["gift"], said.per_arm["calm"], said.per_arm["holdout"]) == (180, 270, 60)
        assert said.expected_calls == round(540 * 1.4)
        assert said.money["incentives"] == pytest.approx(270 * 0.12 * 18)
        assert said.as_json()["factorial"]["one_at_a_time"] == crossed.one_at_a_time


def test_a_planned_size_counts_people_per_level(tmp_path: Path) -> None:
    """`contacts_per_arm` are people per level of the variable with the most levels."""
    with make_workspace(tmp_path) as workspace:
        path = write_experiment(tmp_path, 400, **make_round(size={"contacts_per_arm": 60}))
        done = enroll.start(workspace, path, MONDAY)
    assert sum(done.assigned.values()) == 180
    assert done.per_arm["gift"] == 60
    assert done.per_arm["calm"] == 90


def test_what_exclusions_forbid_is_not_compared_across_them(tmp_path: Path) -> None:
    """Levels are compared only among people whose other levels could stand beside each of them."""
    barred = [{"script": "story", "incentive": "box"}]
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 500, **make_round(exclude=barred)))
        found = look.look(workspace, running, MONDAY)
    by_variable: dict[str, dict[str, int]] = {}
    for check in found["balance"]:
        if check["stage"] == "assigned":
            by_variable[check["variable"]] = check["observed"]
    assert by_variable["script"] == {"control": 100, "gift": 100, "story": 100}
    assert by_variable["voice"] == {"control": 250, "calm": 250}
    assert by_variable["incentive"] == {"control": 200, "box": 200}


def test_effects_that_add_up_to_what_cannot_be_are_refused(tmp_path: Path) -> None:
    """A combination whose planted rate no population can have is told when the round is opened, not while it runs."""
    with make_workspace(tmp_path) as workspace:
        path = write_experiment(tmp_path, 60, **make_round(truth={"gift": "16pt", "box": "14pt"}))
        with pytest.raises(InputError, match=r"gift\+box"):
            start(workspace, path)
