"""What the rules say of due calls: the facts are read once for a batch, and every rule is asked of each call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.core import rules
from engine.core.budgets import Purse
from engine.core.calls import send_before
from engine.core.experiments import Experiment
from engine.core.rules import Ruling
from engine.core.windows import Window
from engine.steps import purses
from engine.steps.hours import windows
from engine.store.queue import Due
from engine.workspace import Running


@dataclass(frozen=True, slots=True)
class Rulings:
    """The facts about a batch of due calls at one instant."""

    now: datetime
    experiment: Experiment
    windows: Mapping[int, Window]  # by the id of the call
    purse: Purse | None

    @classmethod
    def read(cls, connection: Connection, running: Running, due: Sequence[Due], now: datetime) -> "Rulings":
        """Read what the rules need to know about these calls."""
        experiment = running.experiment
        return cls(now, experiment, windows(connection, running, due), purses.read(connection, running, now))

    def of(self, due: Due, more: int) -> Ruling:
        """The strictest answer of every rule about a due call; `more` calls of the batch were allowed before it."""
        not_after, window = due.call.not_after, self.windows[due.id]
        return rules.strictest(
            (
                rules.suppression(due.suppressed),
                rules.expiry(self.now, not_after),
                rules.opening(self.now, window, due.contact.timezones, not_after),
                self.purse.ruling(more, window, due.contact.timezones, not_after) if self.purse else rules.ALLOWED,
            )
        )

    def again(self, due: Due) -> Ruling:
        """What may have changed since the claim, asked at the moment of sending."""
        not_after = due.call.not_after
        return rules.strictest(
            (
                rules.suppression(due.suppressed),
                rules.expiry(self.now, not_after),
                rules.opening(self.now, self.windows[due.id], due.contact.timezones, not_after),
            )
        )

    def closes(self, due: Due) -> datetime:
        """The instant after which an allowed call must not ring: its deadline, or the close of its window."""
        return send_before(due.call, self.windows[due.id], due.contact.timezones, self.now)
