# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["spotify-confidence==4.1.0", "duckdb", "setuptools<81"]
# ///
"""Spotify Confidence, asked what `analyze` is asked."""

import duckdb
import pandas as pd
import spotify_confidence

from tests.benchmarks.peers.asking import Asked, answer, totals


def decided(asked: Asked, segments: int = 1) -> None:
    """Every metric of every segment, each arm beside the control."""
    for name, tallies in asked.metrics.items():
        table = pd.DataFrame(tallies, columns=["segment", "arm", "n", "total", "squares"])
        groups = ["arm"] if segments == 1 else ["arm", "segment"]
        squares = None if name in asked.rates else "squares"
        test = spotify_confidence.ZTest(table, "total", squares, "n", groups)
        test.multiple_difference(
            level=asked.arms[0], level_as_reference=True, groupby=None if segments == 1 else "segment"
        )


answer(lambda path, segment: totals(duckdb.connect(), path, segment), decided)
