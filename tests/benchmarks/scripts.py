"""Scripts to words, beside Jinja2 without a sandbox."""

from datetime import UTC, datetime

from jinja2 import Environment, FileSystemLoader

from engine.definitions.reading import read_yaml
from engine.scripting.library import Library
from engine.scripting.rendering import Renderer
from engine.workspace import shipped
from tests.benchmarks.measuring import Measured, processor_time

SCRIPT = "gift-first"


def rendering(times: int) -> list[Measured]:
    """The words of one call, each for another person."""
    folder = shipped() / "scripts"
    renderer = Renderer(Library.open(folder, read_yaml=read_yaml))
    plain = Environment(loader=FileSystemLoader(folder), autoescape=False)
    plain.filters["day"] = lambda moment: f"{moment.month}月{moment.day}日"
    template = plain.get_template(f"{SCRIPT}.j2")
    people = [
        {"name": f"王{number}", "brand": "青禾优选", "ordered_at": datetime(2026, 11, 1 + number % 20, tzinfo=UTC)}
        for number in range(times)
    ]
    renderer.words(SCRIPT, people[0])
    template.render(people[0])
    ours = processor_time(lambda: [renderer.words(SCRIPT, person) for person in people])
    theirs = processor_time(lambda: [template.render(person) for person in people])
    return [Measured("script: words of a call", times / ours, "renders/s", times / theirs, "Jinja2, no sandbox")]
