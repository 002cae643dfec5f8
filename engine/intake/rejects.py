"""What a file holds that cannot be used: its line, the reason, the cure, and the row to correct.

A rejects file holds whole rows of the user's own data, so that they can be corrected and imported
again; it is readable by its owner alone. Reasons and cures never hold a phone number.
"""

import csv
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import UnreadableFile
from engine.intake.tables import safe_cell


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be used. `line` counts from 1 (a Parquet file's rows have no header line)."""

    line: int
    reason: str
    cure: str
    values: tuple[str, ...] = ()


def write_rejects(path: Path, columns: Sequence[str], rejects: Iterable[Reject]) -> int:
    """Write rejects as CSV: line, reason, cure, then the file's own columns; returns how many.

    The file (mode 0600) replaces what was there before. Rows with more cells than `columns` keep them at their end.
    """
    written = 0
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8-sig", newline="") as file:
            path.chmod(0o600)
            writer = csv.writer(file)
            writer.writerow(["line", "reason", "cure", *map(safe_cell, columns)])
            for reject in rejects:
                writer.writerow([reject.line, reject.reason, reject.cure, *map(safe_cell, reject.values)])
                written += 1
    except OSError as error:
        raise UnreadableFile(
            str(path), f"cannot be written ({error.strerror or 'unknown reason'})", "name a folder that can"
        ) from error
    return written
