"""What surrounds an experiment file and may be named in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel


def _no_columns(path: Path) -> None:
    return None


def _no_settings(adapter: str) -> None:
    return None


def _no_providers(adapter: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The names that a file may use; None where they are not known, and so not checked.

    `columns` gives the header of a contact file, None when the file is not there. `folders` are where
    the file's paths are looked for, after its own folder. `settings` gives what an adapter says of its settings: a
    model of them, or their names; None when it says nothing. `bound_by` gives the providers whose calling rules bind
    an adapter.
    """

    scripts: frozenset[str] | None = None
    sms: frozenset[str] | None = None
    voices: frozenset[str] | None = None
    adapters: frozenset[str] | None = None
    columns: Callable[[Path], tuple[str, ...] | None] = _no_columns
    folders: tuple[Path, ...] = ()
    settings: Callable[[str], type[BaseModel] | Iterable[str] | None] = _no_settings
    bound_by: Callable[[str], tuple[str, ...]] = _no_providers
