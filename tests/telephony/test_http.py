"""What the adapter `http` puts on the wire, and what it makes of every answer, before real sockets."""

import hmac
import json
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.core.events import Kind
from engine.core.treatments import Disposition
from engine.errors import AdapterError, Forged, InputError, Stale
from engine.telephony import open_adapter
from engine.telephony.adapter import RECEIVED_AT, Fate, Finding
from engine.telephony.vendors import ENDINGS
from tests.telephony.benches import RENDERER, SECRET, STATUSES, http_settings
from tests.telephony.makers import NOW, NUMBER, make_message, make_request, make_requests
from tests.telephony.provider import Manner, Odds, signed
from tests.telephony.served import Served

Answer = Callable[[socket.socket, bytes, int], None]


class Socket:
    """A server at the level of bytes: what it read, and an answer to each request of a connection."""

    def __init__(self, answer: Answer) -> None:
        self.read: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            while request := self._request(connection):
                self.read.append(request)
                self._answer(connection, request, len(self.read))
        except OSError:
            return

    @staticmethod
    def _request(connection: socket.socket) -> bytes:
        got = b""
        while True:
            head, found, body = got.partition(b"\r\n\r\n")
            if found:
                length = next(
                    (line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), b":0"
                )
                if len(body) >= int(length.split(b":")[1]):
                    return got
            part = connection.recv(65536)
            if not part:
                return b""
            got += part

    def close(self) -> None:
        self._socket.close()
        for connection in self._open:
            connection.close()


def said(status: str, body: bytes = b"{}", more: str = "") -> Answer:
    """An answer of this status line and body."""

    def answer(connection: socket.socket, request: bytes, number: int) -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\n{more}\r\n"
        connection.sendall(head.encode() + body)

    return answer


def closes(connection: socket.socket, request: bytes, number: int) -> None:
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def never(connection: socket.socket, request: bytes, number: int) -> None:
    """Reads, and says nothing."""


ID = b'{"call": {"id": "p-1"}}'


@pytest.fixture
def opened() -> Iterator[list[Any]]:
    """What a test opened, closed in the end."""
    things: list[Any] = []
    yield things
    for thing in things:
        thing.close()


def make(opened: list[Any], url: str, callback: str = "", **changes: Any) -> Any:
    settings = http_settings(url, callback)
    for name, change in changes.items():
        settings[name] = {**settings[name], **change} if isinstance(change, dict) and name in settings else change
    adapter = open_adapter("http", settings, {"render": RENDERER.template})
    opened.append(adapter)
    return adapter


def served(opened: list[Any], answer: Answer) -> Socket:
    server = Socket(answer)
    opened.insert(0, server)
    return server


