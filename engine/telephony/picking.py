"""Fields of a provider's JSON by dotted names, as values that the engine can keep."""

import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from engine.errors import AdapterError

LONGEST = 200
YES = frozenset({"true", "yes", "y", "1", "on", "positive", "interested"})
NO = frozenset({"false", "no", "n", "0", "off", "negative", "not_interested"})
DIGITS = re.compile(r"\+?\d(?:[\s().-]?\d){4,}")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_json(body: bytes) -> Any:
    """The JSON of a body; raises AdapterError, which shows nothing of it."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise AdapterError("the provider's words are not JSON") from None


def _no_number(word: str) -> Any:
    raise ValueError(word)


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form; raises AdapterError."""
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=500, errors="strict"))
    except ValueError:
        raise AdapterError("the provider's words are not a form") from None


def pick(data: Any, dotted: str | None) -> Any:
    """The value at a dotted name; None when there is none. A number picks the item of a list."""
    if dotted is None:
        return None
    if isinstance(data, dict) and dotted in data:
        return data[dotted]
    for part in dotted.split("."):
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and part.isascii() and part.isdecimal() and int(part[:9]) < len(data):
            data = data[int(part[:9])]
        else:
            return None
    return data


def text_at(data: Any, dotted: str | None) -> str:
    """The text or whole number at a dotted name, as text; "" for anything else, or what nobody could keep."""
    value = pick(data, dotted)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if isinstance(value, int) and abs(value) >= 10**LONGEST:
        return ""
    text = str(value).strip()
    return text if len(text) <= LONGEST and _is_storable(text) else ""


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def amount_at(data: Any, dotted: str | None, most: float) -> float:
    """The number at a dotted name without its sign; 0 for anything else. Bills are often written as negative."""
    value = pick(data, dotted)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        amount = abs(float(value))
    except (ValueError, OverflowError):
        return 0.0
    return amount if math.isfinite(amount) and amount <= most else 0.0


def answer_at(data: Any, dotted: str | None) -> bool | None:
    """Yes or no at a dotted name, also in words; None when it is neither."""
    value = pick(data, dotted)
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    return True if word in YES else False if word in NO else None


def moment_at(data: Any, dotted: str | None) -> datetime | None:
    """The instant at a dotted name: ISO 8601, or seconds, milliseconds or microseconds since 1970; else None.

    ISO without a zone is UTC.
    """
    value = pick(data, dotted)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        moment = _moment(value)
    except (ValueError, OverflowError):
        return None
    return moment if 2000 <= moment.year < 2200 else None


def _moment(value: float | str) -> datetime:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            moment = datetime.fromisoformat(str(value).strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    for unit in (1e14, 1e11):
        if value >= unit:
            value /= 1e6 if unit == 1e14 else 1e3
            break
    return EPOCH + timedelta(seconds=value)


def masked(text: str) -> str:
    """A provider's words on one short line, with whatever could be a telephone number taken out."""
    return DIGITS.sub("…", " ".join(text.split()))[:LONGEST]
