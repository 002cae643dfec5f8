"""What every adapter promises, asked of each of them in turn.

`pytest --adapter package.module:Bench tests/telephony/test_conformance.py` asks it of an adapter of your own.
"""

import json
import logging
import random
import string
from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.events import Event
from engine.core.outcomes import Outcome, Terms, judge
from engine.errors import AdapterError, Forged, NotFound, Stale
from engine.telephony import ADAPTERS, adapter_names, capabilities, open_adapter
from engine.telephony.adapter import Adapter, Capabilities, Fate, Finding, MessageRequest
from tests.telephony.benches import BENCHES, Bench
from tests.telephony.makers import NOW, NUMBER, make_message, make_request, make_requests

TERMS = Terms("friend_added", timedelta(hours=72))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask everything of every bench, or of those that `--adapter` names."""
    if "bench" in metafunc.fixturenames:
        named = metafunc.config.getoption("adapter")
        makers = [_named(one) for one in named] if named else list(BENCHES.values())
        metafunc.parametrize("bench", makers, indirect=True, ids=[maker.name for maker in makers])


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name or "Bench")


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """An adapter to be asked, with all that belongs to it."""
    made: Bench = request.param()
    yield made
    made.close()


def able(bench: Bench) -> Capabilities:
    """What an adapter says that it can do, as it is set up here."""
    found: Capabilities = bench.make().capabilities
    return found


def outcomes(events: list[Event]) -> dict[str, Outcome]:
    by_call: dict[str, list[Event]] = {}
    for event in events:
        by_call.setdefault(event.call, []).append(event)
    return {call: judge(heard, TERMS, NOW) for call, heard in by_call.items()}


def polling(bench: Bench) -> Adapter:
    """An adapter that is asked for its events; the test is skipped for others."""
    adapter = bench.make()
    if not adapter.capabilities.polls:
        pytest.skip("reports by webhook")
    return adapter


def test_every_adapter_is_in_the_suite() -> None:
    """An adapter that is not in its suite does not exist."""
    assert set(ADAPTERS) == set(BENCHES)
    assert set(ADAPTERS) <= set(adapter_names())


def test_an_unknown_adapter_is_named_with_the_nearest_one() -> None:
    """A wrong name is answered with the right one."""
    with pytest.raises(NotFound, match="did you mean 'simulated'"):
        open_adapter("simulatd", {}, {})


def test_an_adapter_is_one(bench: Bench) -> None:
    """It has every method of the port, and its capabilities are readable without it."""
    adapter = bench.make()
    assert isinstance(adapter, Adapter)
    assert isinstance(capabilities(bench.name), Capabilities)
    assert adapter.capabilities.settings == capabilities(bench.name).settings
    assert adapter.health(bench.now).ok
    adapter.close()


def test_every_setting_is_described(bench: Bench) -> None:
    """Capabilities name each setting with a sentence."""
    assert all(says.strip() for says in capabilities(bench.name).settings.values())


def test_there_is_one_receipt_per_request_in_their_order(bench: Bench) -> None:
    """A batch of calls, good and bad, is answered one by one."""
    requests = make_requests(20)
    requests[3] = make_request("c3", not_after=NOW - timedelta(seconds=1))
    requests[5] = make_request("c5", to="not a number")
    requests[9] = make_request("c9", call="exp/\ud800/1")
    receipts = bench.make().submit(requests, NOW)
    assert [receipt.key for receipt in receipts] == [request.call for request in requests]
    assert receipts[3].fate is Fate.NOT_SENT
    assert all(receipts[place].fate in (Fate.REFUSED, Fate.NOT_SENT) for place in (5, 9))
    assert {receipts[place].fate for place in range(20) if place not in (3, 5, 9)} == {Fate.ACCEPTED}
    assert receipts[0].provider_id


def test_an_empty_batch_has_no_receipts(bench: Bench) -> None:
    """Nothing asked, nothing answered."""
    assert bench.make().submit([], NOW) == []


def test_a_call_past_its_time_is_never_placed(bench: Bench) -> None:
    """After `not_after` nothing rings, and until then it does."""
    adapter = bench.make()
    late = make_request("late", not_after=NOW - timedelta(microseconds=1))
    just = make_request("just", not_after=NOW + bench.slack)
    assert [receipt.fate for receipt in adapter.submit([late, just], NOW)] == [Fate.NOT_SENT, Fate.ACCEPTED]
    assert bench.placings(adapter, late.call) == 0
    assert bench.placings(adapter, just.call) == 1


def test_a_lost_answer_means_one_placing(bench: Bench) -> None:
    """A call whose answer is lost is `UNKNOWN` and was placed exactly once: nothing tried again by itself."""
    adapter = bench.make("losing")
    receipts = adapter.submit(make_requests(50), NOW)
    assert {receipt.fate for receipt in receipts} == {Fate.UNKNOWN}
    assert {bench.placings(adapter, receipt.key) for receipt in receipts} == {1}


@pytest.mark.parametrize("manner", ["refusing", "limiting"])
def test_what_is_refused_never_rings(bench: Bench, manner: Any) -> None:
    """`REFUSED` proves that nothing rang, and every refusal has a reason."""
    adapter = bench.make(manner)
    receipts = adapter.submit(make_requests(20), NOW)
    assert {receipt.fate for receipt in receipts} == {Fate.REFUSED}
    assert all(receipt.reason for receipt in receipts)
    assert {bench.placings(adapter, receipt.key) for receipt in receipts} == {0}


def test_a_complete_lookup_tells_placed_from_never_placed(bench: Bench) -> None:
    """Where the lookup is said to be complete, an unknown receipt can be settled by our key."""
    adapter = bench.make("losing")
    if adapter.capabilities.lookup != "by_key":
        pytest.skip("looks nothing up by our key")
    adapter.submit([make_request("ann")], NOW)
    bench.events(adapter)
    found = adapter.find("exp/ann/1", NOW + timedelta(minutes=10))
    assert found.finding is Finding.FOUND
    assert found.provider_id
    assert {event.call for event in found.events} == {"exp/ann/1"}
    absent = adapter.find("exp/bob/1", NOW)
    assert absent.finding is (Finding.ABSENT if adapter.capabilities.lookup_is_complete else Finding.CANNOT_TELL)


def test_events_are_as_capable_as_said(bench: Bench) -> None:
    """Machines, prices, blocks and messages appear in events if and only if the capabilities say so."""
    adapter = bench.make()
    can = adapter.capabilities
    receipts = adapter.submit(make_requests(400), NOW)
    adapter.send([make_message(receipt.key) for receipt in receipts], NOW + timedelta(minutes=2))
    events = bench.events(adapter)
    assert bool(adapter.poll("", NOW + timedelta(days=60), 1)[0]) == can.polls
    dispositions = {event.disposition for event in events}
    assert ("answered_machine" in dispositions) == can.detects_machines
    assert any(event.cost for event in events) == can.price
    assert any(event.block for event in events) == can.transcripts
    assert any(event.kind.startswith("message") for event in events) == can.sends_messages
    assert {event.call for event in events} <= {receipt.key for receipt in receipts}


def test_every_call_ends_once(bench: Bench) -> None:
    """Each placed call has exactly one ending."""
    adapter = bench.make()
    adapter.submit(make_requests(200), NOW)
    ended = [event.call for event in bench.events(adapter) if event.kind == "ended"]
    assert sorted(ended) == sorted(request.call for request in make_requests(200))


def test_late_repeated_and_overtaken_reports_change_no_outcome(bench: Bench) -> None:
    """However untidily a provider reports, repeats have the same key, and each contact's outcome is one."""
    adapter = bench.make("untidy")
    adapter.submit(make_requests(300), NOW)
    messy = bench.events(adapter)
    tidy = sorted({event.key: event for event in messy}.values(), key=lambda event: (event.at, event.key))
    assert len(messy) > len(tidy)
    assert [event.at for event in messy] != sorted(event.at for event in messy)
    assert sorted(event.call for event in tidy if event.kind == "ended") == sorted(
        request.call for request in make_requests(300)
    )
    assert outcomes(messy) == outcomes(tidy)


