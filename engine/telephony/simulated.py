"""The simulated provider: a seeded population behind the port of every provider.

It is the demo, the power check and the double of tests. The same seed gives the same campaign on any
machine. Like a real provider it rings again when it is asked again with the same key; its book counts that.

Nobody is called: a request's number is checked for its form and kept nowhere.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from engine.core.events import Event
from engine.core.windows import zone
from engine.errors import AdapterError
from engine.telephony import wire
from engine.telephony.adapter import (
    Capabilities,
    DialRequest,
    Fate,
    Finding,
    Found,
    Health,
    MessageRequest,
    Receipt,
)
from engine.telephony.assumptions import Assumptions, settings_described
from engine.telephony.book import EPOCH, Book, Entries, Entry, What, micros
from engine.telephony.chance import Chance
from engine.telephony.odds import Arms
from engine.telephony.population import Population
from engine.telephony.reporter import CONVERSION_EVENT, Reporter

MANNERS = (
    "warm", "bright", "calm", "young", "mature", "deep", "soft", "friendly", "energetic", "professional",
    "lively", "gentle", "clear", "sweet", "steady", "neutral", "cheerful", "formal", "casual", "confident", "crisp",
    "serious", "upbeat", "mild", "natural", "cool", "quiet", "elder", "low", "standard",
)  # fmt: skip
T = TypeVar("T")
_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")

CAPABILITIES = Capabilities(
    lookup="by_key",
    lookup_is_complete=True,
    detects_machines=True,
    sends_messages=True,
    transcripts=True,
    price=True,
    webhook_auth="signature",
    replay_protected=True,
    polls=True,
    voices=("female", "male", *(f"{manner}-{gender}" for manner in MANNERS for gender in ("female", "male"))),
    settings=settings_described(),
)


def open_adapter(settings: Mapping[str, Any], context: Mapping[str, Any]) -> "Simulated":
    """The simulated provider with these settings; raises InputError when they cannot be.

    `context` has `book`, the path of the provider's memory (":memory:" when absent), and `truth`, the
    planted effects: experiment → arm → effect → absolute lift, or a bare number for a conversion lift.
    """
    assumed = Assumptions.read(settings)
    arms = Arms(assumed, context.get("truth") or {})
    return Simulated(assumed, Population(assumed, arms), Book(str(context.get("book") or ":memory:")))


class Simulated:
    """A provider whose people are made of chance."""

    capabilities = CAPABILITIES

    def __init__(self, assumed: Assumptions, population: Population, book: Book) -> None:
        self.book = book
        self._assumed, self._population = assumed, population
        self._chance = Chance(assumed.seed)
        self._reporter = Reporter(assumed, self._chance)
        self._whims = bool(assumed.refuses or assumed.lost_receipts)

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        """Place calls: every one that is accepted rings, also when its key is known already."""
        hours: dict[str, int] = {}
        at = micros(now)
        answers = [
            self._refusal(request, now, hours)
            or self._whim(request.call, request.contact or request.to, request.attempt)
            for request in requests
        ]
        placed = _carried_out(requests, answers)

        def entries(known: dict[str, int]) -> Iterator[Entry]:
            for request in placed:
                times = known[request.call] = known.get(request.call, 0) + 1
                ending = self._population.ring(request, hours[request.timezone])
                yield self._reporter.call(request, ending, at, times)

        keys = [request.call for request in requests]
        return self._carry_out(keys, answers, "call", entries)

    def send(self, requests: Sequence[MessageRequest], now: datetime) -> list[Receipt]:
        """Send messages: every one that is accepted goes out, also when its key is known already."""
        at = micros(now)
        answers = [
            _malformed(request.key, request.to, request.call) or self._whim(request.key, request.key, 0)
            for request in requests
        ]
        sent = _carried_out(requests, answers)

        def entries(known: dict[str, int]) -> Iterator[Entry]:
            converts = self.book.conversions([request.call for request in sent])
            for request in sent:
                times = known[request.key] = known.get(request.key, 0) + 1
                moment = converts.get(request.call)
                journey = self._population.read(request.key, None if moment is None else moment - at)
                yield self._reporter.message(request, journey, at, times)

        keys = [request.key for request in requests]
        return self._carry_out(keys, answers, "message", entries)

    def find(self, call: str, now: datetime, to: str = "") -> Found:
        """The call with our key and what is known of it by `now`; ABSENT proves that it was never placed."""
        found = self.book.about(call, micros(now))
        return Found(Finding.ABSENT) if found is None else Found(Finding.FOUND, *found)

    def poll(self, since: str, now: datetime, limit: int) -> tuple[list[Event], str]:
        """Events in the order in which they become known; the cursor is the last one's place."""
        rows = self.book.read(*_place(since), micros(now), limit)
        if not rows:
            return [], since
        _, known, number = rows[-1]
        return [event for event, _, _ in rows], f"{known}.{number}"

    def next_event_at(self, since: str) -> datetime | None:
        """When the next event after the cursor will be known; None when nothing more will happen."""
        known = self.book.next_known(*_place(since))
        return None if known is None else EPOCH + timedelta(microseconds=known)

    def verify(self, headers: Mapping[str, str], body: bytes, url: str, now: datetime) -> None:
        """Raise Forged or Stale unless the webhook is signed with the setting `secret`."""
        wire.check_signature(self._assumed.secret, headers, body, now)

    def parse(self, headers: Mapping[str, str], body: bytes) -> list[Event]:
        """The events of a webhook; raises AdapterError for a body that is not the simulated provider's."""
        return wire.read_body(body)

    def health(self, now: datetime) -> Health:
        """It answers; the sentence says how much it was asked."""
        return Health(True, f"the population of seed {self._assumed.seed} was called {self.book.calls()} times")

    def close(self) -> None:
        """Let go of the book's file."""
        self.book.close()

    def _refusal(self, request: DialRequest, now: datetime, hours: dict[str, int]) -> Receipt | None:
        """Why this call is not placed; None when it may be. `hours` keeps each zone's hour of `now`."""
        if now > request.expires:
            return Receipt(request.call, Fate.NOT_SENT, reason="its time has passed")
        name = request.timezone
        if name not in hours:
            try:
                hours[name] = now.astimezone(zone(name)).hour
            except ValueError:
                return Receipt(request.call, Fate.REFUSED, reason="no time zone has the name that it gives")
        return _malformed(request.call, request.to, request.contact + request.variables.get(CONVERSION_EVENT, ""))

    def _whim(self, key: str, whom: str, attempt: int) -> Receipt | None:
        """What a well-formed request gets instead of an acceptance; None for nearly all."""
        if not self._whims:
            return None
        chance = self._chance.eight("receipt", whom, attempt)
        if chance[0] < self._assumed.refuses:
            return Receipt(key, Fate.REFUSED, reason="the simulated provider refuses this one")
        if chance[1] < self._assumed.lost_receipts:
            return Receipt(key, Fate.UNKNOWN, reason="the answer was lost")
        return None

    def _carry_out(self, keys: list[str], answers: list[Receipt | None], of: What, entries: Entries) -> list[Receipt]:
        """Write what rings or goes out, and answer it; `answers` has a receipt for what is not accepted."""
        written = _carried_out(keys, answers)
        if not written:
            return [answer for answer in answers if answer is not None]
        try:
            identities = iter(self.book.write(written, of, entries))
        except AdapterError as error:
            return [
                Receipt(key, Fate.UNKNOWN, reason=str(error)) if answer is None else answer
                for key, answer in zip(keys, answers, strict=True)
            ]
        receipts = []
        for key, answer in zip(keys, answers, strict=True):
            identity = next(identities) if _carries_out(answer) else ""
            receipts.append(answer or Receipt(key, Fate.ACCEPTED, identity))
        return receipts


