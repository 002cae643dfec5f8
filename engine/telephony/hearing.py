"""A provider's reports, read by the names of its settings, as events in our words."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.errors import AdapterError
from engine.telephony.picking import amount_at, answer_at, masked, moment_at, pick, read_form, read_json, text_at
from engine.telephony.vendors import ENDINGS, IGNORED, KINDS, Hearing, Reporting

MESSAGES = (Kind.MESSAGE_SENT, Kind.MESSAGE_DELIVERED, Kind.MESSAGE_FAILED)
MESSAGE = "/message"  # what the key of a message adds to that of its call
MOST = 10_000  # reports in one webhook
LONGEST_TALK, DEAREST = 86_400.0, 1e9
# What providers say of a call that has not ended. A file may give these words another meaning.
UNDER_WAY = frozenset(
    {"queued", "scheduled", "initiated", "initiating", "dialing", "dialling", "created", "accepted", "in-progress",
     "in_progress", "inprogress", "ongoing", "registered", "active", "sending"}
)  # fmt: skip


def read_webhook(
    hearing: Hearing, tag: str, headers: Mapping[str, str], body: bytes, heard: datetime | None
) -> list[Event]:
    """The events of a webhook that came at `heard`; raises AdapterError that names the field and shows no value.

    `tag` tells the provider's reports from another's whose ids are alike.
    """
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    data: Any = read_form(body) if kind.startswith("application/x-www-form-urlencoded") else read_json(body)
    reports = pick(data, hearing.items) if hearing.items else data
    if isinstance(reports, dict):
        reports = [reports]
    if not isinstance(reports, list):
        raise AdapterError(f"a webhook has no report{f' at {hearing.items}' if hearing.items else ''}")
    if len(reports) > MOST:
        raise AdapterError(f"a webhook has more than {MOST} reports")
    return [
        event
        for report in reports
        for event in read_report(hearing, hearing.statuses, tag, report, heard, hearing.attempt)
    ]


def read_report(
    fields: Reporting, statuses: Mapping[str, str], tag: str, report: Any, heard: datetime | None, attempt: str | None
) -> list[Event]:
    """The events of one report; none for news that changes nothing. Raises AdapterError."""
    if not isinstance(report, dict):
        raise AdapterError("a report is not a mapping of names to values")
    call, provider_id = text_at(report, attempt), text_at(report, fields.id)
    if not call and not provider_id:
        raise AdapterError(f"a report names no call: nothing is at {attempt or fields.id} or {fields.id}")
    status = text_at(report, fields.status)
    if not status:
        raise AdapterError(f"a report has no status at {fields.status}")
    meaning = statuses.get(status) or statuses.get(status.lower())
    if meaning == IGNORED or (meaning is None and status.lower() in UNDER_WAY):
        return []
    at = stated = moment_at(report, fields.at)
    at = at or (None if fields.at else heard)
    if at is None:
        raise AdapterError(f"a report has no instant at {fields.at}" if fields.at else "nobody wrote when it came")
    kind = KINDS.get(meaning or "", Kind.ENDED)
    ended = kind is Kind.ENDED
    if kind in MESSAGES:
        call = call.removesuffix(MESSAGE)
    event = Event(
        key=_key(tag, text_at(report, fields.event_id), call, provider_id, status, str(stated or "")),
        kind=kind,
        at=at,
        call=call,
        provider_id=provider_id,
        disposition=ENDINGS.get(meaning or "", Disposition.FAILED) if ended else None,
        seconds=amount_at(report, fields.seconds, LONGEST_TALK) if ended else 0.0,
        cost=amount_at(report, fields.cost, DEAREST) if ended or kind is Kind.COST else 0.0,
        intent=answer_at(report, fields.intent) if ended else None,
        opt_out=bool(answer_at(report, fields.opt_out)),
        detail=masked(status if meaning is None else text_at(report, fields.detail)),
    )
    if not event.opt_out or ended or kind is Kind.OPTED_OUT:
        return [event]
    return [event, Event(f"{event.key}/stop", Kind.OPTED_OUT, event.at, call, provider_id)]


def _key(tag: str, event_id: str, *facts: str) -> str:
    """What a repeat has too: the report's own id, else a digest of what it says."""
    if event_id:
        return f"{tag}/{event_id}"
    said = "\x1f".join(facts)
    return f"{tag}/{hashlib.blake2b(said.encode(), digest_size=12).hexdigest()}"
