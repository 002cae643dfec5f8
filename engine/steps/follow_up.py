"""The hang-up message: who gets one, its words with the tracked link, and its sending.

A message is planned in the transaction of the report that it follows, written as begun in another, and sent
after. Like a call, what is begun is never sent again; what was only planned when a process ended is sent by the next,
as long as it still follows its call and the person has not asked to be left alone.
"""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.core.calls import Call
from engine.core.contacts import Contact
from engine.core.events import Event
from engine.core.experiments import Experiment
from engine.core.treatments import Disposition
from engine.errors import ScriptError
from engine.failpoints import reached
from engine.steps.values import script_values
from engine.store import messages as message_rows
from engine.store import roster
from engine.store.known import Known, by_key
from engine.telephony.adapter import MessageRequest
from engine.workspace import Running, Workspace


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send, and the experiment through whose adapter it goes; `trouble` says why it cannot go."""

    experiment: str
    experiment_id: int
    contact_id: int
    template: str
    token: str
    url: str
    request: MessageRequest
    trouble: str = ""


def is_due(experiment: Experiment, call: Call, event: Event) -> bool:
    """A message follows a talk with a person who did not say no."""
    if experiment.treatments[call.arm].sms is None:
        return False
    talked = event.disposition is Disposition.ANSWERED_HUMAN
    return talked and event.intent is not False and not event.opt_out


def compose(workspace: Workspace, running: Running, known: Known, contact: Contact) -> Message:
    """The message that follows a call, with a link that only this contact has."""
    experiment, call = running.experiment, known.call
    treatment = experiment.treatments[call.arm]
    token = _token(workspace.secret, call.key)
    path = experiment.paths.get(treatment.path or "")
    link = f"{workspace.settings.public_url}/l/{token}"
    trouble = ""
    try:
        values = {**script_values(running, contact, treatment), "link": link}
        text = running.renderer.message(treatment.sms or "", values)
    except ScriptError as error:
        text, trouble = "", str(error)
    request = MessageRequest(
        key=f"{call.key}/message", call=call.key, to=contact.phone, text=text, link=link, contact=contact.key,
        experiment=experiment.name, arm=call.arm,
    )  # fmt: skip
    return Message(
        experiment.name, known.experiment_id, known.contact_id, treatment.sms or "", token, path.url if path else "",
        request, trouble,
    )  # fmt: skip


def _token(secret: bytes, call: str) -> str:
    digest = hashlib.blake2b(call.encode(), key=secret, digest_size=10).digest()
    return base64.b32encode(digest).decode().lower()


def plan(connection: Connection, messages: Sequence[Message], now: datetime) -> list[Message]:
    """Write messages as planned; returns those that nobody had written yet and that can go."""
    new = message_rows.unsent(connection, {message.request.key for message in messages})
    fresh = {message.request.key: message for message in messages if message.request.key in new}
    message_rows.plan_messages(
        connection,
        [
            (
                key, message.experiment_id, message.contact_id, message.request.call, message.template, message.token,
                message.url, "refused" if message.trouble else "planned", message.trouble,
            )
            for key, message in fresh.items()
        ],
        now,
    )  # fmt: skip
    return [message for message in fresh.values() if not message.trouble]


def send(workspace: Workspace, messages: Sequence[Message], now: datetime) -> None:
    """Begin planned messages, send those that nobody else has begun, and keep the receipts."""
    by_experiment: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        by_experiment[message.experiment].append(message)
    for name, group in by_experiment.items():
        with workspace.database.writing() as connection:
            ours = message_rows.begin_messages(connection, [message.request.key for message in group], now)
        requests = [message.request for message in group if message.request.key in ours]
        if not requests:
            continue
        reached("message begun")
        receipts = workspace.running(name).adapter.send(requests, now)
        reached("message answered")
        with workspace.database.writing() as connection:
            message_rows.settle_messages(
                connection,
                [(receipt.key, receipt.fate.value, receipt.provider_id, receipt.reason) for receipt in receipts],
            )


def send_planned(workspace: Workspace, running: Running, now: datetime) -> None:
    """Send what an earlier process planned and did not begin; what it began is not sent again, whatever came of it."""
    with workspace.database.writing() as connection:
        message_rows.lose(connection, running.id, now)
    with workspace.database.reading() as connection:
        calls = by_key(connection, message_rows.planned_messages(connection, running.id))
        contacts = roster.contacts(connection, sorted({known.contact_id for known in calls.values()}))
    send(workspace, [compose(workspace, running, known, contacts[known.contact_id]) for known in calls.values()], now)
