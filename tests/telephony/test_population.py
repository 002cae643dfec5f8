"""The simulated people: their rates, what is planted in them, and that they are the same everywhere."""

import hashlib
import math
import random
import statistics
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.errors import InputError
from engine.telephony.assumptions import Assumptions
from engine.telephony.chance import Chance
from engine.telephony.odds import DAYTIME, FATIGUE, READINESS, RECEPTIVE, Arms
from engine.telephony.population import DELAY_SPREAD
from tests.telephony.makers import (
    NOW,
    endings,
    friends,
    hear,
    make_adapter,
    make_message,
    make_request,
    make_requests,
    play,
)

MANY = 20_000


def near(count: float, of: int, rate: float) -> bool:
    """Whether a count is within four standard errors of its expectation."""
    return abs(count - of * rate) <= 4 * math.sqrt(of * rate * (1 - rate)) + 1e-9


@lru_cache
def campaign() -> tuple[Event, ...]:
    """Two attempts to everybody, the hours spread evenly over the day."""
    adapter = make_adapter()
    midnight = NOW - timedelta(hours=10)
    for hour in DAYTIME:
        contacts = [f"c{number}" for number in range(MANY) if number % len(DAYTIME) == hour - DAYTIME[0]]
        adapter.submit([make_request(contact) for contact in contacts], midnight + timedelta(hours=hour))
    missed = [
        call for call, event in endings(hear(adapter)).items() if event.disposition is not Disposition.ANSWERED_HUMAN
    ]
    # A gap that moves every second call to another hour than its first, evenly.
    random.Random(1).shuffle(missed)
    for place, hour in enumerate(DAYTIME):
        again = [make_request(call.split("/")[1], attempt=2) for call in missed[place :: len(DAYTIME)]]
        adapter.submit(again, midnight + timedelta(days=1, hours=hour))
    return tuple(hear(adapter))


def reached(events: tuple[Event, ...] | list[Event]) -> set[str]:
    return {
        event.call.split("/")[1]
        for event in events
        if event.kind is Kind.ENDED and event.disposition is Disposition.ANSWERED_HUMAN
    }


def test_two_attempts_reach_the_connect_rate() -> None:
    """72% of the list is reached within two attempts, the hours of the day taken evenly."""
    assert near(len(reached(campaign())), MANY, 0.72)


def test_the_conversion_is_that_of_the_list() -> None:
    """12% of everybody who was called become friends, and half of them order."""
    events = list(campaign())
    assert near(len(friends(events)), MANY, 0.12)
    orders = [event for event in events if event.name == "ordered"]
    assert near(len(orders), len(friends(events)), 0.5)
    assert sum(event.value for event in orders) / len(orders) == pytest.approx(180, rel=0.05)


def test_those_reached_behave_as_people_do() -> None:
    """A quarter says yes, a sixth leaves early, one in a hundred opts out."""
    talks = [event for event in campaign() if event.disposition is Disposition.ANSWERED_HUMAN]
    share = Counter[str]()
    for event in talks:
        share["intent"] += bool(event.intent)
        share["early"] += event.early
        share["opt_out"] += event.opt_out
    people = len(talks)
    assert near(share["intent"], people, (0.12 + 0.135 * 0.6) / 0.72)
    assert 0.25 < share["intent"] / people < 0.30
    assert near(share["early"], people, 0.215 * 0.6 / 0.72)
    assert near(share["opt_out"], people, 0.01)
    assert all((event.seconds < 10) == event.early for event in talks)
    assert {event.block for event in talks} == {"opening", "benefit", "invitation", "closing"}
    assert all(event.block == "closing" for event in talks if event.intent)
    assert all(event.cost == 0.15 * math.ceil(event.seconds / 60) for event in talks)


