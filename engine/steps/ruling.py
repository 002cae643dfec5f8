"""What the rules say of calls: the facts are read once for a batch, and every rule is asked of each call.

The one place that does, for calls that are planned, that are due, and that are about to be sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection

from engine.core import caps, rules
from engine.core.budgets import Purse
from engine.core.calls import Call, deadline, ends, send_before, wishes_of
from engine.core.caps import Cap
from engine.core.consents import Consent
from engine.core.contacts import Contact
from engine.core.experiments import CONTROL, Experiment
from engine.core.openings import Layer, Openings
from engine.core.regions import Bounds, Place
from engine.core.rules import ALLOWED, Deferred, Refused, Ruling
from engine.core.windows import Window
from engine.regions import rulebook
from engine.steps import purses
from engine.steps.hours import narrowed
from engine.store import attempts, consents, suppressions
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
    """What holds for the treatments and contacts of one experiment, looked up once for each arm, place and attempt."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.providers = providers_of(experiment)
        self._state = experiment.audience.columns.state or STATE
        self._found: dict[tuple[str, Place, int], Bounds] = {}

    def place(self, contact: Contact) -> Place:
        """Where a contact may be."""
        return rulebook().place(contact.region, contact.phone[:6], contact.attributes.get(self._state, ""))

    def bounds(self, arm: str, contact: Contact, attempt: int = 1) -> Bounds:
        """What holds for an attempt at a contact in an arm."""
        return self.at(arm, self.place(contact), attempt)

    def at(self, arm: str, place: Place, attempt: int = 1) -> Bounds:
        """What holds in a place for an attempt of an arm."""
        found = self._found.get((arm, place, attempt))
        if found is None:
            wishes = wishes_of(self.experiment, self.experiment.treatments[arm], attempt)
            found = self._found[arm, place, attempt] = rulebook().bounds(place, wishes, self.providers)
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
    def read(
        cls, connection: Connection, bounds: Mapping[int, Bounds], now: datetime, *, counted: bool = False
    ) -> "Facts":
        """Read what these contacts' bounds ask for, in one query each, and nothing that they do not.

        Calls that are `counted` are in the caps already.
        """
        capped = [contact_id for contact_id, one in bounds.items() if one.caps and not counted]
        since = now - max((caps.longest(one.caps) for one in set(bounds.values())), default=timedelta())
        return cls(
            consents.of(connection, bounds) if consents.any_kept(connection) else {},
            attempts.begun_since(connection, capped, since) if capped else {},
            suppressions.imports(connection) if any(one.lists for one in bounds.values()) else {},
        )


@lru_cache(maxsize=4096)
def _inside(openings: Openings, window: Window) -> Openings:
    """What is open in a window too; all of it where the window would leave nothing."""
    cut = openings.intersect(Openings((Layer.of(window),)))
    return openings if cut.never_opens else cut


