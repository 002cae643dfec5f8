"""What an experiment may spend: in calls and money, as a whole and on each of its days.

Money is known when a call has ended. A call in flight counts with what one costs on average, so that many processes
do not spend together what each alone would still have; and since it may cost less, it makes others wait, not fail.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from engine.core.contacts import REGION_ZONES
from engine.core.experiments import Budget, Experiment
from engine.core.openings import Openings
from engine.core.rules import ALLOWED, Deferred, Refused, Ruling
from engine.core.windows import zone

RULE = "budget"
SETTLING = timedelta(minutes=1)  # until then some call in flight may have ended
FIRST = 10  # calls in flight while nobody knows what one costs


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls ever begun, those of them that have not ended, and the money of the others; and today's of all three."""

    calls: int = 0
    open: int = 0
    money: float = 0.0
    calls_today: int = 0
    open_today: int = 0
    money_today: float = 0.0

    @property
    def each(self) -> float:
        """What a call cost on average; 0 before the first has ended."""
        return self.money / (self.calls - self.open) if self.calls > self.open else 0.0


def is_limited(budget: Budget) -> bool:
    """Whether anything has to be counted."""
    return any(limit is not None for limit in (budget.calls, budget.spend, budget.calls_per_day, budget.spend_per_day))


def day_of(experiment: Experiment, now: datetime) -> tuple[datetime, datetime]:
    """When the experiment's day that holds `now` began and ends, in its region's easternmost zone."""
    clocks = [zone(name) for name in REGION_ZONES.get(experiment.audience.region, ("UTC",))]
    local = max((now.astimezone(clock) for clock in clocks), key=lambda at: at.replace(tzinfo=None))
    today = datetime.combine(local.date(), time(), local.tzinfo)
    return today.astimezone(UTC), (today + timedelta(days=1)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Purse:
    """A budget at an instant, with what was spent of it and when the next day begins."""

    budget: Budget
    spent: Spent
    now: datetime
    tomorrow: datetime

    def ruling(self, more: int, openings: Openings, zones: tuple[str, ...], not_after: datetime) -> Ruling:
        """Whether one more call may be placed after `more` others that were just allowed.

        When the whole is spent it is refused; when the day's is, it waits for the next day's opening, and is refused
        when that is after its deadline.
        """
        budget, spent = self.budget, self.spent
        if _over(spent.calls + more, budget.calls) or _over(spent.money, budget.spend):
            return Refused(RULE)
        if _over(spent.calls_today + more, budget.calls_per_day) or _over(spent.money_today, budget.spend_per_day):
            return self._until(openings.next_open(self.tomorrow, zones), not_after)
        if self._is_priceless(more):
            return self._until(self.now + SETTLING, not_after)
        committed = spent.money + (spent.open + more) * spent.each
        committed_today = spent.money_today + (spent.open_today + more) * spent.each
        if _over(committed, budget.spend) or _over(committed_today, budget.spend_per_day):
            return self._until(self.now + SETTLING, not_after)
        return ALLOWED

    def _is_priceless(self, more: int) -> bool:
        """Whether money is limited, and as many calls are in flight as may be before the first price is known."""
        limited = self.budget.spend is not None or self.budget.spend_per_day is not None
        return limited and self.spent.calls == self.spent.open and self.spent.open + more >= FIRST

    def _until(self, until: datetime | None, not_after: datetime) -> Ruling:
        return Refused(RULE) if until is None or until >= not_after else Deferred(RULE, until)


def _over(spent: float, limit: float | None) -> bool:
    return limit is not None and spent >= limit
