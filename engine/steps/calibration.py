"""What empty campaigns came to: how often something useless won, kept beside the experiments.

A calibration is of a way to decide, not of one experiment: whoever decides in the same way shares it.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from engine.core.experiments import Experiment
from engine.steps.rehearse import dealt_arms
from engine.store import calibrations
from engine.store.calibrations import Calibration
from engine.workspace import Workspace


def subject_of(experiment: Experiment) -> str:
    """What a calibration is of: the method with its promises, how many arms it compares, and at what rate."""
    size, decision = experiment.size, experiment.decision
    values = {
        "method": decision.method, "alpha": decision.alpha, "power": size.power, "arms": len(dealt_arms(experiment)),
        "useful": decision.smallest_useful_lift.points(size.baseline), "baseline": size.baseline,
        "metric": experiment.metrics.primary, "adapter": experiment.adapter,
    }  # fmt: skip
    return json.dumps(values, sort_keys=True)


def keep(
    workspace: Workspace, experiment: Experiment, engine: str, seed: int, runs: int, false_winners: int, now: datetime
) -> None:
    """Keep what empty campaigns of an experiment came to, in the place of what the same engine played before."""
    found = Calibration(
        subject_of(experiment), experiment.name, engine, seed, runs, false_winners, promised(experiment), now
    )
    with workspace.database.writing() as connection:
        calibrations.put(connection, found)


def promised(experiment: Experiment) -> float:
    """The largest chance of a false winner, over all arms: half of the two-sided alpha."""
    return experiment.decision.alpha / 2


def calibration_of(connection: Connection, experiment: Experiment) -> dict[str, Any] | None:
    """What is known of the way in which an experiment decides, of the engine that played most; None when nothing is."""
    from engine.stats.rates import rate_interval

    known = calibrations.of(connection, subject_of(experiment))
    if not known:
        return None
    best = max(known, key=lambda one: (one.runs, one.engine == "campaign"))
    low, high = rate_interval(best.false_winners, best.runs, method="exact")
    return {
        "engine": best.engine, "experiment": best.experiment, "runs": best.runs, "seed": best.seed,
        "false_winners": best.false_winners, "rate": best.false_winners / best.runs, "interval": [low, high],
        "promised": best.promised, "ok": low <= best.promised,
        "played_at": best.played_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
