"""Tables out: CSV that no spreadsheet runs, Parquet with its types."""

import io
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UnreadableFile
from engine.intake.tables import plain_cell, safe_cell, write_table

ROWS = [
    ("c1", 1, 2.5, True, datetime(2026, 11, 23, 1, tzinfo=UTC), date(2026, 11, 23), None, "=cmd()"),
    ("客户", 2, 3, False, None, None, None, "+8613800000001"),
]
COLUMNS = ["key", "n", "x", "yes", "at", "day", "nothing", "note"]


def test_csv_is_what_a_spreadsheet_reads(tmp_path: Path) -> None:
    """CSV has a byte order mark, times in ISO, and no cell that runs; a number with its + stays as it is."""
    path = tmp_path / "table.csv"

    assert write_table(path, COLUMNS, ROWS, "csv") == 2
    assert path.read_bytes().decode("utf-8-sig").splitlines() == [
        "key,n,x,yes,at,day,nothing,note",
        "c1,1,2.5,True,2026-11-23T01:00:00+00:00,2026-11-23,,'=cmd()",
        "客户,2,3,False,,,,+8613800000001",
    ]


def test_parquet_keeps_types(tmp_path: Path) -> None:
    """Parquet has the values as they were, formulas included, with whole and broken numbers in one type."""
    path = tmp_path / "table.parquet"

    assert write_table(path, COLUMNS, ROWS, "parquet") == 2
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        read = engine.execute(f'SELECT * EXCLUDE ("at"), epoch("at") FROM read_parquet(\'{path}\')').fetchall()
    assert read == [
        ("c1", 1, 2.5, True, date(2026, 11, 23), None, "=cmd()", 1795395600.0),
        ("客户", 2, 3.0, False, None, None, "+8613800000001", None),
    ]


def test_a_stream_takes_either_format_and_stays_open() -> None:
    """A stream gets the same bytes as a file and is left open for more."""
    for format_, start in (("csv", b"\xef\xbb\xbfkey"), ("parquet", b"PAR1")):
        stream = io.BytesIO()
        write_table(stream, COLUMNS, iter(ROWS), format_)  # type: ignore[arg-type]
        assert stream.getvalue().startswith(start)


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_many_rows_and_no_rows_are_tables(tmp_path: Path, format_: str) -> None:
    """Rows beyond one batch are all written; a table of no rows has its columns."""
    path = tmp_path / "table"
    assert write_table(path, ["a", "b"], ((i, f"v{i}") for i in range(25_000)), format_) == 25_000  # type: ignore[arg-type]
    with duckdb.connect() as engine:
        query = f"SELECT count(*), sum(a), max(b) FROM read_{format_}('{path}')"
        assert engine.execute(query).fetchall() == [(25_000, 312_487_500, "v9999")]
    assert write_table(path, ["a", "b"], [], format_) == 0  # type: ignore[arg-type]


def test_a_column_that_changes_its_type_is_told(tmp_path: Path) -> None:
    """Words below ten thousand numbers are an error; mixed from the start they are text."""
    with pytest.raises(ValueError, match="another type"):
        write_table(tmp_path / "t", ["a"], [*([i] for i in range(10_000)), ["word"]], "parquet")
    assert write_table(tmp_path / "t", ["a"], [[1], ["word"]], "parquet") == 2


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A missing folder is an error with a cure."""
    with pytest.raises(UnreadableFile, match="cannot be written"):
        write_table(tmp_path / "none" / "t.csv", ["a"], [], "csv")


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2+3", "@sum", "\tx", "\rx", "=", "-"])
def test_formulas_are_made_harmless(cell: str) -> None:
    """Every start of a formula is hidden behind an apostrophe, and comes back."""
    assert safe_cell(cell) == f"'{cell}"
    assert plain_cell(f"'{cell}") == cell


@pytest.mark.parametrize("cell", ["-1.5", "+8613800000001", "-1e-5", "plain", "", "'quoted", 5, -2.0, None])
def test_numbers_and_words_stay(cell: object) -> None:
    """What no spreadsheet runs is written as it is."""
    assert safe_cell(cell) == cell


@given(st.text())
def test_no_text_is_lost(text: str) -> None:
    """Protected cells come back as they were, but for those that looked protected before."""
    protected = safe_cell(text)
    assert isinstance(protected, str)
    if plain_cell(text) == text:
        assert plain_cell(protected) == text
