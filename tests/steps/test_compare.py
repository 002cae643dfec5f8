"""A standing from counts alone."""

import json

import pytest

from engine.errors import InputError, NotFound
from engine.steps.compare import as_rows, compare, parse_counts, parse_looks

COUNTS = {"control": (360, 3000), "story": (450, 3000), "gift": (380, 3000)}


def test_counts_alone_give_a_verdict():
    """Successes and contacts per arm are enough to decide at the end of a fixed horizon."""
    found = compare(COUNTS)

    json.dumps(found, allow_nan=False)
    assert found["control"] == "control"
    assert (found["verdict"]["status"], found["verdict"]["arm"]) == ("winner", "story")
    assert found["method"] == "fixed"
    assert "balance" not in found
    assert any("From counts alone" in warning for warning in found["warnings"])


def test_any_arm_may_be_the_control():
    """The first arm is the control unless another is named."""
    found = compare(COUNTS, control="story")

    assert found["control"] == "story"
    assert [each["arm"] for each in found["metrics"][0]["comparisons"]] == ["control", "gift"]
    assert found["verdict"]["arms"]["control"] == "loser"


def test_shares_make_the_balance_known():
    """With the shares that were meant, uneven arms are a data problem."""
    found = compare({"a": (300, 3200), "b": (300, 2800)}, shares={"a": 0.5, "b": 0.5})

    assert found["verdict"]["status"] == "data_problem"
    assert not found["balance"][0]["ok"]


def test_earlier_looks_make_it_a_race():
    """Published vectors, four arms at d = 2 points: arm 3 is dropped, then arm 2, then arm 1 wins."""
    looks = parse_looks(["c=72/600,a=90/600,b=70/600,d=60/600", "c=216/1800,a=276/1800,b=212/1800,d=60/600"])

    def at(look: int) -> dict[str, object]:
        found = compare(looks[look], useful_lift=0.02, looks=looks[:look])
        verdict: dict[str, object] = found["verdict"]
        return verdict

    last = compare(
        {"c": (360, 3000), "a": (468, 3000), "b": (212, 1800), "d": (60, 600)}, useful_lift=0.02, looks=looks
    )
    sequential = last["metrics"][0]["comparisons"][0]["sequential"]

    assert at(0)["active"] == ["c", "a", "b"]
    assert at(1)["active"] == ["c", "a"]
    assert (last["verdict"]["status"], last["verdict"]["arm"]) == ("winner", "a")
    assert sequential["odds_for"] == pytest.approx(685.885467, rel=1e-6)
    assert last["method"] == "sequential"


def test_an_empty_list_of_looks_is_a_race_with_one_look():
    """A race may be read at its first look, and goes on."""
    found = compare({"control": (60, 500), "story": (75, 500)}, looks=[])

    sequential = found["metrics"][0]["comparisons"][0]["sequential"]
    assert sequential["odds_for"] == pytest.approx(1.811743, abs=1e-6)
    assert sequential["odds_against"] == pytest.approx(0.483218, abs=1e-6)
    assert not found["verdict"]["final"]


@pytest.mark.parametrize(
    ("arms", "options", "words"),
    [
        ({"control": (1, 2)}, {}, "needs a control and one arm"),
        (COUNTS, {"control": "stroy"}, "did you mean 'story'"),
        (COUNTS, {"looks": [{"stroy": (1, 2)}]}, "did you mean 'story'"),
        (COUNTS, {"alpha": 1.5}, "alpha must be"),
        (COUNTS, {"useful_lift": 0.0}, "smallest_useful_lift must be"),
        ({"control": (3, 2), "story": (1, 2)}, {}, "squares"),
    ],
)
def test_what_cannot_be_compared_is_refused(arms, options, words):
    """The error names what is wrong and what would be right."""
    with pytest.raises(InputError, match=words):
        compare(arms, **options)


def test_counts_are_read_from_words():
    """ARM=SUCCESSES/CONTACTS, with blanks where people put them."""
    assert parse_counts(["control=360/3000", " gift first = 1 / 2 "]) == {
        "control": (360, 3000),
        "gift first": (1, 2),
    }


def test_all_wrong_words_are_told_at_once():
    """Every word that is no count has its line, with the form that is right."""
    words = ["control=360", "=1/2", "a=5/4", "b=1/2", "b=1/2", "c=1/1" + "0" * 20, "d=1.5/3", "e=-1/3"]

    with pytest.raises(InputError) as caught:
        parse_counts(words)

    lines = str(caught.value).splitlines()
    assert len(lines) == 7
    assert "'control=360' is not a count; write it as ARM=SUCCESSES/CONTACTS" in lines[0]
    assert "more successes than contacts" in lines[2]
    assert "names arm 'b' again" in lines[3]
    assert "more people than there are" in lines[4]


def test_an_unknown_control_names_the_nearest():
    """A typing mistake is answered with the right word."""
    with pytest.raises(NotFound):
        compare(COUNTS, control="contrl")


def test_rows_are_flat_one_per_metric_and_arm():
    """Tables and files get one row per metric and arm, all with the same columns."""
    rows = as_rows(compare(COUNTS, looks=[]))

    assert [row["arm"] for row in rows] == ["control", "story", "gift"]
    assert all(set(row) == set(rows[0]) for row in rows)
    assert rows[0]["is_control"]
    assert rows[0]["difference"] is None
    assert rows[1]["difference"] == pytest.approx(0.03)
    assert rows[1]["status"] == "winner"
    assert rows[1]["sequential_low"] is not None


def test_rows_of_an_empty_arm_hold_nothing():
    """Where there is no number there is None, never a zero."""
    row = as_rows(compare({"control": (1, 10), "story": (0, 0)}))[1]

    assert row["estimate"] is None
    assert row["low"] is None
    assert row["difference"] is None
