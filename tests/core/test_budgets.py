"""Budgets in calls and money, as a whole and for each day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.budgets import FIRST, Purse, Spent, day_of, is_limited
from engine.core.experiments import Budget
from engine.core.rules import ALLOWED, Deferred, Refused
from engine.core.windows import Hours, Window
from tests.core.makers import MONDAY, make_experiment

WINDOW = Window(Hours.parse("09:00-20:00"))
TOMORROW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # midnight in Shanghai
ZONES = ("Asia/Shanghai",)
LATER = MONDAY + timedelta(days=30)


def rule(budget: dict[str, float], spent: Spent, more: int = 0, not_after: datetime = LATER):
    """What the budget says of one more call on Monday at nine."""
    return Purse(Budget.model_validate(budget), spent, MONDAY, TOMORROW).ruling(more, WINDOW, ZONES, not_after)


@pytest.mark.parametrize(
    ("budget", "spent", "more", "said"),
    [
        ({"calls": 10}, Spent(calls=9), 0, ALLOWED), ({"calls": 10}, Spent(calls=9), 1, Refused("budget")),
        ({"spend": 5}, Spent(calls=9, money=4.99), 0, ALLOWED), ({"spend": 5}, Spent(money=5), 0, Refused("budget")),
        ({"calls_per_day": 3}, Spent(calls=99, calls_today=2), 0, ALLOWED),
        ({"calls_per_day": 3}, Spent(calls=99, calls_today=2), 1, "tomorrow"),
        ({"spend_per_day": 3}, Spent(money_today=3, money=3, calls=9), 0, "tomorrow"),
        ({"calls": 99, "calls_per_day": 3}, Spent(calls=99, calls_today=3), 0, Refused("budget")),
        ({"spend": 5}, Spent(calls=14, open=4, money=4), 0, ALLOWED),  # 4 + 4 × 0.4 is over
    ],
)  # fmt: skip
def test_what_is_spent_is_refused_and_what_is_left_for_today_waits(budget, spent, more, said):
    """The whole budget refuses, the day's defers to the next day's opening."""
    found = rule(budget, spent, more)
    if spent.open:
        assert found == Deferred("budget", MONDAY + timedelta(minutes=1))
    elif said == "tomorrow":
        assert found == Deferred("budget", datetime(2026, 11, 24, 1, 0, tzinfo=UTC))
    else:
        assert found == said


def test_a_call_that_cannot_wait_for_tomorrow_is_refused():
    """A deadline before the next day's opening and a spent day leave no time for the call."""
    spent = Spent(calls=3, calls_today=3)
    assert rule({"calls_per_day": 3}, spent, not_after=TOMORROW) == Refused("budget")


def test_a_call_in_flight_counts_with_what_one_costs():
    """Of five left, ten calls in flight at fifty cents each leave nothing, three leave room for seven."""
    budget = {"spend": 10}
    assert isinstance(rule(budget, Spent(calls=20, open=10, money=5)), Deferred)
    three = Spent(calls=13, open=3, money=5)
    assert rule(budget, three, 6) == ALLOWED
    assert isinstance(rule(budget, three, 7), Deferred)


@given(
    st.integers(1, 50), st.floats(0.5, 50), st.floats(0.01, 1),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=40),
)  # fmt: skip
def test_no_order_of_claims_and_endings_spends_more(calls, money, price, steps):
    """Claims that each ask for many, endings that come in between: never more calls, never more than a call over."""
    begun = ended = 0
    for wanted, ending in steps:
        purse = Purse(
            Budget(calls=calls, spend=money),  # type: ignore[call-arg]
            Spent(begun, begun - ended, ended * price),
            MONDAY,
            TOMORROW,
        )
        allowed = 0
        for _ in range(wanted):
            allowed += purse.ruling(allowed, WINDOW, ZONES, LATER) == ALLOWED
        begun += allowed
        ended = min(begun, ended + ending)
        assert begun <= calls
        assert begun * price < money + price + 1e-6 or begun <= FIRST


@pytest.mark.parametrize(
    ("region", "at", "begins", "hours"),
    [
        ("CN", datetime(2026, 11, 23, 15, 59, tzinfo=UTC), datetime(2026, 11, 22, 16, tzinfo=UTC), 24),
        ("CN", datetime(2026, 11, 23, 16, 0, tzinfo=UTC), datetime(2026, 11, 23, 16, tzinfo=UTC), 24),
        ("US", datetime(2026, 11, 24, 4, 59, tzinfo=UTC), datetime(2026, 11, 23, 5, tzinfo=UTC), 24),
        ("DE", datetime(2026, 10, 25, 12, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
        ("DE", datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
    ],
)  # fmt: skip
def test_a_day_is_one_of_the_region(region, at, begins, hours):
    """Midnight to midnight on the easternmost clock, of whatever length the day is."""
    found = day_of(make_experiment(audience={"roster": True, "region": region}), at)
    assert found == (begins, begins + timedelta(hours=hours))


def test_nothing_is_counted_where_nothing_is_limited():
    """An experiment without a budget costs no counting."""
    assert not is_limited(Budget())  # type: ignore[call-arg]
    assert is_limited(Budget(spend_per_day=1))  # type: ignore[call-arg]
