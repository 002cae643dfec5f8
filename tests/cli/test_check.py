"""check, schema and init: the files that people write."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.makers import make_workspace, ringlab


def _everything(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def test_a_fresh_workspace_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `init` writes has no problem, and checking it writes nothing."""
    make_workspace(tmp_path / "w")
    monkeypatch.chdir(tmp_path / "w")
    before = _everything(tmp_path)

    said = ringlab("check")

    assert (said.status, said.out, said.err) == (0, "", "")
    assert _everything(tmp_path) == before


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    """A second `init` in one folder is refused, and the files stay."""
    experiment = make_workspace(tmp_path / "w")
    text = experiment.read_text(encoding="utf-8")

    said = ringlab("init", str(tmp_path / "w"))

    assert said.status == 1
    assert "not overwritten" in said.err
    assert experiment.read_text(encoding="utf-8") == text


def test_init_where_nothing_can_be_made_says_so(tmp_path: Path) -> None:
    """A file in the place of the folder is told."""
    (tmp_path / "w").write_text("x", encoding="utf-8")

    said = ringlab("init", str(tmp_path / "w"))

    assert said.status == 1
    assert "Traceback" not in said.err


def test_init_wires_the_schema_into_editors(tmp_path: Path) -> None:
    """The editor's settings name the schema that is there, which is the one that `schema` prints."""
    make_workspace(tmp_path / "w")

    wired = json.loads((tmp_path / "w/.vscode/settings.json").read_text(encoding="utf-8"))["yaml.schemas"]

    (name,) = wired
    assert json.loads((tmp_path / "w" / name).read_text(encoding="utf-8")) == ringlab("schema").json


def test_problems_are_told_at_their_place_under_the_name_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """file:line:column: message on standard output, exit status 1."""
    experiment = make_workspace(tmp_path / "w")
    experiment.write_text(
        experiment.read_text(encoding="utf-8").replace("owner: growth", "ownr: growth"), encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path / "w")

    for name in ("experiments/gift-first.yaml", "./experiments/gift-first.yaml", str(experiment)):
        said = ringlab("check", name)
        assert said.status == 1
        assert said.out.startswith(f"{name}:5:1: ")
        assert "owner" in said.out
    assert ringlab("check").out.startswith("experiments/gift-first.yaml:5:1: ")
    assert ringlab("check", ".").out.startswith("experiments/gift-first.yaml:5:1: ")
    assert ringlab("check", "experiments/").out.startswith("experiments/gift-first.yaml:5:1: ")


def test_problems_are_told_as_json(tmp_path: Path) -> None:
    """Asked for JSON, every problem has its place."""
    file = tmp_path / "x.yaml"
    file.write_text("experiment: x\n", encoding="utf-8")

    said = ringlab("check", str(file), "--format", "json")

    assert said.status == 1
    assert {problem["path"] for problem in said.json["problems"]} == {str(file)}


def test_a_missing_path_is_a_problem(tmp_path: Path) -> None:
    """What is not there is told like any other problem, beside the problems of what is."""
    experiment = make_workspace(tmp_path / "w")

    said = ringlab("check", str(tmp_path / "none.yaml"), str(experiment))

    assert said.status == 1
    assert said.out.startswith(f"{tmp_path / 'none.yaml'}:0:0: no such file")


def test_two_files_with_one_name_are_told(tmp_path: Path) -> None:
    """Names are unique among the files of a workspace."""
    experiment = make_workspace(tmp_path / "w")
    experiment.with_name("again.yaml").write_bytes(experiment.read_bytes())

    said = ringlab("check", str(tmp_path / "w"))

    assert said.status == 1
    assert said.out.count("names are unique") == 2


def test_scripts_are_checked_with_their_workspace(tmp_path: Path) -> None:
    """A broken script, message or question bank is a problem of the workspace, each at its own file."""
    make_workspace(tmp_path / "w")
    (tmp_path / "w/scripts/bad.j2").write_text("{% block opening %}{{ nme }}{% endblock %}", encoding="utf-8")
    (tmp_path / "w/scripts/sms/bad.j2").write_text("no link", encoding="utf-8")
    (tmp_path / "w/scripts/qa/bad.yaml").write_text("- question: 1\n", encoding="utf-8")

    said = ringlab("check", str(tmp_path / "w"))

    assert said.status == 1
    for name in ("scripts/bad.j2", "scripts/sms/bad.j2", "scripts/qa/bad.yaml"):
        assert f"{tmp_path}/w/{name}:" in said.out


