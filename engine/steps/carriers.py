"""Adapters through which an experiment's calls were reported beside its own."""

import json

from sqlalchemy import Connection

from engine.store import records
from engine.store.locking import hold


def carriers(connection: Connection, experiment: str) -> list[str]:
    """The other adapters that reported calls of this experiment, in the order in which they came."""
    text = records.mark(connection, _name(experiment))
    return list(json.loads(text)) if text else []


def note_carrier(connection: Connection, experiment: str, adapter: str) -> None:
    """Remember that this adapter reported a call of the experiment."""
    if adapter in carriers(connection, experiment):
        return
    hold(connection, _name(experiment))
    known = carriers(connection, experiment)
    if adapter not in known:
        records.set_mark(connection, _name(experiment), json.dumps([*known, adapter]))


def _name(experiment: str) -> str:
    return f"carriers/{experiment}"
