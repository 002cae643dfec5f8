"""Rows as contacts: a key, a number that can be called, candidate zones, and everything else as attributes.

A row is rejected, with its line, the reason and the cure, when its key or number is missing, when its number
cannot be called, when its zone, time or numbers cannot be understood, or when an earlier row of the file has
the same key or the same number. Whoever is in the database already is the roster's business.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.core.consents import Consent, read_consent
from engine.core.contacts import Contact, ContactColumns
from engine.errors import Problem, ProblemsFound, did_you_mean
from engine.intake.phones import Normalizer, Refused
from engine.intake.rejects import Reject
from engine.intake.rows import Progress, RowBatch, RowFile, open_rows
from engine.intake.seen import Seen
from engine.intake.tiers import TIER, TierColumns, Tiers, learn_tiers
from engine.intake.times import CURE, instant, zone_named

MANGLED_KEY = "the key was rounded by a spreadsheet (as in 1.23E+15)"
AS_TEXT = "format the column as text in Excel and export again"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of a file's rows, each as a contact or as a reject."""

    contacts: list[Contact]
    rejects: list[Reject]


def read_contacts(
    path: Path,
    columns: ContactColumns,
    region: str,
    *,
    size: int = 10_000,
    progress: Progress | None = None,
) -> Iterator[Batch]:
    """The contacts of a CSV or Parquet file, `size` rows at a time, in the file's order.

    Numbers are read as `region` (ISO 3166) writes them. Columns that `columns` does not name become attributes,
    under their names in the file; so do recency, frequency and monetary, and with any of these declared every
    contact has the attribute `value_tier`, unless the file has such a column (see `engine.intake.tiers`).

    Raises UnreadableFile, NotFound for an unknown region, and ProblemsFound with every column that `columns`
    names and the file lacks, all before the first batch; UnreadableFile when the file breaks off later.
    """
    rows = open_rows(path)
    reader = _Reader(rows, columns, Normalizer(region))
    return (reader.batch(batch) for batch in rows.batches(size, progress))


def _check(rows: RowFile, columns: ContactColumns) -> None:
    problems = [
        Problem(
            str(rows.shape.path), 1, 0,
            f"there is no column {column!r} for `{field}`{did_you_mean(column, rows.columns)}",
        )
        for field, column in columns.model_dump().items()
        if column is not None and column not in rows.columns
    ]  # fmt: skip
    if problems:
        raise ProblemsFound(problems)


class _Unusable(Exception):
    """A row that cannot be a contact."""

    def __init__(self, reason: str, cure: str) -> None:
        self.reason, self.cure = reason, cure


