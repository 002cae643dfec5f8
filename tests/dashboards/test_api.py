"""JSON under /api/v1."""

import json
from unittest.mock import patch

import pytest
from fastapi.testclient import TestClient

from dashboards.app import BULK_LIMIT
from engine.errors import DatabaseError, NotNow, Problem, ProblemsFound
from engine.steps import learned
from tests.dashboards.makers import NOW, Steps, make_client

ONE = "/api/v1/experiments/gift-first-2026-11"
CONTACT = {"key": "c-1", "phone": "138 0013 8000"}
FACT = {"id": "f-1", "contact": "c-1", "event": "friend_added", "at": "2026-11-24T09:00:00+08:00"}


def operator() -> TestClient:
    return make_client("operator-token")


def test_standing_is_given_as_it_is(steps: Steps) -> None:
    """The API's standing is the report's, key for key."""
    assert operator().get(f"{ONE}/standing").json() == steps.found.standing


def test_list_names_every_experiment(steps: Steps) -> None:
    """The list has each experiment's card."""
    listed = operator().get("/api/v1/experiments").json()["experiments"]
    assert [card["name"] for card in listed] == ["gift-first-2026-11"]
    assert listed[0]["days_left"] == 2.4


def test_one_experiment_has_its_definition(steps: Steps) -> None:
    """Reading one gives its card, its YAML and its settings."""
    found = operator().get(ONE).json()
    assert found["yaml"].startswith("experiment: gift-first")
    assert found["settings"]["decision"]["alpha"] == "5%"


def test_what_was_learned_is_given_as_it_is(steps: Steps) -> None:
    """A viewer reads what all decided experiments say together."""
    with patch.object(learned, "all_learned", return_value={"schema": "ringlab.learned/1", "variables": []}):
        assert make_client("viewer-token").get("/api/v1/learned").json()["schema"] == "ringlab.learned/1"
    assert make_client().get("/api/v1/learned").status_code == 401


