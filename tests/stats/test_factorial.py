"""Main effects and interactions from tallies per combination."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stats.factorial import interaction, least_squares
from engine.stats.tallies import Tally
from tests.benchmarks.factorial import errors, make_world, play, regret

# Box, Hunter & Hunter, Statistics for Experimenters (1978), section 10.2: the pilot plant, a 2³ factorial.
# Yields of the runs in standard order of temperature, concentration and catalyst.
PILOT_PLANT = (60, 72, 54, 68, 52, 83, 45, 80)
RUNS = [(a, b, c) for c, b, a in product((0, 1), repeat=3)]


def fitted(values, runs=RUNS, interactions=()):
    return least_squares(runs, [2] * len(runs[0]), [1] * len(runs), values, [v * v for v in values], interactions)


def test_the_published_two_to_the_three_factorial():
    """Temperature +23, concentration -5, catalyst +1.5 and temperature × catalyst 10 (Box, Hunter & Hunter 1978, 10.2).

    Their interaction is half the difference of differences: 10 there is 20 / 2.
    """
    fit = fitted(PILOT_PLANT)
    effects = [fit.effect(factor, 1).value for factor in range(3)]
    assert effects == pytest.approx([23.0, -5.0, 1.5])

    groups = {
        (a, c): Tally.of([PILOT_PLANT[place] for place, run in enumerate(RUNS) if (run[0], run[2]) == (a, c)])
        for a in (0, 1)
        for c in (0, 1)
    }
    together = interaction(groups[1, 1], groups[1, 0], groups[0, 1], groups[0, 0])
    assert together.value / 2 == pytest.approx(10.0)


def test_two_by_two_by_hand():
    """Rates 10 %, 12 %, 13 %, 11 % over 1,000 each: effects ½(2−2) = 0 and ½(3−1) = 1 point, together −4 points."""
    runs, totals = [(0, 0), (1, 0), (0, 1), (1, 1)], [100, 120, 130, 110]
    fit = least_squares(runs, [2, 2], [1000] * 4, totals, totals)
    assert fit.effect(0, 1).value == pytest.approx(0.0, abs=1e-12)
    assert fit.effect(1, 1).value == pytest.approx(0.01)
    tallies = [Tally.of_rate(total, 1000) for total in totals]
    together = interaction(tallies[3], tallies[1], tallies[2], tallies[0])
    error = sum(rate * (1 - rate) / 999 for rate in (0.10, 0.12, 0.13, 0.11)) ** 0.5
    assert together.value == pytest.approx(-0.04)
    assert (together.high - together.low) / 2 == pytest.approx(1.959964 * error)


@given(
    st.lists(st.integers(2, 3), min_size=2, max_size=3),
    st.data(),
)
def test_under_balance_least_squares_is_the_plain_difference(sizes, data):
    """With as many contacts in every combination, an effect is its level's mean minus its reference level's."""
    codes = list(product(*(range(size) for size in sizes)))
    totals = [data.draw(st.integers(0, 50)) for _ in codes]
    fit = least_squares(codes, sizes, [50] * len(codes), totals, totals)
    means = [
        [
            np.mean([t for code, t in zip(codes, totals, strict=True) if code[factor] == level]) / 50
            for level in range(size)
        ]
        for factor, size in enumerate(sizes)
    ]
    place = 0
    for factor, size in enumerate(sizes):
        for level in range(1, size):
            place += 1
            assert fit.coefficients[place] == pytest.approx(means[factor][level] - means[factor][0], abs=1e-9)


def test_an_exclusion_confounds_plain_differences_and_not_least_squares():
    """Where one combination is missing the level's plain mean holds another mixture of the other variable.

    Rates 10 % + 5 (first) + 20 (second); with both excluded the plain difference of the first says −5 points.
    """
    codes, rates = [(0, 0), (1, 0), (0, 1)], [0.10, 0.15, 0.30]
    counts = [1000] * 3
    totals = [rate * 1000 for rate in rates]
    plain = rates[1] - (rates[0] + rates[2]) / 2
    fit = least_squares(codes, [2, 2], counts, totals, totals)
    assert plain == pytest.approx(-0.05)
    assert fit.effect(0, 1).value == pytest.approx(0.05)
    assert fit.predicted([1, 1]).value == pytest.approx(0.35)


def test_ranges_hold_their_level():
    """Over 400 seeded draws of an unbalanced 3 × 2 design the 95 % range holds the true effect in 92 % to 98 %."""
    random = np.random.default_rng(7)
    codes = list(product(range(3), range(2)))
    counts = np.array([400, 250, 300, 150, 500, 200])
    truth = np.array([0.10 + 0.02 * (a == 1) - 0.03 * (a == 2) + 0.04 * b for a, b in codes])
    held = 0
    for _ in range(400):
        totals = random.binomial(counts, truth)
        effect = least_squares(codes, [3, 2], counts, totals, totals).effect(1, 1)
        held += effect.low <= 0.04 <= effect.high
    assert 0.92 <= held / 400 <= 0.98


def test_what_the_contacts_cannot_tell_is_none():
    """A level that nobody drew, levels that always come together, and numbers that never vary have no estimate."""
    lonely = least_squares([(0, 0), (0, 1)], [2, 2], [50, 50], [5, 9], [5, 9])
    assert lonely.effect(0, 1) is None
    assert lonely.effect(1, 1) is not None
    twins = least_squares([(0, 0), (1, 1)], [2, 2], [50, 50], [5, 9], [5, 9])
    assert twins.effect(0, 1) is None
    assert twins.predicted([1, 1]) is not None
    still = least_squares([(0,), (1,)], [2], [50, 50], [50, 50], [50, 50])
    assert still.effect(0, 1) is None
    nobody = Tally(0, 0, 0)
    assert interaction(nobody, nobody, nobody, nobody) is None
    alike = Tally.of_rate(9, 9)
    assert interaction(alike, alike, alike, alike) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"counts": [1]}, "counts must be 2"),
        ({"totals": [1, 2, 3]}, "totals must be 2"),
        ({"counts": [-1, 2]}, "counts must not be negative"),
        ({"codes": [(0,), (2,)]}, "codes must name a level"),
    ],
)
def test_what_cannot_be_asked_names_the_argument(changed, said):
    """Shapes that do not match and levels that are not there are refused."""
    sound = {"codes": [(0,), (1,)], "levels": [2], "counts": [5, 5], "totals": [1, 2], "squares": [1, 2]}
    with pytest.raises(ValueError, match=said):
        least_squares(**(sound | changed))


def test_a_pair_that_gets_a_term_of_its_own_is_no_part_of_the_sum():
    """With the interaction fitted the prediction of the pair is its own mean."""
    runs, totals = [(0, 0), (1, 0), (0, 1), (1, 1)], [100, 120, 130, 110]
    fit = least_squares(runs, [2, 2], [1000] * 4, totals, totals, [((0, 1), (1, 1))])
    assert fit.predicted([1, 1]).value == pytest.approx(0.11)
    assert fit.predicted([1, 1], lift=True).value == pytest.approx(0.01)


def test_a_fifth_of_the_calls_lose_no_more():
    """9,000 calls that inform every variable choose as well as 45,000 that change one variable at a time (seeded)."""
    random = np.random.default_rng(11)
    apart = regret(random, 0.02, 45_000, crossed=False, runs=60)
    crossed = regret(random, 0.02, 9_000, crossed=True, runs=60)
    assert crossed < 1.25 * apart
    assert crossed < 0.01


def test_every_variable_of_a_round_is_decided_by_its_own_race():
    """With three levels better by 4 points where 2 are looked for, all three are found and nothing else (seeded)."""
    random = np.random.default_rng(2)
    done = play(make_world(random, 0.04, 3), random, 0.02, 1000, 40_000, follows=True)
    assert (done["decided"], done["found"], done["false"]) == (8, 3, 0)


@pytest.mark.slow
def test_false_winners_keep_the_promise_of_the_whole_round():
    """Among 16 levels of eight variables, none of which is better, hardly a round of 40 has a winner (seeded)."""
    found = errors(4, (40, 10))
    assert all(rate <= 0.1 for rate in found.values())
