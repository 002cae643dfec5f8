"""Editors know what `check` knows about single values."""

# ruff: noqa: E501  a case stands in one line

import json

import pytest

from engine.core.metrics import METRICS
from engine.core.treatments import VARIABLES
from engine.core.windows import DAYS
from engine.definitions.reading import parse
from engine.definitions.schema import json_schema
from tests.definitions.schemas import valid
from tests.definitions.test_bad_files import BAD
from tests.definitions.test_good_files import GOOD

SCHEMA = json_schema()

# Cases whose mistake one value shows, so that an editor can underline it.
UNDERLINED = [
    "key", "key in an arm", "key in an arm's timing", "key in redial", "key in redial.by", "redial of whom we reached", "redial at no time", "hours that are none", "no calls a day",
    "key in a guardrail", "key in an incentive",
    "key that belongs elsewhere", "column's key", "missing name", "missing script", "missing words of an incentive",
    "missing arms", "text for a number", "number in quotes", "half a call", "too many calls", "number for text", "truth for text",
    "yes is text", "text for a list", "number in a list", "number for a mapping", "nothing for a mapping", "list for a mapping",
    "unknown word", "unknown waves", "negative money", "no money", "no event", "duration", "percentage", "lift", "small country",
    "country", "address", "day", "disposition", "empty arm", "no arm", "arm called control", "arm called holdout", "arm's name",
    "experiment's name", "no people", "primary", "secondary", "secondary twice", "guardrail", "effect of no size", "effect on no metric",
]  # fmt: skip


def takes(text):
    return valid(parse(text.removeprefix("\ufeff"), "x.yaml").data, SCHEMA, SCHEMA)


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_the_schema_takes_every_good_file(text):
    """No editor underlines a word of a good file."""
    assert takes(text)


@pytest.mark.parametrize("name", UNDERLINED)
def test_the_schema_refuses_what_one_value_shows(name):
    """An editor underlines what is wrong with one key or value."""
    assert not takes(BAD[name][0])


def test_the_schema_names_everything_that_can_be_said():
    """Every variable has a description, every metric and day stands to be chosen, and nothing unknown is taken."""
    definitions = SCHEMA["$defs"]

    assert SCHEMA["$schema"].endswith("2020-12/schema")
    assert set(definitions["Change"]["properties"]) == set(VARIABLES)
    assert SCHEMA["properties"]["arms"]["additionalProperties"] == {"$ref": "#/$defs/Change"}
    assert definitions["Change"]["minProperties"] == 1
    assert definitions["Metrics"]["properties"]["primary"]["enum"] == list(METRICS)
    assert json.dumps(list(DAYS)) in json.dumps(definitions["Timing"])
    for name, one in {"": SCHEMA, **definitions}.items():
        if one.get("type") == "object" and "properties" in one:
            assert one["additionalProperties"] is False, name
            for key, value in one["properties"].items():
                assert value.get("description") or name == "Lift", f"{name}.{key} has no description"
