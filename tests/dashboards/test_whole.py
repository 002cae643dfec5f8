"""The web's edge on the engine itself: a campaign is played, and its pages, API and links are read."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards.__main__ import serve
from dashboards.app import make_app
from engine.runner import Simulation, start_moment
from engine.settings import Settings
from engine.steps import access, enroll
from engine.workspace import Workspace
from tests import databases

NAME = "gift-first-2026-11"
FILE = f"""\
experiment: {NAME}
hypothesis: Naming the gift first raises friend-adds by 5 points.
audience:
  contacts: contacts.csv
  columns: {{key: customer, phone: mobile}}
control: {{script: classic, sms: link, redial: {{attempts: 2, gap: 4h, on: [no_answer, busy]}}}}
arms:
  gift-first: {{script: gift-first}}
size: {{contacts_per_arm: 60}}
decision: {{method: fixed}}
schedule: {{start: "2026-11-23 09:00", end: "2026-12-05 20:00"}}
"""
POSTED = FILE.replace(NAME, "posted").replace(
    "  contacts: contacts.csv\n  columns: {key: customer, phone: mobile}", "  roster: true"
)


pytestmark = pytest.mark.databases


@dataclass(frozen=True, slots=True)
class Played:
    """A played campaign's app, before which an operator and a viewer stand."""

    operator: TestClient
    viewer: TestClient
    workspace: Workspace


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, database_place: databases.Place) -> Iterator[Played]:
    """A workspace in which one campaign was played to its end."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "experiments").mkdir()
    (folder / "experiments" / f"{NAME}.yaml").write_text(FILE, encoding="utf-8")
    people = "".join(f"C{number},199{number:08}\n" for number in range(120))
    (folder / "contacts.csv").write_text(f"customer,mobile\n{people}", encoding="utf-8")
    with Workspace(Settings(database=databases.here().url(folder)), folder) as workspace:
        path: Path = folder / "experiments" / f"{NAME}.yaml"
        now = start_moment(workspace, workspace.load(path))
        enroll.start(workspace, path, now)
        simulation = Simulation(workspace, workspace.running(NAME))
        simulation.run()
        app = make_app(workspace, clock=lambda: simulation.now)
        clients = []
        for role in ("operator", "viewer"):
            token = access.add_token(workspace, role, role, now)
            client = TestClient(app, headers={"Authorization": f"Bearer {token}"}, follow_redirects=False)
            client.post("/login", data={"token": token})
            clients.append(client)
        yield Played(*clients, workspace)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("path", ["/", f"/experiments/{NAME}", f"/experiments/{NAME}?fragment=main"])
def test_pages_show_a_played_campaign(played: Played, path: str, language: str) -> None:
    """Home and results show what the engine found, in both languages."""
    answer = played.viewer.get(path, params={"lang": language, **({"fragment": "main"} if "?" in path else {})})
    assert answer.status_code == 200
    assert NAME in answer.text


@pytest.mark.parametrize("part", ["", "/standing", "/looks", "/refusals"])
def test_api_tells_a_played_campaign(played: Played, part: str) -> None:
    """Every part of an experiment is JSON."""
    answer = played.viewer.get(f"/api/v1/experiments/{NAME}{part}")
    assert answer.status_code == 200
    assert NAME in answer.text


def test_downloads_of_a_played_campaign(played: Played) -> None:
    """JSON, CSV and YAML come as files, and the YAML is the one that was started."""
    for name in ("standing.json", "standing.csv"):
        assert "conversion" in played.viewer.get(f"/experiments/{NAME}/{name}").text
    assert played.viewer.get(f"/experiments/{NAME}/experiment.yaml").text == FILE


def test_unknown_names_answer_404(played: Played) -> None:
    """An experiment, an adapter or a link that is not there is not found."""
    for client, path in (
        (played.viewer, "/api/v1/experiments/x"),
        (played.viewer, "/experiments/x"),
        (played.viewer, "/l/x"),
    ):
        assert client.get(path).status_code == 404
    assert played.viewer.post("/webhooks/nobody", content=b"{}").status_code == 404


def test_an_experiment_is_posted_and_paused(played: Played) -> None:
    """YAML over the roster starts an experiment; contacts come to it; it is paused, resumed and stopped once."""
    kind = {"Content-Type": "application/yaml"}
    assert played.operator.post("/api/v1/experiments", content=POSTED, headers=kind).status_code == 201
    person = {"key": "late-1", "phone": "19900900001", "attributes": {"tier": "gold"}}
    assert played.operator.post("/api/v1/contacts", json=person).json()["imported"] == 1
    for verb, status in (("pause", 200), ("pause", 409), ("resume", 200), ("stop", 200), ("stop", 409)):
        assert (
            played.operator.post(f"/api/v1/experiments/posted/{verb}", json={"reason": "trial"}).status_code == status
        )


def test_a_wrong_file_is_told_by_line(played: Played) -> None:
    """A posted file with a wrong key comes back with the line and the nearest right key."""
    wrong = POSTED.replace("hypothesis:", "hypotesis:")
    answer = played.operator.post("/api/v1/experiments", content=wrong, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["line"] == 2
    assert "hypothesis" in answer.text


def test_a_conversion_counts_once(played: Played) -> None:
    """The same conversion sent twice is added once."""
    fact = {"id": "crm-1", "contact": "C1", "event": "friend_added", "at": "2026-11-23T12:00:00+08:00"}
    assert [played.operator.post("/api/v1/conversions", json=fact).json()["added"] for _ in range(2)] == [1, 0]


def test_suppression_is_kept(played: Played) -> None:
    """A number is put on the list, seen masked by a viewer, and taken off again."""
    number = "+8619900000007"
    sent = {"phones": [number], "reason": "asked"}
    assert played.operator.post("/api/v1/suppression", json=sent).json() == {"added": 1}
    assert number in played.operator.get("/api/v1/suppression").text
    assert number not in played.viewer.get("/api/v1/suppression").text
    assert played.viewer.post("/api/v1/suppression/check", json={"phone": number}).json() == {"suppressed": True}
    assert played.operator.request("DELETE", "/api/v1/suppression", json={"phones": [number]}).json() == {"removed": 1}


def test_adapters_are_listed(played: Played) -> None:
    """Every adapter is named with what it can do."""
    adapters = played.viewer.get("/api/v1/adapters").json()["adapters"]
    assert "simulated" in [adapter["name"] for adapter in adapters]


def test_the_server_is_ready(played: Played) -> None:
    """The real database answers."""
    assert played.viewer.get("/readyz").status_code == 200


def test_a_server_that_is_told_to_end_before_it_listens_ends(tmp_path: Path) -> None:
    """A signal that comes before the server took the signals over is not lost."""
    over = threading.Event()
    over.set()
    with Workspace(Settings(f"sqlite:///{tmp_path}/ringlab.db"), tmp_path) as workspace:
        serving = threading.Thread(target=serve, args=(workspace, "127.0.0.1", 0, over), daemon=True)
        serving.start()
        serving.join(20)
        assert not serving.is_alive()
