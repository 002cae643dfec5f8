"""Contacts in, and calls claimed: cost must grow with the work, never with what lies in the database already."""

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from engine import demo
from engine.core.assignment import deal
from engine.core.calls import Call
from engine.core.contacts import Contact
from engine.core.experiments import Experiment
from engine.settings import Settings
from engine.steps.enroll import import_file
from engine.store import queue, records, roster
from engine.store.database import Database
from engine.workspace import Workspace
from tests.benchmarks.measuring import Measured, exponent, most_memory, processor_time

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
COLUMNS = {"key": "customer_id", "phone": "mobile", "name": "name", "ordered_at": "paid_at"}
PART = 50_000
CLAIM = 200


def imported(folder: Path, people: int) -> tuple[float, int]:
    """Processor seconds of importing a file of made-up people, and the process's most memory in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{people}.csv"
    demo.write_contacts(path, people)
    audience = {"contacts": path.name, "columns": COLUMNS}
    arms = {"gift": {"script": "gift-first"}}
    experiment = Experiment.model_validate(
        {"experiment": f"import-{people}", "audience": audience, "control": {"script": "classic"}, "arms": arms}
    )
    with Workspace(Settings.read(f"sqlite:///{folder / f'{people}.db'}"), folder) as workspace:
        seconds = processor_time(lambda: import_file(workspace, experiment, path, NOW))
    return seconds, most_memory()


def imports(folder: Path, sizes: Sequence[int]) -> list[Measured]:
    """Importing at some sizes, each in a process of its own, so that its memory is its own."""
    told = [
        json.loads(
            subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.people", str(folder / "imports"), str(people)],
                capture_output=True, check=True, text=True,
            ).stdout
        )
        for people in sizes
    ]  # fmt: skip
    found = [
        Measured(f"import: {people:,} rows", people / seconds, "rows/s")
        for people, (seconds, _) in zip(sizes, told, strict=True)
    ]
    seconds = [one[0] for one in told]
    return [
        *found,
        Measured("import: exponent", exponent(sizes, seconds), "1 is linear"),
        Measured(f"import: memory at {sizes[-1]:,} rows", told[-1][1] / 1e6, "MB", told[0][1] / 1e6, "the smallest"),
    ]


def assignment(people: int) -> list[Measured]:
    """Dealing four strata among fifteen arms."""
    shares = {f"arm-{number}": 1 / 15 for number in range(15)}
    waiting = [(f"C{number}", f"T{number % 4}") for number in range(people)]
    taken = processor_time(lambda: list(deal("bench", shares, waiting, {})), 2)
    return [Measured("assignment: 15 arms, 4 strata", people / taken, "contacts/s")]


def claims(folder: Path, lengths: Sequence[int]) -> list[Measured]:
    """Claiming a batch of due calls and writing it as begun, at growing lengths of the queue."""
    folder.mkdir(parents=True, exist_ok=True)
    database = Database.open(f"sqlite:///{folder / 'queue.db'}")
    experiment = Experiment.model_validate(
        {
            "experiment": "claims", "audience": {"roster": True}, "control": {"script": "classic"},
            "arms": {"gift": {"script": "gift-first"}},
        }
    )  # fmt: skip
    with database.writing() as connection:
        number = records.create(connection, experiment, "", "", 0, NOW)
    queued, seconds, memory = 0, [], []
    for length in lengths:
        for first in range(queued, length, PART):
            _queue(database, number, range(first, min(first + PART, length)))
        queued = length
        seconds.append(median(_claim(database, number) for _ in range(15)))
        memory.append(_resident())
    database.close()
    each = [
        Measured(f"claim of {CLAIM}: {length:,} queued", taken / CLAIM * 1e6, "µs a call")
        for length, taken in zip(lengths, seconds, strict=True)
    ]
    return [
        *each,
        Measured("claim: exponent", exponent(lengths, seconds), "0 is independent"),
        Measured("claim: memory added, the database's cache in it", (memory[-1] - memory[0]) / 1e6, "MB"),
    ]


def _queue(database: Database, experiment: int, numbers: range) -> None:
    people = [Contact(f"C{one}", f"+86199{one:08}", "CN", ("Asia/Shanghai",)) for one in numbers]
    with database.writing() as connection:
        roster.import_contacts(connection, people, NOW)
        ids = roster.find(connection, [person.key for person in people])
        calls = [
            (
                ids[person.key],
                Call(f"claims/{person.key}/1", "claims", person.key, "control", 1, NOW, NOW + timedelta(days=30), one),
            )
            for one, person in zip(numbers, people, strict=True)
        ]
        queue.plan(connection, experiment, calls)


def _claim(database: Database, experiment: int) -> float:
    def claim() -> None:
        with database.writing() as connection:
            due = queue.due(connection, (experiment, "claims"), NOW, CLAIM)
            queue.begin(connection, [one.id for one in due], "bench", NOW)

    return processor_time(claim)


def _resident() -> int:
    """This process's memory now, where the system tells it; the most that it ever had elsewhere."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    print(json.dumps(imported(Path(sys.argv[1]), int(sys.argv[2]))))  # noqa: T201
