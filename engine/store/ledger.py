"""The ledger: reports as they came, events in our words, messages, and the outcomes computed from them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, bindparam, false, func, insert, literal_column, select, update

from engine.core.events import Event, Kind
from engine.core.metrics import FIELDS, FLAGS, PAIRS, Sums
from engine.core.outcomes import Outcome
from engine.core.treatments import Disposition
from engine.store.bulk import Adding, Many, among
from engine.store.tables import (
    AssignmentRow,
    ContactRow,
    EventRow,
    ExperimentRow,
    MessageRow,
    OutcomeRow,
    ReportRow,
    table,
)

EVENTS, OUTCOMES, MESSAGES = table(EventRow), table(OutcomeRow), table(MessageRow)
ASSIGNMENTS, REPORTS, CONTACTS = table(AssignmentRow), table(ReportRow), table(ContactRow)
EXPERIMENTS = table(ExperimentRow)
HAS_QUESTIONS = EVENTS.c.questions != literal_column("''")  # written out, so that its partial index applies
SEPARATOR = "\x1f"
CONVERSIONS = "conversions"
OUTCOME_FIELDS = tuple(field.name for field in fields(Outcome))
KINDS = {kind.value: kind for kind in Kind}
DISPOSITIONS: dict[str, Disposition | None] = {"": None} | {
    disposition.value: disposition for disposition in Disposition
}


@dataclass(frozen=True, slots=True)
class About:
    """Whom an event is about: a contact, and the experiment whose call it was, None for the contact alone."""

    contact_id: int | None
    experiment_id: int | None


NOBODY = About(None, None)


_KEEP_EVENTS = Adding(
    EventRow,
    (
        "key", "experiment_id", "contact_id", "call", "provider_id", "kind", "at", "disposition", "seconds", "cost",
        "intent", "opt_out", "block", "early", "questions", "name", "value", "detail",
    ),
    ("source", "received_at"),
    new=True,
)  # fmt: skip


def keep_events(
    connection: Connection, source: str, events: Iterable[tuple[Event, About]], received_at: datetime
) -> int:
    """Store events with whom they are about; repeats are dropped. Returns how many were new."""
    rows = [
        (
            event.key, about.experiment_id, about.contact_id, event.call, event.provider_id, event.kind.value,
            event.at, event.disposition.value if event.disposition else "", event.seconds, event.cost, event.intent,
            event.opt_out, event.block, event.early, SEPARATOR.join(event.questions), event.name, event.value,
            event.detail,
        )
        for event, about in events
    ]  # fmt: skip
    return _KEEP_EVENTS.run(connection, rows, source=source, received_at=received_at)


_EVENT_COLUMNS = (
    EVENTS.c.source, EVENTS.c.key, EVENTS.c.kind, EVENTS.c.at, EVENTS.c.call, EVENTS.c.provider_id,
    EVENTS.c.disposition, EVENTS.c.seconds, EVENTS.c.cost, EVENTS.c.intent, EVENTS.c.opt_out, EVENTS.c.block,
    EVENTS.c.early, EVENTS.c.questions, EVENTS.c.name, EVENTS.c.value, EVENTS.c.detail,
)  # fmt: skip


def _event(row: Any) -> Event:
    """An event from its columns, which begin with another."""
    (_, source, key, kind, at, call, provider_id, disposition, seconds, cost, intent, opt_out, block, early,
     questions, name, value, detail) = row  # fmt: skip
    return Event(
        f"{source}:{key}", KINDS[kind], at, call, provider_id, DISPOSITIONS[disposition], seconds, cost, intent,
        opt_out, block, early, tuple(questions.split(SEPARATOR)) if questions else (), name, value, detail,
    )  # fmt: skip


_EVENTS_OF = select(EVENTS.c.contact_id, *_EVENT_COLUMNS, EVENTS.c.experiment_id).where(
    among(EVENTS.c.contact_id, "ids")
)
_ASSIGNMENTS_OF = select(
    ASSIGNMENTS.c.experiment_id, ASSIGNMENTS.c.contact_id, ASSIGNMENTS.c.arm, ASSIGNMENTS.c.assigned_at
).where(among(ASSIGNMENTS.c.contact_id, "ids"))


def events_of(connection: Connection, contact_ids: Collection[int]) -> dict[int, list[tuple[int | None, Event]]]:
    """Each contact's events, with the experiment that each is about (None: all of the contact's)."""
    found: dict[int, list[tuple[int | None, Event]]] = defaultdict(list)
    for row in connection.execute(_EVENTS_OF, {"ids": sorted(contact_ids)}).all():
        found[row[0]].append((row[-1], _event(row[:-1])))
    return found


def unmatched(connection: Connection, source: str, after: int = 0, limit: int = 10_000) -> list[tuple[int, Event]]:
    """Events of a source whose call or contact was not known when they came, with their ids; those behind `after`."""
    query = select(EVENTS.c.id, *_EVENT_COLUMNS).where(
        EVENTS.c.contact_id.is_(None), EVENTS.c.source == source, EVENTS.c.id > after
    )
    return [(row[0], _event(row)) for row in connection.execute(query.order_by(EVENTS.c.id).limit(limit)).all()]


def match(connection: Connection, matched: Mapping[int, tuple[About, str]]) -> None:
    """Say whom stored events, by id, are about, and which call."""
    change = update(EVENTS).where(EVENTS.c.id == bindparam("of"))
    change = change.values(contact_id=bindparam("who"), experiment_id=bindparam("where_"), call=bindparam("which"))
    rows = [
        {"of": event, "who": about.contact_id, "where_": about.experiment_id, "which": call}
        for event, (about, call) in matched.items()
    ]
    if rows:
        connection.execute(change, rows)


@dataclass(frozen=True, slots=True)
class Assigned:
    """A contact's assignment in one experiment."""

    experiment_id: int
    contact_id: int
    arm: str
    assigned_at: datetime


