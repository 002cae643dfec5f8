"""Webhooks in, stored as they came; stored webhooks in, events out.

A webhook is believed when some experiment that calls through its adapter can verify it: those that are live first,
then those that ended and of whose calls something may still be heard. It is stored before it is answered, together
with the experiment whose settings it was verified with, and judged later: by this process, or by the next.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import InterfaceError, OperationalError

from engine import failpoints
from engine.core.events import Event
from engine.core.experiments import LIVE
from engine.errors import AdapterError, DatabaseError, Forged, NotFound, RinglabError, Stale
from engine.steps import follow_up
from engine.steps.receive import Received, take
from engine.store import durable, ledger, records
from engine.store.ledger import Waiting
from engine.telephony import RECEIVED_AT
from engine.workspace import Running, Workspace

log = logging.getLogger(__name__)

OURS = "x-ringlab-"
VERIFIED_BY = f"{OURS}experiment"
SECRETS = ("authorization", "cookie", "secret", "token", "api-key", "apikey")  # in the name of a header
HEARD_AFTER = timedelta(days=30)  # how long after its end an experiment's calls are still heard of
AT_ONCE = 500
TURNS = 20  # batches of one call of `judge_reports`


@dataclass(frozen=True, slots=True)
class Report:
    """A webhook that can be believed, as it came."""

    adapter: str
    headers: str
    body: bytes
    received_at: datetime


class Verifiers:
    """Who can verify webhooks: per adapter, the experiments whose settings differ, remembered between webhooks."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[str, tuple[Running, ...]] = {}

    def remembered(
        self, adapter: str, headers: Mapping[str, str], body: bytes, url: str, now: datetime
    ) -> Report | None:
        """The report, when an experiment that is remembered verifies it; None asks for `verified`, which reads."""
        try:
            return _verified(self._known.get(adapter, ()), adapter, headers, body, url, now)
        except (AdapterError, NotFound):
            return None

    def verified(self, adapter: str, headers: Mapping[str, str], body: bytes, url: str, now: datetime) -> Report:
        """The report, when any experiment verifies it; raises NotFound, Forged or Stale."""
        self._known[adapter] = candidates(self._workspace, adapter, now)
        return _verified(self._known[adapter], adapter, headers, body, url, now)


def candidates(workspace: Workspace, adapter: str, now: datetime) -> tuple[Running, ...]:
    """Experiments that call through an adapter with settings of their own: live ones first, then the latest ended."""
    with workspace.database.reading() as connection:
        using = [record for record in records.everything(connection) if record.experiment.adapter == adapter]
    heard = [one for one in using if one.state in LIVE or now - one.changed_at <= HEARD_AFTER]
    heard.sort(key=lambda one: (one.state in LIVE, one.changed_at), reverse=True)
    settings: set[str] = set()
    found = []
    for record in heard:
        written = json.dumps(record.experiment.settings, sort_keys=True, default=str)
        if written not in settings:
            settings.add(written)
            found.append(workspace.running(record.name))
    return tuple(found)


def _verified(
    among: Iterable[Running], adapter: str, headers: Mapping[str, str], body: bytes, url: str, now: datetime
) -> Report:
    """The report, with whose settings it was verified; raises Stale rather than Forged when it is old for any."""
    trouble: AdapterError | None = None
    for running in among:
        try:
            running.adapter.verify(headers, body, url, now)
        except (Forged, Stale) as error:
            trouble = error if trouble is None or isinstance(error, Stale) else trouble
        except AdapterError as error:
            trouble = trouble or error
        else:
            return Report(adapter, _kept(running.experiment.name, headers, now), body, now)
    raise trouble or NotFound("adapter in use", adapter)


def _kept(experiment: str, headers: Mapping[str, str], now: datetime) -> str:
    """The headers to keep: none that is secret, and of ours only what is said here."""
    told = {name.lower(): value for name, value in headers.items()}
    kept = {
        name: value
        for name, value in told.items()
        if not name.startswith(OURS) and not any(secret in name for secret in SECRETS)
    }
    return json.dumps(kept | {RECEIVED_AT: now.isoformat(), VERIFIED_BY: experiment})


