"""A verdict in, the next round's file out."""

from datetime import datetime
from typing import Any

from engine.core.experiments import State
from engine.core.rounds import adopt, confirming_name, confirming_round, next_name, next_round, open_arms, winners
from engine.definitions.writing import write
from engine.errors import NotNow
from engine.steps import report
from engine.steps.eligibility import series
from engine.store import records
from engine.workspace import Workspace


def write_next(workspace: Workspace, name: str, now: datetime, *, confirm: bool, new_name: str | None = None) -> str:
    """The YAML of the next round, or of the confirming round when it is asked for or nothing else is left to compare.

    Raises NotFound, NotNow before the verdict, and NotNow when nothing is open and nothing has won.
    """
    with workspace.database.reading() as connection:
        record = records.get(connection, name)
        rounds = [one.experiment for one in series(connection, record.experiment)] + [record.experiment]
    if record.state not in (State.DECIDED, State.STOPPED):
        raise NotNow(f"{name} is {record.state}; the next round follows its verdict: ringlab run {name}")
    standing = report.standing(workspace, name, now)
    statuses, lifts = _statuses(standing), _lifts(standing)
    won = winners(record.experiment, statuses, lifts)
    is_open = open_arms(record.experiment, statuses, adopt(record.experiment, won))
    if confirm or (won and not is_open):
        made = confirming_round(rounds, statuses, lifts, new_name or confirming_name(name))
        return write(made, f"Confirms {name}: all that was learned together, against what people got before.")
    made = next_round(record.experiment, statuses, lifts, new_name or next_name(name))
    return write(made, f"Follows {name}: {standing['verdict']['sentence']}")


def _statuses(standing: dict[str, Any]) -> dict[str, str]:
    """Every arm's status; of a factorial round's winners only those in the combination to confirm count as such."""
    statuses = dict(standing["verdict"].get("arms", {}))
    chosen = standing.get("factorial", {}).get("combination", {}).get("arms")
    if chosen is None:
        return statuses
    return {arm: "left_out" if status == "winner" and arm not in chosen else status for arm, status in statuses.items()}


def _lifts(standing: dict[str, Any]) -> dict[str, float]:
    primary = next(metric for metric in standing["metrics"] if metric["role"] == "primary")
    return {row["arm"]: row["difference"] for row in primary["comparisons"] if row.get("difference") is not None}
