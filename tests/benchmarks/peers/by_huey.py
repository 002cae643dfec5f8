# /// script
# requires-python = ">=3.11"
# dependencies = ["huey==3.5.4"]
# ///
"""huey on SQLite, with jobs that do nothing: what a queue alone takes."""

import json
import sys
import time

from huey import SqliteHuey


def drained(path: str, jobs: int) -> float:
    """Processor seconds until every job was claimed and run."""
    queue = SqliteHuey(filename=path)

    @queue.task()
    def nothing() -> None:
        pass

    for _ in range(jobs):
        nothing()
    begun = time.process_time()
    while (task := queue.dequeue()) is not None:
        queue.execute(task)
    return time.process_time() - begun


asked = json.load(sys.stdin)
print(json.dumps({name: drained(one["path"], one["jobs"]) for name, one in asked.items()}))  # noqa: T201
