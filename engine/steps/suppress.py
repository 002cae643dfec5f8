"""The suppression list: numbers that are never called, whatever an experiment says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.errors import InputError, NotFound, Problem, ProblemsFound, did_you_mean
from engine.intake.phones import Number, normalize_all
from engine.intake.rejects import Reject, write_rejects
from engine.intake.rows import Progress, open_rows
from engine.regions import rulebook
from engine.store import cancellations, records, suppressions
from engine.store.suppressions import Why
from engine.workspace import Workspace


def add(
    workspace: Workspace,
    phones: Sequence[str],
    reason: str,
    source: str,
    now: datetime,
    *,
    region: str = "CN",
    who: str = "command line",
) -> int:
    """Never call these numbers again, and cancel what is planned for them; returns how many were new.

    Raises InputError when one of them is not a number, before anything is written.
    """
    numbers = numbers_of(phones, region)
    with workspace.database.writing() as connection:
        added = suppressions.add(connection, numbers, reason, source, now)
        cancellations.cancel_and_refuse_phones(connection, numbers, "suppressed", now)
        records.audit(connection, now, who, "suppress", f"{added} numbers", reason)
    return added


def remove(
    workspace: Workspace,
    phones: Sequence[str],
    now: datetime,
    *,
    reason: str = "",
    region: str = "CN",
    who: str = "command line",
) -> int:
    """Take numbers off the list; returns how many were on it. What was canceled stays canceled."""
    numbers = numbers_of(phones, region)
    with workspace.database.writing() as connection:
        removed = suppressions.remove(connection, numbers)
        records.audit(connection, now, who, "unsuppress", f"{removed} numbers", reason)
    return removed


def check(workspace: Workspace, phone: str, now: datetime, *, region: str = "CN") -> bool:
    """Whether a number is on the list at `now`; raises InputError when it is not a number."""
    with workspace.database.reading() as connection:
        return suppressions.contains(connection, numbers_of([phone], region)[0], now)


def listing(workspace: Workspace, limit: int, offset: int = 0) -> list[Any]:
    """The list, newest first."""
    with workspace.database.reading() as connection:
        return list(suppressions.listing(connection, limit, offset))


def numbers_of(phones: Iterable[str], region: str) -> list[str]:
    """E.164 numbers; raises InputError that names the place of the first that is none, not the number."""
    numbers = []
    for place, number in enumerate(normalize_all(phones, region), start=1):
        if not isinstance(number, Number):
            raise InputError(f"number {place} cannot be called: {number.reason}; {number.cure}")
        numbers.append(number.e164)
    return numbers


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file came to. `rejects` is the file with the rows that hold no number that can be called."""

    read: int
    new: int
    rejected: int
    rejects: Path | None


def import_file(
    workspace: Workspace,
    path: Path,
    column: str,
    reason: str,
    now: datetime,
    *,
    region: str = "CN",
    who: str = "command line",
    progress: Progress | None = None,
    national: str = "",
    replace: bool = False,
) -> Imported:
    """Never call the numbers of this column again; raises ProblemsFound when the file lacks it.

    With `national` the file is an import of that national do-not-call list, which regions ask for by this name;
    with `replace` it is the whole of it, and numbers that it no longer has come off. Raises NotFound for a name that
    no region asks for.
    """
    if national:
        known = sorted({one.name for row in rulebook().rows for one in row.lists})
        if national not in known:
            raise NotFound("national list", national, known)
    rows = open_rows(path)
    if column not in rows.columns:
        text = f"there is no column {column!r}{did_you_mean(column, rows.columns)}"
        raise ProblemsFound([Problem(str(path), 1, 0, text)])
    place = rows.columns.index(column)
    read = new = 0
    rejects: list[Reject] = []
    kind, source = (Why.NATIONAL, national) if national else (Why.INTERNAL, f"file {path.name}")
    if national and replace:
        with workspace.database.writing() as connection:
            suppressions.forget_list(connection, national)
    for batch in rows.batches(progress=progress):
        numbers = normalize_all((values[place] for _, values in batch.rows), region)
        read += len(batch.rows) + len(batch.rejects)
        rejects += batch.rejects
        rejects += [
            Reject(line, number.reason, number.cure, values)
            for (line, values), number in zip(batch.rows, numbers, strict=True)
            if not isinstance(number, Number)
        ]
        good = [number.e164 for number in numbers if isinstance(number, Number)]
        with workspace.database.writing() as connection:
            new += suppressions.add(connection, good, reason, source, now, kind=kind)
            cancellations.cancel_and_refuse_phones(connection, good, "suppressed", now)
    with workspace.database.writing() as connection:
        if national:
            suppressions.note_import(connection, national, read - len(rejects), path.name, now)
        records.audit(connection, now, who, "suppress", f"{new} numbers of {path.name}", reason)
    kept = (workspace.database.path or path).with_name(f"{path.stem}.rejects.csv")
    if rejects:
        write_rejects(kept, rows.columns, rejects)
    return Imported(read, new, len(rejects), kept if rejects else None)


def everything(workspace: Workspace) -> Iterator[suppressions.Suppression]:
    """The whole list, by number, without holding it all."""
    with workspace.database.reading() as connection:
        yield from suppressions.export(connection)
