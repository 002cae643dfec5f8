"""What can be read of a file, and what is told of the rest."""

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UnreadableFile
from engine.intake.files import examine
from engine.intake.rejects import Reject
from engine.intake.rows import open_rows
from tests.intake.makers import make_file, make_parquet


def rows_of(path: Path, size: int = 10_000) -> tuple[list[tuple[int, tuple[str, ...]]], list[Reject]]:
    rows, rejects = [], []
    for batch in open_rows(path).batches(size):
        rows += batch.rows
        rejects += batch.rejects
    return rows, rejects


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_delimiters_and_line_ends_are_recognized(
    tmp_path: Path, encoding: str, delimiter: str, end: str
) -> None:
    """One table reads the same in every encoding, with every delimiter, from every system."""
    lines = [["编号", "姓名", "备注"], ["1", "王小明", "你好"], ["2", "李雷", "x"]]
    text = end.join(delimiter.join(line) for line in lines) + end
    file = open_rows(make_file(tmp_path, text, encoding=encoding))

    assert file.columns == ("编号", "姓名", "备注")
    assert [row for batch in file.batches() for row in batch.rows] == [
        (2, ("1", "王小明", "你好")),
        (3, ("2", "李雷", "x")),
    ]


def test_utf16_without_little_end_first_is_read(tmp_path: Path) -> None:
    """UTF-16 reads in either byte order, by its mark."""
    content = b"\xfe\xff" + "a,b\n1,是\n".encode("utf-16-be")

    assert rows_of(make_file(tmp_path, content)) == ([(2, ("1", "是"))], [])


def test_chinese_late_in_the_file_decides_its_encoding(tmp_path: Path) -> None:
    """A file whose first megabyte is ASCII may still be GB18030."""
    text = "a,b\n" + "x,y\n" * 300_000 + "1,客户\n"

    rows, rejects = rows_of(make_file(tmp_path, text, encoding="gb18030"))

    assert rows[-1] == (300_002, ("1", "客户"))
    assert not rejects


def test_one_broken_character_costs_one_row(tmp_path: Path) -> None:
    """Bytes that are no text reject their row and no other."""
    content = "a,b\n1,客户甲\n2,客户乙客户\n".encode() + b"3,\xff\xfe\n" + "4,客户丙客户\n".encode()

    rows, rejects = rows_of(make_file(tmp_path, content))

    assert [line for line, _ in rows] == [2, 3, 5]
    assert [(reject.line, "no text" in reject.reason) for reject in rejects] == [(4, True)]


def test_quoted_line_ends_keep_the_line_numbers_true(tmp_path: Path) -> None:
    """A row's line is where it begins, however many lines its cells take."""
    path = make_file(tmp_path, 'a,b\n1,"x\ny\nz"\n\n2,"say ""hi"", please"\n')

    assert rows_of(path) == ([(2, ("1", "x\ny\nz")), (6, ("2", 'say "hi", please'))], [])


def test_ragged_rows_are_rejects(tmp_path: Path) -> None:
    """Too few or too many cells reject a row with its line; blank cells at the end are no cells."""
    rows, rejects = rows_of(make_file(tmp_path, "a,b,c\n1,2\n1,2,3\n1,2,3,4\n1,2,3,,\n,,\n"))

    assert [line for line, _ in rows] == [3, 5]
    assert [(reject.line, reject.reason) for reject in rejects] == [
        (2, "the row has 2 cells, the header 3"),
        (4, "the row has 4 cells, the header 3"),
    ]
    assert rejects[1].values == ("1", "2", "3", "4")
    assert "a comma" in rejects[0].cure


def test_a_quote_that_never_closes_names_the_lines_it_swallowed(tmp_path: Path) -> None:
    """Rows that a stray quote swallows are told of, never lost in silence."""
    rows, rejects = rows_of(make_file(tmp_path, 'a,b\n1,2\n3,"4\n5,6\n7,8\n'))

    assert rows == [(2, ("1", "2"))]
    assert [reject.line for reject in rejects] == [3]
    assert "lines 3 to 5" in rejects[0].reason


def test_a_cell_without_end_does_not_stop_the_file(tmp_path: Path) -> None:
    """A cell longer than any cell is a reject; reading goes on behind it."""
    rows, rejects = rows_of(make_file(tmp_path, f"a,b\n1,{'x' * 200_000}\n2,3\n"))

    assert rows == [(3, ("2", "3"))]
    assert [reject.line for reject in rejects] == [2]


