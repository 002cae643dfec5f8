"""Numbers that were printed: tables of papers and books, and the examples of other libraries' manuals."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.stats.balance import balance_odds, balance_p_value
from engine.stats.exact import boschloo
from engine.stats.harm import harm_odds, relative_harm_odds
from engine.stats.homogeneity import rates_alike
from engine.stats.means import mean_difference
from engine.stats.multiplicity import benjamini_hochberg, dunnett, dunnett_critical, holm
from engine.stats.pooling import pooled
from engine.stats.power import contacts_per_arm
from engine.stats.rates import difference, rate_interval, relative, stratified_difference
from engine.stats.ratios import fieller, ratio_interval
from engine.stats.survival import kaplan_meier, log_rank
from engine.stats.tallies import Tally
from engine.stats.trend import trend


@pytest.mark.parametrize(
    ("counts", "method", "low", "high"),
    [
        ((81, 263), "wilson", 0.2553, 0.3662),
        ((15, 148), "wilson", 0.0624, 0.1605),
        ((0, 20), "wilson", 0.0, 0.1611),
        ((1, 29), "wilson", 0.0061, 0.1718),
        ((81, 263), "exact", 0.2527, 0.3676),
        ((15, 148), "exact", 0.0578, 0.1617),
        ((0, 20), "exact", 0.0, 0.1684),
        ((1, 29), "exact", 0.0009, 0.1776),
    ],
)
def test_one_rate(counts, method, low, high):
    """Newcombe 1998, Statistics in Medicine 17, 857-872, table I: Wilson, and Clopper and Pearson."""
    assert rate_interval(*counts, method=method) == pytest.approx((low, high), abs=6e-5)


CASES = [
    ((56, 70), (48, 80)), ((9, 10), (3, 10)), ((6, 7), (2, 7)), ((5, 56), (0, 29)),
    ((0, 10), (0, 20)), ((0, 10), (0, 10)), ((10, 10), (0, 20)), ((10, 10), (0, 10)),
]  # fmt: skip
SCORE = [
    (0.0528, 0.3382), (0.1700, 0.8406), (0.0342, 0.8534), (-0.0326, 0.1933),
    (-0.1658, 0.2844), (-0.2879, 0.2879), (0.7156, 1.0), (0.6636, 1.0),
]  # fmt: skip
HYBRID = [
    (0.0524, 0.3339), (0.1705, 0.8090), (0.0582, 0.8062), (-0.0381, 0.1926),
    (-0.1611, 0.2775), (-0.2775, 0.2775), (0.6791, 1.0), (0.6075, 1.0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "method", "ends"),
    [(pair, "score", ends) for pair, ends in zip(CASES, SCORE, strict=True)]
    + [(pair, "newcombe", ends) for pair, ends in zip(CASES, HYBRID, strict=True)],
)
def test_a_difference(pair, method, ends):
    """Newcombe 1998, ibid. 873-890, table II, zero cells and all: Miettinen and Nurminen (6), his own (10)."""
    found = difference(treated=pair[0], control=pair[1], method=method)

    assert (found.low, found.high) == pytest.approx(ends, abs=1.1e-4)


@pytest.mark.parametrize(
    ("treated", "control", "ratio", "low", "high"),
    [((36, 40), (16, 80), 4.5, 2.94, 7.15), ((16, 80), (36, 40), 0.2222, 0.1398, 0.3402)],
)
def test_a_ratio(treated, control, ratio, low, high):
    """Koopman 1984, Biometrics 40, 513-517 (with N/(N − 1), which moves the second digit at most by one)."""
    found = relative(treated=treated, control=control)

    assert (found.value + 1, found.low + 1, found.high + 1) == pytest.approx((ratio, low, high), rel=6e-3)


def test_strata():
    """R's `mantelhaen.test(UCBAdmissions, correct = FALSE)`: χ² 1.5246, p 0.2169 over six departments."""
    men, women = [(512, 825), (353, 560), (120, 325), (138, 417), (53, 191), (22, 373)], [
        (89, 108), (17, 25), (202, 593), (131, 375), (94, 393), (24, 341),
    ]  # fmt: skip

    assert stratified_difference(treated=men, control=women).p_value == pytest.approx(0.2169, abs=5e-5)


@pytest.mark.parametrize(
    ("arms", "bounds"),
    [
        (2, (2.21, 2.79)), (3, (2.35, 2.92)), (4, (2.44, 3.00)), (5, (2.51, 3.06)), (6, (2.57, 3.11)),
        (7, (2.61, 3.15)), (8, (2.65, 3.19)), (9, (2.69, 3.22)), (10, (2.72, 3.25)), (12, (2.77, 3.29)),
        (15, (2.83, 3.35)), (20, (2.91, 3.42)),
    ],
)  # fmt: skip
def test_many_arms(arms, bounds):
    """Dunnett 1964, Biometrics 20, 482-491, two-sided 5 % and 1 %, infinitely many degrees of freedom."""
    found = [dunnett_critical((0.5**0.5,) * arms, level) for level in (0.95, 0.99)]

    assert found == pytest.approx(bounds, abs=6e-3)


