"""Planned looks that come late, end early or overrun; what is shown after stopping."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.evidence import LookCounts
from engine.core.standings import standing
from engine.stats.group import boundaries
from tests.core.standing_makers import make_evidence, make_question, make_rate, make_standing
from tests.core.test_verdicts import PLAN, verdict_of


def grown(*looks):
    """Cumulative (control, story) successes of equally large looks as history."""
    return tuple(
        LookCounts({"control": people, "story": people}, {"control": control, "story": story})
        for people, control, story in looks
    )


def test_more_people_than_planned_are_read_at_the_information_they_are():
    """Overrun: the last look spends what is left on what came, and a bound that was not reached before may be."""
    history = grown((1000, 120, 140), (2000, 240, 280))
    found = make_standing({"control": (780, 6500), "story": (890, 6500)}, {"history": history}, **PLAN)
    group = found["metrics"][0]["comparisons"][0]["group"]
    fractions = [0.2, 0.4, 1.3]

    assert group["bound"] == pytest.approx(boundaries(fractions)[-1])
    assert verdict_of(found)["status"] == "winner"


def test_fewer_people_than_planned_spend_all_of_alpha():
    """Underrun: the end of the roster is the last look, at the information that it has."""
    found = make_standing({"control": (420, 3500), "story": (490, 3500)}, {"history": grown((1000, 120, 140))}, **PLAN)
    group = found["metrics"][0]["comparisons"][0]["group"]

    assert group["bound"] == pytest.approx(boundaries([0.2, 0.7], spent=[0.2, 1.0])[-1])
    assert group["bound"] < boundaries([0.2, 1.0])[-1]


def test_a_late_look_spends_what_is_due():
    """A look at 37 % of the plan, the first, has the bound of 37 % and not of a fifth."""
    found = make_standing({"control": (222, 1850), "story": (240, 1850)}, {"finished": False}, **PLAN)

    assert found["metrics"][0]["comparisons"][0]["group"]["bound"] == pytest.approx(boundaries([0.37])[0])


def test_the_file_says_how_many_looks_and_how_alpha_is_spent():
    """Two looks by Pocock stand at each half, with about the same bound; the reason names their number."""
    early = {"control": (300, 2500), "story": (360, 2500)}
    found = make_standing(early, {"finished": False}, looks=2, spending="pocock", **PLAN)
    fifth = make_standing(
        {"control": (120, 1000), "story": (260, 1000)}, {"finished": False}, looks=2, spending="pocock", **PLAN
    )

    assert found["metrics"][0]["comparisons"][0]["group"]["bound"] == pytest.approx(2.157, abs=1e-3)
    assert verdict_of(found)["status"] == "winner"
    assert "2 planned looks" in found["safe_to_read"]["why"]
    assert not fifth["safe_to_read"]["ok"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 400), st.sampled_from([1000, 3000, 5000, 6000]), st.sampled_from(["higher", "lower"]))
def test_the_range_after_a_planned_look_never_disagrees_with_the_verdict(won, people, better):
    """The repeated range leaves zero out exactly when the arm is proven; the estimate after stopping is no larger."""
    counted = {"control": (round(0.12 * people), people), "story": (round(won / 2000 * people), people)}
    metric = make_rate(counted, better=better)
    question = make_question(**PLAN, smallest_useful_lift=0.0001)
    found = standing(question, make_evidence(metric, finished=people >= 5000))
    comparison, status = found["metrics"][0]["comparisons"][0], verdict_of(found)["arms"]["story"]
    low, high = comparison["group"]["interval"]

    assert (low > 0 or high < 0) == (status in {"winner", "loser"})
    if status == "winner":
        corrected = verdict_of(found)["corrected"]
        assert corrected["method"] == "median-unbiased"
        assert abs(corrected["difference"]) <= abs(comparison["difference"]) + 1e-9
        assert comparison["group"]["stopped"]["p_value"] < 0.05


def test_looks_that_stand_next_to_each_other_are_one():
    """A late look just before the next is due, and an end that brought nobody, are no look and no trouble."""
    history = grown((1998, 240, 260), (2001, 240, 260), (4990, 600, 620))
    found = make_standing({"control": (600, 4990), "story": (620, 4990)}, {"history": history}, **PLAN)
    early = make_standing(
        {"control": (240, 2001), "story": (260, 2001)}, {"history": history[:1], "finished": False}, **PLAN
    )

    assert verdict_of(found)["final"]
    assert early["metrics"][0]["comparisons"][0]["group"]["bound"] == pytest.approx(boundaries([0.3996])[0])