def test_a_shuffled_ledger_gives_the_same_outcome(bench: Bench) -> None:
    """Order and repeats of one adapter's events do not matter to `judge`."""
    adapter = bench.make()
    adapter.submit(make_requests(100), NOW)
    events = bench.events(adapter)
    shuffled = events * 2
    random.Random(3).shuffle(shuffled)
    assert outcomes(shuffled) == outcomes(events)


def test_polling_in_small_steps_hears_everything_once(bench: Bench) -> None:
    """A reader that keeps its cursor misses nothing and hears nothing twice, whatever its limit."""
    adapter = polling(bench)
    adapter.submit(make_requests(60), NOW)
    whole = bench.events(adapter)
    cursor, steps = "", []
    while True:
        events, cursor = adapter.poll(cursor, NOW + timedelta(days=60), 1)
        if not events:
            break
        steps += events
    assert steps == whole
    assert adapter.poll(cursor, NOW + timedelta(days=60), 10) == ([], cursor)
    assert adapter.next_event_at(cursor) is None


def test_nothing_is_known_before_it_happens(bench: Bench) -> None:
    """A poll gives only events that have happened by its instant."""
    adapter = polling(bench)
    adapter.submit(make_requests(100), NOW)
    until = NOW + timedelta(seconds=15)
    events, cursor = adapter.poll("", until, 1000)
    assert events
    assert all(event.at <= until for event in events)
    following = adapter.next_event_at(cursor)
    assert following is not None
    assert following > until


