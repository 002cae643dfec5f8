"""The race of two odds: the reference vectors, and that its decisions, ranges and p-values agree."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.anytime import Race, RacePlan, harm_odds, relative_harm_odds


def make_race(arms=2, useful_lift=0.01, base_rate=0.12, **plan):
    return Race.start(RacePlan(arms=arms, useful_lift=useful_lift, base_rate=base_rate, **plan))


def run(race, *looks):
    for contacts, successes in looks:
        race = race.look(contacts=contacts, successes=successes)
    return race


CASES = {
    "A": (
        {"useful_lift": 0.01, "base_rate": 0.12},
        [
            ((500, 500), (60, 75), (1.811743,), (0.483218,), "running"),
            ((1500, 1500), (180, 225), (7.529099,), (0.150311,), "running"),
            ((3000, 3000), (360, 450), (87.836489,), (0.029270,), "winner"),
        ],
    ),
    "B": (
        {"useful_lift": 0.01, "base_rate": 0.10},
        [
            ((1000, 1000), (121, 118), (0.387578,), (1.419040,), "running"),
            ((4000, 4000), (480, 478), (0.184830,), (2.505517,), "running"),
            ((9000, 9000), (1080, 1070), (0.038353,), (11.515431,), "no_useful_difference"),
        ],
    ),
    "C": (
        {"arms": 4, "useful_lift": 0.02, "base_rate": 0.12},
        [
            (
                (600, 600, 600, 600),
                (72, 90, 70, 60),
                (2.099539, 0.286931, 0.113710),
                (0.247873, 2.014696, 6.825307),
                "running",
            ),
            (
                (1800, 1800, 1800, 600),
                (216, 276, 212, 60),
                (28.327125, 0.077327, 0.113710),
                (0.013003, 6.935243, 6.825307),
                "running",
            ),
            (
                (3000, 3000, 1800, 600),
                (360, 468, 212, 60),
                (685.885467, 0.077327, 0.113710),
                (0.000466, 6.935243, 6.825307),
                "winner",
            ),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_odds_are_the_reference_ones(case):
    """Odds for and against are the reference vectors to six digits, look by look."""
    plan, looks = CASES[case]
    race = make_race(**plan)
    for contacts, successes, odds_for, odds_against, status in looks:
        race = race.look(contacts=contacts, successes=successes)
        assert race.odds_for[1:] == pytest.approx(odds_for, abs=1e-6)
        assert race.odds_against[1:] == pytest.approx(odds_against, abs=1e-6)
        assert race.status == status
    assert math.isnan(race.odds_for[0])
    assert math.isnan(race.odds_against[0])


def test_useless_arms_are_dropped_one_by_one():
    """In the reference race arm 3 goes first, then arm 2, and arm 1 wins."""
    plan, looks = CASES["C"]
    dropped = []
    race = make_race(**plan)
    for contacts, successes, *_ in looks:
        race = race.look(contacts=contacts, successes=successes)
        dropped.append(race.dropped)

    assert dropped[0] == (False, False, False, True)
    assert dropped[1] == dropped[2] == (False, False, True, True)
    assert race.winner == 1
    assert race.proven == (False, True, False, False)


def test_a_decision_stands():
    """Once a race is over, later counts change nothing, and no arm deserves contacts."""
    plan, looks = CASES["A"]
    race = run(make_race(**plan), *(look[:2] for look in looks))

    assert race.look(contacts=(9000, 9000), successes=(1080, 0)) is race
    assert race.active == (False, False)


def test_what_a_dropped_arm_gathers_later_is_left_out():
    """A dropped arm's late counts change neither its odds nor anyone's."""
    plan, looks = CASES["C"]
    first = run(make_race(**plan), looks[0][:2])
    still = first.look(contacts=(1800, 1800, 1800, 600), successes=(216, 276, 212, 60))
    late = first.look(contacts=(1800, 1800, 1800, 900), successes=(216, 276, 212, 200))

    assert late.odds_for[1:] == still.odds_for[1:]
    assert late.odds_against[1:] == still.odds_against[1:]


def test_the_control_retires_when_every_survivor_is_proven():
    """Two arms that both beat the control go on between themselves until one is left."""
    race = run(make_race(3, 0.02), ((3000,) * 3, (360, 600, 606)))
    assert race.proven == (False, True, True)
    assert race.active == (False, True, True)
    assert race.status == "running"

    race = race.look(contacts=(3000, 40_000, 40_000), successes=(360, 8000, 8800))
    assert race.status == "winner"
    assert race.winner == 2
    assert race.dropped == (False, True, False)


def test_equal_arms_do_not_drop_each_other():
    """Two equally good arms are no reason to lose both: the higher of the two stays."""
    race = run(make_race(3, 0.02), ((3000,) * 3, (360, 600, 600)), ((3000, 60_000, 60_000), (360, 12_000, 12_010)))

    assert race.winner == 2


def test_a_roster_that_ends_gives_the_best_proven_arm_or_none():
    """At the plan's end a proven arm wins even beside another; without one the race is undecided."""
    proven = run(make_race(3, 0.02, max_contacts=9000), ((3000,) * 3, (360, 600, 606)))
    open_end = run(make_race(3, 0.02, max_contacts=9000), ((3000,) * 3, (360, 375, 390)))

    assert (proven.status, proven.winner) == ("winner", 2)
    assert (open_end.status, open_end.winner) == ("out_of_contacts", None)
    assert open_end.leading == 2