def test_nul_bytes_late_in_a_file_reject_their_row(tmp_path: Path) -> None:
    """A row with a NUL byte is rejected."""
    text = "a,b\n" + "1,2\n" * 20_000 + "x\0,2\n3,4\n"

    rows, rejects = rows_of(make_file(tmp_path, text))

    assert [reject.line for reject in rejects] == [20_002]
    assert rows[-1][0] == 20_003


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\n \n\n", "blank lines"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "Excel workbook"),
        (b"\x1f\x8brest", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b"a\0,\0b\0\n\0", "NUL bytes"),
        (b"\xff\xd8\xff\xe0\x81\x10\xff\x9d\xff\xff", "neither UTF-8 nor GB18030"),
        (b"a,b,a\n1,2,3\n", "columns twice: a"),
        (b"a,13800000001\n1,2\n", "no header"),
        (b"1,+86 138 0000 0001,x\n", "no header"),
        (b'"a,b\n1,2\n', "no readable header"),
        (b"PAR1 and then nothing", "no whole Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_cure(tmp_path: Path, content: bytes, told: str) -> None:
    """Each way not to be a table has its sentence, with what to do, and without a number of the file."""
    with pytest.raises(UnreadableFile, match=told) as refused:
        open_rows(make_file(tmp_path, content))

    assert refused.value.cure
    assert "13800000001" not in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a missing file, a pipe and an impossible name are refused."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, told in [
        (tmp_path, "folder"),
        (tmp_path / "none.csv", "does not exist"),
        (pipe, "regular file"),
        (tmp_path / ("x" * 5000), "be looked up|does not exist"),
    ]:
        with pytest.raises(UnreadableFile, match=told):
            open_rows(path)


def test_a_declared_delimiter_and_nameless_columns_are_understood(tmp_path: Path) -> None:
    """`sep=;` is obeyed, leading blank lines are passed over, and a nameless column is named by its place."""
    file = open_rows(make_file(tmp_path, "sep=;\r\n\r\n;b,x;c;\r\n0;1;2;\r\n"))

    assert file.columns == ("column 1", "b,x", "c")
    assert [row for batch in file.batches() for row in batch.rows] == [(4, ("0", "1", "2"))]


def test_parquet_is_read_as_text_in_order(tmp_path: Path) -> None:
    """Parquet values come as text, NULL as nothing, rows in order from 1; odd file names are no patterns."""
    query = "SELECT i AS key, i + 13800000000.0::DOUBLE AS phone, NULL AS n, i % 2 = 0 AS even FROM range(25000) t(i)"
    path = make_parquet(tmp_path, query, "odd [1]*?.parquet")

    rows, rejects = rows_of(path, size=1_000)

    assert open_rows(path).total == 25_000
    assert not rejects
    assert rows[0] == (1, ("0", "13800000000.0", "", "true"))
    assert [line for line, _ in rows] == list(range(1, 25_001))


def test_progress_ends_where_the_file_ends(tmp_path: Path) -> None:
    """Progress never runs backwards and ends at the total."""
    for path in (
        make_file(tmp_path, "a,b\n" + "1,2\n" * 30_000),
        make_parquet(tmp_path, "SELECT * FROM range(30000)"),
    ):
        heard: list[tuple[int, int]] = []
        file = open_rows(path)
        for _ in file.batches(1_000, lambda done, total, heard=heard: heard.append((done, total))):  # type: ignore[misc]
            pass

        assert heard == sorted(heard)
        assert heard[-1] == (file.total, file.total)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Four times the rows take no more memory."""

    def peak(rows: int) -> int:
        path = make_file(tmp_path, "a,b,c\n" + "one,two,three\n" * rows)
        file = open_rows(path)
        tracemalloc.start()
        for _ in file.batches(500):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1_000)  # what is loaded once is no row's
    assert peak(40_000) < 1.5 * peak(10_000)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd\x1c\x1d\x1e\x1f\x85\u2028\u2029"), max_size=8)


@settings(deadline=None)
@given(st.lists(st.tuples(cells, cells, cells), max_size=8), st.sampled_from([",", ";", "\t", "|"]))
def test_what_a_csv_writer_wrote_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[str, str, str]], delimiter: str
) -> None:
    """Every table that the csv module writes is read back, but for blank rows and blanks around values."""
    import csv

    path = tmp_path_factory.mktemp("rows") / "table.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["first", "second", "third"])
        writer.writerows(table)
    stripped = [tuple(cell.strip() for cell in row) for row in table]

    rows, rejects = rows_of(path)

    assert examine(path).delimiter == delimiter
    assert not rejects
    expected = [row for row in stripped if any(row)]
    assert [tuple(cell.replace("\r\n", "\n") for cell in row) for _, row in rows] == [
        tuple(_plain(cell).replace("\r\n", "\n") for cell in row) for row in expected
    ]


def _plain(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:2] in {"=", "+", "-", "@", "\t", "\r"} and len(cell) > 1 else cell
