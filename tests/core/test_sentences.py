"""The same said in English and Chinese, from one table."""

import re
from string import Formatter

import pytest

from engine.core import sentences
from engine.core.sentences import Label, Sentence, chance, listed, odds, people, points, say
from engine.core.texts import TEXTS
from tests.core.standing_makers import make_standing

HAN = re.compile(r"[\u4e00-\u9fff]")
SHARES = {"control": 0.5, "story": 0.5}
CASES = {
    "winner": ({"control": (360, 3000), "story": (450, 3000)}, {}, {}),
    "winner of a race": ({"control": (360, 3000), "story": (450, 3000)}, {}, {"method": "sequential"}),
    "leaning": ({"control": (360, 3000), "story": (395, 3000)}, {}, {}),
    "leaning audience": ({"control": (360, 3000), "story": (450, 3000)}, {}, {"variables": {"story": "audience"}}),
    "proven, race open": (
        {"control": (360, 3000), "story": (450, 3000), "gift": (440, 3000)}, {"finished": False},
        {"method": "sequential"},
    ),
    "one arm useless": ({"control": (36000, 300000), "story": (36100, 300000)}, {}, {}),
    "all arms useless": ({"control": (36000, 300000), "story": (36100, 300000), "gift": (36000, 300000)}, {}, {}),
    "useless in a race": ({"control": (1080, 9000), "story": (1070, 9000)}, {}, {"method": "sequential"}),
    "one arm worse": ({"control": (3600, 30000), "story": (3000, 30000)}, {}, {}),
    "several, some worse": ({"control": (3600, 30000), "story": (3000, 30000), "gift": (3550, 30000)}, {}, {}),
    "too few at the end": ({"control": (360, 3000), "story": (370, 3000)}, {}, {}),
    "too few for the exact test": ({"control": (0, 900), "story": (5, 900)}, {}, {"smallest_useful_lift": 0.02}),
    "nobody": ({"control": (0, 0), "story": (0, 0)}, {}, {}),
    "waiting": ({"control": (3, 30), "story": (3, 30)}, {"finished": False}, {}),
    "waiting for people": ({"control": (3, 30), "story": (3, 30)}, {"finished": False}, {"planned": 100}),
    "waiting for days": ({"control": (3, 30), "story": (3, 30)}, {"finished": False, "per_day": 9.0}, {"planned": 100}),
    "waiting for windows": ({"control": (3, 30), "story": (3, 30)}, {"waiting": 4}, {"planned": 100}),
    "race running": ({"control": (36, 300), "story": (36, 300)}, {"finished": False}, {"method": "sequential"}),
    "stopped": ({"control": (36, 300), "story": (36, 300)}, {"harm": {"story": (9, 300)}}, {}),
    "imbalance": (
        {"control": (36, 300), "story": (36, 300)}, {"stages": {"dialled": {"control": 3200, "story": 2800}}},
        {"shares": SHARES},
    ),
    "planned look": ({"control": (120, 1000), "story": (260, 1000)}, {}, {"method": "group", "planned": 1000}),
    "before a planned look": (
        {"control": (36, 300), "story": (36, 300)}, {"finished": False}, {"method": "group", "planned": 5000},
    ),
    "group without a plan": ({"control": (36, 300), "story": (36, 300)}, {}, {"method": "group"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_said_in_both_languages(case):
    """No placeholder is left, English has no Chinese in it, and Chinese sentences are Chinese."""
    counted, evidence, question = CASES[case]

    found = make_standing(counted, evidence, **question)

    english, chinese = found["verdict"], found["verdict_zh"]
    for text in (english["sentence"], english["next"], *english["reasons"], *found.get("warnings", [])):
        assert not HAN.search(text)
        assert "{" not in text
        assert text.endswith(".")
    for text in (chinese["sentence"], chinese["next"], *chinese["reasons"], *found.get("warnings_zh", [])):
        assert HAN.search(text)
        assert "{" not in text
        assert text.endswith("。")
    assert len(english["reasons"]) == len(chinese["reasons"])
    assert found["safe_to_read"]["why"]
    assert HAN.search(found["safe_to_read"]["why_zh"])


def test_the_cases_are_different_sentences():
    """Each case of the table says something of its own."""
    said = [
        make_standing(counted, evidence, **question)["verdict"]["sentence"]
        for counted, evidence, question in CASES.values()
    ]

    assert len(set(said)) >= len(CASES) - 4


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_use_the_same_values(key):
    """A number that is in the English sentence is in the Chinese one, and the other way round."""
    english, chinese = ({name for _, name, _, _ in Formatter().parse(text) if name} for text in TEXTS[key])

    assert english == chinese


@pytest.mark.parametrize("key", [key for key in TEXTS if key.startswith("next_")])
def test_what_to_do_next_says_what_not_to_do(key):
    """Advice has two halves; a check of the data path has nothing to refrain from."""
    if key != "next_nobody":
        assert "Do not" in TEXTS[key][0]
        assert "不要" in TEXTS[key][1]


def test_no_sentence_trends_to_significance():
    """Words that mislead are never said."""
    for english, _ in TEXTS.values():
        assert not re.search(r"trending|significan|confiden|\bsure\b", english, re.IGNORECASE)


def test_sentences_nest():
    """A value may be a word in both languages, a list or a sentence itself."""
    sentence = Sentence("because_guardrail", {"reason": listed(["a", "b"])})

    assert say(sentence) == "a, b."
    assert say(sentence, "zh") == "a、b。"
    assert say(Label("one", "一"), "zh") == "一"


@pytest.mark.parametrize(
    ("shown", "text"),
    [(points(0.021), "2.1"), (points(0.01), "1"), (points(0.0033), "0.33"), (points(-0.0), "0"), (points(0.3), "30"),
     (odds(88.4), "88"), (odds(0.4832), "0.48"), (odds(1e300), "1,000,000+"), (chance(0.0123), "= 0.012"),
     (chance(1e-30), "< 0.0001"), (say(people(1)), "1 person"), (say(people(3000)), "3,000 people"),
     (sentences.amount(12345.6), "12,346"), (sentences.amount(0.12345), "0.1235")],
)  # fmt: skip
def test_numbers_are_written_for_people(shown, text):
    """As many digits as a reader needs."""
    assert shown == text
