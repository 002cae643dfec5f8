"""What the rules say of calls: the facts are read once for a batch, and every rule is asked of each call.

The one place that does, for calls that are planned, that are due, and that are about to be sent.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.core import caps, rules
from engine.core.calls import Call, deadline, ends, wishes_of
from engine.core.consents import Consent
from engine.core.contacts import Contact
from engine.core.experiments import CONTROL, Experiment
from engine.core.openings import Openings
from engine.core.regions import Bounds, Place
from engine.core.rules import ALLOWED, Deferred, Refused, Ruling
from engine.regions import rulebook
from engine.store import attempts, consents, queue, suppressions
from engine.store.queue import Due
from engine.telephony import capabilities
from engine.workspace import Running

LONGEST = timedelta(days=60)  # beyond every wait for open hours
STATE = "state"  # the attribute that tells a contact's state where the experiment names none


def providers_of(experiment: Experiment) -> tuple[str, ...]:
    """Providers whose own rules bind the calls of an experiment: its adapter's, and those of its line."""
    named = (experiment.line,) if experiment.line else ()
    return tuple(dict.fromkeys((*capabilities(experiment.adapter).rules, *named)))


class Reach:
    """What holds for the treatments and contacts of one experiment, looked up once for each arm and place."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.providers = providers_of(experiment)
        self._state = experiment.audience.columns.state or STATE
        self._found: dict[tuple[str, Place], Bounds] = {}

    def place(self, contact: Contact) -> Place:
        """Where a contact may be."""
        return rulebook().place(contact.region, contact.phone[:6], contact.attributes.get(self._state, ""))

    def bounds(self, arm: str, contact: Contact) -> Bounds:
        """What holds for a contact in an arm."""
        return self.at(arm, self.place(contact))

    def at(self, arm: str, place: Place) -> Bounds:
        """What holds in a place for an arm."""
        found = self._found.get((arm, place))
        if found is None:
            wishes = wishes_of(self.experiment, self.experiment.treatments[arm])
            found = self._found[arm, place] = rulebook().bounds(place, wishes, self.providers)
        return found


def usual(experiment: Experiment) -> Openings:
    """The hours of the control in the experiment's own region, in a week without holidays."""
    region = experiment.audience.region
    return Reach(experiment).at(CONTROL, rulebook().place(region, "")).openings.typical()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules need to know about some contacts, by their ids; `imported` is per national list."""

    consents: Mapping[int, Consent] = field(default_factory=dict)
    begun: Mapping[int, Sequence[datetime]] = field(default_factory=dict)
    imported: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Connection, bounds: Mapping[int, Bounds], now: datetime) -> "Facts":
        """Read what these contacts' bounds ask for, in one query each, and nothing that they do not."""
        capped = [contact_id for contact_id, one in bounds.items() if one.caps]
        since = now - max((caps.longest(one.caps) for one in set(bounds.values())), default=timedelta())
        return cls(
            consents.of(connection, bounds) if consents.any_kept(connection) else {},
            attempts.begun_since(connection, capped, since) if capped else {},
            suppressions.imports(connection) if any(one.lists for one in bounds.values()) else {},
        )


