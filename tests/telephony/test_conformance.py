"""What every adapter promises, asked of each of them in turn."""

import json
import logging
import random
import string
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.events import Event
from engine.core.outcomes import Outcome, Terms, judge
from engine.errors import AdapterError, Forged, NotFound, Stale
from engine.telephony import ADAPTERS, adapter_names, capabilities, open_adapter
from engine.telephony.adapter import Adapter, Fate, Finding, MessageRequest
from engine.telephony.wire import body_of, signature
from tests.telephony.makers import NOW, NUMBER, make_message, make_request, make_requests

TERMS = Terms("friend_added", timedelta(hours=72))
SECRET = "a secret of the tests"


class Simulated:
    """How the suite sets the simulated provider up, and looks at what it did."""

    settings: Mapping[str, Any] = {"secret": SECRET}
    losing: Mapping[str, Any] = {"lost_receipts": "100%"}
    refusing: Mapping[str, Any] = {"refuses": 1.0}
    untidy: Mapping[str, Any] = {"late": "40%", "repeats": "40%", "disorder": "40%", "progress": "on"}

    def placings(self, adapter: Any, call: str) -> int:
        return int(adapter.book.placings(call))

    def signed(self, body: bytes, now: Any) -> Mapping[str, str]:
        return signature(SECRET, body, now)


BENCHES = {"simulated": Simulated()}