def test_a_talk_takes_as_long_as_the_setting_says() -> None:
    """With a script of 40 s, which a request without script stands for, talk takes 35 s on average."""

    def mean(**more: Any) -> float:
        heard = endings(play(make_requests(2000, script=()), **more)).values()
        talks = [event.seconds for event in heard if event.disposition is Disposition.ANSWERED_HUMAN]
        return sum(talks) / len(talks)

    assert mean() == pytest.approx(35, abs=1.8)
    assert mean(talk="25s") == pytest.approx(25, abs=1.5)
    assert mean(talk="41s") == pytest.approx(41, abs=1.8)
    assert mean(talk="2m") == pytest.approx(mean(talk="3m"), abs=0.1)


def test_first_calls_that_nobody_answers_have_their_dispositions() -> None:
    """Each disposition has its share of the first calls that no person answers."""
    missed = Counter(
        event.disposition
        for event in campaign()
        if event.call.endswith("/1") and event.kind is Kind.ENDED
        if event.disposition is not Disposition.ANSWERED_HUMAN
    )
    shares = {
        "no_answer": 0.45,
        "busy": 0.17,
        "answered_machine": 0.12,
        "unreachable": 0.12,
        "rejected": 0.09,
        "invalid_number": 0.05,
    }
    for disposition, share in shares.items():
        assert near(missed[Disposition(disposition)], missed.total(), share), disposition


def test_dead_numbers_and_machines_stay_what_they_are() -> None:
    """A number that does not exist does not exist at the next attempt either."""
    ends = endings(list(campaign()))
    for call, event in ends.items():
        if call.endswith("/1") and event.disposition in (
            Disposition.INVALID_NUMBER,
            Disposition.ANSWERED_MACHINE,
        ):
            assert ends[call[:-1] + "2"].disposition is event.disposition


def test_each_attempt_is_answered_less_often_than_the_one_before() -> None:
    """People who did not answer once answer less and less."""
    rates = [len(reached(play(make_requests(2500, attempt=attempt)))) for attempt in (1, 2, 3, 4)]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 4


def test_the_hour_changes_who_answers_and_not_who_converts() -> None:
    """Evenings reach more people; the friends are the same at every hour."""
    contacts = make_requests(2500)
    heard = {}
    for switch in ("on", "off"):
        for hours in (0, 9):  # ten and nineteen o'clock
            adapter = make_adapter(hour_effect=switch)
            adapter.submit(contacts, NOW + timedelta(hours=hours))
            heard[switch, hours] = hear(adapter)
    assert len(reached(heard["on", 9])) > len(reached(heard["on", 0])) + 60
    assert reached(heard["off", 9]) == reached(heard["off", 0])
    assert len({frozenset(friends(events)) for events in heard.values()}) == 1


def test_drift_swings_the_conversion_over_the_day() -> None:
    """With drift the rate is lower in the morning and higher in the evening, for every arm alike."""
    assumed = Assumptions.read({"drift": "25%"})
    arms = Arms(assumed, {"exp": {"b": 0.02}})
    for arm, base in (("control", 0.12), ("b", 0.14)):
        rates = [arms.friend(arms.odds("exp", arm), hour) for hour in DAYTIME]
        assert sum(rates) / len(rates) == pytest.approx(base)
        assert (rates[0], rates[-1]) == (pytest.approx(base - 0.03), pytest.approx(base + 0.03))


def test_a_planted_lift_is_exact() -> None:
    """The same people under two arms differ exactly where their number lies between the two rates."""
    truth = {"exp": {"better": 0.03, "worse": {"conversion": -0.05}}}
    heard = {arm: play(make_requests(2500, arm=arm), truth) for arm in ("control", "better", "worse")}
    chance = Chance(1)
    receptive = {f"exp/c{number}/1": chance.eight("person", f"c{number}")[0] for number in range(2500)}
    for arm, rate in (("control", 0.12), ("better", 0.15), ("worse", 0.07)):
        assert friends(heard[arm]) == {call for call, number in receptive.items() if number < rate}
    between = {call for call, number in receptive.items() if 0.12 <= number < 0.15}
    assert friends(heard["better"]) - friends(heard["control"]) == between


