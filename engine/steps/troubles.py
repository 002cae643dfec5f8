"""Trouble on a line, heard in receipts and endings: an account or a caller number rests, and why is kept.

What is heard is kept as counts per batch, in the transaction that writes what became of the calls, so that every
process knows of it. While a line works, that is one small row a batch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.core.accounts import account_bucket, account_of, caller_bucket, experiment_bucket
from engine.core.breakers import BREAKERS, FAILED, KEPT, TROUBLES, Trouble, counted, is_high_risk
from engine.core.buckets import TRIAL
from engine.core.calls import Call
from engine.core.events import Event
from engine.core.experiments import Experiment
from engine.core.treatments import Disposition
from engine.steps.pace import UNLIMITED
from engine.store import buckets, records
from engine.store.buckets import Rest, Signal
from engine.telephony.adapter import Fate, Receipt
from engine.workspace import Running

WHO = "breaker"
OVER_LIMIT = "over_limit"
OVER_LIMIT_REST = timedelta(seconds=10)  # where a provider says "too fast" and not for how long
LONGEST_WAIT = timedelta(hours=1)
MOST_SIGNALS = 200


def receipts(connection: Connection, running: Running, answers: Sequence[Receipt], now: datetime) -> None:
    """Heed what a provider said when it was asked to place calls: a wait that it wants, and what it did not take."""
    account = account_bucket(account_of(running.experiment))
    _wait(connection, account, answers, now)
    bad = sum(answer.fate is not Fate.ACCEPTED for answer in answers)
    if answers:
        _hear(connection, [Signal(Trouble.REFUSALS, account, now, len(answers), bad)], now)


def endings(connection: Connection, ended: Iterable[tuple[Experiment, Call, Event]], now: datetime) -> None:
    """Count how calls ended, by account and by caller number."""
    totals: dict[tuple[Trouble, str], list[int]] = {}
    names: dict[tuple[str, str], tuple[str, str]] = {}
    for experiment, call, event in ended:
        found = names.get((experiment.name, call.arm))
        if found is None:
            account = account_of(experiment)
            caller = caller_bucket(account, experiment.treatments[call.arm].caller_id)
            found = names[experiment.name, call.arm] = account_bucket(account), caller
        disposition = event.disposition or Disposition.UNKNOWN
        risky = is_high_risk(disposition, event.detail)
        # Who a filter takes for spam rests by its number; where no number is named, that is the whole account.
        for kind, name, bad in (
            (Trouble.TECHNICAL, found[0], disposition in FAILED and not risky),
            (Trouble.HIGH_RISK, found[1] or found[0], risky),
        ):
            total = totals.setdefault((kind, name), [0, 0])
            total[0] += 1
            total[1] += bad
    _hear(connection, [Signal(kind, name, now, *total) for (kind, name), total in sorted(totals.items())], now)


def _wait(connection: Connection, account: str, answers: Sequence[Receipt], now: datetime) -> None:
    """Let the account rest as long as the provider asks for."""
    waits = [timedelta(seconds=answer.retry_after) for answer in answers if answer.retry_after]
    if any(answer.fate is not Fate.ACCEPTED and answer.reason.startswith(OVER_LIMIT) for answer in answers):
        waits.append(OVER_LIMIT_REST)
    if not waits:
        return
    until = now + min(max(waits), LONGEST_WAIT)
    buckets.hold(connection, {account: UNLIMITED}, now)
    known = next(iter(buckets.rests(connection, [account])), None)
    if known is None:
        known = Rest(account, Trouble.RETRY_AFTER, now, None, None, 0)
    if known.until is None or known.until < until:
        reason = known.reason if known.trial is not None else Trouble.RETRY_AFTER
        buckets.rest(connection, replace(known, until=until, reason=reason))


def _hear(connection: Connection, signals: Sequence[Signal], now: datetime) -> None:
    """Keep signals, and see what they mean for what is watched."""
    for signal in signals:
        if signal.kind != Trouble.HIGH_RISK or signal.bad or signal.name.startswith("caller"):
            buckets.tell(connection, signal, now - KEPT)
    known = {rest.name: rest for rest in buckets.rests(connection, sorted({signal.name for signal in signals}))}
    for signal in signals:
        rest = known.get(signal.name)
        if rest is not None and rest.trial is not None:
            if rest.reason == signal.kind and rest.until is not None and now >= rest.until:
                _judge_trial(connection, rest, now)
        elif signal.bad:
            _judge(connection, signal, rest, now)


def _judge(connection: Connection, signal: Signal, rest: Rest | None, now: datetime) -> None:
    """Trip when too many of the latest calls went badly."""
    kind = Trouble(signal.kind)
    breaker = BREAKERS[kind]
    calls, bad = _counted(connection, kind, signal.name, now - breaker.window, now)
    if breaker.trips(calls, bad):
        _trip(connection, kind, rest or Rest(signal.name, kind, None, None, None, 0), (calls, bad), now)


def _judge_trial(connection: Connection, rest: Rest, now: datetime) -> None:
    """Close after a trial that went well, rest longer after one that did not."""
    assert rest.until is not None  # who is on trial has rested
    kind = Trouble(rest.reason)
    calls, bad = _counted(connection, kind, rest.name, rest.until - timedelta(microseconds=1), now)
    if calls < TRIAL:
        return
    if bad >= BREAKERS[kind].share * calls:
        _trip(connection, kind, rest, (calls, bad), now)
    else:
        buckets.rest(connection, Rest(rest.name, "", now, None, None, 0))
        records.audit(connection, now, WHO, "close", rest.name, f"{calls - bad} of {calls} calls on trial went well")


def _counted(connection: Connection, kind: Trouble, name: str, since: datetime, now: datetime) -> tuple[int, int]:
    anew = buckets.watched_since(connection, name) or since
    since = max(since, min(anew, now))
    heard = buckets.heard(connection, kind, name, since, MOST_SIGNALS)
    return counted([(one.at, one.calls, one.bad) for one in heard], since, BREAKERS[kind].latest)


def _trip(connection: Connection, kind: Trouble, rest: Rest, found: tuple[int, int], now: datetime) -> None:
    calls, bad = found
    until = now + BREAKERS[kind].rest_after(rest.trips)
    buckets.hold(connection, {rest.name: UNLIMITED}, now)
    buckets.rest(connection, Rest(rest.name, kind, now, until, TRIAL, rest.trips + 1), began=until)
    why = f"{TROUBLES[kind]}: {bad} of the last {calls}; rests until {until:%Y-%m-%d %H:%M:%S} UTC"
    records.audit(connection, now, WHO, "trip", rest.name, why)


@dataclass(frozen=True, slots=True)
class Resting:
    """An account or a caller number that rests or is on trial: since when, until when, why, and for whom it matters."""

    subject: str
    name: str
    trouble: str
    since: datetime | None
    until: datetime
    on_trial: bool
    experiments: tuple[str, ...]


def resting(
    connection: Connection, experiments: Sequence[Experiment], clocks: Mapping[str, datetime]
) -> tuple[Resting, ...]:
    """Everything that rests for these experiments, on the clock of each, by name."""
    whose: dict[str, list[str]] = {}
    for experiment in experiments:
        for name in buckets_of(experiment):
            whose.setdefault(name, []).append(experiment.name)
    found = []
    for rest in buckets.rests(connection, sorted(whose)):
        now = max(clocks[experiment] for experiment in whose[rest.name])
        if rest.until is None or (rest.trial is None and now >= rest.until):
            continue
        subject, _, name = rest.name.partition(":")
        found.append(
            Resting(
                subject, name, rest.reason, rest.tripped_at, rest.until, now >= rest.until,
                tuple(sorted(whose[rest.name])),
            )
        )  # fmt: skip
    return tuple(found)


def buckets_of(experiment: Experiment) -> list[str]:
    """Every bucket that the calls of an experiment are taken from."""
    account = account_of(experiment)
    numbers = {caller_bucket(account, one.caller_id) for one in experiment.treatments.values()} - {""}
    return [experiment_bucket(experiment), account_bucket(account), *sorted(numbers)]


def clear(connection: Connection, experiment: Experiment, now: datetime) -> list[str]:
    """Let what an experiment calls through rest no more, and its pace grow anew; returns what rested."""
    names = buckets_of(experiment)
    rested = [rest.name for rest in buckets.rests(connection, names)]
    buckets.clear(connection, [experiment_bucket(experiment), *rested], now)
    return rested
