"""Calls that an experiment has placed, and what they cost."""

from datetime import datetime

from sqlalchemy import Connection, case, func, select

from engine.core.calls import CallState
from engine.store.tables import CallRow, table

CALLS = table(CallRow)
OVER = (CallState.ENDED.value, CallState.REFUSED.value, CallState.CANCELED.value)


def since(connection: Connection, experiment_id: int, begin: datetime | None) -> tuple[int, int, float]:
    """Calls that were begun at `begin` or later (None: ever), those that have not ended, and what the others cost.

    A call whose fate nobody knows may still turn out to have cost something, and counts with those not ended.
    """
    flying = func.sum(case((CALLS.c.state.in_(OVER), 0), else_=1))
    money = func.sum(CALLS.c.cost)
    query = select(func.count(), func.coalesce(flying, 0), func.coalesce(money, 0.0)).where(
        CALLS.c.experiment_id == experiment_id, CALLS.c.begun_at.is_not(None)
    )
    row = connection.execute(query if begin is None else query.where(CALLS.c.begun_at >= begin)).one()
    return int(row[0]), int(row[1]), float(row[2])
