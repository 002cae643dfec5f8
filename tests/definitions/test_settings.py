"""The settings of an adapter, checked at their lines."""

from pathlib import Path

import pytest

from engine.definitions.loading import Surroundings, load_text
from engine.errors import ProblemsFound
from engine.telephony import known_settings

HEAD = (
    "experiment: a\naudience: {roster: true}\ncontrol: {script: x}\narms: {b: {script: y}}\nadapter: http\nsettings:\n"
)
SUBMIT = "  submit: {url: 'https://vendor.example/calls', id: call.id}\n"


def problems(text: str) -> list[tuple[int, str]]:
    """What is wrong with the settings of `http`, by line."""
    try:
        load_text(HEAD + text, Path("a.yaml"), Surroundings(settings=known_settings))
    except ProblemsFound as error:
        return [(problem.line, problem.message) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("  submt: {}\n" + SUBMIT, 7, "settings: 'submt' is not a key here; did you mean 'submit'?"),
        ("  find: {url: 'https://v.example', id: id}\n", 6, "the key 'submit' is missing"),
        ("  submit: {url: 'https://v.example'}\n", 7, "the key 'id' is missing; write it as `id: call.id`"),
        ("  submit: {url: vendor, id: a}\n", 7, "is not an address"),
        (SUBMIT.replace("https", "http"), 7, "unencrypted"),
        (SUBMIT.replace("call.id}", "call.id, timeout: soon}"), 7, "is not a duration"),
        (SUBMIT + "  webhook: {id: a, status: b, statuses: {x: bussy}, signature: {kind: bearer, secret: s}}\n", 8,
         "did you mean 'busy'?"),
        (SUBMIT + "  webhook: {id: a, status: b, statuses: {x: busy}, signature: {kind: none}}\n", 8, "allow_unsigned"),
        (SUBMIT + "  capabilities: {lookup: by_key}\n", 7, "`find` does not say how"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_at_its_line(text: str, line: int, says: str) -> None:
    """Each mistake in the settings of `http` has its place, its reason and its cure."""
    (problem,) = problems(text)
    assert problem[0] == line
    assert says in problem[1]


def test_sound_settings_have_no_problem() -> None:
    """Settings with values of the environment, which are not known when a file is checked, are sound."""
    hooks = "  webhook: {id: a, status: b, statuses: {x: busy}, signature: {kind: bearer, secret: '${S}'}}\n"
    assert problems(SUBMIT + hooks) == []
    assert problems("  submit: {url: '${VENDOR}/calls', id: call.id}\n") == []
