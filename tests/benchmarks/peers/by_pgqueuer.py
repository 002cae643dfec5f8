# /// script
# requires-python = ">=3.11"
# dependencies = ["pgqueuer==1.6.0", "asyncpg"]
# ///
"""pgqueuer, with jobs that do nothing: what a queue alone takes on the same server."""

import asyncio
import json
import sys
import time
from datetime import timedelta

import asyncpg
from pgqueuer import AsyncpgDriver, Job, PgQueuer, Queries
from pgqueuer.types import QueueExecutionMode

PART, BATCH = 1_000, 100


async def drained(url: str, jobs: int) -> float:
    """Seconds until every job was claimed, run and written as done."""
    connection = await asyncpg.connect(url)
    driver = AsyncpgDriver(connection)
    queue, queries = PgQueuer(driver), Queries(driver)
    await queries.install()

    @queue.entrypoint("nothing")
    async def nothing(job: Job) -> None:
        pass

    for first in range(0, jobs, PART):
        some = min(PART, jobs - first)
        await queries.enqueue(["nothing"] * some, [None] * some, [0] * some)
    begun = time.perf_counter()
    await queue.run(dequeue_timeout=timedelta(seconds=0.2), batch_size=BATCH, mode=QueueExecutionMode.drain)
    taken = time.perf_counter() - begun
    await connection.close()
    return taken


asked = json.load(sys.stdin)
print(json.dumps({name: asyncio.run(drained(one["url"], one["jobs"])) for name, one in asked.items()}))  # noqa: T201
