"""The library reads what is in its folders, and says what is not."""

from pathlib import Path

import pytest

from engine.errors import NotFound, ScriptError, UnreadableFile
from engine.scripting.library import Library
from tests.scripting.makers import BASE, make_library

VARIANT = '{% extends "base.j2" %}{% block benefit %}礼遇。{% endblock %}'


def test_a_script_has_its_own_blocks_and_those_it_inherits(tmp_path) -> None:
    """Blocks come in the order of the call, each with its source and whether this script wrote it."""
    script = make_library(tmp_path, base=BASE, gift=VARIANT).script("gift")

    assert (script.name, script.extends, script.language) == ("gift", "base", "zh")
    assert [(block.name, block.own) for block in script.blocks] == [
        ("opening", False), ("benefit", True), ("invitation", False), ("closing", False),
    ]  # fmt: skip
    assert script.blocks[0].source == "您好，我是{{ brand }}的智能助理。"
    assert script.block("benefit").source == "礼遇。"
    assert script.block("nosuch") is None


def test_names_are_listed_by_kind(tmp_path) -> None:
    """Scripts, messages and question banks have names of their own."""
    library = make_library(tmp_path, b=BASE, a=BASE, sms__link="{{ link }}", qa__default="[]")
    (tmp_path / "notes.txt").write_text("no script")

    assert library.names() == ("a", "b")
    assert library.sms_names() == ("link",)
    assert library.qa_names() == ("default",)


def test_the_first_folder_that_has_a_name_wins(tmp_path) -> None:
    """A workspace's script stands before the shipped one of the same name, and all others stay reachable."""
    make_library(tmp_path / "shipped", base=BASE, other=BASE)
    make_library(tmp_path / "own", base=BASE.replace("您好", "早上好"))
    library = Library.open(tmp_path / "own", tmp_path / "shipped")

    assert "早上好" in library.script("base").source
    assert library.names() == ("base", "other")


def test_a_folder_that_is_not_there_has_nothing_in_it(tmp_path) -> None:
    """A workspace without scripts of its own uses the others'."""
    assert Library.open(tmp_path / "nowhere").names() == ()


@pytest.mark.parametrize("ask", ["script", "sms", "qa"])
def test_a_wrong_name_is_not_found(tmp_path, ask: str) -> None:
    """The nearest right name is offered; a path is no name."""
    library = make_library(tmp_path, base=BASE, sms__base="{{ link }}", qa__base="[]")

    with pytest.raises(NotFound, match="did you mean 'base'"):
        getattr(library, ask)("bse")
    with pytest.raises(NotFound):
        getattr(library, ask)("../base")


def test_extends_that_lead_nowhere_or_in_a_circle_are_refused(tmp_path) -> None:
    """A chain of scripts ends in a base that exists."""
    library = make_library(
        tmp_path,
        base=BASE,
        lost=VARIANT.replace("base", "bsae"),
        a=VARIANT.replace("base", "b"),
        b="\n" + VARIANT.replace("base", "a"),
        me=VARIANT.replace("base", "me"),
    )

    with pytest.raises(ScriptError, match="did you mean 'base'"):
        library.script("lost")
    with pytest.raises(ScriptError, match="circle: a → b → a") as circle:
        library.script("a")
    assert (circle.value.name, circle.value.line) == ("b", 2)
    with pytest.raises(ScriptError, match="circle: me → me"):
        library.script("me")


def test_a_chain_has_an_end(tmp_path) -> None:
    """Scripts that extend one another without measure are refused."""
    names = [f"s{number}" for number in range(10)]
    links = {name: VARIANT.replace("base", parent) for name, parent in zip(names[1:], names, strict=False)}

    with pytest.raises(ScriptError, match="more than 8"):
        make_library(tmp_path, s0=BASE, **links).script("s9")


def test_files_that_cannot_be_read_say_why(tmp_path) -> None:
    """Another encoding, a huge file and a vanished one each name the file and the cure."""
    (tmp_path / "gbk.j2").write_bytes("您好".encode("gb18030"))
    (tmp_path / "huge.j2").write_text("x" * 100_000)
    (tmp_path / "gone.j2").write_text(BASE)
    library = Library.open(tmp_path)
    (tmp_path / "gone.j2").unlink()

    for name, reason in [("gbk", "UTF-8"), ("huge", "64 kB"), ("gone", "No such file")]:
        with pytest.raises(UnreadableFile, match=reason):
            library.script(name)


def test_marks_and_line_ends_of_other_systems_do_not_matter(tmp_path) -> None:
    """A byte order mark and Windows line ends change nothing."""
    (tmp_path / "a.j2").write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())

    assert Library.open(tmp_path).script("a").source == BASE


def test_question_banks_need_a_reader_of_yaml(tmp_path) -> None:
    """A library opened without one says what to do."""
    make_library(tmp_path, qa__default="[]")

    with pytest.raises(UnreadableFile, match="read_yaml"):
        Library.open(Path(tmp_path)).qa("default")
