"""What all experiments of one account have in flight together."""

from sqlalchemy import Connection, bindparam, func, select

from engine.core.calls import CallState
from engine.store.queue import IS_OPEN
from engine.store.tables import CallRow, ExperimentRow, table

CALLS, EXPERIMENTS = table(CallRow), table(ExperimentRow)
_IN_FLIGHT = (
    select(EXPERIMENTS.c.id, func.count())
    .join(CALLS, CALLS.c.experiment_id == EXPERIMENTS.c.id)
    .where(EXPERIMENTS.c.account == bindparam("account"), IS_OPEN, CALLS.c.state != CallState.UNKNOWN.value)
    .group_by(EXPERIMENTS.c.id)
)


def in_flight(connection: Connection, account: str) -> dict[int, int]:
    """Calls that are begun or accepted and have not ended, by the id of the account's experiments."""
    return {row[0]: row[1] for row in connection.execute(_IN_FLIGHT, {"account": account})}