class _Reader:
    """Turns rows into contacts; remembers the keys and numbers of the file so far."""

    def __init__(self, rows: RowFile, columns: ContactColumns, numbers: Normalizer) -> None:
        _check(rows, columns)
        place = {column: index for index, column in enumerate(rows.columns)}
        self.key, self.phone = place[columns.key], place[columns.phone]
        self.name = None if columns.name is None else place[columns.name]
        self.zone = None if columns.timezone is None else place[columns.timezone]
        self.ordered_at = None if columns.ordered_at is None else place[columns.ordered_at]
        consent = (columns.consent, columns.consent_at, columns.consent_source, columns.consent_proof)
        self.consent = None if columns.consent is None else [None if name is None else place[name] for name in consent]
        meant = {columns.key, columns.phone, columns.name, columns.timezone, columns.ordered_at, *consent}
        self.attributes = [(name, index) for name, index in place.items() if name not in meant]
        self.numbers = numbers
        self.tiers = self._tiers(rows, columns, place)
        self.keys, self.phones = Seen(), Seen()

    @staticmethod
    def _tiers(rows: RowFile, columns: ContactColumns, place: dict[str, int]) -> Tiers | None:
        declared = TierColumns(
            *(
                None if column is None else place[column]
                for column in (columns.recency, columns.frequency, columns.monetary)
            )
        )
        if declared == TierColumns() or TIER in place:
            return None
        return learn_tiers(rows, declared)

    def batch(self, rows: RowBatch) -> Batch:
        """One batch of rows as contacts and rejects."""
        rejects = list(rows.rejects)
        usable: list[tuple[int, tuple[str, ...], Contact]] = []
        for line, values in rows.rows:
            try:
                usable.append((line, values, self._contact(values)))
            except _Unusable as reason:
                rejects.append(Reject(line, reason.reason, reason.cure, values))
        return Batch(self._first(usable, rejects), sorted(rejects, key=lambda reject: reject.line))

    def _contact(self, values: tuple[str, ...]) -> Contact:
        key = values[self.key]
        if not key:
            raise _Unusable("there is no key", "fill in the column that names the person")
        if "E+" in key and key.replace("E+", "").replace(".", "").isdigit():
            raise _Unusable(MANGLED_KEY, AS_TEXT)
        number = self.numbers(values[self.phone])
        if isinstance(number, Refused):
            raise _Unusable(number.reason, number.cure)
        zones = number.timezones
        if self.zone is not None and values[self.zone]:
            zones = (_zone(values[self.zone]).key,)
        attributes = {name: values[index] for name, index in self.attributes}
        if self.tiers is not None:
            try:
                attributes[TIER] = self.tiers(values)
            except ValueError as error:
                raise _Unusable(str(error), "write a plain number, or leave the cell blank") from error
        return Contact(
            key,
            number.e164,
            number.region,
            zones,
            "" if self.name is None else values[self.name],
            None if self.ordered_at is None else _time(values[self.ordered_at], zones[0]),
            attributes,
            None if self.consent is None else _consent([_cell(values, index) for index in self.consent], zones[0]),
        )

    def _first(self, usable: list[tuple[int, tuple[str, ...], Contact]], rejects: list[Reject]) -> list[Contact]:
        """The contacts whose key and number no accepted row had before; the others are rejected."""
        keys = [hash(contact.key) for _, _, contact in usable]
        phones = [int(contact.phone[1:]) for _, _, contact in usable]
        earlier_keys, earlier_phones = self.keys.lines(keys), self.phones.lines(phones)
        batch_keys: dict[int, int] = {}
        batch_phones: dict[int, int] = {}
        accepted = []
        for (line, values, contact), key, phone, key_line, phone_line in zip(
            usable, keys, phones, earlier_keys, earlier_phones, strict=True
        ):
            same_key = key_line or batch_keys.get(key, 0)
            same_phone = phone_line or batch_phones.get(phone, 0)
            if same_key or same_phone:
                what = "key" if same_key else "phone number"
                reason = f"the {what} is that of line {same_key or same_phone}"
                rejects.append(Reject(line, reason, "keep one row for each person", values))
                continue
            batch_keys[key] = batch_phones[phone] = line
            accepted.append(contact)
        self.keys.remember(list(batch_keys), list(batch_keys.values()))
        self.phones.remember(list(batch_phones), list(batch_phones.values()))
        return accepted


def _zone(name: str) -> ZoneInfo:
    try:
        return zone_named(name)
    except ValueError as error:
        raise _Unusable(str(error), "write an IANA zone such as Asia/Shanghai, or leave the cell blank") from error


def _time(text: str, zone: str) -> datetime | None:
    if not text:
        return None
    try:
        return instant(text, zone_named(zone))
    except ValueError as error:
        raise _Unusable(str(error), CURE) from error


def _cell(values: tuple[str, ...], index: int | None) -> str:
    return "" if index is None else values[index]


def _consent(cells: list[str], zone: str) -> Consent | None:
    word, at, source, proof = cells
    try:
        return read_consent(word, _time(at, zone), source, proof)
    except ValueError as error:
        raise _Unusable(str(error), "write one of these words, or leave the cell blank") from error
