"""Other programs, asked the same as ours in the same run.

Each is a script with an environment of its own, which `uv run` makes: the product needs none of them, and no two of
them can be installed together.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Measured

HERE = Path(__file__).parent
UV = Path(sys.executable).with_name("uv")
PEERS = {
    "gbstats": "by_gbstats.py", "tea-tasting": "by_tea_tasting.py", "Confidence": "by_confidence.py",
    "huey": "by_huey.py", "pgqueuer": "by_pgqueuer.py",
}  # fmt: skip
ANALYSTS = ("gbstats", "tea-tasting", "Confidence")


def ask(peer: str, questions: Mapping[str, Any]) -> dict[str, float]:
    """Question → processor seconds; raises RuntimeError for a peer that cannot be installed or asked here."""
    command = [str(UV), "run", "--quiet", "--no-project", "--system-certs", "--script", str(HERE / PEERS[peer])]
    environment = os.environ | {"PYTHONPATH": str(HERE.parents[2]), "PYTHONWARNINGS": "ignore"}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(
        command, input=json.dumps(questions), capture_output=True, check=False, text=True, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"{peer} was not asked: {done.stderr.strip().splitlines()[-1:]}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def beside(
    lines: Sequence[Measured],
    questions: Mapping[str, Any],
    said: Callable[[float], float],
    asked: Sequence[str] = ANALYSTS,
) -> list[Measured]:
    """Each line with what the peers took for the question of its name; `said` puts seconds in the line's unit.

    A peer that cannot be asked here is left out, and the reason is printed.
    """
    found: dict[str, dict[str, float]] = {line.name: {} for line in lines}
    for peer in asked:
        try:
            told = ask(peer, questions)
        except (RuntimeError, OSError) as reason:
            print(reason)  # noqa: T201
            continue
        for name, seconds in told.items():
            found[name][peer] = said(seconds)
    return [replace(line, peers=found[line.name]) for line in lines]