FIFTEEN = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip


def test_many_metrics():
    """Benjamini & Hochberg 1995, section 4.1: fifteen p-values, of which they keep four and Holm's bound three."""
    found = benjamini_hochberg(FIFTEEN)

    assert found[:9] == pytest.approx((0.0015, 0.003, 0.0095, 0.0356, 0.0603, 0.0639, 0.0639, 0.0645, 0.0765), abs=6e-5)
    assert sum(p <= 0.05 for p in found) == 4
    assert sum(p <= 0.05 for p in holm(FIFTEEN)) == 3


SMOKERS = [(83, 86), (90, 93), (129, 136), (70, 82)]


@pytest.mark.parametrize(("amounts", "p_value"), [((1, 2, 3, 4), 0.004132), ((0, 0, 0, 1), 0.0004848)])
def test_a_trend(amounts, p_value):
    """R's `prop.trend.test(smokers, patients)`, of Fleiss 1981, page 139."""
    assert trend(SMOKERS, amounts).p_value == pytest.approx(p_value, rel=2e-4)


def test_rates_of_many_arms():
    """R's `prop.test(smokers, patients)`: χ² 12.6 on three degrees, p 0.005585."""
    assert rates_alike(SMOKERS) == pytest.approx(0.005585, abs=1e-6)


def test_a_mean():
    """R's `t.test(extra ~ group, data = sleep)`, Student's own data by Welch's test."""
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    found = mean_difference(Tally.of(first), Tally.of(second))

    assert (found.value, found.low, found.high) == pytest.approx((-1.58, -3.3654832, 0.2054832), abs=1e-7)
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)


@pytest.mark.parametrize(
    ("baseline", "lift", "power", "contacts"),
    [(0.65, 0.2, 0.8, 70), (0.12, 0.02, 0.8, 4435), (0.5, 0.1, 0.8, 385), (0.1, 0.1, 0.8, 197), (0.1, 0.1, 0.9, 263)],
)
def test_people_per_arm(baseline, lift, power, contacts):
    """Chow, Shao & Wang 2008, section 4.2 (65 % against 85 %: 70), and the same formula by hand."""
    assert contacts_per_arm(baseline, lift, power=power) == contacts


@pytest.mark.parametrize(
    ("counts", "odds"),
    [
        ((0, 3000), 0.243026),
        ((1, 3000), 0.894944),
        ((3, 3000), 30.599621),
        ((5, 3000), 3425.722),
        ((9, 45000), 0.971630),
    ],
)
def test_harm(counts, odds):
    """The reference vectors of harm against a limit of 1 in 10,000."""
    assert harm_odds(*counts, 1e-4) == pytest.approx(odds, rel=3e-6)


@pytest.mark.parametrize(("counts", "odds"), [((3, 0), 5.266309), ((5, 1), 3.221254)])
def test_harm_beside_the_control(counts, odds):
    """The reference vectors of harm relative to the control."""
    assert relative_harm_odds(*counts) == pytest.approx(odds, rel=1e-6)


@pytest.mark.parametrize(("counts", "p_value"), [((821, 749), 0.0692), ((410, 390), 0.4795), ((3000, 3000), 1.0)])
def test_shares(counts, p_value):
    """χ² of counts against even shares, by hand: (a − b)²/(a + b) on one degree."""
    assert balance_p_value(counts, (1, 1)) == pytest.approx(p_value, abs=5e-5)


AML = [9, 13, 18, 23, 31, 34, 48], [13, 28, 45, 161], [5, 5, 8, 8, 12, 23, 27, 30, 33, 43, 45], [16]


def test_survival_of_leukemia():
    """R's `survdiff` and `survfit` on Miller 1981's `aml`: χ² 3.396, p 0.0653, medians 31 and 23."""
    weeks = sorted({week for part in AML for week in part})
    converted, censored = ([[part.count(week) for week in weeks] for part in AML[start::2]] for start in (0, 1))
    found = log_rank(weeks, converted, censored)

    assert (found.statistic, found.p_value) == pytest.approx((3.396, 0.0653), abs=5e-4)
    assert kaplan_meier(weeks, converted[0], censored[0]).quantile()[0] == 31
    assert kaplan_meier(weeks, converted[1], censored[1]).quantile()[0] == 23


