"""Experiments as they were started, the looks at them, and who did what to them."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.core.accounts import account_of
from engine.core.experiments import Experiment, State
from engine.errors import NotFound
from engine.store.tables import AccessRow, AuditRow, ExperimentRow, LookRow, MarkRow, table

EXPERIMENTS, LOOKS, MARKS = table(ExperimentRow), table(LookRow), table(MarkRow)
AUDIT, ACCESS = table(AuditRow), table(AccessRow)


@dataclass(frozen=True, slots=True)
class Record:
    """An experiment of the database: its declaration and where it stands."""

    id: int
    experiment: Experiment
    source: str
    folder: str
    fingerprint: str
    state: State
    reason: str
    planned: int
    created_at: datetime
    changed_at: datetime

    @property
    def name(self) -> str:
        return self.experiment.name


def _record(row: Any) -> Record:
    return Record(
        row.id, Experiment.model_validate_json(row.definition), row.source, row.folder, row.fingerprint,
        State(row.state), row.reason, row.planned, row.created_at, row.changed_at,
    )  # fmt: skip


def create(
    connection: Connection, experiment: Experiment, source: str, folder: str, planned: int, now: datetime
) -> int:
    """Keep an experiment as it is started; returns its id. Who creates holds "experiments" and looked for its name."""
    values = {
        "name": experiment.name, "definition": experiment.model_dump_json(), "source": source, "folder": folder,
        "fingerprint": experiment.fingerprint, "state": State.RUNNING.value, "reason": "", "planned": planned,
        "created_at": now, "changed_at": now, "account": account_of(experiment),
    }  # fmt: skip
    key = connection.execute(insert(EXPERIMENTS).values(values)).inserted_primary_key
    return int(key[0]) if key else 0


def find(connection: Connection, name: str) -> Record | None:
    """The experiment of this name; None when there is none."""
    row = connection.execute(select(EXPERIMENTS).where(EXPERIMENTS.c.name == name)).one_or_none()
    return _record(row) if row else None


def get(connection: Connection, name: str) -> Record:
    """The experiment of this name; raises NotFound with the nearest."""
    found = find(connection, name)
    if found is None:
        raise NotFound("experiment", name, connection.execute(select(EXPERIMENTS.c.name)).scalars())
    return found


def by_id(connection: Connection, experiment_id: int) -> Record:
    """The experiment with this id, which must exist."""
    return _record(connection.execute(select(EXPERIMENTS).where(EXPERIMENTS.c.id == experiment_id)).one())


def everything(connection: Connection, states: Collection[State] = ()) -> list[Record]:
    """All experiments, newest first, or those in some states."""
    query = select(EXPERIMENTS).order_by(EXPERIMENTS.c.created_at.desc(), EXPERIMENTS.c.id.desc())
    if states:
        query = query.where(EXPERIMENTS.c.state.in_([state.value for state in states]))
    return [_record(row) for row in connection.execute(query)]


_STATE_OF = select(EXPERIMENTS.c.state).where(EXPERIMENTS.c.id == bindparam("of"))


def state_of(connection: Connection, experiment_id: int) -> State:
    """Where an experiment stands now, read afresh."""
    return State(connection.execute(_STATE_OF, {"of": experiment_id}).scalar_one())


def held_state(connection: Connection, experiment_id: int, *, shared: bool = False) -> State:
    """Where an experiment stands, which it does until this transaction ends; with `shared` others may hold it too."""
    query = _STATE_OF.with_for_update(key_share=not shared, read=shared)
    return State(connection.execute(query, {"of": experiment_id}).scalar_one())


def move(connection: Connection, experiment_id: int, state: State, reason: str, now: datetime) -> None:
    """Put an experiment in another state, with the reason."""
    change = update(EXPERIMENTS).where(EXPERIMENTS.c.id == experiment_id)
    connection.execute(change.values(state=state.value, reason=reason, changed_at=now))


def plan_on(connection: Connection, experiment_id: int, people: int) -> None:
    """Keep how many people an experiment is planned on, where its size does not say; what is known stays."""
    change = update(EXPERIMENTS).where(EXPERIMENTS.c.id == experiment_id, EXPERIMENTS.c.planned == 0)
    connection.execute(change.values(planned=people))


def keep_look(connection: Connection, experiment_id: int, as_of: datetime, standing: dict[str, Any]) -> int:
    """Keep a look for ever; returns its number, from 1."""
    held_state(connection, experiment_id)
    number = look_count(connection, experiment_id) + 1
    text = json.dumps(standing | {"look": number}, ensure_ascii=False, separators=(",", ":"))
    values = {"experiment_id": experiment_id, "number": number, "as_of": as_of, "standing": text}
    connection.execute(insert(LOOKS).values(values))
    return number


def look_count(connection: Connection, experiment_id: int) -> int:
    """How many looks there were."""
    query = select(func.coalesce(func.max(LOOKS.c.number), 0)).where(LOOKS.c.experiment_id == experiment_id)
    return int(connection.execute(query).scalar_one())


def looks(connection: Connection, experiment_id: int) -> list[dict[str, Any]]:
    """The standings of all looks, oldest first."""
    query = select(LOOKS.c.standing).where(LOOKS.c.experiment_id == experiment_id).order_by(LOOKS.c.number)
    return [json.loads(text) for text in connection.execute(query).scalars()]


def last_look(connection: Connection, experiment_id: int) -> dict[str, Any] | None:
    """The standing of the latest look; None before the first."""
    query = select(LOOKS.c.standing).where(LOOKS.c.experiment_id == experiment_id)
    text = connection.execute(query.order_by(LOOKS.c.number.desc()).limit(1)).scalar()
    return json.loads(text) if text else None


_MARK = select(MARKS.c.value).where(MARKS.c.name == bindparam("of"))


def mark(connection: Connection, name: str) -> str:
    """How far something has come; empty before it began."""
    return connection.execute(_MARK, {"of": name}).scalar() or ""


def set_mark(connection: Connection, name: str, value: str) -> None:
    """Remember how far something has come."""
    put = _inserting(connection, MARKS).values(name=name, value=value)
    connection.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def first_mark(connection: Connection, name: str, value: str) -> str:
    """Remember a value unless something stands there; returns what stands, which is the first that anybody gave."""
    connection.execute(_inserting(connection, MARKS).values(name=name, value=value).on_conflict_do_nothing())
    return mark(connection, name)


def _inserting(connection: Connection, rows: Table) -> Any:
    """An insert that may say what to do where something stands already."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(rows)


