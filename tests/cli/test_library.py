"""The library of scripts and the list of providers."""

from pathlib import Path

import pytest

from tests.cli.makers import make_workspace, ringlab


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_shipped_library_is_listed() -> None:
    """Outside a workspace the scripts are those that ship."""
    assert "classic" in ringlab("scripts", "list").out
    listed = ringlab("scripts", "list", "--format", "json").json
    assert {"classic", "gift-first"} <= {script["name"] for script in listed["scripts"]}


def test_a_script_is_shown_with_what_it_inherits() -> None:
    """Blocks of its own and blocks of the script that it extends are told apart."""
    shown = ringlab("scripts", "show", "gift-first", "--format", "json").json

    assert {block["own"] for block in shown["blocks"]} == {True, False}
    assert "(inherited)" in ringlab("scripts", "show", "gift-first").out


def test_the_shipped_library_has_no_problem() -> None:
    """`scripts check` is silent on it; a name that nothing has is told."""
    assert ringlab("scripts", "check").out == ""
    assert ringlab("scripts", "check", "classic").status == 0
    assert "'classic'" in ringlab("scripts", "check", "clasic").err


def test_a_bad_script_is_told(tmp_path: Path) -> None:
    """A problem is 1, at its place."""
    make_workspace(tmp_path / "w")
    (tmp_path / "w/scripts/bad.j2").write_text("{% block opening %}{{ nme }}{% endblock %}", encoding="utf-8")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "w")
        said = ringlab("scripts", "check")

    assert said.status == 1
    assert "bad.j2:1:" in said.out


def test_the_difference_is_marked_without_colors() -> None:
    """What goes and what comes is marked in plain text too."""
    said = ringlab("scripts", "diff", "classic", "gift-first")

    assert "{+" in said.out
    assert "\x1b" not in said.out
    assert any(
        block["changed"]
        for block in ringlab("scripts", "diff", "classic", "gift-first", "--format", "json").json["blocks"]
    )


def test_a_preview_says_given_values_and_how_long_it_takes() -> None:
    """Values that are given stand in the place of the made-up ones."""
    said = ringlab("scripts", "preview", "classic", "--value", "brand=山海茶园")

    assert "山海茶园" in said.out
    assert " s in all" in said.out
    assert ringlab("scripts", "preview", "link", "--format", "json").json["blocks"][0]["name"] == "sms"
    assert ringlab("scripts", "preview", "classic", "--value", "brand").status == 2
    assert ringlab("scripts", "preview", "clasic").status == 1


def test_adapters_say_what_they_can() -> None:
    """Every adapter is listed with its capabilities, settings and health."""
    assert "simulated" in ringlab("adapters", "list").out
    assert ringlab("adapters", "list", "--format", "json").json["adapters"]["simulated"]["polls"] is True
    said = ringlab("adapters", "check", "simulated")
    assert said.status == 0
    assert "connect" in said.out
    assert ringlab("adapters", "check", "simulated", "--setting", "seed=5", "--format", "json").json["ok"] is True
    assert ringlab("adapters", "check", "simulatd").status == 1
    assert ringlab("adapters", "check", "simulated", "--setting", "sed=5").status == 1
