"""Run every benchmark, print the table, and write `benchmarks.json`."""

import json
import platform
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.suite import FULL, run

WRITTEN = Path("benchmarks.json")


def main() -> None:
    """Measure in processor time, in a folder that is deleted afterwards."""
    console = Console(width=170)
    table = Table(title="Ringlab, processor time")
    for heading in ("benchmark", "measured", "unit", "limit here", "ours / limit", "best peer", "peer / ours"):
        table.add_column(heading, no_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for line in run(Path(folder), FULL):
            found.append(line)
            console.print(f"[dim]{line.name}: {line.value:,.6g} {line.unit}")
    for line in found:
        limit = f"{line.limit:,.4g} ({line.limit_is})" if line.limit else ""
        ratio = f"{line.ratio:.2f}" if line.ratio else ""
        peer = f"{line.peers[line.best_peer]:,.4g} ({line.best_peer})" if line.best_peer else ""
        ahead = f"{line.ahead:,.1f}" if line.ahead else ""
        table.add_row(line.name, f"{line.value:,.4g}", line.unit, limit, ratio, peer, ahead)
    console.print(table)
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    WRITTEN.write_text(
        json.dumps(
            {"schema": "ringlab.benchmarks/1", **machine, "lines": [line.as_json() for line in found]}, indent=1
        ),
        encoding="utf-8",
    )


main()