def test_seven_trials_of_aspirin():
    """Fleiss 1993, Statistical Methods in Medical Research 2, 121-145: odds ratios of seven trials, pooled."""
    trials = [
        (49, 615, 67, 624), (44, 758, 64, 771), (102, 832, 126, 850), (32, 317, 38, 309), (85, 810, 52, 406),
        (246, 2267, 219, 2257), (1570, 8587, 1720, 8600),
    ]  # fmt: skip
    effects = [
        (math.log(a / (n - a) * (m - c) / c), math.sqrt(1 / a + 1 / (n - a) + 1 / c + 1 / (m - c)))
        for a, n, c, m in trials
    ]
    random, fixed = pooled(effects, range_="normal"), pooled(effects, model="fixed")

    assert [math.exp(end) for end in (fixed.value, fixed.low, fixed.high)] == pytest.approx(
        [0.8969, 0.8405, 0.9570], abs=4e-4
    )
    assert [math.exp(end) for end in (random.value, random.low, random.high)] == pytest.approx(
        [0.8763, 0.7743, 0.9917], abs=4e-4
    )
    assert random.q == pytest.approx(9.95, abs=0.02)


@pytest.mark.parametrize("table", [((7, 19), (8, 11)), ((2, 15), (9, 20)), ((1, 30), (6, 28)), ((0, 9), (4, 9))])
def test_the_exact_test_stands_its_tables_the_right_way(table):
    """scipy wants arms in columns: so turned it agrees, and turned the other way it would not."""
    from scipy.stats import boschloo_exact

    (a, n), (b, m) = table
    columns, rows = [[a, b], [n - a, m - b]], [[a, n - a], [b, m - b]]
    ours = boschloo(treated=table[0], control=table[1])

    assert ours == pytest.approx(boschloo_exact(columns, n=128).pvalue, rel=1e-5)
    if n != m:
        assert ours != pytest.approx(boschloo_exact(rows, n=128).pvalue, rel=1e-3)


EDGES = [(0, 1), (1, 1), (0, 100), (100, 100), (1, 1_000_000), (1_000_000, 1_000_000), (120_000, 1_000_000)]


@pytest.mark.parametrize("treated", EDGES)
@pytest.mark.parametrize("control", EDGES)
def test_edges_give_numbers(treated, control):
    """Zero cells, one contact, a million, all successes: numbers in their bounds from every test of rates."""
    found = [difference(treated=treated, control=control, method=method) for method in ("score", "newcombe")]
    found.append(stratified_difference(treated=[treated, treated], control=[control, control]))
    found.append(dunnett(treated=[treated, (5, 50)], control=control)[0])
    for one in found:
        assert -1 <= one.low <= one.value <= one.high <= 1
        assert 0 <= one.p_value <= 1
    lift = relative(treated=treated, control=control)
    assert not any(math.isnan(number) for number in (lift.value, lift.low, lift.high, lift.p_value))
    assert 0 <= rates_alike([treated, control]) <= 1
    assert balance_odds((treated[1], control[1]), (1, 1)) > 0
    if treated[1] <= 100 and control[1] <= 100:
        assert 0 <= boschloo(treated=treated, control=control) <= 1


counted = st.integers(1, 1_000_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=40, deadline=None)
@given(st.lists(counted, min_size=2, max_size=5), st.randoms())
def test_arms_in_another_order_tell_the_same(arms, random):
    """A trend, the test of one rate for all and the balance mind who has which number, never the order."""
    amounts = [float(place) for place in range(len(arms))]
    places = list(range(len(arms)))
    random.shuffle(places)
    shuffled = [arms[place] for place in places]

    assert rates_alike(shuffled) == pytest.approx(rates_alike(arms), abs=1e-9)
    if 0 < sum(x for x, _ in arms) < sum(n for _, n in arms):
        moved = trend(shuffled, [amounts[place] for place in places])
        assert moved.value == pytest.approx(trend(arms, amounts).value, rel=1e-6, abs=1e-12)
        for level in (0.8, 0.95):
            found = trend(arms, amounts, level)
            assert (found.p_value < 1 - level) == (found.low > 0 or found.high < 0)


values = st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=20)


@settings(max_examples=40, deadline=None)
@given(values, values, st.integers(1, 2))
def test_merged_tallies_tell_the_same(ours, theirs, cut):
    """Tallies of parts, added, are the tally of the whole: means and ratios cannot tell them apart."""
    whole, parts = (
        Tally.of(ours, range(len(ours))),
        Tally.of(ours[:cut], range(cut)) + Tally.of(ours[cut:], range(cut, len(ours))),
    )
    other = Tally.of(theirs)
    assert parts.total == pytest.approx(whole.total, abs=1e-6)
    try:
        found, again = mean_difference(whole, other), mean_difference(parts, other)
    except ValueError as error:
        assert "treated and control" in str(error)  # noqa: PT017  whether nothing varies is a matter of rounding
        return
    assert (again.low, again.high) == pytest.approx((found.low, found.high), rel=1e-4, abs=1e-3)
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
    assert ratio_interval(whole)[0] <= ratio_interval(whole)[1]
    assert fieller(whole).sentence
