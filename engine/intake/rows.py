"""Any CSV or Parquet file as batches of rows, in memory that does not grow with the file.

A row that cannot be read is a reject with its line, not the end of the file: cells missing or left over,
a quote that never closes, bytes that are no text. Blank lines are passed over.
"""

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import UnreadableFile
from engine.intake.files import UNREADABLE_CHARACTER, FileShape, examine, open_text
from engine.intake.rejects import Reject
from engine.intake.tables import parquet_batches, parquet_rows, plain_cell

if TYPE_CHECKING:
    import _csv

Row = tuple[int, tuple[str, ...]]
Progress = Callable[[int, int], None]  # how much is done, and of how much: bytes of a CSV, rows of a Parquet file

_NOT_TEXT = Reject(0, "the row holds bytes that are no text in the file's encoding", "save the file as CSV UTF-8")


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Rows that could be read, as (line, values), and rejects. Values are text without surrounding blanks."""

    rows: list[Row]
    rejects: list[Reject]


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file that is known to be readable. `total` counts bytes of a CSV, rows of a Parquet file."""

    shape: FileShape
    total: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names, in the file's order, each once."""
        return self.shape.columns

    def batches(self, size: int = 10_000, progress: Progress | None = None) -> Iterator[RowBatch]:
        """The rows, `size` lines of the file at a time; `progress` hears of every batch read.

        A CSV's line counts from 1 with the header on a line of its own; a Parquet file's rows count from 1.
        Raises UnreadableFile when the file breaks off or is taken away while it is read.
        """
        read = _read_parquet(self.shape, size) if self.shape.format == "parquet" else _read_csv(self.shape, size)
        try:
            for done, batch in read:
                yield batch
                if progress is not None:
                    progress(done, self.total)
        except OSError as error:
            raise UnreadableFile(
                str(self.shape.path), "could not be read to its end", "check the disk it is on"
            ) from error


def open_rows(path: Path) -> RowFile:
    """The CSV or Parquet file at `path`, ready to be read; raises UnreadableFile as `examine` does."""
    shape = examine(path)
    return RowFile(shape, parquet_rows(path) if shape.format == "parquet" else shape.size)


def _read_parquet(shape: FileShape, size: int) -> Iterator[tuple[int, RowBatch]]:
    line = 0
    for values in parquet_batches(shape.path, size):
        rows = [
            (place, tuple(["" if value is None else value.strip() for value in row]))
            for place, row in enumerate(values, start=line + 1)
        ]
        line += len(rows)
        yield line, RowBatch(rows, [])


def _read_csv(shape: FileShape, size: int) -> Iterator[tuple[int, RowBatch]]:
    with open_text(shape) as text:
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=shape.delimiter, strict=True)
        for _ in range(shape.header + 1):
            next(reader)
        lines.marked = False
        batch = RowBatch([], [])
        width, started = len(shape.columns), reader.line_num
        for line, cells in _records(reader):
            if isinstance(cells, Reject):
                batch.rejects.append(cells)
                continue
            values = tuple(map(str.strip, cells))
            if len(values) == width and values[0] and not lines.marked:
                batch.rows.append((line, values))
            else:
                _sort_in(batch, line, values, shape, lines.marked)
                lines.marked = False
            if line - started >= size:
                started = line
                yield os.lseek(text.fileno(), 0, os.SEEK_CUR), batch
                batch = RowBatch([], [])
        if batch.rows or batch.rejects:
            yield shape.size, batch


class _Lines:
    """A file's lines; `marked` is set when one holds what asks for a closer look at its row."""

    def __init__(self, text: Iterator[str]) -> None:
        self.text = text
        self.marked = False

    def __iter__(self) -> Iterator[str]:
        for line in self.text:
            if "'" in line or "\0" in line or UNREADABLE_CHARACTER in line:
                self.marked = True
            yield line


def _records(reader: "_csv.Reader") -> Iterator[tuple[int, list[str] | Reject]]:
    """Every record's first line, with its cells or why there are none; a blank line has no cells."""
    while True:
        first = reader.line_num + 1
        try:
            yield first, next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield first, _unquoted(first, reader.line_num)


def _unquoted(first: int, last: int) -> Reject:
    where = f"lines {first} to {last} were" if last > first else "the row was"
    return Reject(
        first,
        f"a quote does not close where its cell ends, or a cell is too long: {where} not read",
        'double a quote that belongs to the text (""), and put quotes around its cell',
    )


def _sort_in(batch: RowBatch, line: int, values: tuple[str, ...], shape: FileShape, marked: bool) -> None:
    """Put one record where it belongs: among the rows, among the rejects, or nowhere when it is blank."""
    if marked:
        values = tuple(map(plain_cell, values))
        if any("\0" in value or UNREADABLE_CHARACTER in value for value in values):
            batch.rejects.append(Reject(line, _NOT_TEXT.reason, _NOT_TEXT.cure, values))
            return
    width = len(shape.columns)
    if len(values) > width and not any(values[width:]):
        values = values[:width]
    if len(values) == width and any(values):
        batch.rows.append((line, values))
    elif any(values):
        batch.rejects.append(
            Reject(
                line,
                f"the row has {len(values)} cells, the header {width}",
                "give every row as many cells as the header, with quotes around a cell that holds "
                f"{_NAMES.get(shape.delimiter, shape.delimiter)}",
                values,
            )
        )


_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
