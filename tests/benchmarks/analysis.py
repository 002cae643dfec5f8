"""Verdicts from tallies and from files, beside what numpy and DuckDB take for the bare arithmetic."""

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import duckdb
import numpy as np

from engine.core.evidence import Evidence, MetricTallies, Question
from engine.core.metrics import METRICS
from engine.core.standings import standing
from engine.stats.anytime import Race, RacePlan
from engine.stats.tallies import Tally
from engine.steps.analyze import analyze
from tests.benchmarks import peers
from tests.benchmarks.measuring import Measured, exponent, most_memory, processor_time

ARMS = ("control", *(f"arm-{number}" for number in range(1, 15)))
RATES = ("connect", "intent", "conversion", "order")
MEANS = ("revenue", "talk_time")
PEOPLE = 3_000
DECIDES = "conversion"


def _evidence(spread: int = 0, strata: int = 0, covariate: bool = False) -> Evidence:
    """Six metrics of fifteen arms, each arm `spread` people larger than the one before it."""
    people = {arm: PEOPLE + spread * place for place, arm in enumerate(ARMS)}
    rates = {arm: Tally.of_rate(360 + 11 * place, people[arm]) for place, arm in enumerate(ARMS)}
    parts = {f"stratum-{number}": rates for number in range(strata)} or None
    means = {}
    for place, arm in enumerate(ARMS):
        total, squares = 9_000.0 + 40 * place, 81_000.0 + 500 * place
        known = (total, squares, 60_000.0) if covariate else ()
        means[arm] = Tally(people[arm], total, squares, *known)
    return Evidence(
        (
            *(
                MetricTallies.of(METRICS[name], "primary" if name == DECIDES else "secondary", rates, strata=parts)
                for name in RATES
            ),
            *(MetricTallies.of(METRICS[name], "secondary", means, covariate=covariate) for name in MEANS),
        ),
        finished=True,
    )


def tallies(times: int, with_peers: bool = False) -> list[Measured]:
    """The whole standing of fifteen arms and six metrics, beside bare z scores of the same numbers in numpy.

    The first is asked of other programs too, which give no more than each arm's lift, range and p-value.
    """
    fixed, planned = Question("bench", ARMS), Question("bench", ARMS, method="group", planned=PEOPLE)
    evidence = _evidence()
    counts = np.full((15, 6), float(PEOPLE))
    totals = np.array([[tally.tallies[arm].total for tally in evidence.metrics] for arm in ARMS])
    squares = np.array([[tally.tallies[arm].squares for tally in evidence.metrics] for arm in ARMS])

    def bare() -> None:
        for _ in range(100):
            means = totals / counts
            spread = (squares - counts * means**2) / (counts - 1) / counts
            np.abs((means[1:] - means[0]) / np.sqrt(spread[1:] + spread[0]))

    limit = processor_time(bare, times) / 100
    cases = {
        "standing: 15 arms, 6 metrics": (fixed, evidence),
        "standing: arms of 15 sizes": (fixed, _evidence(spread=7)),
        "standing: planned looks": (planned, evidence),
        "standing: four strata": (fixed, _evidence(strata=4)),
        "standing: a covariate": (fixed, _evidence(covariate=True)),
    }
    found = []
    for name, (question, asked) in cases.items():
        standing(question, asked)  # what is imported once is not counted
        taken = processor_time(partial(standing, question, asked), times)
        found.append(Measured(name, taken * 1e3, "ms", limit * 1e3, "z scores in numpy"))
    if with_peers:
        asked = {
            metric.name: [("", arm, tally.count, tally.total, tally.squares) for arm, tally in metric.tallies.items()]
            for metric in evidence.metrics
        }
        found[:1] = peers.beside(
            found[:1], {found[0].name: _question(times, metrics=asked)}, lambda seconds: seconds * 1e3
        )
    return found


def _question(times: int, **more: object) -> dict[str, object]:
    """A question to other programs: of these tallies, or of this file."""
    return {"rates": RATES, "arms": ARMS, "times": times, "metrics": None, "path": "", "segment": ""} | more


