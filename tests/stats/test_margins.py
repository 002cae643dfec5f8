"""Not worse by a margin: the guarantee by enumeration, what is told apart, and the error rates by simulation."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.increments import grown
from engine.stats.margins import Margins

KINDS = [("lower", False, 0.02), ("higher", False, 0.02), ("lower", True, 0.2), ("higher", True, 0.2)]


def chances(contacts, rate):
    return [math.comb(contacts, x) * rate**x * (1 - rate) ** (contacts - x) for x in range(contacts + 1)]


def expectation(start, past, sizes, rates):
    """The expected factor by which one look multiplies the odds *worse* and *within*, over every possible look."""
    before = start.look(past) if past else start
    weights = chances(sizes[0], rates[0]), chances(sizes[1], rates[1])
    known = past or [(0, 0), (0, 0)]
    was = (before.odds_worse[0], before.odds_within[0]) if past else (1.0, 1.0)
    sums = [0.0, 0.0]
    for (x0, p0), (x1, p1) in product(enumerate(weights[0]), enumerate(weights[1])):
        after = before.look([(known[0][0] + x0, known[0][1] + sizes[0]), (known[1][0] + x1, known[1][1] + sizes[1])])
        sums[0] += p0 * p1 * after.odds_worse[0] / was[0]
        sums[1] += p0 * p1 * after.odds_within[0] / was[1]
    return sums


def harmed(better, relative, control, margin):
    """The arm's rate that is worse than the control's by exactly so much."""
    change = margin * control if relative else margin
    return control + change if better == "lower" else control - change


@pytest.mark.parametrize(("better", "relative", "margin"), KINDS)
@pytest.mark.parametrize("past", [None, [(40, 300), (30, 200)]])
@pytest.mark.parametrize("sizes", [(1, 1), (6, 4)])
def test_neither_odds_grow_under_their_null(better, relative, margin, past, sizes):
    """Whatever the rates: not worse by the margin, *worse* does not grow on average; worse by it, *within* does not."""
    start = Margins(margin, better, relative)
    for control in (0.03, 0.12, 0.5, 0.8):
        for times in (-1.0, 0.0, 0.5, 1.0):
            rate = harmed(better, relative, control, times * margin)
            assert expectation(start, past, sizes, (control, rate))[0] <= 1 + 1e-9
        for times in (1.0, 1.5):
            rate = min(1.0, max(0.0, harmed(better, relative, control, times * margin)))
            assert expectation(start, past, sizes, (control, rate))[1] <= 1 + 1e-9


@pytest.mark.parametrize(
    ("relative", "margin", "successes", "found"),
    [
        (False, 0.01, 300, "worse"), (False, 0.01, 40, "within"), (False, 0.01, 95, ""),
        (True, 0.5, 300, "worse"), (True, 0.5, 40, "within"), (True, 0.5, 90, ""),
    ],
)  # fmt: skip
def test_a_margin_tells_much_harm_from_none(relative, margin, successes, found):
    """2 % against 10 % is worse by more than a point, 1.3 % is not, and 3.2 % is not clear at 3,000 people."""
    odds = Margins(margin, "lower", relative).look([(60, 3000), (successes, 3000)])

    assert (odds.odds_worse[0] >= 100) == (found == "worse")
    assert (odds.odds_within[0] >= 20) == (found == "within")


def test_more_is_better_or_less_is_better():
    """A loss of conversions is harm as a gain of opt-outs is."""
    fewer = Margins(0.01, "higher").look([(360, 3000), (210, 3000)])
    more = Margins(0.01, "higher").look([(360, 3000), (510, 3000)])

    assert fewer.odds_worse[0] > 100
    assert fewer.odds_within[0] < 1
    assert more.odds_within[0] > 20
    assert more.odds_worse[0] < 1


def play(rates, margin, better, relative, runs, looks=200, size=50):
    """How often an arm, of as many as there are runs, ever fails and ever passes over many looks."""
    random = np.random.default_rng(11)
    start = Margins(margin, better, relative)
    control = random.binomial(size * runs // 10, rates[0], looks).cumsum()
    drawn = random.binomial(size, rates[1], (runs, looks)).cumsum(axis=1)
    failed, passed = np.zeros(runs, bool), np.zeros(runs, bool)
    state = start
    for look in range(looks):
        people = size * (look + 1)
        arms = [(float(one), people) for one in drawn[:, look]]
        state = state.look([(float(control[look]), people * runs // 10), *arms])
        failed |= np.array(state.odds_worse) >= 100
        passed |= np.array(state.best_within) >= 20
    return failed.mean(), passed.mean()


@pytest.mark.parametrize(("better", "relative", "margin"), KINDS)
def test_false_alarms_stay_rare_over_two_hundred_looks(better, relative, margin):
    """At the margin itself, the worst of either null, at most 1 in 100 arms fails and 1 in 20 passes wrongly."""
    runs, control = 300, 0.12
    failed, passed = play((control, harmed(better, relative, control, margin)), margin, better, relative, runs)

    assert failed <= 0.01 + 3 * math.sqrt(0.01 * 0.99 / runs)
    assert passed <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)


def test_what_is_harmful_fails_and_what_is_harmless_passes():
    """Five margins of harm fail nearly always within 10,000 people, none passes so."""
    assert play((0.12, 0.22), 0.02, "lower", False, 100)[0] > 0.95
    assert play((0.12, 0.12), 0.02, "lower", False, 100)[1] > 0.95


counts = st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(counts, min_size=4, max_size=4), min_size=1, max_size=4), st.permutations([1, 2, 3]))
def test_the_order_of_arms_does_not_matter(looks, order):
    """Arms in another order have the same odds each, whatever is counted, and every number is finite."""
    one = other = Margins(0.02, "lower")
    for look in looks:
        one, other = one.look(look), other.look([look[0], *(look[place] for place in order)])

    for odds in (lambda state: state.odds_worse, lambda state: state.best_within):
        assert [odds(one)[place - 1] for place in order] == pytest.approx(odds(other), rel=1e-9)
        assert all(math.isfinite(value) for value in odds(one))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(counts, min_size=2, max_size=2), min_size=1, max_size=5))
def test_late_reports_never_bring_impossible_counts(looks):
    """Counts that shrink, or successes of people who were counted before, are held back."""
    before = ((0.0, 0.0), (0.0, 0.0))
    for look in looks:
        now = grown(before, look)
        for (won, people), (successes, contacts) in zip(before, now, strict=True):
            assert 0 <= successes - won <= contacts - people
        before = now


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Margins(0.0, "lower"), "margin"),
        (lambda: Margins(1.0, "lower"), "margin"),
        (lambda: Margins(1.0, "higher", True), "margin"),
        (lambda: Margins(0.1, "lower").look([(1, 2)]), "counts"),
        (lambda: Margins(0.1, "lower").look([(1, 2), (1, 2)]).look([(1, 2)]), "counts|now"),
        (lambda: Margins(0.1, "lower").look([(-1, 2), (1, 2)]), "successes"),
    ],
)
def test_impossible_margins_and_counts_are_named(call, named):
    """What cannot be is refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()
