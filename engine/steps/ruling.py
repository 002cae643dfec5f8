"""What the rules say of due calls: the facts are read once for a batch, and every rule is asked of each call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.core import rules
from engine.core.calls import window_of
from engine.core.experiments import Experiment
from engine.core.rules import Ruling
from engine.core.windows import Window
from engine.store import queue
from engine.store.queue import Due
from engine.workspace import Running


@dataclass(frozen=True, slots=True)
class Rulings:
    """The facts about a batch of due calls at one instant."""

    now: datetime
    experiment: Experiment
    windows: Mapping[str, Window]
    placed: int
    spent: float

    @classmethod
    def read(cls, connection: Connection, running: Running, due: Sequence[Due], now: datetime) -> "Rulings":
        """Read what the rules need to know about these calls."""
        experiment, limits = running.experiment, running.experiment.budget
        limited = limits.calls is not None or limits.spend is not None
        return cls(
            now,
            experiment,
            {arm: window_of(experiment, experiment.treatments[arm]) for arm in {one.call.arm for one in due}},
            *(queue.placed(connection, running.id) if limited else (0, 0.0)),
        )

    def of(self, due: Due, more: int) -> Ruling:
        """The strictest answer of every rule about a due call; `more` calls of the batch were allowed before it."""
        not_after, limits = due.call.not_after, self.experiment.budget
        return rules.strictest(
            (
                rules.suppression(due.suppressed),
                rules.expiry(self.now, not_after),
                rules.opening(self.now, self.windows[due.call.arm], due.contact.timezones, not_after),
                rules.budget(self.placed + more, self.spent, limits.calls, limits.spend),
            )
        )

    def again(self, due: Due) -> Ruling:
        """What may have changed since the claim, asked at the moment of sending."""
        not_after = due.call.not_after
        return rules.strictest(
            (
                rules.suppression(due.suppressed),
                rules.expiry(self.now, not_after),
                rules.opening(self.now, self.windows[due.call.arm], due.contact.timezones, not_after),
            )
        )

    def closes(self, due: Due) -> datetime:
        """The instant after which an allowed call must not ring: its deadline, or the close of its window."""
        return min(due.call.not_after, self.windows[due.call.arm].closes(self.now, due.contact.timezones))