def audit(connection: Connection, at: datetime, who: str, action: str, subject: str, reason: str = "") -> None:
    """Write down who did what."""
    values = {"at": at, "who": who, "action": action, "subject": subject, "reason": reason}
    connection.execute(insert(AUDIT).values(values))


@dataclass(frozen=True, slots=True)
class Entry:
    """Who did what to what, when and why."""

    at: datetime
    who: str
    action: str
    subject: str
    reason: str


def audited(connection: Connection, limit: int) -> list[Entry]:
    """The latest entries of the audit, the newest first."""
    columns = (AUDIT.c.at, AUDIT.c.who, AUDIT.c.action, AUDIT.c.subject, AUDIT.c.reason)
    return [Entry(*row) for row in connection.execute(select(*columns).order_by(AUDIT.c.id.desc()).limit(limit))]


def allow(connection: Connection, digest: str, role: str, label: str, now: datetime) -> None:
    """Let the bearer of the token with this digest in, with a role."""
    connection.execute(insert(ACCESS).values(digest=digest, role=role, label=label, created_at=now))


def role_of(connection: Connection, digest: str) -> str | None:
    """The role of the token with this digest; None when nobody has it."""
    found: str | None = connection.execute(select(ACCESS.c.role).where(ACCESS.c.digest == digest)).scalar()
    return found


def token_count(connection: Connection) -> int:
    """How many tokens there are."""
    return int(connection.execute(select(func.count()).select_from(ACCESS)).scalar_one())
