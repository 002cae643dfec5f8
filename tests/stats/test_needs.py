"""What the three methods take, side by side."""

import pytest

from engine.stats.needs import needs
from engine.stats.power import contacts_per_arm


def test_all_three_methods_are_told() -> None:
    """4,435 a group for two points over 12 %, a little more for five looks, fewer on average for a race."""
    found = needs(0.12, 0.02, runs=60)
    assert (found.fixed.contacts_per_arm, found.fixed.contacts) == (4435, 8870)
    assert found.fixed.best == 8870
    assert 8870 < found.group.contacts < 1.05 * 8870
    assert found.sequential is not None
    assert found.sequential.no_effect < found.sequential.no_effect_90
    assert found.sequential.no_effect < 8870
    assert found.sequential.power > 0.6
    assert found.sequential.runs == 60


def test_many_arms_share_a_larger_control() -> None:
    """The best control of a fixed horizon has √T to one, and it spends fewer people in all; many arms are not raced."""
    found = needs(0.12, 0.03, arms=4, runs=10)
    assert found.fixed.control_share == pytest.approx(2 / 6)
    assert found.fixed.best < found.fixed.contacts
    assert found.group.contacts_per_arm > contacts_per_arm(0.12, 0.03, arms=4)
    assert needs(0.12, 0.05, arms=40).sequential is None


def test_a_fall_is_the_rise_of_what_did_not_happen() -> None:
    """Two points down from 14 % take what two points up from 86 % take."""
    assert needs(0.14, -0.02, runs=5) == needs(0.86, 0.02, runs=5)


def test_a_race_ends_where_the_people_end() -> None:
    """With few people the race spends no more than there are, and finds less."""
    few = needs(0.12, 0.02, max_contacts=4_000, runs=60).sequential
    assert few is not None
    assert few.with_lift_90 <= 4_500
    assert few.power < 0.5
