"""The keys of experiment files, in the words in which the documentation tells them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from engine.core.caps import Cap
from engine.core.contacts import ContactColumns
from engine.core.experiments import (
    Audience,
    Budget,
    Conversion,
    Decision,
    Experiment,
    Guardrail,
    Incentive,
    Metrics,
    Pace,
    Path,
    Schedule,
    Size,
)
from engine.core.treatments import After, Redial, Timing, Treatment
from engine.definitions.schema import json_schema

SECTIONS: Mapping[str, type[BaseModel]] = {
    "The file": Experiment, "audience": Audience, "audience.columns": ContactColumns, "control and arms": Treatment,
    "timing": Timing, "redial": Redial, "redial.by": After, "size": Size, "metrics": Metrics,
    "metrics.guardrails": Guardrail, "conversion": Conversion, "decision": Decision, "schedule": Schedule, "pace": Pace,
    "budget": Budget, "caps": Cap, "incentives": Incentive, "paths": Path,
}  # fmt: skip
NEEDED: Mapping[type[BaseModel], dict[str, Any]] = {
    Experiment: {"experiment": "a", "audience": {}, "control": {"script": "a"}, "arms": {"b": {"script": "b"}}},
    Cap: {"calls": 1, "per": "24h"}, Treatment: {"script": "a"}, Incentive: {"says": "a"}, Path: {"url": "https://example.com"},
}  # fmt: skip


def kind_of(schema: Mapping[str, Any]) -> str:
    """What a value of this schema is, in the words of the documentation."""
    if "anyOf" in schema:
        kinds = dict.fromkeys(kind_of(each) for each in schema["anyOf"] if each.get("type") != "null")
        return "percentage" if list(kinds) == ["percentage", "number"] else " or ".join(kinds)
    if "enum" in schema:
        return "one of " + ", ".join(f"`{word}`" for word in schema["enum"]) if len(schema["enum"]) < 9 else "metric"
    if "$ref" in schema:
        return "mapping"
    pattern = str(schema.get("pattern", ""))
    for part, kind in (("smhdw", "duration"), ("pt|%", "lift"), ("\\s*%", "percentage"), ("0-5", "hours")):
        if part in pattern:
            return kind
    if schema["type"] == "array":
        if schema["items"].get("type") == "object" or "$ref" in schema["items"]:
            return "list of mappings"
        words = schema["items"].get("enum", ())
        known = {"mon": "days", "busy": "dispositions", "connect": "metrics"}
        return "list of " + next((kind for word, kind in known.items() if word in words), "texts")
    plain = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return plain.get(schema["type"], "mapping")


def default_of(model: type[BaseModel], name: str) -> str:
    """A key's default as an author writes it."""
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    value = model.model_construct().model_dump(mode="json", exclude_none=True).get(name)
    if isinstance(field.default, BaseModel) and not isinstance(value, str):
        return "see below"
    if value in (None, "", [], {}):
        return "none"
    return f"`{written(value)}`"


def written(value: Any) -> str:
    """A plain value on one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(inner)}" for key, inner in value.items() if inner is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


@cache
def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The properties of a section in what `ringlab schema` prints."""
    whole = json_schema()
    title = model.model_json_schema()["title"]
    found: dict[str, Any] = (whole if model is Experiment else whole["$defs"][title])["properties"]
    return found


def facts_of(model: type[BaseModel]) -> dict[str, tuple[str, str, str]]:
    """Per key: its type, its default and what it means."""
    return {
        name: (kind_of(schema), default_of(model, name), schema["description"])
        for name, schema in schema_of(model).items()
    }
