"""The filters and tests of scripts, each bounded in what it may take and make.

Every text in a rendering has at most `MAX_TEXT` letters and every list `MAX_ITEMS` entries, whatever is done
to them; what would be larger is stopped before it is made. Reasons never repeat a value: values are personal
data.
"""

import json
import math
import operator
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from jinja2.runtime import Undefined
from jinja2.tests import TESTS as ALL_TESTS

MAX_TEXT = 10_000
MAX_ITEMS = 1_000
MAX_SIZE = 10**20


class Stopped(Exception):
    """A rendering goes beyond what a script may do; the text says how, and repeats no value."""


def plain(value: object) -> object:
    """`value` itself, when it is plain data of bounded size; Stopped otherwise."""
    if type(value) is str and len(value) <= MAX_TEXT:
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise Stopped(f"a text is longer than {MAX_TEXT} letters")
    elif isinstance(value, int | float | Decimal):
        if not isinstance(value, bool) and not -MAX_SIZE <= value <= MAX_SIZE:  # also stops nan, which is in no range
            raise Stopped("a number is too large")
    elif isinstance(value, Mapping | list | tuple | range):
        if len(value) > MAX_ITEMS:
            raise Stopped(f"a list has more than {MAX_ITEMS} entries")
    elif value is not None and not isinstance(value, date | Undefined):
        raise Stopped(f"a value is a {type(value).__name__}; scripts know texts, numbers, dates, lists and mappings")
    return value


def said(value: object) -> str:
    """The words for one value: a text as it is, 20.0 as `20`, a date in ISO form.

    There are no words for nothing, for yes or no, and for a whole list: Stopped.
    """
    if type(value) is str and len(value) <= MAX_TEXT:
        return value
    if isinstance(value, Undefined):
        return str(value)  # raises, and names the value
    if value is None:
        raise Stopped("a value is empty; guard it, as in {% if name %}, or give words for it: | default('...')")
    if isinstance(value, bool):
        raise Stopped("yes or no is not words; choose words with {{ ... if ... else ... }}")
    if isinstance(value, Mapping | list | tuple | range):
        raise Stopped("a whole list is not words; say which entry, loop over it, or use | join or | tojson")
    plain(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, date) else str(value)


def combined(symbol: str, left: object, right: object) -> object:
    """`left symbol right` on numbers, or `+` on texts, bounded."""
    plain(left)
    plain(right)
    if symbol == "+" and isinstance(left, str) and isinstance(right, str):
        return plain(left + right)
    for value in (left, right):
        if isinstance(value, Undefined):
            str(value)  # raises, and names the value
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            cure = "; join texts with ~" if symbol == "+" else "; make a number of a text with | int or | float"
            raise Stopped(f"{symbol} is for numbers{cure}")
    return plain(_ARITHMETIC[symbol](left, right))


