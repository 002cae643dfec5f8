"""Denominators of a campaign that was played: everybody assigned, the undialed too, and never the calls."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.core.metrics import METRICS
from engine.steps import report
from engine.workspace import Workspace
from tests import databases
from tests.steps.makers import COLUMNS, STEADY, make_experiment, make_workspace, rows_of, run_to_end, write_experiment

ARMS = {
    "gift": {"script": "gift-first"},
    "late": {"timing": {"window": "19:00-19:01"}},
    "thrice": {"redial": {"attempts": 3, "gap": "1h", "on": ["no_answer", "busy", "unreachable", "rejected"]}},
    "pack": {"audience": {"segment": "lapsed"}},
}
Played = tuple[dict[str, Any], dict[str, dict[str, float]]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, database_place: databases.Place) -> Iterator[Played]:
    """The standing of one campaign with an arm of each kind, and what its outcomes sum to per arm, asked in SQL."""
    folder = tmp_path_factory.mktemp("played")
    control = make_experiment()["control"] | {
        "redial": {"attempts": 1},
        "audience": {"segment": ["new-buyer", "repeat"]},
    }
    path = write_experiment(
        folder, 360, arms=ARMS, control=control, audience={"contacts": "contacts.csv", "columns": COLUMNS},
        schedule={"end": "2026-11-23 20:00"}, pace={"per_second": 0.6, "concurrent": 5000}, settings=STEADY,
        size={"contacts_per_arm": 50}, decision={"method": "fixed"},
        metrics={"primary": "conversion", "secondary": ["connect", "cost_per_conversion", "revenue_per_call"]},
    )  # fmt: skip
    with make_workspace(folder) as workspace:
        simulation = run_to_end(workspace, path)
        yield report.standing(workspace, "gift-first", simulation.now), summed(workspace)


def summed(workspace: Workspace) -> dict[str, dict[str, float]]:
    """What the outcomes of each arm's assigned people sum to."""
    names = ("calls", "dialled", "connected", "first_connected", "converted", "cost")
    columns = ", ".join(f"sum({name})" for name in names)
    query = (
        "SELECT a.arm, count(*), " + columns + " FROM assignments a JOIN outcomes o ON o.contact_id = a.contact_id "
        "AND o.experiment_id = a.experiment_id GROUP BY a.arm"
    )
    return {arm: dict(zip(("assigned", *names), numbers, strict=True)) for arm, *numbers in rows_of(workspace, query)}


def metric_of(standing: dict[str, Any], name: str, denominator: str = "assigned") -> dict[str, Any]:
    """One metric with its arms and comparisons by name."""
    found = next(each for each in standing["metrics"] if (each["name"], each["denominator"]) == (name, denominator))
    return {part: {each["arm"]: each for each in found[part]} for part in ("arms", "comparisons")}


def test_the_undialed_stay_in_the_denominator(played: Played) -> None:
    """A timing arm whose hour was too short keeps everybody it was given: its rates are per contact assigned."""
    standing, sums = played

    assert 0 < sums["late"]["dialled"] < sums["late"]["assigned"]
    for name in METRICS:
        for arm, numbers in metric_of(standing, name)["arms"].items():
            assert numbers["contacts"] == sums[arm]["assigned"]
    late = metric_of(standing, "connect")["arms"]["late"]
    assert late["estimate"] == pytest.approx(sums["late"]["connected"] / sums["late"]["assigned"])
    assert late["estimate"] != pytest.approx(sums["late"]["connected"] / sums["late"]["dialled"])


def test_a_redial_arm_is_judged_per_contact(played: Played) -> None:
    """More calls are no more people: connect and cost per conversion are results, a number per call is not compared."""
    standing, sums = played
    connect, cost = metric_of(standing, "connect"), metric_of(standing, "cost_per_conversion")

    assert sums["thrice"]["calls"] > sums["thrice"]["dialled"]
    assert connect["arms"]["thrice"]["estimate"] == pytest.approx(
        sums["thrice"]["connected"] / sums["thrice"]["assigned"]
    )
    assert connect["arms"]["thrice"]["estimate"] > sums["thrice"]["connected"] / sums["thrice"]["calls"]
    assert connect["comparisons"]["thrice"]["difference"] is not None
    assert cost["arms"]["thrice"]["estimate"] == pytest.approx(sums["thrice"]["cost"] / sums["thrice"]["converted"])
    assert cost["comparisons"]["thrice"]["difference"] is not None
    per_call = metric_of(standing, "revenue_per_call")["comparisons"]
    assert per_call["thrice"]["difference"] is None
    assert "how often people are called" in per_call["thrice"]["reason"]
    assert per_call["gift"]["difference"] is not None


def test_one_unfair_arm_does_not_hide_the_others(played: Played) -> None:
    """In one round script and timing arms stand together: each is compared among the connected only where it may be."""
    standing, sums = played
    found = metric_of(standing, "conversion", "connected")

    assert {arm: each["conditional"] for arm, each in found["comparisons"].items()} == {
        "gift": "valid", "late": "invalid", "thrice": "invalid", "pack": "descriptive",
    }  # fmt: skip
    assert found["comparisons"]["gift"]["difference"] is not None
    assert found["comparisons"]["late"]["difference"] is None
    assert {arm: each["contacts"] for arm, each in found["arms"].items()} == {
        arm: numbers["first_connected"] for arm, numbers in sums.items()
    }
    assert [each["arm"] for each in standing["placebo"]["arms"]] == ["control", "gift"]
    assert [each["arm"] for each in standing["placebo"]["left_out"]] == ["late", "thrice", "pack"]


def test_a_pack_of_people_has_a_yield_alone(played: Played) -> None:
    """From the look to the next round no claim is made of it: no lift, no money, no winner, a warning in words."""
    standing, sums = played
    conversion = metric_of(standing, "conversion")

    assert conversion["arms"]["pack"]["estimate"] == pytest.approx(sums["pack"]["converted"] / sums["pack"]["assigned"])
    assert conversion["comparisons"]["pack"]["difference"] is None
    assert "pack" not in standing.get("money", {})
    assert standing["verdict"].get("arm") != "pack"
    assert standing["verdict"]["arms"]["pack"] != "winner"
    assert any("No causal claim is made" in warning for warning in standing["warnings"])
    assert any("不作因果结论" in warning for warning in standing["warnings_zh"])
