"""The deal of a factorial round: every contact draws one level of every variable, balanced at every moment."""

from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.combinations import CONTROL, arms_of, combined
from engine.core.experiments import HOLDOUT, Experiment
from engine.core.factorial import (
    allowed,
    comparable,
    deal_combinations,
    decks,
    drawn_of,
    one_variable,
    options,
    shares_compared,
    shares_dealt,
    ties,
)
from engine.core.treatments import changed_variables
from tests.core.makers import make_experiment

ARMS: dict[str, dict[str, Any]] = {
    "gift": {"script": "gift-first"}, "story": {"script": "story"}, "calm": {"voice": "calm-male"},
    "box": {"incentive": "gift-box"}, "points": {"incentive": "points-200"},
}  # fmt: skip
BARRED = [{"script": "story", "incentive": "box"}]


def make_round(**values: Any) -> Experiment:
    """A factorial round of three variables."""
    offers = {"gift-box": {"says": "a box"}, "points-200": {"says": "points"}}
    sound = {"arms": ARMS, "design": "factorial", "incentives": offers, "decision": {"method": "sequential"}}
    return make_experiment(**(sound | values))


def dealt(experiment: Experiment, people: int, stratum: str = "", first: int = 0) -> list[str]:
    """The combinations of so many contacts, in the order of the deal."""
    keys = [(f"C{number}", stratum) for number in range(first, first + people)]
    return [one.arm for one in deal_combinations(experiment, keys, {})]


@given(
    st.lists(st.integers(1, 3), min_size=2, max_size=4),
    st.integers(1, 150),
    st.text("abc", min_size=1, max_size=3),
    st.sampled_from(["", "lapsed"]),
)
def test_every_variable_is_balanced_at_every_moment(sizes: list[int], people: int, name: str, stratum: str) -> None:
    """Whatever the other variables do, a variable's levels differ by at most one block from equal at every prefix."""
    words = ("script", "voice", "sms", "caller_id")
    arms = {f"{word}-{level}".replace("_", "-"): {word: f"x{level}"} for word, size in zip(words, sizes, strict=False)
            for level in range(size)}  # fmt: skip
    experiment = make_experiment(experiment=name, arms=arms, design="factorial", decision={"method": "sequential"})
    drawn = [drawn_of(experiment, arms_of(arm)) for arm in dealt(experiment, people, stratum)]
    for variable in experiment.levels:
        known = options(experiment, variable)
        seen: Counter[str] = Counter()
        for one in drawn:
            seen[one[variable]] += 1
            assert max(seen[level] for level in known) - min(seen[level] for level in known) <= 1


@given(st.integers(1, 120), st.integers(0, 120), st.permutations(range(8)))
def test_the_deal_is_a_function_of_names_and_late_arrivals_continue_it(
    people: int, late: int, order: list[int]
) -> None:
    """The same contacts in any order draw the same combinations; who comes later stands at the places that follow."""
    experiment = make_round()
    keys = [(f"C{number}", "") for number in range(people)]
    counted: dict[str, int] = {}
    one = list(deal_combinations(experiment, keys, counted))
    again = list(deal_combinations(experiment, sorted(keys, key=lambda key: order[len(key[0]) % 8]), {}))
    assert one == again
    others = list(deal_combinations(experiment, [(f"L{number}", "") for number in range(late)], counted))
    assert [each.place for each in one + others] == list(range(people + late))
    whole = [each.arm for each in one + others]
    seen = Counter(drawn_of(experiment, arms_of(arm))["script"] for arm in whole)
    assert max(seen.values()) - min(seen.get(level, 0) for level in options(experiment, "script")) <= 1


def test_variables_are_independent_of_one_another() -> None:
    """Every pair of levels of two variables meets about as often as every other."""
    experiment = make_round()
    drawn = [drawn_of(experiment, arms_of(arm)) for arm in dealt(experiment, 7200)]
    for one, other in combinations(experiment.levels, 2):
        pairs = Counter((each[one], each[other]) for each in drawn)
        due = 7200 / len(options(experiment, one)) / len(options(experiment, other))
        assert all(abs(count - due) < 4 * due**0.5 for count in pairs.values())
        assert len(pairs) == len(options(experiment, one)) * len(options(experiment, other))


