"""An experiment as the YAML that a person would have written, which reads back as the same experiment."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine.core.experiments import Experiment
from engine.core.shares import parse_share
from engine.definitions.emitting import block
from engine.definitions.reading import read_text

REMARKS = {
    "arms": "each changes exactly one variable of the control",
    "design": "every contact draws one level of every variable",
    "exclude": "combinations that nobody gets",
    "confirms": "several variables may change together, for this round confirms them",
}
# Sections of which every entry has a line of its own.
LISTED = ("audience", "arms", "metrics", "incentives", "paths", "values", "settings", "truth")
SCHEMA_LINE = re.compile(r"^# yaml-language-server: \$schema=\S+$", re.MULTILINE)


def write(experiment: Experiment, comment: str = "", before: Path | None = None) -> str:
    """The file of this experiment, with `comment` as its first lines; defaults are left out.

    `before` is the file of the round before: the remarks that stand there beside the keys, and its line
    for editors, are kept. Raises UnreadableFile when it cannot be read.
    """
    old = read_text(before) if before is not None else ""
    schema_line = SCHEMA_LINE.search(old)
    remarks = REMARKS | _remarks(old)
    if experiment.confirms is not None and remarks["arms"] == REMARKS["arms"]:
        del remarks["arms"]  # true of every other round
    lines = [schema_line[0]] if schema_line else []
    lines += [f"# {line}".rstrip() for line in _printable(comment).splitlines()]
    for name, value in declared(experiment).items():
        section = list(_section(name, value))
        if name in remarks:
            section[0] = f"{section[0]}  # {remarks[name]}"
        lines += section
    return "\n".join(lines) + "\n"


def _section(name: str, value: object) -> Iterable[str]:
    if name in LISTED and isinstance(value, Mapping) and value:
        return [f"{name}:", *(line for key, inner in value.items() for line in block(str(key), inner, 2))]
    return block(name, value)


def _remarks(old: str) -> dict[str, str]:
    """What a file says beside its keys of the first level."""
    found = re.findall(r"^([a-z_]+):(?:[^#\"'\n]|\"[^\"\n]*\")*?[ \t]#[ \t]*(.+)$", old, re.MULTILINE)
    return {name: _printable(remark).strip() for name, remark in found if name in Experiment.model_fields}


def _printable(remark: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else " " for char in remark)


def declared(experiment: Experiment) -> dict[str, Any]:
    """What an experiment's file has to say, in the file's order and forms: nothing that is a default."""
    dumped = experiment.model_dump(mode="json", exclude_defaults=True)
    exact: dict[str, Any] = _exact(experiment, dumped)
    return exact


def _exact(value: object, dumped: Any) -> Any:
    """The dumped form of a value, with shares as numbers where a percentage would not read back the same."""
    if isinstance(value, BaseModel) and isinstance(dumped, dict):
        return {name: _exact(getattr(value, name), inner) for name, inner in dumped.items()}
    if isinstance(value, Mapping) and isinstance(dumped, dict):
        return {name: _exact(value[name], inner) for name, inner in dumped.items()}
    if isinstance(value, float) and isinstance(dumped, str) and parse_share(dumped) != value:
        return value
    return dumped
