"""Whatever was counted, the whole standing is numbers or reasons: every method, every kind, large and small."""

import json
import math
import warnings
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.conditionals import among_connected
from engine.core.evidence import Evidence, MetricTallies, Placebo, Question, Segments
from engine.core.metrics import METRICS
from engine.core.standings import standing
from engine.core.treatments import VARIABLES
from engine.core.verdicts import STATUSES
from engine.stats.tallies import Tally
from tests.core.standing_makers import make_question

ARMS = ("control", "a", "b", "c")
sizes = st.one_of(st.integers(0, 3), st.integers(0, 300), st.sampled_from([5_000, 1_000_000]))
rates = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))
values = st.sampled_from([0.0, 1.0, 3.5, 1e6, 1e-6, -2.0])


@st.composite
def rate_tallies(draw: st.DrawFn, arms: tuple[str, ...]) -> dict[str, Tally]:
    """(successes, contacts) of any size: none, one, a million; no success, all successes."""
    found = {}
    for arm in arms:
        contacts = draw(sizes)
        found[arm] = Tally.of_rate(round(draw(rates) * contacts), contacts)
    return found


@st.composite
def other_tallies(draw: st.DrawFn, arms: tuple[str, ...]) -> dict[str, Tally]:
    """Values of a few contacts or of many, with a second value each; some never vary."""
    found = {}
    for arm in arms:
        rows = draw(st.lists(st.tuples(values, values.map(abs)), max_size=5)) * draw(st.sampled_from([1, 40]))
        found[arm] = Tally.of([row[0] for row in rows], [row[1] for row in rows])
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Question, Evidence]:
    """A question of any method with any variables, and evidence of every kind."""
    arms = ARMS[: draw(st.integers(2, 4))]
    kind = draw(st.sampled_from(["conversion", "conversion", "opt_out", "revenue", "cost_per_conversion"]))
    kinds = {name: METRICS[name].kind for name in METRICS}
    tallies = {
        name: draw(rate_tallies(arms) if kinds[name] == "rate" else other_tallies(arms))
        for name in dict.fromkeys((kind, "intent", "profit", "revenue_per_call"))
    }
    changes = {arm: draw(st.sampled_from([None, *VARIABLES, "script+timing"])) for arm in arms[1:]}
    covariate = draw(st.booleans()) and kinds[kind] == "mean"
    metrics = [
        MetricTallies.of(METRICS[name], "secondary" if place else "primary", by_arm, covariate=covariate and not place)
        for place, (name, by_arm) in enumerate(tallies.items())
    ]
    part = {"intent": draw(rate_tallies(arms))}
    counted = {arm: round(metrics[0].counted(arm)[1]) for arm in arms}
    evidence = Evidence(
        (*metrics, *among_connected(part, {"control": None, **changes})),
        stages={"assigned": counted, "dialled": counted},
        placebo=Placebo("connect", draw(rate_tallies(arms))),
        mature=sum(counted.values()),
        waiting=draw(st.sampled_from([0, 7])),
        finished=draw(st.booleans()),
        harm={arm: (draw(st.integers(0, min(4, n))), n) for arm, n in counted.items()},
        segments=(Segments("tier", {"one": metrics[0].tallies, "two": draw(rate_tallies(arms))}),)
        if kinds[kind] == "rate"
        else (),
        per_day=draw(st.sampled_from([None, 100.0])),
    )
    question = make_question(
        arms,
        method=draw(st.sampled_from(["fixed", "sequential", "group"])),
        variables=changes,
        shares=dict.fromkeys(arms, 1 / len(arms)),
        planned=draw(st.sampled_from([None, 1, 400])),
        value_per_conversion=draw(st.sampled_from([None, 90.0])),
        alpha=draw(st.sampled_from([0.05, 0.2])),
        smallest_useful_lift=draw(st.sampled_from([0.01, 0.3])),
    )
    return question, evidence


def stand(question: Question, evidence: Evidence) -> dict[str, Any]:
    """The standing; a warning on the way is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return standing(question, evidence)


def numbers_in(value: Any) -> list[float]:
    """Every number of a standing."""
    if isinstance(value, dict | list | tuple):
        return [
            number for each in (value.values() if isinstance(value, dict) else value) for number in numbers_in(each)
        ]
    return [value] if isinstance(value, float) else []


@settings(max_examples=50, deadline=None)
@given(cases())
def test_a_standing_holds_numbers_or_reasons(case):
    """No NaN, no infinity, no warning; what has no number has a reason, and both languages speak."""
    found = stand(*case)

    json.dumps(found, allow_nan=False)
    assert all(map(math.isfinite, numbers_in(found)))
    assert found["verdict"]["status"] in STATUSES
    for said in (found["verdict"], found["verdict_zh"]):
        for text in (said["sentence"], said["next"], *said["reasons"]):
            assert text
            assert "nan" not in text
            assert "inf" not in text
    for metric in found["metrics"]:
        for arm in metric["arms"]:
            assert (arm["estimate"] is not None) or arm["reason"]
        for comparison in metric["comparisons"]:
            assert (comparison["difference"] is not None) or comparison["reason"]


@settings(max_examples=50, deadline=None)
@given(cases())
def test_a_range_leaves_zero_out_exactly_when_its_p_value_is_small(case):
    """`interval` goes with `p_value` at the level shown, `interval_adjusted` with `p_adjusted` at alpha."""
    question = case[0]
    for metric in stand(*case)["metrics"]:
        for comparison in metric["comparisons"]:
            for range_, p_value, limit in (
                ("interval", "p_value", 1 - question.level), ("interval_adjusted", "p_adjusted", question.alpha),
            ):  # fmt: skip
                low, high = comparison.get(range_) or (None, None)
                if low is None or high is None or abs(comparison[p_value] - limit) < 1e-9:
                    continue
                assert (low > 0 or high < 0) == (comparison[p_value] < limit), (metric["name"], comparison)


@settings(max_examples=30, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_arms_changes_nothing(case, random):
    """Treated arms in another order give the same numbers, statuses and claim."""
    question, evidence = case
    others = list(question.treated)
    random.shuffle(others)

    one, other = stand(question, evidence), stand(replace(question, arms=("control", *others)), evidence)

    assert one["verdict"]["status"] == other["verdict"]["status"]
    assert one["verdict"].get("arm") == other["verdict"].get("arm")
    assert one["verdict"]["arms"] == other["verdict"]["arms"]
    assert one.get("money", {}).keys() == other.get("money", {}).keys()
    for first, second in zip(one["metrics"], other["metrics"], strict=True):
        again = {each["arm"]: each for each in second["comparisons"]}
        for each in first["comparisons"]:
            for key in ("difference", "p_value", "p_adjusted"):
                ours, theirs = each.get(key), again[each["arm"]].get(key)
                assert (ours is None) == (theirs is None)
                assert ours is None or math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=1e-9)
