"""YAML is read in its 1.2 meaning, within bounds, and whatever is no YAML is told in words."""

# ruff: noqa: E501  a case stands in one line

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.definitions.loading import check, check_all, load
from engine.definitions.reading import LARGEST, parse, read_yaml
from engine.errors import ProblemsFound, UnreadableFile
from tests.definitions.texts import SMALL, changed


def data(text):
    return parse(text, "x.yaml").data


def told(text):
    """The lines and messages of the problems with a text."""
    try:
        problems = parse(text, "x.yaml").problems
    except ProblemsFound as error:
        problems = error.problems
    return [(problem.line, problem.message) for problem in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("Yes", "Yes"), ("09:00", "09:00"), ("190:20:30", "190:20:30"), ("true", True),
        ("False", False), ("null", None), ("~", None), ("", None), ("12", 12), ("-3", -3), ("012", 12), ("0o14", 12),
        ("0xff", 255), ("1_000", "1_000"), ("0b1", "0b1"), ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("2026-11-23", "2026-11-23"),
        ("'12'", "12"), ('"true"', "true"), ("!!str 12", "12"), ("! 12", "12"), ("!!int '12'", 12), ("!!float 3", 3), ("5%", "5%"), ("=", "="),
        ("|\n  a\n  b", "a\nb"), ("下单", "下单"), ("1.38E+10", 1.38e10),
    ],
)  # fmt: skip
def test_scalars_are_of_yaml_1_2(text, value):
    """The core schema of YAML 1.2.2, section 10.3.2: no sexagesimals, dates, or seven words for false."""
    found = data(f"key: {text}")["key"]

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "fragment"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 2, "this '[' is never closed with ']'"),
        ("a: 1\nb: {x: 1\nc: 3\n", 2, "this '{' is never closed with '}'"),
        ("a: {x: 1 y: 2}\n", 1, ""),
        ("a: 1\nb: 'text\nc: 3\n", 2, "this quote is never closed"),
        ('a: 1\nb: "text\nc: 3\n', 2, "this quote is never closed"),
        ('a: 1\nb: "text\nc: 3\nd: "text"\n', 2, "this quote is closed only in line 4"),
        ("a: 1\nb:2\nc: 3\n", 2, "write a space after 'b:'"),
        ("a: 1\n\tb: 2\n", 2, "a tab cannot indent; use spaces"),
        ("a:\n  b: 1\n c: 2\n", 3, "does not belong to what stands above it"),
        ("a: 1\nb: c: d\n", 2, "a ':' is not expected here"),
        ("a: 1\njust words\nb: 2\n", 2, "a key without ':'"),
        ("a: 1\nb: @home\n", 2, "cannot begin with '@'; put it in quotes"),
        ("a: 1\nb: 50%\nc: %x\n", 3, "cannot begin with '%'; put it in quotes"),
        ("a: 1\n- b\n", 2, ""),
        ('a: "\\d"\n', 1, "is no escape inside double quotes"),
        ("a: *b\n", 1, "no anchor &b stands before its alias"),
        ("a: &hours 1\nb: *hour\n", 2, "did you mean 'hours'?"),
        ("a: &x [*x]\n", 1, "would never end"),
        ("a: &x {b: {c: *x}}\n", 1, "would never end"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
        ("a: !!python/object/apply:os.system ['id']\n", 1, "the tag !!python/object/apply:os.system is refused"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "runs nothing"),
        ("a: !vault 3\n", 1, "the tag !vault is refused"),
        ("a: !!int x\n", 1, "is not what its tag !!int says"),
        ("? [1]\n: 2\n", 1, "a key is one word"),
        ("a: 1\n: 2\n", 2, "a key is missing before ':'"),
        ("a: {<<: 3}\n", 1, "'<<' takes a mapping"),
        ("a: 1\nb: \x01\n", 2, "cannot be used; take it out"),
        ('a: "\\0"\n', 1, "cannot be used; take it out"),
        ('a: "\\ud800"\n', 1, "cannot be used; take it out"),
        ("a: .nan\n", 1, "is not a number that can be used"),
        ("a: 1e999\n", 1, "too large a number"),
        ("a: 1\na: 2\na: 3\n", 2, "stands here twice; the first is in line 1"),
        ("[" * 60 + "]" * 60, 1, "nested more than 50 deep"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_at_its_line(text, line, fragment):
    """Syntax errors, and YAML that is refused, are told at their place in words that say what to change."""
    found = told(text)

    assert found, "nothing was told"
    assert found[0][0] == line, found
    assert fragment in found[0][1], found
    assert "expected <" not in found[0][1]


def test_a_bomb_of_aliases_is_refused():
    """Nine lines that expand to a billion values are refused before they are expanded."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9)
    )

    [(line, message)] = told(bomb)

    assert line == 5
    assert "more than 20,000 values" in message


def test_a_bomb_of_merge_keys_is_refused():
    """Merge keys count as what they bring in."""
    bomb = "a0: &a0 {x: 1}\n" + "".join(
        f"a{level}: &a{level} {{l: *a{level - 1}, r: *a{level - 1}, <<: *a{level - 1}}}\n" for level in range(1, 30)
    )

    assert "more than 20,000 values" in told(bomb)[0][1]


def test_aliases_cannot_nest_too_deep():
    """Depth is counted through aliases."""
    text = "a0: &a0 [x]\n" + "".join(f"a{level}: &a{level} [*a{level - 1}]\n" for level in range(1, 60))

    assert "nested more than 50 deep" in told(text)[0][1]


def test_a_merge_key_fills_what_is_not_said():
    """What stands in the mapping itself wins over what is merged in, wherever `<<` stands."""
    assert data("a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x}\nc: {<<: [*x, {r: 4, p: 5}]}\n") == {
        "a": {"p": 1, "q": 2}, "b": {"q": 3, "p": 1}, "c": {"p": 1, "q": 2, "r": 4},
    }  # fmt: skip


def test_keys_are_text():
    """A key is the text that is written, whatever it would mean as a value."""
    assert list(data("1: a\ntrue: b\non: c\n'1.0': d\n")) == ["1", "true", "on", "1.0"]


def test_files_that_are_no_text_are_refused(tmp_path):
    """A folder, a missing file, a pipe, a file too large or in another encoding each have their own words."""
    pipe, large, utf16, latin = (tmp_path / name for name in ("pipe", "large", "utf16", "latin"))
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(100 * LARGEST)
    utf16.write_text(SMALL, encoding="utf-16")
    latin.write_bytes("a: 1\nb: größe\n".encode("latin-1"))

    for path, words in (
        (tmp_path, "it is a directory"), (tmp_path / "none", "there is no such file"), (pipe, "not a regular file"),
        (large, "100.0 MiB large"), (utf16, "UTF-16"), (large / "x", "there is no such file"), (tmp_path / ("x" * 300), "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(UnreadableFile, match=words):
            load(path)
        [problem] = check(path)
        assert words in problem.message
        assert (problem.path, problem.line) == (str(path), 0)
    [problem] = check(latin)
    assert (problem.line, problem.column) == (2, 6)
    assert "not UTF-8" in problem.message


@pytest.mark.parametrize(("text", "words"), [("", "the file is empty"), ("# only words\n", "the file is empty"), ("[1]", "not an experiment"), ("word", "not an experiment")])  # fmt: skip
def test_what_is_no_mapping_is_no_experiment(text, words, tmp_path):
    """An empty file says how to begin."""
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")

    [problem] = check(tmp_path / "x.yaml")

    assert words in problem.message
    assert "experiment: NAME" in problem.message


def test_a_name_that_two_files_have_is_told_in_both(tmp_path):
    """Names of experiments are unique among files that are checked together."""
    one, two, three = (tmp_path / name for name in ("one.yaml", "two.yaml", "three.yaml"))
    one.write_text(SMALL, encoding="utf-8")
    two.write_text("# a copy\n" + SMALL, encoding="utf-8")
    three.write_text(changed(SMALL, ("experiment: small", "experiment: other")), encoding="utf-8")

    problems = check_all([one, two, three, one])

    assert [(problem.path, problem.line) for problem in problems] == [(str(one), 1), (str(two), 2)]
    assert str(two) in problems[0].message


def test_read_yaml_gives_plain_data(tmp_path):
    """Other YAML files of a workspace are read with the same meaning and the same bounds."""
    path = tmp_path / "qa.yaml"
    path.write_text("- ask: how much\n  answer: no\n", encoding="utf-8")

    assert read_yaml(path) == [{"ask": "how much", "answer": "no"}]
    path.write_text("a: !!python/none x\nb: 1\nb: 2\n", encoding="utf-8")
    with pytest.raises(ProblemsFound) as raised:
        read_yaml(path)
    assert len(raised.value.problems) == 2


@given(st.text())
def test_any_text_is_read_or_told(text):
    """No text at all brings the reader down."""
    told(text)


YAMLISH = st.lists(st.sampled_from([*"\n\n\n    ::--[]{},,&*!|>'\"#%@`?~\t\r\\", "- ", ": ", "<<", "a", "b", "1", "---\n", "...\n", "&a ", "*a ", "!!str ", "? ", "%YAML 1.1\n", "\u2028", "\x85", "\ufeff"]), max_size=40).map("".join)  # fmt: skip


@given(YAMLISH)
def test_any_text_like_yaml_is_read_or_told(text):
    """No jumble of YAML's signs brings the reader down, and every problem has a place in the text."""
    for line, message in told(text):
        assert 1 <= line <= text.count("\n") + text.count("\r") + 1
        assert message
        assert "\n" not in message


def test_a_file_of_one_megabyte_is_read_or_refused_in_time():
    """Size alone does not stop the reader."""
    assert told("a: " + "x " * 100_000) == []
    assert "more than 20,000" in told("[" + "1," * 300_000)[0][1]
    assert "characters without a space" in told("a: !" + "a" * 900_000)[0][1]
    assert len(told("a: 1\n" * 9000)) == 200
    assert told(Path(__file__).read_text(encoding="utf-8"))
