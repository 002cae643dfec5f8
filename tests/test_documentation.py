"""The documentation says what is so: names, files, commands and links are asked of the product itself."""

import json
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from dashboards.pages import PAGES
from engine.cli.app import command
from engine.cli.ending import run
from engine.core.experiments import Experiment
from engine.core.metrics import METRICS
from engine.core.treatments import VARIABLES, Redial
from engine.definitions.loading import Surroundings, check_all, load_text
from engine.definitions.reading import parse
from engine.errors import ProblemsFound
from engine.scripting.library import Library
from engine.scripting.questions import QuestionBank
from engine.scripting.rendering import Renderer
from engine.scripting.values import STANDARD, sample_values
from engine.settings import Settings
from engine.telephony import ADAPTERS
from engine.telephony.assumptions import settings_described
from engine.workspace import Workspace
from tests.experiment_keys import NEEDED, SECTIONS, facts_of
from tests.markdown import blocks, broken_links, command_lines, inline_commands, rows, section, shape, tables

ROOT = Path(__file__).parent.parent
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
READMES = (ENGLISH, CHINESE)
PAGES_OF_DOCS = tuple(sorted((ROOT / "docs").glob("*.md")))
DOCUMENTS = (*READMES, *PAGES_OF_DOCS, ROOT / ".github" / "CONTRIBUTING.md")
FOLDERS = ("engine", "dashboards", "scripts", "experiments", "tests", "docs", ".ci", ".github")
# A path of some machine, or the host of a package index; the brackets keep this file from finding itself.
OF_A_MACHINE = re.compile(
    r"(?<![\w.])/(?:[w]ork|[r]oot|[h]ome/\w+|[U]sers/\w+)/"
    r"|[p]ypi\.\w|[p]ythonhosted|[n]pmjs\.|https?://[^/\s]*(?:artifactory|nexus)"
)


def trouble_with(words: list[str]) -> str:
    """Why a command line is no command of the product; empty when it is one."""
    from typer.exceptions import TyperException

    asked: Any = command()
    context, rest = None, words[1:]
    try:
        while hasattr(asked, "resolve_command"):
            context = asked.make_context(asked.name or "ringlab", rest, parent=context)
            rest = [*context._protected_args, *context.args]
            name, asked, rest = asked.resolve_command(context, rest)
        asked.make_context(name, rest, parent=context)
    except TyperException as error:
        return error.format_message()
    return ""


def leaves(asked: Any = None, before: str = "") -> Iterator[str]:
    """Every command's words: `check`, `contacts import`."""
    for name, each in (asked or command()).commands.items():
        if hasattr(each, "commands"):
            yield from leaves(each, f"{before}{name} ")
        else:
            yield before + name


def names_of_the_product() -> list[set[str]]:
    """What the tables of every README name, in their order: variables, metrics, adapters, pages, commands."""
    return [set(VARIABLES), set(METRICS), set(ADAPTERS), set(PAGES), set(leaves())]


