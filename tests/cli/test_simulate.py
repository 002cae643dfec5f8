"""An experiment played many times."""

from pathlib import Path

import pytest

from engine.stats.rates import rate_interval
from engine.steps.plays import Play, Simulated
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


EMPTY = """
experiment: empty
audience: {contacts: contacts.csv, columns: {key: customer_id, phone: mobile, name: name, ordered_at: paid_at}}
control: {script: classic, redial: {attempts: 1}}
arms: {gift-first: {script: gift-first}, story: {script: story}}
decision: {METHOD}
size: {contacts_per_arm: 900}
conversion: {event: friend_added, within: 24h}
"""


def write_empty(folder: Path, method: str = "method: sequential", more: str = "") -> Path:
    """A workspace with an experiment of which no effect is planted, over people who are not there."""
    make_workspace(folder, 20)
    path = folder / "experiments" / "empty.yaml"
    path.write_text(EMPTY.replace("METHOD", f"{method}, smallest_useful_lift: 3pt") + more, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("method: sequential", ""), ("method: sequential", "pace: {waves: auto}\n"),
        ("method: sequential", "pace: {waves: 300}\n"), ("method: group", ""), ("method: fixed", ""),
    ],
)  # fmt: skip
def test_the_statistics_alone_keep_the_promise_of_every_method(tmp_path: Path, method: str, more: str) -> None:
    """Three thousand empty campaigns take a moment, and each method names no more false winners than promised."""
    path = write_empty(tmp_path / "w", method, more)
    (path.parent / "contacts.csv").unlink()
    said = ringlab("simulate", str(path), "--statistics", "--runs", "3000", "--drift", "20%", "--format", "json")
    assert said.status == 0, said.err
    found = said.json
    assert (found["schema"], found["engine"], found["calibration"]) == ("ringlab.simulation/1", "statistics", True)
    assert (found["runs"], found["people"], found["power"]) == (3000, 2700, None)
    assert found["false_winner_interval"][0] <= 0.025
    assert found["mean_calls"] <= 2700


def test_the_statistics_alone_find_what_is_planted(tmp_path: Path) -> None:
    """With a large effect planted the arm wins, and it is no calibration."""
    path = write_empty(tmp_path / "w")
    (path.parent / "contacts.csv").unlink()
    truth = tmp_path / "truth.yaml"
    truth.write_text("gift-first: 9pt\nstory: -2pt\n", encoding="utf-8")
    found = ringlab(
        "simulate", str(path), "--statistics", "--runs", "300", "--truth", str(truth), "--format", "json"
    ).json
    assert found["power"] > 0.9
    assert found["false_winner_rate"] == 0
    assert found["calibration"] is False


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--drift", "20%"), "--drift"), (("--statistics", "--truth", "TRUTH"), "rates"), (("--statistics",), "rate")],
)
def test_what_the_statistics_alone_cannot_play_is_told(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    """A drift of whole campaigns, a rate above one, and a metric that is no rate are told, in words."""
    path = write_empty(tmp_path / "w", more="" if len(words) == 3 else "metrics: {primary: revenue}\n")
    truth = tmp_path / "truth.yaml"
    truth.write_text("gift-first: 95pt\n", encoding="utf-8")
    said = ringlab("simulate", str(path), "--runs", "2", *(str(truth) if word == "TRUTH" else word for word in words))
    assert said.status in (1, 2)
    assert told in said.err


def test_a_calibration_is_kept_and_shown(tmp_path: Path) -> None:
    """Empty campaigns are kept where the experiment is, and shown with its results; planted effects never are."""
    path = write_empty(tmp_path / "w")
    database = ("--database", f"sqlite:///{tmp_path / 'here.db'}")
    play = ("simulate", str(path), "--statistics", "--runs", "400", *database)
    assert "kept" not in ringlab(*play).err  # there is no database yet
    assert not (tmp_path / "here.db").exists()
    assert ringlab("start", str(path), *database).status == 0
    truth = tmp_path / "truth.yaml"
    truth.write_text("gift-first: 5pt\n", encoding="utf-8")
    for unkept in (("--truth", str(truth)), ("--no-keep",)):
        ringlab(*play, *unkept)
        assert "calibration" not in ringlab("results", "empty", "--format", "json", *database).json
    truth.write_text("gift-first: 0pt\n", encoding="utf-8")
    said = ringlab(*play, "--truth", str(truth), "--seed", "5", "--format", "json")
    assert "kept" in said.err
    shown = ringlab("results", "empty", "--format", "json", *database).json["calibration"]
    assert (shown["runs"], shown["seed"], shown["engine"], shown["ok"]) == (400, 5, "statistics", True)
    assert shown["false_winners"] == round(said.json["false_winner_rate"] * 400)
    assert shown["promised"] == 0.025
    assert "false winners in 400 empty runs of the statistics" in ringlab("results", "empty", *database).out
    ringlab("stop", "empty", "--reason", "enough", *database)
    assert ringlab("results", "empty", "--format", "json", *database).json["calibration"] == shown


def test_another_way_to_decide_has_no_calibration(tmp_path: Path) -> None:
    """What was played for one method, alpha or lift says nothing of another."""
    path = write_empty(tmp_path / "w")
    database = ("--database", f"sqlite:///{tmp_path / 'here.db'}")
    ringlab("start", str(path), *database)
    for other in ("method: group", "method: sequential, alpha: 1%"):
        ringlab("simulate", str(write_empty_again(path, other)), "--statistics", "--runs", "50", *database)
    assert "calibration" not in ringlab("results", "empty", "--format", "json", *database).json


def write_empty_again(path: Path, method: str) -> Path:
    """The same experiment under another name, decided in another way."""
    text = EMPTY.replace("METHOD", f"{method}, smallest_useful_lift: 3pt").replace("experiment: empty", "experiment: x")
    other = path.with_name("x.yaml")
    other.write_text(text, encoding="utf-8")
    return other
