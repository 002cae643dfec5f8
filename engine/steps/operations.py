"""What an operator watches: who places calls, what is on its way, what nobody can tell, and who did what."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.calls import CallState
from engine.core.experiments import LIVE
from engine.steps.resting import resting_arms
from engine.steps.settle import Unknown, unknown
from engine.store import ledger, processes, queue, records
from engine.store.processes import Process
from engine.store.records import Entry
from engine.workspace import Workspace

HEARD_OF = timedelta(seconds=30)
ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Living:
    """One process that places calls, and whether it said so lately."""

    process: Process
    alive: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """The calls of one live experiment: those that are begun or sent, in flight, and of unknown fate; what is next."""

    experiment: str
    state: str
    on_the_way: int
    in_flight: int
    unknown: int
    concurrent: int
    next_due: datetime | None
    last_heard: datetime | None


@dataclass(frozen=True, slots=True)
class Operations:
    """Everything at one instant. `waiting` reports are stored and not judged; `troubled` could not be understood."""

    processes: tuple[Living, ...]
    lanes: tuple[Lane, ...]
    unknown: tuple[Unknown, ...]
    waiting: int
    troubled: tuple[tuple[datetime, str, str], ...]
    audit: tuple[Entry, ...]


def living(workspace: Workspace, now: datetime) -> tuple[Living, ...]:
    """The processes that place calls, and those that ended without a word."""
    with workspace.database.reading() as connection:
        return tuple(Living(one, now - one.beat_at <= HEARD_OF) for one in processes.listing(connection))


def operations(workspace: Workspace, now: datetime) -> Operations:
    """What an operator watches, at one instant; what it costs does not depend on how many calls there were."""
    lanes = []
    with workspace.database.reading() as connection:
        for record in records.everything(connection, LIVE):
            flying = queue.open_counts(connection, record.id)
            lanes.append(
                Lane(
                    record.name, record.state.value,
                    flying.get(CallState.BEGUN, 0) + flying.get(CallState.SENT, 0),
                    flying.get(CallState.ACCEPTED, 0), flying.get(CallState.UNKNOWN, 0),
                    record.experiment.pace.concurrent,
                    queue.next_due(connection, record.id, resting_arms(connection, record.name)),
                    ledger.last_heard(connection, record.id),
                )
            )  # fmt: skip
        waiting, troubled = ledger.reports_waiting(connection), ledger.troubled_reports(connection)
        audit = records.audited(connection, ENTRIES)
    return Operations(living(workspace, now), tuple(lanes), unknown(workspace), waiting, tuple(troubled), tuple(audit))
