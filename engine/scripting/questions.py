"""The questions that people ask on a call, and what is answered.

A bank is a YAML list of entries: `question`, `ask` (other wordings, optional) and `answer`, which may use the
same values as a script, as in `{{ brand }}`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Problem, ProblemsFound, did_you_mean

KEYS = ("question", "ask", "answer")
SHORTEST_INSIDE = {"zh": 3, "en": 8}
"""Letters that a wording needs before it is recognized inside of a longer sentence."""

_DROPPED = re.compile(r"['’]")
_APART = re.compile(r"[\W_]+")
_ENDING = re.compile(r"[啊呀呢吧哦嘛啦]+$")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One question with its other wordings, and its answer as a template."""

    question: str
    ask: tuple[str, ...]
    answer: str

    @property
    def wordings(self) -> tuple[str, ...]:
        """The question and every other wording of it."""
        return (self.question, *self.ask)


class QuestionBank:
    """What a script can answer beside its own words."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self._answers = {normalized(wording): entry.answer for entry in reversed(entries) for wording in entry.wordings}
        self._longest = sorted((wording for wording in self._answers if _tells(wording)), key=len, reverse=True)

    @classmethod
    def of(cls, path: Path, data: object, source: str = "") -> "QuestionBank":
        """A bank from the plain data of its file; raises ProblemsFound with everything that is wrong in it."""
        found = tuple(problems(path, data, source))
        if found:
            raise ProblemsFound(found)
        entries = data if isinstance(data, list) else []
        return cls(tuple(Entry(item["question"], tuple(item.get("ask") or ()), item["answer"]) for item in entries))

    @property
    def questions(self) -> tuple[str, ...]:
        """Every question in its first wording."""
        return tuple(entry.question for entry in self.entries)

    def answer(self, question: str) -> str | None:
        """The answer to a question, as a template; None when the bank does not know it.

        Case, width, punctuation and final particles make no difference. A sentence that has a known wording
        in it is answered like the longest such wording.
        """
        asked = normalized(question)
        if asked in self._answers:
            return self._answers[asked]
        inside = next((wording for wording in self._longest if _within(wording, asked)), None)
        return None if inside is None else self._answers[inside]


def normalized(question: str) -> str:
    """A question as it is compared: lower case, half width, single spaces between words, none in Chinese."""
    text = _APART.sub(" ", _DROPPED.sub("", unicodedata.normalize("NFKC", question).casefold())).strip()
    if _HAN.search(text):
        text = _ENDING.sub("", text.replace(" ", ""))
    return text


def problems(path: Path, data: object, source: str = "") -> Iterator[Problem]:
    """Everything that is wrong with the plain data of a bank's file, at the lines of `source`."""
    if not isinstance(data, list) or not data:
        yield Problem(str(path), 1, 1, "a question bank is a list of entries with question, ask and answer")
        return
    seen: dict[str, str] = {}
    for number, item in enumerate(data, start=1):
        if not isinstance(item, dict):
            yield Problem(
                str(path),
                *place(source, item),
                f"entry {number} is not a mapping of question, ask and answer",
            )
            continue
        yield from _entry_problems(path, number, item, source)
        for wording in _wordings(item):
            key = normalized(wording)
            if key in seen:
                message = f"{wording!r} is asked twice; it is the same question as {seen[key]!r}"
                yield Problem(str(path), *place(source, wording, last=True), message)
            seen.setdefault(key, wording)


def place(source: str, value: object, last: bool = False) -> tuple[int, int]:
    """Line and column of a value of the file, 0 and 0 when its first words are not written there in one line."""
    text = value.strip().split("\n")[0][:24] if isinstance(value, str) else ""
    lines = [
        (number, line.find(text) + 1)
        for number, line in enumerate(source.split("\n"), start=1)
        if text and text in line
    ]
    return (lines[-1] if last else lines[0]) if lines else (0, 0)


def _entry_problems(path: Path, number: int, item: dict[object, object], source: str) -> Iterator[Problem]:
    where = place(source, item.get("question"))
    for key in item:
        if key not in KEYS:
            yield Problem(str(path), *place(source, f"{key}:"), f"unknown key {key!r}{did_you_mean(str(key), KEYS)}")
    for key in ("question", "answer"):
        value = item.get(key)
        if not isinstance(value, str) or not value.strip():
            yield Problem(str(path), *where, f"entry {number} has no {key}; write it as text")
    ask = item.get("ask")
    if ask is not None and not (isinstance(ask, list) and all(isinstance(wording, str) for wording in ask)):
        yield Problem(str(path), *where, f"`ask` of entry {number} is not a list of texts")


def _wordings(item: dict[object, object]) -> list[str]:
    ask = item.get("ask")
    return [word for word in [item.get("question"), *(ask if isinstance(ask, list) else [])] if isinstance(word, str)]


def _tells(wording: str) -> bool:
    return len(wording) >= SHORTEST_INSIDE["zh" if _HAN.search(wording) else "en"]


def _within(wording: str, asked: str) -> bool:
    return wording in asked if _HAN.search(wording) else f" {wording} " in f" {asked} "
