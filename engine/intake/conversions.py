"""A file of conversions, from the brand's own systems, as values.

Columns are recognized by their names, whatever their case, spaces and underscores: an id, who (a key or a phone
number), the event, when, and money. Without an id column a conversion's id is a digest of who, event and when,
so that a second import of the same facts changes nothing.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from engine.core.events import Conversion
from engine.errors import InputError, Problem, ProblemsFound
from engine.intake.phones import Normalizer, Refused, home_zones
from engine.intake.rejects import Reject
from engine.intake.rows import Progress, RowBatch, RowFile, open_rows
from engine.intake.times import CURE, instant, zone_named

NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "conversionid", "eventid", "orderid", "转化编号", "订单号"),
    "contact": ("contact", "key", "contactkey", "customerid", "customer", "userid", "客户", "客户编号"),
    "phone": ("phone", "mobile", "phonenumber", "number", "tel", "手机", "手机号", "电话"),
    "event": ("event", "eventname", "type", "conversion", "事件"),
    "at": ("at", "time", "timestamp", "datetime", "occurredat", "createdat", "convertedat", "date", "时间", "转化时间"),
    "value": ("value", "amount", "revenue", "money", "金额"),
}


@dataclass(frozen=True, slots=True)
class ConversionBatch:
    """Some of a file's rows. `contact` of each conversion is a key, or an E.164 number when `named_by` is "phone"."""

    conversions: list[Conversion]
    rejects: list[Reject]
    named_by: Literal["key", "phone"]


def read_conversions(
    path: Path,
    region: str,
    *,
    event: str | None = None,
    zone: str | None = None,
    size: int = 10_000,
    progress: Progress | None = None,
) -> Iterator[ConversionBatch]:
    """The conversions of a CSV or Parquet file, `size` rows at a time, in the file's order.

    `event` names the event when the file has no column for it. Times without a zone are on the clock of `zone`,
    else of the region's first zone. Numbers are read as `region` writes them; where a file has both keys and
    numbers, keys name the contact.

    Raises UnreadableFile, NotFound for an unknown region, InputError for an unknown zone, and ProblemsFound with
    every column that is missing, all before the first batch.
    """
    rows = open_rows(path)
    numbers = Normalizer(region)
    try:
        clock = zone_named(zone or home_zones(region)[0])
    except ValueError as error:
        raise InputError(f"{error}; write an IANA zone such as Asia/Shanghai") from error
    reader = _Reader(_places(rows, event), numbers, clock, event)
    return (reader.batch(batch) for batch in rows.batches(size, progress))


def _places(rows: RowFile, event: str | None) -> dict[str, int]:
    """Where each field's column is; raises ProblemsFound with what is missing."""
    known = {_plain(column): place for place, column in reversed(list(enumerate(rows.columns)))}
    places = {}
    for field, names in NAMES.items():
        found = [known[name] for name in names if name in known]
        if found:
            places[field] = found[0]
    missing = [field for field in ("at",) if field not in places]
    if "contact" not in places and "phone" not in places:
        missing.append("contact or phone")
    if "event" not in places and event is None:
        missing.append("event")
    if missing:
        due = "a file of conversions has the columns id, contact or phone, event, at and value"
        raise ProblemsFound(
            Problem(str(rows.shape.path), 1, 0, f"there is no column {field}; {due}") for field in missing
        )
    return places


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


class _Unusable(Exception):
    """A row that cannot be a conversion."""

    def __init__(self, reason: str, cure: str) -> None:
        self.reason, self.cure = reason, cure


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns rows into conversions."""

    places: Mapping[str, int]
    numbers: Normalizer
    zone: ZoneInfo
    event: str | None

    def batch(self, rows: RowBatch) -> ConversionBatch:
        conversions, rejects = [], list(rows.rejects)
        for line, values in rows.rows:
            try:
                conversions.append(self._conversion(values))
            except _Unusable as reason:
                rejects.append(Reject(line, reason.reason, reason.cure, values))
        rejects.sort(key=lambda reject: reject.line)
        return ConversionBatch(conversions, rejects, "key" if "contact" in self.places else "phone")

    def _conversion(self, values: tuple[str, ...]) -> Conversion:
        contact = self._contact(values)
        event = self._text(values, "event") or self.event
        if not event:
            raise _Unusable("there is no event", "fill it in")
        try:
            at = instant(self._text(values, "at"), self.zone)
        except ValueError as error:
            raise _Unusable(str(error), CURE) from error
        identity = self._text(values, "id")
        if not identity:
            if "id" in self.places:
                raise _Unusable("there is no id", "fill it in, or leave the column out")
            identity = hashlib.sha256(f"{contact}\0{event}\0{at.isoformat()}".encode()).hexdigest()[:32]
        return Conversion(identity, contact, event, at, self._value(values))

    def _contact(self, values: tuple[str, ...]) -> str:
        if "contact" in self.places:
            if key := self._text(values, "contact"):
                return key
            raise _Unusable("there is no contact", "fill in the key of the person")
        number = self.numbers(self._text(values, "phone"))
        if isinstance(number, Refused):
            raise _Unusable(number.reason, number.cure)
        return number.e164

    def _value(self, values: tuple[str, ...]) -> float:
        text = self._text(values, "value")
        try:
            value = float(text or 0)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise _Unusable("the value is not a number", "write it as 12.50, or leave the cell blank")
        return value

    def _text(self, values: tuple[str, ...], field: str) -> str:
        return values[self.places[field]] if field in self.places else ""
