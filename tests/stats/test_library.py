"""The statistics are a library: every call that the documentation shows runs as it is shown."""

import math

from engine.stats.adjust import cuped_difference
from engine.stats.anytime import Race, RacePlan, harm_odds, relative_harm_odds
from engine.stats.balance import balance_odds, balance_p_value
from engine.stats.group import boundaries
from engine.stats.means import mean_difference
from engine.stats.multiplicity import benjamini_hochberg, dunnett, holm
from engine.stats.power import contacts_per_arm, detectable_lift, race_size
from engine.stats.rates import difference, rate_interval, relative, stratified_difference
from engine.stats.ratios import ratio_difference, ratio_interval
from engine.stats.tallies import Tally


def make_tally(base):
    return Tally.of([base, base + 1.0, base + 3.0], [1.0, 2.0, 3.5])


def test_rates_take_pairs_and_give_estimates():
    """One rate, a difference, a relative lift, strata and many arms."""
    estimate = difference(treated=(450, 3000), control=(360, 3000), level=0.95, method="score")
    names = [name for name in ("value", "low", "high", "p_value") if hasattr(estimate, name)]

    assert names == ["value", "low", "high", "p_value"]
    assert len(rate_interval(360, 3000, level=0.95, method="wilson")) == 2
    assert relative(treated=(450, 3000), control=(360, 3000), level=0.95).value == 0.25
    assert stratified_difference(treated=[(5, 9), (3, 9)], control=[(2, 9), (1, 9)]).value > 0
    assert len(dunnett(treated=[(450, 3000), (1, 5)], control=(360, 3000), level=0.95)) == 2
    assert holm([0.01, 0.02]) == benjamini_hochberg([0.02, 0.02]) == (0.02, 0.02)


def test_tallies_take_sums():
    """Means, ratios and covariates work on sums alone."""
    treated, control = make_tally(4.0), make_tally(1.0)

    assert math.isclose(mean_difference(treated, control, 0.95).value, 3.0)
    assert math.isclose(cuped_difference(treated, control).value, 3.0)
    assert ratio_difference(treated, control).value > 0
    assert ratio_interval(treated + control)[0] < ratio_interval(treated + control)[1]


def test_guards_plans_and_races_take_counts():
    """Balance, harm, plans, boundaries and the race."""
    race = Race.start(RacePlan(arms=4, useful_lift=0.01, base_rate=0.12, alpha=0.025, power=0.8, max_contacts=None))
    race = race.look(contacts=(500, 500, 500, 500), successes=(60, 70, 50, 60))

    assert race.status == "running"
    assert race.winner is None
    assert race.active[0] is True
    assert math.isnan(race.odds_for[0])
    assert len(race.intervals()) == len(race.odds_against) == 4
    assert balance_p_value((1200, 1800), (0.4, 0.6)) == 1.0
    assert balance_odds((1200, 1800), (0.4, 0.6)) < 1
    assert harm_odds(0, 3000, 1e-4) < 1 < relative_harm_odds(3, 0)
    assert len(boundaries([0.5, 1.0], 0.05, spending="obrien-fleming", sides=2)) == 2
    assert detectable_lift(0.12, contacts_per_arm(0.12, 0.02, alpha=0.05, power=0.8, arms=1)) < 0.0201
    assert race_size(0.12, 0.05, runs=20).expected > 0
