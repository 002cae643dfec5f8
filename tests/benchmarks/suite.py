"""Every benchmark, at the sizes of a full run or of a smoke test."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import analysis, campaign, dispatching, ingest, people, scripts, servers
from tests.benchmarks.measuring import Measured


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each benchmark does. `per_arm` are people in each of sixteen arms; `served` are called on PostgreSQL;
    `with_peers` asks other programs too, which are installed for it."""

    per_arm: int
    imports: tuple[int, ...]
    assigned: int
    queues: tuple[int, ...]
    repeats: int
    looks: int
    rows: int
    files: tuple[int, ...]
    renders: int
    webhooks: int
    called: int
    served: int
    due: int
    with_peers: bool = False


FULL = Sizes(
    2_250,
    (10_000, 100_000, 1_000_000),
    300_000,
    (10_000, 100_000, 1_000_000),
    20,
    80,
    1_000_000,
    (100_000, 1_000_000, 10_000_000),
    50_000,
    5_000,
    20_000,
    10_000,
    2_000,
    with_peers=True,
)
TINY = Sizes(8, (100, 200), 500, (300, 600), 1, 3, 300, (300, 600), 20, 40, 60, 60, 20)


def run(folder: Path, sizes: Sizes) -> Iterator[Measured]:
    """Every benchmark's lines, as they come."""
    benchmarks: tuple[Callable[[], list[Measured]], ...] = (
        lambda: scripts.rendering(sizes.renders),
        lambda: analysis.tallies(sizes.repeats, sizes.with_peers),
        lambda: analysis.look(sizes.looks),
        lambda: analysis.file(folder / "files", sizes.rows, sizes.with_peers),
        lambda: analysis.files(folder / "larger", sizes.files, sizes.with_peers),
        lambda: people.assignment(sizes.assigned),
        lambda: people.imports(folder, sizes.imports),
        lambda: people.claims(folder / "claims", sizes.queues),
        lambda: dispatching.whole_calls(folder / "dispatch", sizes.called, sizes.with_peers),
        lambda: dispatching.latency(folder / "latency", sizes.due),
        lambda: servers.whole_calls(folder / "servers", sizes.served, sizes.with_peers),
        lambda: ingest.ingest(folder / "webhooks", sizes.webhooks),
        lambda: campaign.campaign(folder / "campaign", sizes.per_arm),
    )
    for benchmark in benchmarks:
        yield from benchmark()
