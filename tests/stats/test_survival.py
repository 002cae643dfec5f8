"""How long conversions take: published curves, and a test of speed that does not mind a rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.survival import kaplan_meier, late_share, log_rank, speeds_alike, still_to_come

# Freireich et al. 1963, Blood 21, 699-716: weeks of remission under 6-MP (+ is censored) and under placebo.
MERCAPTOPURINE = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], []
WEEKS = list(range(1, 36))


def counted(arm):
    """(converted, censored) per week."""
    return [[each.count(week) for week in WEEKS] for each in arm]


@pytest.mark.parametrize(
    ("week", "staying", "error", "low", "high"),
    [
        (6, 0.857, 0.0764, 0.620, 0.952),
        (7, 0.807, 0.0869, 0.563, 0.923),
        (10, 0.753, 0.0963, 0.503, 0.889),
        (13, 0.690, 0.1068, 0.432, 0.849),
        (16, 0.627, 0.1141, 0.368, 0.805),
        (22, 0.538, 0.1282, 0.268, 0.747),
        (23, 0.448, 0.1346, 0.188, 0.680),
    ],
)
def test_the_curve_is_the_published_one(week, staying, error, low, high):
    """Kleinbaum & Klein 2012, chapter 2, and Stata's list of the same remissions: value, Greenwood, log(-log) range."""
    curve = kaplan_meier(WEEKS, *counted(MERCAPTOPURINE))
    place = curve.times.index(week)

    assert (curve.staying[place], curve.errors[place]) == pytest.approx((staying, error), abs=6e-4)
    assert (curve.low[place], curve.high[place]) == pytest.approx((low, high), abs=6e-4)
    assert curve.after(week + 0.5) == curve.staying[place]


def test_medians_are_the_published_ones():
    """Half had relapsed after 23 weeks (16 to open) under 6-MP, after 8 (4 to 11 or 12) under placebo."""
    assert kaplan_meier(WEEKS, *counted(MERCAPTOPURINE)).quantile() == (23, 13, None)
    assert kaplan_meier(WEEKS, *counted(PLACEBO)).quantile() == (8, 4, 11)


def test_the_log_rank_test_is_the_published_one():
    """χ² 16.79, 9 and 21 relapses where 19.25 and 10.75 were due."""
    (first, first_lost), (second, second_lost) = counted(MERCAPTOPURINE), counted(PLACEBO)
    found = log_rank(WEEKS, [first, second], [first_lost, second_lost])

    assert found.statistic == pytest.approx(16.793, abs=1e-3)
    assert found.freedom == 1
    assert (found.observed, found.expected) == ((9, 21), pytest.approx((19.2505, 10.7495), abs=1e-4))
    assert found.p_value == pytest.approx(4.17e-5, rel=2e-3)


@pytest.mark.parametrize(("seed", "arms"), [(1, 2), (2, 3), (3, 4), (4, 2)])
def test_curve_and_test_agree_with_statsmodels(seed, arms):
    """Curves, Greenwood's errors and the log-rank statistic are statsmodels', whatever the data."""
    from statsmodels.duration.survfunc import SurvfuncRight, survdiff

    random = np.random.default_rng(seed)
    time, status = random.integers(1, 12, 90), random.integers(0, 2, 90)
    arm, grid = np.arange(90) % arms, list(range(1, 13))
    converted = [[int(((arm == a) & (time == t) & (status == 1)).sum()) for t in grid] for a in range(arms)]
    censored = [[int(((arm == a) & (time == t) & (status == 0)).sum()) for t in grid] for a in range(arms)]
    found = log_rank(grid, converted, censored)
    theirs = SurvfuncRight(time[arm == 0], status[arm == 0])
    curve = kaplan_meier(grid, converted[0], censored[0])
    places = [grid.index(t) for t in theirs.surv_times]

    assert (found.statistic, found.p_value) == pytest.approx(survdiff(time, status, arm), rel=1e-6)
    assert [curve.staying[place] for place in places] == pytest.approx(list(theirs.surv_prob))
    known = theirs.surv_prob > 0
    assert np.array(curve.errors)[places][known] == pytest.approx(theirs.surv_prob_se[known])


def test_an_arm_that_converts_more_is_not_faster():
    """Twice the conversions at the same speed are no difference of speed; the whole curves do differ."""
    hours, shape = [1, 2, 3, 6, 12], [100, 60, 40, 20, 10]
    double = [2 * count for count in shape]
    waiting = [[0, 0, 0, 0, 3000 - 230], [0, 0, 0, 0, 3000 - 460]]

    assert speeds_alike(hours, [shape, double]) == pytest.approx(1.0)
    assert log_rank(hours, [shape, double], waiting).p_value < 1e-6


