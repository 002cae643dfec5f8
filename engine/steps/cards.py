"""Every experiment on a card: how far it has come, how well it is, and what to do next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection

from engine.core.experiments import HOLDOUT, LIVE, State
from engine.core.factorial import shares_dealt
from engine.core.guards import CampaignHarm, campaign_harm, warns
from engine.steps import troubles
from engine.steps.allocation import Wave, wave_of
from engine.steps.deal import dealing
from engine.steps.evidence import variable_of
from engine.steps.forecast import days_of_waves
from engine.steps.measure import moment, progress_of
from engine.steps.parts import in_waves
from engine.steps.troubles import Resting
from engine.store import outcomes, queue, records, reserve
from engine.store.records import Record
from engine.workspace import Workspace

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


def cards(workspace: Workspace, now: datetime) -> tuple[Card, ...]:
    """Every experiment, newest first."""
    with workspace.database.reading() as connection:
        return tuple(card_of(connection, record) for record in records.everything(connection))


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
        return card_of(connection, records.get(connection, name))


def card_of(connection: Connection, record: Record) -> Card:
    """The card of an experiment that is read already."""
    experiment = record.experiment
    last = records.last_look(connection, record.id)
    progress = progress_now(connection, record, last)
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


def progress_now(connection: Connection, record: Record, last: Mapping[str, Any] | None) -> Mapping[str, Any]:
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
