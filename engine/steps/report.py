"""The read side that command line and pages share: what is asked of the engine, never of its tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Literal

from sqlalchemy import Connection

from engine.core.experiments import HOLDOUT, LIVE, Experiment, State
from engine.core.factorial import shares_dealt
from engine.core.guards import CampaignHarm, campaign_harm, warns
from engine.core.rules import RULES
from engine.core.strategies import redial_words
from engine.core.treatments import VARIABLES, Treatment
from engine.errors import AdapterError
from engine.scripting.difference import difference
from engine.scripting.library import Library
from engine.steps import troubles
from engine.steps.allocation import Wave, wave_of
from engine.steps.calibration import calibration_of
from engine.steps.deal import dealing
from engine.steps.evidence import variable_of
from engine.steps.forecast import days_of_waves
from engine.steps.measure import measure, moment, progress_of
from engine.steps.parts import in_waves
from engine.steps.troubles import Resting
from engine.store import ledger, outcomes, queue, records, reserve, roster
from engine.store.records import Record
from engine.telephony import adapter_names, capabilities
from engine.workspace import Workspace

TableForm = Literal["csv", "parquet"]
Health = Literal["good", "attention", "bad"]
CONFIRMED = "carry over what is confirmed"
NEXT_WAVE = "wait for the conversions of this wave; then the next one goes out"
WARNED = "one more complaint or other harm pauses an arm"
NEXT = {
    State.DRAFT: "start it",
    State.RUNNING: "wait for the verdict",
    State.PAUSED: "find out why it is paused, then resume or stop it",
    State.WAITING: "wait for late conversions",
    State.DECIDED: "write the next round",
    State.STOPPED: "nothing: it was stopped",
}


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One arm as a list shows it."""

    name: str
    variable: str | None
    share: float
    contacts: int


@dataclass(frozen=True, slots=True)
class Card:
    """One experiment as the list shows it. `lift` is the leading arm's difference, `verdict` the standing's.

    `undealt` people are in and have not drawn an arm yet; `wave` says where the waves stand, if it calls in waves.
    """

    name: str
    state: str
    hypothesis: str
    owner: str
    variables: tuple[str, ...]
    arms: tuple[ArmRow, ...]
    assigned: int
    planned: int
    dialled: int
    calls: int
    spend: float
    days_left: float | None
    health: Health
    health_reason: str
    next_action: str
    created_at: datetime
    verdict: Mapping[str, Any] | None
    verdict_zh: Mapping[str, Any] | None
    lift: float | None
    complaints: int = 0
    undealt: int = 0
    wave: Wave | None = None


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One place where an arm differs from the control, as runs of same, added and removed words.

    `parts_zh` are the Chinese words, of what is not an author's own text.
    """

    block: str
    parts: tuple[tuple[Literal["same", "added", "removed"], str], ...]
    parts_zh: tuple[tuple[Literal["same", "added", "removed"], str], ...] | None = None


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One step of the way, and how many of each arm's people came so far."""

    name: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look: each arm's primary estimate with its range, and the status."""

    number: int
    as_of: datetime
    estimate: Mapping[str, tuple[float, float, float]]
    status: str


@dataclass(frozen=True, slots=True)
class Results:
    """Everything about one experiment that a page shows.

    `questions` are those that the script could not answer, most frequent first, with how often they were asked.
    """

    card: Card
    standing: Mapping[str, Any]
    treatments: Mapping[str, Mapping[str, str]]
    differences: Mapping[str, tuple[DifferenceRow, ...]]
    funnel: tuple[FunnelStep, ...]
    looks: tuple[LookRow, ...]
    settings: Mapping[str, Any]
    yaml: str
    reproduce: str
    refusals: tuple[tuple[str, str, int], ...]
    questions: tuple[tuple[str, int], ...]
    money: Mapping[str, tuple[float, float, float]] | None
    resting: tuple[Resting, ...] = ()


def cards(workspace: Workspace, now: datetime) -> tuple[Card, ...]:
    """Every experiment, newest first."""
    with workspace.database.reading() as connection:
        return tuple(_card(connection, record) for record in records.everything(connection))


def pooled_harm(cards: Iterable[Card]) -> CampaignHarm | None:
    """The complaints of all live experiments together against the limit; None while nobody is called.

    One campaign is mostly too small to see three times the limit; all together may be large enough.
    """
    live = [card for card in cards if card.state in LIVE]
    calls = sum(card.calls for card in live)
    return campaign_harm(sum(card.complaints for card in live), calls) if calls else None


