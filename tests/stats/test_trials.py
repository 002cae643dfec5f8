"""Whole experiments drawn from stated rates: the promises hold, and the draws are what they say."""

import numpy as np
import pytest

from engine.stats.group import boundaries
from engine.stats.normal import critical
from engine.stats.power import achieved_power, contacts_per_arm
from engine.stats.race_plans import RacePlan
from engine.stats.trials import Truth, look_trials, race_trials

FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


def test_empty_races_keep_their_promise_under_a_drift() -> None:
    """Of races without an effect at most 2.5 % name a winner, though the rate swings by a quarter."""
    fixed = 2 * contacts_per_arm(0.12, 0.02)
    found = race_trials(
        RacePlan(2, 0.02, 0.12), Truth((0.12, 0.12), 0.25), lambda look, living: fixed / 160, fixed, 2000
    )
    assert found.won.mean() <= 0.025
    assert found.nothing.mean() > 0.8


def test_waves_spend_what_is_known_of_them() -> None:
    """Useless arms of a 12 % rate and a useful point: 17,200 calls at 2,000 a wave, 23,400 at 10,000, 60,000 at once.

    The figures are those of docs/statistics.md, to a tenth.
    """
    plan, truth = RacePlan(2, 0.01, 0.12), Truth((0.12, 0.12))
    spent, waves = {}, {}
    for wave in (2_000, 10_000, 60_000):
        found = race_trials(plan, truth, lambda look, living, wave=wave: wave / living, 60_000, 1500)
        spent[wave], waves[wave] = found.contacts.mean(), found.looks.mean()
    assert spent == pytest.approx({2_000: 17_200, 10_000: 23_400, 60_000: 60_000}, rel=0.1)
    assert waves[2_000] == pytest.approx(9, abs=1.5)
    assert waves[10_000] == pytest.approx(2.5, abs=0.3)


def test_a_race_ends_with_its_people() -> None:
    """No race gathers more than there are, and one that its people do not decide is not over."""
    found = race_trials(RacePlan(4, 0.01, 0.12), Truth((0.12,) * 4), lambda look, living: 40, 1_001, 50)
    assert found.contacts.max() <= 1_001
    assert found.contacts[~found.over].min() > 1_001 - 4
    assert not (found.won.any(axis=1) & found.nothing).any()


def test_a_fixed_horizon_errs_and_finds_as_planned() -> None:
    """Read once, five in a hundred differ where nothing does, half of them upward; a planned lift is found at 80 %."""
    each = contacts_per_arm(0.12, 0.02)
    once = [(1.0, critical(0.95))]
    nothing = look_trials(Truth((0.12, 0.12), seed=2), 0.02, [each] * 2, once, 4000)
    lifted = look_trials(Truth((0.12, 0.14), seed=3), 0.02, [each] * 2, once, 4000)
    assert nothing.won.mean() == pytest.approx(0.025, abs=0.008)
    assert lifted.won.mean() == pytest.approx(achieved_power(0.12, 0.02, each), abs=0.02)
    assert set(lifted.contacts) == {2 * each}


def test_planned_looks_spend_their_error_once() -> None:
    """Five looks err no more than one, and end earlier where the effect is large."""
    bounds = list(zip(FIFTHS, boundaries(FIFTHS, 0.05), strict=True))
    nothing = look_trials(Truth((0.12, 0.12), seed=4), 0.02, [4435] * 2, bounds, 4000)
    large = look_trials(Truth((0.12, 0.17), seed=5), 0.02, [4435] * 2, bounds, 500)
    assert nothing.won.mean() <= 0.025 + 0.008
    assert large.won.mean() > 0.99
    assert large.contacts.mean() < 0.7 * 2 * 4435


def test_the_same_seed_draws_the_same() -> None:
    """A seed stands for one set of experiments."""
    first, again, other = (
        race_trials(RacePlan(3, 0.02, 0.12), Truth((0.12, 0.12, 0.14), seed=seed), lambda look, living: 200, 9_000, 20)
        for seed in (7, 7, 8)
    )
    assert np.array_equal(first.contacts, again.contacts)
    assert not np.array_equal(first.gains, other.gains)


@pytest.mark.parametrize(
    ("rates", "drift", "name"),
    [((0.1,), 0.0, "rates"), ((0.1, 1.2), 0.0, r"rates\[1\]"), ((0.1, 0.1), 2.0, "drift")],
)
def test_what_cannot_be_is_named(rates: tuple[float, ...], drift: float, name: str) -> None:
    """A wrong truth is told by its name, as are rates that are not as many as arms."""
    with pytest.raises(ValueError, match=name):
        Truth(rates, drift)
    with pytest.raises(ValueError, match="rates must be 3"):
        look_trials(Truth((0.1, 0.1)), 0.01, [10] * 3, [(1.0, 2.0)], 5)
