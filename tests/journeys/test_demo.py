"""The demo is the POC of the field: three rounds, of which the files in `experiments/` are those of seed 1."""

from pathlib import Path

import pytest

from engine.demo import FIRST, play
from engine.workspace import shipped

ROUNDS = (FIRST, "poc-round-2", "poc-confirm")


@pytest.mark.slow
def test_the_demo_finds_what_is_planted_and_writes_the_shipped_rounds(tmp_path: Path) -> None:
    """Seed 1: the largest effect and the combination are found, nothing useless is, and `next` writes what ships."""
    result = play(tmp_path / "demo", 1)

    assert tuple(one.experiment for one in result.rounds) == ROUNDS
    assert result.rounds[0].people == 45_000
    assert result.calls > 90_000
    arms = {(one.experiment, arm.arm): arm for one in result.rounds for arm in one.arms}
    assert arms[FIRST, "gift-first"].status == "winner"
    assert arms["poc-confirm", "combination"].status == "winner"
    assert all(arm.true_lift > 0 for arm in arms.values() if arm.status == "winner")
    for name in ROUNDS:
        written = (tmp_path / "demo" / "experiments" / f"{name}.yaml").read_text(encoding="utf-8")
        assert written == (shipped() / "experiments" / f"{name}.yaml").read_text(encoding="utf-8")


def test_a_fast_demo_says_what_picking_the_highest_takes(tmp_path: Path) -> None:
    """For every variable of the first round there is a pick, and money beside it; a pick is the highest raw rate."""
    result = play(tmp_path / "demo", 3, fast=True)
    told = result.as_json()

    first = result.rounds[0]
    assert [pick["variable"] for pick in told["pick_the_highest"]] == list(
        dict.fromkeys(a.variable for a in first.arms)
    )
    for pick in result.picks:
        rates = {arm.arm: arm.rate for arm in first.arms if arm.variable == pick.variable}
        highest = max(rates, key=lambda arm: rates[arm])
        assert pick.arm == (highest if rates[highest] > first.control_rate else "control")
        assert pick.worth == pytest.approx(pick.true_lift * 90 * 10_000)
    assert told["schema"] == "ringlab.demo/1"
    assert told["calls"] == sum(one["calls"] for one in told["rounds"])


def test_a_demo_never_replaces_a_folder_that_is_no_demo(tmp_path: Path) -> None:
    """Whatever stands in the folder stays there."""
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Exception, match="no earlier demo"):
        play(tmp_path, 1, fast=True)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"