def resting(workspace: Workspace, now: datetime) -> tuple[Resting, ...]:
    """The accounts and caller numbers of live experiments that rest or are on trial after trouble."""
    with workspace.database.reading() as connection:
        live = records.everything(connection, LIVE)
        clocks = {record.name: moment(connection, record, now) for record in live}
        return troubles.resting(connection, [record.experiment for record in live], clocks)


def card(workspace: Workspace, name: str) -> Card:
    """One experiment as the list shows it; raises NotFound."""
    with workspace.database.reading() as connection:
        return _card(connection, records.get(connection, name))


def _card(connection: Connection, record: Record) -> Card:
    experiment = record.experiment
    last = records.last_look(connection, record.id)
    progress = _progress(connection, record, last)
    assigned = progress["funnel"]["assigned"]
    health, reason = _health(record, last)
    people = progress["people"]
    undealt = sum(reserve.counts(connection, record.id).values())
    wave = wave_of(connection, record)
    return Card(
        name=record.name, state=record.state.value, hypothesis=experiment.hypothesis, owner=experiment.owner,
        variables=tuple(dict.fromkeys(name for change in experiment.arms.values() for name in change)),
        arms=tuple(
            ArmRow(
                arm, variable_of(experiment, arm), share,
                progress["held_out"] if arm == HOLDOUT else assigned.get(arm, 0),
            )
            for arm, share in shares_dealt(experiment).items()
        ),
        assigned=people, planned=max(record.planned, people), dialled=progress["dialled"],
        calls=progress["calls"], spend=progress["spend"], days_left=_days_left(connection, record, undealt),
        health=health, health_reason=reason, next_action=_next(record, wave), created_at=record.created_at,
        verdict=last["verdict"] if last else None, verdict_zh=last["verdict_zh"] if last else None,
        lift=_lift(last) if last else None, undealt=undealt, wave=wave, complaints=progress.get("complaints", 0),
    )  # fmt: skip


def _progress(connection: Connection, record: Record, last: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """How far it has come: as the last look counted it once nothing changes any more, else as of now."""
    if last is not None and record.state is State.DECIDED:
        counted: Mapping[str, Any] = last["progress"]
        return counted
    return progress_of(record.experiment, outcomes.sums(connection, record.id))


def _next(record: Record, wave: Wave | None) -> str:
    if record.state is State.WAITING and wave and wave.undealt:
        return NEXT_WAVE
    if record.state is State.DECIDED and record.experiment.confirms:
        return CONFIRMED
    return NEXT[record.state]


def _health(record: Record, last: Mapping[str, Any] | None) -> tuple[Health, str]:
    if last and last["verdict"]["status"] == "data_problem":
        return "bad", last["verdict"]["sentence"]
    if record.state is State.PAUSED or (last and last["verdict"]["status"] == "stopped_for_safety"):
        return "attention", record.reason or "paused"
    if last and record.state in LIVE and any(warns(check) for check in last.get("guardrails", ())):
        return "attention", WARNED
    return "good", ""


def _days_left(connection: Connection, record: Record, undealt: int) -> float | None:
    """Days that are left at the declared pace, in waves with the waits between them; None when nothing is planned."""
    from engine.core.calls import CallState
    from engine.steps.ruling import usual

    planned = queue.counts(connection, record.id).get(CallState.PLANNED, 0) + undealt
    if not planned or record.state not in LIVE:
        return None
    experiment = record.experiment
    if undealt and in_waves(experiment):
        return days_of_waves(experiment, undealt, dealing(connection, record.name).parts)
    seconds = usual(experiment).weekly_seconds / 7
    return planned / (experiment.pace.per_second * seconds) if seconds else None


def _lift(standing: Mapping[str, Any]) -> float | None:
    """The difference of the arm that the verdict names, or of the highest arm."""
    primary = next(metric for metric in standing["metrics"] if metric["role"] == "primary")
    lifts = {row["arm"]: row.get("difference") for row in primary["comparisons"]}
    named = lifts.get(standing["verdict"].get("arm"))
    known = [lift for lift in lifts.values() if lift is not None]
    return named if named is not None else max(known, default=None)


def standing(workspace: Workspace, name: str, now: datetime) -> dict[str, Any]:
    """Where an experiment stands: the last look when it is over, else computed at its own clock's now."""
    with workspace.database.reading() as connection:
        record = records.get(connection, name)
        last = records.last_look(connection, record.id)
        if last is not None and record.state is State.DECIDED:
            found = last | {"state": record.state.value}
        else:
            found = measure(connection, record, moment(connection, record, now), finished=False)
        calibration = calibration_of(connection, record.experiment)
    return found | ({"calibration": calibration} if calibration else {})


def results(workspace: Workspace, name: str, now: datetime) -> Results:
    """Everything about one experiment; raises NotFound."""
    with workspace.database.reading() as connection:
        record = records.get(connection, name)
        shown = _card(connection, record)
        seen = records.looks(connection, record.id)
        progress = _progress(connection, record, seen[-1] if seen else None)
        refused = roster.refusals(connection, record.id)
        asked = ledger.questions(connection, record.id)
        rests = troubles.resting(connection, [record.experiment], {name: moment(connection, record, now)})
    stands = standing(workspace, name, now)
    experiment = record.experiment
    money = stands.get("money")
    return Results(
        card=shown,
        standing=stands,
        treatments={arm: treatment_texts(treatment) for arm, treatment in experiment.treatments.items()},
        differences={arm: differences(workspace.library, experiment, arm) for arm in experiment.arms},
        funnel=tuple(FunnelStep(name, counts) for name, counts in progress["funnel"].items()),
        looks=tuple(_look_row(one) for one in seen),
        settings=experiment.model_dump(mode="json", include={"decision", "size", "pace", "conversion", "schedule"}),
        yaml=record.source,
        reproduce=f"ringlab results {name} --format json",
        refusals=tuple((rule, RULES.get(rule, rule), count) for rule, count in sorted(refused.items())),
        questions=tuple(asked),
        money={arm: (row["value"], row["low"], row["high"]) for arm, row in money.items()} if money else None,
        resting=rests if record.state in LIVE else (),
    )


def refusals(workspace: Workspace, name: str) -> tuple[tuple[str, str, int], ...]:
    """Who was not called, per rule: (rule, what it means, contacts)."""
    with workspace.database.reading() as connection:
        record = records.get(connection, name)
        counted = roster.refusals(connection, record.id)
    return tuple((rule, RULES.get(rule, rule), count) for rule, count in sorted(counted.items()))


def treatment_texts(treatment: Treatment) -> dict[str, str]:
    """Each variable of a treatment as text; a variable that is not set is left out."""
    values = treatment.model_dump(mode="json", exclude_defaults=True)
    return {name: _text(values[name]) for name in VARIABLES if values.get(name) is not None}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_inner(inner)}" for name, inner in value.items() if inner is not None)
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value)
    return str(value)


