"""What the finished experiments of a database say together, for the API and the command line."""

from pathlib import Path

from engine.core.experiments import State
from engine.steps import report
from engine.steps.learned import all_learned
from engine.store import records
from tests.steps.makers import MONDAY, make_experiment, make_workspace, run_to_end, start, write_experiment

ONCE = make_experiment()["control"] | {"redial": {"attempts": 1}}
ARMS = {"gift": {"script": "gift-first"}, "calm": {"voice": "calm-male"}}


def test_decided_experiments_are_pooled_and_others_are_not(tmp_path: Path) -> None:
    """Two decided rounds are pooled per variable and option; one that still runs says nothing."""
    with make_workspace(tmp_path) as workspace:
        assert all_learned(workspace)["variables"] == []
        lifts = []
        for name in ("round-1", "round-2"):
            path = write_experiment(tmp_path, 300, experiment=name, control=ONCE, arms=ARMS)
            simulation = run_to_end(workspace, path)
            standing = report.standing(workspace, name, simulation.now)
            lifts.append(standing["metrics"][0]["comparisons"][0]["difference"])
        start(workspace, write_experiment(tmp_path, 300, experiment="round-3", control=ONCE, arms=ARMS), simulation.now)
        found = all_learned(workspace)
        with workspace.database.writing() as connection:
            running = records.get(connection, "round-2")
            records.move(connection, running.id, State.STOPPED, "mistake", MONDAY)
        without = all_learned(workspace)

    assert found["experiments"] == ["round-1", "round-2"]
    script, voice = found["variables"]
    assert (script["variable"], script["options"][0]["option"]) == ("script", "gift-first")
    assert (voice["variable"], voice["options"][0]["option"]) == ("voice", "calm-male")
    assert min(lifts) <= script["options"][0]["pooled"]["difference"] <= max(lifts)
    assert without["experiments"] == ["round-1"]