def unknown_targets(text: str) -> set[str]:
    """What a text asks `make` for, and the Makefile does not have."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    return set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)) - targets


def names_a_machine(text: str) -> list[str]:
    """Paths of a machine and hosts of package indexes in a text."""
    return [found[0] for found in OF_A_MACHINE.finditer(text)]


# YAML in the documentation


@cache
def surroundings() -> Surroundings:
    """The names that files of this repository may use; contact files are not asked for their columns."""
    own = Workspace(Settings(), ROOT).surroundings(ROOT / "experiments" / "a.yaml")
    return Surroundings(own.scripts, own.sms, own.voices, own.adapters)


BASE: dict[str, Any] = {
    "experiment": "base", "audience": {"contacts": "contacts.csv", "columns": {"ordered_at": "paid_at"}},
    "control": {"script": "classic", "voice": "warm-female"}, "arms": {"gift-first": {"script": "gift-first"}},
}  # fmt: skip


def problems_of_yaml(text: str) -> list[str]:
    """What is wrong with a block of YAML: a question bank, an experiment, or parts of one put into a small one."""
    document = parse(text, "block")
    if isinstance(document.data, list):
        QuestionBank.of(Path("block"), document.data, text)
        return []
    try:
        if isinstance(document.data, dict) and "experiment" not in document.data:
            text = json.dumps(BASE | document.data, ensure_ascii=False)
        load_text(text, ROOT / "experiments" / "block.yaml", surroundings())
    except ProblemsFound as error:
        return [problem.message for problem in error.problems]
    return []


# Tests


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
def test_readme_names_everything_that_a_reader_may_use(readme: Path) -> None:
    """Every variable, metric, adapter, page and command stands in its table of both READMEs, and nothing else."""
    assert [set(names) for names in tables(readme.read_text(encoding="utf-8"))] == names_of_the_product()


def test_a_name_that_is_missing_is_found() -> None:
    """A table that leaves a name out, or has one without backticks, differs from the product."""
    text = "| metric | is |\n|---|---|\n| `connect`, `intent` | reached |\n| conversion | bought |\n\n| `a` | b |\n"
    assert tables(text) == [["connect", "intent"], ["a"]]


def test_both_readmes_are_one_document() -> None:
    """The Chinese README has the same sections, blocks, table rows and links in the same order."""
    assert shape(CHINESE.read_text(encoding="utf-8")) == shape(ENGLISH.read_text(encoding="utf-8"))
    assert shape("# A\n\n## B\n") != shape("# 甲\n")
    assert shape("| `a`, `b` | x |") == shape("| `a`、`b` | 甲 |")
    assert shape("```sh\nringlab check\n```\n") != shape("```sh\nringlab plan x\n```\n")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every link of the documentation leads to a file, and to a heading where it names one."""
    assert broken_links(document, document.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_found() -> None:
    """A link to a file or heading that is not there is told."""
    text = "[a](docs/nothing.md) [b](#start) [c](https://example.com) [d](LICENSE) [e](#nowhere)\n\n## Start\n"
    assert broken_links(ENGLISH, text) == ["docs/nothing.md", "#nowhere"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_line_is_a_command(document: Path) -> None:
    """Every `ringlab` line of a document is understood by the command line, with its options."""
    text = document.read_text(encoding="utf-8")
    names = set(leaves())
    lines = [words for words in command_lines(text, "sh", "sh no-run") if words[0] == "ringlab"]
    lines += [words for words in inline_commands(text) if " ".join(words[1:]) not in names]
    assert {shlex.join(words): trouble for words in lines if (trouble := trouble_with(words))} == {}
    assert unknown_targets(text) == set()


def test_what_is_deployed_is_what_the_product_understands() -> None:
    """The commands of the files for systemd and for containers are commands, and their variables are the settings'."""
    folder = ROOT / "docs" / "deploy"
    unit = (folder / "ringlab.service").read_text(encoding="utf-8")
    compose = YAML(typ="safe").load((folder / "compose.yaml").read_text(encoding="utf-8"))
    started = re.search(r"^ExecStart=\S+/(ringlab .*)$", unit, re.MULTILINE)
    assert started is not None
    lines = [shlex.split(started[1])]
    lines += [["ringlab", *one["command"]] for one in compose["services"].values() if "command" in one]
    assert len(lines) == 4
    assert {shlex.join(words): trouble for words in lines if (trouble := trouble_with(words))} == {}
    settings = set(re.findall(r"RINGLAB_[A-Z_]+", Path(sys.modules[Settings.__module__].__file__ or "").read_text()))
    assert set(re.findall(r"RINGLAB_[A-Z_]+(?==)", unit)) | set(compose["services"]["web"]["environment"]) <= settings


def test_a_command_line_that_is_none_is_found() -> None:
    """An unknown command, option or value, or a missing argument, is told."""
    text = "```sh\nringlab chek\nringlab plan\nringlab run --fast\nringlab results a --format pdf\nringlab check\n```\n"
    troubles = [bool(trouble_with(words)) for words in command_lines(text, "sh")]
    assert troubles == [True, True, True, True, False]
    assert trouble_with(inline_commands("Write `ringlab suppress ad 1`.")[0])
    assert unknown_targets("Run `make dmeo`, then:\nmake test\n") == {"dmeo"}


def played(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Run a document's commands in their order, in a new workspace; returns those that fail, and what is not printed.

    A document that begins with `init` begins in an empty folder.
    """
    lines, failed = command_lines(text, "sh"), []
    monkeypatch.delenv("RINGLAB_DATABASE_URL", raising=False)
    monkeypatch.chdir(folder)
    if lines and lines[0][:2] != ["ringlab", "init"]:
        assert run(["init", "workspace"]) == 0
        monkeypatch.chdir(folder / "workspace")
    for words in lines:
        if words[0] == "cd":
            monkeypatch.chdir(words[1])
        elif run(words[1:]) != 0:
            failed.append(shlex.join(words))
    printed = {line.strip() for line in capfd.readouterr().out.splitlines()}
    shown = [line.strip() for block in blocks(text) if block.info == "text" for line in block.text.splitlines()]
    return failed + [line for line in shown if line and line not in printed]


@pytest.mark.slow
@pytest.mark.parametrize("document", [ENGLISH, *PAGES_OF_DOCS], ids=lambda path: path.name)
def test_documented_commands_run(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The commands of a document run in their order, in a workspace that `init` made, and print what it shows."""
    assert played(document.read_text(encoding="utf-8"), tmp_path, monkeypatch, capfd) == []


def test_a_documented_command_that_fails_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A command that ends with trouble is told, and a line that no command prints."""
    text = "```sh\nringlab check\nringlab plan experiments/none.yaml\n```\n\n```text\nall is well\n```\n"
    assert played(text, tmp_path, monkeypatch, capfd) == ["ringlab plan experiments/none.yaml", "all is well"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_yaml_block_is_clean(document: Path) -> None:
    """Every YAML block of a document is an experiment, a part of one, or a question bank, without a problem."""
    found = [block.text for block in blocks(document.read_text(encoding="utf-8")) if block.info == "yaml"]
    assert {text: problems_of_yaml(text) for text in found if problems_of_yaml(text)} == {}


def test_a_wrong_yaml_block_is_found() -> None:
    """A key that does not exist and a script that nobody wrote are told."""
    assert "did you mean 'redial'" in problems_of_yaml("arms: {again: {redail: {attempts: 3}}}")[0]
    assert "there is no script" in problems_of_yaml("arms: {new: {script: unwritten}}")[0]


def test_every_shipped_experiment_is_clean() -> None:
    """Every file of experiments/ loads without a problem."""
    files = sorted((ROOT / "experiments").glob("*.yaml"))
    assert files
    assert check_all(files, surroundings()) == ()


def test_every_shipped_script_renders() -> None:
    """Every script and message of scripts/ can be said, and every question bank read."""
    library = Workspace(Settings(), ROOT).library
    renderer = Renderer(library)
    assert library.names()
    for name in library.names():
        assert renderer.words(name, sample_values(library.script(name).language)).text
    for name in library.sms_names():
        assert renderer.message(name, sample_values("zh"))
    for path in sorted((ROOT / "scripts" / "qa").glob("*.yaml")):
        assert problems_of_yaml(path.read_text(encoding="utf-8")) == []


def test_a_script_that_does_not_render_is_found(tmp_path: Path) -> None:
    """A script that says a value which nobody has cannot be said."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "scripts" / "bad.j2").write_text("{% extends 'classic.j2' %}{% block opening %}{{ x }}{% endblock %}")
    library = Library.open(tmp_path / "scripts")
    with pytest.raises(Exception, match="x"):
        Renderer(library).words("bad", sample_values("zh"))


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_of_experiment_files_is_documented(heading: str) -> None:
    """Each key has its type, default and meaning as `ringlab schema` says, and an example that is allowed."""
    model = SECTIONS[heading]
    part = section((ROOT / "docs" / "experiment-file.md").read_text(encoding="utf-8"), heading)
    told = {key: tuple(cells[:2]) + tuple(cells[3:]) for key, cells in rows(part).items()}
    assert told == facts_of(model)
    for key, cells in rows(part).items():
        value = parse(cells[2].strip("`"), "example").data
        model.model_validate(NEEDED.get(model, {}) | {key: value})


def test_every_section_of_experiment_files_is_asked() -> None:
    """No model of the file is left out of the documentation."""

    def inner(annotation: Any) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        elif get_origin(annotation) in (dict, list, Union, UnionType):
            for each in get_args(annotation):
                yield from inner(each)

    fields = [field for each in SECTIONS.values() for field in each.model_fields.values()]
    used = {model.__name__ for field in fields for model in inner(field.annotation)}
    assert used - {"Lift"} == {model.__name__ for model in SECTIONS.values()} - {Experiment.__name__}


def test_a_wrong_fact_is_found() -> None:
    """A table whose default is not the product's differs from what the schema says."""
    told = rows("| `attempts` | whole number | `2` | `3` | calls to one contact at most, the first among them |")
    cells = told["attempts"]
    assert (*cells[:2], *cells[3:]) != facts_of(Redial)["attempts"]


def test_simulated_settings_and_script_values_are_documented() -> None:
    """Every setting of the simulated adapter, and every value of scripts, stands on its page with its meaning."""
    told = rows((ROOT / "docs" / "simulated.md").read_text(encoding="utf-8"))
    assert {name: f"{told[name][1]} (default {told[name][0]})" for name in settings_described()} == settings_described()
    told = rows(section((ROOT / "docs" / "scripts.md").read_text(encoding="utf-8"), "Values"))
    assert {name: told[name][0] for name in STANDARD} == STANDARD


def test_nothing_names_a_machine() -> None:
    """No file of the repository names a path of some machine, or the host of a package index."""
    files = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
    files += [*READMES, *(ROOT / name for name in ("pyproject.toml", "requirements.lock", "Makefile", "LICENSE"))]
    found = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture, or a cache of Python's
            continue
        if hits := names_a_machine(text):
            found[str(path.relative_to(ROOT))] = hits
    assert found == {}


@pytest.mark.parametrize(
    "text", ["/ho" + "me/somebody/x", "see /wo" + "rk/main", "index = https://py" + "pi.example.org/simple"]
)
def test_a_machine_is_found(text: str) -> None:
    """A home folder and an index's host are told; an address of the product is not."""
    assert names_a_machine(text)
    assert not names_a_machine("https://example.com/run/home is no path; neither is docs/run/x")
