"""Winners become the control, undecided arms stay, losers go."""

import pytest

from engine.core.rounds import COMBINATION, confirming_name, confirming_round, next_name, next_round
from engine.errors import NotNow
from tests.core.makers import make_experiment

ARMS = {
    "gift": {"script": "gift-first"}, "story": {"script": "story"}, "short": {"sms": "link-short"},
    "box": {"incentive": "gift-box"}, "evening": {"timing": {"window": "16:00-20:00"}},
}  # fmt: skip
CONTROL = {"script": "classic", "sms": "link", "incentive": "coupon-20"}
OFFERS = {"coupon-20": {"says": "二十元券", "cost": 20}, "gift-box": {"says": "礼盒", "cost": 18}}
STATUSES = {"gift": "winner", "story": "winner", "short": "not_enough_people", "box": "loser", "evening": "leaning"}
LIFTS = {"gift": 0.05, "story": 0.03, "short": 0.004, "box": -0.03, "evening": 0.012}


def first_round(**values):
    return make_experiment(
        **{"experiment": "poc-round-1", "control": CONTROL, "arms": ARMS, "incentives": OFFERS} | values
    )


def test_the_next_round_carries_the_winner_and_keeps_what_is_open():
    """Of two winning scripts the better one becomes the control; decided arms go; what is unused goes."""
    made = next_round(first_round(), STATUSES, LIFTS, "poc-round-2")
    assert made.control.script == "gift-first"
    assert sorted(made.arms) == ["evening", "short"]
    assert (made.follows, made.confirms, list(made.incentives)) == ("poc-round-1", None, ["coupon-20"])


def test_a_round_in_which_everything_is_decided_has_no_next_but_the_confirming_one():
    """The error says what is left to do."""
    with pytest.raises(NotNow, match="confirming round"):
        next_round(first_round(), dict.fromkeys(ARMS, "loser") | {"gift": "winner"}, LIFTS, "poc-round-2")
    with pytest.raises(NotNow, match="something bolder"):
        next_round(first_round(), dict.fromkeys(ARMS, "loser"), LIFTS, "poc-round-2")


def test_the_confirming_round_sets_all_that_was_learned_against_the_first_control():
    """Two rounds, one winner each: the combination changes both variables at once."""
    one = first_round()
    two = next_round(one, STATUSES, LIFTS, "poc-round-2")
    made = confirming_round([one, two], {"short": "winner"}, {"short": 0.03}, "poc-confirm")
    assert made.control == one.control
    assert made.arms == {COMBINATION: {"script": "gift-first", "sms": "link-short"}}
    assert made.confirms == "poc-round-2"


def test_nothing_learned_is_nothing_to_confirm():
    """No winner in any round."""
    with pytest.raises(NotNow, match="nothing to confirm"):
        confirming_round([first_round()], {}, {}, "poc-confirm")


def test_the_planted_population_follows_the_control():
    """A simulated control that took a winner converts better by the winner's effect; effects are against it."""
    truth = {"gift": "5pt", "story": "3pt", "short": "3pt", "evening": "0pt"}
    one = first_round(truth=truth, settings={"conversion": "12%"})
    two = next_round(one, STATUSES | {"story": "leaning"}, LIFTS, "poc-round-2")
    assert two.settings["conversion"] == "17%"
    assert two.truth == {"story": "-2pt", "short": "3pt", "evening": "0pt"}
    last = confirming_round([one, two], {"short": "winner"}, {"short": 0.03}, "poc-confirm")
    assert last.truth == {COMBINATION: "8pt"}
    assert last.settings["conversion"] == "12%"


@pytest.mark.parametrize(
    ("name", "after", "confirming"),
    [
        ("poc-round-1", "poc-round-2", "poc-confirm"),
        ("poc-round-9", "poc-round-10", "poc-confirm"),
        ("gift", "gift-round-2", "gift-confirm"),
        ("gift-2026-11", "gift-2026-11-round-2", "gift-2026-11-confirm"),
    ],
)
def test_rounds_are_named_after_the_one_before(name, after, confirming):
    """A date at the end is a date, not a number."""
    assert (next_name(name), confirming_name(name)) == (after, confirming)
