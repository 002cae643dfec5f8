"""Plain data as YAML 1.2 that a person would have written: short mappings in one line, long ones in a block."""

import json
import re
from collections.abc import Iterator, Mapping

from engine.definitions.scalars import plain

WIDTH = 110
# Text that begins no other kind of value, inside brackets or outside; anything else is put in quotes.
BARE = re.compile(r"[^\W\d_][^\x00-\x1f\x7f-\x9f:#,\[\]{}\"'`&*!|>%@\\\u2028\u2029\ufeff\ud800-\udfff]*\Z")
BARE_VALUE = re.compile(r"[0-9+-]?[0-9]*\.?[0-9]+(%|pt|[smhdw])\Z|[a-z0-9][a-z0-9_.-]*\Z")


def flow(value: object) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{text(str(name))}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number(value)
    return text(str(value))


def number(value: float) -> str:
    """A number that reads back as it is."""
    return str(int(value)) if isinstance(value, int) or (value == int(value) and abs(value) < 1e15) else repr(value)


def text(value: str) -> str:
    """Text without quotes where that reads back as the same text."""
    simple = BARE.match(value) or BARE_VALUE.match(value)
    if simple and value == value.strip() and len(value) < WIDTH and _is_text(value):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in quoted)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_text(value: str) -> bool:
    try:
        return plain(value) == value
    except ValueError:
        return False


def block(name: str, value: object, indent: int = 0) -> Iterator[str]:
    """The lines of `name: value`, in one line when it is short enough to be read in one."""
    begin = " " * indent + text(name) + ":"
    line = f"{begin} {flow(value)}"
    if not isinstance(value, Mapping | list | tuple) or not value or (len(line) <= WIDTH and not _is_deep(value)):
        yield line
    elif isinstance(value, Mapping):
        yield begin
        for key, inner in value.items():
            yield from block(str(key), inner, indent + 2)
    else:
        yield begin
        yield from (f"{' ' * indent}  - {flow(inner)}" for inner in value)


def _is_deep(value: object, levels: int = 2) -> bool:
    """Whether a value holds mappings within mappings within mappings."""
    if not isinstance(value, Mapping):
        return False
    return levels == 0 or any(_is_deep(inner, levels - 1) for inner in value.values())
