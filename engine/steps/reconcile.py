"""Calls whose fate is unknown in, settled calls out.

What a dead process had begun and not sent is planned again. A call that was sent and has no receipt may have rung:
the provider is asked, and what it has is adopted. Only where the provider lists every call at once does its absence
prove that nothing rang, and only after the longest time that a call could live; then the call is planned again.
What cannot be told by then is closed as `unknown`: it counts as an attempt, is shown to a person and never tried again.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.core.calls import RING_TIMEOUT, TALK_LIMIT, CallState
from engine.core.events import Kind
from engine.failpoints import reached
from engine.steps import follow_up, receive
from engine.store import fates, outcomes, queue
from engine.store.fates import Unsettled
from engine.store.queue import Settled
from engine.telephony.adapter import Finding, Found
from engine.workspace import Running, Workspace

log = logging.getLogger(__name__)

LONGEST_LIFE = RING_TIMEOUT + TALK_LIMIT + timedelta(minutes=5)
ANSWERED_WITHIN = timedelta(minutes=2)  # a receipt that a living process still waits for
AT_ONCE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many calls the provider had, how many provably never rang, and how many nobody can tell."""

    adopted: int = 0
    planned_again: int = 0
    unknown: int = 0


def reconcile(
    workspace: Workspace,
    running: Running,
    now: datetime,
    alive: Collection[str] = (),
    patience: timedelta = LONGEST_LIFE,
) -> Reconciled:
    """Settle what was left open by processes that are not `alive`, by lost receipts and by ends that nobody reported.

    `patience` is how long after its sending a call may still come to be: none where its process is known to be dead
    and the provider is in this machine. Reports that came before their call's id was known here then find their
    call, and messages that were planned and not begun are sent.
    """
    released = workspace.database.write(lambda connection: fates.release(connection, running.id, alive))
    reached("released")
    settled = _ask(workspace, running, now, alive, patience)
    follow_up.send_planned(workspace, running, now)
    if not running.adapter.capabilities.polls:
        receive.join_unmatched(workspace, running.experiment.adapter, now)
    return Reconciled(settled.adopted, settled.planned_again + released, settled.unknown)


def _ask(
    workspace: Workspace, running: Running, now: datetime, alive: Collection[str], patience: timedelta
) -> Reconciled:
    with workspace.database.reading() as connection:
        waiting = fates.unsettled(connection, running.id, alive, now - ANSWERED_WITHIN, now - LONGEST_LIFE)
    if not waiting:
        return Reconciled()
    answers = [(one, _found(running, one, now)) for one in waiting]
    reached("asked")
    return _settle(workspace, running, answers, now, patience)


def _found(running: Running, one: Unsettled, now: datetime) -> Found:
    """What the provider says; one that fails says nothing."""
    try:
        return running.adapter.find(one.known.call.key, now, one.phone)
    except Exception:
        log.exception("an adapter failed while it was asked about a call; adapter=%s", running.experiment.adapter)
        return Found(Finding.CANNOT_TELL)


def _settle(
    workspace: Workspace,
    running: Running,
    answers: Sequence[tuple[Unsettled, Found]],
    now: datetime,
    patience: timedelta,
) -> Reconciled:
    def keep(connection: Connection) -> tuple[Reconciled, list[follow_up.Message]]:
        current = fates.same_try(connection, {one.known.id: one.tries for one, _ in answers})
        still = [(one, found) for one, found in answers if one.known.id in current]
        return _keep_answers(workspace, connection, running, still, now, patience)

    done, messages = workspace.database.write(keep)
    reached("settled")
    follow_up.send(workspace, messages, now)
    return done


def _keep_answers(
    workspace: Workspace,
    connection: Connection,
    running: Running,
    answers: Sequence[tuple[Unsettled, Found]],
    now: datetime,
    patience: timedelta,
) -> tuple[Reconciled, list[follow_up.Message]]:
    """Write what the provider said of each call; the messages that follow are planned, not sent."""
    complete = running.adapter.capabilities.lookup_is_complete
    adopted = [
        (one, found)
        for one, found in answers
        if found.finding is Finding.FOUND and one.known.state is not CallState.ACCEPTED
    ]
    over = [(one, found) for one, found in answers if _lives_until(running, one, patience) <= now]
    absent = [
        one.known.id
        for one, found in over
        if found.finding is Finding.ABSENT and complete and one.known.state is not CallState.ACCEPTED
    ]
    closed = [(one, why) for one, found in over if one.known.id not in absent and (why := _closing(one, found, now))]
    waiting = [one for one, found in answers if found.finding is not Finding.FOUND and one.known.id not in absent]
    queue.settle(
        connection,
        [Settled(one.known.id, CallState.ACCEPTED, found.provider_id) for one, found in adopted]
        + [
            Settled(one.known.id, CallState.UNKNOWN, reason="the provider was asked and cannot tell yet")
            for one in waiting
            if one.known.state is CallState.SENT
        ],
    )
    fates.plan_again(connection, [(call, now, "the provider never had it") for call in absent])
    fates.close(connection, [(one.known.id, why) for one, why in closed], now)
    closes = now + running.experiment.conversion.within
    outcomes.mature_at(connection, running.id, {one.known.contact_id: closes for one, _ in closed})
    done = Reconciled(len(adopted), len(absent), len(closed))
    events = [event for _, found in answers for event in found.events]
    if not events:
        return done, []
    return done, receive.take(workspace, connection, running.experiment.adapter, events, now)[1]


def _lives_until(running: Running, one: Unsettled, patience: timedelta) -> datetime:
    """When a call that was sent is over whatever became of it; one in a provider's queue lives until its deadline."""
    until = one.sent_at + patience
    if running.adapter.capabilities.queues_excess:
        until = max(until, one.known.call.not_after + patience)
    return until


def _closing(one: Unsettled, found: Found, now: datetime) -> str:
    """Why a call that is over is closed without an end; "" when it is not."""
    if any(event.kind is Kind.ENDED for event in found.events):
        return ""
    if found.finding is Finding.FOUND or one.known.state is CallState.ACCEPTED:
        return "its end was never told" if one.sent_at + 2 * LONGEST_LIFE <= now else ""
    return "the provider cannot tell"
