"""What an arm is worth in money."""

import pytest

from engine.core.metrics import METRICS, Sums
from engine.core.outcomes import Outcome
from engine.core.sentences import money
from engine.core.standings import MetricTallies, standing
from tests.core.standing_makers import make_evidence, make_question, make_rate

ARMS = ("control", "story")


def make_sums(people: int, converted: int, cost_each: float, fixed: float, revenue: float = 0.0) -> Sums:
    """An arm in which a conversion costs so much, and a contact so much."""
    return Sums.of(
        Outcome(converted=int(place < converted), cost=fixed + cost_each * (place < converted),
                revenue=revenue * (place < converted))
        for place in range(people)
    )  # fmt: skip


def make_found(control: Sums, story: Sums, primary: str = "conversion", **question):
    """A standing of conversion, cost and profit."""
    roles = {primary: "primary"} | dict.fromkeys(("cost", "cost_per_conversion", "profit"), "descriptive")
    arms = {"control": control, "story": story}
    metrics = [
        MetricTallies.of(METRICS[name], role, {arm: sums.tally(METRICS[name]) for arm, sums in arms.items()})
        for name, role in roles.items()
    ]
    return standing(make_question(ARMS, **question), make_evidence(*metrics))


def test_what_the_arm_costs_is_taken_off():
    """A coupon of 20 on every conversion of the arm, and half a unit more on every contact, are no gain."""
    control, story = make_sums(1000, 120, 0.0, 1.0), make_sums(1000, 240, 20.0, 1.5)

    found = make_found(control, story, value_per_conversion=90.0)["money"]["story"]

    assert found["basis"] == "conversion"
    assert found["cost"] == pytest.approx((0.24 * 20 + 0.5) * 10_000)
    assert found["value"] == pytest.approx((0.12 * 90 - 0.24 * 20 - 0.5) * 10_000)


def test_the_range_pays_for_its_own_conversions():
    """At each end of the lift's range there are other conversions, and each of them costs its coupon."""
    control, story = make_sums(1000, 120, 20.0, 1.0), make_sums(1000, 180, 20.0, 1.0)

    found = make_found(control, story, value_per_conversion=90.0)
    low, high = found["metrics"][0]["comparisons"][0]["interval_adjusted"]

    assert found["money"]["story"]["low"] == pytest.approx(low * 70 * 10_000)
    assert found["money"]["story"]["high"] == pytest.approx(high * 70 * 10_000)


def test_a_value_of_a_conversion_is_no_value_of_anything_else():
    """An intent is not worth a conversion: with another primary metric the difference in profit is shown."""
    control, story = make_sums(500, 60, 0.0, 1.0, 30.0), make_sums(500, 90, 0.0, 1.0, 31.0)

    found = make_found(control, story, primary="connect", value_per_conversion=90.0)["money"]["story"]

    assert found["basis"] == "profit"
    assert found["value"] == pytest.approx((90 * 31 - 60 * 30) / 500 * 10_000)


def test_nothing_is_known_of_money_without_orders():
    """Counts alone are worth nothing that could be named."""
    found = standing(make_question(), make_evidence(make_rate({"control": (36, 300), "story": (50, 300)})))

    assert "money" not in found


@pytest.mark.parametrize(
    ("value", "text"),
    [(21_340.0, "21,000"), (-449.0, "-450"), (8.46, "8.5"), (0.0, "0"), (0.0349, "0.035"), (9.96, "10"), (99.6, "100"),
     (1_234_567.0, "1,200,000")],
)  # fmt: skip
def test_money_is_said_in_two_digits(value, text):
    """Nobody knows it better."""
    assert money(value) == text
