"""The benchmarks run, at sizes that say nothing about speed."""

from pathlib import Path

import pytest

from engine.stats.lanes import Lanes
from tests.benchmarks.measuring import Measured, exponent
from tests.benchmarks.race import Plain, least, play
from tests.benchmarks.suite import TINY, run


def test_every_benchmark_runs(tmp_path: Path) -> None:
    """Each gives numbers, and every name is told apart."""
    lines = list(run(tmp_path, TINY))

    assert len({line.name for line in lines}) == len(lines) >= 15
    assert all(line.unit for line in lines)


def test_a_ratio_compares_times_whatever_the_unit() -> None:
    """Twice the limit's time is 2, said as a time or as half the work in a second."""
    assert Measured("time", 4.0, "ms", 2.0).ratio == 2.0
    assert Measured("work", 50.0, "rows/s", 100.0).ratio == 2.0
    assert Measured("alone", 4.0, "ms").ratio is None


def test_the_exponent_is_the_power_of_the_size() -> None:
    """Linear cost is 1, and cost that is always the same is 0."""
    assert exponent((10, 100, 1000), (0.2, 2.0, 20.0)) == pytest.approx(1.0)
    assert exponent((10, 100, 1000), (3.0, 3.0, 3.0)) == pytest.approx(0.0)


def test_the_race_spends_less_than_the_plain_rules() -> None:
    """The same truth, the same looks: an arm with the smallest useful lift is found with fewer contacts, as surely."""
    race, plain = (play(lanes, "1 arm: d", 250, 1) for lanes in (Lanes, Plain))

    assert race.ratio < 0.95 * plain.ratio
    assert race.best > 0.78
    assert race.ratio > 1, "nobody spends less than the least"


def test_the_least_grows_with_what_is_asked() -> None:
    """Twice the lift takes a quarter of the contacts, and more useless arms take more."""
    assert least([0.036]) == pytest.approx(least([0.018]) / 4, rel=0.1)
    assert least([0.0] * 3) > least([0.0]) * 1.5
