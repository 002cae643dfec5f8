"""Due calls in, placed calls out: the only outward effect.

A batch goes in three movements. Calls are claimed and written as begun in one committed transaction,
after every rule was asked; the provider is asked with no transaction open; its receipts are written in
another. What was begun is never offered again, whatever happens in between (law 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.core.calls import RING_TIMEOUT, TALK_LIMIT, CallState
from engine.core.experiments import State
from engine.core.rules import Deferred, Refused
from engine.errors import ScriptError
from engine.steps.resting import resting_arms
from engine.steps.ruling import Rulings
from engine.steps.values import script_values, texts_of
from engine.store import outcomes, queue, records, roster
from engine.store.queue import Due, Settled
from engine.telephony.adapter import DialRequest, Fate, Receipt
from engine.workspace import Running, Workspace

STATES = {
    Fate.ACCEPTED: CallState.ACCEPTED,
    Fate.REFUSED: CallState.REFUSED,
    Fate.NOT_SENT: CallState.REFUSED,
    Fate.UNKNOWN: CallState.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one batch came to. `claimed` counts the due calls that were looked at."""

    claimed: int = 0
    placed: int = 0
    deferred: int = 0
    refused: int = 0
    unknown: int = 0


def dispatch(workspace: Workspace, running: Running, now: datetime, limit: int) -> Dispatched:
    """Place at most `limit` calls that are due now; no more fly than `concurrent` says and the provider bears."""
    with workspace.database.writing() as connection:
        if records.state_of(connection, running.id) is not State.RUNNING:
            return Dispatched()
        pace, bears = running.experiment.pace, running.adapter.capabilities.max_concurrency
        room = min(pace.concurrent, bears or pace.concurrent) - queue.in_flight(connection, running.id)
        batch = _claim(workspace, connection, running, now, min(limit, room))
    if not batch.begun:
        return batch.result([])
    receipts = running.adapter.submit([request for _, request in batch.begun], now)
    with workspace.database.writing() as connection:
        _keep_receipts(connection, running, batch.begun, receipts, now)
    return batch.result(receipts)


@dataclass(frozen=True, slots=True)
class _Batch:
    claimed: int
    begun: Sequence[tuple[Due, DialRequest]]
    deferred: int
    refused: int

    def result(self, receipts: Sequence[Receipt]) -> Dispatched:
        fates = [receipt.fate for receipt in receipts]
        placed, unknown = fates.count(Fate.ACCEPTED), fates.count(Fate.UNKNOWN)
        return Dispatched(self.claimed, placed, self.deferred, self.refused + len(fates) - placed - unknown, unknown)


def _claim(workspace: Workspace, connection: Connection, running: Running, now: datetime, limit: int) -> _Batch:
    """Ask the rules about what is due, write what is allowed as begun, and put its words together."""
    if limit <= 0:
        return _Batch(0, [], 0, 0)
    experiment = running.experiment
    resting = resting_arms(connection, experiment.name)
    due = queue.due(connection, (running.id, experiment.name), now, limit, resting)
    rulings = Rulings.read(connection, running, due, now)
    begun: list[tuple[Due, DialRequest]] = []
    deferred: dict[int, datetime] = {}
    refused: list[tuple[Due, str, str]] = []
    for one in due:
        ruling = rulings.of(one, len(begun))
        if isinstance(ruling, Deferred):
            deferred[one.id] = ruling.until
        elif isinstance(ruling, Refused):
            refused.append((one, ruling.rule, ""))
        else:
            try:
                begun.append((one, _request(workspace, running, one)))
            except ScriptError as error:
                refused.append((one, "script", str(error)))
    queue.begin(connection, [one.id for one, _ in begun], now)
    queue.defer(connection, deferred)
    refuse(connection, running, refused, now)
    return _Batch(len(due), begun, len(deferred), len(refused))


def refuse(connection: Connection, running: Running, refused: Sequence[tuple[Due, str, str]], now: datetime) -> None:
    """Keep every refusal with its rule; a contact who will not be called is mature when its window closes."""
    settled = [Settled(one.id, CallState.REFUSED, reason=reason or name) for one, name, reason in refused]
    queue.settle(connection, settled)
    roster.refuse(connection, running.id, [(one.contact_id, name) for one, name, _ in refused], now)
    closes = now + running.experiment.conversion.within
    outcomes.mature_at(connection, running.id, {one.contact_id: closes for one, _, _ in refused})


def _request(workspace: Workspace, running: Running, due: Due) -> DialRequest:
    experiment, contact, call = running.experiment, due.contact, due.call
    treatment = experiment.treatments[call.arm]
    values = script_values(running, contact, treatment)
    words = running.renderer.words(treatment.script, values)
    return DialRequest(
        call=call.key, to=contact.phone, script=words.blocks, not_after=call.not_after, contact=contact.key,
        experiment=experiment.name, arm=call.arm, attempt=call.attempt, voice=treatment.voice,
        caller_id=treatment.caller_id, timezone=contact.timezones[0],
        variables=texts_of(values) | {"conversion_event": experiment.conversion.event}, answers=running.answers,
        ring_timeout=RING_TIMEOUT, talk_limit=TALK_LIMIT,
        callback_url=f"{workspace.settings.public_url}/webhooks/{experiment.adapter}",
    )  # fmt: skip


def _keep_receipts(
    connection: Connection,
    running: Running,
    begun: Sequence[tuple[Due, DialRequest]],
    receipts: Sequence[Receipt],
    now: datetime,
) -> None:
    """Write what the provider said of each call; what it refused did not ring and stays in its arm."""
    settled, refused = [], []
    for (due, _), receipt in zip(begun, receipts, strict=True):
        if STATES[receipt.fate] is CallState.REFUSED:
            refused.append((due, "provider", receipt.reason))
        else:
            settled.append(Settled(due.id, STATES[receipt.fate], receipt.provider_id, receipt.reason))
    queue.settle(connection, settled)
    refuse(connection, running, refused, now)
