"""The ordered table of rules that gives a verdict: each rule fires, and the documentation prints the table."""

import re
from pathlib import Path
from typing import Any

import pytest

from engine.core.evidence import Placebo
from engine.core.texts import TEXTS
from engine.core.verdicts import RULES, STATUSES, Rule
from engine.stats.tallies import Tally
from tests.core.standing_makers import make_standing

RACE = {"method": "sequential"}
SHARES = {"shares": {"control": 0.5, "story": 0.5}}
PACK = {"variables": {"story": "audience"}}
UNEQUAL = Placebo("connect", {"control": Tally.of_rate(2100, 3000), "story": Tally.of_rate(2300, 3000)})
WINS, OPEN = {"control": (360, 3000), "story": (450, 3000)}, {"control": (36, 300), "story": (36, 300)}
FIRES: dict[str, tuple[dict[str, tuple[float, float]], dict[str, Any], dict[str, Any]]] = {
    "all_stopped": (WINS, {"harm": {"story": (5, 3000)}}, {}),
    "off_balance": (WINS, {"stages": {"assigned": {"control": 3200, "story": 2800}}}, SHARES),
    "placebo_failed": (WINS, {"placebo": UNEQUAL}, {}),
    "won": (WINS, {}, {}),
    "proven": (WINS | {"gift": (440, 3000)}, {"finished": False}, RACE),
    "pack_leads": (WINS, {}, PACK),
    "leads": ({"control": (360, 3000), "story": (395, 3000)}, {}, {}),
    "packs_settled": ({"control": (3600, 30000), "story": (3610, 30000)}, {}, PACK),
    "one_worse": ({"control": (3600, 30000), "story": (3000, 30000)}, {}, {}),
    "some_worse": ({"control": (3600, 30000), "story": (3000, 30000), "gift": (3550, 30000)}, {}, {}),
    "one_useless": ({"control": (36000, 300000), "story": (36100, 300000)}, {}, {}),
    "all_useless": ({"control": (36000, 300000), "story": (36100, 300000), "gift": (36000, 300000)}, {}, {}),
    "nobody": ({"control": (5, 40), "story": (0, 0)}, {}, {}),
    "race_goes_on": (OPEN, {"finished": False}, RACE),
    "windows_open": (OPEN, {"waiting": 4}, {}),
    "days_missing": (OPEN, {"finished": False, "per_day": 9.0}, {"planned": 1000}),
    "people_missing": (OPEN, {"finished": False}, {"planned": 1000}),
    "calls_missing": (OPEN, {"finished": False}, {}),
    "packs_open": (OPEN, {}, PACK),
    "over": (OPEN, {}, {}),
}  # fmt: skip
CLAIMS = {"won", "proven", "leads", "one_worse", "one_useless", "over"}


def pattern_of(key: str, language: int) -> str:
    """What a row of the table looks like once its values are in it."""
    return re.sub(r"\\\{\w+\\\}", ".*", re.escape(TEXTS[key][language]))


def fired(found: dict[str, Any]) -> list[Rule]:
    """The rules whose sentence and next step this standing says, in both languages."""
    spoken = (found["verdict"], found["verdict_zh"])
    return [
        rule
        for rule in RULES
        if all(
            re.fullmatch(pattern_of(key, language), said[part])
            for language, said in enumerate(spoken)
            for part, key in (("sentence", rule.sentence), ("next", rule.next))
        )
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.when.__name__)
def test_every_rule_fires(rule):
    """For every rule there is a case in which it, and no other, gives the verdict, in both languages."""
    counted, evidence, question = FIRES[rule.when.__name__]

    found = make_standing(counted, evidence, **question)

    assert fired(found) == [rule]
    assert found["verdict"]["status"] == rule.status


def test_the_rules_cover_every_status_and_end():
    """Every status is reached by some rule, and the last rule always holds."""
    assert {rule.status for rule in RULES} == set(STATUSES)
    assert RULES[-1].when(None)  # type: ignore[arg-type]
    assert [rule.when.__name__ for rule in RULES] == list(FIRES)