def test_who_answers_does_not_depend_on_the_arm() -> None:
    """Scripts, voices and planted conversions change nobody's answering; a planted connect does."""
    truth = {"exp": {"better": {"conversion": 0.1, "intent": 0.1, "delay": 2}, "late": {"connect": 0.05}}}
    heard = {arm: reached(play(make_requests(2500, arm=arm), truth)) for arm in ("control", "better", "late")}
    assert heard["control"] == heard["better"]
    assert heard["control"] < heard["late"]


def test_a_friend_is_a_friend_whatever_is_said_and_when() -> None:
    """Script, attempt, timing and a message change no conversion."""
    plain = make_adapter()
    plain.submit(make_requests(2000), NOW)
    other = make_adapter()
    requests = make_requests(2000, script=(("opening", "hello"),), attempt=3)
    other.submit(requests, NOW + timedelta(hours=7))
    other.send([make_message(request.call) for request in requests], NOW + timedelta(hours=7, minutes=3))
    assert {call[:-2] for call in friends(hear(plain))} == {call[:-2] for call in friends(hear(other))}


@pytest.mark.parametrize(
    ("effect", "lift", "base"),
    [
        ("intent", 0.05, 0.12 + 0.135 * 0.6),
        ("early_hangup", -0.05, 0.215 * 0.6),
        ("opt_out", 0.03, 0.0072),
        ("complaint", 0.01, 0.000072),
        ("order", 0.03, 0.06),
    ],
)
def test_planted_effects_of_every_kind_are_those_of_the_list(effect: str, lift: float, base: float) -> None:
    """A planted lift moves the metric's rate over everybody called by that much."""
    arms = Arms(Assumptions(), {"exp": {"b": {effect: lift}}})
    odds, reach = arms.odds("exp", "b"), 0.72
    others = reach - odds.friend
    rates = {
        "intent": odds.friend + others * odds.yes,
        "early_hangup": others * odds.early,
        "opt_out": others * (1 - odds.yes) * odds.opt_out,
        "complaint": reach * odds.complaint,
        "order": odds.friend * odds.order,
    }
    assert rates[effect] == pytest.approx(base + lift)
    plain = arms.odds("exp", "control")
    assert odds.friend == plain.friend
    assert odds.pickup == pytest.approx(plain.pickup)


def test_a_planted_complaint_is_heard_hours_later() -> None:
    """Complaints come after the call, on the days' clock."""
    events = play(make_requests(2500), {"exp": {"control": {"complaint": 0.02}}})
    complaints = [event for event in events if event.kind is Kind.COMPLAINED]
    calls = endings(events)
    assert near(len(complaints), 2500, 0.02 + 0.000072)
    assert all(event.at - calls[event.call].at >= timedelta(hours=1) for event in complaints)


@given(connect=st.floats(0.35, 0.97), lift=st.floats(-0.3, 0.3), machine=st.floats(0, 0.5), hours=st.booleans())
@settings(deadline=None, max_examples=60)
def test_connect_is_calibrated(connect: float, lift: float, machine: float, hours: bool) -> None:
    """Whatever rates are asked for, two attempts over the day's hours come to them or it is refused."""
    shares = {"machine": machine, "busy": 0.5 - machine, "no_answer": 0.5}
    rest = {"invalid": 0, "unreachable": 0, "rejected": 0}
    assumed = Assumptions.read(
        {"connect": connect, "conversion": 0, "hour_effect": hours, "opt_out": 0, "complaint": 0} | shares | rest
    )
    try:
        arms = Arms(assumed, {"exp": {"b": {"connect": lift}}})
    except InputError:
        arms = Arms(assumed, {})
        wanted = {"control": connect}
        assert connect + lift < RECEPTIVE or connect + lift > 1 - arms.out_of_reach
    else:
        wanted = {"control": connect, "b": connect + lift}
    for arm, rate in wanted.items():
        pickup = arms.odds("exp", arm).pickup
        first = [min(1.0, pickup * arms.readiness[hour]) for hour in DAYTIME]
        second = [min(1.0, pickup * FATIGUE * arms.readiness[hour]) for hour in DAYTIME]
        missed = (1 - sum(first) / len(first)) * (1 - sum(second) / len(second))
        others = 1 - RECEPTIVE - arms.out_of_reach
        assert RECEPTIVE + others * (1 - missed) == pytest.approx(rate, abs=1e-9)