@pytest.mark.parametrize(
    ("answer", "fate"),
    [
        (said("201 Created", ID), Fate.ACCEPTED),
        (said("200 OK", b'{"call": {"id": 7}}'), Fate.ACCEPTED),
        (said("200 OK", b'{"call": {"id": true}}'), Fate.UNKNOWN),
        (said("200 OK", b'{"call": {"id": ""}}'), Fate.UNKNOWN),
        (said("200 OK", b'{"call": null}'), Fate.UNKNOWN),
        (said("200 OK", b"<html></html>"), Fate.UNKNOWN),
        (said("200 OK", b"\xff\xfe"), Fate.UNKNOWN),
        (said("204 No Content", b""), Fate.UNKNOWN),
        (said("302 Found", ID, "Location: /elsewhere\r\n"), Fate.UNKNOWN),
        (said("307 Temporary Redirect", b"", "Location: /calls\r\n"), Fate.UNKNOWN),
        (said("402 Payment Required"), Fate.REFUSED),
        (said("409 Conflict", ID), Fate.UNKNOWN),
        (said("429 Too Many Requests"), Fate.REFUSED),
        (said("500 Internal Server Error", ID), Fate.UNKNOWN),
        (said("503 Service Unavailable"), Fate.UNKNOWN),
        (closes, Fate.UNKNOWN),
        (lambda connection, *_: connection.sendall(b"garbage\r\n\r\n"), Fate.UNKNOWN),
        (lambda connection, *_: (connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{"),
                                 connection.shutdown(socket.SHUT_RDWR)), Fate.UNKNOWN),
        (never, Fate.UNKNOWN),
    ],
)  # fmt: skip
def test_an_answer_proves_what_it_says_and_no_more(opened: list[Any], answer: Answer, fate: Fate) -> None:
    """Whatever comes back, one request was on the wire, and only a plain yes or no is believed."""
    server = served(opened, answer)
    adapter = make(opened, server.url, submit={"timeout": "0.4s"})
    (receipt,) = adapter.submit([make_request()], NOW)
    assert receipt.fate is fate
    assert len(server.read) == 1
    assert bool(receipt.reason) == (fate is not Fate.ACCEPTED)


def test_what_never_left_was_not_sent(opened: list[Any]) -> None:
    """No such host, nobody listening, no TLS, no free connection: nothing can have rung."""
    idle = socket.create_server(("127.0.0.1", 0))
    port = idle.getsockname()[1]
    idle.close()
    plain = served(opened, said("201 Created", ID))
    for url in (f"http://127.0.0.1:{port}", "https://nobody.invalid", plain.url.replace("http:", "https:")):
        (receipt,) = make(opened, url).submit([make_request()], NOW)
        assert receipt.fate is Fate.NOT_SENT
    assert plain.read == []


def test_a_deadline_is_asked_at_the_first_byte(opened: list[Any]) -> None:
    """Requests of one batch that wait for their turn until their time has passed put nothing on the wire."""

    def slow(connection: socket.socket, request: bytes, number: int) -> None:
        threading.Event().wait(0.3)
        said("201 Created", ID)(connection, request, number)

    server = served(opened, slow)
    adapter = make(opened, server.url, submit={"parallel": 1})
    requests = [make_request(f"c{number}", not_after=NOW + timedelta(seconds=0.2)) for number in range(4)]
    fates = [receipt.fate for receipt in adapter.submit(requests, NOW)]
    assert fates == [Fate.ACCEPTED, Fate.NOT_SENT, Fate.NOT_SENT, Fate.NOT_SENT]  # the first answer came too late
    assert len(server.read) == 1


def test_a_process_that_slept_before_it_asked_finds_its_calls_late(opened: list[Any]) -> None:
    """The time is counted from when a call was written as sent, not from when the adapter is asked."""
    server = served(opened, said("201 Created", ID))
    adapter = make(opened, server.url)
    until = {"not_after": NOW + timedelta(hours=1), "send_by": NOW + timedelta(minutes=1)}
    early, late = (make_request(name, **until, clock=lambda by=by: NOW + by) for name, by in
                   [("early", timedelta(seconds=59)), ("late", timedelta(seconds=61))])  # fmt: skip
    assert [receipt.fate for receipt in adapter.submit([early, late], NOW)] == [Fate.ACCEPTED, Fate.NOT_SENT]
    assert len(server.read) == 1


@pytest.mark.parametrize(("minutes", "fate"), [(4, Fate.ACCEPTED), (6, Fate.NOT_SENT)])
def test_a_process_that_slept_over_its_messages_sends_none(
    opened: list[Any], monkeypatch: pytest.MonkeyPatch, minutes: int, fate: Fate
) -> None:
    """What was to follow a call does not come hours later, when the process wakes up."""
    server = served(opened, said("201 Created", b'{"message": {"id": "m-1"}}'))
    adapter = make(opened, server.url)
    monkeypatch.setattr("engine.telephony.http.Since", lambda: lambda: timedelta(minutes=minutes))
    assert [receipt.fate for receipt in adapter.send([make_message()], NOW)] == [fate]
    assert len(server.read) == (fate is Fate.ACCEPTED)


def test_a_process_that_slept_in_the_middle_of_a_request_does_not_end_it(opened: list[Any]) -> None:
    """Where its time passes between head and body the body is not sent: nothing rings late, and nobody is told so."""
    heads: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))
    opened.insert(0, listening)

    def read() -> None:
        connection, _ = listening.accept()
        with connection:
            while part := connection.recv(65536):
                heads.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    adapter = make(opened, f"http://127.0.0.1:{listening.getsockname()[1]}")
    instants = iter([NOW, NOW, NOW + timedelta(minutes=2)])  # before it is put together, at the head, at the body
    request = make_request(not_after=NOW + timedelta(minutes=1), clock=lambda: next(instants))
    (receipt,) = adapter.submit([request], NOW)
    reader.join(10)
    head, end, body = b"".join(heads).partition(b"\r\n\r\n")
    assert (receipt.fate, receipt.reason) == (Fate.UNKNOWN, "its time has passed")
    assert (head[:4], end, body) == (b"POST", b"\r\n\r\n", b"")