@pytest.fixture(params=sorted(ADAPTERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def make(name: str, **more: Any) -> Adapter:
    return open_adapter(name, {**BENCHES[name].settings, **more}, {"book": ":memory:", "truth": {}})


def all_events(adapter: Adapter) -> list[Event]:
    events, cursor = adapter.poll("", NOW + timedelta(days=60), 100)
    heard = list(events)
    while events:
        events, cursor = adapter.poll(cursor, NOW + timedelta(days=60), 100)
        heard += events
    return heard


def outcomes(events: list[Event]) -> dict[str, Outcome]:
    by_call: dict[str, list[Event]] = {}
    for event in events:
        by_call.setdefault(event.call, []).append(event)
    return {call: judge(heard, TERMS, NOW) for call, heard in by_call.items()}


def test_every_adapter_is_in_the_suite() -> None:
    """An adapter that is not in its suite does not exist."""
    assert set(ADAPTERS) == set(BENCHES)
    assert set(ADAPTERS) <= set(adapter_names())


def test_an_unknown_adapter_is_named_with_the_nearest_one() -> None:
    """A wrong name is answered with the right one."""
    with pytest.raises(NotFound, match="did you mean 'simulated'"):
        open_adapter("simulatd", {}, {})


def test_an_adapter_is_one(name: str) -> None:
    """It has every method of the port, and its capabilities are those that are readable without it."""
    adapter = make(name)
    assert isinstance(adapter, Adapter)
    assert adapter.capabilities == capabilities(name)
    assert adapter.health(NOW).ok
    adapter.close()


def test_every_setting_is_described(name: str) -> None:
    """Capabilities name each setting with a sentence."""
    assert all(says.strip() for says in capabilities(name).settings.values())
    assert set(BENCHES[name].settings) <= set(capabilities(name).settings)


def test_there_is_one_receipt_per_request_in_their_order(name: str) -> None:
    """A batch of calls, good and bad, is answered one by one."""
    requests = make_requests(20)
    requests[3] = make_request("c3", not_after=NOW - timedelta(seconds=1))
    requests[5] = make_request("c5", to="not a number")
    requests[7] = make_request("c7", timezone="Nowhere/None")
    requests[9] = make_request("c9", call="exp/\ud800/1")
    receipts = make(name).submit(requests, NOW)
    assert [receipt.key for receipt in receipts] == [request.call for request in requests]
    assert receipts[3].fate is Fate.NOT_SENT
    assert receipts[5].fate is Fate.REFUSED
    assert all(receipts[place].fate in (Fate.REFUSED, Fate.NOT_SENT) for place in (3, 5, 9))
    assert receipts[0].fate is Fate.ACCEPTED
    assert receipts[0].provider_id


def test_an_empty_batch_has_no_receipts(name: str) -> None:
    """Nothing asked, nothing answered."""
    assert make(name).submit([], NOW) == []


def test_a_call_past_its_time_is_never_placed(name: str) -> None:
    """After `not_after` nothing rings, and at that instant it still does."""
    adapter = make(name)
    late = make_request("late", not_after=NOW - timedelta(microseconds=1))
    just = make_request("just", not_after=NOW)
    assert [receipt.fate for receipt in adapter.submit([late, just], NOW)] == [Fate.NOT_SENT, Fate.ACCEPTED]
    assert BENCHES[name].placings(adapter, late.call) == 0
    assert BENCHES[name].placings(adapter, just.call) == 1


def test_a_lost_answer_means_one_placing(name: str) -> None:
    """A call whose answer is lost is `UNKNOWN` and was placed exactly once: nothing tried again by itself."""
    adapter = make(name, **BENCHES[name].losing)
    receipts = adapter.submit(make_requests(50), NOW)
    assert {receipt.fate for receipt in receipts} == {Fate.UNKNOWN}
    assert {BENCHES[name].placings(adapter, receipt.key) for receipt in receipts} == {1}


def test_what_is_refused_never_rings(name: str) -> None:
    """`REFUSED` proves that nothing rang."""
    adapter = make(name, **BENCHES[name].refusing)
    receipts = adapter.submit(make_requests(20), NOW)
    assert {receipt.fate for receipt in receipts} == {Fate.REFUSED}
    assert {BENCHES[name].placings(adapter, receipt.key) for receipt in receipts} == {0}


def test_a_complete_lookup_tells_placed_from_never_placed(name: str) -> None:
    """Where the lookup is said to be complete, an unknown receipt can be settled by our key."""
    if capabilities(name).lookup != "by_key":
        pytest.skip("looks nothing up by our key")
    adapter = make(name, **BENCHES[name].losing)
    adapter.submit([make_request("ann")], NOW)
    found = adapter.find("exp/ann/1", NOW + timedelta(minutes=10))
    assert found.finding is Finding.FOUND
    assert found.provider_id
    assert {event.call for event in found.events} == {"exp/ann/1"}
    absent = adapter.find("exp/bob/1", NOW)
    expected = Finding.ABSENT if capabilities(name).lookup_is_complete else Finding.CANNOT_TELL
    assert absent.finding is expected


def test_events_are_as_capable_as_said(name: str) -> None:
    """Machines, prices, blocks and messages appear in events if and only if the capabilities say so."""
    adapter, able = make(name), capabilities(name)
    receipts = adapter.submit(make_requests(400), NOW)
    adapter.send([make_message(receipt.key) for receipt in receipts], NOW + timedelta(minutes=2))
    events = all_events(adapter)
    assert bool(events) == able.polls
    dispositions = {event.disposition for event in events}
    assert ("answered_machine" in dispositions) == able.detects_machines
    assert any(event.cost for event in events) == able.price
    assert any(event.block for event in events) == able.transcripts
    assert any(event.kind.startswith("message") for event in events) == able.sends_messages
    assert {event.call for event in events} <= {receipt.key for receipt in receipts}


def test_every_call_ends_once(name: str) -> None:
    """Each placed call has exactly one ending."""
    adapter = make(name)
    adapter.submit(make_requests(200), NOW)
    ended = [event.call for event in all_events(adapter) if event.kind == "ended"]
    assert sorted(ended) == sorted(request.call for request in make_requests(200))


def test_late_repeated_and_overtaken_reports_change_no_outcome(name: str) -> None:
    """However untidily a provider reports, each contact's outcome is one."""
    tidy, untidy = make(name, progress="on"), make(name, **BENCHES[name].untidy)
    for adapter in (tidy, untidy):
        adapter.submit(make_requests(300), NOW)
    plain, messy = all_events(tidy), all_events(untidy)
    assert len(messy) > len(plain)
    assert [event.at for event in messy] != sorted(event.at for event in messy)
    assert {event.key for event in messy} == {event.key for event in plain}
    assert outcomes(messy) == outcomes(plain)


def test_a_shuffled_ledger_gives_the_same_outcome(name: str) -> None:
    """Order and repeats of one adapter's events do not matter to `judge`."""
    adapter = make(name, progress="on")
    adapter.submit(make_requests(100), NOW)
    events = all_events(adapter)
    shuffled = events * 2
    random.Random(3).shuffle(shuffled)
    assert outcomes(shuffled) == outcomes(events)


def test_polling_in_small_steps_hears_everything_once(name: str) -> None:
    """A reader that keeps its cursor misses nothing and hears nothing twice, whatever its limit."""
    adapter = make(name)
    adapter.submit(make_requests(60), NOW)
    whole = all_events(adapter)
    cursor, steps = "", []
    while True:
        events, cursor = adapter.poll(cursor, NOW + timedelta(days=60), 1)
        if not events:
            break
        steps += events
    assert steps == whole
    assert adapter.poll(cursor, NOW + timedelta(days=60), 10) == ([], cursor)
    assert adapter.next_event_at(cursor) is None


def test_nothing_is_known_before_it_happens(name: str) -> None:
    """A poll gives only events that have happened by its instant."""
    adapter = make(name)
    adapter.submit(make_requests(100), NOW)
    until = NOW + timedelta(seconds=15)
    events, cursor = adapter.poll("", until, 1000)
    assert events
    assert all(event.at <= until for event in events)
    following = adapter.next_event_at(cursor)
    assert following is not None
    assert following > until


def test_a_foreign_cursor_is_refused(name: str) -> None:
    """A cursor of another provider is an error that says so."""
    with pytest.raises(AdapterError, match="cursor"):
        make(name).poll("page=2", NOW, 10)


def test_a_signed_webhook_is_believed(name: str) -> None:
    """A webhook that the provider signed now passes, and its events are read as they were."""
    adapter = make(name)
    adapter.submit(make_requests(30), NOW)
    events = all_events(adapter)
    body = body_of(events)
    headers = BENCHES[name].signed(body, NOW)
    adapter.verify(headers, body, "https://example.com/webhooks/x", NOW)
    assert adapter.parse(headers, body) == events


def test_a_forged_webhook_is_not_believed(name: str) -> None:
    """One changed byte, no signature or another secret: the webhook is forged."""
    if capabilities(name).webhook_auth == "none":
        pytest.skip("signs nothing")
    adapter = make(name)
    body = b'{"events": []}'
    headers = BENCHES[name].signed(body, NOW)
    for wrong, text in ((headers, body + b" "), ({}, body), (signature("another", body, NOW), body)):
        with pytest.raises(Forged):
            adapter.verify(wrong, text, "", NOW)
    header, value = next(iter(headers.items()))
    adapter.verify({header.title(): value}, body, "", NOW)


def test_a_replayed_webhook_is_stale(name: str) -> None:
    """Where replays are said to be noticed, an old webhook is not believed."""
    adapter = make(name)
    body = b'{"events": []}'
    headers = BENCHES[name].signed(body, NOW)
    if not capabilities(name).replay_protected:
        adapter.verify(headers, body, "", NOW + timedelta(days=1))
        return
    for moment in (NOW + timedelta(hours=1), NOW - timedelta(hours=1)):
        with pytest.raises(Stale):
            adapter.verify(headers, body, "", moment)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELD = st.sampled_from([*Event.__dataclass_fields__, "extra"])
REPORT = st.dictionaries(FIELD, JSON, max_size=6).map(
    lambda drawn: {"key": "k", "kind": "ended", "at": "2026-11-23T02:00:00Z", "call": "exp/ann/1"} | drawn
)


OPEN = {name: make(name) for name in ADAPTERS}


@pytest.mark.parametrize("which", sorted(ADAPTERS))
@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=200) | JSON.map(lambda each: json.dumps(each).encode())
       | st.lists(REPORT, max_size=3).map(lambda each: json.dumps({"events": each}).encode()))  # fmt: skip
