"""How long conversions take: the curve, what is still to come, and a warning where a faster arm could win falsely."""

import json

import numpy as np
import pytest

from engine.core.evidence import Delays
from engine.core.standings import standing
from tests.core.standing_makers import make_evidence, make_question, make_rate, make_standing

HOURS = tuple(0.5 * part for part in range(1, 49))


def make_delays(window=24.0, waiting=0, **arms):
    """Arms of 3,000 people as (median hours, share that ever converts), seeded; `waiting` of them halfway."""
    random = np.random.default_rng(4)
    hours = tuple(window * part / 48 for part in range(1, 49))
    converted, waited = {}, {}
    for arm, (median, rate) in arms.items():
        times = random.exponential(median / np.log(2), round(3000 * rate))
        parts = np.ceil(times / window * 48).astype(int)
        converted[arm] = tuple(int((parts == part).sum()) for part in range(1, 49))
        left = 3000 - sum(converted[arm])
        waited[arm] = tuple(waiting if part == 24 else left - waiting if part == 48 else 0 for part in range(1, 49))
    return Delays(hours, converted, waited, converted)


def stands(delays):
    counts = {arm: (sum(delays.converted[arm]), 3000) for arm in delays.converted}
    question = make_question(tuple(counts))
    return standing(question, make_evidence(make_rate(counts), delays=delays))


def test_each_arm_has_its_curve():
    """The curve ends at the conversion rate, half of the conversions came by the median, nothing is to come."""
    found = stands(make_delays(control=(4.0, 0.12), story=(4.0, 0.15)))["delay"]
    control = found["arms"][0]

    assert found["window_hours"] == 24
    assert found["ok"]
    assert control["converted_by"][-1] == pytest.approx(control["conversions"] / 3000, abs=1e-6)
    assert control["converted_by"] == sorted(control["converted_by"])
    assert control["median_hours"] == pytest.approx(4.0, abs=1.0)
    assert control["still_to_come"] == 0


def test_who_waits_is_expected_to_convert_as_the_others_did():
    """A thousand people halfway through the window bring what the curve says of its second half."""
    found = stands(make_delays(waiting=1000, control=(12.0, 0.2), story=(12.0, 0.2)))["delay"]

    assert 0.05 < found["arms"][0]["still_to_come"] < 0.2


def test_a_window_that_is_too_short_for_the_slower_arm_is_warned_of():
    """Medians of 3 and 6 hours within 24: the warning names both arms, in both languages."""
    found = stands(make_delays(control=(6.0, 0.12), story=(3.0, 0.12)))

    assert not found["delay"]["ok"]
    assert found["delay"]["p_value"] < 0.001
    assert any("faster arm a false winner" in warning and "of control" in warning for warning in found["warnings"])
    assert any("虚假胜出" in warning for warning in found["warnings_zh"])


@pytest.mark.parametrize(
    ("window", "control", "story"),
    [
        (24.0, (4.0, 0.10), (4.0, 0.25)),
        (96.0, (6.0, 0.12), (3.0, 0.12)),
        (24.0, (6.0, 0.004), (1.0, 0.004)),
    ],
)
def test_no_warning_without_a_reason(window, control, story):
    """A higher rate at one speed, a window long enough for both speeds, and a handful of conversions are no reason."""
    found = stands(make_delays(window, control=control, story=story))

    assert found["delay"]["ok"]
    assert not any("speeds" in warning for warning in found.get("warnings", ()))


def test_nobody_and_everybody_give_numbers():
    """An arm that nobody was dialed in has no curve; one in which everybody converted at once has."""
    none = (0,) * 48
    delays = Delays(
        HOURS, {"control": none, "story": (50, *none[1:])}, {"control": none, "story": none},
        {"control": none, "story": (50, *none[1:])},
    )  # fmt: skip
    found = standing(make_question(), make_evidence(make_rate({"control": (0, 0), "story": (50, 50)}), delays=delays))

    json.dumps(found, allow_nan=False)
    assert [arm["arm"] for arm in found["delay"]["arms"]] == ["story"]
    empty = Delays(HOURS, {"control": none}, {"control": none}, {"control": none})
    assert "delay" not in standing(
        make_question(("control",)), make_evidence(make_rate({"control": (0, 0)}), delays=empty)
    )


COSTS = {"control": 10.0, "twenty": 20.0, "thirty": 30.0}


def test_incentives_that_stand_in_an_order_are_read_as_a_trend():
    """10, 20 and 30 of cost with rising rates: the slope per unit, and the sentence says what the whole step brings."""
    found = make_standing({"control": (300, 3000), "twenty": (345, 3000), "thirty": (390, 3000)}, costs=COSTS)["trend"]

    assert found["per_unit"] == pytest.approx(0.0015)
    assert found["p_value"] < 0.001
    assert "raises" in found["sentence"]
    assert "by 3 points" in found["sentence"]
    assert "越高" in found["sentence_zh"]


def test_a_trend_that_is_not_clear_is_said_to_be_open():
    """Equal rates leave it open, and falling ones fall."""
    flat = make_standing({"control": (300, 3000), "twenty": (310, 3000), "thirty": (305, 3000)}, costs=COSTS)
    falling = make_standing({"control": (400, 3000), "twenty": (340, 3000), "thirty": (280, 3000)}, costs=COSTS)

    assert "is open" in flat["trend"]["sentence"]
    assert "lowers" in falling["trend"]["sentence"]


@pytest.mark.parametrize(
    ("counts", "costs"),
    [
        ({"control": (300, 3000), "twenty": (345, 3000)}, {"control": 10.0, "twenty": 20.0}),
        ({"control": (300, 3000), "twenty": (345, 3000), "thirty": (390, 3000)}, dict.fromkeys(COSTS, 5.0)),
        ({"control": (0, 3000), "twenty": (0, 3000), "thirty": (0, 3000)}, COSTS),
        ({"control": (3, 30), "twenty": (0, 0), "thirty": (4, 30)}, COSTS),
    ],
)
def test_what_has_no_order_has_no_trend(counts, costs):
    """Two arms, one cost for all, no success anywhere, or an empty arm: no trend is claimed."""
    assert "trend" not in make_standing(counts, costs=costs)
