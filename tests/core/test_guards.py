"""Guards over several looks: each fires where it should and not elsewhere, and is carried on as JSON."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.evidence import Placebo
from engine.core.experiments import Guardrail
from engine.core.metrics import METRICS
from engine.core.shares import parse_lift
from engine.core.standings import MetricTallies, standing
from engine.core.watches import Watch
from engine.stats.balance import balance_odds
from engine.stats.tallies import Tally
from tests.core.standing_makers import make_evidence, make_question, make_rate

ARMS = ("control", "gift", "story")
SHARES = dict.fromkeys(ARMS, 1 / 3)
Look = Mapping[str, Any]


def play(*looks: Look, arms: tuple[str, ...] = ARMS, **question: Any) -> list[dict[str, Any]]:
    """The standing of every look, each going on from the JSON of the one before."""
    asked = make_question(arms, **({"shares": {arm: 1 / len(arms) for arm in arms}} | question))
    plain = make_rate(dict.fromkeys(arms, (100, 1000)))
    found: list[dict[str, Any]] = []
    for number, changes in enumerate(looks, 1):
        watch = Watch.from_json(json.loads(json.dumps(found[-1]["watch"])) if found else {})
        metrics = changes.get("metrics", ())
        rest = {name: value for name, value in changes.items() if name != "metrics"}
        evidence = make_evidence(plain, *metrics, **({"finished": False, "watch": watch} | rest))
        found.append(standing(asked, evidence, look=number))
    return found


def stages(*counts: int) -> dict[str, dict[str, int]]:
    return {"assigned": dict.fromkeys(ARMS, 1000), "dialled": dict(zip(ARMS, counts, strict=True))}


def dialled(found: Mapping[str, Any]) -> dict[str, Any]:
    return next(each for each in found["balance"] if each["stage"] == "dialled")


def test_an_arm_that_rests_starts_the_balance_anew():
    """What was dealt before an arm rested and after it multiply; what still comes of its calls is no imbalance."""
    resting = {"story": "dropped"}
    before, after, last = play(
        {"stages": stages(500, 510, 490)},
        {"stages": stages(800, 805, 505), "resting": resting},
        {"stages": stages(1000, 995, 512), "resting": resting},
    )

    assert dialled(before)["odds"] == pytest.approx(balance_odds((500, 510, 490), (1, 1, 1)))
    product = balance_odds((500, 510, 490), (1, 1, 1)) * balance_odds((500, 485), (1, 1))
    assert dialled(last)["odds"] == pytest.approx(product)
    assert dialled(last)["observed"] == {"control": 1000, "gift": 995, "story": 490}
    assert dialled(last)["expected"]["story"] == pytest.approx(500 / 2485)
    assert all(each["ok"] for found in (before, after, last) for each in found["balance"])


def test_an_imbalance_among_the_arms_that_are_left_is_found():
    """A dropped arm does not hide that another loses people: 1,000 against 560 since is no chance."""
    found = play(
        {"stages": stages(500, 510, 490)}, {"stages": stages(1500, 1070, 490), "resting": {"story": "dropped"}}
    )[-1]

    assert not dialled(found)["ok"]
    assert found["verdict"]["status"] == "data_problem"
    assert "gift has 1,070" in found["verdict"]["next"] or "control has 1,500" in found["verdict"]["next"]


def test_people_who_were_lost_are_not_found_again_by_later_calls():
    """An imbalance that passed the alarm stays a data problem when later calls hide it."""
    found = play({"stages": stages(900, 600, 750)}, {"stages": stages(30_000, 29_900, 29_950)})

    assert not dialled(found[0])["ok"]
    assert dialled(found[1])["odds"] < 1000 <= dialled(found[1])["highest"]
    assert found[1]["verdict"]["status"] == "data_problem"


def test_a_combined_arm_is_left_out_where_one_of_its_variables_may_differ():
    """A confirming arm with another timing may be dialed later; with another script and voice it may not."""
    counted = {"stages": stages(500, 300, 500)}

    late = play(counted, variables={"gift": "script+timing"})[0]
    plain = play(counted, variables={"gift": "script+voice"})[0]

    assert set(dialled(late)["observed"]) == {"control", "story"}
    assert dialled(late)["ok"]
    assert not dialled(plain)["ok"]


def heard(**counts: tuple[int, int]) -> dict[str, Any]:
    return {"harm": {"control": (0, 50_000), "gift": (0, 50_000), "story": (0, 50_000)} | counts}


def check(found: Mapping[str, Any], arm: str, kind: str) -> dict[str, Any]:
    return next(each for each in found["guardrails"] if (each["arm"], each["kind"]) == (arm, kind))


def test_an_arm_that_complains_more_than_the_control_is_stopped():
    """Nine complaints in 200,000 calls keep the limit, but the control has none; five do not tell the arms apart."""
    many = {"control": (0, 200_000), "gift": (1, 200_000)}

    five, nine = play({"harm": many | {"story": (5, 200_000)}}, {"harm": many | {"story": (9, 200_000)}})

    assert check(five, "story", "relative_harm")["status"] == "pass"
    assert check(nine, "story", "harm")["status"] == "pass"
    assert check(nine, "story", "relative_harm")["odds"] >= 100
    assert nine["verdict"]["arms"]["story"] == "stopped_for_safety"
    assert check(nine, "gift", "relative_harm")["status"] == "pass"
    assert any("9 complaints in 200,000 calls against 0 on the control" in why for why in nine["verdict"]["reasons"])
    assert any("对照有 0 次" in why for why in nine["verdict_zh"]["reasons"])


def test_the_share_of_the_calls_may_change():
    """Complaints are weighed by the calls that were made when they came, and stand still once the control rests."""
    first = {"harm": {"control": (1, 20_000), "gift": (2, 20_000)}}
    second = {"harm": {"control": (2, 30_000), "gift": (4, 50_000)}}
    third = {"harm": {"control": (2, 30_000), "gift": (9, 90_000)}, "resting": {"control": "dropped"}}

    found = play(first, second, third, arms=("control", "gift"))

    odds = [check(each, "gift", "relative_harm")["odds"] for each in found]
    expected = sum(
        weight * (times / (times / 2 + 0.5)) ** 2 / (times / 2 + 0.5)
        * (times / (times * 5 / 8 + 3 / 8)) ** 2 / (times * 5 / 8 + 3 / 8)
        for times, weight in ((3, 0.40), (10, 0.35), (30, 0.25))
    )  # fmt: skip
    assert odds[1] == pytest.approx(expected)
    assert odds[2] == odds[1]


def test_all_arms_together_are_held_to_the_limit():
    """Two complaints an arm stop none alone; six in 9,000 calls stop the campaign, and two do not."""
    few = play({"harm": dict.fromkeys(ARMS, (0, 3000)) | {"gift": (1, 3000), "story": (1, 3000)}})[0]
    many = play({"harm": dict.fromkeys(ARMS, (2, 3000))})[0]

    assert few["harm"]["ok"]
    assert few["verdict"]["status"] != "stopped_for_safety"
    assert all(each["status"] == "pass" for each in many["guardrails"])
    assert (many["harm"]["complaints"], many["harm"]["calls"], many["harm"]["ok"]) == (6, 9000, False)
    assert many["verdict"]["status"] == "stopped_for_safety"
    assert "all arms that go on have 6 complaints together" in many["verdict"]["sentence"]
    assert "control, gift, story" in many["verdict"]["next"]


def test_an_arm_that_is_stopped_does_not_stop_the_others():
    """Who goes on is counted without the arm that did the harm."""
    found = play({"harm": dict.fromkeys(ARMS, (0, 3000)) | {"story": (6, 3000)}})[0]

    assert found["verdict"]["arms"]["story"] == "stopped_for_safety"
    assert (found["harm"]["complaints"], found["harm"]["ok"]) == (0, True)


def test_an_alarm_stands_though_the_odds_fall_again():
    """An arm that rests for harm is stopped at every later look, whatever its calls in flight come to."""
    found = play({"harm": {"story": (2, 3000), "control": (0, 3000)}, "resting": {"story": "paused: complaint"}})[0]

    assert check(found, "story", "harm")["odds"] < 100
    assert [each["kind"] for each in found["guardrails"] if each["status"] == "fail"] == ["harm"]
    assert found["verdict"]["arms"]["story"] == "stopped_for_safety"


def placebo(*connected: int, people: int = 3000) -> dict[str, Any]:
    return {
        "placebo": Placebo("connect", {arm: Tally.of_rate(x, people) for arm, x in zip(ARMS, connected, strict=True)})
    }


def test_the_placebo_alarms_at_a_thousand_to_one_and_not_at_a_small_p():
    """p = 0.0005 may come up when looking often; 200 people of 3,000 more are beyond chance."""
    near, far = play(placebo(2100, 2110, 2220))[0], play(placebo(2100, 2110, 2310))[0]

    assert near["placebo"]["p_value"] < 0.001
    assert near["placebo"]["ok"]
    assert not far["placebo"]["ok"]
    assert far["placebo"]["odds"] >= 1000
    assert far["verdict"]["status"] == "data_problem"
    assert ": 1 against chance" in far["verdict"]["sentence"]


def test_the_placebo_is_carried_on():
    """A small difference that stays adds up over looks, each counted once."""
    odds = [found["placebo"]["odds"] for found in play(
        *(placebo(2100 * day, 2100 * day, 2200 * day, people=3000 * day) for day in range(1, 6))
    )]  # fmt: skip

    assert odds == sorted(odds)
    assert odds[0] < 1000 < odds[-1]
    again = play(*[placebo(2100, 2100, 2200)] * 5)
    assert again[0]["placebo"]["odds"] == again[-1]["placebo"]["odds"]


def opt_outs(*counts: int, people: int = 3000) -> dict[str, Any]:
    rate = {arm: (x, people) for arm, x in zip(ARMS, counts, strict=True)}
    return {"metrics": (make_rate(rate, name="opt_out", label="Opt-out", role="guardrail", better="lower"),)}


@pytest.mark.parametrize("margin", ["1pt", "50%"])
def test_margins_are_raced_over_the_looks(margin):
    """Harm beyond the margin fails, harm within it passes, and what passed once has passed."""
    guarded = {"guardrails": {"opt_out": Guardrail(no_worse_by=parse_lift(margin))}}
    days = [opt_outs(60 * day, 60 * day, 240 * day, people=3000 * day) for day in range(1, 5)]

    found = play(*days, **guarded)

    first, last = found[0], found[-1]
    assert check(first, "gift", "no_worse_by")["status"] == "undecided"
    assert check(last, "gift", "no_worse_by")["status"] == "pass"
    assert check(last, "gift", "no_worse_by")["odds_within"] >= 40
    assert check(last, "story", "no_worse_by")["status"] == "fail"
    assert last["verdict"]["arms"]["story"] == "stopped_for_safety"
    assert check(last, "story", "no_worse_by")["limit"] == pytest.approx(0.01)
    worse = play(*days, opt_outs(260, 300, 960, people=13_000), **guarded)[-1]
    assert check(worse, "gift", "no_worse_by")["status"] == "pass"


def test_a_mean_is_held_to_its_margin_by_a_range():
    """Talk time a fifth shorter than the control's fails a margin of 10 %, equal talk time passes."""
    tallies = {
        arm: Tally.of([mean - 3.0, mean + 3.0] * 2000) for arm, mean in (("control", 30), ("gift", 30), ("story", 24))
    }
    metric = MetricTallies.of(METRICS["talk_time"], "guardrail", tallies)

    found = play({"metrics": (metric,)}, guardrails={"talk_time": Guardrail(no_worse_by=parse_lift("10%"))})[0]

    assert check(found, "gift", "no_worse_by")["status"] == "pass"
    assert check(found, "story", "no_worse_by")["status"] == "fail"
    assert check(found, "story", "no_worse_by")["limit"] == pytest.approx(3.0)