def test_no_payload_breaks_the_parser(which: str, body: bytes) -> None:
    """Whatever comes in is events or an AdapterError, and events can be judged and stored."""
    try:
        events = OPEN[which].parse({}, body)
    except AdapterError:
        return
    for event in events:
        judge([event], TERMS, NOW)
        event.key.encode()


@pytest.mark.parametrize("body", [
    b"", b"[", b"{}", b"[" * 100_000, b'{"events": [' + b'{"a":' * 50_000, b"\xff\xfe", b"1" * 10_000,
    b'{"events": [{"key": "k", "kind": "ended", "at": "2026-11-23T02:00:00"}]}',
    b'{"events": [{"key": "k", "kind": "ended", "at": "0001-01-01T00:00:00+14:00"}]}',
    b'{"events": [{"key": "k", "kind": "ended", "at": 1e300}]}',
    b'{"events": [{"key": "\\ud800", "kind": "ended", "at": "2026-11-23T02:00:00Z"}]}',
    b'{"events": [{"key": "\\u0000", "kind": "ended", "at": "2026-11-23T02:00:00Z"}]}',
    b'{"events": [{"key": "k", "kind": "ended", "at": "2026-11-23T02:00:00Z", "seconds": NaN}]}',
    b'{"events": [{"key": "k", "kind": "ended", "at": "2026-11-23T02:00:00Z", "seconds": -1}]}',
])  # fmt: skip
def test_a_bad_payload_is_an_adapter_error(name: str, body: bytes) -> None:
    """What cannot be read is refused by its field."""
    with pytest.raises(AdapterError):
        make(name).parse({}, body)


def test_no_number_appears_anywhere(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """A telephone number is in no receipt, event, lookup, error or log line."""
    caplog.set_level(logging.DEBUG)
    adapter = make(name)
    requests = [*make_requests(40), make_request("bad", to=NUMBER + "x"), make_request("")]
    said: list[object] = [*adapter.submit(requests, NOW)]
    said += adapter.send([make_message(request.call) for request in requests], NOW)
    said += adapter.send([MessageRequest("k", "none", NUMBER + "0000000", "")], NOW)
    said += all_events(adapter)
    said += [adapter.find("exp/c1/1", NOW + timedelta(days=9)), adapter.health(NOW)]
    for body in (NUMBER, json.dumps({"events": [{"key": NUMBER, "at": NUMBER, NUMBER: NUMBER}]})):
        with pytest.raises(AdapterError) as caught:
            adapter.parse({}, body.encode())
        said += [str(caught.value), repr(caught.value)]
    text = " ".join(map(repr, said)) + caplog.text
    assert NUMBER.strip(string.punctuation) not in text
    assert NUMBER[-9:] not in text
