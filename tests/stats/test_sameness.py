"""Same on purpose: two races, each against one margin."""

import numpy as np
import pytest

from engine.stats.sameness import ALARM, Sameness


def played(rates, runs, looks=40, per_look=250, margin=0.03, seed=1):
    """How many of these campaigns call the arm the same."""
    random, same = np.random.default_rng(seed), 0
    for _ in range(runs):
        claim, counts = Sameness(margin, 0.12), np.zeros((2, 2))
        for _ in range(looks):
            counts[:, 0] += random.binomial(per_look, rates)
            counts[:, 1] += per_look
            claim = claim.look(control=tuple(counts[0]), arm=tuple(counts[1]))
            if claim.proven:
                same += 1
                break
    return same / runs


def test_equal_arms_are_proven_the_same():
    """Ten thousand people on each side tell an arm without effect from three points either way."""
    assert played((0.12, 0.12), 40) > 0.9


@pytest.mark.parametrize("lift", [0.03, -0.03])
def test_an_arm_at_the_margin_is_seldom_called_the_same(lift):
    """An arm that differs by the margin, to either side, is called the same in at most one campaign of twenty."""
    assert played((0.12, 0.12 + lift), 120, seed=2) <= 0.05 + 2 * (0.05 * 0.95 / 120) ** 0.5


def test_both_sides_must_be_ruled_out():
    """Odds against a lift alone, as those of an arm that is worse, prove nothing the same."""
    worse = Sameness(0.01, 0.12).look(control=(1200, 10_000), arm=(1000, 10_000))

    assert worse.odds[0] > ALARM
    assert worse.odds[1] < 1
    assert not worse.proven


def test_a_proof_stands():
    """What came after the proof changes nothing."""
    proven = Sameness(0.02, 0.12).look(control=(2400, 20_000), arm=(2400, 20_000))

    assert proven.proven
    assert proven.look(control=(3600, 30_000), arm=(4800, 30_000)) is proven


def test_nobody_on_one_side_is_no_evidence():
    """A look that brings people to one side alone waits for the other."""
    start = Sameness(0.02, 0.12)

    assert start.look(control=(12, 100), arm=(0, 0)) is start


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (lambda: Sameness(0.0, 0.12), "margin"),
        (lambda: Sameness(0.01, 1.0), "base_rate"),
        (lambda: Sameness(0.01, 0.12).look(control=(5, 4), arm=(1, 10)), "control"),
        (
            lambda: Sameness(0.01, 0.12).look(control=(5, 40), arm=(1, 10)).look(control=(5, 40), arm=(1, 9)),
            "arm is cumulative",
        ),
    ],
)
def test_what_cannot_be_is_refused(asked, named):
    """Each refusal names the argument."""
    with pytest.raises(ValueError, match=named):
        asked()
