"""Due calls in, placed calls out: the only outward effect.

A batch goes in four movements. Calls are claimed in one committed transaction, after every rule was asked, and are
begun: no other process has them. Their words are put together. Every rule is asked again, and what is still allowed
is written as sent in a second transaction; only then is the provider asked, with no transaction open, and its
receipts are written in a third. What was sent is never offered again unless it provably did not ring (law 1).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from engine.core.calls import RING_TIMEOUT, TALK_LIMIT, CallState
from engine.core.experiments import State
from engine.core.rules import Deferred, Refused, strictest
from engine.errors import ScriptError
from engine.failpoints import reached
from engine.steady import Since
from engine.steps import pace, troubles
from engine.steps.pace import Pace
from engine.steps.resting import resting_arms
from engine.steps.ruling import Rulings
from engine.steps.values import script_values, texts_of
from engine.store import fates, outcomes, queue, records, roster
from engine.store.queue import Due, Settled
from engine.telephony.adapter import DialRequest, Fate, Receipt
from engine.workspace import Running, Workspace

log = logging.getLogger(__name__)

BUSY = timedelta(minutes=5)  # until somebody who is in another call is asked for again
SEND_WITHIN = timedelta(seconds=60)  # a call that was written as sent leaves by then or not at all
AGAIN, LATEST_AGAIN, TRIES = timedelta(seconds=15), timedelta(minutes=15), 12
Clock = Callable[[], tuple[datetime, ...]]
"""Every instant that it may be now, the machine's own first."""


