"""What an outside file is: CSV or Parquet, in which encoding, with which delimiter and columns.

UTF-8 and UTF-16 are recognized by their byte order mark. Without a mark a file is UTF-8 when it reads
as UTF-8, and otherwise GB18030 (which contains GBK and GB2312, what Chinese spreadsheets write).
A line `sep=;` before the header, which spreadsheets write and obey, is obeyed.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine.errors import UnreadableFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CHUNK = 1 << 20
SAMPLE = 1 << 16
DELIMITERS = (",", ";", "\t", "|")
SAVE_AS_CSV = "save it as CSV UTF-8 (comma separated)"
UNREADABLE_CHARACTER = "\ufffd"  # what stands for bytes that are no text in the file's encoding

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "is an Excel workbook or a zip archive, not a CSV file"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook, not a CSV file"),
    (b"\x1f\x8b", "is compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd"),
    (b"%PDF", "is a PDF document"),
    (b"\xff\xfe\x00\x00", "is UTF-32 text"),
)
_LONG_NUMBER = re.compile(r"[+(]?[\d\s().-]{6,}\d(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class FileShape:
    """How to read one file. `size` is in bytes.

    A CSV's header is its record number `header` (from 0), `width` cells wide.
    A Parquet file's columns have SQL `types`.
    """

    path: Path
    format: Literal["csv", "parquet"]
    size: int
    columns: tuple[str, ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    header: int = 0
    width: int = 0
    types: tuple[str, ...] = ()


def examine(path: Path, engine: "DuckDBPyConnection | None" = None) -> FileShape:
    """What the file at `path` is; `engine`, when there is one already, is asked about Parquet.

    Raises UnreadableFile for a folder, a missing or empty file, a workbook or other binary file, and
    a header that is missing or names a column twice.
    """
    size = _size(path)
    with _opened(path) as file:
        head = file.read(SAMPLE)
    if head.startswith(b"PAR1"):
        from engine.intake.tables import parquet_types

        types = parquet_types(path, engine)
        return FileShape(path, "parquet", size, tuple(types), types=tuple(types.values()))
    encoding = _encoding(path, head)
    head_text = _first_text(head, encoding)
    delimiter, skip = _declared_delimiter(head_text)
    delimiter = delimiter or _likely_delimiter(head_text)
    index, header = _header(path, encoding, delimiter, skip)
    return FileShape(path, "csv", size, _columns(path, header), encoding, delimiter, index, len(header))


def open_text(shape: FileShape) -> io.TextIOWrapper:
    """The CSV file's text, its line ends untouched; bytes that are no text become U+FFFD."""
    return io.TextIOWrapper(_opened(shape.path), encoding=shape.encoding, errors="replace", newline="")


def _opened(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise _unopened(path, error) from error


def _unopened(path: Path, error: OSError) -> UnreadableFile:
    return UnreadableFile(
        str(path),
        f"cannot be opened ({error.strerror or 'unknown reason'})",
        "check its name and permissions",
    )


def _size(path: Path) -> int:
    try:
        if path.is_dir():
            raise UnreadableFile(str(path), "is a folder", "name a CSV or Parquet file")
        if not path.exists():
            raise UnreadableFile(str(path), "does not exist", "check its name and folder")
        if not path.is_file():
            raise UnreadableFile(str(path), "is not a regular file", "write it to a file first")
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise UnreadableFile(str(path), "cannot be looked up", "check its name and permissions") from error
    if size == 0:
        raise UnreadableFile(str(path), "is empty", "give a file with a header line and rows")
    return size


def _encoding(path: Path, head: bytes) -> str:
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise UnreadableFile(str(path), what, SAVE_AS_CSV)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        raise UnreadableFile(
            str(path), "holds NUL bytes: it is binary, or UTF-16 without a byte order mark", SAVE_AS_CSV
        )
    doubtful = _first_not_utf8(path)
    if not doubtful:
        return "utf-8"
    for encoding, bearable in (("utf-8", 0.25), ("gb18030", 0.1)):
        if _unreadable_share(doubtful, encoding) < bearable:
            return encoding
    raise UnreadableFile(str(path), "is text in neither UTF-8 nor GB18030, or no text at all", SAVE_AS_CSV)


def _first_not_utf8(path: Path) -> bytes:
    """The part of the file around its first bytes that are not UTF-8; empty when there are none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _opened(path) as file:
        while chunk := file.read(CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return chunk
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return decoder.getstate()[0]
    return b""


def _unreadable_share(chunk: bytes, encoding: str) -> float:
    """Which share of the characters beyond ASCII is unreadable in this encoding."""
    foreign = [character for character in chunk.decode(encoding, "replace") if character > "\x7f"]
    return foreign.count(UNREADABLE_CHARACTER) / len(foreign)


def _first_text(head: bytes, encoding: str) -> str:
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if len(head) < SAMPLE:
        return text
    whole_lines = max(text.rfind("\n"), text.rfind("\r")) + 1
    return text[:whole_lines] or text


def _declared_delimiter(text: str) -> tuple[str, int]:
    """The delimiter that a first line `sep=;` declares, and how many records it takes."""
    match = re.match(r'"?sep=([,;\t|])"?\r?(\n|$)', text, re.IGNORECASE)
    return (match[1], 1) if match else ("", 0)


def _likely_delimiter(text: str) -> str:
    """The delimiter that cuts most of the first rows into as many cells as the header, the more the better."""
    best, best_score = ",", (0.0, 1)
    for delimiter in DELIMITERS:
        rows = [len(row) for row in _some_rows(text, delimiter) if row]
        if not rows or rows[0] == 1:
            continue
        score = (sum(width == rows[0] for width in rows) / len(rows), rows[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _some_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    for _ in range(50):
        try:
            yield next(reader)
        except (csv.Error, StopIteration):
            return


def _header(path: Path, encoding: str, delimiter: str, skip: int) -> tuple[int, list[str]]:
    """The first record that is not blank, and its index."""
    with io.TextIOWrapper(_opened(path), encoding=encoding, errors="replace", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        index = 0
        try:
            for index, record in enumerate(reader):
                if index >= skip and any(cell.strip() for cell in record):
                    return index, record
        except csv.Error as error:
            raise UnreadableFile(
                str(path),
                f"has no readable header: quotes do not close from line {index + 1} on",
                SAVE_AS_CSV,
            ) from error
    raise UnreadableFile(str(path), "holds nothing but blank lines", "give a file with a header line and rows")


def _columns(path: Path, header: list[str]) -> tuple[str, ...]:
    names = [name.strip() for name in header]
    if any("\0" in name or UNREADABLE_CHARACTER in name for name in names):
        raise UnreadableFile(str(path), "has a header that is not text", SAVE_AS_CSV)
    while names and not names[-1]:
        names.pop()
    if any(_LONG_NUMBER.fullmatch(name) for name in names):
        raise UnreadableFile(
            str(path),
            "has no header: its first line holds a number where a column's name is due",
            "put the columns' names on the first line",
        )
    named = [name or f"column {place}" for place, name in enumerate(names, start=1)]
    twice = sorted(name for name, count in Counter(named).items() if count > 1)
    if twice:
        raise UnreadableFile(
            str(path), f"names columns twice: {', '.join(twice)}", "give every column a name of its own"
        )
    return tuple(named)
