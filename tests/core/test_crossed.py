"""A factorial round read variable by variable, and what its combinations tell."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from engine.core.cells import Cells
from engine.core.crossed import Factor, crossed_standing, history_of
from engine.core.evidence import Evidence, MetricTallies, Question
from engine.stats.tallies import Tally

OPTIONS = {"script": ("control", "gift", "story"), "incentive": ("control", "box"), "path": ("control", "wecom")}
ALPHA = {"script": 0.025, "incentive": 0.0125, "path": 0.0125}
NOTHING: dict[str, float] = {}


def make_cells(
    effects: dict[str, float], people: int = 600, together: dict[tuple[str, str], float] = NOTHING,  # type: ignore[assignment]
    exclude: Sequence[dict[str, str]] = (),
) -> Cells:  # fmt: skip
    """As many people in every combination, each at exactly its expected rate of 12 % plus effects."""
    codes, tallies = [], []
    for code in product(*(range(len(arms)) for arms in OPTIONS.values())):
        names = {name: OPTIONS[name][level] for name, level in zip(OPTIONS, code, strict=True)}
        if any(all(names[name] == arm for name, arm in excluded.items()) for excluded in exclude):
            continue
        drawn = set(names.values())
        rate = 0.12 + sum(effects.get(arm, 0.0) for arm in drawn)
        rate += sum(more for pair, more in together.items() if set(pair) <= drawn)
        codes.append(code)
        tallies.append(Tally.of_rate(round(rate * people), people))
    return Cells(OPTIONS, codes, tallies, exclude)


def make_factor(variable: str, cells: Cells, **values: Any) -> Factor:
    """One variable's question and evidence, over all combinations."""
    place = list(OPTIONS).index(variable)
    tallies = {
        arm: sum(
            (tally for code, tally in zip(cells.codes, cells.tallies, strict=True) if code[place] == level),
            Tally(0, 0, 0),
        )
        for level, arm in enumerate(OPTIONS[variable])
    }
    metric = MetricTallies("conversion", "Conversion rate", "转化率", "rate", "higher", "primary", "assigned", tallies)
    stages = {"assigned": {arm: round(tally.count) for arm, tally in tallies.items()}}
    arms, people = OPTIONS[variable], sum(tally.count for tally in tallies.values())
    shares = {arm: tallies[arm].count / people if people else 1 / len(arms) for arm in arms}
    question = Question(
        "round", arms, variables=dict.fromkeys(arms[1:], variable), shares=shares,
        method="fixed", alpha=ALPHA[variable], crossed=True,
    )  # fmt: skip
    evidence = Evidence((metric,), stages=stages, mature=round(people),
                        finished=True, state="decided")  # fmt: skip
    return Factor(variable, question, replace(evidence, **values))


def make_standing(cells: Cells, **values: Any) -> dict[str, Any]:
    """The standing of a finished round."""
    arms = ("control", *(arm for levels in OPTIONS.values() for arm in levels[1:]))
    variables = {arm: name for name, levels in OPTIONS.items() for arm in levels[1:]}
    question = Question("round", arms, variables=variables, method="fixed")
    return crossed_standing(question, [make_factor(name, cells, **values) for name in OPTIONS], cells)


def test_every_variable_has_its_verdict_and_winners_make_a_combination() -> None:
    """Two winners of two variables are one combination, whose expected rate adds their effects to today's."""
    standing = make_standing(make_cells({"gift": 0.04, "box": 0.03, "wecom": -0.03}, 6000))
    verdict, factorial = standing["verdict"], standing["factorial"]
    assert verdict["arms"] == {
        "gift": "winner", "story": "no_useful_difference", "box": "winner", "wecom": "loser",
    }  # fmt: skip
    assert (verdict["status"], verdict["arm"]) == ("winner", "gift")
    assert verdict["sentence"].startswith("gift, box win, each in its variable: together as gift+box")
    assert "gift+box" in verdict["next"]
    assert "gift、box" in standing["verdict_zh"]["sentence"]
    chosen = factorial["combination"]
    assert (chosen["arm"], chosen["leaning"], chosen["left_out"]) == ("gift+box", [], [])
    assert chosen["predicted"]["estimate"] == pytest.approx(0.19, abs=0.001)
    assert chosen["lift"]["difference"] == pytest.approx(0.07, abs=0.001)
    assert [one["status"] for one in factorial["variables"]] == ["winner", "winner", "no_useful_difference"]
    assert json.dumps(standing, allow_nan=False)


