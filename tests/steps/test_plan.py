"""Before a single call: what the plan says is what the start then does."""

from pathlib import Path
from typing import Any

import pytest

from engine.core.experiments import HOLDOUT
from engine.errors import InputError, ProblemsFound
from engine.steps import enroll, report, suppress
from engine.steps.plan import plan
from tests.steps.makers import (
    COLUMNS,
    MONDAY,
    SEGMENTS,
    make_experiment,
    make_rows,
    make_workspace,
    run_to_end,
    start,
    write_experiment,
)

AUDIENCE = {"contacts": "contacts.csv", "columns": COLUMNS}
PACKS = {
    "control": make_experiment()["control"] | {"audience": {"segment": "new-buyer"}},
    "arms": {"gift": {"script": "gift-first"}, "lapsed": {"audience": {"segment": "lapsed"}}},
}
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "where": {"audience": AUDIENCE | {"where": {"segment": ["new-buyer", "lapsed"]}}},
    "holdout": {"audience": AUDIENCE | {"holdout": "10%", "strata": ["segment"]}},
    "shares": {"shares": {"control": "60%", "gift": "40%"}},
    "size": {"size": {"contacts_per_arm": 70}},
    "arms": {"arms": {"gift": {"script": "gift-first"}, "story": {"script": "story"}}},
    "packs": PACKS,
    "packs of a size": PACKS | {"size": {"contacts_per_arm": 60}},
    "packs too small": PACKS | {"size": {"contacts_per_arm": 110}},
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_the_plan_agrees_with_the_start(tmp_path: Path, changes: dict[str, Any]) -> None:
    """People per arm and refusals are those that the start then deals and keeps, to a block per stratum."""
    people = make_rows(270) + make_rows(3, 270, mobile="12")
    path = write_experiment(tmp_path, people, **changes)
    with make_workspace(tmp_path) as workspace:
        suppress.add(workspace, [f"199{number:08}" for number in range(0, 60, 2)], "asked", "letter", MONDAY)
        said = plan(workspace, path, MONDAY)
        done = enroll.start(workspace, path, MONDAY)
    refused = {rule: count for rule, count in done.refused.items() if count}
    assert said.people.refused == refused
    assert (said.people.listed, said.people.rejected) == (273, done.rejected)
    assert said.people.left_out == 270 - said.people.callable - sum(refused.values())
    room = 2 * len(SEGMENTS)
    for arm in said.shares:
        assert abs(said.per_arm[arm] - done.assigned.get(arm, 0)) <= room, arm
    if "size" not in changes:
        assert said.people.callable == sum(done.assigned.values())


def test_planning_writes_nothing(tmp_path: Path) -> None:
    """A plan makes no database where there is none, and changes nothing where there is one."""
    path = write_experiment(tmp_path, 50)
    files = sorted(tmp_path.rglob("*"))
    with make_workspace(tmp_path) as workspace:
        first = plan(workspace, path, MONDAY)
        assert sorted(tmp_path.rglob("*")) == files
        start(workspace, path)
    with make_workspace(tmp_path) as workspace:
        again = plan(workspace, path, MONDAY)
        assert report.card(workspace, "gift-first").assigned == 50
    assert first.as_json()["people"]["listed"] == again.as_json()["people"]["listed"] == 50


def test_the_expected_calls_and_days_are_about_right(tmp_path: Path) -> None:
    """Calls, at most and expected, bracket what the campaign then places; each contact has at most its attempts."""
    path = write_experiment(tmp_path, 300)
    with make_workspace(tmp_path) as workspace:
        said = plan(workspace, path, MONDAY)
        simulation = run_to_end(workspace, path)
        placed = simulation.running.adapter.book.calls()  # type: ignore[attr-defined]
    assert said.worst_calls == 600
    assert placed <= said.worst_calls
    assert placed == pytest.approx(said.expected_calls, rel=0.2)
    assert said.days == pytest.approx(said.calling_days + 3)


def test_a_roster_that_cannot_answer_is_told_so(tmp_path: Path) -> None:
    """Too few people, or an arm with nobody in it, is said first and in a sentence."""
    small = write_experiment(tmp_path / "a", 100, size={"lift": "2pt"})
    nobody = write_experiment(tmp_path / "b", 100, **PACKS | {"audience": AUDIENCE | {"where": {"tier": "T9"}}})
    large = write_experiment(tmp_path / "c", 3000, size={"lift": "9pt"})
    for path, feasible, sentence in (
        (small, False, "it lacks"),
        (nobody, False, "nobody in it"),
        (large, True, "can answer"),
    ):
        with make_workspace(path.parents[1]) as workspace:
            said = plan(workspace, path, MONDAY)
        assert said.feasible is feasible
        assert sentence in said.sentence


def test_a_plan_of_a_wrong_file_tells_its_problems(tmp_path: Path) -> None:
    """What cannot be read is told as by a check."""
    path = write_experiment(tmp_path, 10, arms={"gift": {"scrpit": "story"}})
    with make_workspace(tmp_path) as workspace, pytest.raises(ProblemsFound, match="script"):
        plan(workspace, path, MONDAY)
    path = write_experiment(tmp_path, 10)
    path.with_name("contacts.csv").unlink()
    with make_workspace(tmp_path) as workspace, pytest.raises(InputError, match=r"contacts\.csv"):
        plan(workspace, path, MONDAY)


def test_the_holdout_is_planned_as_an_arm_without_calls(tmp_path: Path) -> None:
    """Held-out people have their share and cost no call."""
    path = write_experiment(tmp_path, 200, audience=AUDIENCE | {"holdout": "50%"})
    with make_workspace(tmp_path) as workspace:
        said = plan(workspace, path, MONDAY)
    assert said.per_arm[HOLDOUT] == 100
    assert said.worst_calls == 200


def test_the_plan_says_what_the_complaint_guard_can_see(tmp_path: Path) -> None:
    """About 200 calls on an arm see 86 times the limit; without the guardrail, or without people, nothing is said."""
    once = make_experiment()["control"] | {"redial": {"attempts": 1}}
    with make_workspace(tmp_path) as workspace:
        (told,) = plan(workspace, write_experiment(tmp_path, 400, control=once), MONDAY).notes
        plain = write_experiment(tmp_path, 400, control=once, metrics={"guardrails": {}})
        assert plan(workspace, plain, MONDAY).notes == ()
    assert told.startswith("complaints: 200 calls on an arm can see a complaint rate of about ")
    alone, together = (float(part.split()[0].replace(",", "")) for part in told.split(" about ")[1:])
    assert together == pytest.approx(alone / 2, rel=0.1)  # twice the calls, two complaints still
    assert 50 < alone < 100
