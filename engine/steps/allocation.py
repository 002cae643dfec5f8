"""How the deal followed the race: each period's shares with what came of its people, and where a wave stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from engine.core.balances import STAGES
from engine.core.evidence import Stage
from engine.core.experiments import HOLDOUT, LIVE, State
from engine.steps.deal import dealing, waiting_for_an_arm
from engine.steps.parts import in_waves, number_of_parts
from engine.store import outcomes, records
from engine.store.records import Record


@dataclass(frozen=True, slots=True)
class Wave:
    """One wave: its number from 1, about how many the people in it make, and until when its conversions are awaited.

    `until` is None while it is dialed; `undealt` people are in and have not drawn an arm yet.
    """

    number: int
    about: int
    undealt: int
    until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The wave as plain data."""
        until = self.until.astimezone(UTC).isoformat().replace("+00:00", "Z") if self.until else None
        return {"number": self.number, "about": self.about, "undealt": self.undealt, "until": until}


def wave_of(connection: Connection, record: Record) -> Wave | None:
    """Where the waves of a live experiment stand; None where people are not dialed in waves."""
    experiment = record.experiment
    state = records.state_of(connection, record.id)
    if not in_waves(experiment) or state not in LIVE:
        return None
    number = dealing(connection, experiment.name).parts
    left = waiting_for_an_arm(connection, experiment, record.id)
    until = outcomes.last_maturity(connection, record.id) if state is State.WAITING else None
    return Wave(number, number + number_of_parts(experiment, left, number), left, until)


def allocation_of(
    connection: Connection, record: Record, stages: Mapping[Stage, Mapping[str, int]]
) -> list[dict[str, Any]]:
    """Each period of the deal: the shares in force over the arms that are called, and of the people who drew their
    arm then how many were assigned, dialed, and connected at the first attempt.

    `stages` are the same counts over everybody. A balance check multiplies its odds over the periods: within one the
    shares never change.
    """
    experiment = record.experiment
    periods = dealing(connection, experiment.name).periods
    counted = outcomes.by_period(connection, record.id) if len(periods) > 1 else {}
    found = []
    for number, shares in enumerate(periods):
        called = {arm: share for arm, share in shares.items() if arm != HOLDOUT}
        whole = sum(called.values())
        rows = {arm: counted.get((number, arm), (0, 0, 0)) for arm in called}
        parted = {stage: {arm: row[place] for arm, row in rows.items()} for place, stage in enumerate(STAGES)}
        within = parted if counted else {stage: {arm: stages[stage].get(arm, 0) for arm in called} for stage in STAGES}
        found.append({"shares": {arm: share / whole for arm, share in called.items()}, "stages": within})
    return found
