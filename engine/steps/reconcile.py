"""Calls whose fate is unknown in, settled calls out.

A call that was begun and has no receipt may have rung. The provider is asked; what it has is adopted. Only
where the provider lists every call at once does its absence prove that nothing rang, and only then is the
call planned again. What cannot be told stays `unknown`: it is shown to a person and never tried again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.calls import RING_TIMEOUT, TALK_LIMIT, CallState
from engine.steps import follow_up, receive
from engine.store import outcomes, queue
from engine.store.queue import Known, Settled
from engine.telephony.adapter import Finding, Found
from engine.workspace import Running, Workspace

LONGEST_LIFE = RING_TIMEOUT + TALK_LIMIT + timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many calls the provider had, how many provably never rang, and how many nobody can tell."""

    adopted: int = 0
    planned_again: int = 0
    unknown: int = 0


def reconcile(workspace: Workspace, running: Running, begun_before: datetime, now: datetime) -> Reconciled:
    """Ask the provider about calls begun before an instant that have no receipt.

    When a process starts and no other runs, that is every such call; later, those older than
    `LONGEST_LIFE`. Reports that came before their call's id was known here then find their call,
    and messages that were planned and not begun are sent.
    """
    settled = _ask(workspace, running, begun_before, now)
    follow_up.send_planned(workspace, running, now)
    if not running.adapter.capabilities.polls:
        receive.join_unmatched(workspace, running.experiment.adapter, now)
    return settled


def _ask(workspace: Workspace, running: Running, begun_before: datetime, now: datetime) -> Reconciled:
    with workspace.database.reading() as connection:
        waiting = queue.unsettled(connection, running.id, begun_before)
    if not waiting:
        return Reconciled()
    answers = [(known, running.adapter.find(known.call.key, now)) for known in waiting]
    complete = running.adapter.capabilities.lookup_is_complete
    adopted = [(known, found) for known, found in answers if found.finding is Finding.FOUND]
    absent = [known for known, found in answers if found.finding is Finding.ABSENT and complete]
    lost = [known for known, found in answers if found.finding is not Finding.FOUND and known not in absent]
    return _settle(workspace, running, adopted, absent, lost, now)


def _settle(
    workspace: Workspace,
    running: Running,
    adopted: list[tuple[Known, Found]],
    absent: list[Known],
    lost: list[Known],
    now: datetime,
) -> Reconciled:
    events = [event for _, found in adopted for event in found.events]
    closes = now + running.experiment.conversion.within
    with workspace.database.writing() as connection:
        queue.settle(
            connection,
            [Settled(known.id, CallState.ACCEPTED, found.provider_id) for known, found in adopted]
            + [Settled(known.id, CallState.UNKNOWN, reason="the provider cannot tell") for known in lost],
        )
        queue.plan_again(connection, [known.id for known in absent])
        outcomes.mature_at(connection, running.id, {known.contact_id: closes for known in lost})
        messages: list[follow_up.Message] = []
        if events:
            _, messages = receive.take(workspace, connection, running.experiment.adapter, events, now)
    follow_up.send(workspace, messages, now)
    return Reconciled(len(adopted), len(absent), len(lost))