def test_a_foreign_cursor_is_refused(bench: Bench) -> None:
    """A cursor of another provider is an error that says so."""
    with pytest.raises(AdapterError, match="cursor"):
        polling(bench).poll("page=2", NOW, 10)


def heard_of(bench: Bench) -> tuple[Adapter, Mapping[str, str], bytes]:
    """An adapter, and a webhook that its provider signed; the test is skipped where nothing is signed."""
    adapter = bench.make()
    if adapter.capabilities.webhook_auth == "none":
        pytest.skip("signs nothing")
    adapter.submit(make_requests(30), NOW)
    return adapter, *bench.webhooks(adapter)[0]


def test_a_signed_webhook_is_believed(bench: Bench) -> None:
    """A webhook that the provider signed now passes, however its headers are written, and its events are read."""
    adapter, headers, body = heard_of(bench)
    adapter.verify(headers, body, "https://example.com/webhooks/x", bench.now)
    adapter.verify({name.title(): value for name, value in headers.items()}, body, "", bench.now)
    assert adapter.parse(headers, body)
    assert adapter.parse(headers, body) == adapter.parse(headers, body)


def test_a_forged_webhook_is_not_believed(bench: Bench) -> None:
    """One changed byte, no signature or another secret: the webhook is forged."""
    adapter, headers, body = heard_of(bench)
    changed = bytes([body[0] ^ 1]) + body[1:]
    for wrong, text in ((headers, body + b" "), (headers, changed), ({}, body), (bench.signed(body, "other"), body)):
        with pytest.raises(Forged):
            adapter.verify(wrong, text, "", bench.now)


def test_a_replayed_webhook_is_stale(bench: Bench) -> None:
    """Where replays are said to be noticed, an old webhook is not believed."""
    adapter, headers, body = heard_of(bench)
    if not adapter.capabilities.replay_protected:
        adapter.verify(headers, body, "", bench.now + timedelta(days=1))
        return
    for moment in (bench.now + timedelta(hours=1), bench.now - timedelta(hours=1)):
        with pytest.raises(Stale):
            adapter.verify(headers, body, "", moment)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELD = st.sampled_from([*Event._fields, "extra"])
REPORT = st.dictionaries(FIELD, JSON, max_size=6).map(
    lambda drawn: {"key": "k", "kind": "ended", "at": "2026-11-23T02:00:00Z", "call": "exp/ann/1"} | drawn
)


REPORTS = st.lists(REPORT, max_size=3).map(lambda each: json.dumps({"events": each}).encode())
PATHS = ("event", "key", "time", "call.id", "call.status", "call.talk_seconds", "call.cost", "call.result.stop", "call")
SAID: dict[str, Any] = {
    "event": "e", "key": "exp/ann/1", "time": "2026-11-23T02:00:00Z", "call": {"id": "p", "status": "busy"},
}  # fmt: skip


def put(data: Any, path: str, value: Any) -> Any:
    """The data with a value at a dotted name."""
    first, _, others = path.partition(".")
    return (
        {**data, first: put(data.get(first, {}), others, value)}
        if others and isinstance(data, dict)
        else ({**data, first: value} if isinstance(data, dict) else data)
    )


NOISE = b'{}[]",:0123456789.eE-nulltrue\\u\x00\xff'
CHANGED = st.tuples(st.sampled_from(PATHS), JSON).map(lambda drawn: json.dumps(put(SAID, *drawn)).encode())
ANY_JSON = JSON.map(lambda each: json.dumps(each).encode())