def _inner(value: Any) -> str:
    """A value inside a mapping; a mapping there has brackets around it."""
    return f"({_text(value)})" if isinstance(value, dict) else _text(value)


def differences(library: Library, experiment: Experiment, arm: str) -> tuple[DifferenceRow, ...]:
    """Where an arm differs from the control: word by word in scripts, whole values elsewhere."""
    control, treated = experiment.control, experiment.treatments[arm]
    rows: list[DifferenceRow] = []
    for variable in experiment.arms[arm]:
        if variable == "script" and {control.script, treated.script} <= set(library.names()):
            rows += [
                DifferenceRow(block.name, tuple((part.op, part.text) for part in block.parts))
                for block in difference(library, control.script, treated.script)
                if block.changed
            ]
            continue
        if variable == "redial":
            was, now = redial_words(control.redial), redial_words(treated.redial)
            rows.append(
                DifferenceRow(
                    variable, (("removed", was[0]), ("added", now[0])), (("removed", was[1]), ("added", now[1]))
                )
            )
            continue
        before, after = (treatment_texts(side).get(variable, "–") for side in (control, treated))
        rows.append(DifferenceRow(variable, (("removed", before), ("added", after))))
    return tuple(rows)


def _look_row(standing: Mapping[str, Any]) -> LookRow:
    primary = next(metric for metric in standing["metrics"] if metric["role"] == "primary")
    estimates = {
        row["arm"]: (row["estimate"], *row["interval"])
        for row in primary["arms"]
        if row.get("estimate") is not None and row.get("interval")
    }
    as_of = datetime.fromisoformat(standing["as_of"])
    return LookRow(standing["look"], as_of, estimates, standing["verdict"]["status"])


def table(standing: Mapping[str, Any], form: TableForm) -> bytes:
    """A standing as a file of one row per metric and arm."""
    from engine.intake.tables import write_table
    from engine.steps.compare import as_rows

    rows, stream = as_rows(standing), BytesIO()
    write_table(stream, list(rows[0]), (list(row.values()) for row in rows), form)
    return stream.getvalue()


def adapters(workspace: Workspace) -> tuple[dict[str, Any], ...]:
    """Every adapter with what it can do, or with why it cannot be used."""
    found: list[dict[str, Any]] = []
    for name in adapter_names():
        try:
            found.append({"name": name, "capabilities": capabilities(name)})
        except AdapterError as error:
            found.append({"name": name, "trouble": str(error)})
    return tuple(found)
