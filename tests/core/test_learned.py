"""What finished experiments say together."""

import json

import pytest

from engine.core.learned import Finding, learned


def make_finding(experiment="round-1", arm="story", difference=0.02, half=0.014, **changes):
    """An arm whose lift has a 95 % range `half` wide on both sides."""
    values = {
        "variable": "script", "option": arm, "against": "classic", "metric": "conversion", "kind": "rate",
        "interval": (difference - half, difference + half), "level": 0.95, "status": "winner",
    }  # fmt: skip
    return Finding(experiment=experiment, arm=arm, difference=difference, **(values | changes))


def test_an_option_is_pooled_over_its_experiments():
    """Two experiments of one size: the average of both lifts, each named with what it was tried against."""
    found = learned([make_finding(), make_finding("round-2", difference=0.01, against="gift")])
    (variable,) = found["variables"]
    (option,) = variable["options"]

    assert found["experiments"] == ["round-1", "round-2"]
    assert option["pooled"]["difference"] == pytest.approx(0.015)
    assert option["pooled"]["experiments"] == 2
    assert [tried["against"] for tried in option["tried"]] == ["classic", "gift"]
    json.dumps(found, allow_nan=False)


def test_a_winner_is_shrunken_toward_the_others_of_its_variable():
    """Of five options the best is drawn down and the worst up; the average stays between."""
    lifts = [0.03, 0.01, 0.0, -0.005, -0.02]
    found = learned([make_finding(arm=f"arm-{place}", difference=lift) for place, lift in enumerate(lifts)])
    variable = found["variables"][0]
    drawn = [option["shrunken"]["difference"] for option in variable["options"]]

    assert 0.003 < drawn[0] < 0.03
    assert -0.02 < drawn[-1] < 0.003
    assert variable["average"]["difference"] == pytest.approx(0.003)
    assert all(0 < option["shrunken"]["weight"] < 1 for option in variable["options"])


def test_variables_and_metrics_are_kept_apart():
    """Scripts and voices, conversions and orders are never pooled with one another."""
    found = learned([make_finding(), make_finding(variable="voice"), make_finding(metric="order")])

    assert [(one["variable"], one["metric"]) for one in found["variables"]] == [
        ("script", "conversion"), ("script", "order"), ("voice", "conversion"),
    ]  # fmt: skip


def test_nothing_is_learned_from_nothing():
    """No experiment, or a range without width, teaches nothing."""
    assert learned([])["variables"] == []
    assert learned([make_finding(half=0.0)])["variables"] == []