class _Words(NamedTuple):
    """What a call says, block by block, and the words that it was put together from, with those a provider asks for."""

    blocks: tuple[tuple[str, str], ...]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one batch came to. `claimed` counts the due calls that were looked at; `again` provably did not ring."""

    claimed: int = 0
    placed: int = 0
    deferred: int = 0
    refused: int = 0
    unknown: int = 0
    again: int = 0


def dispatch(
    workspace: Workspace,
    running: Running,
    now: datetime,
    limit: int,
    allowance: Pace | None = None,
    clock: Clock | None = None,
) -> Dispatched:
    """Place at most `limit` calls that are due now, and no more than the pace allows, where one is kept.

    No more fly than `concurrent` says and the provider bears. `clock` tells the time of each movement; without one it
    is `now`.
    """
    clock = clock or (lambda: (now,))
    batch = _claim(workspace, running, now, limit, allowance)
    reached("claimed")
    if not batch.begun:
        return batch.counted
    ready = _send(workspace, running, batch, clock)
    reached("sent")
    if not ready.requests:
        return ready.counted
    receipts = _submitted(running, ready.requests, clock()[0])
    reached("answered")
    done = workspace.database.write(lambda connection: _keep_receipts(connection, running, ready, receipts, clock()[0]))
    reached("receipts kept")
    return done


@dataclass(frozen=True, slots=True)
class _Batch:
    """Calls on their way: those begun, and with `requests` those written as sent, in the same order."""

    begun: Sequence[Due]
    counted: Dispatched
    requests: Sequence[DialRequest] = ()


def _claim(workspace: Workspace, running: Running, now: datetime, limit: int, allowance: Pace | None = None) -> _Batch:
    """Ask the rules about what is due, and begin what is allowed and what the pace grants of it."""
    experiment = running.experiment
    with workspace.database.writing() as connection:
        if records.state_of(connection, running.id) is not State.RUNNING:
            return _Batch([], Dispatched())
        most = min(limit, pace.free(connection, running))
        if most <= 0:
            return _Batch([], Dispatched())
        resting = resting_arms(connection, experiment.name)
        due = queue.due(connection, (running.id, experiment.name), now, most, resting)
        busy = queue.busy(connection, {one.contact_id for one in due})
        rulings = Rulings.read(connection, running, due, now)
        begun: list[Due] = []
        deferred: dict[int, datetime] = {}
        refused: list[tuple[Due, str, str]] = []
        for one in due:
            if one.contact_id in busy:
                deferred[one.id] = now + BUSY
                continue
            ruling = rulings.of(one, len(begun))
            if isinstance(ruling, Deferred):
                deferred[one.id] = ruling.until
            elif isinstance(ruling, Refused):
                refused.append((one, ruling.rule, ""))
            else:
                begun.append(one)
                busy.add(one.contact_id)
        if allowance is not None:
            begun = begun[: pace.take(connection, running, allowance, [one.call for one in begun], now)]
        queue.begin(connection, [one.id for one in begun], workspace.holder, now)
        queue.defer(connection, deferred)
        refuse(connection, running, refused, now)
    return _Batch(begun, Dispatched(len(due), deferred=len(deferred), refused=len(refused)))


def refuse(connection: Connection, running: Running, refused: Sequence[tuple[Due, str, str]], now: datetime) -> None:
    """Keep every refusal with its rule; a contact who will not be called is mature when its window closes."""
    settled = [Settled(one.id, CallState.REFUSED, reason=reason or name) for one, name, reason in refused]
    queue.settle(connection, settled)
    roster.refuse(connection, running.id, [(one.contact_id, name) for one, name, _ in refused], now)
    closes = now + running.experiment.conversion.within
    outcomes.mature_at(connection, running.id, {one.contact_id: closes for one, _, _ in refused})


def _send(workspace: Workspace, running: Running, batch: _Batch, clock: Clock) -> _Batch:
    """Put the words together, ask every rule again, and write as sent what is still ours and still allowed."""
    words: dict[int, _Words] = {}
    refused: list[tuple[Due, str, str]] = []
    for one in batch.begun:
        try:
            words[one.id] = _words(running, one)
        except ScriptError as error:
            refused.append((one, "script", str(error)))
    sending: list[Due] = []
    back: list[tuple[int, datetime]] = []
    with workspace.database.writing() as connection:
        since = Since()  # before the clock is read: a process that sleeps from here on finds its calls late
        instants = clock()
        now = instants[0]
        goes_on = records.state_of(connection, running.id) is State.RUNNING
        held = queue.held(connection, list(words), workspace.holder, now)
        ours = [
            one if held[one.id] == one.suppressed else replace(one, suppressed=held[one.id])
            for one in batch.begun
            if one.id in held
        ]
        rulings = [Rulings.read(connection, running, ours, at, counted=True) for at in instants]
        for one in ours:
            ruling = strictest(each.again(one) for each in rulings)
            if isinstance(ruling, Refused):
                refused.append((one, ruling.rule, ""))
            elif isinstance(ruling, Deferred):
                back.append((one.id, max(ruling.until, now + BUSY)))
            elif not goes_on:
                back.append((one.id, one.call.due_at))
            else:
                sending.append(one)
        queue.send(connection, [one.id for one in sending], now)
        fates.give_back(connection, back)
        refuse(connection, running, refused, now)
    counted = replace(
        batch.counted, refused=batch.counted.refused + len(refused), deferred=batch.counted.deferred + len(back)
    )
    form = _form(workspace, running, {one.call.arm for one in sending}, lambda: now + since())
    lefts = [min([each.closes(one) - each.now for each in rulings]) for one in sending]
    ready = [_request(form, one, words[one.id], now, left) for one, left in zip(sending, lefts, strict=True)]
    return _Batch(sending, counted, ready)


def _words(running: Running, due: Due) -> _Words:
    """The words of a call; raises ScriptError."""
    treatment = running.experiment.treatments[due.call.arm]
    values = script_values(running, due.contact, treatment)
    said = texts_of(values) | {"conversion_event": running.experiment.conversion.event}
    return _Words(running.renderer.words(treatment.script, values).blocks, said)


Form = Mapping[str, Callable[..., DialRequest]]
"""What is alike in the requests of a batch, by arm."""


def _form(workspace: Workspace, running: Running, arms: Iterable[str], clock: Callable[[], datetime]) -> Form:
    experiment = running.experiment
    alike = partial(
        DialRequest, experiment=experiment.name, answers=running.answers, ring_timeout=RING_TIMEOUT,
        talk_limit=TALK_LIMIT, callback_url=f"{workspace.settings.public_url}/webhooks/{experiment.adapter}",
        clock=clock,
    )  # fmt: skip
    treatments = {arm: experiment.treatments[arm] for arm in arms}
    return {
        arm: partial(alike, arm=arm, voice=treatment.voice, caller_id=treatment.caller_id)
        for arm, treatment in treatments.items()
    }


def _request(form: Form, due: Due, words: _Words, now: datetime, left: timedelta) -> DialRequest:
    """The request for a call, for which so much time is left.

    Its deadline is of whole seconds, as providers are told it: what they hear and what holds here is one instant.
    """
    contact, call = due.contact, due.call
    return form[call.arm](
        call=call.key, to=contact.phone, script=words.blocks,
        not_after=(now + left).replace(microsecond=0), send_by=now + min(left, SEND_WITHIN),
        contact=contact.key, attempt=call.attempt, timezone=contact.timezones[0], variables=words.values,
    )  # fmt: skip


def _submitted(running: Running, requests: Sequence[DialRequest], now: datetime) -> dict[str, Receipt]:
    """The provider's receipts by call. An adapter that fails has told nothing: its calls may ring."""
    try:
        return {receipt.key: receipt for receipt in running.adapter.submit(requests, now)}
    except Exception as error:
        log.exception("an adapter failed while it was asked to place calls; adapter=%s", running.experiment.adapter)
        reason = f"the adapter failed: {type(error).__name__}"
        return {request.call: Receipt(request.call, Fate.UNKNOWN, reason=reason) for request in requests}


