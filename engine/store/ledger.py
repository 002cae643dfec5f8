"""The ledger: reports as they came, and events in our words."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, case, func, insert, literal_column, select, update

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.store.bulk import Adding, among
from engine.store.tables import (
    CallRow,
    EventRow,
    ReportRow,
    table,
)

EVENTS, REPORTS, CALLS = table(EventRow), table(ReportRow), table(CallRow)
HAS_QUESTIONS = EVENTS.c.questions != literal_column("''")  # written out, so that its partial index applies
HAS_TROUBLE = REPORTS.c.trouble.bool_op("<>")(literal_column("''"))
SEPARATOR = "\x1f"
CONVERSIONS = "conversions"
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
    rows.sort(key=itemgetter(0))  # so that two processes that hear the same never wait in a circle
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


def keep_reports(connection: Connection, reports: Iterable[tuple[str, str, bytes, datetime]]) -> None:
    """Store what providers sent, as it came: (adapter, headers, body, when)."""
    names = ("adapter", "headers", "body", "received_at")
    rows = [dict(zip(names, report, strict=True)) | {"trouble": ""} for report in reports]
    if rows:
        connection.execute(insert(REPORTS), rows)


class Waiting(NamedTuple):
    """A report that is not judged yet."""

    id: int
    adapter: str
    headers: str
    body: bytes


def _waiting(limit: int) -> Select[Any]:
    columns = (REPORTS.c.id, REPORTS.c.adapter, REPORTS.c.headers, REPORTS.c.body)
    return select(*columns).where(REPORTS.c.judged_at.is_(None)).order_by(REPORTS.c.id).limit(limit)


def waiting_reports(connection: Connection, limit: int) -> list[Waiting]:
    """Reports that are not judged yet, oldest first."""
    return [Waiting(*row) for row in connection.execute(_waiting(limit))]


def claim_reports(connection: Connection, limit: int, only: int | None = None) -> list[Waiting]:
    """The same for the transaction that judges them: those that another has in hand are left to it."""
    query = _waiting(limit).with_for_update(skip_locked=True)
    if only is not None:
        query = query.where(REPORTS.c.id == only)
    return [Waiting(*row) for row in connection.execute(query)]


def reports_waiting(connection: Connection) -> int:
    """How many reports are stored and not judged yet."""
    return int(connection.execute(select(func.count()).where(REPORTS.c.judged_at.is_(None))).scalar_one())


def troubled_reports(connection: Connection, limit: int = 20) -> list[tuple[datetime, str, str]]:
    """The latest reports that could not be understood: (when they came, adapter, trouble)."""
    columns = (REPORTS.c.received_at, REPORTS.c.adapter, REPORTS.c.trouble)
    query = select(*columns).where(HAS_TROUBLE).order_by(REPORTS.c.id.desc()).limit(limit)
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


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


def first_attempts(connection: Connection, experiment_id: int) -> dict[tuple[str, str], tuple[int, int]]:
    """By the source that reported it and the arm: whose first call ended, and who of them answered in person."""
    # Each source's endings of a call are one row before anything is counted: to count distinct people would sort all.
    answered = case((EVENTS.c.disposition == Disposition.ANSWERED_HUMAN.value, 1), else_=0)
    endings = (
        select(EVENTS.c.source, EVENTS.c.call, func.max(answered).label("answered"))
        .where(EVENTS.c.experiment_id == experiment_id, EVENTS.c.kind == Kind.ENDED.value)
        .group_by(EVENTS.c.source, EVENTS.c.call)
        .subquery()
    )
    query = (
        select(endings.c.source, CALLS.c.arm, func.count(), func.sum(endings.c.answered))
        .join(CALLS, CALLS.c.key == endings.c.call)
        .where(CALLS.c.experiment_id == experiment_id, CALLS.c.attempt == 1)
        .group_by(endings.c.source, CALLS.c.arm)
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(query)}


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
