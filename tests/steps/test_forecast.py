"""Calls and days before the first call, and the choice of waves between them."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.core.experiments import Experiment
from engine.steps.forecast import wave_choices
from engine.steps.pacing import days_of_parts
from engine.steps.plan import plan
from tests.steps.makers import COLUMNS, MONDAY, make_experiment, make_workspace, write_experiment

ONCE = make_experiment()["control"] | {"redial": {"attempts": 1}, "sms": None}
RACE: dict[str, Any] = {"decision": {"method": "sequential"}, "conversion": {"within": "24h"}, "control": ONCE}


def experiment_of(folder: Path, **changes: Any) -> Experiment:
    path = write_experiment(folder, 10, **RACE | changes)
    with make_workspace(folder) as workspace:
        return workspace.load(path)


def test_days_run_inside_the_windows(tmp_path: Path) -> None:
    """7,200 seconds of calls fill a window of two hours; what is left waits for the next day, and Monday for Friday."""
    window = ONCE | {"timing": {"window": "10:00-12:00", "days": ["mon", "tue", "wed", "thu", "fri"]}}
    experiment = experiment_of(tmp_path, control=window, pace={"per_second": 1, "concurrent": 500})
    assert days_of_parts(experiment, [7200]) == [pytest.approx(1 + 2 / 24)]
    assert days_of_parts(experiment, [7201])[0] == pytest.approx(2, abs=0.001)
    assert days_of_parts(experiment, [5 * 7200]) == [pytest.approx(4 + 2 / 24 + 1)]
    assert days_of_parts(experiment, [5 * 7200 + 60])[0] == pytest.approx(8, abs=0.002)
    assert days_of_parts(experiment, [50 * 7200])[0] == pytest.approx(9 * 7 + 4 + 2 / 24 + 1)
    assert days_of_parts(experiment, [60, 60, 60])[-1] == pytest.approx(3, abs=0.01)
    assert days_of_parts(experiment, [60] * 6)[-1] == pytest.approx(8, abs=0.01)  # Friday's wave is mature on Saturday
    assert days_of_parts(experiment, [1e12, 5]) == [None, None]


def test_small_waves_spend_few_calls_and_many_days(tmp_path: Path) -> None:
    """12 %, a useful point, 60,000 people, a day to convert: 2,000 a wave decides a useless arm after about 17,200
    calls in 9 days, 10,000 a wave after 23,400 in 2.5 days, all at once after 60,000."""
    found = {}
    for waves in (2_000, 10_000):
        experiment = experiment_of(tmp_path, pace={"per_second": 20, "concurrent": 2000, "waves": waves})
        choices = wave_choices(experiment, {"control": 30_000, "gift": 30_000})
        found[waves] = next(way for way in choices if way.choice == "own")
        assert [way.per_wave for way in choices] == sorted(way.per_wave for way in choices)
        assert {way.choice for way in choices} == {"own", "eighth", "quarter", "auto", "off"}
        for fewer, more in pairwise(choices):
            assert fewer.calls_no_effect <= more.calls_no_effect * 1.08
            assert fewer.days_no_effect is not None
            assert more.days_no_effect is not None
            assert fewer.days_no_effect * 1.01 >= more.days_no_effect
        off = choices[-1]
        assert (off.calls_no_effect, off.calls_with_lift, off.per_wave) == (60_000, 60_000, 60_000)
    small, large = found[2_000], found[10_000]
    assert small.calls_no_effect == pytest.approx(17_200, rel=0.12)
    assert small.days_no_effect == pytest.approx(9, abs=1.2)
    assert large.calls_no_effect == pytest.approx(23_400, rel=0.12)
    assert large.days_no_effect == pytest.approx(2.5, abs=0.4)
    assert small.calls_with_lift > small.calls_no_effect


def test_a_slow_stream_saves_what_it_has_not_called(tmp_path: Path) -> None:
    """Where few calls go out while conversions are awaited, even one stream ends early when a race is decided."""
    slow = experiment_of(tmp_path, pace={"per_second": 0.1, "concurrent": 60})
    off = wave_choices(slow, {"control": 30_000, "gift": 30_000})[-1]
    assert off.choice == "off"
    assert off.calls_no_effect < 30_000
    assert off.days_no_effect is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"decision": {"method": "fixed"}}, {"decision": {"method": "group"}, "size": {"contacts_per_arm": 100}},
        {"metrics": {"primary": "revenue"}}, {"arms": {"lapsed": {"audience": {"segment": "lapsed"}}}},
    ],
)  # fmt: skip
def test_only_a_race_has_a_choice_of_waves(tmp_path: Path, changes: dict[str, Any]) -> None:
    """What is read once, or at planned looks, has no such choice."""
    experiment = experiment_of(tmp_path, **changes)
    assert wave_choices(experiment, dict.fromkeys(experiment.treatments, 5000)) == ()


AUDIENCE = {"contacts": "contacts.csv", "columns": COLUMNS}


@pytest.mark.parametrize(
    ("people", "deadline", "note"),
    [(300, True, "less than one fixed sample"), (1800, True, "between 1 and 1.5"), (2400, False, "")],
)
def test_a_plan_says_how_the_race_ends(tmp_path: Path, people: int, deadline: bool, note: str) -> None:
    """Below one fixed sample the lift can hardly be seen; up to one and a half there is a last reading; above, none."""
    race = RACE | {"decision": {"smallest_useful_lift": "5pt", "method": "sequential"}}
    with make_workspace(tmp_path) as workspace:
        said = plan(workspace, write_experiment(tmp_path, people, **race), MONDAY)
    assert 1100 < said.methods["fixed"]["contacts"] < 1700
    assert said.fixed_samples == pytest.approx(people / said.methods["fixed"]["contacts"], abs=0.001)
    assert said.deadline is deadline
    assert note in " ".join(said.notes)
    assert bool(said.notes) == bool(note)


def test_a_plan_tells_all_three_methods_and_the_waves(tmp_path: Path) -> None:
    """The plan has what each method takes, and every choice of waves, as plain data."""
    race = RACE | {"decision": {"smallest_useful_lift": "5pt", "method": "sequential"}, "pace": {"waves": "auto"}}
    with make_workspace(tmp_path) as workspace:
        plain = plan(workspace, write_experiment(tmp_path, 2400, **race), MONDAY).as_json()
        fixed = plan(
            workspace, write_experiment(tmp_path, 60, **race | {"decision": {"method": "fixed"}}), MONDAY
        ).as_json()
    assert plain["days"] > 5  # waves of a day each
    assert fixed["days"] < 1.5
    assert plain["methods"].keys() == {"fixed", "group", "sequential"}
    assert plain["methods"]["group"]["contacts"] > plain["methods"]["fixed"]["contacts"]
    assert plain["methods"]["sequential"]["seed"] == 1
    assert {"per_wave", "calls_no_effect", "calls_with_lift", "days_no_effect", "days_with_lift"} <= plain["waves"][
        0
    ].keys()
    assert fixed["waves"] == ()
    assert "read once" in fixed["notes"][0]
    assert plain["notes"] == ()