def test_leading_is_no_claim():
    """Nobody leads who is not above the control."""
    assert run(make_race(), ((500, 500), (60, 59))).leading is None
    assert make_race().leading is None


looks = st.lists(
    st.tuples(*(st.integers(0, 800).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))) for _ in range(3))),
    min_size=1,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(looks, st.sampled_from([0.005, 0.02, 0.3]), st.sampled_from([0.001, 0.12, 0.7]))
def test_ranges_p_values_and_decisions_never_disagree(increments, useful_lift, base_rate):
    """An arm is proven exactly when its range lies above zero and its p-value is at most 2α; all is finite."""
    race, contacts, successes = make_race(3, useful_lift, base_rate), [0] * 3, [0] * 3
    for increment in increments:
        contacts = [count + n for count, (n, _) in zip(contacts, increment, strict=True)]
        successes = [count + s for count, (_, s) in zip(successes, increment, strict=True)]
        race = race.look(contacts=contacts, successes=successes)
        ranges, p_values = race.intervals(), race.p_values
        for arm in (1, 2):
            low, high = ranges[arm]
            assert -1 <= low <= high <= 1
            assert race.proven[arm] == (p_values[arm] <= 0.05)
            assert race.proven[arm] == (low > 0)
            assert 0 <= race.odds_for[arm] <= 1e300
            assert 0 <= race.odds_against[arm] <= 1e300


def test_ranges_narrow_and_hold_the_truth():
    """The anytime range only ever narrows, and starts as everything."""
    race = make_race()
    assert race.intervals()[1] == (-1.0, 1.0)
    widths = []
    for look in range(1, 8):
        race = race.look(contacts=(2000 * look,) * 2, successes=(240 * look, 252 * look))
        low, high = race.intervals()[1]
        widths.append(high - low)
        assert low < 0.006 < high
    assert widths == sorted(widths, reverse=True)


@settings(max_examples=20, deadline=None)
@given(st.permutations([1, 2, 3]))
def test_the_order_of_arms_does_not_matter(order):
    """Arms that change places take their odds with them."""
    plan, looks = CASES["C"]
    places = [0, *order]
    contacts, successes = looks[0][:2]
    straight = run(make_race(**plan), (contacts, successes))
    moved = run(make_race(**plan), ([contacts[p] for p in places], [successes[p] for p in places]))

    assert moved.odds_for[1:] == pytest.approx([straight.odds_for[p] for p in places[1:]])
    assert moved.dropped == tuple(straight.dropped[p] for p in places)


@pytest.mark.parametrize(
    ("complaints", "contacts", "odds"),
    [(0, 3000, 0.243026), (1, 3000, 0.894944), (3, 3000, 30.599621), (5, 3000, 3425.722), (9, 45000, 0.971630)],
)
def test_harm_odds_are_the_reference_ones(complaints, contacts, odds):
    """At a limit of one in ten thousand."""
    assert harm_odds(complaints, contacts, 1e-4) == pytest.approx(odds, rel=2e-6)


def test_relative_harm_odds_are_the_reference_ones():
    """Three complaints against none, and five against one, at equal shares."""
    assert relative_harm_odds(3, 0) == pytest.approx(5.266309, abs=1e-6)
    assert relative_harm_odds(5, 1) == pytest.approx(3.221254, abs=1e-6)


def test_harm_is_a_fair_game():
    """At the limit, or when both arms complain alike, the odds' expectation is one."""
    chances = [math.comb(30, y) * 0.02**y * 0.98 ** (30 - y) for y in range(31)]
    halves = [math.comb(8, y) * 0.3**y * 0.7 ** (8 - y) for y in range(9)]

    assert math.fsum(p * harm_odds(y, 30, 0.02) for y, p in enumerate(chances)) == pytest.approx(1)
    assert math.fsum(p * relative_harm_odds(y, 8 - y, 0.3) for y, p in enumerate(halves)) == pytest.approx(1)
    assert harm_odds(0, 0, 1e-4) == 1.0
    assert harm_odds(5000, 5000, 1e-4) == 1e300


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: RacePlan(1, 0.01, 0.1), "arms"),
        (lambda: RacePlan(2, 0, 0.1), "useful_lift"),
        (lambda: RacePlan(2, 0.01, 1.0), "base_rate"),
        (lambda: RacePlan(2, 0.01, 0.1, alpha=0), "alpha"),
        (lambda: RacePlan(2, 0.01, 0.1, power=1), "power"),
        (lambda: RacePlan(2, 0.01, 0.1, max_contacts=0), "max_contacts"),
        (lambda: make_race().look(contacts=(1, 2, 3), successes=(0, 0)), "contacts"),
        (lambda: make_race().look(contacts=(1, 2), successes=(0, -1)), r"successes\[1\]"),
        (lambda: make_race().look(contacts=(1, 2), successes=(0, 3)), r"successes\[1\]"),
        (lambda: run(make_race(), ((5, 5), (1, 1)), ((4, 5), (1, 1))), r"contacts\[0\]"),
        (lambda: run(make_race(), ((5, 5), (1, 1)), ((5, 6), (1, 0))), r"successes\[1\]"),
        (lambda: harm_odds(3, 2, 1e-4), "complaints"),
        (lambda: harm_odds(1, 2, 0.5), "limit"),
        (lambda: relative_harm_odds(-1, 2), "complaints"),
        (lambda: relative_harm_odds(1, -2), "control_complaints"),
        (lambda: relative_harm_odds(1, 2, 1.0), "share"),
    ],
)
def test_impossible_looks_are_refused(call, named):
    """Counts that cannot be, or that go backwards, are refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()
