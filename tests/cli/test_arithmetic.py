"""compare, analyze and power, with any words."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.stats.power import contacts_per_arm, detectable_lift
from tests.cli.makers import ringlab

ODD = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["", "=", "a=", "=1/2", "a=1/0", "a=2/1", "a=0/0", "a=1/2", "b=3/4", "a=-1/2", "a=1e3/2e3", "nan", "inf", "-",
         "--", "0", "1", "-1", "100%", "0%", "5%", "2pt", "-2pt", "999999999999999999/1", "a=1/999999999999999", "٣%",
         "a=٣/٤", "\x00", "\ud800"]
    ),
)  # fmt: skip
QUIETLY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def make_log(folder: Path) -> Path:
    """A call log of two arms, one row for each contact."""
    path = folder / "calls.csv"
    rows = [
        f"{arm},{'yes' if place < won else 'no'},{place % 7}"
        for arm, won in (("a", 30), ("b", 60))
        for place in range(200)
    ]
    path.write_text("arm,said,talk\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_compare_gives_a_standing_and_nothing_else() -> None:
    """Asked for JSON, standard output is JSON alone."""
    said = ringlab("compare", "control=360/3000", "gift-first=450/3000", "--format", "json")

    assert said.status == 0
    assert said.json["schema"] == "ringlab.standing/1"
    assert said.json["verdict"]["status"] == "winner"
    assert said.err == ""


def test_compare_says_the_verdict_first() -> None:
    """As text, the sentence comes before the numbers."""
    said = ringlab("compare", "control=360/3000", "gift-first=450/3000")

    assert said.out.index("gift-first wins") < said.out.index("450 / 3,000")
    assert "\x1b" not in said.out


def test_compare_takes_earlier_looks() -> None:
    """With earlier looks the race decides."""
    said = ringlab(
        "compare",
        "control=360/3000",
        "gift-first=450/3000",
        "--looks",
        "control=60/500,gift-first=75/500",
        "--format",
        "json",
    )

    assert said.json["method"] == "sequential"


def test_a_count_that_cannot_be_is_named() -> None:
    """Every count that cannot be is told, and the form is shown."""
    said = ringlab("compare", "control=360/3000", "gift-first=4500/3000", "story")

    assert said.status == 1
    assert "more successes than contacts" in said.err
    assert "ARM=SUCCESSES/CONTACTS" in said.err


def test_analyze_reads_a_log(tmp_path: Path) -> None:
    """A log and the same counts give the same numbers."""
    words = ("--arm", "arm", "--control", "a", "--metric", "yes=said:rate", "--metric", "talk=talk", "--format", "json")

    log = ringlab("analyze", str(make_log(tmp_path)), *words).json
    counts = ringlab("compare", "a=30/200", "b=60/200", "--format", "json").json

    assert log["metrics"][0]["comparisons"][0]["p_value"] == counts["metrics"][0]["comparisons"][0]["p_value"]
    assert log["metrics"][1]["kind"] == "mean"


def test_analyze_prints_segments_as_text(tmp_path: Path) -> None:
    """A segment's table is marked as exploratory."""
    words = ("--arm", "arm", "--control", "a", "--metric", "yes=said:rate", "--segment", "talk")

    said = ringlab("analyze", str(make_log(tmp_path)), *words)

    assert said.status == 0
    assert "by talk (exploratory)" in said.out


def test_power_is_the_statistics_own_number() -> None:
    """The command says what the library says; points, fractions and percentages of the baseline mean one lift."""
    forms = [("2pt", "12%"), ("0.02", "0.12"), ("16.6666666667%", "12%")]

    found = {
        ringlab("power", "--baseline", base, "--lift", lift, "--format", "json").json["contacts_per_arm"]
        for lift, base in forms
    }

    assert found == {contacts_per_arm(0.12, 0.02)}


