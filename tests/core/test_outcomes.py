"""Law 2: whatever order a provider reports in, and however often, the outcome is one."""

import random as chance
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core.calls import call_key
from engine.core.events import Event, Kind
from engine.core.metrics import FIELDS, METRICS, PAIRS, Sums
from engine.core.outcomes import Terms, judge
from engine.core.treatments import Disposition
from tests.core.makers import MONDAY, make_event

TERMS = Terms("friend_added", timedelta(hours=72), incentive_cost=20.0)


@st.composite
def reports(draw: st.DrawFn) -> list[Event]:
    """What a provider may report about one contact, over up to three attempts."""
    events = []
    for number in range(draw(st.integers(0, 9))):
        kind = draw(st.sampled_from(Kind))
        attempt = draw(st.integers(1, 3))
        events.append(
            make_event(
                kind, key=f"e{number}", minutes=draw(st.integers(0, 60 * 24 * 5)), call=call_key("x", "C1", attempt),
                disposition=draw(st.sampled_from(Disposition)) if kind is Kind.ENDED else None,
                seconds=draw(st.sampled_from([0.0, 5.0, 40.0])), cost=draw(st.sampled_from([0.0, 0.15])),
                intent=draw(st.sampled_from([None, True, False])),
                name=draw(st.sampled_from(["friend_added", "ordered"])),
                value=draw(st.sampled_from([0.0, 180.0])), questions=draw(st.sampled_from([(), ("免费吗",)])),
                block=draw(st.sampled_from(["", "opening", "benefit"])), opt_out=draw(st.booleans()),
            )
        )  # fmt: skip
    return events


@given(reports(), st.integers())
def test_order_and_repeats_do_not_matter(events, seed):
    """Whatever order a provider reports in, and however often, the outcome is one."""
    heard = events * 2
    chance.Random(seed).shuffle(heard)

    assert judge(heard, TERMS, MONDAY) == judge(events, TERMS, MONDAY)


def test_an_answered_call_makes_a_connected_contact():
    """One answered call: connected at the first attempt, with its talk time and cost."""
    outcome = judge([make_event(seconds=31.0, cost=0.15, intent=True, block="benefit")], TERMS, MONDAY)

    assert (outcome.calls, outcome.connected, outcome.first_connected, outcome.intent) == (1, 1, 1, 1)
    assert (outcome.listened, outcome.talk_seconds, outcome.cost) == (1, 31.0, 0.15)


def test_a_contact_reached_at_the_second_attempt_is_not_connected_at_the_first():
    """The placebo sees the first attempt alone."""
    first = make_event(key="a", disposition=Disposition.NO_ANSWER, seconds=0.0)
    second = make_event(key="b", minutes=300, call=call_key("gift-first", "C1", 2))
    outcome = judge([first, second], TERMS, MONDAY)

    assert (outcome.calls, outcome.connected, outcome.first_connected) == (2, 1, 0)


def test_a_second_attempt_heard_alone_is_not_the_first():
    """Where the first attempt's report is missing, the second does not take its place."""
    outcome = judge([make_event(call=call_key("gift-first", "C1", 2))], TERMS, MONDAY)
    assert (outcome.connected, outcome.first_connected) == (1, 0)


def test_a_conversion_counts_inside_its_window_and_not_after():
    """The window opens with the first call and closes `within` later, to the second."""
    call = make_event(minutes=0, seconds=0.0)
    inside = make_event(Kind.CONVERTED, key="c", minutes=72 * 60, name="friend_added")
    after = make_event(Kind.CONVERTED, key="c", minutes=72 * 60 + 1 / 60, name="friend_added")

    assert judge([call, inside], TERMS, MONDAY).converted == 1
    assert judge([call, after], TERMS, MONDAY).converted == 0


def test_a_contact_who_was_never_called_converts_by_the_assignment():
    """The holdout's window opens when it was assigned: what calling adds is compared over the same time."""
    won = make_event(Kind.CONVERTED, key="c", minutes=60, name="friend_added", call="")
    outcome = judge([won], TERMS, MONDAY)
    assert (outcome.dialled, outcome.converted) == (0, 1)


def test_the_incentive_is_paid_once_per_converted_contact():
    """Two reports of a conversion cost one coupon."""
    call = make_event(minutes=0, cost=0.3)
    wins = [make_event(Kind.CONVERTED, key=key, minutes=60, name="friend_added") for key in "ab"]
    assert judge([call, *wins], TERMS, MONDAY).cost == 20.3


def test_orders_add_up_to_revenue():
    """Two orders, one contact."""
    call = make_event(minutes=0)
    orders = [make_event(Kind.CONVERTED, key=f"o{n}", minutes=60 + n, name="ordered", value=50.0) for n in range(2)]
    outcome = judge([call, *orders], TERMS, MONDAY)
    assert (outcome.ordered, outcome.revenue, outcome.converted) == (1, 100.0, 0)


@given(st.lists(reports(), max_size=6))
def test_sums_hold_what_every_metric_needs(people):
    """A metric's tally from sums equals the metric counted contact by contact."""
    outcomes = [judge(events, TERMS, MONDAY) for events in people]
    sums = Sums.of(outcomes)
    for metric in METRICS.values():
        tally = sums.tally(metric)
        numbers = [metric.number(outcome) for outcome in outcomes]
        assert tally.count == len(outcomes)
        assert abs(tally.total - sum(numbers)) < 1e-6
        assert abs(tally.squares - sum(number * number for number in numbers)) < 1e-6


@given(st.lists(reports(), max_size=6), st.integers(0, 6))
def test_sums_of_parts_are_the_sums_of_the_whole(people, cut):
    """Tallies add: a look may be put together from parts."""
    outcomes = [judge(events, TERMS, MONDAY) for events in people]
    whole, parts = Sums.of(outcomes), Sums.of(outcomes[:cut]) + Sums.of(outcomes[cut:])
    assert whole.count == parts.count
    assert all(abs(whole.totals[name] - parts.totals[name]) < 1e-9 for name in FIELDS)
    assert all(abs(whole.products[pair] - parts.products[pair]) < 1e-6 for pair in PAIRS)