def store_reports(workspace: Workspace, reports: Sequence[Report]) -> None:
    """Store reports in one transaction, on the disk; raises DatabaseError, and then none is stored."""
    with workspace.database.writing() as connection:
        ledger.keep_reports(connection, [(one.adapter, one.headers, one.body, one.received_at) for one in reports])
    durable.flush(workspace.database)
    failpoints.reached("stored")


def receive_report(
    workspace: Workspace, adapter: str, headers: Mapping[str, str], body: bytes, url: str, now: datetime
) -> None:
    """Store one webhook as it came; raises NotFound, Forged or Stale for what cannot be believed."""
    store_reports(workspace, [Verifiers(workspace).verified(adapter, headers, body, url, now)])


def judge_reports(workspace: Workspace, now: datetime) -> Received:
    """Turn stored webhooks into events; one that cannot be understood is kept with what was wrong.

    Several processes may judge at the same time: each takes reports that no other has in hand.
    """
    total = Received()
    for _ in range(TURNS):
        with workspace.database.reading() as connection:
            waiting = ledger.waiting_reports(connection, 1)
        if not waiting:
            break
        try:
            taken, received = _judge(workspace, now, AT_ONCE)
        except (DatabaseError, OperationalError, InterfaceError):
            raise
        except Exception as error:  # one report's events cannot be kept: they are taken one by one to find it
            log.warning("a batch of reports cannot be judged whole (%s)", type(error).__name__)
            taken, received = _judge_singly(workspace, now)
        total = _sum(total, received)
        if taken < AT_ONCE:
            break
    return total


def _judge(workspace: Workspace, now: datetime, limit: int, only: int | None = None) -> tuple[int, Received]:
    """Judge reports in one transaction; returns how many, and what they came to."""

    def keep(connection: Connection) -> tuple[int, Received, list[follow_up.Message]]:
        total = Received()
        messages: list[follow_up.Message] = []
        waiting = ledger.claim_reports(connection, limit, only)
        events, troubles = _understood(workspace, connection, waiting)
        failpoints.reached("judging")
        for adapter, heard in events.items():
            received, more = take(workspace, connection, adapter, heard, now)
            messages += more
            total = _sum(total, received)
        ledger.judge_reports(connection, troubles, now)
        return len(waiting), total, messages

    judged, total, messages = workspace.database.write(keep)
    follow_up.send(workspace, messages, now)
    return judged, total


def _judge_singly(workspace: Workspace, now: datetime) -> tuple[int, Received]:
    total = Received()
    with workspace.database.reading() as connection:
        waiting = [report.id for report in ledger.waiting_reports(connection, AT_ONCE)]
    for report in waiting:
        try:
            total = _sum(total, _judge(workspace, now, 1, report)[1])
        except (DatabaseError, OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.warning("report %d cannot be judged (%s)", report, type(error).__name__)
            with workspace.database.writing() as connection:
                ledger.judge_reports(connection, {report: f"it cannot be judged ({type(error).__name__})"}, now)
    return len(waiting), total


def _understood(
    workspace: Workspace, connection: Connection, waiting: Iterable[Waiting]
) -> tuple[dict[str, list[Event]], dict[int, str]]:
    """The events of reports by their adapter, and by report what was wrong ("" for nothing)."""
    events: dict[str, list[Event]] = {}
    troubles: dict[int, str] = {}
    for report in waiting:
        troubles[report.id] = ""
        try:
            headers = json.loads(report.headers)
            adapter = workspace.running(_verifier(connection, report.adapter, headers)).adapter
            events.setdefault(report.adapter, []).extend(adapter.parse(headers, report.body))
        except RinglabError as error:
            troubles[report.id] = str(error)
        except Exception as error:  # whatever an adapter raises, the other reports are judged
            troubles[report.id] = f"the adapter {report.adapter} fails on it ({type(error).__name__})"
    return events, troubles


def _verifier(connection: Connection, adapter: str, headers: Mapping[str, str]) -> str:
    """The experiment with whose settings a report was verified, or the newest where an earlier release stored it."""
    named = headers.get(VERIFIED_BY)
    if named:
        return named
    using = [record for record in records.everything(connection) if record.experiment.adapter == adapter]
    if not using:
        raise NotFound("adapter in use", adapter)
    return using[0].name


def _sum(one: Received, other: Received) -> Received:
    return Received(
        one.events + other.events, one.new + other.new, one.redials + other.redials, one.messages + other.messages
    )
