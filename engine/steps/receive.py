"""Polls and judged webhooks in; events, outcomes, follow-up messages and next attempts out.

Events are stored before they are answered. Everything after is computed from what is stored, so
that order and repeats do not matter (law 2).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine import failpoints
from engine.core import redial
from engine.core.calls import CallState
from engine.core.events import Conversion, Event, Kind
from engine.core.experiments import LIVE, Experiment
from engine.core.outcomes import judge
from engine.core.treatments import Disposition
from engine.core.windows import Window
from engine.errors import NotFound
from engine.steps import follow_up, guard, refusals, ruling, troubles
from engine.steps.carriers import note_carrier
from engine.store import attempts, cancellations, fates, ledger, outcomes, queue, records, roster
from engine.store import messages as message_rows
from engine.store.known import Known, by_key, keys_of
from engine.store.ledger import NOBODY, About
from engine.store.outcomes import Judged
from engine.store.queue import Ended
from engine.workspace import Running, Workspace

POLLED = 5_000
PROVES_A_CALL = frozenset({Kind.RINGING, Kind.ANSWERED})


@dataclass(frozen=True, slots=True)
class Received:
    """What a batch of events came to."""

    events: int = 0
    new: int = 0
    redials: int = 0
    messages: int = 0


def cursor_of(experiment: Experiment) -> str:
    """The mark that says how far an experiment's adapter was heard."""
    return f"cursor/{experiment.name}"


def poll(workspace: Workspace, running: Running, now: datetime, limit: int = POLLED) -> Received:
    """Ask the adapter what has happened since the cursor; the cursor moves in the transaction of the events."""
    cursor = cursor_of(running.experiment)
    with workspace.database.reading() as connection:
        since = records.mark(connection, cursor)
    events, reached = running.adapter.poll(since, now, limit)
    if not events:
        return Received()

    def keep(connection: Connection) -> tuple[Received, list[follow_up.Message]]:
        failpoints.reached("heard")
        taken = take(workspace, connection, running.experiment.adapter, events, now)
        records.set_mark(connection, cursor, reached)
        return taken

    received, messages = workspace.database.write(keep)
    failpoints.reached("taken")
    follow_up.send(workspace, messages, now)
    return received


def take(
    workspace: Workspace, connection: Connection, source: str, events: Sequence[Event], now: datetime
) -> tuple[Received, list[follow_up.Message]]:
    """Store events, judge the contacts that they are about, plan what follows; the messages are planned, not sent."""
    calls = _calls_of(connection, events)
    heard = [(_named(event, known), known) for event, known in zip(events, calls, strict=True)]
    about = [(event, About(known.contact_id, known.experiment_id) if known else NOBODY) for event, known in heard]
    contacts = {whom.contact_id for _, whom in about if whom.contact_id is not None}
    roster.hold(connection, contacts)
    new = ledger.keep_events(connection, source, about, now)
    for experiment_id in {known.experiment_id for _, known in heard if known}:
        experiment = workspace.running_of(connection, experiment_id).experiment
        if experiment.adapter != source:
            note_carrier(connection, experiment.name, source)
    redials, messages = _follow(workspace, connection, heard, contacts, now)
    return Received(len(events), new, redials, len(messages)), messages


def _follow(
    workspace: Workspace,
    connection: Connection,
    heard: Iterable[tuple[Event, Known | None]],
    contacts: Collection[int],
    now: datetime,
) -> tuple[int, list[follow_up.Message]]:
    """What follows stored events: outcomes, closed calls, redials, messages; returns the last two."""
    if not contacts:
        return 0, []
    heard = list(heard)
    fates.rang(
        connection,
        [
            (known.id, event.provider_id, event.at)
            for event, known in heard
            if known and event.kind in PROVES_A_CALL and known.state not in (CallState.ACCEPTED, CallState.ENDED)
        ],
    )
    endings = {known.call.key: (known, event) for event, known in heard if known and event.kind is Kind.ENDED}
    refusing = judge_contacts(workspace, connection, contacts, now)
    return _after_endings(workspace, connection, endings.values(), refusing, now)


