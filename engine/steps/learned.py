"""Finished experiments in, what they say together out."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.core.denominators import AUDIENCE
from engine.core.experiments import State
from engine.core.learned import Finding, learned
from engine.core.shapes import BLANKING, finite
from engine.core.treatments import VARIABLES
from engine.steps.report import treatment_texts
from engine.store import records
from engine.store.records import Record
from engine.workspace import Workspace


def all_learned(workspace: Workspace) -> dict[str, Any]:
    """The pooled lifts per variable and option over every decided experiment of the database."""
    with workspace.database.reading() as connection:
        decided = records.everything(connection, (State.DECIDED,))
        last = [(record, records.last_look(connection, record.id)) for record in decided]
    findings = [finding for record, standing in last if standing for finding in _findings(record, standing)]
    found: dict[str, Any] = finite(learned(findings))
    return found


def _findings(record: Record, standing: Mapping[str, Any]) -> Iterator[Finding]:
    """Every arm that changes one variable and that chance dealt; none of an experiment that cannot be believed."""
    experiment = record.experiment
    if standing["verdict"]["status"] in BLANKING:
        return
    primary = next(metric for metric in standing["metrics"] if metric["role"] == "primary")
    texts = {arm: treatment_texts(treatment) for arm, treatment in experiment.treatments.items()}
    for found in primary["comparisons"]:
        arm, interval = found["arm"], found.get("interval")
        changed = list(experiment.arms.get(arm, ()))
        if len(changed) != 1 or changed[0] == AUDIENCE or changed[0] not in VARIABLES:
            continue
        if found.get("difference") is None or interval is None or None in interval:
            continue
        variable = changed[0]
        yield Finding(
            record.name, arm, variable, texts[arm].get(variable, "–"), texts[standing["control"]].get(variable, "–"),
            primary["name"], primary["kind"], found["difference"], (interval[0], interval[1]), standing["level"],
            standing["verdict"]["arms"].get(arm, ""),
        )  # fmt: skip
