"""Calls that reports are about, found by our key or by the provider's own name for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, literal_column, select

from engine.core.calls import Call, CallState
from engine.store.bulk import among
from engine.store.queue import CALLS, CONTACTS, EXPERIMENTS

STATES = {state.value: state for state in CallState}


@dataclass(frozen=True, slots=True)
class Known:
    """A call that the ledger knows, as the steps after the dispatch need it."""

    id: int
    experiment_id: int
    contact_id: int
    call: Call
    state: CallState


KNOWN = (
    select(
        CALLS.c.id, CALLS.c.experiment_id, CALLS.c.contact_id, CALLS.c.state, CALLS.c.key, EXPERIMENTS.c.name,
        CONTACTS.c.key, CALLS.c.arm, CALLS.c.attempt, CALLS.c.due_at, CALLS.c.not_after, CALLS.c.rank,
    )
    .join(CONTACTS, CONTACTS.c.id == CALLS.c.contact_id)
    .join(EXPERIMENTS, EXPERIMENTS.c.id == CALLS.c.experiment_id)
)  # fmt: skip
_KNOWN_BY_KEY = KNOWN.where(among(CALLS.c.key, "keys"))


def known_of(row: Any) -> Known:
    """A call from the columns of `KNOWN`."""
    return Known(row[0], row[1], row[2], Call(*row[4:12]), STATES[row[3]])


def by_key(connection: Connection, keys: Iterable[str]) -> dict[str, Known]:
    """The calls that have these keys."""
    rows = connection.execute(_KNOWN_BY_KEY, {"keys": sorted(set(keys))}).all()
    return {row[4]: known_of(row) for row in rows}


# The second condition is the partial index's own: without it, every call would be read.
_BY_PROVIDER = select(CALLS.c.provider_id, CALLS.c.key).where(
    among(CALLS.c.provider_id, "names"), CALLS.c.provider_id != literal_column("''")
)


def keys_of(connection: Connection, provider_ids: Iterable[str]) -> dict[str, str]:
    """Our keys of calls that a provider names only by its own ids."""
    names = sorted({name for name in provider_ids if name})
    if not names:
        return {}
    return {row[0]: row[1] for row in connection.execute(_BY_PROVIDER, {"names": names}).all()}
