"""The tables. Assignments and events are kept for ever; what is to their right can be computed again.

Times are instants: whole microseconds since 1970 in UTC, the same on every database.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Dialect, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def microseconds(at: datetime | None) -> int | None:
    """An aware datetime as the tables keep it."""
    return None if at is None else (at - EPOCH) // MICROSECOND


@lru_cache(maxsize=16_384)  # the rows of a batch share most of their instants
def instant(kept: int | None) -> datetime | None:
    """The datetime that the tables keep as this number."""
    return None if kept is None else EPOCH + timedelta(microseconds=kept)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970; a naive one is refused."""

    impl = BigInteger
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], int | None]:
        return microseconds

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], datetime | None]:
        return instant


# SQLite's own row numbers are of this size, and only a plain INTEGER is one; a server counts far beyond 2^31 events.
ID = BigInteger().with_variant(Integer(), "sqlite")


def _key() -> Any:
    return Field(default=None, primary_key=True, sa_type=ID)


def _owner(target: str, *, key: bool = False) -> Any:
    return Field(sa_type=ID, foreign_key=target, primary_key=key)


def _instant(*, null: bool = False) -> Any:
    if null:
        return Field(default=None, sa_type=Instant, nullable=True)
    return Field(sa_type=Instant, nullable=False)


