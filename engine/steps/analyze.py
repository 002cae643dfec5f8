"""A standing from any call log: a CSV or Parquet file, and no database."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from engine.core.evidence import Evidence, MetricTallies, Question, Segments
from engine.core.metrics import METRICS
from engine.core.sentences import Sentence, listed
from engine.core.standings import standing
from engine.errors import InputError
from engine.intake.calllogs import LogTallies, read_log
from engine.intake.logmetrics import PER_ATTEMPT, LogMetric
from engine.stats.homogeneity import rates_alike

UNLIKE = 0.001
"""Below this chance, corrected over the segments, arms hold other people than chance would deal."""


def analyze(
    path: Path,
    arm: str,
    control: str,
    metrics: Sequence[str],
    *,
    covariate: str | None = None,
    segment: str | None = None,
    contact: str | None = None,
    alpha: float = 0.05,
    useful_lift: float = 0.01,
    level: float = 0.95,
    lower: Collection[str] = (),
    missing: Literal["refuse", "zero"] = "refuse",
) -> dict[str, Any]:
    """The standing of a log whose rows are contacts, or attempts when `contact` names who.

    Args:
        arm, covariate, segment, contact: columns of the file; `control` is a value of the arm column.
        metrics: `NAME=COLUMN[:rate|mean|ratio/COLUMN]`, the first of which decides.
        useful_lift: the smallest difference worth a change, in the first metric's unit.
        lower: names of metrics of which less is better; a metric with a name that is known needs none.
        missing: what a blank cell is.

    Raises:
        UnreadableFile, ProblemsFound, NotFound: as `read_log` does.
        InputError: no metric, a metric that cannot be understood, numbers that cannot be.
    """
    if not metrics:
        raise InputError("name at least one metric, such as --metric subscribed=y:rate")
    wanted = [LogMetric.parse(text) for text in metrics]
    log = read_log(
        path, arm, wanted, control=control, covariate=covariate, segment=segment, contact=contact, missing=missing
    )
    denominator = "contacts" if contact else "rows"
    found = [
        _tallied(log, metric, place, denominator, covariate is not None, lower)
        for place, metric in enumerate(log.metrics)
    ]
    segments: tuple[Segments, ...] = ()
    if segment is not None:
        values = {value: log.tallies(log.metrics[0].name, value) for value in log.segments}
        segments = (Segments(segment, values),)
        found[0] = replace(found[0], strata=values)
    try:
        question = Question(
            name=path.stem, arms=log.arms, control=control, alpha=alpha, smallest_useful_lift=useful_lift, level=level
        )
        evidence = Evidence(tuple(found), finished=True, segments=segments)
        return standing(question, evidence, warnings=[*_warnings(log, contact), *_mixed(log, segment)])
    except ValueError as error:
        raise InputError(str(error)) from error


def _tallied(
    log: LogTallies, metric: LogMetric, place: int, denominator: str, covariate: bool, lower: Collection[str]
) -> MetricTallies:
    """One metric of the log; one that Ringlab knows by name keeps its words and its better side."""
    known = METRICS.get(metric.name.removesuffix(PER_ATTEMPT))
    better = known.better if known else "higher"
    assert metric.kind is not None, "a log's metrics have their kinds settled"
    return MetricTallies(
        name=metric.name,
        label=known.label if known and not metric.per_attempt else metric.name,
        zh=known.zh if known and not metric.per_attempt else metric.name,
        kind=metric.kind,
        better="lower" if metric.name.removesuffix(PER_ATTEMPT) in lower else better,
        role="descriptive" if metric.per_attempt else "secondary" if place else "primary",
        denominator="attempts" if metric.per_attempt else denominator,
        tallies=log.tallies(metric.name),
        covariate=covariate and metric.kind != "ratio",
        unit=known.unit if known else "",
    )


def _mixed(log: LogTallies, segment: str | None) -> list[Sentence]:
    """A warning where the arms hold other mixtures of people than chance would deal, with the segment most unlike."""
    if segment is None:
        return []
    everybody = log.contacts()
    unlike: dict[str, float] = {}
    for value in log.segments:
        inside = log.contacts(value)
        counted = [(inside[arm], contacts) for arm, contacts in everybody.items() if contacts]
        if len(counted) > 1:
            unlike[value] = rates_alike(counted)
    worst = min(unlike, key=lambda value: unlike[value], default="")
    if not unlike or unlike[worst] * len(unlike) >= UNLIKE:
        return []
    shares = listed(
        f"{arm} {inside / everybody[arm]:.0%}" for arm, inside in log.contacts(worst).items() if everybody[arm]
    )
    return [Sentence("warn_mixture", {"column": segment, "value": worst, "shares": shares})]


def _warnings(log: LogTallies, contact: str | None) -> list[Sentence]:
    warnings = [Sentence("warn_assignment_unknown")]
    if contact is None:
        warnings.append(Sentence("warn_attempts_as_contacts"))
    if log.missing:
        counts = listed(f"{name} ({count})" for name, count in log.missing.items())
        warnings.append(Sentence("warn_blank_cells", {"counts": counts}))
    return warnings
