"""The exact account behind a proof: no look can win stake on average from an arm that is no better."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom

from engine.stats.anytime import Race, RacePlan
from engine.stats.lanes import RUNNING, Lanes
from engine.stats.race_plans import RESERVE
from engine.stats.stakes import going_on, law_of, odds_needed, staked


def array(*values):
    return np.array(values, dtype=float)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
@settings(max_examples=60, deadline=None)
def test_the_law_is_hypergeometric(control, arm, data):
    """Given the successes of both, the arm's are as if drawn by chance from the two together."""
    together = data.draw(st.integers(0, control + arm))
    law = law_of(array(control), array(arm), array(together))

    assert law.chances[0] == pytest.approx(hypergeom.pmf(law.successes[0], control + arm, arm, together), abs=1e-12)
    assert law.chances.sum() == pytest.approx(1)


def test_the_law_of_a_large_look_leaves_out_nothing():
    """Half a million people in one look: what is not listed has no chance that a number can hold."""
    law = law_of(array(400_000), array(100_000), array(60_000))

    assert law.chances.shape[1] < 2_500
    assert law.chances[0] == pytest.approx(
        hypergeom.pmf(law.successes[0], 500_000, 100_000, 60_000), rel=1e-6, abs=1e-14
    )


def expected_stake(control, arm, rates, stake, shape_of):
    """The mean stake after a look, over every look that is possible at these rates."""
    s0, s1 = (grid.ravel().astype(float) for grid in np.meshgrid(np.arange(control + 1), np.arange(arm + 1)))
    law = law_of(np.full_like(s0, control), np.full_like(s0, arm), s0 + s1)
    shape = shape_of(law)
    came = np.take_along_axis(shape, (s1 - law.successes[:, 0]).astype(int)[:, None], axis=1)[:, 0]
    after = staked(np.full_like(s0, stake), law, shape, came)
    assert ((after >= 0) & (after <= 1)).all()
    return float((binom.pmf(s0, control, rates[0]) * binom.pmf(s1, arm, rates[1]) * after).sum())


shapes = st.lists(st.floats(1e-6, 10), min_size=1, max_size=40).map(np.cumsum)
tenths = st.sampled_from([0.0, 0.003, 0.05, 0.12, 0.5, 0.9, 1.0])


@given(st.integers(1, 12), st.integers(1, 12), shapes, st.floats(0.0005, 0.9), tenths, tenths)
@settings(max_examples=150, deadline=None)
def test_no_look_wins_stake_from_an_arm_that_is_no_better(control, arm, steps, stake, rate, less):
    """Whatever rising shape is staked on, the mean over every possible look is at most the stake before."""
    rising = lambda law: np.interp(law.successes, np.arange(len(steps)), steps)  # noqa: E731

    assert expected_stake(control, arm, (rate, rate * less), stake, rising) <= stake * (1 + 1e-9)


def test_nothing_is_lost_to_a_look_that_overshoots():
    """With equal rates the mean is the stake itself, even where the shape is cut off at one."""
    steep = lambda law: 3.0 ** (law.successes - law.successes[:, :1])  # noqa: E731

    assert expected_stake(40, 40, (0.3, 0.3), 0.2, steep) == pytest.approx(0.2, rel=1e-9)
    assert expected_stake(40, 40, (0.3, 0.5), 0.2, steep) > 0.4, "a better arm wins stake"


def test_the_odds_needed_are_those_that_fill_the_stake():
    """At the start they are those of Wald's test; where the stake is full they are the odds themselves."""
    begun = 0.0225

    assert float(odds_needed(array(begun), array(1.0), begun)[0]) == pytest.approx(0.12 + 0.88 / begun)
    assert float(odds_needed(array(1.0), array(50.0), begun)[0]) == pytest.approx(50.0)
    assert (np.diff(going_on(np.linspace(0, 100, 500), begun)) > 0).all()


def _played(plan, rates, runs, per_look, looks, seed=1, drift=0.0):
    lanes, random = Lanes.start(plan, runs), np.random.default_rng(seed)
    for look in range(looks):
        contacts = np.where(lanes.active, per_look, 0)
        now = np.clip(np.array(rates) + drift * rates[0] * np.sin(look), 0, 1)
        lanes = lanes.look(plan, contacts.astype(float), random.binomial(contacts, now).astype(float))
        if not (lanes.status == RUNNING).any():
            break
    return lanes


@pytest.mark.parametrize("arms", [2, 4])
def test_false_proofs_stay_below_alpha(arms):
    """No arm is better, the base rate swings by a quarter: at most alpha of the races prove one."""
    lanes = _played(RacePlan(arms, 0.05, 0.2, 0.1), [0.2] * arms, 1000, 25, 60, drift=0.25)

    assert lanes.proven.any(axis=1).mean() <= 0.1 + 2 * (0.1 * 0.9 / 1000) ** 0.5
    assert lanes.proven.any(axis=1).mean() > 0.02, "a race that never proves anything keeps no promise worth having"


def test_all_of_alpha_but_the_reserve_is_staked():
    """Stakes begin at nine tenths of alpha, in equal parts."""
    for arms in (2, 3, 8):
        plan = RacePlan(arms, 0.01, 0.12)
        assert plan.stake * plan.treated == pytest.approx(plan.alpha * (1 - RESERVE))


