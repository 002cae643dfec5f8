"""A provider by configuration: any call-shaped service that speaks HTTP and JSON.

How calls are placed, found and reported stands in the settings (`vendors`); what the answers mean for the
promise that nobody is called twice stands here. A request is sent once. What fails before its first byte was not
sent; what the provider refuses in so many words did not ring; everything else may have.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import ValidationError

from engine.core.events import Event
from engine.core.treatments import Disposition
from engine.errors import AdapterError, InputError
from engine.steady import Since
from engine.telephony import signing
from engine.telephony.adapter import (
    RECEIVED_AT,
    Capabilities,
    DialRequest,
    Fate,
    Found,
    Health,
    MessageRequest,
    Receipt,
)
from engine.telephony.adapter import Finding as Finds
from engine.telephony.asking import Answer, End, Wire, retry_after
from engine.telephony.filling import Filler, Unfit, call_values, message_values
from engine.telephony.hearing import read_report, read_webhook
from engine.telephony.picking import masked, moment_at, pick, read_json, text_at
from engine.telephony.vendors import Finding, Submitting, Vendor

SETTINGS = Vendor
CAPABILITIES = Capabilities(
    settings={name: field.description or "" for name, field in Vendor.model_fields.items()},
    cancel=True,
    sends_messages=True,
    lookup="by_key",
    price=True,
    webhook_auth="signature",
    replay_protected=True,
)
E164 = re.compile(r"\+[0-9]{4,15}")
TOO_MANY = 429
ANSWERED_MACHINE = Disposition.ANSWERED_MACHINE.value
MESSAGE_WITHIN = timedelta(minutes=5)  # a process that slept over its messages sends none of them in the night
_OURS = "\0ours"  # where our key is put in what a lookup gives; no provider's name has a NUL


def open_adapter(settings: Mapping[str, Any], context: Mapping[str, Any]) -> "Http":
    """The provider of these settings; raises InputError when they cannot be.

    `context` has `render`, the sandbox in which templates are filled, and `callback_url`, where the world
    reports what became of messages.
    """
    try:
        vendor = Vendor.model_validate(dict(settings))
    except ValidationError as error:
        raise InputError(f"settings of the adapter http: {_told(error)}") from None
    if "render" not in context:
        raise InputError("the adapter http needs a workspace, whose sandbox fills its templates")
    return Http(vendor, Filler(context["render"]), str(context.get("callback_url", "")))


def _told(error: ValidationError) -> str:
    """Every problem by its place; no value is shown, for it may be a secret."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg'].removeprefix('Value error, ')}"
        for one in error.errors(include_url=False, include_input=False)
    )


