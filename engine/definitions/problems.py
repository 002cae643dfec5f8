"""What the models refuse, as problems in the author's own words at the right line and column.

A model is asked again without the values that it refused, so that the rest of a file can be judged too.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.core.experiments import NAME, Experiment
from engine.definitions.findings import Findings, shown, value_at
from engine.definitions.places import Trail
from engine.definitions.reading import MOST_PROBLEMS
from engine.errors import did_you_mean

Model = TypeVar("Model", bound=BaseModel)

# What stands in for a required value that is missing or wrong, so that the rest can be judged.
STAND_INS: Mapping[str, object] = {
    "experiment": "unnamed", "audience": {}, "control": {"script": ""}, "arms": {}, "script": "", "says": "-",
    "url": "https://example.com", "calls": 1, "per": "24h",
}  # fmt: skip
EXAMPLES = {
    "experiment": "gift-first-2026-11", "audience": "{contacts: contacts.csv}", "control": "{script: classic}",
    "arms": "{gift-first: {script: gift-first}}", "script": "classic", "says": "a coupon of 20 yuan",
    "url": '"https://example.com/j"', "calls": "2", "per": "24h",
}  # fmt: skip


def fitted(model: type[Model], data: object, trail: Trail, findings: Findings) -> tuple[Model, Any]:
    """The mapping that stands at `trail` as a model, and as the data that is left without what was wrong in it.

    Every problem is noted in `findings`.
    """
    rest: Any = deepcopy(data)
    while True:
        try:
            return model.model_validate(rest, strict=True), rest
        except ValidationError as error:
            faults = _grouped(error, rest)
        if () in faults:  # what its sections are is right, and together they are not
            _note(model, (), faults[()], trail, findings)
            return model.model_construct(), rest
        unknown = [place for place, errors in faults.items() if errors[0]["type"] == "extra_forbidden"]
        for place, errors in faults.items():
            if errors[0]["type"] == "missing":
                misspelt = any(
                    place[:-1] == key[:-1] and _resembles(key[-1], place[-1]) for key in unknown[:MOST_PROBLEMS]
                )
                example = _example(model, place)
                _missing(place, (*trail, *place), findings, misspelt, example)
                stand_in = example if example is not None else STAND_INS[str(place[-1])]
                value_at(rest, place[:-1])[place[-1]] = deepcopy(stand_in)  # type: ignore[index]
            else:
                _note(model, place, errors, (*trail, *place), findings)
        for place in sorted((key for key, errors in faults.items() if errors[0]["type"] != "missing"), reverse=True):
            del value_at(rest, place[:-1])[place[-1]]  # type: ignore[attr-defined]


def _grouped(error: ValidationError, data: object) -> dict[Trail, list[ErrorDetails]]:
    """The errors of each value; the kinds that a value might have been are no part of its trail."""
    groups: dict[Trail, list[ErrorDetails]] = defaultdict(list)
    for one in error.errors(include_url=False):
        place = _real(one["loc"], data)
        groups[(*place, one["loc"][-1]) if one["type"] == "missing" else place].append(one)
    inner = {place[:-1] for place in groups if place and isinstance(place[-1], int)}
    return {place: errors for place, errors in groups.items() if place not in inner}


def _real(loc: tuple[str | int, ...], data: object) -> Trail:
    trail: Trail = ()
    for part in loc:
        try:
            value_at(data, (*trail, part))
        except KeyError:
            continue
        trail = (*trail, part)
    return trail


def _resembles(written: str | int, meant: str | int) -> bool:
    return bool(get_close_matches(str(written)[:60], [str(meant)], 1, 0.6))


def _example(model: type[BaseModel], place: Trail) -> Any:
    """The example that a model gives for a required key at a trail inside it; None when it gives none."""
    here: Any = model
    for part in place[:-1]:
        here = _inside(here, part)
    here = _section(here)
    if not _is_model(here) or str(place[-1]) not in here.model_fields:
        return None
    examples = here.model_fields[str(place[-1])].examples
    return examples[0] if examples else None


def _missing(place: Trail, trail: Trail, findings: Findings, misspelt: bool, example: object) -> None:
    if findings.clean(trail) and not misspelt:
        name = str(place[-1])
        written = EXAMPLES[name] if example is None else json.dumps(example, ensure_ascii=False).replace('"', "")
        findings.at_key(trail[:-1], f"the key {name!r} is missing; write it as `{name}: {written}`")
    findings.spoil(trail)


def _note(model: type[BaseModel], place: Trail, errors: list[ErrorDetails], trail: Trail, findings: Findings) -> None:
    if not findings.clean(trail):
        return
    findings.spoil(trail)
    if findings.full:
        return
    if errors[0]["type"] == "extra_forbidden":
        name = str(place[-1])
        findings.at_key(trail, unknown_key(name, keys_of(model, place[:-1])), about=trail[:-1])
    else:
        findings.at_value(trail, _wrong(trail, errors))


def unknown_key(name: str, known: tuple[str, ...]) -> str:
    """The words about a key that nothing knows, with the nearest that is known here, or elsewhere."""
    hint = did_you_mean(name[:60], known)
    elsewhere = everywhere().get(name)
    if "did you mean" not in hint and elsewhere:
        hint = f"; did you mean {elsewhere!r}?"
    return f"{shown(name)} is not a key here{hint}"


@cache
def everywhere() -> dict[str, str]:
    """Every key inside a section of an experiment file, with the first section that knows it."""
    found: dict[str, str] = {}
    for section, info in Experiment.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            for name in info.annotation.model_fields:
                found.setdefault(name, f"{section}.{name}")
    return found


def keys_of(model: type[BaseModel], trail: Trail) -> tuple[str, ...]:
    """The keys that a model knows at a trail inside it."""
    here: Any = model
    for part in trail:
        here = _inside(here, part)
    here = _section(here)
    return tuple(here.model_fields) if _is_model(here) else ()


def _section(annotation: Any) -> Any:
    """The model of a section that may be left out; any other annotation as it is."""
    inner = [each for each in getattr(annotation, "__args__", ()) if each is not type(None)]
    return inner[0] if len(inner) == 1 and _is_model(inner[0]) and get_origin(annotation) is not list else annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _inside(annotation: Any, part: str | int) -> Any:
    """The annotation of what stands at one part of a trail: a model's field, a mapping's or a list's value."""
    annotation = _section(annotation)
    if _is_model(annotation):
        return annotation.model_fields[str(part)].annotation
    inner = [each for each in getattr(annotation, "__args__", ()) if each is not type(None)]
    return inner[-1] if inner else None


