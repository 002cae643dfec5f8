"""Verdicts from tallies and from files, beside what numpy and DuckDB take for the bare arithmetic."""

from pathlib import Path

import duckdb
import numpy as np

from engine.core.evidence import Evidence, MetricTallies, Question
from engine.core.metrics import METRICS
from engine.core.standings import standing
from engine.stats.anytime import Race, RacePlan
from engine.stats.tallies import Tally
from engine.steps.analyze import analyze
from tests.benchmarks.measuring import Measured, processor_time

ARMS = ("control", *(f"arm-{number}" for number in range(1, 15)))
RATES = ("connect", "intent", "conversion", "order")
MEANS = ("revenue", "talk_time")
PEOPLE = 3_000
DECIDES = "conversion"


def _evidence() -> Evidence:
    found = [
        MetricTallies.of(
            METRICS[name],
            "primary" if name == DECIDES else "secondary",
            {arm: Tally.of_rate(360 + 11 * place, PEOPLE) for place, arm in enumerate(ARMS)},
        )
        for name in RATES
    ]
    found += [
        MetricTallies.of(
            METRICS[name], "secondary",
            {arm: Tally(PEOPLE, 9_000.0 + 40 * place, 81_000.0 + 500 * place) for place, arm in enumerate(ARMS)},
        )
        for name in MEANS
    ]  # fmt: skip
    return Evidence(tuple(found), finished=True)


def tallies(times: int) -> list[Measured]:
    """The whole standing of fifteen arms and six metrics, beside bare z scores of the same numbers in numpy."""
    question, evidence = Question("bench", ARMS), _evidence()
    standing(question, evidence)  # what is imported once is not counted
    taken = processor_time(lambda: standing(question, evidence), times)
    counts = np.full((15, 6), float(PEOPLE))
    totals = np.array([[tally.tallies[arm].total for tally in evidence.metrics] for arm in ARMS])
    squares = np.array([[tally.tallies[arm].squares for tally in evidence.metrics] for arm in ARMS])

    def bare() -> None:
        for _ in range(100):
            means = totals / counts
            spread = (squares - counts * means**2) / (counts - 1) / counts
            np.abs((means[1:] - means[0]) / np.sqrt(spread[1:] + spread[0]))

    limit = processor_time(bare, times) / 100
    return [Measured("standing: 15 arms, 6 metrics", taken * 1e3, "ms", limit * 1e3, "z scores in numpy")]


def look(looks: int) -> list[Measured]:
    """One look of the race of fifteen arms."""
    race = Race.start(RacePlan(15, 0.01, 0.12, 0.025, 0.8))
    race = race.look(contacts=[50.0] * 15, successes=[6.0] * 15)

    def run() -> None:
        running = race
        for number in range(2, looks + 2):
            running = running.look(contacts=[50.0 * number] * 15, successes=[6.0 * number] * 15)

    return [Measured("race: one look, 15 arms", processor_time(run, 3) / looks * 1e3, "ms")]


def file(folder: Path, rows: int) -> list[Measured]:
    """A Parquet file to its standing, beside DuckDB's bare totals and squares of the same columns."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.parquet"
    with duckdb.connect() as engine:
        engine.execute("SELECT setseed(0.5)")
        rates = ", ".join(f'(random() < 0.12)::INTEGER AS "{name}"' for name in RATES)
        means = ", ".join(f"round(random() * 90, 2) AS {name}" for name in MEANS)
        engine.execute(
            f"COPY (SELECT CASE WHEN i % 15 = 0 THEN 'control' ELSE 'arm-' || (i % 15) END AS arm, {rates}, {means} "
            f"FROM range({rows}) AS t (i)) TO '{path}' (FORMAT parquet)"
        )
    metrics = [*(f"{name}={name}:rate" for name in RATES), *(f"{name}={name}:mean" for name in MEANS)]
    sums = ", ".join(f'sum("{name}"), sum("{name}"::DOUBLE * "{name}")' for name in (*RATES, *MEANS))
    query = f"SELECT arm, count(*), {sums} FROM read_parquet('{path}') GROUP BY arm"

    def bare() -> None:
        with duckdb.connect() as engine:
            engine.execute(query).fetchall()

    taken = processor_time(lambda: analyze(path, "arm", "control", metrics), 3)
    return [Measured(f"analyze: {rows:,} rows of Parquet", taken, "s", processor_time(bare, 3), "the totals in DuckDB")]
