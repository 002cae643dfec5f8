"""Every rule refuses or defers when it should, and the strictest answer holds."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core.rules import (
    ALLOWED,
    RULES,
    RULES_ZH,
    Deferred,
    Refused,
    expiry,
    opening,
    strictest,
    suppression,
)  # fmt: skip
from engine.core.windows import Hours, Window
from tests.core.makers import MONDAY

HOUR = timedelta(hours=1)
rulings = st.lists(
    st.one_of(
        st.just(ALLOWED),
        st.builds(Refused, st.sampled_from(sorted(RULES))),
        st.builds(Deferred, st.just("window"), st.integers(1, 9).map(lambda hours: MONDAY + hours * HOUR)),
    )
)


def test_a_suppressed_number_is_never_called():
    """Whatever else holds."""
    assert suppression(True) == Refused("suppressed")
    assert suppression(False) is ALLOWED


def test_a_call_is_placed_before_its_deadline_or_not_at_all():
    """The deadline itself is too late."""
    assert expiry(MONDAY, MONDAY) == Refused("expired")
    assert expiry(MONDAY - timedelta(microseconds=1), MONDAY) is ALLOWED


def test_a_closed_window_defers_and_one_that_opens_too_late_refuses():
    """At nine, a window from ten to twelve."""
    window = Window(Hours.parse("10:00-12:00"))
    zone = ("Asia/Shanghai",)
    assert opening(MONDAY, window, zone, MONDAY + 5 * HOUR) == Deferred("window", MONDAY + HOUR)
    assert opening(MONDAY + HOUR, window, zone, MONDAY + 5 * HOUR) is ALLOWED
    assert opening(MONDAY, window, zone, MONDAY + HOUR) == Refused("window")


@given(rulings)
def test_the_strictest_answer_holds(answers):
    """A refusal before a deferral, a later deferral before an earlier one, and allowed only when all allow."""
    found = strictest(answers)
    refusals = [answer for answer in answers if isinstance(answer, Refused)]
    deferrals = [answer for answer in answers if isinstance(answer, Deferred)]
    if refusals:
        assert found == refusals[0]
    elif deferrals:
        assert isinstance(found, Deferred)
        assert found.until == max(deferral.until for deferral in deferrals)
    else:
        assert found is ALLOWED


def test_every_rule_is_explained_in_both_languages():
    """A refusal is read by people."""
    assert set(RULES) == set(RULES_ZH)