def _calls_of(connection: Connection, events: Sequence[Event]) -> list[Known | None]:
    """The call that each event is about, by our key or by the provider's id; None where it is not known."""
    named = keys_of(connection, {event.provider_id for event in events if not event.call})
    keys = [event.call or named.get(event.provider_id, "") for event in events]
    calls = by_key(connection, {key for key in keys if key})
    return [calls.get(key) for key in keys]


def _named(event: Event, known: Known | None) -> Event:
    """The event with our key of its call, which is how outcomes tell one call from another."""
    return event if event.call or known is None else event._replace(call=known.call.key)


def judge_contacts(
    workspace: Workspace, connection: Connection, contact_ids: Collection[int], now: datetime
) -> set[int]:
    """Compute these contacts' outcomes anew; who opted out or complained is suppressed, and returned.

    An arm that did too much harm with it rests before anybody else is called.
    """
    roster.hold(connection, contact_ids)  # who hears another event of theirs at this moment judges after us
    events = ledger.events_of(connection, contact_ids)
    assigned = outcomes.assignments(connection, contact_ids)
    experiments = {one.experiment_id for one in assigned}
    runnings = {one: workspace.running_of(connection, one) for one in experiments}
    watched = {one: guard.watched(running.experiment) for one, running in runnings.items()}
    judged: list[Judged] = []
    said: list[refusals.Said] = []
    alarming: set[int] = set()
    for one in assigned:
        running = runnings[one.experiment_id]
        own = [event for of, event in events[one.contact_id] if of is None or of == one.experiment_id]
        outcome = judge(own, running.terms[one.arm], one.assigned_at)
        within = running.experiment.conversion.within
        matures = outcome.dialled_at + within if outcome.dialled_at else None
        judged.append(Judged(one.experiment_id, one.contact_id, outcome, matures))
        if outcome.opt_out or outcome.complaint:
            said.append(refusals.said_in(own, one.contact_id, running.experiment))
        if any(metric.number(outcome) for metric in watched[one.experiment_id]):
            alarming.add(one.experiment_id)
    outcomes.write_outcomes(connection, judged)
    refusing: set[int] = set()
    if said:
        refusing = refusals.keep(connection, said, now)
        cancellations.cancel_and_refuse(connection, refusing, "opted_out", now)
    for experiment_id in sorted(alarming):
        guard.stop_harm(connection, runnings[experiment_id], now)
    return refusing


def _after_endings(
    workspace: Workspace,
    connection: Connection,
    endings: Collection[tuple[Known, Event]],
    refusing: set[int],
    now: datetime,
) -> tuple[int, list[follow_up.Message]]:
    """Close the calls that ended; call again who was not reached; write the messages that follow."""
    queue.end(connection, [_ended(known, event) for known, event in endings])
    first = [(known, event) for known, event in endings if known.state is not CallState.ENDED]
    whose = {id_: workspace.running_of(connection, id_) for id_ in {known.experiment_id for known, _ in first}}
    troubles.endings(
        connection, [(whose[known.experiment_id].experiment, known.call, event) for known, event in first], now
    )
    going_on = [
        (running, known, event)
        for known, event in endings
        if known.contact_id not in refusing
        and _goes_on(running := workspace.running_of(connection, known.experiment_id), known, event)
    ]
    contacts = roster.contacts(connection, sorted({known.contact_id for _, known, _ in going_on}))
    placed = attempts.begun(connection, [known.id for running, known, _ in going_on if _minds_the_hour(running, known)])
    redials: dict[int, list[ruling.Wanted]] = {}
    windows: dict[str, Window] = {}  # of the calls whose hours hang on the attempt before
    messages: list[follow_up.Message] = []
    for running, known, event in going_on:
        contact = contacts[known.contact_id]
        disposition = event.disposition or Disposition.UNKNOWN
        begun = placed.get(known.id)
        again = redial.next_attempt(running.experiment, contact, known.call, disposition, event.at, begun)
        if again is not None:
            redials.setdefault(known.experiment_id, []).append((known.contact_id, contact, again))
            if begun is not None:
                windows[again.key] = redial.window_after(
                    running.experiment, again.arm, known.call.attempt, disposition, begun, contact.timezones
                )
        elif follow_up.is_due(running.experiment, known.call, event):
            messages.append(follow_up.compose(workspace, running, known, contact))
    for experiment_id, calls in redials.items():
        if records.held_state(connection, experiment_id, shared=True) in LIVE:
            experiment = workspace.running_of(connection, experiment_id).experiment
            kept, refused = ruling.planned(connection, experiment, calls, now, windows)
            queue.plan(connection, experiment_id, kept)
            roster.refuse(connection, experiment_id, refused, now)
    return sum(len(calls) for calls in redials.values()), follow_up.plan(connection, messages, now)