def _where(condition: str) -> dict[str, Any]:
    """A partial index, as each database spells it."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def table(rows: type) -> Table:
    """The Core table of a row class, for set-based SQL."""
    found: Table = rows.__table__  # type: ignore[attr-defined]
    return found


class ExperimentRow(SQLModel, table=True):
    """One experiment with its whole definition, as it was at the start."""

    __tablename__: ClassVar[Any] = "experiments"
    id: int | None = _key()
    name: str = Field(unique=True)
    definition: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    folder: str
    fingerprint: str
    state: str
    reason: str = ""
    planned: int = 0
    created_at: datetime = _instant()
    changed_at: datetime = _instant()
    account: str = Field(default="", index=True, sa_column_kwargs={"server_default": ""})


class ContactRow(SQLModel, table=True):
    """One person. `timezones` are joined by `;`, `attributes` are a JSON object."""

    __tablename__: ClassVar[Any] = "contacts"
    id: int | None = _key()
    key: str = Field(unique=True)
    phone: str = Field(unique=True)
    name: str = ""
    region: str
    timezones: str
    ordered_at: datetime | None = _instant(null=True)
    attributes: str = Field(default="{}", sa_type=Text)
    imported_at: datetime = _instant()


class SuppressionRow(SQLModel, table=True):
    """A number that is not called: never, or not before `until`. `kind` says what it is on the list for."""

    __tablename__: ClassVar[Any] = "suppressions"
    phone: str = Field(primary_key=True)
    reason: str
    source: str
    added_at: datetime = _instant()
    kind: str = Field(default="internal", sa_column_kwargs={"server_default": "internal"})
    until: datetime | None = _instant(null=True)


class ConsentRow(SQLModel, table=True):
    """What a contact agreed to, or that it was taken back."""

    __tablename__: ClassVar[Any] = "consents"
    contact_id: int = _owner("contacts.id", key=True)
    basis: str
    given_at: datetime | None = _instant(null=True)
    source: str = ""
    proof: str = ""
    withdrawn: bool = False
    recorded_at: datetime = _instant()


class ListRow(SQLModel, table=True):
    """A national do-not-call list, and when it was imported last."""

    __tablename__: ClassVar[Any] = "national_lists"
    name: str = Field(primary_key=True)
    imported_at: datetime = _instant()
    numbers: int
    source: str


class AssignmentRow(SQLModel, table=True):
    """The lasting fact that a contact drew an arm.

    `rank` is its place in the order of the deal; a `period` is a stretch of the deal with the same shares.
    """

    __tablename__: ClassVar[Any] = "assignments"
    __table_args__: ClassVar[Any] = (
        Index("assignments_contact", "contact_id"),
        Index("assignments_stratum", "experiment_id", "stratum"),
        Index("assignments_rank", "experiment_id", "rank"),
    )
    experiment_id: int = _owner("experiments.id", key=True)
    contact_id: int = _owner("contacts.id", key=True)
    arm: str
    stratum: str = ""
    place: int
    rank: int
    assigned_at: datetime = _instant()
    period: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class ReserveRow(SQLModel, table=True):
    """A contact who is in a live experiment and has not drawn an arm yet; `standing` is the place in its order."""

    __tablename__: ClassVar[Any] = "reserve"
    __table_args__: ClassVar[Any] = (
        Index("reserve_contact", "contact_id"),
        Index("reserve_order", "experiment_id", "pack", "standing"),
    )
    experiment_id: int = _owner("experiments.id", key=True)
    contact_id: int = _owner("contacts.id", key=True)
    pack: str = ""
    stratum: str = ""
    standing: int = Field(sa_type=BigInteger)


class RefusalRow(SQLModel, table=True):
    """A contact who was not called, or not again, and the rule that refused."""

    __tablename__: ClassVar[Any] = "refusals"
    experiment_id: int = _owner("experiments.id", key=True)
    contact_id: int = _owner("contacts.id", key=True)
    rule: str = Field(primary_key=True)
    at: datetime = _instant()


# Said one by one: of a list SQLite makes a table whenever it asks whether a changed row belongs to the index.
OPEN = "(state = 'begun' OR state = 'sent' OR state = 'accepted' OR state = 'unknown')"


class CallRow(SQLModel, table=True):
    """One planned attempt.

    `holder` is the process that began it, and `tries` counts how often it was sent and provably not placed. A person
    has at most one call that is begun and not closed, in all experiments together.
    """

    __tablename__: ClassVar[Any] = "calls"
    __table_args__: ClassVar[Any] = (
        Index("calls_attempt", "experiment_id", "contact_id", "attempt", unique=True),
        Index("calls_due", "experiment_id", "due_at", "rank", **_where("state = 'planned'")),
        Index("calls_open", "experiment_id", "state", **_where(OPEN)),
        Index("calls_live", "contact_id", unique=True, **_where(f"{OPEN} AND ended_at IS NULL")),
        Index("calls_provider", "provider_id", **_where("provider_id <> ''")),
        Index("calls_begun", "experiment_id", "begun_at", **_where("begun_at IS NOT NULL")),
        Index("calls_of_person", "contact_id", "begun_at", **_where("begun_at IS NOT NULL")),
    )
    id: int | None = _key()
    key: str = Field(unique=True)
    experiment_id: int = _owner("experiments.id")
    contact_id: int = _owner("contacts.id")
    arm: str
    attempt: int
    due_at: datetime = _instant()
    not_after: datetime = _instant()
    rank: int
    state: str
    provider_id: str = ""
    begun_at: datetime | None = _instant(null=True)
    ended_at: datetime | None = _instant(null=True)
    disposition: str = ""
    seconds: float = 0.0
    cost: float = 0.0
    reason: str = ""
    sent_at: datetime | None = _instant(null=True)
    holder: str = Field(default="", sa_column_kwargs={"server_default": ""})
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class MessageRow(SQLModel, table=True):
    """One hang-up message, with the token of its tracked link."""

    __tablename__: ClassVar[Any] = "messages"
    id: int | None = _key()
    key: str = Field(unique=True)
    experiment_id: int = _owner("experiments.id")
    contact_id: int = _owner("contacts.id")
    call: str
    template: str
    token: str = Field(unique=True)
    url: str = ""
    state: str = Field(index=True)
    begun_at: datetime = _instant()
    provider_id: str = ""
    reason: str = ""


class ReportRow(SQLModel, table=True):
    """What a provider sent, as it came, kept before it was answered."""

    __tablename__: ClassVar[Any] = "reports"
    __table_args__: ClassVar[Any] = (
        Index("reports_waiting", "id", **_where("judged_at IS NULL")),
        Index("reports_troubled", "id", **_where("trouble <> ''")),
    )
    id: int | None = _key()
    adapter: str
    headers: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)
    received_at: datetime = _instant()
    judged_at: datetime | None = _instant(null=True)
    trouble: str = ""


class EventRow(SQLModel, table=True):
    """One report in our words. `source` is the adapter, or `conversions`; its keys are unique.

    `contact_id` is null while no call is known that the event is about; `experiment_id` is null for
    what is about the contact alone, such as a conversion.
    """

    __tablename__: ClassVar[Any] = "events"
    __table_args__: ClassVar[Any] = (
        Index("events_key", "source", "key", unique=True),
        Index("events_contact", "contact_id"),
        Index("events_unmatched", "id", **_where("contact_id IS NULL")),
        Index("events_asked", "experiment_id", **_where("questions != ''")),
    )
    id: int | None = _key()
    source: str
    key: str
    experiment_id: int | None = Field(default=None, sa_type=ID, foreign_key="experiments.id")
    contact_id: int | None = Field(default=None, sa_type=ID, foreign_key="contacts.id")
    call: str = ""
    provider_id: str = ""
    kind: str
    at: datetime = _instant()
    received_at: datetime = _instant()
    disposition: str = ""
    seconds: float = 0.0
    cost: float = 0.0
    intent: bool | None = None
    opt_out: bool = False
    block: str = ""
    early: bool = False
    questions: str = ""
    name: str = ""
    value: float = 0.0
    detail: str = ""


class OutcomeRow(SQLModel, table=True):
    """What a contact's events came to in one experiment; computed from the ledger.

    `matures_at` is when the conversion window closes; null while the first call is still ahead.
    """

    __tablename__: ClassVar[Any] = "outcomes"
    __table_args__: ClassVar[Any] = (Index("outcomes_maturity", "experiment_id", "matures_at"),)
    experiment_id: int = _owner("experiments.id", key=True)
    contact_id: int = _owner("contacts.id", key=True)
    arm: str
    stratum: str = ""
    matures_at: datetime | None = _instant(null=True)
    dialled_at: datetime | None = _instant(null=True)
    converted_at: datetime | None = _instant(null=True)
    calls: int = 0
    dialled: int = 0
    connected: int = 0
    first_connected: int = 0
    listened: int = 0
    intent: int = 0
    talk_seconds: float = 0.0
    early_hangup: int = 0
    unanswered_question: int = 0
    message_sent: int = 0
    message_delivered: int = 0
    link_opened: int = 0
    converted: int = 0
    ordered: int = 0
    revenue: float = 0.0
    cost: float = 0.0
    opt_out: int = 0
    complaint: int = 0


class LookRow(SQLModel, table=True):
    """One analysis of a running experiment; `standing` is its JSON."""

    __tablename__: ClassVar[Any] = "looks"
    experiment_id: int = _owner("experiments.id", key=True)
    number: int = Field(primary_key=True)
    as_of: datetime = _instant()
    standing: str = Field(sa_type=Text)


class MarkRow(SQLModel, table=True):
    """How far something has come, such as an adapter's cursor or the simulated clock."""

    __tablename__: ClassVar[Any] = "marks"
    name: str = Field(primary_key=True)
    value: str = Field(sa_type=Text)


