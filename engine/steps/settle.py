"""Calls of which the engine cannot tell what became: shown to a person, and settled by what the person found out."""

from dataclasses import dataclass
from datetime import datetime

from engine.core.calls import CallState
from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.errors import InputError, NotFound, NotNow
from engine.steps import follow_up, receive
from engine.store import fates, records
from engine.store.fates import Untold
from engine.store.known import by_key
from engine.workspace import Workspace

__all__ = ["Unknown", "Untold", "settle", "unknown"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Calls of one experiment whose fate is not known; `waiting` of them are still asked about."""

    experiment: str
    calls: tuple[Untold, ...]

    @property
    def waiting(self) -> int:
        return sum(not call.closed for call in self.calls)


def unknown(workspace: Workspace, name: str | None = None, limit: int = 100) -> tuple[Unknown, ...]:
    """The calls whose fate is not known, of one experiment or of all that have any; raises NotFound."""
    with workspace.database.reading() as connection:
        wanted = [records.get(connection, name)] if name else records.everything(connection)
        found = [Unknown(record.name, tuple(fates.untold(connection, record.id, limit))) for record in wanted]
    return tuple(one for one in found if one.calls or name)


def settle(workspace: Workspace, key: str, disposition: str, who: str, reason: str, now: datetime) -> None:
    """Write what a person found out about a call whose fate is not known: how it ended.

    It is an event like any other, so that outcomes follow from it; it is in the audit with who and why. Raises
    NotFound, InputError for a word that is no disposition, and NotNow for a call whose fate is known.
    """
    words = [one.value for one in Disposition if one is not Disposition.UNKNOWN]
    if disposition not in words:
        raise InputError(f"{disposition!r} is not how a call ends; that is one of {', '.join(words)}")
    with workspace.database.writing() as connection:
        call = by_key(connection, [key]).get(key)
        if call is None:
            raise NotFound("call", key)
        if call.state is not CallState.UNKNOWN:
            raise NotNow(f"this call is {call.state.value}: only a call whose fate is unknown is settled by hand")
        adapter = records.by_id(connection, call.experiment_id).experiment.adapter
        event = Event(f"{key}#settled", Kind.ENDED, now, key, disposition=Disposition(disposition), detail=reason)
        _, messages = receive.take(workspace, connection, adapter, [event], now)
        records.audit(connection, now, who, "settle", key, f"{disposition}: {reason}")
    follow_up.send(workspace, messages, now)
