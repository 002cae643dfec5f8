"""How words sound: their language, and how long they take to say.

The rates are those of a calm telephone voice: about 4.5 Chinese characters or 2.6 English words a second, 0.4
s of silence after a sentence and 0.2 s after a clause.
"""

import math
import re

from engine.scripting.values import Language

CHARACTERS_PER_SECOND = 4.5
WORDS_PER_SECOND = 2.6
SENTENCE_PAUSE = 0.4
CLAUSE_PAUSE = 0.2

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTERS = rf"(?:(?![{_HAN}])[^\W\d_])+"
_WORD = re.compile(rf"{_LETTERS}(?:['’]{_LETTERS})*")
_PARTS = re.compile(
    rf"(?P<han>[{_HAN}])|(?P<digits>\d+)|(?P<point>(?<=\d)[.:](?=\d))|(?P<word>{_WORD.pattern})"
    r"|(?P<sentence>[。！？!?；;….]+)|(?P<clause>[，、,：:—])|(?P<sign>[%％℃$¥￥€&+])"
)
_SPACE = re.compile(r"\s+")
_CHINESE = re.compile(rf"[{_HAN}\u3000-\u303f\uff00-\uffef]")
_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def language_of(text: str) -> Language:
    """The language that most of the text is in; template code does not count, and no words at all are English."""
    words = _CODE.sub(" ", text)
    han = len(re.findall(f"[{_HAN}]", words))
    return "zh" if han > len(_WORD.findall(words)) else "en"


def seconds(text: str, language: Language | None = None) -> float:
    """How many seconds `text` takes to say; `language` says how digits are read and is found out when not given."""
    language = language or language_of(text)
    total = 0.0
    for part in _PARTS.finditer(text):
        total += _duration(part.lastgroup or "", part.group(), language)
    return total


def _duration(kind: str, text: str, language: Language) -> float:
    character, word = 1 / CHARACTERS_PER_SECOND, 1 / WORDS_PER_SECOND
    match kind:
        case "han":
            return character
        case "digits":  # "2026" is four characters in Chinese and two words, twenty twenty-six, in English
            return len(text) * character if language == "zh" else math.ceil(len(text) / 2) * word
        case "word":
            return word
        case "point" | "sign":
            return character if language == "zh" else word
        case "sentence":
            return SENTENCE_PAUSE
        case _:
            return CLAUSE_PAUSE


def one_line(text: str, language: Language) -> str:
    """The text without the line breaks of its file: nothing in their place beside Chinese, a space elsewhere."""

    def gap(space: re.Match[str]) -> str:
        if "\n" not in space.group():
            return space.group()
        beside = text[max(space.start() - 1, 0) : space.start()] + text[space.end() : space.end() + 1]
        chinese = _CHINESE.search(beside) if beside else language == "zh"
        return "" if chinese else " "

    return _SPACE.sub(gap, text)
