"""An experiment is written as a person would have written it, and reads back as it was."""

# ruff: noqa: E501  a case stands in one line

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.experiments import Experiment
from engine.core.metrics import METRICS
from engine.core.windows import DAYS
from engine.definitions.emitting import text as written_text
from engine.definitions.loading import load_text
from engine.definitions.reading import parse
from engine.definitions.writing import write
from tests.definitions.test_good_files import GOOD, MINIMAL
from tests.definitions.texts import WHOLE

X = Path("x.yaml")
NAMES = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True).filter(
    lambda name: name not in ("control", "holdout")
)
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(str.strip)
DURATIONS = st.builds(lambda size, unit: f"{size}{unit}", st.integers(1, 80), st.sampled_from("mhd"))
LIFTS = st.builds(lambda size, unit: f"{size}{unit}", st.decimals("0.01", 5, places=2), st.sampled_from(["pt", "%"]))
PERCENTS = st.one_of(
    st.builds(lambda size: f"{size}%", st.decimals(50, 90, places=2)), st.floats(0.5, 0.9),
)  # fmt: skip
WINDOWS = st.sampled_from(["10:00-12:00", "09:00-12:00, 14:00-20:00", "00:00-24:00"])
WHERE = st.dictionaries(WORDS, WORDS | st.lists(WORDS, max_size=3), max_size=2)
SETTINGS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | WORDS.filter(lambda word: "$" not in word),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8,
)  # fmt: skip


def optional(**values):
    return st.fixed_dictionaries({}, optional=values)


CONTROL = st.fixed_dictionaries(
    {"script": WORDS},
    optional={
        "voice": WORDS, "sms": WORDS, "caller_id": WORDS, "audience": WHERE,
        "timing": optional(window=WINDOWS, days=st.lists(st.sampled_from(DAYS), min_size=1, unique=True), expires_after=DURATIONS),
        "redial": optional(
            attempts=st.integers(1, 10), gap=DURATIONS, on=st.just(["busy"]), windows=st.lists(WINDOWS, max_size=2),
            when=st.sampled_from(["window", "same_time_next_day", "another_part_of_day"]),
            by=st.dictionaries(st.sampled_from(["busy", "no_answer"]), optional(gap=DURATIONS, attempts=st.integers(1, 9), when=st.just("window"))),
        ),
    },
)  # fmt: skip
ARMS = st.dictionaries(
    NAMES, st.builds(lambda script: {"script": script + "?"}, st.uuids().map(str)), min_size=1, max_size=3
)
EXPERIMENTS = st.fixed_dictionaries(
    {"experiment": NAMES, "audience": st.fixed_dictionaries({"contacts": st.just("c.csv")}, optional={"where": WHERE, "strata": st.lists(WORDS, unique=True, max_size=2), "holdout": st.floats(0.01, 0.5)}), "control": CONTROL, "arms": ARMS},
    optional={
        "hypothesis": st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.just("\n"), max_size=80), "owner": WORDS,
        "size": optional(lift=LIFTS, power=PERCENTS), "metrics": optional(primary=st.sampled_from(sorted(METRICS)), secondary=st.lists(st.sampled_from(sorted(METRICS)), unique=True), guardrails=st.just({})),
        "conversion": optional(event=WORDS, within=DURATIONS), "decision": optional(method=st.sampled_from(["fixed", "group"]), alpha=st.floats(0.001, 0.2)),
        "pace": optional(per_second=st.floats(0.1, 900), waves=st.just("auto") | st.integers(1, 9), ramp=DURATIONS), "budget": optional(calls=st.integers(9, 10**9), spend=st.floats(0.01, 1e12), calls_per_day=st.integers(9, 10**9), spend_per_day=st.floats(0.01, 1e12)),
        "values": st.dictionaries(WORDS, WORDS, max_size=3), "voices": st.lists(WORDS, max_size=2), "settings": st.dictionaries(WORDS, SETTINGS, max_size=3),
    },
).map(Experiment.model_validate)  # fmt: skip


@given(EXPERIMENTS, st.text(max_size=60))
def test_what_is_written_reads_back(experiment, comment):
    """Whatever an experiment declares stands in the file that is written of it."""
    written = write(experiment, comment)

    assert Experiment.model_validate(parse(written, "x.yaml").data) == experiment
    assert write(Experiment.model_validate(parse(written, "x.yaml").data), comment) == written


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_every_good_file_reads_back(text):
    """A file that is loaded and written is the same experiment."""
    experiment = load_text(text.removeprefix("\ufeff"), X)

    assert load_text(write(experiment, "Round two."), X) == experiment


@given(st.text(max_size=30))
def test_text_reads_back(word):
    """Text is put in quotes wherever YAML would make something else of it."""
    quoted = "".join(char for char in word if char.isprintable() or char in "\n\t\u2028\x85\ufeff")

    assert parse(f"{{a: {written_text(quoted)}, b: [{written_text(quoted)}]}}", "x").data == {
        "a": quoted,
        "b": [quoted],
    }
    assert parse(f"{written_text('k' + quoted)}: {written_text(quoted)}\n", "x").data == {"k" + quoted: quoted}


def test_a_written_file_is_one_a_person_would_have_written():
    """The order is that of the documentation, short mappings stand in a line, defaults and needless quotes are left out."""
    experiment = load_text(
        MINIMAL
        + "size: {power: 80%, lift: 2.5pt}\nconversion: {event: friend_added, within: 24h}\npace: {per_second: 5.0, waves: 'auto'}\n",
        X,
    )

    assert write(experiment, "The second round.\nStory won the first.") == (
        "# The second round.\n"
        "# Story won the first.\n"
        "experiment: a\n"
        "audience:\n"
        "  roster: true\n"
        "control: {script: classic}\n"
        "arms:  # each changes exactly one variable of the control\n"
        "  b: {script: story}\n"
        "size: {lift: 2.5pt}\n"
        "conversion: {within: 1d}\n"
        "pace: {waves: auto}\n"
    )


def test_remarks_of_the_round_before_are_kept(tmp_path):
    """What people wrote beside the keys of the file before stands in the next file too, as does the editors' line."""
    before = tmp_path / "before.yaml"
    schema_line = "# yaml-language-server: $schema=../experiment.schema.json\n"
    before.write_text(schema_line + WHOLE.replace("owner: growth", "owner: growth  # ask Li"), encoding="utf-8")

    written = write(load_text(WHOLE, X), "Next.", before)

    assert written.startswith(schema_line + "# Next.\n")
    assert "\nowner: growth  # ask Li\n" in written
    assert load_text(written, X) == load_text(WHOLE, X)


def test_a_confirming_round_does_not_say_that_its_arms_change_one_variable():
    """The remark beside `arms` is true of the round in which it stands."""
    experiment = load_text(MINIMAL.replace("{script: story}", "{script: story, voice: x}") + "confirms: round-1\n", X)

    assert "exactly one" not in write(experiment)
    assert "confirms: round-1  # several variables may change together" in write(experiment)
