# /// script
# requires-python = ">=3.11"
# dependencies = ["gbstats==0.8.0", "duckdb"]
# ///
"""GrowthBook's statistics, asked what `analyze` is asked."""

import duckdb
from gbstats.gbstats import process_single_metric
from gbstats.models.settings import AnalysisSettingsForStatsEngine, MetricSettingsForStatsEngine

from tests.benchmarks.peers.asking import Asked, answer, totals


def decided(asked: Asked, segments: int = 1) -> None:
    """Every metric of every segment, each arm beside the control."""
    analysis = AnalysisSettingsForStatsEngine(
        asked.arms, asked.arms, [1 / len(asked.arms)] * len(asked.arms), stats_engine="frequentist",
        difference_type="absolute", max_dimensions=segments,
    )  # fmt: skip
    for name, tallies in asked.metrics.items():
        kind = "binomial" if name in asked.rates else "count"
        rows = [
            {
                "dimension": segment, "variation": arm, "users": n, "count": n, "main_sum": total,
                "main_sum_squares": squares,
            }
            for segment, arm, n, total, squares in tallies
        ]  # fmt: skip
        process_single_metric(rows, MetricSettingsForStatsEngine(name, name, "mean", kind), [analysis])


answer(lambda path, segment: totals(duckdb.connect(), path, segment), decided)
