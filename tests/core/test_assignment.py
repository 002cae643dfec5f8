"""Law 3 and law 6: a contact keeps its arm, and arms are dealt evenly in blocks."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.assignment import BLOCK_LIMIT, arm_at, block_of, deal, order

keys = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=120)


@st.composite
def shares(draw: st.DrawFn) -> dict[str, float]:
    weights = draw(st.lists(st.integers(1, 20), min_size=2, max_size=15))
    return {f"arm-{n}": weight / sum(weights) for n, weight in enumerate(weights)}


@given(shares(), keys, st.sampled_from(["", "north", "south"]))
def test_at_every_moment_of_the_deal_the_counts_are_within_a_block_of_the_shares(shares, keys, stratum):
    """However many contacts have come, no arm is further from its share than one block."""
    block = block_of(shares)
    counts: Counter[str] = Counter()
    for number, assignment in enumerate(deal("x", shares, [(key, stratum) for key in keys], {}), start=1):
        counts[assignment.arm] += 1
        for arm in shares:
            expected = number * block.count(arm) / len(block)
            assert abs(counts[arm] - expected) <= len(block)


@given(shares(), st.integers(0, 5), st.sampled_from(["", "north"]))
def test_every_whole_block_has_each_arm_as_often_as_its_share_says(shares, number, stratum):
    """A permuted block is a permutation."""
    block = block_of(shares)
    drawn = [arm_at("x", stratum, number * len(block) + place, block) for place in range(len(block))]
    assert Counter(drawn) == Counter(block)


@given(shares(), keys, st.data())
def test_late_arrivals_continue_the_blocks(shares, keys, data):
    """Who comes later is dealt where the last deal stopped: the arms in order are the same sequence."""
    cut = data.draw(st.integers(0, len(keys)))
    dealt: dict[str, int] = {}
    early = list(deal("x", shares, [(key, "") for key in keys[:cut]], dealt))
    late = list(deal("x", shares, [(key, "") for key in keys[cut:]], dealt))
    places = [assignment.place for assignment in early + late]
    block = block_of(shares)

    assert places == list(range(len(keys)))
    assert [one.arm for one in early + late] == [arm_at("x", "", place, block) for place in places]


@given(keys)
def test_the_order_of_the_file_changes_nothing(keys):
    """Contacts stand in the order of a salted hash of their keys, however the file lists them."""
    there = {one.contact: one.arm for one in deal("x", {"a": 0.5, "b": 0.5}, [(key, "") for key in keys], {})}
    back = {one.contact: one.arm for one in deal("x", {"a": 0.5, "b": 0.5}, [(key, "") for key in keys[::-1]], {})}
    assert there == back


def test_two_experiments_split_one_roster_independently():
    """The experiment's name is the salt: of those with arm a in one, half have arm a in the other."""
    people = [(f"C{number}", "") for number in range(4000)]
    first = {one.contact for one in deal("one", {"a": 0.5, "b": 0.5}, people, {}) if one.arm == "a"}
    second = {one.contact for one in deal("two", {"a": 0.5, "b": 0.5}, people, {}) if one.arm == "a"}
    assert 900 < len(first & second) < 1100


@pytest.mark.parametrize(
    ("shares", "size"),
    [
        ({"a": 0.5, "b": 0.5}, 2),
        ({"a": 0.34, "b": 0.33, "c": 0.33}, 100),
        ({f"arm-{n}": 1 / 15 for n in range(15)}, 15),
        ({"a": 0.475, "b": 0.475, "holdout": 0.05}, 40),
    ],
)
def test_a_block_is_as_small_as_its_shares_allow(shares, size):
    """Small blocks keep the arms side by side."""
    assert len(block_of(shares)) == size


@given(shares())
def test_a_block_honors_the_shares(shares):
    """No arm's place in the block is further from its share than half a place of the largest block."""
    block = block_of(shares)
    assert len(block) <= BLOCK_LIMIT
    assert all(
        abs(block.count(arm) / len(block) - share) <= 0.5 / BLOCK_LIMIT * len(shares) for arm, share in shares.items()
    )


def test_the_deal_is_the_same_on_every_machine():
    """These arms were dealt once and are dealt for ever."""
    dealt = list(deal("gift-first", {"control": 0.5, "gift": 0.5}, [(f"C{n}", "") for n in range(8)], {}))
    assert [(one.contact, one.arm) for one in dealt] == EXPECTED
    assert order("gift-first", "C0") == FIRST_ORDER


EXPECTED = [
    ("C4", "gift"),
    ("C5", "control"),
    ("C3", "control"),
    ("C6", "gift"),
    ("C7", "gift"),
    ("C1", "control"),
    ("C0", "control"),
    ("C2", "gift"),
]
FIRST_ORDER = 11610518586191874501