def test_an_answer_that_comes_twice_is_not_that_to_the_next_call(opened: list[Any]) -> None:
    """Each call has its own answer, whatever else a provider writes on the line, and its own connection."""

    def twice(connection: socket.socket, request: bytes, number: int) -> None:
        said("201 Created", b'{"call": {"id": "p-%d"}}' % number)(connection, request, number)
        said("201 Created", b'{"call": {"id": "p-%d"}}' % number)(connection, request, number)

    server = served(opened, twice)
    adapter = make(opened, server.url)
    receipts = [adapter.submit([make_request(f"c{number}")], NOW)[0] for number in range(1, 5)]
    assert [(receipt.fate, receipt.provider_id) for receipt in receipts] == [
        (Fate.ACCEPTED, f"p-{number}") for number in range(1, 5)
    ]
    assert server.connections == len(server.read) == 4


def test_a_connection_that_ends_without_an_answer_is_one_lost_call(opened: list[Any]) -> None:
    """The calls before and after it are what their own answers say."""
    server = served(opened, lambda *given: (closes if given[2] == 2 else said("201 Created", ID))(*given))
    adapter = make(opened, server.url)
    fates = [adapter.submit([make_request(name)], NOW)[0].fate for name in ("a", "b", "c")]
    assert fates == [Fate.ACCEPTED, Fate.UNKNOWN, Fate.ACCEPTED]
    assert len(server.read) == 3


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("7", 7.0), ("Mon, 23 Nov 2026 02:01:00 GMT", 60.0), ("Mon, 23 Nov 2020 02:01:00 GMT", 0.0), ("soon", None),
     ("-5", None), ("9" * 30, 86400.0)],
)  # fmt: skip
def test_how_long_to_wait_is_told(opened: list[Any], written: str, seconds: float | None) -> None:
    """Retry-After is read as seconds and as a date."""
    server = served(opened, said("429 Too Many Requests", more=f"Retry-After: {written}\r\n"))
    (receipt,) = make(opened, server.url).submit([make_request()], NOW)
    assert (receipt.fate, receipt.retry_after) == (Fate.REFUSED, seconds)


def test_a_refusal_says_why_without_the_number(opened: list[Any]) -> None:
    """The provider's own reason is kept, and whatever could be a telephone number is taken out of it."""
    server = served(opened, said("402 Payment Required", b'{"error": "no credit to call +86 139-0000-1234 now"}'))
    (receipt,) = make(opened, server.url).submit([make_request()], NOW)
    assert receipt.reason == "the provider answered 402: no credit to call … now"


def test_a_body_is_built_and_never_pasted(opened: list[Any]) -> None:
    """Quotes and line breaks of a value stay inside their text; a lone value keeps its kind, and none is left out."""
    server = served(opened, said("201 Created", ID))
    body = {"to": "{{ to }}", "text": "{{ script }}", "all": "{{ variables }}", "from": "{{ caller_id }}", "n": 3,
            "try": "{{ attempt_number }}", "list": ["{{ contact }}", True],
            "hello": "Hi {{ variables.name }}!"}  # fmt: skip
    adapter = make(opened, server.url, submit={"body": body, "headers": {"X-Key": "{{ attempt }}"}})
    name = 'Ann", "to": "+10\n\r\u2028'
    request = make_request(script=(("opening", 'say "hi"\n{{ 1 }}'),), variables={"name": name}, caller_id=None)
    assert adapter.submit([request], NOW)[0].fate is Fate.ACCEPTED
    head, _, sent = server.read[0].partition(b"\r\n\r\n")
    assert json.loads(sent) == {
        "to": NUMBER, "text": 'say "hi"\n{{ 1 }}', "all": {"name": name}, "n": 3, "try": 1, "list": ["ann", True],
        "hello": f"Hi {name}!",
    }  # fmt: skip
    assert b"x-key: exp/ann/1" in head.lower()
    assert b"accept-encoding: identity" in head.lower()