def test_a_faster_arm_is_seen_whatever_its_rate():
    """Medians of 3 and 6 hours differ beyond doubt with a few hundred conversions."""
    random = np.random.default_rng(3)
    grid = list(range(1, 25))
    arms = [np.ceil(random.exponential(median / np.log(2), size)) for median, size in ((3, 400), (6, 250))]
    converted = [[int((times == hour).sum()) for hour in grid] for times in arms]

    assert speeds_alike(grid, converted) < 1e-6
    assert late_share(grid, converted[1], 18) > 0.03 > late_share(grid, converted[0], 18)


def test_arms_of_one_speed_alarm_as_often_as_promised():
    """Played from a stated seed: with one speed and different rates, p < 5 % in 5 % of the experiments."""
    random, grid = np.random.default_rng(9), [1, 2, 4, 8, 16]
    law = [0.4, 0.3, 0.15, 0.1, 0.05]
    alarms = [
        speeds_alike(grid, [random.multinomial(150, law), random.multinomial(260, law)]) < 0.05 for _ in range(600)
    ]

    assert np.mean(alarms) == pytest.approx(0.05, abs=0.025)


def test_what_is_still_to_come_is_what_the_curve_expects():
    """A hundred people halfway, in a curve that converts a third of those who wait so long, are to bring 33 more."""
    curve = kaplan_meier([12, 24], [100, 40], [100, 60])

    assert curve.staying == pytest.approx((2 / 3, 2 / 3 * 0.6))
    assert still_to_come(curve, 24) == pytest.approx(40 / 180)
    assert still_to_come(kaplan_meier([12, 24], [100, 40], [0, 160]), 24) == 0
    assert still_to_come(kaplan_meier([12, 24], [0, 0], [100, 60]), 24) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1_000_000), st.integers(0, 1_000_000)), min_size=1, max_size=9))
def test_any_counts_give_numbers(rows):
    """Nobody at a time, everybody at once, a million: numbers in their bounds, never NaN."""
    times = [place + 1.0 for place in range(len(rows))]
    converted, censored = [row[0] for row in rows], [row[1] for row in rows]
    if not sum(converted) + sum(censored):
        with pytest.raises(ValueError, match="nobody"):
            kaplan_meier(times, converted, censored)
        return
    for method in ("log-log", "plain"):
        curve = kaplan_meier(times, converted, censored, method=method)
        for low, left, high in zip(curve.low, curve.staying, curve.high, strict=True):
            assert 0 <= low <= left <= high <= 1
        assert all(later <= earlier for earlier, later in zip(curve.staying, curve.staying[1:], strict=False))
        assert np.isfinite(curve.errors).all()
    both = log_rank(times, [converted, censored], [censored, converted])
    swapped = log_rank(times, [censored, converted], [converted, censored])
    assert 0 <= both.p_value <= 1
    assert both.statistic == pytest.approx(swapped.statistic, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: kaplan_meier([2, 1], [1, 1], [0, 0]), "times"),
        (lambda: kaplan_meier([1], [1, 1], [0]), "times, converted"),
        (lambda: kaplan_meier([1], [-1], [0]), "converted"),
        (lambda: kaplan_meier([1], [1], [float("nan")]), "censored"),
        (lambda: kaplan_meier([1], [1], [0], level=0), "level"),
        (lambda: kaplan_meier([1], [1], [0], method="exact"), "method"),
        (lambda: kaplan_meier([1], [1], [0]).quantile(1.0), "share"),
        (lambda: log_rank([1], [[1]], [[0]]), "arms"),
        (lambda: still_to_come(kaplan_meier([1], [1], [0]), 0), "window"),
    ],
)
def test_impossible_counts_are_refused(call, named):
    """What cannot be is refused with the argument's name."""
    with pytest.raises(ValueError, match=named):
        call()


def test_nothing_to_compare_is_no_difference():
    """No conversion anywhere, or all arms but one empty, has p 1."""
    assert log_rank([1, 2], [[0, 0], [0, 0]], [[3, 4], [5, 6]]).p_value == 1.0
    assert log_rank([1, 2], [[1, 2], [0, 0]], [[3, 4], [0, 0]]).p_value == 1.0
    assert late_share([1, 2], [0, 0], 1) is None