@pytest.mark.parametrize("name", FIRES)
def test_money_is_said_where_a_lift_is_claimed(name):
    """With a known value the sentence of a claim names its worth; one about data, safety or packs never does."""
    counted, evidence, question = FIRES[name]

    found = make_standing(counted, evidence, **question, value_per_conversion=70.0)

    assert ("per 10,000 contacts" in found["verdict"]["sentence"]) == (name in CLAIMS)
    assert ("每万名客户" in found["verdict_zh"]["sentence"]) == (name in CLAIMS)
    assert "per 10,000" not in make_standing(counted, evidence, **question)["verdict"]["sentence"]
    assert "money" not in found or found["verdict"]["status"] not in ("data_problem", "stopped_for_safety")


@pytest.mark.parametrize("name", FIRES)
def test_every_verdict_says_whether_it_may_be_read(name):
    """Safe to read now is answered for every rule, and never yes while the data have a problem."""
    counted, evidence, question = FIRES[name]

    safe = make_standing(counted, evidence, **question)["safe_to_read"]

    assert safe["why"]
    assert safe["why_zh"]
    assert safe["ok"] or name not in {"won", "all_stopped", "race_goes_on"}
    assert not safe["ok"] or name not in {"off_balance", "placebo_failed", "windows_open", "calls_missing"}


def test_money_stands_in_the_sentence_as_it_does_in_the_numbers():
    """3 points of 70 each are 21,000 per 10,000 contacts, and the range is the lift's."""
    found = make_standing(WINS, value_per_conversion=70.0)

    assert found["verdict"]["sentence"].endswith("Worth about 21,000 per 10,000 contacts (8,900 to 33,000).")
    assert found["verdict_zh"]["sentence"].endswith("折合每万名客户净增约 21,000（可能区间 8,900 至 33,000）。")
    assert found["money"]["story"]["low"] == pytest.approx(8900, rel=0.01)


def test_a_pack_is_named_beside_arms_that_chance_deals():
    """Among dealt arms a pack decides nothing, however high: its yield stands among the reasons."""
    counted = {"control": (360, 3000), "pack": (900, 3000), "story": (365, 3000)}

    verdict = make_standing(counted, variables={"pack": "audience", "story": "script"})["verdict"]

    assert verdict["status"] == "not_enough_people"
    assert (
        "pack is another pack of people, compared and not randomized (control 12%, pack 30%)" in verdict["reasons"][-1]
    )


def test_a_pack_has_a_yield_and_no_lift():
    """Each pack's rate stands with its range; no difference, no chance to be best, no money; others keep theirs."""
    counted = {"control": (360, 3000), "pack": (900, 3000), "story": (400, 3000)}
    alone = make_standing({"control": (360, 3000), "story": (400, 3000)})["metrics"][0]["comparisons"][0]

    found = make_standing(counted, variables={"pack": "audience", "story": "script"}, value_per_conversion=10.0)
    pack, story = found["metrics"][0]["comparisons"]

    assert found["metrics"][0]["arms"][1]["estimate"] == 0.3
    assert (pack["difference"], pack["interval"], pack["p_value"]) == (None, None, None)
    assert "no lift" in pack["reason"]
    assert not {"relative", "p_adjusted", "probability_best", "expected_loss"} & pack.keys()
    assert set(found["money"]) == {"story"}
    assert story == alone


def test_the_documentation_prints_the_rules():
    """docs/verdicts.md has the table as the engine has it, row by row."""
    text = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")
    printed = re.findall(r"^\| \d+ \| .*$", text, re.MULTILINE)

    assert printed == [
        f"| {place} | {' '.join((rule.when.__doc__ or '').split())} | `{rule.status}` | `{rule.sentence}` "
        f"| `{rule.next}` |"
        for place, rule in enumerate(RULES, start=1)
    ]