@pytest.mark.parametrize(
    "change",
    [
        {"headers": {"x-name": "{{ variables.name }}"}},
        {"body": {"name": "{{ variables.nobody }}"}},
        {"body": {"name": "{{ variables.name ** 2 }}"}},
        {"body": {"text": "{{ script }}" * 200}},
        {"body": {"name": "{{ to"}},
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_put_together_is_not_sent(opened: list[Any], change: dict[str, Any]) -> None:
    """A header with a line break, a value that is not there, or too much of it: nothing is sent."""
    server = served(opened, said("201 Created", ID))
    adapter = make(opened, server.url, submit=change)
    request = make_request(variables={"name": "a\r\nx-evil: 1"}, script=(("opening", "x" * 3000),))
    (receipt,) = adapter.submit([request], NOW)
    assert receipt.fate is Fate.NOT_SENT
    assert "evil" not in receipt.reason
    assert server.read == []


def test_a_value_never_leads_to_another_address(opened: list[Any]) -> None:
    """Values in an address are percent-encoded, whatever they are."""
    server = served(opened, said("200 OK", b'{"calls": []}'))
    adapter = make(opened, server.url)
    assert adapter.find("exp/a&b=?#/../\u4f60/1", NOW).finding is Finding.ABSENT
    assert server.read[0].split(b" ")[1] == b"/calls?key=exp%2Fa%26b%3D%3F%23%2F..%2F%E4%BD%A0%2F1"


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (said("200 OK", b'{"calls": [{"id": "p", "key": "exp/ann/1"}]}'), Finding.FOUND),
        (said("200 OK", b'{"calls": [{"id": "p", "key": "exp/other/1"}]}'), Finding.ABSENT),
        (said("200 OK", b'{"calls": [{"key": "exp/ann/1"}]}'), Finding.CANNOT_TELL),
        (said("200 OK", b'{"calls": ["p"]}'), Finding.CANNOT_TELL),
        (said("200 OK", b'{"data": []}'), Finding.CANNOT_TELL),
        (said("200 OK", b"<html>"), Finding.CANNOT_TELL),
        (said("404 Not Found"), Finding.ABSENT),
        (said("500 Trouble"), Finding.CANNOT_TELL),
        (said("302 Found", more="Location: /\r\n"), Finding.CANNOT_TELL),
        (closes, Finding.CANNOT_TELL),
    ],
)  # fmt: skip
def test_only_a_whole_answer_tells_where_a_call_is(opened: list[Any], answer: Answer, finding: Finding) -> None:
    """A lookup that goes wrong in any way tells nothing, above all not that a call is absent."""
    adapter = make(opened, served(opened, answer).url, find={"absent": [404]})
    assert adapter.find("exp/ann/1", NOW).finding is finding


def test_a_provider_that_finds_by_number_is_given_one(opened: list[Any]) -> None:
    """By number, calls are told apart by our key in them; without a number nothing can be told."""
    body = b'{"calls": [{"id": "p1", "key": "exp/ann/1"}, {"id": "p2", "key": "exp/ann/2"}]}'
    server = served(opened, said("200 OK", body))
    find = {"url": f"{server.url}/calls?number={{{{ to }}}}"}
    adapter = make(opened, server.url, find=find, capabilities={"lookup": "by_number"})
    assert adapter.find("exp/ann/2", NOW).finding is Finding.CANNOT_TELL
    assert adapter.find("exp/ann/2", NOW, NUMBER).provider_id == "p2"


def heard(adapter: Any, **said: Any) -> Any:
    """The event of a webhook about one call."""
    report = {"event": "e", "key": "exp/ann/1", "time": "2026-11-23T02:00:00Z", "call": {"id": "p", "status": "busy"}}
    body = json.dumps({**report, **said}).encode()
    return adapter.parse({}, body)


