"""What a peer is asked, with nothing but the standard library: the peers live in environments of their own."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.benchmarks.measuring import processor_time

Row = tuple[str, str, int, float, float]
"""Segment, arm, contacts, total and total of squares."""


@dataclass(frozen=True)
class Asked:
    """Tallies of several metrics; the first arm is the control."""

    rates: list[str]
    arms: list[str]
    metrics: dict[str, list[Row]]

    @cached_property
    def segments(self) -> list[str]:
        """In the order in which they first come."""
        return list(dict.fromkeys(row[0] for row in next(iter(self.metrics.values()))))

    @cached_property
    def _known(self) -> dict[tuple[str, str, str], tuple[int, float, float]]:
        return {(name, row[0], row[1]): row[2:] for name, rows in self.metrics.items() for row in rows}

    def of(self, metric: str, segment: str, arm: str) -> tuple[int, float, float]:
        """Contacts, total and total of squares."""
        return self._known[metric, segment, arm]


def totals(engine: Any, path: str, segment: str) -> dict[str, list[Row]]:
    """A Parquet file's tallies by DuckDB, which is given by the peer: they need a reader, and this is the fastest."""
    described = engine.execute(f"DESCRIBE SELECT * EXCLUDE (arm, city) FROM '{path}'").fetchall()
    names = [row[0] for row in described]
    sums = ", ".join(f'sum("{name}")::DOUBLE, sum("{name}"::DOUBLE * "{name}")' for name in names)
    by = f'"{segment}"' if segment else "''"
    rows = engine.execute(f"SELECT {by}, arm, count(*), {sums} FROM '{path}' GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
    return {
        name: [(*row[:3], row[3 + 2 * place], row[4 + 2 * place]) for row in rows] for place, name in enumerate(names)
    }


def answer(read: Callable[[str, str], dict[str, list[Row]]], decided: Callable[[Asked, int], None]) -> None:
    """Print the least processor seconds of each question on standard input: warm, imports left out."""
    seconds = {}
    for name, question in json.load(sys.stdin).items():

        def work(question: dict[str, Any] = question) -> None:
            metrics = question["metrics"] or read(question["path"], question["segment"])
            asked = Asked(question["rates"], question["arms"], metrics)
            decided(asked, len(asked.segments))

        seconds[name] = processor_time(work, question["times"] + 1)
    print(json.dumps(seconds))  # noqa: T201
