"""Values to HTML: one strict Jinja environment per language.

A template may read two names, `frame` and `page`, both frozen; a name that is not there is an error
and everything is escaped.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from dashboards.rendering.languages import LANGUAGES, Words, words
from dashboards.rendering.numbers import Numbers

HERE = Path(__file__).parent.parent
TEMPLATES, STATIC = HERE / "templates", HERE / "static"
FILTERS = (
    "number", "percent", "change", "points", "money", "seconds", "days", "p_value", "estimate", "lift", "moment",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page. `layout` is the template that it fills: whole, or the main part alone."""

    language: str
    title: str
    path: str
    menu: tuple[tuple[str, str, bool], ...] = ()
    role: str = ""
    csrf: str = ""
    refresh_seconds: int = 0
    layout: str = "base.html"

    @property
    def languages(self) -> tuple[tuple[str, str], ...]:
        """Every language's code and own name."""
        return tuple(LANGUAGES.items())

    @property
    def operates(self) -> bool:
        """Whether the reader may pause and stop."""
        return self.role in ("operator", "admin")


@lru_cache(maxsize=len(LANGUAGES))
def environment(language: str) -> Environment:
    """The environment of a language: strict, escaping, with its words and numbers."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    said: Words = words(language)
    numbers = Numbers(said)
    extension: Any = made  # the i18n extension adds its method to the environment while running
    extension.install_gettext_callables(said.catalog.gettext, said.catalog.ngettext, newstyle=True)
    made.filters.update({name: getattr(numbers, name) for name in FILTERS})
    made.globals["range_of"] = numbers.range
    made.globals["share_range"] = numbers.share_range
    made.filters["iso"] = lambda at: at.astimezone(UTC).isoformat(timespec="seconds")
    made.globals["static"] = static_url
    return made


@lru_cache(maxsize=64)
def static_url(name: str) -> str:
    """The address of a static file; it changes with the content, so that it may be kept for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={digest}"


def render(template: str, frame: Frame, page: object) -> str:
    """The HTML of a page."""
    return environment(frame.language).get_template(template).render(frame=frame, page=page)