def test_another_round_deals_other_combinations() -> None:
    """The experiment's name salts the deal, so that two rounds over one roster are independent."""
    one, other = (dealt(make_round(experiment=name), 600) for name in ("a", "b"))
    assert sum(x == y for x, y in zip(one, other, strict=True)) < 100


def test_an_excluded_combination_is_never_dealt_and_two_levels_still_meet_the_same_others() -> None:
    """What an exclusion takes goes to the allowed combinations in proportion, and blocks keep them balanced."""
    experiment = make_round(exclude=BARRED)
    assert ties(experiment) == [("script", "incentive"), ("voice",)]
    drawn = [drawn_of(experiment, arms_of(arm)) for arm in dealt(experiment, 800)]
    assert all(allowed(experiment, each) for each in drawn)
    cells = Counter((each["script"], each["incentive"]) for each in drawn)
    assert len(cells) == 8
    assert set(cells.values()) == {100}
    deck = decks(experiment)[0]
    assert comparable(experiment, deck, "script") == {
        (script, incentive) for script in options(experiment, "script") for incentive in (CONTROL, "points")
    }
    assert shares_compared(experiment, "script") == pytest.approx(dict.fromkeys(options(experiment, "script"), 0.25))
    assert shares_dealt(experiment)["story"] == pytest.approx(0.25)


def test_an_exclusion_may_name_the_control_s_own_level() -> None:
    """`control` in an exclusion is the level that people have today; what nobody changes is at it."""
    experiment = make_round(exclude=[{"script": "control", "incentive": "box"}])
    drawn = [drawn_of(experiment, arms_of(arm)) for arm in dealt(experiment, 400)]
    assert not any(each["script"] == CONTROL and each["incentive"] == "box" for each in drawn)
    assert allowed(experiment, {"script": "gift", "incentive": "box"})


@given(st.integers(1, 200))
def test_the_holdout_takes_nothing_from_the_balance(people: int) -> None:
    """Who is held out draws no combination, and those who are called are balanced all the same."""
    experiment = make_round(audience={"roster": True, "holdout": "20%"})
    arms = dealt(experiment, people)
    assert abs(arms.count(HOLDOUT) - 0.2 * people) <= 1
    called = [drawn_of(experiment, arms_of(arm))["script"] for arm in arms if arm != HOLDOUT]
    seen = Counter(called)
    assert max(seen.values(), default=0) - min(seen.get(level, 0) for level in options(experiment, "script")) <= 1


def test_a_level_that_rests_is_dealt_no_more() -> None:
    """Its variable's other levels take its places, and the other variables notice nothing."""
    experiment = make_round()
    keys = [(f"C{number}", "") for number in range(600)]
    free = [one.arm for one in deal_combinations(experiment, keys, {})]
    rested = [one.arm for one in deal_combinations(experiment, keys, {}, ["gift"])]
    assert not any("gift" in arms_of(arm) for arm in rested)
    scripts = Counter(drawn_of(experiment, arms_of(arm))["script"] for arm in rested)
    assert scripts == {CONTROL: 300, "story": 300}
    others = [[drawn_of(experiment, arms_of(arm))["incentive"] for arm in arms] for arms in (free, rested)]
    assert others[0] == others[1]


def test_a_combination_has_the_treatment_of_its_levels() -> None:
    """A combination's treatment is put together when it is asked for, and listing the arms makes none of them."""
    experiment = make_round()
    name = combined(["gift", "calm", "box"])
    treatment = experiment.treatments[name]
    assert name == "gift+calm+box"
    assert changed_variables(experiment.control, treatment) == ("script", "voice", "incentive")
    assert list(experiment.treatments) == [CONTROL, *ARMS]
    with pytest.raises(KeyError):
        experiment.treatments["gift+nothing"]


def test_alpha_is_split_over_the_levels_of_all_variables() -> None:
    """Each variable has the part of alpha that its levels are of all, so that the parts add up to alpha."""
    experiment = make_round()
    parts = [one_variable(experiment, variable).decision.alpha for variable in experiment.levels]
    assert parts == pytest.approx([0.02, 0.01, 0.02])
    alone = one_variable(experiment, "script")
    assert list(alone.treatments) == [CONTROL, "gift", "story"]
    assert sum(alone.all_shares.values()) == pytest.approx(1)
