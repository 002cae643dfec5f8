"""The workspace and the time of a command."""

from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.workspace import Workspace

_before: ContextVar[str | None] = ContextVar("database", default=None)


def remember(database: str | None) -> None:
    """Keep what `--database` said before the command."""
    _before.set(database)


def opened(
    database: str | None = None, *, start: Path | None = None, create: bool = True, seed: int | None = None
) -> "Workspace":
    """The workspace of a command; `--database` after the command wins over the one before it.

    Its database is made when it is absent, unless `create` is false: then DatabaseError says that there is none.
    """
    from engine.settings import Settings
    from engine.workspace import Workspace

    return Workspace(Settings.read(database or _before.get()), start, create=create, seed=seed)


def clock() -> datetime:
    """The time."""
    return datetime.now(UTC)
