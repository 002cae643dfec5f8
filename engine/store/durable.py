"""What is committed, on the disk: an answer of 200 outlives a loss of power.

SQLite's write-ahead log is written at each commit and forced to the disk later. Whoever promises somebody else
that a fact is kept forces it at once; the promise of many facts costs one force.
"""

import os
from contextlib import suppress

from engine.store.database import Database


def flush(database: Database) -> None:
    """Force what is committed to the disk. A server such as PostgreSQL does so by itself at each commit."""
    if database.path is None:
        return
    # No log means that everything is in the main file, which a checkpoint has forced already.
    with suppress(FileNotFoundError):
        log = os.open(f"{database.path}-wal", os.O_RDONLY)
        try:
            os.fsync(log)
        finally:
            os.close(log)
