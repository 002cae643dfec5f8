"""The port through which one provider is called and heard.

An adapter has no retry loop, no clock but `now`, and knows neither the database nor the rules:
pacing, windows, caps and redials are the engine's. It turns requests into receipts and what the
provider says into events, in our words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol, runtime_checkable

from engine.core.events import Event

API = 1
NONE: Final[Mapping[str, str]] = MappingProxyType({})
RECEIVED_AT = "x-ringlab-received-at"
"""The header by which `parse` is told when a webhook came, in ISO 8601; whoever stores it writes it."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as data that is readable without credentials.

    `idempotency` is how long the provider honors our key, None when never. `voices` are those that the
    adapter knows by name; empty when every name is passed on. `polls` says that events are asked for
    with `poll` rather than sent to a webhook.
    """

    shape: Literal["call", "batch"] = "call"
    idempotency: timedelta | None = None
    lookup: Literal["by_key", "by_number", "none"] = "none"
    lookup_is_complete: bool = False
    detects_machines: bool = False
    sends_messages: bool = False
    transcripts: bool = False
    price: bool = False
    cancel: bool = False
    own_redial: bool = False
    max_cps: float | None = None
    max_concurrency: int | None = None
    queues_excess: bool = False
    webhook_auth: Literal["signature", "jwt", "secret", "none"] = "none"
    replay_protected: bool = False
    event_order: bool = False
    polls: bool = False
    voices: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()  # providers whose calling rules bind these lines, as rows of engine/regions name them
    settings: Mapping[str, str] = field(default_factory=dict)  # each setting's name and meaning


class DialRequest(NamedTuple):
    """One call to place. `call` is our key, echoed in every event; `to` is E.164.

    `script` holds the spoken blocks as (name, text). `not_after` is the instant after which it must not ring, which the
    provider is told if it can be; after `send_by` the adapter must not hand it to the provider. `clock` tells the
    time, counted from when the call was written as sent: a process that sleeps in between finds it late. `contact`,
    `experiment` and `arm` are tags, for providers that keep metadata.
    """

    call: str
    to: str
    script: tuple[tuple[str, str], ...]
    not_after: datetime
    contact: str = ""
    experiment: str = ""
    arm: str = ""
    attempt: int = 1
    voice: str | None = None
    caller_id: str | None = None
    timezone: str = "UTC"
    variables: Mapping[str, str] = NONE
    answers: Mapping[str, str] = NONE  # the QA bank: question → answer
    ring_timeout: timedelta = timedelta(seconds=30)
    talk_limit: timedelta = timedelta(minutes=5)
    callback_url: str = ""
    send_by: datetime | None = None
    clock: Callable[[], datetime] | None = None

    @property
    def expires(self) -> datetime:
        """The instant after which the adapter must not hand it to the provider."""
        return self.not_after if self.send_by is None else min(self.not_after, self.send_by)


@dataclass(frozen=True, slots=True)
class MessageRequest:
    """One message to send. `key` is our key; `call` is the call that it follows."""

    key: str
    call: str
    to: str
    text: str
    link: str = ""
    contact: str = ""
    experiment: str = ""
    arm: str = ""


class Fate(StrEnum):
    """What became of a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # the provider said no: nothing rang
    NOT_SENT = "not_sent"  # it never left: nothing rang
    UNKNOWN = "unknown"  # it may ring


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to one request; `retry_after` is in seconds where the provider names it."""

    key: str
    fate: Fate
    provider_id: str = ""
    reason: str = ""
    retry_after: float | None = None


class Finding(StrEnum):
    """What a provider says when asked about a call."""

    FOUND = "found"
    ABSENT = "absent"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to `find`: the provider's id and the events known so far when it was found."""

    finding: Finding
    provider_id: str = ""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a provider can be used now, in a sentence."""

    ok: bool
    sentence: str


@runtime_checkable
class Adapter(Protocol):
    """What every adapter does. Requests go in batches; there is one receipt for each, in their order."""

    capabilities: Capabilities

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        """Place calls. Never raises for one bad request; a lost answer is `UNKNOWN`, never tried again."""

    def send(self, requests: Sequence[MessageRequest], now: datetime) -> list[Receipt]:
        """Send messages, under the same promise."""

    def find(self, call: str, now: datetime, to: str = "") -> Found:
        """What the provider knows about the call with our key; `to` is its number, for providers that ask for it."""

    def poll(self, since: str, now: datetime, limit: int) -> tuple[list[Event], str]:
        """Events after the cursor `since` ("" for the first) that are known by `now`, and the next cursor."""

    def next_event_at(self, since: str) -> datetime | None:
        """When the next event after the cursor will be known, where the adapter can tell; else None."""

    def verify(self, headers: Mapping[str, str], body: bytes, url: str, now: datetime) -> None:
        """Raise `Forged` or `Stale` unless this webhook can be believed."""

    def parse(self, headers: Mapping[str, str], body: bytes) -> list[Event]:
        """Events of a webhook; what is not about a call is no event."""

    def health(self, now: datetime) -> Health:
        """Whether credentials hold and the provider answers."""

    def close(self) -> None:
        """Let go of connections and files."""
