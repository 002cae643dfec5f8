"""serve, demo: what runs for long, with what it calls in its place."""

import threading
from pathlib import Path

import pytest

from engine import demo
from engine.cli import serving
from engine.demo import DemoArm, DemoResult, DemoRound, Pick
from engine.workspace import Workspace
from tests.cli.makers import ringlab


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RINGLAB_DATABASE_URL", f"sqlite:///{tmp_path}/ringlab.db")


def test_the_first_serve_prints_the_address_and_a_token_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The admin token is shown on the first serve and never again."""
    asked: list[tuple[str, int]] = []

    def answer(workspace: Workspace, host: str, port: int, over: threading.Event) -> None:
        asked.append((host, port))

    monkeypatch.setattr(serving, "_web", lambda: answer)

    first, second = ringlab("serve", "--port", "8123"), ringlab("serve", "--no-dispatch", "--host", "::1")

    assert (first.status, second.status) == (0, 0)
    assert "http://127.0.0.1:8123/" in first.out
    assert "first admin token" in first.out
    assert second.out == "http://[::1]:8000/\n"
    assert asked == [("127.0.0.1", 8123), ("::1", 8000)]


def test_the_installed_pages_are_found() -> None:
    """The distribution brings its own pages."""
    assert callable(serving._web())


def test_without_pages_serve_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no package brings pages, the cure is told."""
    monkeypatch.setattr(serving, "WEB", "ringlab.nothing")

    said = ringlab("serve")

    assert said.status == 1
    assert "--no-web" in said.err


def test_the_demo_is_told_beside_its_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts stand beside the planted truth and beside what "pick the highest" would have chosen."""
    arm = DemoArm("gift-first", "script", "winner", 0.05, 0.041, 0.16, 3000)
    played = DemoRound("poc-round-1", 9000, 6000, 0.12, "gift-first wins.", "gift-first 胜出。", (arm,))
    result = DemoResult(1, 2.5, (played,), (Pick("script", "control", 0.0),), Path("demo"), "sqlite:///demo/ringlab.db")
    monkeypatch.setattr(demo, "play", lambda folder, seed, fast, watch: result)

    text, plain = ringlab("demo", "--fast"), ringlab("demo", "--format", "json")

    assert text.status == 0, text.err
    for word in ("gift-first wins.", "+5.00pt", "+4.10pt", "pick the highest"):
        assert word in text.out
    assert plain.json["schema"] == "ringlab.demo/1"
