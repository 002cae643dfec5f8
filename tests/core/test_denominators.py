"""Whom a rate is of, by what an arm changes."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.conditionals import among_connected, people_saved
from engine.core.denominators import DENOMINATORS, JOINED, apart_per_call, connected_of, denominator_of
from engine.core.evidence import Placebo
from engine.core.sentences import say
from engine.core.standings import standing
from engine.core.treatments import VARIABLES
from engine.core.worth import worth_of
from engine.stats.multiplicity import dunnett
from engine.stats.tallies import Tally
from tests.core.standing_makers import make_evidence, make_question, make_rate

FAIR = {"script", "voice", "incentive", "sms", "path"}
variables = st.lists(st.sampled_from(VARIABLES), min_size=1, max_size=4, unique=True)
ARMS = {"control": (60, 300), "gift": (75, 300), "late": (66, 300), "pack": (90, 300)}
CHANGES = {"control": None, "gift": "script", "late": "timing", "pack": "audience"}


def make_connected(counted=None, changes=None):
    """Conversion among the connected, beside the conversion of everybody."""
    tallies = {arm: Tally.of_rate(*pair) for arm, pair in (counted or ARMS).items()}
    return among_connected({"conversion": tallies}, changes or CHANGES)[0]


def make_both():
    """A standing of four arms, one of which may be compared among the connected."""
    whole = make_rate({arm: (x, 2 * n) for arm, (x, n) in ARMS.items()})
    return standing(make_question(tuple(ARMS), variables=CHANGES), make_evidence(whole, make_connected()))


@pytest.mark.parametrize(
    ("variable", "first", "connect", "connected"),
    [
        ("script", "the talk", "placebo", "valid"), ("voice", "the talk", "placebo", "valid"),
        ("incentive", "the talk", "placebo", "valid"), ("sms", "what follows the talk", "placebo", "valid"),
        ("path", "what follows the talk", "placebo", "valid"), ("timing", "who picks up", "result", "invalid"),
        ("caller_id", "who picks up", "result", "invalid"), ("redial", "the number of attempts", "result", "invalid"),
        ("audience", "not dealt by chance", "descriptive", "descriptive"),
    ],
)  # fmt: skip
def test_every_variable_has_its_denominator(variable, first, connect, connected):
    """What a variable can change first decides what its connect rate is, and whether its connected may be compared."""
    row = DENOMINATORS[variable]

    assert (say(row.first), row.connect, row.connected) == (first, connect, connected)
    assert set(DENOMINATORS) == set(VARIABLES)


@given(variables)
def test_several_variables_are_fair_only_when_each_is(changed):
    """An arm of a confirming round is bound by the least fair of its variables."""
    row = denominator_of(JOINED.join(changed))

    assert row is not None
    assert row.variable in changed
    assert (connected_of(JOINED.join(changed)) == "valid") == (set(changed) <= FAIR)
    assert (row.connect == "placebo") == (set(changed) <= FAIR)


def test_only_redials_make_a_number_per_call_unfair():
    """An arm that changes how often people are called is compared in no number per call."""
    apart = apart_per_call({"control": None, "a": "redial", "b": "script+redial", "c": "timing", "d": "script"})

    assert set(apart) == {"a", "b"}
    assert "how often" in say(apart["a"])


def test_among_the_connected_only_fair_arms_are_compared():
    """Each arm's rate is shown; the difference only where both sides are the same people, else the reason in words."""
    metric = make_both()["metrics"][1]
    found = {each["arm"]: each for each in metric["comparisons"]}

    assert metric["denominator"] == "connected"
    assert metric["role"] == "descriptive"
    assert [arm["total"] for arm in metric["arms"]] == [60, 75, 66, 90]
    assert {arm: each["conditional"] for arm, each in found.items()} == {
        "gift": "valid", "late": "invalid", "pack": "descriptive",
    }  # fmt: skip
    assert found["gift"]["difference"] == pytest.approx(0.05)
    assert found["late"]["difference"] is None
    assert found["late"]["reason"] == "timing: it changes who picks up, so other people are connected"
    assert found["late"]["reason_zh"].startswith("外呼时间：")
    assert found["pack"]["difference"] is None


