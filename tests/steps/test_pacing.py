"""How many calls a contact takes, and how many a second can be placed."""

import pytest

from engine.core.treatments import Treatment
from engine.steps.pacing import calls_each, days_of_parts, per_second
from tests.core.makers import make_experiment


@pytest.mark.parametrize(
    ("redial", "calls"),
    [
        ({"attempts": 1}, 1), ({"attempts": 2}, 1.4), ({"attempts": 3}, 1.56),
        ({"attempts": 3, "by": {"busy": {"gap": "10m"}}}, 1.56),
        ({"attempts": 2, "by": {"no_answer": {"attempts": 1}}}, 1 + 0.4 * 0.55),
        ({"attempts": 3, "by": {"no_answer": {"attempts": 2}}}, 1.4 + 0.4 * 0.4 * 0.55),
    ],
)  # fmt: skip
def test_fewer_attempts_for_a_disposition_are_fewer_calls(redial, calls):
    """The cap is of all calls, and what is given up earlier is not called again."""
    treatment = Treatment.model_validate({"script": "classic", "redial": redial})
    assert calls_each(treatment) == pytest.approx(calls)


def test_a_budget_for_each_day_slows_the_calls():
    """A thousand calls at a hundred a day take ten days, however fast the pace is."""
    timing = {"script": "classic", "timing": {"window": "10:00-20:00"}}
    experiment = make_experiment(control=timing, budget={"calls_per_day": 100}, conversion={"within": "1h"})
    assert per_second(experiment) == pytest.approx(100 / 36_000)
    (days,) = days_of_parts(experiment, [1000])
    assert days == pytest.approx(9 + 10 / 24 + 1 / 24)