def test_every_listed_status_means_what_the_settings_say(opened: list[Any]) -> None:
    """Each word of a provider becomes the event that it is mapped to; case does not matter where it is lower there."""
    words = STATUSES | {each: each for each in ENDINGS} | {"stop": "opted_out", "spam": "complained", "x": "ignored"}
    adapter = make(opened, "http://127.0.0.1:9", webhook={"statuses": words})
    for word, meaning in words.items():
        events = heard(adapter, call={"id": "p", "status": word.upper()})
        if meaning == "ignored":
            assert events == []
        elif meaning in ENDINGS:
            assert (events[0].kind, events[0].disposition) == (Kind.ENDED, Disposition(meaning))
        else:
            assert (events[0].kind, events[0].disposition) == (Kind(meaning), None)


def test_an_unknown_status_is_a_failed_call_with_the_word_kept(opened: list[Any]) -> None:
    """What nobody mapped ends the call as failed and is kept; the usual words for a call under way end nothing."""
    adapter = make(opened, "http://127.0.0.1:9")
    (event,) = heard(adapter, call={"id": "p", "status": "exploded for +8613900001234"})
    assert (event.disposition, event.detail) == (Disposition.FAILED, "exploded for …")
    assert heard(adapter, call={"id": "p", "status": "Queued"}) == []


@pytest.mark.parametrize(
    "time", ["2026-11-23T02:00:00Z", "2026-11-23T10:00:00+08:00", "2026-11-23T02:00:00", 1795399200, 1795399200.0,
             1795399200000, "1795399200000", 1795399200000000]
)  # fmt: skip
def test_instants_are_read_however_they_are_written(opened: list[Any], time: Any) -> None:
    """ISO 8601 with any zone, and seconds, milliseconds and microseconds since 1970, are one instant."""
    (event,) = heard(make(opened, "http://127.0.0.1:9"), time=time)
    assert event.at == datetime(2026, 11, 23, 2, tzinfo=UTC)


def test_a_report_without_its_own_id_is_known_by_what_it_says(opened: list[Any]) -> None:
    """Without event ids, repeats are known by call, status and time; without times, a report is dated by its coming."""
    adapter = make(opened, "http://127.0.0.1:9", webhook={"event_id": None, "at": None})
    body = json.dumps({"key": "exp/ann/1", "call": {"id": "p", "status": "busy"}}).encode()
    first, again = (adapter.parse({RECEIVED_AT: f"2026-11-23T02:0{minute}:00+00:00"}, body)[0] for minute in (0, 1))
    assert first.key == again.key
    assert first.at == NOW
    other = json.dumps({"key": "exp/ann/1", "call": {"id": "p", "status": "ringing"}}).encode()
    assert adapter.parse({RECEIVED_AT: "2026-11-23T02:00:00+00:00"}, other)[0].key != first.key
    with pytest.raises(AdapterError, match="when it came"):
        adapter.parse({}, body)


def test_an_opt_out_in_any_report_is_heard(opened: list[Any]) -> None:
    """Whoever asks never to be called again is heard in an ending and in any other report."""
    adapter = make(opened, "http://127.0.0.1:9")
    (ended,) = heard(adapter, call={"id": "p", "status": "answered", "result": {"stop": "yes"}})
    assert ended.opt_out
    events = heard(adapter, call={"id": "p", "status": "ringing", "result": {"stop": True}})
    assert [event.kind for event in events] == [Kind.RINGING, Kind.OPTED_OUT]


BODY = b'{"key": "exp/ann/1"}'
SECONDS = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("signature", "headers"),
    [
        ({"kind": "hmac-sha256"}, signed(SECRET, BODY)),
        ({"kind": "hmac-sha256", "prefix": "sha256="},
         {"X-Signature": "sha256=" + signed(SECRET, BODY)["x-signature"]}),
        ({"kind": "hmac-sha256", "timestamp": "x-timestamp"}, signed(SECRET, BODY, SECONDS)),
        ({"kind": "hmac-sha256", "encoding": "base64"},
         {"x-signature": b64encode(hmac.digest(SECRET.encode(), BODY, "sha256")).decode()}),
        ({"kind": "secret", "header": "x-key"}, {"X-KEY": SECRET}),
        ({"kind": "bearer"}, {"Authorization": f"Bearer {SECRET}"}),
    ],
)  # fmt: skip
def test_each_kind_of_signature_holds_and_breaks(
    opened: list[Any], signature: dict[str, Any], headers: dict[str, str]
) -> None:
    """The right proof is believed; another secret, no header, and, where the body is signed, another body are not."""
    adapter = make(opened, "http://127.0.0.1:9", webhook={"signature": {"secret": SECRET, **signature}})
    adapter.verify(headers, BODY, "", NOW)
    wrong: list[tuple[dict[str, str], bytes]] = [
        ({}, BODY),
        ({name: f"{value}0" for name, value in headers.items()}, BODY),
    ]
    if signature["kind"] == "hmac-sha256":
        wrong.append((headers, BODY + b" "))
    for bad, body in wrong:
        with pytest.raises(Forged):
            adapter.verify(bad, body, "", NOW)
    if signature.get("timestamp"):
        with pytest.raises(Stale):
            adapter.verify(headers, BODY, "", NOW + timedelta(minutes=6))


