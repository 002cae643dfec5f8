"""Adapters of outside packages, really installed: a module and its metadata in a folder of the path."""

import json
import sys
from collections.abc import Callable
from importlib import invalidate_caches
from pathlib import Path

import pytest

from engine.cli.ending import run
from engine.definitions.loading import check
from engine.errors import AdapterError
from engine.settings import Settings
from engine.telephony import adapter_names, capabilities, known_settings, open_adapter
from engine.telephony.adapter import Capabilities, Fate
from engine.workspace import Workspace
from tests.telephony.makers import NOW, make_request

SOUND = """
from engine.telephony.adapter import Capabilities, Fate, Health, Receipt
API = {api}
CAPABILITIES = Capabilities(settings={{"key": "the account's key"}}, max_cps=2.0)

class Mine:
    capabilities = CAPABILITIES
    def submit(self, requests, now):
        return [Receipt(one.call, Fate.REFUSED, reason="it calls nobody") for one in requests]
    def health(self, now):
        return Health(True, "it is well")
    def close(self):
        pass

def open_adapter(settings, context):
    return Mine()
"""
Install = Callable[[str, str], str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package of one adapter; returns the adapter's name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(name: str, source: str) -> str:
        module = f"ringlab_{name}_{tmp_path.name}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        facts = tmp_path / f"ringlab_{name}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ringlab-{name}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[ringlab.adapters]\n{name} = {module}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)
        invalidate_caches()
        return name

    return installed


def test_an_outside_adapter_is_one_of_ours(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a package brings is listed, checked, opened and named in experiment files like what ships with Ringlab."""
    name = install("mine", SOUND.format(api=1))
    assert name in adapter_names()
    assert capabilities(name).max_cps == 2.0
    adapter = open_adapter(name, {}, {})
    assert adapter.submit([make_request()], NOW)[0].fate is Fate.REFUSED
    assert run(["adapters", "list"]) == 0
    assert run(["adapters", "check", name]) == 0
    assert "mine" in capsys.readouterr().out
    path = tmp_path / "a.yaml"
    path.write_text(
        "experiment: a\naudience: {roster: true}\ncontrol: {script: classic}\narms: {b: {script: gift-first}}\n"
        "adapter: mine\nsettings: {kez: 1}\n"
    )
    (problem,) = check(path, Workspace(Settings(), tmp_path).surroundings(path))
    assert (problem.line, "did you mean 'key'" in problem.message) == (6, True)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (SOUND.format(api=2), "version 2 of the adapters' port, and this release has version 1; install"),
        (SOUND.format(api=0), "install a release of it that goes with the other"),
        ("raise RuntimeError('no licence')", "does not load: RuntimeError: no licence"),
        ("import nothing_of_this_name", "does not load: ModuleNotFoundError"),
        ("def open_adapter(settings, context): ...", "has no CAPABILITIES"),
        ("CAPABILITIES = 1\ndef open_adapter(settings, context): ...", "has CAPABILITIES that are none"),
    ],
)  # fmt: skip
def test_a_broken_outside_adapter_breaks_no_other(
    install: Install, source: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named with its package and what to do, and every other adapter is listed and works."""
    name = install("broken", source)
    with pytest.raises(AdapterError, match=r"'broken' of the package 'ringlab-broken'") as caught:
        open_adapter(name, {}, {})
    assert says in str(caught.value)
    assert known_settings(name) is None
    assert isinstance(capabilities("simulated"), Capabilities)
    assert run(["adapters", "list", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)["adapters"]
    assert says in told["broken"]["trouble"]
    assert told["simulated"]["lookup"] == "by_key"