def look(looks: int) -> list[Measured]:
    """One look of the race of fifteen arms."""
    race = Race.start(RacePlan(15, 0.01, 0.12, 0.025, 0.8))
    race = race.look(contacts=[50.0] * 15, successes=[6.0] * 15)

    def run() -> None:
        running = race
        for number in range(2, looks + 2):
            running = running.look(contacts=[50.0 * number] * 15, successes=[6.0 * number] * 15)

    return [Measured("race: one look, 15 arms", processor_time(run, 3) / looks * 1e3, "ms")]


def written(folder: Path, rows: int) -> Path:
    """A Parquet file of fifteen arms, twenty cities and six metrics."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{rows}.parquet"
    with duckdb.connect() as engine:
        engine.execute("SELECT setseed(0.5)")
        rates = ", ".join(f'(random() < 0.12)::INTEGER AS "{name}"' for name in RATES)
        means = ", ".join(f"round(random() * 90, 2) AS {name}" for name in MEANS)
        engine.execute(
            f"COPY (SELECT CASE WHEN i % 15 = 0 THEN 'control' ELSE 'arm-' || (i % 15) END AS arm, "
            f"'city-' || (i // 15 % 20) AS city, {rates}, {means} FROM range({rows}) AS t (i)) "
            f"TO '{path}' (FORMAT parquet)"
        )
    return path


def analyzed(path: Path, segment: str | None, times: int) -> float:
    """Processor seconds of a file's standing."""
    metrics = [*(f"{name}={name}:rate" for name in RATES), *(f"{name}={name}:mean" for name in MEANS)]
    return processor_time(lambda: analyze(path, "arm", "control", metrics, segment=segment), times)


def totaled(path: Path, segment: str | None, times: int) -> float:
    """Processor seconds of DuckDB's bare totals and squares of the same columns."""
    sums = ", ".join(f'sum("{name}"), sum("{name}"::DOUBLE * "{name}")' for name in (*RATES, *MEANS))
    groups = "arm" if segment is None else f"arm, {segment}"
    query = f"SELECT {groups}, count(*), {sums} FROM read_parquet('{path}') GROUP BY {groups}"

    def bare() -> None:
        with duckdb.connect() as engine:
            engine.execute(query).fetchall()

    return processor_time(bare, times)


def file(folder: Path, rows: int, with_peers: bool = False) -> list[Measured]:
    """A Parquet file to its standing, beside DuckDB's bare totals of the same columns."""
    path = written(folder, rows)
    taken, limit = analyzed(path, None, 3), totaled(path, None, 3)
    line = Measured(f"analyze: {rows:,} rows of Parquet", taken, "s", limit, "the totals in DuckDB")
    return peers.beside([line], {line.name: _question(2, path=str(path))}, float) if with_peers else [line]


def files(folder: Path, sizes: Sequence[int], with_peers: bool = False) -> list[Measured]:
    """Growing files in twenty segments, each read in a process of its own, so that its memory is its own."""
    ours, bare, lines = [], [], []
    for rows in sizes:
        path = written(folder, rows)
        ours.append(_told("analyzed", path))
        bare.append(_told("totaled", path))
        name = f"analyze: {rows:,} rows, 20 segments"
        line = Measured(name, ours[-1][0], "s", bare[-1][0], "the totals in DuckDB")
        question = {name: _question(1, path=str(path), segment="city")}
        lines += peers.beside([line], question, float) if with_peers else [line]
        path.unlink()
    memory = ours[-1][1] / 1e6, bare[-1][1] / 1e6
    return [
        *lines,
        Measured("analyze: exponent", exponent(sizes, [taken for taken, _ in ours]), "1 is linear"),
        Measured(f"analyze: memory at {sizes[-1]:,} rows", memory[0], "MB", memory[1], "DuckDB alone"),
    ]


def _told(work: str, path: Path) -> tuple[float, int]:
    """What a process of its own tells of this work: processor seconds, and its most memory in bytes."""
    command = [sys.executable, "-m", "tests.benchmarks.analysis", work, str(path)]
    told: list[float] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return told[0], int(told[1])


if __name__ == "__main__":
    asked = analyzed if sys.argv[1] == "analyzed" else totaled
    seconds = asked(Path(sys.argv[2]), "city", 3)
    print(json.dumps([seconds, most_memory()]))  # noqa: T201