def test_a_dropped_arm_leaves_its_stake_to_the_others():
    """What an arm has left when it is dropped goes to who is still open, and no stake is made from nothing."""
    plan = RacePlan(3, 0.02, 0.12)
    before = Race.start(plan).look(contacts=(600, 600, 600), successes=(72, 80, 72))
    after = before.look(contacts=(1100, 1100, 1100), successes=(132, 145, 110))
    alone = before.look(contacts=(1100, 1100, 600), successes=(132, 145, 72))

    assert after.dropped == (False, False, True)
    assert after.stakes[1] > alone.stakes[1]
    assert after.stakes[1] == pytest.approx(alone.stakes[1] + after.stakes[2])


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0, 0.4), st.floats(0, 0.4)), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_race_goes_on_from_what_was_kept(looks):
    """A race written as JSON and read back goes on exactly as the one that was never written."""
    import json

    race = Race.start(RacePlan(3, 0.02, 0.12))
    contacts, successes = np.zeros(3), np.zeros(3)
    for people, one, other in looks:
        contacts = contacts + people
        successes = successes + np.floor(people * np.array([0.12, one, other]))
        kept = Race.from_json(json.loads(json.dumps(race.as_json())))
        race, again = (each.look(contacts=contacts, successes=successes) for each in (race, kept))

        assert again.as_json() == race.as_json()
        assert again.active == race.active


def test_a_race_of_another_release_is_refused():
    """What was kept by a release that kept other things is told, never misread."""
    kept = Race.start(RacePlan(2, 0.02, 0.12)).as_json()
    del kept["lanes"]["stakes"]

    with pytest.raises(ValueError, match="as this release keeps it"):
        Race.from_json(kept)


def test_a_race_kept_in_another_shape_is_refused():
    """Numbers that stand elsewhere than this release keeps them are told, never misread."""
    kept = Race.start(RacePlan(3, 0.02, 0.12)).as_json()
    kept["lanes"]["logs"] = np.array(kept["lanes"]["logs"]).T.tolist()

    with pytest.raises(ValueError, match="logs must have the shape"):
        Race.from_json(kept)


@given(st.integers(2, 4), st.integers(0, 2**31), st.sampled_from([None, 4000]))
@settings(max_examples=25, deadline=None)
def test_many_lanes_are_as_many_races(arms, seed, deadline):
    """Races side by side come to what each comes to alone."""
    plan, random = RacePlan(arms, 0.03, 0.12, deadline=deadline), np.random.default_rng(seed)
    lanes, races = Lanes.start(plan, 5), [Race.start(plan)] * 5
    contacts, successes = np.zeros((5, arms)), np.zeros((5, arms))
    for _ in range(6):
        new = random.integers(0, 400, (5, arms)) * lanes.active
        won = random.binomial(new, 0.05 + 0.15 * random.random((5, arms)))
        contacts, successes = contacts + new, successes + won
        lanes = lanes.look(plan, new.astype(float), won.astype(float))
        races = [
            race.look(contacts=contacts[lane], successes=successes[lane]) if race.status == "running" else race
            for lane, race in enumerate(races)
        ]
        for lane, race in enumerate(races):
            assert race.active == tuple(lanes.active[lane])
            assert race.stakes[1:] == pytest.approx(lanes.stakes[lane], rel=1e-9)
            assert race.lanes.logs[..., 0] == pytest.approx(lanes.logs[..., lane], rel=1e-9, abs=1e-12)


def test_a_deadline_proves_what_a_last_test_would():
    """At one fixed sample two thirds of the races prove a lift as large as d; without the deadline fewer do."""
    plan = {"arms": 2, "useful_lift": 0.03, "base_rate": 0.12, "max_contacts": 2 * 2_034}
    runs, per_look = 1500, 2_034 // 40
    proven = {
        deadline: _played(RacePlan(**plan, deadline=deadline), [0.12, 0.15], runs, per_look, 60, 3).proven.mean()
        for deadline in (None, 2 * 2_034)
    }

    assert proven[2 * 2_034] > proven[None] + 0.03
    assert proven[2 * 2_034] >= 0.66


def test_a_deadline_keeps_alpha():
    """Without a lift the last reading proves no more than alpha allows."""
    plan = RacePlan(2, 0.03, 0.12, 0.1, max_contacts=2 * 2_034, deadline=2 * 2_034)

    assert _played(plan, [0.12, 0.12], 1500, 2_034 // 40, 60, 5).proven.mean() <= 0.1 + 2 * (0.09 / 1500) ** 0.5


def test_a_race_goes_on_after_its_deadline():
    """Who comes after the last reading still counts: the half of the stake that did not wait goes on."""
    race = Race.start(RacePlan(2, 0.02, 0.12, deadline=2000))
    for look in range(1, 8):
        race = race.look(contacts=(500 * look,) * 2, successes=(60 * look, 75 * look))

    assert (race.status, race.winner) == ("winner", 1)


def test_a_deadline_is_a_number_of_contacts():
    """A deadline of nobody cannot be."""
    with pytest.raises(ValueError, match="deadline"):
        RacePlan(2, 0.02, 0.12, deadline=0)
