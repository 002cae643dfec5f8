"""Nothing that a file can contain brings `check` down."""

# ruff: noqa: E501  a case stands in one line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.experiments import Experiment
from engine.definitions.loading import check
from engine.definitions.problems import STAND_INS
from tests.definitions.texts import SMALL, WHOLE, make_surroundings

SIGNS = st.sampled_from(
    ["", " ", "\n", "\n  ", "{", "}", "[", "]", ":", ": ", "- ", ",", "#", "&a ", "*a", "<<: ", "'", '"', "|", ">", "!!int ", "~", "null", "true", "0", "-1",
     "1e400", ".nan", "9" * 40, "5%", "2pt", "30m", "\t", "\x00", "\u2028", "下单", "😀", "control", "arms", "12:00-10:00", "x" * 5000, "\\", "${"]
)  # fmt: skip


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Checks a file of these bytes."""
    path = tmp_path_factory.mktemp("any") / "x.yaml"

    def ask(content: bytes):
        path.write_bytes(content)
        return check(path, make_surroundings())

    return ask


def of_the_right_form(problems, content):
    lines = content.count(b"\n") + content.count(b"\r") + 1
    for problem in problems:
        assert 0 <= problem.line <= lines
        assert problem.message.isprintable()
        assert "Input should" not in problem.message


@given(st.binary(max_size=300))
def test_any_bytes(checked, content):
    """Any bytes are a file with problems."""
    problems = checked(content)

    assert problems
    of_the_right_form(problems, content)


@given(
    st.sampled_from([WHOLE, SMALL]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), SIGNS), min_size=1, max_size=4),
)
def test_good_files_with_words_changed(checked, text, edits):
    """A good file, cut and filled with other words at any place, is read to its end."""
    for where, length, sign in edits:
        start = int(where * len(text))
        text = text[:start] + sign + text[start + length :]
    content = text.encode("utf-8", "surrogatepass")

    of_the_right_form(checked(content), content)


VALUES = st.recursive(
    st.sampled_from(["x", "''", "5%", "2pt", "4h", "true", "null", "7", "-1", "0.5", "1e300", "[]", "{}", "'10:00-12:00'", "control", "revenue"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    | st.dictionaries(st.sampled_from(["script", "timing", "window", "a", "pause_at", "says", "contacts", "0", "str"]), inner, max_size=3).map(
        lambda pairs: "{" + ", ".join(f"{name}: {value}" for name, value in pairs.items()) + "}"
    ),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(Experiment.model_fields)), VALUES, max_size=8), VALUES, VALUES)
def test_any_value_under_any_key(checked, sections, control, arm):
    """Every section may hold a value of any kind."""
    base = {
        "experiment": "a",
        "audience": "{roster: true}",
        "control": f"{{script: a, voice: {control}}}",
        "arms": f"{{b: {arm}}}",
    }
    content = "".join(f"{name}: {value}\n" for name, value in (base | sections).items()).encode()

    of_the_right_form(checked(content), content)


@given(st.lists(st.sampled_from(SMALL.splitlines(keepends=True) + WHOLE.splitlines(keepends=True)), max_size=30))
def test_lines_in_any_order(checked, lines):
    """Lines of good files in any order are read to the end."""
    content = "".join(lines).encode()

    of_the_right_form(checked(content), content)


def test_every_required_key_has_a_stand_in():
    """A required key that is missing does not keep the rest of a file from being judged."""
    models, seen = [Experiment], set()
    while models:
        model = models.pop()
        if model in seen:
            continue
        seen.add(model)
        for name, info in model.model_fields.items():
            assert not info.is_required() or name in STAND_INS or model.__name__ == "Lift", f"{model.__name__}.{name}"
            stack = [info.annotation]
            while stack:
                one = stack.pop()
                stack.extend(getattr(one, "__args__", ()))
                if isinstance(one, type) and hasattr(one, "model_fields"):
                    models.append(one)