def assignments(connection: Connection, contact_ids: Collection[int]) -> list[Assigned]:
    """Every assignment of these contacts."""
    rows = connection.execute(_ASSIGNMENTS_OF, {"ids": sorted(contact_ids)}).all()
    return [Assigned(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Judged:
    """A contact's outcome in one experiment, and when it is mature (None: not known yet)."""

    experiment_id: int
    contact_id: int
    outcome: Outcome
    matures_at: datetime | None


_WRITE_OUTCOME = Many(
    update(OUTCOMES)
    .where(OUTCOMES.c.experiment_id == bindparam("e"), OUTCOMES.c.contact_id == bindparam("c"))
    .values(
        {name: bindparam(f"o_{name}") for name in OUTCOME_FIELDS}
        | {"matures_at": func.coalesce(bindparam("m", type_=OUTCOMES.c.matures_at.type), OUTCOMES.c.matures_at)}
    ),
    ("e", "c", "m", *(f"o_{name}" for name in OUTCOME_FIELDS)),
)
_numbers_of = attrgetter(*OUTCOME_FIELDS)


def write_outcomes(connection: Connection, judged: Sequence[Judged]) -> None:
    """Write outcomes over what stood there; a maturity that is known stays when the new one is not."""
    rows = [(one.experiment_id, one.contact_id, one.matures_at, *_numbers_of(one.outcome)) for one in judged]
    _WRITE_OUTCOME.run(connection, rows)


_MATURE_AT = Many(
    update(OUTCOMES)
    .where(
        OUTCOMES.c.experiment_id == bindparam("e"), OUTCOMES.c.contact_id == bindparam("c"),
        OUTCOMES.c.matures_at.is_(None),
    )
    .values(matures_at=bindparam("m")),
    ("c", "m"), ("e",),
)  # fmt: skip


def mature_at(connection: Connection, experiment_id: int, when: Mapping[int, datetime]) -> None:
    """Set when contacts who will not be called any more are mature, by contact id, where nothing stands yet."""
    _MATURE_AT.run(connection, list(when.items()), e=experiment_id)


@dataclass(frozen=True, slots=True)
class Summed:
    """What outcomes sum to at an instant, per (arm, stratum): of everybody, of contacts who are mature, and of
    those among the mature who answered the first attempt."""

    everyone: dict[tuple[str, str], Sums]
    mature: dict[tuple[str, str], Sums]
    connected: dict[tuple[str, str], Sums]

    @property
    def done(self) -> int:
        """How many contacts are mature."""
        return sum(sums.count for sums in self.mature.values())

    @property
    def waiting(self) -> int:
        """How many contacts are waited for."""
        return sum(sums.count for sums in self.everyone.values()) - self.done


# The square of a flag is the flag: its total says both.
_PRODUCTS = tuple(pair for pair in PAIRS if not (pair[0] == pair[1] and pair[0] in FLAGS))
_SUMS = (
    func.count(),
    *(func.sum(OUTCOMES.c[name]) for name in FIELDS),
    *(func.sum(OUTCOMES.c[one] * OUTCOMES.c[other]) for one, other in _PRODUCTS),
)
_IS_MATURE = func.coalesce(OUTCOMES.c.matures_at <= bindparam("now", type_=OUTCOMES.c.matures_at.type), false())
_EVERYONE = (
    select(OUTCOMES.c.arm, OUTCOMES.c.stratum, *_SUMS)
    .where(OUTCOMES.c.experiment_id == bindparam("experiment"))
    .group_by(OUTCOMES.c.arm, OUTCOMES.c.stratum)
)
_PARTED = (
    select(OUTCOMES.c.arm, OUTCOMES.c.stratum, _IS_MATURE.label("mature"), OUTCOMES.c.first_connected, *_SUMS)
    .where(OUTCOMES.c.experiment_id == bindparam("experiment"))
    .group_by(OUTCOMES.c.arm, OUTCOMES.c.stratum, "mature", OUTCOMES.c.first_connected)
)


def _sums(numbers: Sequence[Any]) -> Sums:
    totals = dict(zip(FIELDS, map(float, numbers[1 : 1 + len(FIELDS)]), strict=True))
    products = dict(zip(_PRODUCTS, map(float, numbers[1 + len(FIELDS) :]), strict=True))
    return Sums(int(numbers[0]), totals, {(name, name): totals[name] for name in FLAGS} | products)


def sums(connection: Connection, experiment_id: int, mature_by: datetime | None = None) -> dict[tuple[str, str], Sums]:
    """What outcomes sum to, per (arm, stratum): of contacts mature by an instant, or of everybody when it is None."""
    if mature_by is not None:
        return summed(connection, experiment_id, mature_by).mature
    rows = connection.execute(_EVERYONE, {"experiment": experiment_id}).all()
    return {(row[0], row[1]): _sums(row[2:]) for row in rows}


def summed(connection: Connection, experiment_id: int, now: datetime) -> Summed:
    """What outcomes sum to, in one pass: of everybody, of who is mature by `now`, and of the connected among them."""
    found = Summed({}, {}, {})
    rows = connection.execute(_PARTED, {"experiment": experiment_id, "now": now}).all()
    for arm, stratum, mature, connected, *numbers in rows:
        part = _sums(numbers)
        for into, belongs in ((found.everyone, True), (found.mature, mature), (found.connected, mature and connected)):
            if belongs:
                known = into.get((arm, stratum))
                into[arm, stratum] = known + part if known else part
    return found


def maturity(connection: Connection, experiment_id: int, now: datetime) -> tuple[int, int]:
    """How many contacts are mature, and how many are waited for."""
    mature = func.coalesce(func.sum((OUTCOMES.c.matures_at <= now).cast(OUTCOMES.c.calls.type)), 0)
    query = select(mature, func.count()).where(OUTCOMES.c.experiment_id == experiment_id)
    done, everybody = connection.execute(query).one()
    return int(done), int(everybody) - int(done)


def last_maturity(connection: Connection, experiment_id: int) -> datetime | None:
    """When the last contact whose maturity is known is mature."""
    query = select(func.max(OUTCOMES.c.matures_at)).where(OUTCOMES.c.experiment_id == experiment_id)
    latest: datetime | None = connection.execute(query).scalar()
    return latest


MESSAGE_FIELDS = ("key", "experiment_id", "contact_id", "call", "template", "token", "url", "state", "reason")
_PLAN_MESSAGES = Adding(MessageRow, MESSAGE_FIELDS, ("begun_at",), new=True)


def plan_messages(connection: Connection, rows: Sequence[tuple[object, ...]], now: datetime) -> None:
    """Write messages, with values in the order of `MESSAGE_FIELDS`; one that is written already stays as it is."""
    _PLAN_MESSAGES.run(connection, rows, begun_at=now)


_WRITTEN = select(MESSAGES.c.key).where(among(MESSAGES.c.key, "keys"))


def unsent(connection: Connection, keys: Collection[str]) -> set[str]:
    """Which of these message keys nobody has written yet."""
    return set(keys).difference(connection.execute(_WRITTEN, {"keys": sorted(keys)}).scalars().all())


_BEGIN_MESSAGES = (
    update(MESSAGES)
    .where(among(MESSAGES.c.key, "keys"), MESSAGES.c.state == "planned")
    .values(state="begun")
    .returning(MESSAGES.c.key)
)


def begin_messages(connection: Connection, keys: Collection[str]) -> set[str]:
    """Write planned messages as begun; returns those that nobody had begun before."""
    return set(connection.execute(_BEGIN_MESSAGES, {"keys": sorted(keys)}).scalars().all())


def planned_messages(connection: Connection, experiment_id: int) -> list[str]:
    """The calls whose messages were planned and are not begun."""
    query = select(MESSAGES.c.call).where(MESSAGES.c.state == "planned", MESSAGES.c.experiment_id == experiment_id)
    return list(connection.execute(query.order_by(MESSAGES.c.id)).scalars().all())


_SETTLE_MESSAGES = Many(
    update(MESSAGES)
    .where(MESSAGES.c.key == bindparam("of"))
    .values(state=bindparam("now_is"), provider_id=bindparam("named"), reason=bindparam("why")),
    ("of", "now_is", "named", "why"),
)


def settle_messages(connection: Connection, settled: Iterable[tuple[str, str, str, str]]) -> None:
    """Write what became of messages, given as (key, state, provider's id, reason)."""
    _SETTLE_MESSAGES.run(connection, list(settled))


@dataclass(frozen=True, slots=True)
class Link:
    """Where a tracked link leads, and whose it is."""

    url: str
    call: str
    experiment_id: int
    contact_id: int


def link(connection: Connection, token: str) -> Link | None:
    """The link of a token; None when no message carries it."""
    columns = (MESSAGES.c.url, MESSAGES.c.call, MESSAGES.c.experiment_id, MESSAGES.c.contact_id)
    row = connection.execute(select(*columns).where(MESSAGES.c.token == token)).one_or_none()
    return Link(*row) if row else None


def keep_report(connection: Connection, adapter: str, headers: str, body: bytes, now: datetime) -> int:
    """Store what a provider sent, as it came; returns its id."""
    values = {"adapter": adapter, "headers": headers, "body": body, "received_at": now, "trouble": ""}
    key = connection.execute(insert(REPORTS).values(values)).inserted_primary_key
    return int(key[0]) if key else 0


def waiting_reports(connection: Connection, limit: int) -> list[tuple[int, str, str, bytes]]:
    """Reports that are not judged yet, oldest first: (id, adapter, headers, body)."""
    columns = (REPORTS.c.id, REPORTS.c.adapter, REPORTS.c.headers, REPORTS.c.body)
    query = select(*columns).where(REPORTS.c.judged_at.is_(None)).order_by(REPORTS.c.id).limit(limit)
    return [tuple(row) for row in connection.execute(query)]


def judge_reports(connection: Connection, troubles: Mapping[int, str], now: datetime) -> None:
    """Mark reports, by id, as judged, with what was wrong with each ("" for nothing)."""
    change = update(REPORTS).where(REPORTS.c.id == bindparam("of")).values(judged_at=now, trouble=bindparam("why"))
    rows = [{"of": report, "why": trouble} for report, trouble in troubles.items()]
    if rows:
        connection.execute(change, rows)


def questions(connection: Connection, experiment_id: int, limit: int = 20) -> list[tuple[str, int]]:
    """Questions that the script could not answer, most frequent first."""
    query = select(EVENTS.c.questions).where(EVENTS.c.experiment_id == experiment_id, HAS_QUESTIONS)
    asked: dict[str, int] = defaultdict(int)
    for text in connection.execute(query).scalars():
        for question in text.split(SEPARATOR):
            asked[question] += 1
    return sorted(asked.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


def mature_rest(connection: Connection, experiment_id: int, moment: datetime, resting: Collection[str] = ()) -> None:
    """Contacts who were never called and will not be are mature at `moment`, but for those of arms in `resting`."""
    change = update(OUTCOMES).where(OUTCOMES.c.experiment_id == experiment_id, OUTCOMES.c.matures_at.is_(None))
    connection.execute(change.where(OUTCOMES.c.arm.not_in(sorted(resting))).values(matures_at=moment))


def last_heard(connection: Connection, experiment_id: int) -> datetime | None:
    """When the newest event about a call of an experiment was received."""
    query = (
        select(EVENTS.c.received_at)
        .where(EVENTS.c.experiment_id == experiment_id)
        .order_by(EVENTS.c.id.desc())
        .limit(1)
    )
    latest: datetime | None = connection.execute(query).scalar()
    return latest
