"""Small files and numbers, made up."""

from pathlib import Path

import duckdb

from engine.core.contacts import Contact, ContactColumns
from engine.intake.contacts import read_contacts
from engine.intake.rejects import Reject

PHONES = tuple(f"1380000{place:04d}" for place in range(1, 100))
COLUMNS = ContactColumns(key="id", phone="mobile")


def make_file(folder: Path, content: str | bytes, name: str = "file.csv", encoding: str = "utf-8") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def make_parquet(folder: Path, query: str, name: str = "file.parquet") -> Path:
    """A Parquet file with the answer to this query."""
    path = folder / name
    with duckdb.connect() as engine:
        engine.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return path


def contacts_of(
    path: Path, columns: ContactColumns = COLUMNS, region: str = "CN", size: int = 10_000
) -> tuple[list[Contact], list[Reject]]:
    """All contacts and all rejects of a file."""
    contacts: list[Contact] = []
    rejects: list[Reject] = []
    for batch in read_contacts(path, columns, region, size=size):
        contacts += batch.contacts
        rejects += batch.rejects
    return contacts, rejects
