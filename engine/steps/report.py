"""The read side that command line and pages share: what is asked of the engine, never of its tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any, Literal

from engine.core.experiments import LIVE, Experiment, State
from engine.core.rules import RULES
from engine.core.strategies import redial_words
from engine.core.treatments import VARIABLES, Treatment
from engine.errors import AdapterError
from engine.scripting.difference import difference
from engine.scripting.library import Library
from engine.steps import troubles
from engine.steps.calibration import calibration_of
from engine.steps.cards import ArmRow, Card, card, card_of, cards, pooled_harm, progress_now, resting
from engine.steps.measure import measure, moment
from engine.steps.troubles import Resting
from engine.store import ledger, records, roster
from engine.telephony import adapter_names, capabilities
from engine.workspace import Workspace

__all__ = [
    "ArmRow", "Card", "DifferenceRow", "FunnelStep", "LookRow", "Results", "adapters", "card", "cards", "differences",
    "pooled_harm", "refusals", "resting", "results", "standing", "table", "treatment_texts",
]  # fmt: skip

TableForm = Literal["csv", "parquet"]


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
        shown = card_of(connection, record)
        seen = records.looks(connection, record.id)
        progress = progress_now(connection, record, seen[-1] if seen else None)
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
