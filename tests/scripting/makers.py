"""Makers of libraries and values for tests."""

from pathlib import Path

from ruamel.yaml import YAML

from engine.scripting.library import Library
from engine.scripting.values import sample_values

SHIPPED = Path(__file__).parents[2] / "scripts"

BASE = (
    "{% block opening %}您好，我是{{ brand }}的智能助理。{% endblock %}\n"
    "{% block benefit %}您有一份礼遇。{% endblock %}\n"
    "{% block invitation %}请您留意短信。{% endblock %}\n"
    "{% block closing %}再见。{% endblock %}\n"
)


def read_yaml(path: Path) -> object:
    return YAML(typ="safe").load(path)


def make_library(folder: Path, **files: str) -> Library:
    """A library with these scripts; `sms__x` is a message and `qa__x` a question bank."""
    for name, source in files.items():
        below, _, stem = name.rpartition("__")
        path = folder / below / f"{stem.replace('_', '-')}{'.yaml' if below == 'qa' else '.j2'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return Library.open(folder, read_yaml=read_yaml)


def shipped_library() -> Library:
    return Library.open(SHIPPED, read_yaml=read_yaml)


def make_values(**values: object) -> dict[str, object]:
    return sample_values("zh") | values