class Http:
    """One provider, asked over HTTP."""

    def __init__(self, vendor: Vendor, filler: Filler, callback_url: str = "") -> None:
        self.capabilities = _able(vendor)
        self._vendor, self._filler, self._callback = vendor, filler, callback_url
        self._tag = hashlib.blake2b((urlsplit(vendor.submit.url).hostname or "").encode(), digest_size=4).hexdigest()
        most = max(each.parallel for each in (vendor.submit, vendor.message) if each)
        self._wire = Wire(most, vendor.proxy)

    def __repr__(self) -> str:
        return f"Http({urlsplit(self._vendor.submit.url).hostname})"

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        """Place calls, one request each, several at a time."""

        def place(request: DialRequest, since: Since) -> Receipt:
            def in_time() -> bool:
                return (request.clock() if request.clock else now + since()) <= request.expires

            return self._hand_over(self._vendor.submit, request.call, call_values(request), now, in_time)

        return self._all(place, requests, self._vendor.submit)

    def send(self, requests: Sequence[MessageRequest], now: datetime) -> list[Receipt]:
        """Send messages, where the settings say how."""
        how = self._vendor.message
        if how is None:
            reason = "the settings of the adapter http have no `message`"
            return [Receipt(request.key, Fate.NOT_SENT, reason=reason) for request in requests]

        def send(request: MessageRequest, since: Since) -> Receipt:
            values = message_values(request, self._callback)
            return self._hand_over(how, request.key, values, now, lambda: since() <= MESSAGE_WITHIN)

        return self._all(send, requests, how)

    def _all(self, place: Callable[[Any, Since], Receipt], requests: Sequence[Any], how: Submitting) -> list[Receipt]:
        since = Since()
        if len(requests) <= 1:
            return [place(request, since) for request in requests]
        with ThreadPoolExecutor(min(how.parallel, len(requests)), thread_name_prefix="http") as pool:
            return list(pool.map(place, requests, [since] * len(requests)))

    def _hand_over(
        self,
        how: Submitting,
        key: str,
        values: Mapping[str, object],
        now: datetime,
        in_time: Callable[[], bool] = lambda: True,
    ) -> Receipt:
        """One request, and what its answer proves."""
        if not in_time():
            return Receipt(key, Fate.NOT_SENT, reason="its time has passed")
        if not E164.fullmatch(str(values["to"])):
            return Receipt(key, Fate.NOT_SENT, reason="the number is not of the form that E.164 gives")
        try:
            request = self._filler.request(how, values)
        except Unfit as error:
            return Receipt(key, Fate.NOT_SENT, reason=str(error))
        except Exception as error:  # one bad request must not take the others of its batch with it
            return Receipt(key, Fate.NOT_SENT, reason=f"it cannot be put together ({type(error).__name__})")
        answer = self._wire.ask(how, request, in_time)
        if answer.end is not End.ANSWERED:
            return Receipt(key, Fate.UNKNOWN if answer.end is End.LOST else Fate.NOT_SENT, reason=answer.reason)
        return _judged(how, key, answer, now)

    def find(self, call: str, now: datetime, to: str = "") -> Found:
        """What the provider knows of a call. `to`, its number, is needed where it finds calls by number only."""
        how = self._vendor.find
        if how is None or (self.capabilities.lookup == "by_number" and not to):
            return Found(Finds.CANNOT_TELL)
        try:
            request = self._filler.request(how, {"attempt": call, "to": to, "number": to})
            answer = self._wire.ask(how, request)
            if answer.end is End.ANSWERED and answer.status in how.absent:
                return Found(Finds.ABSENT)
            if answer.end is not End.ANSWERED or not 200 <= answer.status < 300:
                return Found(Finds.CANNOT_TELL)
            return self._found(call, read_json(answer.body), now)
        except (AdapterError, Unfit):
            return Found(Finds.CANNOT_TELL)

    def _found(self, call: str, said: Any, now: datetime) -> Found:
        """The call among the items of an answer; raises AdapterError for an item that cannot be read."""
        how = self._vendor.find
        assert how is not None  # whoever asks has asked the provider
        items = pick(said, how.items) if how.items else said
        items = [items] if isinstance(items, dict) else items
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            return Found(Finds.CANNOT_TELL)
        ours = [item for item in items if how.attempt is None or text_at(item, how.attempt) == call]
        if not ours:
            return Found(Finds.ABSENT)
        identity = text_at(ours[0], how.id)
        if not identity:
            return Found(Finds.CANNOT_TELL)
        return Found(Finds.FOUND, identity, tuple(self._known_of(call, how, ours, now)))

    def _known_of(self, call: str, how: Finding, items: Sequence[Mapping[str, Any]], now: datetime) -> list[Event]:
        """What the items of one call report, in words that the settings know."""
        statuses = self._vendor.webhook.statuses if self._vendor.webhook else {}
        events = []
        for item in items:
            if how.status and text_at(item, how.status) in statuses:
                with suppress(AdapterError):  # an item that cannot be read is no news; the call is found all the same
                    events += read_report(how, statuses, self._tag, {**item, _OURS: call}, now, _OURS)
        return events

    def cancel(self, provider_id: str, now: datetime) -> bool:
        """Take a call back; True when the provider says that it is."""
        how = self._vendor.cancel
        if how is None:
            return False
        try:
            answer = self._wire.ask(how, self._filler.request(how, {"id": provider_id}))
        except Unfit:
            return False
        return answer.end is End.ANSWERED and 200 <= answer.status < 300

    def poll(self, since: str, now: datetime, limit: int) -> tuple[list[Event], str]:
        """Nothing: this provider reports by webhook."""
        return [], since

    def next_event_at(self, since: str) -> datetime | None:
        """Nobody can tell."""
        return None

    def verify(self, headers: Mapping[str, str], body: bytes, url: str, now: datetime) -> None:
        """Raise Forged or Stale unless the webhook proves who sent it."""
        if self._vendor.webhook is None:
            raise AdapterError("the settings of the adapter http have no `webhook`; nothing is heard")
        signing.check(self._vendor.webhook.signature, headers, body, now)

    def parse(self, headers: Mapping[str, str], body: bytes) -> list[Event]:
        """The events of a webhook; raises AdapterError that names the field."""
        if self._vendor.webhook is None:
            raise AdapterError("the settings of the adapter http have no `webhook`; nothing is heard")
        heard = moment_at({RECEIVED_AT: headers.get(RECEIVED_AT)}, RECEIVED_AT)
        return read_webhook(self._vendor.webhook, self._tag, headers, body, heard)

    def health(self, now: datetime) -> Health:
        """Whether it answers, where the settings say what to ask."""
        how = self._vendor.health
        host = urlsplit(self._vendor.submit.url).hostname
        if how is None:
            return Health(True, f"calls go to {host}; the settings have no `health`, so it was not asked")
        try:
            answer = self._wire.ask(how, self._filler.request(how, {}))
        except Unfit as error:
            return Health(False, str(error))
        if answer.end is not End.ANSWERED:
            return Health(False, f"{host}: {answer.reason}")
        return Health(200 <= answer.status < 300, f"{host} answered {answer.status}")

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()


