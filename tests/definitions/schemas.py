"""As much of JSON Schema 2020-12 as the schema of experiment files uses, to ask it about files."""

# ruff: noqa: E501  a case stands in one line

import re
from typing import Any

KINDS: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "number": (int, float), "integer": int,
}  # fmt: skip
SAID = {"title", "description", "examples", "default", "$schema", "$id", "$defs"}


def valid(value: Any, schema: Any, root: dict[str, Any]) -> bool:
    """Whether the schema takes the value; raises KeyError for a word of JSON Schema that is not known here."""
    if isinstance(schema, bool):
        return schema
    return all(ASK[word](value, said, schema, root) for word, said in schema.items() if word not in SAID)


def _kind(value: Any, kind: str) -> bool:
    right = isinstance(value, KINDS[kind])
    return right and (kind in ("boolean", "object", "array", "string", "null") or not isinstance(value, bool))


def _additional(value: Any, said: Any, schema: Any, root: Any) -> bool:
    known = schema.get("properties", {})
    return not isinstance(value, dict) or all(
        valid(one, said, root) for name, one in value.items() if name not in known
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


ASK: dict[str, Any] = {
    "type": lambda value, said, schema, root: _kind(value, said),
    "enum": lambda value, said, schema, root: value in said,
    "const": lambda value, said, schema, root: value == said,
    "anyOf": lambda value, said, schema, root: any(valid(value, one, root) for one in said),
    "not": lambda value, said, schema, root: not valid(value, said, root),
    "$ref": lambda value, said, schema, root: valid(value, root["$defs"][said.removeprefix("#/$defs/")], root),
    "properties": lambda value, said, schema, root: not isinstance(value, dict) or all(
        valid(value[name], one, root) for name, one in said.items() if name in value
    ),
    "additionalProperties": _additional,
    "propertyNames": lambda value, said, schema, root: not isinstance(value, dict) or all(valid(name, said, root) for name in value),
    "required": lambda value, said, schema, root: not isinstance(value, dict) or set(said) <= set(value),
    "minProperties": lambda value, said, schema, root: not isinstance(value, dict) or len(value) >= said,
    "items": lambda value, said, schema, root: not isinstance(value, list) or all(valid(one, said, root) for one in value),
    "minItems": lambda value, said, schema, root: not isinstance(value, list) or len(value) >= said,
    "uniqueItems": lambda value, said, schema, root: not isinstance(value, list) or len({str(one) for one in value}) == len(value),
    "pattern": lambda value, said, schema, root: not isinstance(value, str) or re.search(said, value) is not None,
    "minLength": lambda value, said, schema, root: not isinstance(value, str) or len(value) >= said,
    "maxLength": lambda value, said, schema, root: not isinstance(value, str) or len(value) <= said,
    "minimum": lambda value, said, schema, root: not _number(value) or value >= said,
    "maximum": lambda value, said, schema, root: not _number(value) or value <= said,
    "exclusiveMinimum": lambda value, said, schema, root: not _number(value) or value > said,
    "exclusiveMaximum": lambda value, said, schema, root: not _number(value) or value < said,
}  # fmt: skip