_ARITHMETIC: dict[str, Callable[..., object]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def joined(first: object, *rest: object) -> str:
    """The words of several values one after another; what `~` does."""
    words = said(first)
    for value in rest:
        words += said(value)
        plain(words)
    return words


def bounded_range(*bounds: object) -> range:
    """`range(…)` of at most `MAX_ITEMS` numbers."""
    numbers = [bound for bound in bounds if isinstance(bound, int)]
    if len(numbers) != len(bounds):
        raise Stopped("range() takes whole numbers")
    made = range(*numbers)
    if made and abs(made[-1] - made[0]) // abs(made.step) >= MAX_ITEMS:
        raise Stopped(f"range() has more than {MAX_ITEMS} numbers")
    return made


def _default(value: object, fallback: object = "", empty: bool = False) -> object:
    missing = isinstance(value, Undefined) or value is None
    return fallback if missing or (empty and not value) else value


def _length(value: object) -> int:
    if isinstance(value, str | Mapping | list | tuple | range):
        return len(value)
    raise Stopped("only a text or a list has a length")


def _end(value: object, index: int) -> object:
    if isinstance(value, str | list | tuple | range) and value:
        return value[index]
    raise Stopped("only a text or a list that is not empty has a first and a last entry")


def _join(value: object, between: object = "") -> str:
    if not isinstance(value, list | tuple | range):
        raise Stopped("only a list is joined")
    words, glue = [said(item) for item in value[:MAX_ITEMS]], said(between)
    if sum(map(len, words)) + len(glue) * len(words) > MAX_TEXT:
        raise Stopped(f"a text is longer than {MAX_TEXT} letters")
    return glue.join(words)


def _replace(value: object, old: object, new: object) -> str:
    text, before, after = said(value), said(old), said(new)
    if not before:
        raise Stopped("| replace needs something to look for")
    if len(text) + text.count(before) * max(len(after) - len(before), 0) > MAX_TEXT:
        raise Stopped(f"a text is longer than {MAX_TEXT} letters")
    return text.replace(before, after)


def _number(value: object) -> float | int:
    plain(value)
    if isinstance(value, str):
        try:
            return int(value) if len(value) <= 20 and value.strip().lstrip("+-").isdecimal() else float(value[:60])
        except ValueError:
            raise Stopped("a text is not a number; give a number for it: | int(0)") from None
    if isinstance(value, int | float | Decimal):
        return value if isinstance(value, int | float) else float(value)
    raise Stopped("only a number, or a text of digits, is a number")


def _int(value: object, fallback: object = None) -> object:
    return _or_else(lambda: int(_finite(value)), fallback)


def _float(value: object, fallback: object = None) -> object:
    return _or_else(lambda: float(_finite(value)), fallback)


def _finite(value: object) -> float | int:
    number = _number(value)
    if not math.isfinite(number) or abs(number) > MAX_SIZE:
        raise Stopped("a number is too large")
    return number


def _or_else(make: Callable[[], object], fallback: object) -> object:
    try:
        return make()
    except Stopped:
        if fallback is None:
            raise
        return fallback


def _round(value: object, digits: object = 0) -> float | int:
    if not isinstance(digits, int) or not 0 <= digits <= 6:
        raise Stopped("| round keeps 0 to 6 digits")
    return round(_finite(value), digits) if digits else round(_finite(value))


def _truncate(value: object, length: object = 40, end: object = "…") -> str:
    text, tail = said(value), said(end)
    if not isinstance(length, int) or length < len(tail):
        raise Stopped("| truncate takes a number of letters, and no fewer than its end has")
    return text if len(text) <= length else text[: length - len(tail)] + tail


def _day(value: object, language: object = "zh") -> str:
    """The day of a date as it is said: `11月18日`, or `November 18` in English."""
    if not isinstance(value, date):
        raise Stopped("only a date has a day")
    if language not in ("zh", "en"):
        raise Stopped("| day speaks 'zh' or 'en'")
    return f"{value.month}月{value.day}日" if language == "zh" else f"{_MONTHS[value.month - 1]} {value.day}"


# strftime would follow the locale of the machine, and the same script would say something else elsewhere.
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def _tojson(value: object) -> str:
    return json.dumps(_data(value, [0]), ensure_ascii=False, allow_nan=False)


def _data(value: object, letters: list[int], depth: int = 4) -> object:
    """Plain data for JSON; `letters[0]` counts what was seen, so that a value is never copied beyond the limit."""
    letters[0] += len(value) if isinstance(value, str) else 1
    if letters[0] > MAX_TEXT:
        raise Stopped(f"a text is longer than {MAX_TEXT} letters")
    if isinstance(value, Mapping) and depth:
        return {said(key): _data(item, letters, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple) and depth:
        return [_data(item, letters, depth - 1) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else said(value)


def _whole(value: object) -> int:
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise Stopped("only a whole number is odd, even or divisible; make one of a text with | int")
    return number


def _divisible(value: object, by: object) -> bool:
    return _whole(value) % _whole(by) == 0


def _absolute(value: object) -> float | int:
    return abs(_finite(value))


FILTERS: dict[str, Callable[..., object]] = {
    "abs": _absolute,
    "capitalize": lambda value: said(value).capitalize(),
    "count": _length,
    "d": _default,
    "day": _day,
    "default": _default,
    "first": lambda value: _end(value, 0),
    "float": _float,
    "int": _int,
    "join": _join,
    "last": lambda value: _end(value, -1),
    "length": _length,
    "lower": lambda value: said(value).lower(),
    "replace": _replace,
    "round": _round,
    "string": said,
    "title": lambda value: said(value).title(),
    "tojson": _tojson,
    "trim": lambda value: said(value).strip(),
    "truncate": _truncate,
    "upper": lambda value: said(value).upper(),
    "urlencode": lambda value: quote(said(value), safe=""),
}
"""Every filter that a script may use."""

_HARMLESS = (
    "defined", "undefined", "none", "boolean", "true", "false", "string", "number", "integer", "float", "mapping", "in",
    "eq", "equalto", "==", "ne", "!=", "gt", "greaterthan", ">", "ge", ">=", "lt", "lessthan", "<", "le", "<=",
)  # fmt: skip

_JINJA: Mapping[str, Any] = ALL_TESTS
TESTS: dict[str, Callable[..., bool]] = {name: _JINJA[name] for name in _HARMLESS}
# Jinja's own use `%`, which formats when its left side is a text, and a format may ask for any width.
TESTS["odd"] = lambda value: _whole(value) % 2 == 1
TESTS["even"] = lambda value: _whole(value) % 2 == 0
TESTS["divisibleby"] = _divisible
"""Every test, the word after `is`, that a script may use."""
