"""The words of pages: English is the source, catalogs are read from `locale/`.

A message is marked where it is written: `_()` and `ngettext()` in templates, `say()`, `count()` and
`message()` in Python. `tests/dashboards` refuses a message without a translation.
"""

import gettext
import io
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

LANGUAGES = {"en": "English", "zh-CN": "简体中文"}
LOCALE = Path(__file__).parent.parent / "locale"
COOKIE = "ringlab_lang"


@dataclass(frozen=True, slots=True)
class Words:
    """Everything said in one language."""

    language: str
    catalog: gettext.NullTranslations = field(repr=False)

    def say(self, text: str, **values: object) -> str:
        """The message in this language, with `%(name)s` filled in; an unknown message stays as it is."""
        said = self.catalog.gettext(text) if text else ""
        return said % values if values else said

    def count(self, one: str, many: str, number: int, **values: object) -> str:
        """The message in the form that this number takes."""
        return self.catalog.ngettext(one, many, number) % values

    @property
    def chinese(self) -> bool:
        return self.language == "zh-CN"


def message(text: str) -> str:
    """Marks a message that is said later."""
    return text


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Words:
    """The words of a language of `LANGUAGES`."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    path = LOCALE / language.replace("-", "_") / "LC_MESSAGES" / "ringlab.po"
    if not path.exists():
        return Words(language, gettext.NullTranslations())
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return Words(language, gettext.GNUTranslations(compiled))


def choose(asked: str | None, remembered: str | None, accepted: str) -> str:
    """The language of a page: what was asked for, else remembered, else the browser's, else English."""
    for wish in (asked, remembered):
        if wish in LANGUAGES:
            return wish
    for name in _by_preference(accepted[:500]):
        if name.startswith("zh"):
            return "zh-CN"
        if name.startswith("en"):
            return "en"
    return "en"


def _by_preference(accepted: str) -> list[str]:
    wishes = []
    for part in accepted.split(","):
        name, _, rest = part.strip().lower().partition(";")
        weight = rest.strip().removeprefix("q=")
        wishes.append((-float(weight) if weight.replace(".", "", 1).isdecimal() else -1.0, name))
    return [name for _, name in sorted(wishes, key=lambda wish: wish[0])]