def _carries_out(answer: Receipt | None) -> bool:
    """Whether a request with this answer rings or goes out: it is accepted, or its acceptance was lost."""
    return answer is None or answer.fate is Fate.UNKNOWN


def _carried_out(asked: Sequence[T], answers: Sequence[Receipt | None]) -> list[T]:
    """Of what was asked, what rings or goes out."""
    return [each for each, answer in zip(asked, answers, strict=True) if _carries_out(answer)]


def _malformed(key: str, to: str, text: str) -> Receipt | None:
    """The refusal of a request that no provider could read; it does not show the number."""
    if not (to[:1] == "+" and to[1:].isdecimal() and to.isascii() and 5 <= len(to) <= 16):
        return Receipt(key, Fate.REFUSED, reason="the number is not of the form that E.164 gives")
    try:
        (key + text).encode()
    except UnicodeEncodeError:
        return Receipt(key, Fate.REFUSED, reason="its key, contact or event is not Unicode text")
    return None


def _place(cursor: str) -> tuple[int, int]:
    """The place that a cursor names, the beginning for ""; raises AdapterError."""
    if not cursor:
        return (-1, 0)
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise AdapterError(f'{cursor[:40]!r} is not a cursor of the simulated provider; begin again with ""')
    return int(found[1]), int(found[2])