class BucketRow(SQLModel, table=True):
    """Calls that may be placed now: of an experiment, of a provider's account or from a caller number.

    It grants none until `rests_until`. `trial` is how many calls may try it after trouble, `trips` how often in a
    row it had trouble, `tripped_at` since when it is watched anew.
    """

    __tablename__: ClassVar[Any] = "buckets"
    name: str = Field(primary_key=True)
    tokens: float
    filled_at: datetime = _instant()
    began_at: datetime = _instant()
    rests_until: datetime | None = _instant(null=True)
    trial: int | None = None
    trips: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    tripped_at: datetime | None = _instant(null=True)
    reason: str = Field(default="", sa_column_kwargs={"server_default": ""})


class SignalRow(SQLModel, table=True):
    """How calls of a bucket came to an end: so many, and so many of them badly in a way; kept for a day."""

    __tablename__: ClassVar[Any] = "signals"
    __table_args__: ClassVar[Any] = (Index("signals_latest", "kind", "name", "at"),)
    id: int | None = _key()
    kind: str
    name: str
    at: datetime = _instant()
    calls: int
    bad: int


class CalibrationRow(SQLModel, table=True):
    """What empty campaigns came to: how often something useless won. `subject` says what was calibrated."""

    __tablename__: ClassVar[Any] = "calibrations"
    subject: str = Field(primary_key=True)
    engine: str = Field(primary_key=True)
    experiment: str
    seed: int = Field(sa_type=ID)
    runs: int
    false_winners: int
    promised: float
    played_at: datetime = _instant()


class ProcessRow(SQLModel, table=True):
    """One process that places calls, while it lives: `beat_at` is when it last said so."""

    __tablename__: ClassVar[Any] = "processes"
    name: str = Field(primary_key=True)
    role: str
    started_at: datetime = _instant()
    beat_at: datetime = _instant()


class AuditRow(SQLModel, table=True):
    """Who did what, when and why."""

    __tablename__: ClassVar[Any] = "audit"
    id: int | None = _key()
    at: datetime = _instant()
    who: str
    action: str
    subject: str
    reason: str = ""


class AccessRow(SQLModel, table=True):
    """One access token, by its hash, with its role."""

    __tablename__: ClassVar[Any] = "access"
    digest: str = Field(primary_key=True)
    role: str
    label: str
    created_at: datetime = _instant()
