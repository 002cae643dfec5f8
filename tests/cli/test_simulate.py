"""An experiment played many times."""

from pathlib import Path

import pytest

from engine.steps.plays import Play, Simulated
from engine.stats.rates import rate_interval
from tests.cli.makers import make_workspace, ringlab


def make_simulated(truth: dict[str, float], *plays: Play) -> Simulated:
    """Runs that came to these ends."""
    return Simulated("x", "fixed", 0.05, 0.01, 100, truth, plays)


def make_play(seed: int, **statuses: str) -> Play:
    """One run with a status for each arm."""
    won = next((arm for arm, status in statuses.items() if status == "winner"), None)
    return Play(seed, "winner" if won else "leaning", won, statuses, 100 * seed)


def test_false_winners_are_arms_without_an_effect() -> None:
    """A winner with no planted lift is false; a winner with the largest one is found; ranges are Wilson's."""
    found = make_simulated(
        {"good": 0.03, "null": 0.0, "bad": -0.02},
        make_play(1, good="winner", null="leaning", bad="leaning"),
        make_play(2, good="leaning", null="winner", bad="winner"),
        make_play(3, good="winner", null="leaning", bad="winner"),
        make_play(4, good="leaning", null="leaning", bad="leaning"),
    ).as_json()

    assert found["false_winner_rate"] == 0.5
    assert found["false_winner_interval"] == list(rate_interval(2, 4))
    assert found["power"] == 0.5
    assert found["mean_calls"] == 250
    assert found["statuses"] == {"leaning": 1, "winner": 3}
    assert found["calibration"] is False


def test_without_an_effect_it_is_a_calibration() -> None:
    """An A/A calibration has no power."""
    found = make_simulated({"null": 0.0}, make_play(1, null="leaning")).as_json()

    assert found["calibration"] is True
    assert found["power"] is None


@pytest.mark.slow
def test_a_file_is_played_with_another_truth_and_made_up_contacts(tmp_path: Path) -> None:
    """Contacts that are not there are made up; the truth file takes the place of the file's; nothing is left behind."""
    experiment = make_workspace(tmp_path / "w", 200)
    (tmp_path / "w/experiments/contacts.csv").unlink()
    truth = tmp_path / "truth.yaml"
    truth.write_text("gift-first: 20pt\n", encoding="utf-8")
    before = set(tmp_path.rglob("*"))

    said = ringlab("simulate", str(experiment), "--runs", "2", "--truth", str(truth), "--jobs", "1", "--format", "json")

    assert said.status == 0, said.err
    assert said.json["people"] == 200
    assert said.json["power"] == 1.0
    assert said.json["arms"][0]["true_lift"] == pytest.approx(0.2)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("text", "told"),
    [("gift-fist: 3pt", "'gift-first'"), ("gift-first: three", "is not a lift"), ("3", "maps arms to lifts")],
)
def test_a_truth_that_cannot_be_is_told(tmp_path: Path, text: str, told: str) -> None:
    """An arm that is none and an effect that is no lift are named."""
    experiment = make_workspace(tmp_path / "w", 20)
    truth = tmp_path / "truth.yaml"
    truth.write_text(text, encoding="utf-8")

    said = ringlab("simulate", str(experiment), "--runs", "1", "--truth", str(truth))

    assert said.status == 1
    assert told in said.err
