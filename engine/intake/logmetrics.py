"""What is to be read off a call log: metrics as words, and the columns that they stand on."""

# ruff: noqa: S608 -- every name and text in a query went through `identifier` or `literal`

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.errors import InputError, Problem, ProblemsFound, did_you_mean
from engine.intake.logcells import number, rate
from engine.intake.logfiles import LogFile

Kind = Literal["rate", "mean", "ratio"]
FORM = "NAME=COLUMN, NAME=COLUMN:rate, NAME=COLUMN:mean or NAME=COLUMN:ratio/COLUMN"
PER_ATTEMPT = "_per_attempt"

_METRIC = re.compile(r"([^=]+)=(.+?)(?::(rate|mean|ratio/.+))?")
_OTHER_KIND = re.compile(r".*:[a-z]+(?:/.*)?")


@dataclass(frozen=True, slots=True)
class LogMetric:
    """A quantity read off a call log.

    Without a `kind` it is a mean when more cells are numbers than are a yes or a no, else a rate.
    A ratio is the total of `column` over the total of `denominator`; `per_attempt` makes it the yeses of `column`
    over the attempts, both summed per contact.
    """

    name: str
    column: str
    kind: Kind | None = None
    denominator: str | None = None
    per_attempt: bool = False

    def __post_init__(self) -> None:
        if (self.kind == "ratio") != (self.denominator is not None or self.per_attempt):
            raise ValueError("a ratio has a denominator, and nothing else has")

    @classmethod
    def parse(cls, text: str) -> "LogMetric":
        """A metric from `NAME=COLUMN[:rate|mean|ratio/COLUMN]`; raises InputError that shows the form."""
        match = _METRIC.fullmatch(text)
        if match is None or (match[3] is None and _OTHER_KIND.fullmatch(match[2])):
            raise InputError(f"the metric {text!r} cannot be understood; write {FORM}")
        name, column, kind = match[1].strip(), match[2].strip(), match[3]
        if kind is None:
            return cls(name, column)
        if kind.startswith("ratio/"):
            return cls(name, column, "ratio", kind.removeprefix("ratio/").strip())
        return cls(name, column, "rate" if kind == "rate" else "mean")


def resolve(
    log: LogFile,
    arm: str,
    metrics: Sequence[LogMetric],
    covariate: str | None,
    segment: str | None,
    contact: str | None,
) -> tuple[LogMetric, ...]:
    """The metrics with their kinds settled; raises ProblemsFound with every column that the file lacks."""
    twice = sorted(name for name, count in Counter(metric.name for metric in metrics).items() if count > 1)
    if twice:
        raise InputError(f"two metrics are named {twice[0]!r}; give every metric a name of its own")
    asked = [("the arm", arm), ("the segment", segment), ("the contact", contact), ("the covariate", covariate)]
    for metric in metrics:
        asked += [(f"metric {metric.name!r}", metric.column), (f"metric {metric.name!r}", metric.denominator)]
    problems = [
        Problem(
            str(log.shape.path), 1, 0,
            f"there is no column {column!r} for {what}{did_you_mean(column, log.shape.columns)}",
        )
        for what, column in asked
        if column is not None and column not in log.shape.columns
    ]  # fmt: skip
    if problems:
        raise ProblemsFound(problems)
    return _settled(log, metrics)


def with_attempts(metrics: tuple[LogMetric, ...]) -> tuple[LogMetric, ...]:
    """The metrics, and each rate once more per attempt: what call centers know it as, and no number of people."""
    again = [
        LogMetric(f"{metric.name}{PER_ATTEMPT}", metric.column, "ratio", per_attempt=True)
        for metric in metrics
        if metric.kind == "rate"
    ]
    return (*metrics, *again)


def _settled(log: LogFile, metrics: Sequence[LogMetric]) -> tuple[LogMetric, ...]:
    undecided = list(dict.fromkeys(metric.column for metric in metrics if metric.kind is None))
    if not undecided:
        return tuple(metrics)
    tests = ", ".join(
        f"count({rate(cell, kind)}) >= count({number(cell, kind, column)})"
        for column, (cell, kind) in ((column, log.cell(column)) for column in undecided)
    )
    is_rate = dict(zip(undecided, log.first(f"SELECT {tests} FROM {log.source}"), strict=True))
    return tuple(
        metric if metric.kind else replace(metric, kind="rate" if is_rate[metric.column] else "mean")
        for metric in metrics
    )
