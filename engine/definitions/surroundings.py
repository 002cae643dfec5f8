"""What surrounds an experiment file and may be named in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


def _no_columns(path: Path) -> None:
    return None


def _no_providers(adapter: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The names that a file may use; None where they are not known, and so not checked.

    `columns` gives the header of a contact file, None when the file is not there. `folders` are where
    the file's paths are looked for, after its own folder. `bound_by` gives the providers whose calling rules
    bind an adapter.
    """

    scripts: frozenset[str] | None = None
    sms: frozenset[str] | None = None
    voices: frozenset[str] | None = None
    adapters: frozenset[str] | None = None
    columns: Callable[[Path], tuple[str, ...] | None] = _no_columns
    folders: tuple[Path, ...] = ()
    bound_by: Callable[[str], tuple[str, ...]] = _no_providers