def _keep_receipts(
    connection: Connection, running: Running, batch: _Batch, receipts: Mapping[str, Receipt], now: datetime
) -> Dispatched:
    """Write what the provider said of each call, unless the call is at another try by now.

    What it refused did not ring and stays in its arm; what never left, or what it asks to be sent later, is tried
    again while its deadline is ahead.
    """
    settled, refused, again = [], [], []
    current = fates.same_try(connection, {due.id: due.tries for due in batch.begun})
    for due in batch.begun:
        if due.id not in current:
            continue
        receipt = receipts.get(due.call.key) or Receipt(due.call.key, Fate.UNKNOWN, reason="there was no receipt")
        later = _later(due, receipt, now)
        if receipt.fate in (Fate.ACCEPTED, Fate.UNKNOWN):
            state = CallState.ACCEPTED if receipt.fate is Fate.ACCEPTED else CallState.UNKNOWN
            settled.append(Settled(due.id, state, receipt.provider_id, receipt.reason))
        elif later is not None and later < due.call.not_after:
            again.append((due.id, later, receipt.reason))
        elif later is not None:
            refused.append((due, "expired", receipt.reason))
        else:
            refused.append((due, "provider", receipt.reason))
    queue.settle(connection, settled)
    fates.plan_again(connection, again)
    refuse(connection, running, refused, now)
    troubles.receipts(connection, running, list(receipts.values()), now)
    placed = sum(one.state is CallState.ACCEPTED for one in settled)
    return replace(
        batch.counted, placed=placed, unknown=len(settled) - placed, again=len(again),
        refused=batch.counted.refused + len(refused),
    )  # fmt: skip


def _later(due: Due, receipt: Receipt, now: datetime) -> datetime | None:
    """When a call that provably did not ring may be sent again; None when the provider's no is final."""
    if due.tries >= TRIES or (receipt.fate is Fate.REFUSED and receipt.retry_after is None):
        return None
    if receipt.retry_after is not None:
        return now + max(timedelta(seconds=receipt.retry_after), timedelta(seconds=1))
    wait: timedelta = AGAIN * 2**due.tries
    return now + min(wait, LATEST_AGAIN)