def test_outside_a_workspace_a_path_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a workspace and a path there is nothing to check, and the cure is told."""
    monkeypatch.chdir(tmp_path)

    said = ringlab("check")

    assert said.status == 1
    assert "ringlab init" in said.err


@given(name=st.text(max_size=20), data=st.binary(max_size=200))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_check_never_breaks(tmp_path: Path, name: str, data: bytes) -> None:
    """Any path and any bytes are answered with problems."""
    file = tmp_path / "x.yaml"
    file.write_bytes(data)

    for path in (str(file), str(tmp_path / "none") + name):
        said = ringlab("check", "--", path)
        assert said.status == 1, said.err
        assert "Traceback" not in said.err
        assert said.out


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a file's name is a problem, named alone or found inside; so is a folder with nothing to check."""
    (tmp_path / "experiments" / "x.yaml").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)

    for name in ("experiments", "experiments/x.yaml"):
        said = ringlab("check", name)
        assert said.status == 1
        assert said.out == "experiments/x.yaml:0:0: it is a directory; name a file\n"
    said = ringlab("check", "empty")
    assert (said.status, "nothing here to check" in said.out) == (1, True)


def test_a_rule_that_an_author_may_not_expect_is_a_warning(tmp_path: Path) -> None:
    """A redial that the region's cap moves is told at its line with the cure, and nothing is wrong with the file."""
    experiment = make_workspace(tmp_path / "w")
    text = experiment.read_text(encoding="utf-8")
    line = next(number for number, line in enumerate(text.splitlines(), start=1) if "redial:" in line)
    experiment.write_text(re.sub(r"^caps:.*\n", "", text, flags=re.MULTILINE), encoding="utf-8")

    said = ringlab("check", str(experiment))

    assert (said.status, said.out) == (0, "")
    assert f":{line}:" in said.err
    assert "warning: control.redial: 2 calls 4h apart" in said.err
    assert "`caps: [{calls: 2, per: 1d}]` allows them" in said.err
    (warning,) = ringlab("check", str(experiment), "--format", "json").json["warnings"]
    assert warning["line"] == line


@pytest.mark.parametrize(
    ("region", "window", "status", "says"),
    [
        ("FR", "20:00-22:00", 1, "never opens in FR, where people are called 10:00-13:00, 14:00-20:00 on a Monday"),
        (
            "FR",
            "12:00-15:00",
            0,
            "is cut by the rules of the region: mon, tue, wed, thu, fri: 12:00-13:00, 14:00-15:00",
        ),
        ("FR", "12:00-15:00", 0, "a consent is needed (express or contract), and no column tells it"),
        ("JP", "10:00-12:00", 0, "no rules are known for JP: the strictest common default holds there"),
    ],
)
def test_a_window_is_held_against_the_region(tmp_path: Path, region: str, window: str, status: int, says: str) -> None:
    """Hours that never open are an error, hours that are cut and consents that nobody tells are warnings."""
    experiment = make_workspace(tmp_path / "w")
    text = experiment.read_text(encoding="utf-8").replace("10:00-12:00", window)
    text = text.replace("audience:\n", f"audience:\n  region: {region}\n")
    experiment.write_text(text, encoding="utf-8")

    said = ringlab("check", str(experiment))

    assert said.status == status
    assert says in (said.out if status else said.err)


def test_a_year_whose_holidays_are_not_known_is_told(tmp_path: Path) -> None:
    """With the two cures."""
    experiment = make_workspace(tmp_path / "w")
    text = experiment.read_text(encoding="utf-8")
    experiment.write_text(text + 'schedule: {start: "2035-03-01 09:00"}\n', encoding="utf-8")
    assert "the holidays of CN in 2035 are not known" in ringlab("check", str(experiment)).err
    experiment.write_text(text + 'schedule: {start: "2035-03-01 09:00"}\nholidays: open\n', encoding="utf-8")
    assert ringlab("check", str(experiment)).err == ""
