"""A call log as a table that the analytic engine can ask: CSV in any encoding, or Parquet."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from engine.errors import UnreadableFile
from engine.intake.files import SAVE_AS_CSV, FileShape, examine, open_text
from engine.intake.tables import connect, file_literal, identifier, literal

MEMORY = "256MB"
"""What the engine may hold; contacts beyond it wait on disk."""
MOST_THREADS = 16
"""Each thread holds a part of the file: more of them would not fit."""
_LINE = re.compile(r"CSV Error on Line: (\d+)")


@dataclass(frozen=True, slots=True)
class LogFile:
    """A call log opened in the engine; `source` is what SQL selects from."""

    shape: FileShape
    engine: duckdb.DuckDBPyConnection
    source: str

    def cell(self, column: str) -> tuple[str, str]:
        """A column as SQL names it, and the type of its values. CSV columns are named by place: SQL ignores case."""
        place = self.shape.columns.index(column)
        if self.shape.format == "parquet":
            return identifier(column), self.shape.types[place]
        return f"c{place}", "VARCHAR"

    def first(self, query: str) -> tuple[Any, ...]:
        """The first row of an answer; raises UnreadableFile."""
        try:
            row = self.engine.execute(query).fetchone()
        except duckdb.Error as error:
            raise self.unreadable(error) from error
        assert row is not None
        return row

    def unreadable(self, error: duckdb.Error) -> UnreadableFile:
        """What to tell of an engine's error: its line at most, for its text quotes the file."""
        if line := _LINE.search(str(error)):
            return UnreadableFile(
                str(self.shape.path),
                f"line {line[1]} cannot be read: its cells are not those of the header, its quotes do not close, "
                "or it is no text",
                "correct the line; quotes go around a cell that holds the delimiter",
            )
        return UnreadableFile(str(self.shape.path), "cannot be read to its end", SAVE_AS_CSV)


@contextmanager
def open_log(path: Path) -> Iterator[LogFile]:
    """The call log at `path` for as long as it is asked; raises UnreadableFile as `examine` does.

    A file that is not UTF-8 is read through a UTF-8 copy that only its owner can read and that is then deleted.
    """
    with connect() as engine, tempfile.TemporaryDirectory() as folder:
        shape = examine(path, engine)
        engine.execute(f"SET temp_directory = {literal(folder)}")
        _bound(engine)
        if shape.format == "parquet":
            yield LogFile(shape, engine, f"read_parquet({file_literal(path)})")
            return
        readable = path
        if not shape.encoding.startswith("utf-8"):
            readable = Path(folder) / "log.csv"
            with open_text(shape) as text, readable.open("w", encoding="utf-8", newline="") as copy:
                shutil.copyfileobj(text, copy)
        yield LogFile(shape, engine, _csv_source(shape, readable))


def _bound(engine: duckdb.DuckDBPyConnection) -> None:
    engine.execute(f"SET memory_limit = '{MEMORY}'")
    row = engine.execute("SELECT current_setting('threads')").fetchone()
    if row and int(row[0]) > MOST_THREADS:
        engine.execute(f"SET threads = {MOST_THREADS}")


def _csv_source(shape: FileShape, path: Path) -> str:
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(shape.width))
    return (
        f"read_csv({file_literal(path)}, columns = {{{columns}}}, auto_detect = false, header = true, "
        f"skip = {shape.header}, delim = {literal(shape.delimiter)}, quote = '\"', escape = '\"', "
        "strict_mode = true, compression = 'none')"
    )
