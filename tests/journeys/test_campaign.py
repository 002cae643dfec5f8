"""A whole campaign as its owner lives it: one command each, from the file to the file of the round after."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.steps.makers import ALL_DAY, COLUMNS, STEADY, make_experiment, make_rows, write_experiment

PEOPLE, NAME = 5_000, "gift-first"
ARMS = {"gift": {"script": "gift-first"}, "story": {"script": "story"}, "coupon": {"sms": "coupon-reminder"}}
AUDIENCE = {"contacts": "contacts.csv", "columns": COLUMNS, "strata": ["segment", "tier"], "holdout": "4%"}
BAD = 7


def ringlab(folder: Path, *words: str, status: int = 0) -> str:
    """What a command prints; it must end with this status."""
    environment = os.environ | {
        "RINGLAB_DATABASE_URL": databases.here().url(folder), "PYTHONPATH": str(Path(__file__).parents[2])
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "engine", *words], cwd=folder, env=environment, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done.stdout


def told(folder: Path, *words: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    found: dict[str, Any] = json.loads(ringlab(folder, *words, "--format", "json"))
    return found


@pytest.mark.slow
@pytest.mark.databases
def test_a_campaign_from_its_file_to_the_next_round(tmp_path: Path) -> None:
    """Check, plan, start, run, results and next agree with one another over five thousand people in six strata."""
    people = make_rows(PEOPLE) + make_rows(BAD, PEOPLE, mobile="12")
    control = make_experiment()["control"] | {"timing": ALL_DAY}
    path = write_experiment(
        tmp_path, people, arms=ARMS, audience=AUDIENCE, control=control, truth={"gift": "8pt", "story": "-4pt"},
        settings=STEADY, pace={"per_second": 20, "concurrent": 1200}, size={"contacts_per_arm": 1150},
        schedule={"start": "2026-11-23 09:00"},
    )  # fmt: skip
    file = str(path.relative_to(tmp_path))
    assert ringlab(tmp_path, "check", file) == ""
    plan = told(tmp_path, "plan", file)
    assert not (tmp_path / "ringlab.db").exists() or databases.here().kind != "sqlite"
    started = told(tmp_path, "start", file)
    assert (started["imported"], started["rejected"]) == (plan["people"]["callable"], BAD) == (PEOPLE, BAD)
    for arm, count in started["assigned"].items():
        assert abs(count - plan["per_arm"][arm]) <= 12
    assert told(tmp_path, "start", file)["assigned"] == {}
    (end,) = told(tmp_path, "run")["experiments"]
    assert (end["experiment"], end["state"]) == (NAME, "decided")
    assert plan["expected_calls"] * 0.85 <= end["calls"] <= plan["worst_calls"]
    standing = told(tmp_path, "results", NAME)
    check_standing(standing, end, started["assigned"])
    ringlab(tmp_path, "database", "check")
    ringlab(tmp_path, "next", NAME, "-o", "experiments/second.yaml")
    assert ringlab(tmp_path, "check", "experiments/second.yaml") == ""
    second = told(tmp_path, "plan", "experiments/second.yaml")
    assert "gift" not in second["per_arm"]
    assert sum(second["people"]["refused"].values()) == sum(started["assigned"].values())
    assert second["people"]["callable"] == PEOPLE - sum(started["assigned"].values())
    assert not second["feasible"]


def check_standing(standing: dict[str, Any], end: dict[str, Any], assigned: dict[str, int]) -> None:
    """The verdict is the planted truth, over everybody who was assigned, and is the same however it is asked for."""
    assert standing["verdict"] == end["verdict"]
    assert (standing["verdict"]["status"], standing["verdict"]["arm"]) == ("winner", "gift")
    assert standing["verdict"]["arms"]["story"] in ("loser", "no_useful_difference")
    primary = standing["metrics"][0]
    counted = {row["arm"]: row["contacts"] for row in primary["arms"]}
    assert counted == {arm: count for arm, count in assigned.items() if arm != "holdout"}
    lift = next(row for row in primary["comparisons"] if row["arm"] == "gift")
    assert lift["interval"][0] <= 0.08 <= lift["interval"][1]
    assert all(check["ok"] for check in standing["balance"])
    assert standing["placebo"]["ok"]
    assert standing["maturity"] == {"mature": sum(assigned.values()), "waiting": 0}
