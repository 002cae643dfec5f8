"""Commands as tests give them, and small workspaces to give them in."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.cli.ending import run


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is JSON and nothing else."""
        return json.loads(self.out)


def ringlab(*words: str, stdin: str = "") -> Said:
    """Give a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "stdin", io.StringIO(stdin)):
        status = run(words)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return Said(status, *texts)


def make_workspace(folder: Path, people: int = 300) -> Path:
    """A workspace as `init` makes it, with fewer people; returns its experiment file."""
    assert ringlab("init", str(folder)).status == 0
    experiment = folder / "experiments" / "gift-first.yaml"
    text = experiment.read_text(encoding="utf-8")
    text = text.replace("size: {lift: 5pt, power: 80%}", f"size: {{contacts_per_arm: {people // 2}}}")
    text = text.replace("{smallest_useful_lift: 3pt}", "{smallest_useful_lift: 3pt, method: fixed}")
    experiment.write_text(text, encoding="utf-8")
    contacts = folder / "experiments" / "contacts.csv"
    lines = contacts.read_text(encoding="utf-8").splitlines(keepends=True)
    contacts.write_text("".join(lines[: people + 1]), encoding="utf-8")
    return experiment