KINDS = {
    "int_type": "a whole number", "float_type": "a number", "bool_type": "true or false", "string_type": "text",
    "list_type": "a list", "tuple_type": "a list", "dict_type": "a mapping (`key: value`)",
    "model_type": "a mapping (`key: value`)", "model_attributes_type": "a mapping (`key: value`)",
}  # fmt: skip
LIMITS: dict[str, Callable[[Any], str]] = {
    "greater_than": lambda context: f"must be more than {_number(context['gt'])}",
    "greater_than_equal": lambda context: f"must be at least {_number(context['ge'])}",
    "less_than": lambda context: f"must be less than {_number(context['lt'])}",
    "less_than_equal": lambda context: f"must be at most {_number(context['le'])}",
}
FORMS = {
    "region": "a country is two capitals such as CN, US or SG",
    "url": "an address begins with https:// or http://",
}


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _wrong(trail: Trail, errors: list[ErrorDetails]) -> str:
    """What is wrong with the value that these errors are about."""
    first = errors[0]
    kind, value, context = first["type"], first["input"], first.get("ctx", {})
    if any(error["type"] in KINDS or error["type"] == "literal_error" for error in errors):
        return _wrong_kind(trail, errors)
    if kind == "value_error":
        return str(context["error"]) + _slug_hint(trail, value)
    if kind in LIMITS:
        return f"{shown(value)} is not possible; it {LIMITS[kind](context)}"
    if kind in ("string_too_short", "too_short"):
        return "is empty; write at least one"
    if kind == "string_pattern_mismatch":
        hint = f"; did you mean {value.upper()!r}?" if trail[-1] == "region" and value.upper() != value else ""
        return f"{shown(value)} is not right; {FORMS.get(str(trail[-1]), 'write it in another form')}{hint}"
    return f"{shown(value)} cannot be used here"


def _wrong_kind(trail: Trail, errors: list[ErrorDetails]) -> str:
    value = errors[0]["input"]
    words = [word for error in errors for word in _literals(error)]
    kinds = list(dict.fromkeys(KINDS[error["type"]] for error in errors if error["type"] in KINDS))
    if words and isinstance(value, str):
        too = f", and {kinds[0]} is possible too" if kinds else ""
        return f"{shown(value)} is not known here{too}{did_you_mean(value[:60], words)}"
    wanted = " or ".join([*words, *kinds])
    if value is None:
        return f"is empty; {wanted} is due here"
    hint = _cure(value, wanted)
    what = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    article = what.get(type(value), "a mapping")
    if isinstance(value, float) and wanted == "a whole number":
        return f"{shown(value)} is not a whole number{hint}"
    given = f"{shown(value)} is {article}" if not isinstance(value, list | dict) else f"{article} stands"
    if isinstance(value, bool):
        given = f"{shown(value)} stands"
    return f"{given} where {wanted} is due{hint}"


def _literals(error: ErrorDetails) -> list[str]:
    if error["type"] != "literal_error":
        return []
    return re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))


def _cure(value: object, wanted: str) -> str:
    if isinstance(value, int | float) and "text" in wanted:
        return "; put it in quotes"
    if not isinstance(value, str):
        return ""
    if wanted == "true or false":
        return "; write true or false"
    if "number" in wanted and re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", value):
        return f"; write {value.strip()} without quotes"
    return ""


def _slug_hint(trail: Trail, value: object) -> str:
    if trail[-1] not in ("experiment", "confirms", "follows") or not isinstance(value, str):
        return ""
    return name_hint(value)


def name_hint(text: str) -> str:
    """The end of a sentence that turns any words into a name, when that is possible."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80].rstrip("-")
    return f"; did you mean {name!r}?" if NAME.match(name) and name != text else ""