def test_power_gives_the_lift_that_people_show() -> None:
    """From contacts the lift follows."""
    said = ringlab("power", "--baseline", "12%", "--contacts", "3000", "--arms", "14", "--format", "json")

    assert said.json["lift"] == pytest.approx(detectable_lift(0.12, 3000, arms=14))
    assert said.json["contacts"] == 45_000


def test_power_gives_the_chance_of_both() -> None:
    """From a lift and contacts the power follows, said as text."""
    said = ringlab("power", "--baseline", "12%", "--contacts", "3000", "--lift", "3pt")

    assert "+3.00 points" in said.out
    assert "12.00% to 15.00%" in said.out


@pytest.mark.parametrize(
    "words",
    [("--baseline", "12%"), ("--baseline", "twelve", "--lift", "2pt"), ("--baseline", "12%", "--lift", "2"),
     ("--baseline", "12%", "--lift", "two"), ("--baseline", "120%", "--lift", "2pt"), ("--lift", "2pt")],
)  # fmt: skip
def test_power_without_a_question_is_wrong_usage(words: tuple[str, ...]) -> None:
    """What cannot be read is wrong usage."""
    assert ringlab("power", *words).status == 2


@pytest.mark.parametrize("lift", ["0", "0pt", "95pt", "-12pt"])
def test_a_lift_that_cannot_be_is_wrong_input(lift: str) -> None:
    """What can be read and cannot be is told."""
    said = ringlab("power", "--baseline", "12%", "--lift", lift)

    assert said.status == 1
    assert said.err


@given(
    words=st.lists(ODD, max_size=5),
    options=st.dictionaries(st.sampled_from(["--alpha", "--control", "--looks", "--level"]), ODD),
)
@QUIETLY
def test_compare_never_breaks(words: list[str], options: dict[str, str]) -> None:
    """Any words are answered: a standing, or what is wrong with them."""
    _answered(ringlab("compare", *words, *(part for pair in options.items() for part in pair), "--format", "json"))


@given(
    options=st.dictionaries(
        st.sampled_from(["--baseline", "--lift", "--contacts", "--arms", "--alpha", "--power"]), ODD
    )
)
@QUIETLY
def test_power_never_breaks(options: dict[str, str]) -> None:
    """Any numbers are answered."""
    _answered(ringlab("power", *(part for pair in options.items() for part in pair), "--format", "json"))


@given(
    arm=ODD,
    control=ODD,
    metric=ODD,
    more=st.dictionaries(st.sampled_from(["--segment", "--contact", "--useful-lift"]), ODD),
)
@QUIETLY
def test_analyze_never_breaks(tmp_path: Path, arm: str, control: str, metric: str, more: dict[str, str]) -> None:
    """Any columns are answered."""
    log = str(make_log(tmp_path))
    options = ("--arm", arm, "--control", control, "--metric", metric)

    _answered(ringlab("analyze", log, *options, *(part for pair in more.items() for part in pair), "--format", "json"))


def _answered(said: object) -> None:
    from tests.cli.makers import Said

    assert isinstance(said, Said)
    assert said.status in (0, 1, 2), said.err
    assert "Traceback" not in said.err
    if said.status == 0 and said.out.startswith("{"):
        json.loads(said.out)
    if said.status:
        assert said.err
        assert said.out == ""


def test_power_tells_all_three_methods() -> None:
    """Read once, at five looks, or as a race with its average and nine of ten, each for the same lift."""
    words = ("power", "--baseline", "12%", "--lift", "4pt", "--arms", "2")
    methods = ringlab(*words, "--format", "json").json["methods"]
    text = ringlab(*words).out

    assert methods["fixed"]["contacts"] < methods["group"]["contacts"]
    assert methods["sequential"]["no_effect"] < methods["sequential"]["no_effect_90"]
    assert methods["sequential"]["power"] > 0.6
    for said in ("fixed: read once", "group: 5 looks", "sequential: no effect", "nine of ten at most", "seed 1"):
        assert said in text
