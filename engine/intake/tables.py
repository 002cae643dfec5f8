"""Whole columns at once: the analytic engine that reads Parquet, and tables written as CSV or Parquet.

A cell that a spreadsheet would run as a formula is written with an apostrophe before it, which
spreadsheets hide and `plain_cell` takes away again.
"""

# ruff: noqa: S608 -- every name and text in a query went through `identifier` or `literal`

import csv
import io
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

import duckdb
import numpy as np

from engine.errors import UnreadableFile

BATCH = 10_000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "BOOLEAN"),
    (int, "BIGINT"),
    (float, "DOUBLE"),
    (datetime, "TIMESTAMPTZ"),
    (date, "DATE"),
)


def connect() -> duckdb.DuckDBPyConnection:
    """An analytic engine in memory that fetches nothing from the network; its clock is UTC."""
    engine = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    engine.execute("SET TimeZone = 'UTC'")
    return engine


def identifier(name: str) -> str:
    """A column's name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """A file's path as SQL writes it, with nothing in it taken for a pattern."""
    return literal(re.sub(r"[\[*?]", lambda match: f"[{match[0]}]", str(path.resolve())))


def parquet_types(path: Path, engine: duckdb.DuckDBPyConnection | None = None) -> dict[str, str]:
    """A Parquet file's columns and the SQL types of their values, as `engine` or one of its own sees them.

    Raises UnreadableFile.
    """
    if engine is None:
        with connect() as own:
            return parquet_types(path, own)
    try:
        described = engine.execute(f"DESCRIBE SELECT * FROM read_parquet({file_literal(path)})").fetchall()
    except duckdb.Error as error:
        raise _broken(path) from error
    return {name: kind for name, kind, *_ in described}


def parquet_rows(path: Path) -> int:
    """How many rows a Parquet file says that it has; raises UnreadableFile."""
    try:
        with connect() as engine:
            found = engine.execute(f"SELECT count(*) FROM read_parquet({file_literal(path)})").fetchone()
    except duckdb.Error as error:
        raise _broken(path) from error
    return int(found[0]) if found else 0


def parquet_batches(path: Path, size: int) -> Iterator[list[tuple[str | None, ...]]]:
    """A Parquet file's rows as text, `size` at a time, in the file's order; raises UnreadableFile."""
    try:
        with connect() as engine:
            engine.execute("SET threads = 1")
            result = engine.execute(f"SELECT COLUMNS(*)::VARCHAR FROM read_parquet({file_literal(path)})")
            while rows := result.fetchmany(size):
                yield rows
    except duckdb.Error as error:
        raise _broken(path) from error


def _broken(path: Path) -> UnreadableFile:
    return UnreadableFile(str(path), "is no whole Parquet file", "write it again, or save it as CSV UTF-8")


def safe_cell(value: object) -> object:
    """A CSV cell that no spreadsheet runs: text that begins as a formula does gets an apostrophe; numbers stay."""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(value):
        return "'" + value
    return value


def plain_cell(value: str) -> str:
    """What was written before `safe_cell` protected it."""
    return value[1:] if value.startswith("'") and value[1:].startswith(_FORMULA_STARTS) else value


def write_table(
    target: Path | IO[bytes],
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    format: Literal["csv", "parquet"],  # noqa: A002
) -> int:
    """Write rows under `columns` to a file or a stream of bytes; returns how many rows were written.

    CSV is UTF-8 with a byte order mark; formulas are made harmless. A Parquet column has the type of its
    values in the first 10,000 rows (mixed ones are text); a later value of another type raises ValueError.
    """
    write = _write_csv if format == "csv" else _write_parquet
    if not isinstance(target, Path):
        return write(target, columns, rows)
    try:
        with target.open("wb") as stream:
            return write(stream, columns, rows)
    except OSError as error:
        raise UnreadableFile(
            str(target), f"cannot be written ({error.strerror or 'unknown reason'})", "name a folder that can"
        ) from error


def _write_csv(stream: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="", write_through=False)
    writer = csv.writer(text)
    writer.writerow([safe_cell(column) for column in columns])
    count = 0
    for row in rows:
        writer.writerow([safe_cell(_written(value)) for value in row])
        count += 1
    text.flush()
    text.detach()
    return count


def _written(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _write_parquet(stream: IO[bytes], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    source = iter(rows)
    batch = list(islice(source, BATCH))
    types = [_type([row[place] for row in batch]) for place in range(len(columns))]
    declared = ", ".join(f"{identifier(name)} {kind}" for name, kind in zip(columns, types, strict=True))
    count = 0
    with tempfile.TemporaryDirectory() as folder, connect() as engine:
        engine.execute(f"SET temp_directory = {literal(folder)}")
        engine.execute("SET memory_limit = '256MB'")
        engine.execute(f"CREATE TABLE written ({declared})")
        while batch:
            _insert(engine, types, batch)
            count += len(batch)
            batch = list(islice(source, BATCH))
        file = Path(folder) / "table.parquet"
        engine.execute(f"COPY written TO {literal(str(file))} (FORMAT parquet, COMPRESSION zstd)")
        with file.open("rb") as written:
            shutil.copyfileobj(written, stream)
    return count


def _insert(engine: duckdb.DuckDBPyConnection, types: list[str], batch: list[Sequence[object]]) -> None:
    arrays: dict[str, Any] = {}
    for place, kind in enumerate(types):
        cells = [row[place] for row in batch]
        if kind == "VARCHAR":
            cells = [None if cell is None else str(_written(cell)) for cell in cells]
        arrays[f"c{place}"] = np.array([*cells, None], dtype=object)[:-1]
    engine.register("arriving", arrays)
    try:
        engine.execute("INSERT INTO written SELECT * FROM arriving")
    except duckdb.Error as error:
        raise ValueError("a column's later values are of another type than its first") from error
    finally:
        engine.unregister("arriving")


def _type(cells: list[object]) -> str:
    """The SQL type that holds every cell: the numbers' own, DOUBLE for whole and broken ones, else text."""
    kinds = {
        next((sql for kind, sql in _TYPES if isinstance(cell, kind)), "VARCHAR") for cell in cells if cell is not None
    }
    if kinds == {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    return kinds.pop() if len(kinds) == 1 else "VARCHAR"