def test_levels_are_rows_and_the_control_is_the_mean_of_its_levels() -> None:
    """The shape is that of any standing: every level is an arm, each compared with its own variable's control level."""
    cells = make_cells({"gift": 0.04, "box": 0.03})
    primary = make_standing(cells)["metrics"][0]
    rows = {row["arm"]: row for row in primary["arms"]}
    assert list(rows) == ["control", "gift", "story", "box", "wecom"]
    people = sum(tally.count for tally in cells.tallies)
    assert rows["control"]["contacts"] == round(people * (1 / 3 + 1 / 2 + 1 / 2) / 3)
    lifts = {row["arm"]: row["difference"] for row in primary["comparisons"]}
    assert lifts == pytest.approx({"gift": 0.04, "story": 0.0, "box": 0.03, "wecom": 0.0}, abs=0.001)


def test_p_values_are_adjusted_over_all_levels_of_the_round() -> None:
    """An adjusted p-value is read against the alpha of the whole round, and agrees with the range beside it."""
    standing = make_standing(make_cells({"gift": 0.02, "box": 0.012}))
    for row in standing["metrics"][0]["comparisons"]:
        low, high = row["interval_adjusted"]
        assert (row["p_adjusted"] < standing["alpha"]) == (low > 0 or high < 0)
        assert row["p_adjusted"] >= row["p_value"]


def test_a_pair_that_spoils_each_other_is_not_proposed_together() -> None:
    """Where two winners do less together than one alone, the better of them is proposed, with a warning."""
    standing = make_standing(make_cells({"gift": 0.05, "box": 0.05}, 2000, {("gift", "box"): -0.07}))
    first = standing["factorial"]["interactions"][0]
    chosen = standing["factorial"]["combination"]
    assert set(first["arms"]) == {"gift", "box"}
    assert first["p_adjusted"] < 0.05
    assert first["difference"] == pytest.approx(-0.07, abs=0.001)
    assert chosen["arms"] in (["gift"], ["box"])
    assert len(chosen["warnings"]) == len(chosen["warnings_zh"]) == 1
    assert "do less together" in chosen["warnings"][0]
    assert chosen["lift"]["difference"] == pytest.approx(0.05, abs=0.002)
    assert f"{chosen['arm']} alone is proposed" in standing["verdict"]["sentence"]


def test_a_pair_that_is_still_best_together_is_predicted_with_its_interaction() -> None:
    """A weaker sum is said, and the prediction is the pair's own."""
    standing = make_standing(make_cells({"gift": 0.06, "box": 0.06}, 3000, {("gift", "box"): -0.04}))
    chosen = standing["factorial"]["combination"]
    assert chosen["arms"] == ["gift", "box"]
    assert chosen["predicted"]["estimate"] == pytest.approx(0.12 + 0.08, abs=0.004)
    assert "still best" in chosen["warnings"][0]


def test_winners_that_cannot_be_combined_are_not() -> None:
    """The weaker of two winners that exclude each other is left out, and least squares is not misled by the gap."""
    cells = make_cells({"gift": 0.06, "box": 0.05}, 1500, exclude=[{"script": "gift", "incentive": "box"}])
    standing = make_standing(cells)
    chosen = standing["factorial"]["combination"]
    assert chosen["arms"] == ["gift"]
    assert chosen["left_out"] == ["box"]
    assert "cannot be combined" in chosen["warnings"][0]
    effects = {row["arm"]: row for one in standing["factorial"]["variables"] for row in one["effects"]}
    assert effects["gift"]["difference"] == pytest.approx(0.06, abs=0.001)
    assert effects["box"]["difference"] == pytest.approx(0.05, abs=0.001)


