"""Nothing but an InputError ever comes of a file, whatever is in it."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.contacts import ContactColumns
from engine.errors import InputError
from engine.intake.calllogs import read_log
from engine.intake.contacts import read_contacts
from engine.intake.conversions import read_conversions
from engine.intake.logmetrics import LogMetric
from engine.intake.rows import open_rows
from tests.intake.makers import make_file, make_parquet

pieces = st.sampled_from(
    [
        b"a,b",
        b"\n",
        b"\r\n",
        b"\r",
        b'"',
        b"'",
        b",",
        b";",
        b"\t",
        b"|",
        b"\0",
        b"\xff",
        b"\xe5\xae\xa2",
        b"\xbf\xcd",
        b"1",
        b"13800000001",
        b"yes",
        b"no",
        b"id,mobile,at,event",
        b"2026-11-23",
        b"sep=;\n",
        b"=1",
        b"\\",
        b"nan",
        b" ",
        b"x" * 300,
    ]
)
heads = st.sampled_from(
    [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"PAR1", b"a,b\n", b"a;b\n1;yes\n"]
)
contents = st.builds(
    lambda head, body: head + b"".join(body), heads, st.lists(st.one_of(pieces, st.binary(max_size=6)))
)


def read_every_way(path: Path) -> None:
    """Read a file as rows, contacts, conversions and a call log, by its own first columns where it has any."""
    with contextlib.suppress(InputError):
        columns = open_rows(path).columns
        first, last = columns[0], columns[-1]
        with contextlib.suppress(InputError):
            every = ContactColumns(key=first, phone=last, timezone=first, ordered_at=last, monetary=last)
            list(read_contacts(path, every, "CN", size=3))
        with contextlib.suppress(InputError):
            list(read_contacts(path, ContactColumns(key=first, phone=last), "US"))
        with contextlib.suppress(InputError):
            list(read_conversions(path, "CN"))
        for contact in (None, last):
            with contextlib.suppress(InputError):
                read_log(path, first, [LogMetric("m", last)], segment=last, contact=contact, missing="zero")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(contents)
def test_arbitrary_bytes_make_no_other_trouble(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Any bytes are read, rejected row by row, or refused with an InputError."""
    read_every_way(make_file(tmp_path_factory.mktemp("fuzz"), content))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255)), min_size=1, max_size=12))
def test_damaged_parquet_makes_no_other_trouble(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    """A Parquet file with any bytes changed is read or refused."""
    folder = tmp_path_factory.mktemp("fuzz")
    content = bytearray(make_parquet(folder, "SELECT 'k' || i AS id, i AS mobile FROM range(20) t(i)").read_bytes())
    for place, value in damage:
        content[place % len(content)] = value

    read_every_way(make_file(folder, bytes(content)))
