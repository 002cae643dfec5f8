"""How many people a question needs."""

import pytest

from engine.stats.power import achieved_power, contacts_per_arm, detectable_lift, race_size


def test_two_arms_need_the_published_number():
    """12 % and +2 points at 80 % power, two-sided 5 %: 4,435 a group."""
    assert contacts_per_arm(0.12, 0.02) == 4435


def test_three_thousand_a_group_see_what_the_field_was_told():
    """+2.4 points unadjusted and +3.2 with Dunnett over 14 arms."""
    assert detectable_lift(0.12, 3000) == pytest.approx(0.0245, abs=1e-4)
    assert detectable_lift(0.12, 3000, arms=14) == pytest.approx(0.0323, abs=1e-4)
    assert contacts_per_arm(0.12, 0.01, arms=14) == pytest.approx(29_000, rel=0.01)


def test_a_round_of_fifteen_groups_finds_what_was_promised():
    """About 72 % at +3 points and 99 % at +5, adjusted over 14 arms."""
    assert achieved_power(0.12, 0.03, 3000, arms=14) == pytest.approx(0.72, abs=0.01)
    assert achieved_power(0.12, 0.05, 3000, arms=14) > 0.99


def test_size_lift_and_power_are_one_calculation():
    """The size for a lift sees that lift with the power asked for."""
    size = contacts_per_arm(0.08, 0.015, alpha=0.1, power=0.9, arms=5)

    assert detectable_lift(0.08, size, alpha=0.1, power=0.9, arms=5) == pytest.approx(0.015, rel=1e-3)
    assert achieved_power(0.08, 0.015, size, alpha=0.1, arms=5) == pytest.approx(0.9, abs=1e-3)
    assert contacts_per_arm(0.12, -0.02) < contacts_per_arm(0.12, 0.02)


def test_the_normal_size_agrees_with_statsmodels():
    """The size is statsmodels' for two proportions with their own variances."""
    from statsmodels.stats.power import normal_sample_size_one_tail

    variance = 0.2 * 0.8 + 0.25 * 0.75
    expected = normal_sample_size_one_tail(0.05, 0.8, 0.025, std_null=variance**0.5)

    assert contacts_per_arm(0.2, 0.05) == pytest.approx(expected, abs=1)


def test_a_larger_control_is_worth_it_for_many_arms():
    """√arms to one for the control needs fewer contacts in all."""
    equal = 15 * contacts_per_arm(0.12, 0.03, arms=14)
    larger = (14 + 14**0.5) * contacts_per_arm(0.12, 0.03, arms=14, control_ratio=14**0.5)

    assert larger < 0.9 * equal


def test_a_race_keeps_its_promises_and_saves_calls():
    """Played from a stated seed, the race has its power, few false winners and spends less than fixed."""
    size = race_size(0.12, 0.03, runs=300, seed=7)

    assert size == race_size(0.12, 0.03, runs=300, seed=7)
    assert size.power >= 0.8
    assert size.expected < size.fixed == 2 * contacts_per_arm(0.12, 0.03)
    assert size.median <= size.percentile_90


def test_a_race_of_useless_arms_has_no_winner():
    """With no lift anywhere at most alpha's half are winners, and most arms go early."""
    size = race_size(0.12, 0.03, arms=3, truth=[0, 0, 0], runs=300)

    assert size.power == 0
    assert size.false_winners <= 0.025 + 3 * (0.025 * 0.975 / 300) ** 0.5
    assert size.expected < 0.6 * size.fixed


def test_a_roster_that_ends_leaves_races_undecided():
    """When contacts run out the race says so."""
    size = race_size(0.12, 0.02, max_contacts=500, runs=50)

    assert size.undecided > 0.5
    assert size.expected <= 800


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: contacts_per_arm(0.12, 0), "lift"),
        (lambda: contacts_per_arm(0.12, 0.9), "baseline \\+ lift"),
        (lambda: contacts_per_arm(1.2, 0.1), "baseline"),
        (lambda: contacts_per_arm(0.12, 0.1, alpha=0), "alpha"),
        (lambda: contacts_per_arm(0.12, 0.1, power=1), "power"),
        (lambda: contacts_per_arm(0.12, 0.1, arms=0), "arms"),
        (lambda: contacts_per_arm(0.12, 0.1, alpha=0.9, power=0.1), "power"),
        (lambda: contacts_per_arm(0.12, 0.1, control_ratio=0), "control_ratio"),
        (lambda: detectable_lift(0.12, 1), "contacts"),
        (lambda: achieved_power(0.12, 0.01, 0), "contacts"),
        (lambda: achieved_power(0.12, 0.01, 100, control_contacts=0), "control_contacts"),
        (lambda: race_size(0.12, 0.01, arms=2, truth=[0.1]), "truth"),
    ],
)
def test_impossible_plans_are_refused(call, named):
    """A plan that cannot be is refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()