def test_looks_and_refusals(steps: Steps) -> None:
    """Looks come first to last with every arm's range; refusals by rule."""
    looks = operator().get(f"{ONE}/looks").json()["looks"]
    assert [look["look"] for look in looks] == list(range(1, 8))
    assert set(looks[0]["estimate"]["gift-first"]) == {"value", "interval"}
    assert operator().get(f"{ONE}/refusals").json()["refusals"][0] == {
        "rule": "suppressed", "says": "on the suppression list", "contacts": 212,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind"),
    [("experiment: a\n", "application/yaml"), (json.dumps({"yaml": "experiment: a\n"}), "application/json")],
)
def test_create_takes_yaml_bare_or_in_json(steps: Steps, body: str, kind: str) -> None:
    """The same experiment starts from YAML as it is and from YAML in JSON."""
    answer = operator().post("/api/v1/experiments", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 201
    assert answer.headers["location"] == ONE
    assert ("create", "experiment: a\n", NOW) in steps.asked


@pytest.mark.parametrize("body", ["[", "[]", '{"yaml": 3}', '{"yaml": "a", "more": 1}', "[" * 100_000])
def test_create_refuses_other_json(steps: Steps, body: str) -> None:
    """JSON that is no `{"yaml": …}` is told so."""
    answer = operator().post("/api/v1/experiments", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_problems_come_all_at_once(steps: Steps) -> None:
    """A wrong file gets every problem with its line and column."""
    steps.raises["create"] = ProblemsFound([Problem("x", 3, 5, "unknown key 'scirpt'"), Problem("x", 1, 1, "no name")])
    answer = operator().post("/api/v1/experiments", content="a: b", headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 422
    assert [problem["line"] for problem in answer.json()["problems"]] == [1, 3]


@pytest.mark.parametrize(("sent", "people"), [(CONTACT, 1), ([CONTACT, {**CONTACT, "key": "c-2"}], 2)])
def test_contacts_come_one_or_many(steps: Steps, sent: object, people: int) -> None:
    """One contact or a list of them enrolls."""
    assert operator().post("/api/v1/contacts", json=sent).json()["enrolled"] == people


def test_contacts_wrong_are_told_without_their_number(steps: Steps) -> None:
    """A refused contact's number never comes back in the error."""
    wrong = {**CONTACT, "timezone": "Mars/Olympus", "colour": "red"}
    answer = operator().post("/api/v1/contacts", json=[wrong])
    assert answer.status_code == 422
    assert "0013" not in answer.text
    assert "Asia/Shanghai" in answer.text


def test_conversions_come_one_or_many(steps: Steps) -> None:
    """Conversions are taken with their own moment, which needs a time zone."""
    assert operator().post("/api/v1/conversions", json=[FACT, {**FACT, "id": "f-2"}]).json() == {
        "received": 2,
        "added": 2,
    }
    assert operator().post("/api/v1/conversions", json=FACT).json()["added"] == 1
    naive = {**FACT, "at": "2026-11-24T09:00:00"}
    assert operator().post("/api/v1/conversions", json=naive).status_code == 422


def test_suppression(steps: Steps) -> None:
    """Numbers are put on the list, asked for and taken off in bodies, never in addresses."""
    client, numbers = operator(), {"phones": ["+8613800138000"]}
    assert client.post("/api/v1/suppression", json={**numbers, "reason": "asked"}).json() == {"added": 1}
    assert client.post("/api/v1/suppression/check", json={"phone": "+8613800138000"}).json() == {"suppressed": True}
    assert client.request("DELETE", "/api/v1/suppression", json=numbers).json() == {"removed": 1}


def test_viewer_sees_suppressed_numbers_masked(steps: Steps) -> None:
    """Only a role that may sees numbers whole."""
    steps.suppressed = [{"phone": "+8613800138000", "reason": "asked", "source": "api"}]
    assert "0138" not in make_client("viewer-token").get("/api/v1/suppression").text
    assert "+8613800138000" in operator().get("/api/v1/suppression").text


def test_errors_are_problems(steps: Steps) -> None:
    """Every error of the API is application/problem+json with its status and a sentence."""
    steps.raises |= {"pause": NotNow("it is decided"), "cards": DatabaseError("the disk is full; free some")}
    for answer, status in (
        (operator().get("/api/v1/experiments/nothing"), 404),
        (operator().get("/api/v1/nowhere"), 404),
        (operator().put("/api/v1/contacts"), 405),
        (operator().post(f"{ONE}/pause", json={"reason": "x"}), 409),
        (operator().get("/api/v1/experiments"), 503),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        assert answer.json()["detail"]


def test_a_bug_shows_no_insides(steps: Steps, caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen error answers 500 with a number; neither answer nor log holds the error's text."""
    steps.raises["cards"] = RuntimeError("contact +8613800138000")
    answer = operator().get("/api/v1/experiments")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "13800138000" not in answer.text + caplog.text
    assert answer.json()["error"] in caplog.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_bodies_have_a_limit(steps: Steps) -> None:
    """A body over its limit is refused with 413, also when it says nothing of its length."""
    client = operator()
    big = b"a" * (1024 * 1024 + 1)
    assert client.post("/api/v1/experiments", content=big).status_code == 413
    assert client.post("/api/v1/experiments", content=iter([big])).status_code == 413
    assert client.post("/webhooks/simulated", content=big).status_code == 413
    assert client.post("/api/v1/contacts", content=b" " * (BULK_LIMIT + 1)).status_code == 413
    many = [{**CONTACT, "key": f"c-{number}"} for number in range(30_000)]
    assert client.post("/api/v1/contacts", json=many).json()["enrolled"] == 30_000


def test_openapi_names_every_address(steps: Steps) -> None:
    """The description is there for anybody, with the API and without the pages."""
    paths = make_client().get("/openapi.json").json()["paths"]
    assert {
        "/api/v1/experiments",
        "/api/v1/contacts",
        "/api/v1/conversions",
        "/api/v1/suppression",
        "/api/v1/adapters",
        "/webhooks/{adapter}",
    } <= set(paths)
    assert "/login" not in paths