def test_pairs_with_few_people_or_conversions_are_hidden() -> None:
    """Under 100 people or 10 conversions in one of the four groups a pair is only counted."""
    few = make_standing(make_cells({}, 20))["factorial"]
    assert few["interactions"] == []
    assert few["hidden"] == 5
    shown = make_standing(make_cells({}, 600))["factorial"]
    assert len(shown["interactions"]) == 5
    assert shown["hidden"] == 0


def test_the_corrected_range_of_a_pair_agrees_with_its_p_value() -> None:
    """Holm's p-value is below five per cent exactly when the range beside it leaves zero out."""
    cells = make_cells({}, 2500, {("gift", "box"): -0.05, ("story", "wecom"): 0.03, ("box", "wecom"): 0.02})
    rows, _ = cells.interactions(0.95)
    assert {row.adjusted.p_value < 0.05 for row in rows} == {True, False}
    for row in rows:
        assert (row.adjusted.p_value < 0.05) == (row.adjusted.low > 0 or row.adjusted.high < 0)


def test_one_variable_off_balance_is_a_data_problem_of_the_round() -> None:
    """Each variable's counts are checked, and one that is off blanks all verdicts."""
    cells = make_cells({"gift": 0.05})
    skewed = {"assigned": {"control": 3000, "gift": 1500, "story": 1500}}
    factors = [make_factor(name, cells) for name in OPTIONS]
    factors[0] = replace(factors[0], evidence=replace(factors[0].evidence, stages=skewed))
    arms = ("control", "gift", "story", "box", "wecom")
    variables = {arm: name for name, levels in OPTIONS.items() for arm in levels[1:]}
    standing = crossed_standing(Question("round", arms, variables=variables, method="fixed"), factors, cells)
    assert standing["verdict"]["status"] == "data_problem"
    assert [check["variable"] for check in standing["balance"] if not check["ok"]] == ["script"]
    assert "winner" not in standing["verdict"]["arms"].values()
    assert standing["factorial"]["combination"] is None
    assert {one["status"] for one in standing["factorial"]["variables"]} == {"data_problem"}


def test_nobody_yet_is_not_enough_people() -> None:
    """A round that has just begun says so, with no number that is none."""
    empty = Cells(OPTIONS, [], [])
    standing = make_standing(empty, finished=False)
    assert standing["verdict"]["status"] == "not_enough_people"
    assert "combination" not in standing["factorial"] or standing["factorial"]["combination"] is None
    assert json.dumps(standing, allow_nan=False)


def test_each_variable_s_race_is_replayed_from_its_own_counts() -> None:
    """The counts of earlier looks are kept per variable, since each has a control level of its own."""
    standing = make_standing(make_cells({"gift": 0.04}))
    (look,) = history_of([standing], "incentive")
    assert [row["arm"] for row in look["metrics"][0]["arms"]] == ["control", "box"]


def test_a_variable_goes_on_from_what_it_kept() -> None:
    """Each variable reads back its own counts, its guards' watch and its race, and nobody else's."""
    variables = [
        {"variable": name, "arms": [], "watch": {"of": name}, "race": {"of": name}} for name in ("script", "voice")
    ]
    looks = [{"factorial": {"variables": variables}}, {"factorial": {"variables": [{"variable": "voice", "arms": []}]}}]

    assert history_of(looks, "script") == [
        {"metrics": [{"role": "primary", "arms": []}], "watch": {"of": "script"}, "race": {"of": "script"}}
    ]
    assert history_of(looks, "voice")[-1]["race"] == {}
