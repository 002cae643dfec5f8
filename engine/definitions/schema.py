"""The JSON Schema of experiment files, by which editors complete and underline.

Draft 2020-12. It says what one value may be; what spans several is `check`'s to say.
"""

from typing import Any

from pydantic import BaseModel

from engine.core.contacts import ContactColumns
from engine.core.experiments import CONTROL, DELAY, EFFECTS, HOLDOUT, NAME, Experiment
from engine.core.metrics import METRICS
from engine.core.treatments import VARIABLES, Value
from engine.definitions.arms import Change

DRAFT = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER = "urn:ringlab:experiment"
ARM = {"pattern": NAME.pattern, "maxLength": 80, "not": {"enum": [CONTROL, HOLDOUT]}}
DRAWN = tuple(name for name in VARIABLES if name != "audience")
LIFT = r"^\s*[+-]?\d+(\.\d+)?\s*(pt|%)\s*$"


def json_schema() -> dict[str, Any]:
    """The schema of one experiment file."""
    schema = Experiment.model_json_schema()
    change = Change.model_json_schema()
    definitions = schema["$defs"]
    definitions.update(change.pop("$defs"))
    definitions["Change"] = _without_defaults(change) | {"minProperties": 1}
    properties = schema["properties"]
    _set(properties["experiment"], pattern=NAME.pattern, maxLength=80, examples=["gift-first-2026-11"])
    _set(
        properties["arms"], additionalProperties={"$ref": "#/$defs/Change"}, propertyNames=ARM, minProperties=1,
        examples=[{"gift-first": {"script": "gift-first"}}],
    )  # fmt: skip
    _set(properties["shares"], examples=[{CONTROL: "34%", "gift-first": "33%", "story": "33%"}])
    _set(properties["exclude"]["items"], propertyNames={"enum": list(DRAWN)}, minProperties=2)
    _set(properties["exclude"], examples=[[{"incentive": "gift-box", "path": "wecom"}]], uniqueItems=True)
    _set(properties["confirms"], examples=["gift-first-2026-10"])
    _set(properties["truth"], additionalProperties=_effect(), examples=[{"gift-first": "3pt"}])
    _name_metrics(definitions["Metrics"]["properties"])
    _set(definitions["Audience"]["properties"]["contacts"], examples=["contacts.csv"])
    for name in ("start", "end"):
        _set(definitions["Schedule"]["properties"][name], examples=["2026-11-23 09:00"])
    _write_defaults(definitions, properties)
    return {"$schema": DRAFT, "$id": IDENTIFIER} | schema | {"title": "Ringlab experiment"}


def _write_defaults(definitions: dict[str, Any], properties: dict[str, Any]) -> None:
    """Defaults as a file would write them: durations as 72h, lifts as 1pt."""
    models: list[type[BaseModel]] = [*Value.__subclasses__(), ContactColumns, Experiment]
    keys_of = {name: part["properties"] for name, part in definitions.items()} | {Experiment.__name__: properties}
    for model in models:
        written = model.model_construct().model_dump(mode="json", warnings=False, exclude_none=True)
        for key, schema in keys_of.get(model.__name__, {}).items():
            if schema.get("default") is not None:
                schema["default"] = written[key]


def _set(property_schema: dict[str, Any], **more: object) -> None:
    property_schema.update(more)


def _effect() -> dict[str, Any]:
    written = {"type": "string", "pattern": LIFT, "examples": ["3pt", "-1pt", "10%"]}
    difference = {"type": "number", "exclusiveMinimum": -1, "exclusiveMaximum": 1}
    by_effect = {
        "type": "object",
        "properties": {DELAY: {"type": "number", "minimum": 0.1, "maximum": 10}},
        "propertyNames": {"enum": list(EFFECTS)},
        "additionalProperties": {"anyOf": [written, difference]},
    }
    return {"anyOf": [written, difference, by_effect]}


def _name_metrics(metrics: dict[str, Any]) -> None:
    names = {"enum": list(METRICS)}
    _set(metrics["primary"], **names)
    _set(metrics["secondary"], items={"type": "string"} | names, uniqueItems=True)
    _set(metrics["guardrails"], propertyNames=names)


def _without_defaults(schema: dict[str, Any]) -> dict[str, Any]:
    """What an arm leaves out is the control's, not a default."""
    for one in schema["properties"].values():
        one.pop("default", None)
    return schema