def _goes_on(running: Running, known: Known, event: Event) -> bool:
    """Whether another attempt or a message may follow this ending."""
    disposition = event.disposition or Disposition.UNKNOWN
    if redial.said_no(disposition, event.seconds, event.intent, event.opt_out):
        return False
    return redial.is_due(running.experiment, known.call, disposition) or follow_up.is_due(
        running.experiment, known.call, event
    )


def _minds_the_hour(running: Running, known: Known) -> bool:
    """Whether the next call hangs on the hour of this one."""
    return running.experiment.treatments[known.call.arm].redial.minds_the_hour


def _ended(known: Known, event: Event) -> Ended:
    disposition = event.disposition or Disposition.UNKNOWN
    return Ended(known.id, event.at, disposition.value, event.seconds, event.cost)


def add_conversions(workspace: Workspace, conversions: Iterable[Conversion], now: datetime) -> int:
    """Store conversions of the brand's own systems, idempotent by id; returns how many were new.

    One of a contact that is not in the roster is kept, and joined when the contact comes.
    """
    heard = list(conversions)

    def keep(connection: Connection) -> int:
        ids = roster.find(connection, sorted({one.contact for one in heard}))
        roster.hold(connection, ids.values())
        events = [(_converted(one), About(ids.get(one.contact), None)) for one in heard]
        new = ledger.keep_events(connection, ledger.CONVERSIONS, events, now)
        judge_contacts(workspace, connection, set(ids.values()), now)
        return new

    return workspace.database.write(keep)


def _converted(conversion: Conversion) -> Event:
    return Event(
        key=conversion.id, kind=Kind.CONVERTED, at=conversion.at, provider_id=conversion.contact,
        name=conversion.event, value=conversion.value,
    )  # fmt: skip


def join_unmatched(workspace: Workspace, source: str, now: datetime) -> int:
    """Join events whose call or contact was not known when they came; returns how many found theirs."""
    joined = after = 0
    while True:
        with workspace.database.reading() as connection:
            waiting = ledger.unmatched(connection, source, after)
        if not waiting:
            return joined
        with workspace.database.writing() as connection:
            found, messages = _join(workspace, connection, source, waiting, now)
        follow_up.send(workspace, messages, now)
        joined, after = joined + found, waiting[-1][0]


def _join(
    workspace: Workspace, connection: Connection, source: str, waiting: Sequence[tuple[int, Event]], now: datetime
) -> tuple[int, list[follow_up.Message]]:
    events = [event for _, event in waiting]
    people: dict[str, int] = {}
    calls: list[Known | None] = [None] * len(events)
    if source == ledger.CONVERSIONS:
        people = roster.find(connection, sorted({event.provider_id for event in events}))
    else:
        calls = _calls_of(connection, events)
    matched: dict[int, tuple[About, str]] = {}
    for (event_id, event), known in zip(waiting, calls, strict=True):
        if known:
            matched[event_id] = (About(known.contact_id, known.experiment_id), known.call.key)
        elif event.provider_id in people:
            matched[event_id] = (About(people[event.provider_id], None), "")
    contacts = {about.contact_id for about, _ in matched.values() if about.contact_id is not None}
    roster.hold(connection, contacts)
    ledger.match(connection, matched)
    _, messages = _follow(workspace, connection, zip(events, calls, strict=True), contacts, now)
    return len(matched), messages


def open_link(workspace: Workspace, token: str, now: datetime) -> str:
    """Where a tracked link leads; that it was opened is kept as an event. Raises NotFound."""
    with workspace.database.writing() as connection:
        found = message_rows.link(connection, token)
        if found is None:
            raise NotFound("link", "of this address")
        opened = Event(key=f"opened/{token}", kind=Kind.LINK_OPENED, at=now, call=found.call)
        about = About(found.contact_id, found.experiment_id)
        if ledger.keep_events(connection, "links", [(opened, about)], now):
            judge_contacts(workspace, connection, {found.contact_id}, now)
    return found.url