def test_a_mean_of_nobody_is_no_guardrail():
    """Where a mean has no range yet nothing is said of it."""
    metric = MetricTallies.of(METRICS["profit"], "guardrail", dict.fromkeys(ARMS, Tally(0, 0, 0)))

    found = play({"metrics": (metric,)}, guardrails={"profit": Guardrail(no_worse_by=parse_lift("10%"))})[0]

    assert "guardrails" not in found


counts = st.tuples(*[st.integers(0, 60)] * 3)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(counts, counts, counts), min_size=1, max_size=3), st.booleans())
def test_any_counts_make_a_watch_that_is_json(drawn, rests):
    """Whatever comes, the watch is JSON without NaN, comes back as it was, and every guard has finite odds."""
    looks, dialled, connected, complained = [], [0] * 3, [0] * 3, [0] * 3
    for more, talked, angry in drawn:
        dialled = [was + new for was, new in zip(dialled, more, strict=True)]
        connected = [min(was + new, most) for was, new, most in zip(connected, talked, dialled, strict=True)]
        complained = [min(was + new, most) for was, new, most in zip(complained, angry, dialled, strict=True)]
        looks.append(
            {
                "stages": stages(*dialled),
                "harm": dict(zip(ARMS, zip(complained, dialled, strict=True), strict=True)),
                "resting": {"story": "dropped"} if rests and looks else {},
                "placebo": Placebo("connect", {
                    arm: Tally.of_rate(*pair)
                    for arm, pair in zip(ARMS, zip(connected, dialled, strict=True), strict=True)
                }),
            }
            | opt_outs(*connected, people=max(1, *dialled))
        )  # fmt: skip

    for found in play(*looks, guardrails={"opt_out": Guardrail(no_worse_by=parse_lift("1pt"))}):
        json.dumps(found, allow_nan=False)
        watch = json.loads(json.dumps(found["watch"]))
        assert json.loads(json.dumps(Watch.from_json(watch).as_json())) == watch
        assert all("odds" in each for each in (*found.get("balance", ()), *found["guardrails"]))
