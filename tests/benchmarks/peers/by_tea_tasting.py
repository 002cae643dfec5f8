# /// script
# requires-python = ">=3.11"
# dependencies = ["tea-tasting==1.14.0", "duckdb"]
# ///
"""tea-tasting, asked what `analyze` is asked."""

import duckdb
import tea_tasting
from tea_tasting.aggr import Aggregates

from tests.benchmarks.peers.asking import Asked, answer, totals


def decided(asked: Asked, segments: int = 1) -> None:
    """Every metric of every segment, each arm beside the control."""
    experiment = tea_tasting.Experiment({name: tea_tasting.Mean(name) for name in asked.metrics})
    for segment in asked.segments:
        known = {}
        for arm in asked.arms:
            found = {name: asked.of(name, segment, arm) for name in asked.metrics}
            means = {name: total / n for name, (n, total, _) in found.items()}
            spreads = {name: (squares - total * total / n) / (n - 1) for name, (n, total, squares) in found.items()}
            known[arm] = Aggregates(found[next(iter(found))][0], means, spreads)
        experiment.analyze(known, control=asked.arms[0], all_variants=True)


answer(lambda path, segment: totals(duckdb.connect(), path, segment), decided)