def test_no_payload_breaks_the_parser(bench: Bench) -> None:
    """Whatever comes in, a thousand times, is events or an AdapterError, and events can be judged and stored."""
    adapter = bench.make()
    adapter.submit(make_requests(20), NOW)
    real = [body for _, body in bench.webhooks(adapter)]
    chance = random.Random(11)

    @settings(max_examples=150, deadline=None, database=None)
    @given(body=st.binary(max_size=200) | ANY_JSON | REPORTS | CHANGED)
    def parse(body: bytes) -> None:
        try:
            events = adapter.parse({}, body)
        except AdapterError:
            return
        for event in events:
            judge([event], TERMS, NOW)
            for text in (event.key, event.call, event.provider_id, event.detail):
                assert "\0" not in text
                text.encode()

    parse()
    for _ in range(1_000):
        parse.hypothesis.inner_test(_damaged(chance.choice(real), chance))  # type: ignore[attr-defined]


def _damaged(body: bytes, chance: random.Random) -> bytes:
    """A real webhook with some of its bytes changed, doubled or left out."""
    damaged = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(damaged))
        damaged[place : place + chance.randint(0, 3)] = bytes(chance.choices(NOISE, k=2))
    return bytes(damaged)


@pytest.mark.parametrize("body", [
    b"", b"[", b"{}", b"[" * 100_000, b'{"events": [' + b'{"a":' * 50_000, b"\xff\xfe", b"1" * 10_000, b"null",
    b'"text"', b"<html></html>",
    b'{"key": "k", "kind": "ended", "call": {"id": 1e999, "status": "busy"}}',
    b'{"events": [{"key": "k", "kind": "ended", "at": "2026-11-23T02:00:00"}]}',
    b'{"events": [{"key": "k", "kind": "ended", "at": "0001-01-01T00:00:00+14:00"}]}',
    b'{"events": [{"key": "k", "kind": "ended", "at": 1e300}]}',
    b'{"events": [{"key": "\\ud800", "kind": "ended", "at": "2026-11-23T02:00:00Z"}]}',
    b'{"events": [{"key": "\\u0000", "kind": "ended", "at": "2026-11-23T02:00:00Z"}]}',
    b'{"events": [{"key": "k", "kind": "ended", "at": "2026-11-23T02:00:00Z", "seconds": NaN}]}',
    b'{"events": [{"key": "k", "kind": "ended", "at": "2026-11-23T02:00:00Z", "seconds": -1}]}',
    b'{"key": "k", "time": "0001-01-01T00:00:00+14:00", "call": {"id": "p", "status": "busy"}}',
    b'{"key": "k", "time": 1e300, "call": {"id": "p", "status": "busy"}}',
    b'{"key": "\\u0000", "time": 1, "call": {"id": "\\ud800", "status": "busy"}}',
])  # fmt: skip
def test_a_bad_payload_is_an_adapter_error(bench: Bench, body: bytes) -> None:
    """What cannot be read is refused by its field."""
    with pytest.raises(AdapterError):
        bench.make().parse({}, body)


@pytest.mark.parametrize("manner", ["plain", "losing", "refusing"])
def test_no_number_appears_anywhere(bench: Bench, manner: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A telephone number is in no receipt, event, lookup, error, representation or log line."""
    caplog.set_level(logging.DEBUG)
    adapter = bench.make(manner)
    requests = [*make_requests(40), make_request("bad", to=NUMBER + "x"), make_request("")]
    said: list[object] = [adapter, *adapter.submit(requests, NOW)]
    said += adapter.send([make_message(request.call) for request in requests], NOW)
    said += adapter.send([MessageRequest("k", "none", NUMBER + "0000000", "")], NOW)
    said += bench.events(adapter)
    said += [adapter.find("exp/c1/1", NOW + timedelta(days=9)), adapter.health(NOW)]
    for body in (NUMBER, json.dumps({"events": [{"key": NUMBER, "at": NUMBER, NUMBER: NUMBER}]})):
        with pytest.raises(AdapterError) as caught:
            adapter.parse({}, body.encode())
        said += [str(caught.value), repr(caught.value)]
    text = " ".join(map(repr, said)) + caplog.text
    assert NUMBER.strip(string.punctuation) not in text
    assert NUMBER[-9:] not in text