def test_who_believes_anybody_has_to_say_so(opened: list[Any]) -> None:
    """Unsigned webhooks are refused unless the file says in so many words that they are wanted."""
    with pytest.raises(InputError, match="allow_unsigned"):
        make(opened, "http://127.0.0.1:9", webhook={"signature": {"kind": "none"}})
    adapter = make(opened, "http://127.0.0.1:9", webhook={"signature": {"kind": "none", "allow_unsigned": True}})
    adapter.verify({}, BODY, "", NOW)
    assert adapter.capabilities.webhook_auth == "none"


@pytest.mark.parametrize("url", ["http://vendor.example/calls", "ftp://vendor.example", "https://{{ to }}.example/",
                                 "https://user:word@vendor.example/", "vendor.example"])  # fmt: skip
def test_an_unsafe_address_is_refused(opened: list[Any], url: str) -> None:
    """Numbers and words go over TLS, to a host that the file names, with no password in the address."""
    with pytest.raises(InputError, match=r"settings of the adapter http: "):
        make(opened, "http://127.0.0.1:9", submit={"url": url})


def test_private_addresses_want_a_word(opened: list[Any]) -> None:
    """This machine may be called without TLS when the file says so."""
    with pytest.raises(InputError, match="allow_http"):
        make(opened, "http://127.0.0.1:9", allow_http=False)


def test_messages_go_only_where_the_settings_say_how(opened: list[Any]) -> None:
    """Without `message` nothing is sent, and the capabilities say so; with it each goes once."""
    silent = make(opened, "http://127.0.0.1:9", message=None)
    assert not silent.capabilities.sends_messages
    assert silent.send([make_message()], NOW)[0].fate is Fate.NOT_SENT
    provider = Served(Manner(webhooks=False), Odds())
    opened.insert(0, provider)
    adapter = make(opened, provider.url)
    (receipt,) = adapter.send([make_message()], NOW)
    assert (receipt.fate, receipt.provider_id) == (Fate.ACCEPTED, "m-1")


def test_a_thousand_calls_meet_everything_and_each_is_posted_once(opened: list[Any]) -> None:
    """Before a provider that does everything wrong, what is said not to have rung did not, and none went twice."""
    odds = Odds(late=0.005, drop_before=0.1, drop_after=0.1, limited=0.1, refuses=0.1, error_before=0.1,
                error_after=0.1, garbage=0.05, html=0.05, nameless=0.05)  # fmt: skip
    provider = Served(Manner(seed=5, late_ms=3300, webhooks=False), odds)
    opened.insert(0, provider)
    adapter = make(opened, provider.url, submit={"timeout": "3s"})
    receipts = adapter.submit(make_requests(1000), NOW)
    fates = {receipt.key: receipt.fate for receipt in receipts}
    assert set(fates.values()) == {Fate.ACCEPTED, Fate.REFUSED, Fate.UNKNOWN}
    for key, fate in fates.items():
        assert provider.posted(key) == 1 or (fate is Fate.UNKNOWN and provider.posted(key) == 0)
        assert provider.rung(key) <= (0 if fate in (Fate.REFUSED, Fate.NOT_SENT) else 1)
        if fate is Fate.ACCEPTED:
            assert provider.rung(key) == 1
        if fate is Fate.UNKNOWN:
            found = adapter.find(key, NOW).finding
            assert found is (Finding.FOUND if provider.rung(key) else Finding.ABSENT)