def _judged(how: Submitting, key: str, answer: Answer, now: datetime) -> Receipt:
    """What an answer proves."""
    if answer.status == TOO_MANY or answer.status in how.refused:
        reason = f"the provider answered {answer.status}"
        with suppress(AdapterError):
            why = text_at(read_json(answer.body), how.reason) if how.reason else ""
            reason += f": {masked(why)}" if why else ""
        return Receipt(key, Fate.REFUSED, reason=reason, retry_after=retry_after(answer.headers, now))
    if not 200 <= answer.status < 300:
        return Receipt(key, Fate.UNKNOWN, reason=f"the provider answered {answer.status}")
    try:
        identity = text_at(read_json(answer.body), how.id)
    except AdapterError as error:
        return Receipt(key, Fate.UNKNOWN, reason=f"the provider answered {answer.status}, and {error}")
    if not identity:
        return Receipt(key, Fate.UNKNOWN, reason=f"the provider answered {answer.status} without an id at {how.id}")
    return Receipt(key, Fate.ACCEPTED, identity)


def _able(vendor: Vendor) -> Capabilities:
    """What this provider can do: what the settings show, and what they say."""
    said = {name: value for name, value in vendor.capabilities if value is not None}
    sign = vendor.webhook.signature if vendor.webhook else None
    auth: Literal["signature", "secret", "none"] = "none"
    if sign is not None and sign.kind != "none":
        auth = "signature" if sign.kind == "hmac-sha256" else "secret"
    shown = replace(
        CAPABILITIES,
        cancel=vendor.cancel is not None,
        sends_messages=vendor.message is not None,
        lookup="by_key" if vendor.find else "none",
        price=vendor.webhook is not None and vendor.webhook.cost is not None,
        detects_machines=vendor.webhook is not None and ANSWERED_MACHINE in vendor.webhook.statuses.values(),
        webhook_auth=auth,
        replay_protected=sign is not None and sign.timestamp is not None,
    )
    return replace(shown, **said)