def test_readiness_is_one_on_average_by_day() -> None:
    """The hour moves people within the day and changes nothing over it."""
    assert sum(READINESS[hour] for hour in DAYTIME) / len(DAYTIME) == pytest.approx(1)


def test_conversions_come_hours_later_and_nearly_all_within_three_days() -> None:
    """The median is six hours, the planted factor multiplies it, and 99.9% lie within 72 hours."""

    def hours(**truth: float) -> list[float]:
        events = play(make_requests(6000), {"exp": {"control": truth}} if truth else {})
        calls = endings(events)
        won = [event for event in events if event.name == "friend_added"]
        return sorted((event.at - calls[event.call].at) / timedelta(hours=1) for event in won)

    plain, slow = hours(), hours(delay=2.0)
    assert plain[len(plain) // 2] == pytest.approx(6, rel=0.1)
    spread = statistics.NormalDist(math.log(6), DELAY_SPREAD)
    assert spread.cdf(math.log(72)) == pytest.approx(0.999, abs=0.0002)
    assert statistics.stdev(map(math.log, plain)) == pytest.approx(DELAY_SPREAD, rel=0.1)
    assert plain[0] >= 1 / 6
    assert len(slow) == len(plain)
    assert slow[len(slow) // 2] == pytest.approx(2 * plain[len(plain) // 2], rel=1e-6)


def test_chance_is_uniform_and_a_function_of_names() -> None:
    """Numbers are spread evenly, and differ by seed, purpose, name and attempt."""
    chance = Chance(7)
    drawn = [number for each in range(5000) for number in chance.eight("person", f"c{each}")]
    tenths = Counter(int(number * 10) for number in drawn)
    assert set(tenths) == set(range(10))
    assert sum((count - 4000) ** 2 / 4000 for count in tenths.values()) < 30
    first = chance.eight("person", "c1")
    assert Chance(7).eight("person", "c1") == first
    others = [Chance(8).eight("person", "c1"), chance.eight("call", "c1"), chance.eight("person", "c2")]
    assert first not in [*others, chance.eight("person", "c1", 1)]


CAMPAIGN = """
import hashlib
from tests.telephony.makers import make_requests, play
print(hashlib.sha256(repr(play(make_requests(500), repeats="20%", late="20%")).encode()).hexdigest())
"""


def test_another_process_hears_the_same_campaign() -> None:
    """The same seed gives the same events, to the microsecond, whatever the process's own hash seed."""
    here = repr(play(make_requests(500), repeats="20%", late="20%")).encode()
    other = subprocess.run([sys.executable, "-c", CAMPAIGN], capture_output=True, text=True, check=True, timeout=60)
    assert other.stdout.strip() == hashlib.sha256(here).hexdigest()


# A campaign of other machines: a change of this number is a change of everybody's campaigns.
KNOWN = "36b537f310ec8765"


def test_the_campaign_of_seed_one_is_known() -> None:
    """The first seed's campaign has not changed."""
    events = play(make_requests(200))
    text = "\n".join(
        f"{event.key} {event.at.isoformat()} {event.disposition} {event.seconds} {event.value}" for event in events
    )
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == KNOWN


@given(st.integers(1, 60), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=15)
def test_batches_and_order_do_not_matter(size: int, dice: random.Random) -> None:
    """However the calls are split and ordered, their events are the same."""
    requests = make_requests(60)
    whole = play(requests)
    dice.shuffle(requests)
    adapter = make_adapter()
    for start in range(0, len(requests), size):
        adapter.submit(requests[start : start + size], NOW)
    assert sorted(hear(adapter), key=lambda event: event.key) == sorted(whole, key=lambda event: event.key)


def test_another_seed_is_another_campaign() -> None:
    """Seeds have their own people."""
    assert friends(play(make_requests(500))) != friends(play(make_requests(500), seed=2))


@pytest.mark.parametrize(
    ("settings_", "said"),
    [
        ({"conect": "72%"}, "conect: there is no such setting; did you mean 'connect'?"),
        ({"connect": "lots"}, "connect: 'lots' is not a percentage; write it as 5% or 0.05"),
        ({"connect": "30%"}, "connect: 30.00% is less than 35%"),
        ({"conversion": "36%"}, "a conversion of 36.00% is outside 0% to 35%"),
        ({"conversion": "30%", "drift": "50%"}, "outside 0% to 35%"),
        ({"busy": "20%"}, "add up to 103%; make it 100%"),
        ({"machine": "95%", "invalid": "5%"}, "machine and invalid leave nobody"),
        ({"talk": "35"}, "talk: '35' is not a duration"),
        ({"talk": "10m"}, "talk: 10m is outside 10s to 5m"),
        ({"conversion_delay": "0s"}, "'0s' is not more than 0s"),
        ({"order_value": "much"}, "'much' is not an amount of money"),
        ({"order_value": -1}, "-1 is not an amount of money"),
        ({"order_value": 10**400}, "not an amount of money"),
        ({"hour_effect": "maybe"}, "'maybe' is neither on nor off"),
        ({"seed": 1.5}, "1.5 is not a seed"),
        ({"seed": True}, "True is not a seed"),
        ({"secret": 5}, "a secret is text"),
        ({"opt_out": "90%"}, "opt_out would be"),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(settings_: dict[str, Any], said: str) -> None:
    """Settings are refused in the author's own words."""
    with pytest.raises(InputError) as caught:
        make_adapter(**settings_)
    assert said in str(caught.value)


def test_all_wrong_settings_are_named_at_once() -> None:
    """One error tells of everything that is wrong."""
    with pytest.raises(InputError, match=r"(?s)busi.*talk.*seed"):
        make_adapter(busi=1, talk=3, seed="x")


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ({"exp": {"b": 0.3}}, "truth of exp/b: a conversion of 42.00% is outside"),
        ({"exp": {"b": {"conversoin": 0.1}}}, "did you mean 'conversion'"),
        ({"exp": {"b": {"conversion": "3%"}}}, "conversion is '3%'; write a lift such as 0.03"),
        ({"exp": {"b": {"conversion": float("nan")}}}, "write a lift such as"),
        ({"exp": {"b": {"delay": 0}}}, "write how many times longer"),
        ({"exp": {"b": {"connect": 0.4}}}, "a connect of 112.00% is outside"),
        ({"exp": {"b": {"intent": -0.2}}}, "intent would be"),
        ({"exp": {"b": {"intent": 0.4, "early_hangup": 0.2}}}, "together are more than"),
        ({"exp": {"b": "big"}}, "'big' is not a mapping"),
        ({"exp": [0.1]}, "is not a mapping"),
    ],
)
def test_a_truth_that_cannot_be_is_refused(truth: dict[str, Any], said: str) -> None:
    """Planted effects that no population can have are named by experiment and arm."""
    with pytest.raises(InputError) as caught:
        make_adapter(truth=truth)
    assert said in str(caught.value)


def test_settings_may_be_text_from_the_environment() -> None:
    """Numbers that come from `${NAME}` are text, and read as numbers."""
    assumed = Assumptions.read({"seed": "3", "order_value": "99.5", "hour_effect": "off", "connect": "80%"})
    assert (assumed.seed, assumed.order_value, assumed.hour_effect, assumed.connect) == (3, 99.5, False, 0.8)
    assert "hush" not in repr(Assumptions.read({"secret": "hush"}))
