"""The factorial design in an experiment file: what can be drawn, and what is told of what cannot."""

import json
from pathlib import Path

import pytest

from engine.core.experiments import Experiment
from engine.definitions.loading import load_text
from engine.definitions.writing import write
from engine.errors import ProblemsFound

ROUND = """\
experiment: all-at-once
audience: {roster: true}
control: {script: classic, voice: warm-female, incentive: coupon, path: mini}
arms:
  gift: {script: gift-first}
  story: {script: story}
  calm: {voice: calm-male}
  box: {incentive: gift-box}
  wecom: {path: wecom}
design: factorial
exclude:
  - {incentive: box, path: wecom}
incentives: {coupon: {says: a coupon}, gift-box: {says: a box}}
paths: {mini: {url: "https://example.com/m"}, wecom: {url: "https://example.com/w"}}
truth: {gift: 3pt, gift+calm: -1pt}
"""


def loaded(text: str) -> Experiment:
    """The experiment of this text."""
    return load_text(text, Path("round.yaml"))


def problems(text: str) -> list[str]:
    """What is wrong with this text, each with its line."""
    try:
        loaded(text)
    except ProblemsFound as error:
        return [f"{problem.line}: {problem.message}" for problem in error.problems]
    return []


def test_a_round_loads_and_reads_back_as_it_is_written() -> None:
    """Design, exclusions and what two arms do together survive the round trip."""
    experiment = loaded(ROUND)
    assert experiment.is_factorial
    assert experiment.levels == {
        "script": ("gift", "story"), "voice": ("calm",), "incentive": ("box",), "path": ("wecom",),
    }  # fmt: skip
    again = loaded(write(experiment))
    assert again == experiment
    assert "design: factorial" in write(experiment)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("design: factorial", "design: factorail", "10: design: 'factorail' is not known here; did you mean"),
        ("design: factorial", "", "exclude: only a factorial round draws combinations"),
        ("design: factorial", "design: factorial\nshares: {control: 50%}", "11: shares: the levels of a variable"),
        ("design: factorial", "design: factorial\nconfirms: gift-2026-10", "takes"),
        ("incentive: box, path", "incentve: box, path", "no arm changes 'incentve'; did you mean 'incentive'?"),
        ("incentive: box, path", "incentive: bix, path", "'bix' is no arm that changes incentive; did you mean 'box'?"),
        ("incentive: box, path", "incentive: gift-box, path", "did you mean 'box', the arm of it?"),
        ("{incentive: box, path: wecom}", "{incentive: box}", "an exclusion names two variables at least"),
        ("{incentive: box, path: wecom}", "{incentive: control, path: control}", "this excludes what people get today"),
        ("{incentive: box, path: wecom}", "{incentive: box, path: wecom}\n  - {path: wecom, incentive: box}", "twice"),
        ("{incentive: box, path: wecom}", "[box, wecom]", "12: exclude: a list stands where a mapping"),
        ("calm: {voice: calm-male}", "calm: {audience: {segment: lapsed}}", "which nobody can be dealt"),
        ("gift+calm: -1pt", "gift+story: -1pt", "there is no arm 'gift+story'"),
        ("gift+calm: -1pt", "gift+clam: -1pt", "there is no arm 'gift+clam'"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_told_with_its_cure(old: str, new: str, said: str) -> None:
    """Each problem stands at its line, in the author's words."""
    found = problems(ROUND.replace(old, new))
    expected = "a confirming round sets one combination" if said == "takes" else said
    assert any(expected in problem for problem in found), found


def test_one_variable_is_no_factorial_round() -> None:
    """With arms of a single variable nothing is crossed, and the file says so."""
    text = "experiment: a\naudience: {roster: true}\ncontrol: {script: x}\narms: {b: {script: y}}\ndesign: factorial\n"
    assert problems(text) == [
        "5: design: a factorial round draws two variables at least, and the arms change only one; take this out"
    ]


def test_exclusions_must_leave_every_level_something_to_compare() -> None:
    """Where a variable's levels never stand beside the same others, their difference would be the others'."""
    every = "  - {incentive: box, path: wecom}\n  - {incentive: box, path: control}\n"
    found = problems(ROUND.replace("  - {incentive: box, path: wecom}\n", every))
    assert "11: exclude: leaves nowhere to compare all levels of incentive side by side" in found


def test_exclusions_may_not_tie_more_together_than_a_block_holds() -> None:
    """Tied variables are dealt in blocks of their combinations, and a block has at most 200 places."""
    arms = {f"{word}-{level}": {word: f"x{level}"} for word in ("script", "voice", "sms") for level in range(6)}
    experiment = {
        "experiment": "a", "audience": {"roster": True}, "control": {"script": "x"}, "arms": arms,
        "design": "factorial",
        "exclude": [{"script": "script-1", "voice": "voice-1"}, {"voice": "voice-2", "sms": "sms-2"}],
    }  # fmt: skip
    found = problems(json.dumps(experiment))
    assert len(found) == 1
    assert "ties script, voice, sms together in 329 combinations; a block has at most 200" in found[0]


def test_truth_of_two_arms_needs_a_factorial_round() -> None:
    """Outside a factorial round nobody gets two arms, so that nothing can be planted in both."""
    text = ROUND.replace("design: factorial\nexclude:\n  - {incentive: box, path: wecom}\n", "")
    assert any("there is no arm 'gift+calm'" in problem for problem in problems(text))


def test_a_factorial_round_is_called_in_one_stream() -> None:
    """Waves wait for arms to be dropped, and here every contact serves every variable: the file is told so."""
    assert problems(ROUND + "pace: {waves: auto}\n") == [
        "16: pace.waves: a factorial round is called in one stream, because every contact serves every variable; "
        "write off"
    ]
    assert problems(ROUND + "pace: {waves: off}\n") == []