@dataclass(frozen=True, slots=True)
class Rulings:
    """The facts about a batch of due calls at one instant."""

    now: datetime
    experiment: Experiment
    bounds: Mapping[int, Bounds]  # by call
    facts: Facts
    placed: int
    spent: float
    suppressed: Collection[str] = frozenset()  # numbers that came on the list since the calls were read
    allowed: dict[int, int] = field(default_factory=dict)  # contact → its call that this batch lets go

    @classmethod
    def read(cls, connection: Connection, running: Running, due: Sequence[Due], now: datetime) -> "Rulings":
        """Read what the rules need to know about these calls."""
        experiment, limits = running.experiment, running.experiment.budget
        limited = limits.calls is not None or limits.spend is not None
        reach = Reach(experiment)
        bounds = {one.id: reach.bounds(one.call.arm, one.contact) for one in due}
        facts = Facts.read(connection, {one.contact_id: bounds[one.id] for one in due}, now)
        return cls(now, experiment, bounds, facts, *(queue.placed(connection, running.id) if limited else (0, 0.0)))

    def of(self, due: Due, more: int) -> Ruling:
        """The strictest answer of every rule about a due call; `more` calls of the batch were allowed before it."""
        call, contact, limits = due.call, due.contact, self.experiment.budget
        bounds, facts = self.bounds[due.id], self.facts
        begun = facts.begun.get(due.contact_id, ())
        if self.allowed.get(due.contact_id, due.id) != due.id:
            begun = (*begun, self.now)
        ruling = rules.strictest(
            (
                rules.suppression(due.suppressed),
                rules.expiry(self.now, call.not_after),
                rules.may_ever(bounds, facts.consents.get(due.contact_id), facts.imported, self.now),
                rules.frequency(self.now, bounds.openings, contact.timezones, bounds.caps, begun, call.not_after),
                rules.budget(self.placed + more, self.spent, limits.calls, limits.spend),
            )
        )
        if ruling is ALLOWED:
            self.allowed.setdefault(due.contact_id, due.id)
        return ruling

    def reread(self, connection: Connection, due: Sequence[Due]) -> "Rulings":
        """The same batch after a while: who came on the suppression list or took a consent back is known then."""
        phones = suppressions.suppressed_among(connection, [one.contact.phone for one in due], self.now)
        kept = consents.of(connection, [one.contact_id for one in due]) if consents.any_kept(connection) else {}
        return replace(self, suppressed=phones, facts=replace(self.facts, consents=kept))

    def again(self, due: Due, now: datetime) -> Ruling:
        """What may have changed about a call that was allowed: asked at the moment at which it is sent.

        Reads nothing; what came on the suppression list since counts after `reread`. Caps and the budget hold as
        they were: the calls of the batch are counted in them already.
        """
        bounds, not_after = self.bounds[due.id], due.call.not_after
        if due.suppressed or due.contact.phone in self.suppressed:
            return Refused("suppressed")
        if now >= not_after:
            return Refused("expired")
        ever = rules.may_ever(bounds, self.facts.consents.get(due.contact_id), self.facts.imported, now)
        if ever is not ALLOWED:
            return ever
        if bounds.openings.is_open(now, due.contact.timezones):
            return ALLOWED
        return rules.opening(now, bounds.openings, due.contact.timezones, not_after)


def planned(
    connection: Connection, experiment: Experiment, calls: Iterable[tuple[int, Contact, Call]], now: datetime
) -> tuple[list[tuple[int, Call]], list[tuple[int, str]]]:
    """Calls that core planned, at the first instants that every rule allows; and who is refused, with the rule.

    Calls are given with their contact and its id. A call that waits for its hours is due when they come; one that
    would wait for a cap longer than until its deadline is refused.
    """
    given, reach = list(calls), Reach(experiment)
    bounds = {contact_id: reach.bounds(call.arm, contact) for contact_id, contact, call in given}
    facts = Facts.read(connection, bounds, now)
    kept: list[tuple[int, Call]] = []
    refused: list[tuple[int, str]] = []
    for contact_id, contact, call in given:
        ruled = _settled(experiment, contact, call, bounds[contact_id], facts, contact_id, now)
        if isinstance(ruled, Refused):
            refused.append((contact_id, ruled.rule))
        else:
            kept.append((contact_id, ruled))
    return kept, refused


def _settled(
    experiment: Experiment, contact: Contact, call: Call, bounds: Bounds, facts: Facts, contact_id: int, now: datetime
) -> Call | Refused:
    ever = rules.may_ever(bounds, facts.consents.get(contact_id), facts.imported, now)
    if isinstance(ever, Refused):
        return ever
    end = ends(experiment, contact) or call.due_at + LONGEST
    ruling = rules.opening(call.due_at, bounds.openings, contact.timezones, end)
    if isinstance(ruling, Deferred):
        after = deadline(experiment, contact, call.arm, ruling.until)
        call = replace(call, due_at=ruling.until, not_after=after)
    if not isinstance(ruling, Refused) and bounds.caps:
        begun = facts.begun.get(contact_id, ())
        ruling = rules.frequency(call.due_at, bounds.openings, contact.timezones, bounds.caps, begun, call.not_after)
        if isinstance(ruling, Deferred):
            call = replace(call, due_at=ruling.until)
    return ruling if isinstance(ruling, Refused) else call
