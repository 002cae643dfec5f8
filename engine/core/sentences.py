"""Sentences as data: what a standing says, in English and Chinese, from one table (`engine.core.texts`).

A sentence is a key with values; a value may be a word in both languages or a sentence itself. So the verdict is
reached without a language, and both languages always say the same.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.core.texts import TEXTS

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Label:
    """A word or a number in both languages."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Several words after one another."""

    items: tuple["Words", ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A row of `TEXTS` with its values."""

    key: str
    values: Mapping[str, "Words"] = field(default_factory=dict)


Words = Sentence | Label | Listed | str


def say(words: Words, language: Language = "en") -> str:
    """The words in this language."""
    if isinstance(words, str):
        return words
    if isinstance(words, Label):
        return words.en if language == "en" else words.zh
    if isinstance(words, Listed):
        return (", " if language == "en" else "、").join(say(item, language) for item in words.items)
    template = TEXTS[words.key][LANGUAGES.index(language)]
    return template.format(**{name: say(value, language) for name, value in words.values.items()})


def in_both(key: str, words: Words) -> dict[str, str]:
    """The words under `key` in English, and under `key_zh` in Chinese."""
    return {key: say(words), f"{key}_zh": say(words, "zh")}


def listed(names: Iterable[str]) -> Listed:
    """Names after one another."""
    return Listed(tuple(names))


def whole(count: float) -> str:
    """A count with its thousands apart: `3,000`."""
    return f"{round(count):,}"


def people(count: float) -> Label:
    """A number of people."""
    return Label(f"{whole(count)} {'person' if round(count) == 1 else 'people'}", f"{whole(count)} 人")


def points(rate: float) -> str:
    """A difference of rates in percentage points: `2.1`, `0.35`."""
    value = rate * 100
    text = f"{value:.1f}" if abs(value) >= 0.995 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".") if float(text) else "0"


def amount(value: float) -> str:
    """A mean or ratio, to four digits."""
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def money(value: float) -> str:
    """Money to two digits, for nobody knows it better: `21,000`, `-450`, `8.5`."""
    if not value:
        return "0"
    digits = 1 - math.floor(math.log10(abs(value)))
    shown = round(value, digits)
    return f"{shown:,.0f}" if abs(shown) >= 10 else f"{shown:.{max(0, digits)}f}".rstrip("0").rstrip(".")


def odds(value: float) -> str:
    """Odds against one: `88`, `0.5`, and what is beyond imagination as such."""
    if value >= 1e6:
        return "1,000,000+"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def chance(p_value: float) -> str:
    """A p-value after its letter; it never pretends to be zero."""
    return f"= {p_value:.2g}" if p_value >= 0.0001 else "< 0.0001"


STAGE_WORDS = {
    "assigned": Label("assigned", "分组"),
    "dialled": Label("dialed", "外呼"),
    "connected": Label("connected", "接通"),
}
