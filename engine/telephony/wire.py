"""Events as the simulated provider's webhooks carry them: JSON, signed with a shared secret.

    POST /webhooks/simulated
    x-simulated-signature: t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>." and the body>

    {"events": [{"key": "…", "kind": "ended", "at": "2026-11-23T02:00:00Z", "call": "…", …}]}

The fields are those of `Event`; what an event leaves out has its default.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.errors import AdapterError, Forged, Stale

HEADER = "x-simulated-signature"
TOLERANCE = timedelta(minutes=5)
_SIGNATURE = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")
_KINDS = {kind.value: kind for kind in Kind}
_DISPOSITIONS = {disposition.value: disposition for disposition in Disposition}


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("the text holds a NUL character")
    return text


def _believable(moment: datetime) -> datetime:
    if not 2000 <= moment.year < 2200:
        raise ValueError("the year is outside 2000 to 2199")
    return moment.astimezone(UTC)


Text = Annotated[str, Field(max_length=500), AfterValidator(_storable)]
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class _Report(BaseModel):
    """One event of a webhook."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    key: Annotated[Text, Field(min_length=1)]
    kind: Text
    at: Annotated[AwareDatetime, AfterValidator(_believable)]
    call: Text = ""
    provider_id: Text = ""
    disposition: Text | None = None
    seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 0.0
    cost: Amount = 0.0
    intent: bool | None = None
    opt_out: bool = False
    block: Text = ""
    early: bool = False
    questions: Annotated[tuple[Text, ...], Field(max_length=50)] = ()
    name: Text = ""
    value: Amount = 0.0
    detail: Text = ""


class _Body(BaseModel):
    """The body of a webhook."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    events: Annotated[list[_Report], Field(max_length=10_000)]


_READER = TypeAdapter(_Body)


def body_of(events: Iterable[Event]) -> bytes:
    """The webhook that reports these events."""
    reports = [_Report.model_construct(**{name: getattr(event, name) for name in Event._fields}) for event in events]
    return _READER.dump_json(_Body.model_construct(events=reports), exclude_defaults=True)


def read_body(body: bytes) -> list[Event]:
    """The events of a webhook; raises AdapterError that names the field and shows nothing of the body.

    A kind that no event has is no event. A disposition that nobody knows is a failed call, its word the
    event's detail.
    """
    try:
        reports = _READER.validate_json(body).events
    except ValidationError as error:
        first: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "body"
        raise AdapterError(f"a webhook of the simulated provider: {place}: {first['msg']}") from None
    return [_event(report) for report in reports if report.kind in _KINDS]


def _event(report: _Report) -> Event:
    fields = {name: getattr(report, name) for name in Event._fields}
    fields["kind"] = _KINDS[report.kind]
    if report.disposition is not None:
        fields["disposition"] = _DISPOSITIONS.get(report.disposition, Disposition.FAILED)
        if report.disposition not in _DISPOSITIONS:
            fields["detail"] = report.disposition
    return Event(**fields)


def signature(secret: str, body: bytes, now: datetime) -> dict[str, str]:
    """The header that signs this body at this instant."""
    seconds = str(int(now.timestamp()))
    return {HEADER: f"t={seconds},v1={_digest(secret, seconds, body)}"}


def check_signature(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raise Forged or Stale unless the header signs this body within five minutes of `now`."""
    if not secret:
        raise Forged("no webhook of the simulated provider is believed until its setting `secret` is set")
    written = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    found = _SIGNATURE.fullmatch(written)
    if found is None:
        raise Forged(f"the webhook has no {HEADER} of the form t=…,v1=…")
    if not hmac.compare_digest(found[2], _digest(secret, found[1], body)):
        raise Forged(f"the {HEADER} of the webhook does not hold; is the secret the same on both sides?")
    if abs(now.timestamp() - int(found[1])) > TOLERANCE.total_seconds():
        raise Stale("the webhook was signed more than five minutes away from now")


def _digest(secret: str, seconds: str, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
