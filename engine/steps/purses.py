"""What an experiment has spent, counted inside the claim that is about to spend more."""

from datetime import datetime

from sqlalchemy import Connection

from engine.core.accounts import experiment_bucket
from engine.core.buckets import Rate
from engine.core.budgets import Purse, Spent, day_of, is_limited
from engine.store import buckets, spending
from engine.workspace import Running


def read(connection: Connection, running: Running, now: datetime) -> Purse | None:
    """The budget with what was spent of it; None where nothing is limited.

    The experiment's bucket is held until the transaction ends, so that no two claims spend the same rest.
    """
    budget, pace = running.experiment.budget, running.experiment.pace
    if not is_limited(budget):
        return None
    fresh = Rate(pace.per_second, max(1.0, pace.per_second), pace.ramp)
    buckets.hold(connection, {experiment_bucket(running.experiment): fresh}, now)
    today, tomorrow = day_of(running.experiment, now)
    calls, open_, money = spending.since(connection, running.id, None)
    daily = budget.calls_per_day is not None or budget.spend_per_day is not None
    of_day = spending.since(connection, running.id, today) if daily else (0, 0, 0.0)
    return Purse(budget, Spent(calls, open_, money, *of_day), now, tomorrow)
