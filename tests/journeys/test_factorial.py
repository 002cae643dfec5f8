"""A factorial round as its owner lives it, through the command line and on its page."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.app import make_app
from engine.runner import real_now
from engine.settings import Settings
from engine.workspace import Workspace
from tests.cli.makers import ringlab
from tests.steps.makers import write_experiment
from tests.steps.test_crossing import make_round

TRUTH = {"gift": "16pt", "box": "14pt", "gift+box": "-2pt"}
NAME = "all-at-once"


def told(*words: str) -> dict[str, Any]:
    """What a command prints as JSON."""
    said = ringlab(*words, "--format", "json")
    assert said.status == 0, said.err
    found: dict[str, Any] = said.json
    return found


@pytest.mark.slow
def test_a_factorial_round_from_its_file_to_the_round_that_confirms_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check, plan, start, run, results, contacts and next agree; the page shows variables and the combination."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGLAB_DATABASE_URL", f"sqlite:///{tmp_path / 'ringlab.db'}")
    settings = {"seed": 3, "hour_effect": "off", "conversion": "5%"}
    changes = make_round(truth=TRUTH, settings=settings, size={"baseline": "10%"})
    file = str(write_experiment(tmp_path, 1300, **changes).relative_to(tmp_path))
    assert ringlab("check", file).out == ""
    plan = told("plan", file)
    assert plan["factorial"]["people_needed"] < plan["factorial"]["one_at_a_time"]
    assert "one variable at a time takes" in ringlab("plan", file).out
    started = told("start", file)
    assert (sum(started["assigned"].values()), len(started["assigned"])) == (1300, 12)
    assert ringlab("run", NAME).status == 0
    assert told("results", NAME)["factorial"]["combination"]["arm"] == "gift+box"
    assert "combination to confirm: gift+box" in ringlab("results", NAME).out
    assert told("contacts", "show", "C00007")["arms"][NAME] in started["assigned"]
    assert ringlab("next", NAME, "--confirm", "-o", "experiments/confirm.yaml").status == 0
    assert ringlab("check", "experiments/confirm.yaml").out == ""
    with Workspace(Settings(f"sqlite:///{tmp_path / 'ringlab.db'}"), tmp_path) as workspace:
        client = TestClient(make_app(workspace, clock=real_now, open=True))
        for language, words in (
            ("en", ("The combination to confirm", "Variable by variable")), ("zh-CN", ("待证实的组合", "逐个变量")),
        ):  # fmt: skip
            page = client.get(f"/experiments/{NAME}?lang={language}").text
            assert all(word in page for word in (*words, "gift+box"))
