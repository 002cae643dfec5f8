"""What finished experiments say together: per variable the average change, per option its lift over all of them.

Every arm that was tried counts, whatever became of it, so that options are not judged by their lucky rounds. Where
several options of a variable were tried, each one's lift is also given drawn toward their average (shrunken), which
is what to expect of it next time. It describes: a verdict is one experiment's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.treatments import VARIABLES
from engine.stats.normal import critical
from engine.stats.pooling import Pooled, pooled, shrunken

SCHEMA = "ringlab.learned/1"
RANGE = "hartung-knapp-safe"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One arm of one finished experiment: its lift over `against`, the control's option, in the metric's own unit."""

    experiment: str
    arm: str
    variable: str
    option: str
    against: str
    metric: str
    kind: str
    difference: float
    interval: tuple[float, float]
    level: float
    status: str

    @property
    def effect(self) -> tuple[float, float]:
        """(lift, standard error); the error is what the range's width stands for."""
        low, high = self.interval
        return self.difference, (high - low) / 2 / critical(self.level)


def learned(findings: Iterable[Finding], level: float = 0.95) -> Json:
    """The pooled lifts of all findings, by variable and metric; what has no range is left out."""
    usable = [finding for finding in findings if finding.effect[1] > 0]
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in sorted(usable, key=lambda one: (VARIABLES.index(one.variable), one.metric, one.option)):
        groups.setdefault((finding.variable, finding.metric), []).append(finding)
    return {
        "schema": SCHEMA,
        "level": level,
        "experiments": sorted({finding.experiment for finding in usable}),
        "variables": [_variable(found, level) for found in groups.values()],
    }


def _variable(findings: Sequence[Finding], level: float) -> Json:
    options: dict[str, list[Finding]] = {}
    for finding in findings:
        options.setdefault(finding.option, []).append(finding)
    lifts = {option: pooled([one.effect for one in tried], level, range_=RANGE) for option, tried in options.items()}
    drawn = shrunken([(lift.value, lift.standard_error) for lift in lifts.values()], level)
    return {
        "variable": findings[0].variable,
        "metric": findings[0].metric,
        "kind": findings[0].kind,
        "average": _pooled(pooled([finding.effect for finding in findings], level, range_=RANGE)),
        "options": [
            {
                "option": option,
                "pooled": _pooled(lifts[option]),
                "shrunken": {"difference": one.value, "interval": [one.low, one.high], "weight": one.weight},
                "tried": [_tried(finding) for finding in tried],
            }
            for (option, tried), one in zip(options.items(), drawn, strict=True)
        ],
    }


def _pooled(found: Pooled) -> Json:
    return {
        "difference": found.value, "interval": [found.low, found.high], "p_value": found.p_value,
        "experiments": found.experiments, "between": found.between, "heterogeneity": found.heterogeneity,
        "heterogeneity_p_value": found.q_p_value, "prediction": found.prediction,
    }  # fmt: skip


def _tried(finding: Finding) -> Json:
    return {
        "experiment": finding.experiment, "arm": finding.arm, "against": finding.against,
        "difference": finding.difference, "interval": list(finding.interval), "status": finding.status,
    }  # fmt: skip