def test_unfair_arms_do_not_widen_the_others():
    """An arm that is not compared takes no part in the correction over the arms."""
    alone = dunnett(treated=[(75, 300)], control=(60, 300), level=0.95)[0]
    found = make_both()["metrics"][1]["comparisons"][0]

    assert found["p_adjusted"] == pytest.approx(alone.p_value)
    assert found["interval_adjusted"] == pytest.approx([alone.low, alone.high])


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_rates_among_the_connected_decide_nothing(control, gift, late):
    """Whatever happens among the connected, the verdict is that of everybody assigned."""
    whole = make_rate({"control": (60, 600), "gift": (75, 600), "late": (66, 600)})
    counted = {"control": (control, 300), "gift": (gift, 300), "late": (late, 300)}
    changes = {"control": None, "gift": "script", "late": "timing"}
    question = make_question(tuple(counted), variables=changes)

    alone = standing(question, make_evidence(whole))
    both = standing(question, make_evidence(whole, make_connected(counted, changes)))

    assert both["verdict"] == alone["verdict"]
    assert both["metrics"][0] == alone["metrics"][0]


def test_the_saving_is_that_of_people_needed_for_one_relative_lift():
    """All conversions among half the people: p = 20 % instead of 10 %, so 0.8 / 0.9 of the people do."""
    whole = make_rate({"control": (100, 1000), "gift": (100, 1000)})
    part = make_rate({"control": (100, 500), "gift": (100, 500)}, denominator="connected")
    poorer = make_rate({"control": (50, 500), "gift": (50, 500)}, denominator="connected")

    assert people_saved(whole, part, "control", "gift") == pytest.approx(1 - 0.8 / 0.9)
    assert people_saved(whole, poorer, "control", "gift") == pytest.approx(-1)
    assert people_saved(make_rate({"control": (0, 9), "gift": (0, 9)}), part, "control", "gift") is None


def test_the_saving_is_seen_in_the_variance():
    """Drawn many times, the relative lift among the connected varies less by just the share that is named."""
    import numpy as np

    random = np.random.default_rng(5)
    reached = random.binomial(3000, 0.5, (4000, 2))
    converted = random.binomial(reached, 0.3)
    everybody, connected = converted / 3000, converted / reached
    variances = [np.log(rates[:, 1] / rates[:, 0]).var() for rates in (everybody, connected)]
    whole = make_rate({"control": (450, 3000), "gift": (450, 3000)})
    part = make_rate({"control": (450, 1500), "gift": (450, 1500)})

    assert people_saved(whole, part, "control", "gift") == pytest.approx(1 - variances[1] / variances[0], abs=0.05)


def test_the_placebo_names_who_takes_part_and_who_does_not():
    """Arms that may change the connect are left out by name, each with the reason; several variables count too."""
    counted = {"control": (60, 600), "gift": (75, 600), "both": (75, 600), "late": (66, 600)}
    changes = {"gift": "script", "both": "script+caller_id", "late": "timing"}
    placebo = Placebo("connect", {arm: Tally.of_rate(300, 600) for arm in counted} | {"both": Tally.of_rate(90, 600)})
    question = make_question(tuple(counted), variables=changes)

    found = standing(question, make_evidence(make_rate(counted), placebo=placebo))["placebo"]

    assert found["ok"]
    assert [each["arm"] for each in found["arms"]] == ["control", "gift"]
    assert found["arms"][1]["why"] == "it is met only in the talk, after the connect"
    assert [(each["arm"], each["why"].split(":")[0]) for each in found["left_out"]] == [
        ("both", "caller_id"), ("late", "timing"),
    ]  # fmt: skip
    assert found["left_out"][1]["why_zh"].startswith("外呼时间：")


def test_an_arm_of_other_people_and_another_script_is_still_not_dealt():
    """A pack stays a pack when the arm changes more than that: no verdict names it a winner, no money is promised."""
    counted = {"control": (360, 3000), "both": (450, 3000)}
    question = make_question(tuple(counted), variables={"both": "script+audience"}, value_per_conversion=9.0)

    found = standing(question, make_evidence(make_rate(counted)))

    assert found["verdict"]["status"] == "leaning"
    assert "money" not in found


def test_the_documentation_has_the_table():
    """docs/verdicts.md says of every variable what the engine does."""
    text = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
    for row in DENOMINATORS.values():
        line = f"| `{row.variable}` | {say(row.first)} | {say(row.headline)} | {row.connect} | {row.connected} |"
        assert re.search(re.escape(line), text), line


def test_worth_is_of_arms_that_chance_deals():
    """The worth of a pack of people is not a question that was asked."""
    from engine.core.comparisons import compare_all
    from engine.core.readings import Reading, Readings

    counted = {"control": (360, 3000), "gift": (450, 3000), "pack": (450, 3000)}
    question = make_question(tuple(counted), variables={"pack": "audience"}, value_per_conversion=10.0)
    readings = Readings("fixed", {arm: Reading(arm, "leaning") for arm in ("gift", "pack")}, True, ())

    assert set(worth_of(question, compare_all(question, (make_rate(counted),)), readings)) == {"gift"}
