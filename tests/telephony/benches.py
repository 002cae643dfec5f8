"""How the conformance suite sets each adapter up, makes its provider misbehave, and looks at what it did.

A bench for another adapter is a class with the members of `Bench`; `pytest --adapter package.module:Bench` asks the
suite of it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

from engine.core.events import Event
from engine.scripting.library import Library
from engine.scripting.rendering import Renderer
from engine.telephony import open_adapter
from engine.telephony.adapter import Adapter
from engine.telephony.wire import body_of, signature
from engine.workspace import shipped
from tests.telephony.makers import NOW
from tests.telephony.provider import Manner as ProviderManner
from tests.telephony.provider import Odds, signed
from tests.telephony.served import Served

SECRET = "a secret of the tests"
Manner = Literal["plain", "losing", "refusing", "limiting", "untidy"]
RENDERER = Renderer(Library.open(shipped() / "scripts"))


class Bench(Protocol):
    """What the suite needs to know about one adapter."""

    name: str
    now: datetime  # an instant that the provider takes for now
    slack: timedelta  # how much before its deadline a request must be handed over to be placed

    def make(self, manner: Manner = "plain") -> Adapter:
        """An open adapter whose provider behaves so: `losing` places calls and loses the answers, `refusing` says no
        to each, `limiting` says that they are too many, `untidy` reports late, twice and in the wrong order."""

    def placings(self, adapter: Any, call: str) -> int:
        """How often the provider placed a call."""

    def events(self, adapter: Any) -> list[Event]:
        """Everything that is reported of the calls so far, in the order in which it came, repeats among it."""

    def webhooks(self, adapter: Any) -> list[tuple[Mapping[str, str], bytes]]:
        """The same as webhooks, signed at `now`; none where nothing is signed."""

    def signed(self, body: bytes, secret: str = SECRET) -> Mapping[str, str]:
        """The headers that sign a body at `now`."""

    def close(self) -> None:
        """Let go of what was opened."""


class Simulated:
    """The simulated provider, which keeps a book."""

    name = "simulated"
    now = NOW
    slack = timedelta(0)
    manners: Mapping[str, Mapping[str, Any]] = {
        "losing": {"lost_receipts": "100%"},
        "refusing": {"refuses": 1.0},
        "limiting": {"refuses": 1.0},
        "untidy": {"late": "40%", "repeats": "40%", "disorder": "40%", "progress": "on"},
        "plain": {"progress": "on"},
    }

    def make(self, manner: Manner = "plain") -> Adapter:
        settings = {"secret": SECRET, **self.manners[manner]}
        return open_adapter(self.name, settings, {"book": ":memory:", "truth": {}})

    def placings(self, adapter: Any, call: str) -> int:
        return int(adapter.book.placings(call))

    def events(self, adapter: Any) -> list[Event]:
        events, cursor = adapter.poll("", NOW + timedelta(days=60), 100)
        heard = list(events)
        while events:
            events, cursor = adapter.poll(cursor, NOW + timedelta(days=60), 100)
            heard += events
        return heard

    def webhooks(self, adapter: Any) -> list[tuple[Mapping[str, str], bytes]]:
        body = body_of(self.events(adapter))
        return [(self.signed(body), body)]

    def signed(self, body: bytes, secret: str = SECRET) -> Mapping[str, str]:
        return signature(secret, body, NOW)

    def close(self) -> None:
        """Its book is in memory."""


STATUSES = {
    "ringing": "ringing", "answered": "answered_human", "machine": "answered_machine", "busy": "busy",
    "no_answer": "no_answer", "declined": "rejected", "failed": "failed", "delivered": "message_delivered",
}  # fmt: skip
FIELDS = {
    "id": "call.id", "status": "call.status", "event_id": "event", "at": "time", "seconds": "call.talk_seconds",
    "cost": "call.cost", "intent": "call.result.intent", "opt_out": "call.result.stop",
}  # fmt: skip


def http_settings(url: str, callback: str = "{{ callback_url }}", **changes: Any) -> dict[str, Any]:
    """The settings by which the provider of the tests is called."""
    handed = {"key": "{{ attempt }}", "to": "{{ to }}", "text": "{{ script }}", "callback": callback,
              "expires": "{{ not_after }}"}  # fmt: skip
    sent = {"key": "{{ call }}", "to": "{{ to }}", "text": "{{ text }}", "callback": callback}
    signing = {"kind": "hmac-sha256", "header": "x-signature", "timestamp": "x-timestamp", "secret": SECRET}
    sound: dict[str, Any] = {
        "allow_http": True,
        "submit": {"url": f"{url}/calls", "body": handed, "id": "call.id", "reason": "error", "timeout": "5s"},
        "message": {"url": f"{url}/messages", "body": sent, "id": "message.id"},
        "find": {
            "url": f"{url}/calls?key={{{{ attempt }}}}", "items": "calls", "attempt": "key", "id": "id",
            "status": "status", "event_id": "event", "at": "time", "seconds": "talk_seconds", "cost": "cost",
        },
        "webhook": {"attempt": "key", "statuses": STATUSES, "signature": signing, **FIELDS},
        "health": {"url": f"{url}/health", "method": "GET"},
        "capabilities": {"lookup_is_complete": True},
    }  # fmt: skip
    return sound | changes


class Http:
    """The adapter `http`, before a provider on a real socket."""

    name = "http"
    slack = timedelta(minutes=5)
    manners: Mapping[str, Odds] = {
        "plain": Odds(),
        "losing": Odds(drop_after=1),
        "refusing": Odds(refuses=1),
        "limiting": Odds(limited=1),
        "untidy": Odds(early=0.4, disorder=0.5, repeats=0.5, unknown=0.2),
    }

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.served: dict[int, Served] = {}
        self.made: list[Adapter] = []

    def make(self, manner: Manner = "plain") -> Adapter:
        how = ProviderManner(secret=SECRET, timestamps=True, ring_ms=1, talk_ms=1, late_ms=300, retry_after=7)
        served = Served(how, self.manners[manner])
        settings = http_settings(served.url, served.callback)
        adapter = open_adapter(self.name, settings, {"render": RENDERER.template, "callback_url": served.callback})
        self.served[id(adapter)] = served
        self.made.append(adapter)
        return adapter

    def placings(self, adapter: Any, call: str) -> int:
        return self.served[id(adapter)].rung(call)

    def events(self, adapter: Any) -> list[Event]:
        events = [event for headers, body in self.webhooks(adapter) for event in adapter.parse(headers, body)]
        return [event for event in events if event.call]  # some are about calls that nobody placed

    def webhooks(self, adapter: Any) -> list[tuple[Mapping[str, str], bytes]]:
        served = self.served[id(adapter)]
        served.settled()
        return [(headers, body) for headers, body, _ in served.heard]

    def signed(self, body: bytes, secret: str = SECRET) -> Mapping[str, str]:
        return signed(secret, body, int(self.now.timestamp()))

    def close(self) -> None:
        for adapter in self.made:
            adapter.close()
        for served in self.served.values():
            served.close()


BENCHES = {"simulated": Simulated, "http": Http}