@dataclass(frozen=True, slots=True)
class Rulings:
    """The facts about a batch of due calls at one instant; `bounds` and `openings` are by the id of the call."""

    now: datetime
    bounds: Mapping[int, Bounds]
    openings: Mapping[int, Openings]
    facts: Facts
    purse: Purse | None

    @classmethod
    def read(
        cls, connection: Connection, running: Running, due: Sequence[Due], now: datetime, *, counted: bool = False
    ) -> "Rulings":
        """Read what the rules need to know about these calls; those `counted` in caps and budget are asked `again`."""
        reach, cut = Reach(running.experiment), narrowed(connection, running, due)
        bounds = {one.id: reach.bounds(one.call.arm, one.contact, one.call.attempt) for one in due}
        openings = {
            call: _inside(one.openings, cut[call]) if call in cut else one.openings for call, one in bounds.items()
        }
        facts = Facts.read(connection, {one.contact_id: bounds[one.id] for one in due}, now, counted=counted)
        return cls(now, bounds, openings, facts, None if counted else purses.read(connection, running, now))

    def of(self, due: Due, more: int) -> Ruling:
        """The strictest answer of every rule about a due call; `more` calls of the batch were allowed before it."""
        not_after, zones, openings = due.call.not_after, due.contact.timezones, self.openings[due.id]
        begun = self.facts.begun.get(due.contact_id, ())
        return rules.strictest(
            (
                *self._ever(due),
                rules.frequency(self.now, openings, zones, self.bounds[due.id].caps, begun, not_after),
                self.purse.ruling(more, openings, zones, not_after) if self.purse else ALLOWED,
            )
        )

    def again(self, due: Due) -> Ruling:
        """What may have changed since the claim, asked at the moment of sending.

        Caps and the budget hold as they were: the call is counted in them already.
        """
        opening = rules.opening(self.now, self.openings[due.id], due.contact.timezones, due.call.not_after)
        return rules.strictest((*self._ever(due), opening))

    def _ever(self, due: Due) -> tuple[Ruling, ...]:
        bounds, facts = self.bounds[due.id], self.facts
        return (
            rules.suppression(due.suppressed),
            rules.expiry(self.now, due.call.not_after),
            rules.may_ever(bounds, facts.consents.get(due.contact_id), facts.imported, self.now),
        )

    def closes(self, due: Due) -> datetime:
        """The instant after which an allowed call must not ring: its deadline, or the end of its open hours."""
        return send_before(due.call, self.openings[due.id], due.contact.timezones, self.now)


Wanted = tuple[int, Contact, Call]
"""A contact's id, the contact, and the call that core planned."""


def planned(
    connection: Connection,
    experiment: Experiment,
    calls: Iterable[Wanted],
    now: datetime,
    windows: Mapping[str, Window] | None = None,
) -> tuple[list[tuple[int, Call]], list[tuple[int, str]]]:
    """Calls that core planned, at the first instants that every rule allows; and who is refused, with the rule.

    A call that waits for its hours is due when they come, and inside its own of `windows`, by key, where it has one.
    One that would wait for a cap longer than until its deadline is refused.
    """
    given, reach, cut = list(calls), Reach(experiment), windows or {}
    bounds = {contact_id: reach.bounds(call.arm, contact, call.attempt) for contact_id, contact, call in given}
    facts = Facts.read(connection, bounds, now)
    kept: list[tuple[int, Call]] = []
    refused: list[tuple[int, str]] = []
    for contact_id, contact, call in given:
        ever = rules.may_ever(bounds[contact_id], facts.consents.get(contact_id), facts.imported, now)
        openings, caps_of = bounds[contact_id].openings, bounds[contact_id].caps
        openings = _inside(openings, cut[call.key]) if call.key in cut else openings
        ruled = ever if isinstance(ever, Refused) else _opened(experiment, contact, call, openings)
        if not isinstance(ruled, Refused) and caps_of:
            ruled = _freed(ruled, contact, openings, caps_of, facts.begun.get(contact_id, ()))
        if isinstance(ruled, Refused):
            refused.append((contact_id, ruled.rule))
        else:
            kept.append((contact_id, ruled))
    return kept, refused


def _opened(experiment: Experiment, contact: Contact, call: Call, openings: Openings) -> Call | Refused:
    """The call when its hours come. One that follows an order keeps its deadline, and is late when they come later."""
    follows = call.attempt == 1 and experiment.treatments[call.arm].timing.after_order is not None
    end = call.not_after if follows else ends(experiment, contact) or call.due_at + LONGEST
    ruling = rules.opening(call.due_at, openings, contact.timezones, end)
    if isinstance(ruling, Refused):
        return Refused("expired") if follows else ruling
    if not isinstance(ruling, Deferred):
        return call
    after = call.not_after if follows else deadline(experiment, contact, call.arm, ruling.until)
    return replace(call, due_at=ruling.until, not_after=after)


def _freed(
    call: Call, contact: Contact, openings: Openings, bound: Sequence[Cap], begun: Sequence[datetime]
) -> Call | Refused:
    """The call when every cap lets it go."""
    ruling = rules.frequency(call.due_at, openings, contact.timezones, bound, begun, call.not_after)
    if isinstance(ruling, Refused):
        return ruling
    return replace(call, due_at=ruling.until) if isinstance(ruling, Deferred) else call
