"""What a variant says differently, block by block and word by word."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from engine.scripting.library import Library
from engine.scripting.spoken import language_of, one_line
from engine.scripting.values import BLOCKS

Op = Literal["same", "added", "removed"]

SHORTEST_SAME = 2
"""Chinese characters that must stay together between two changes to be shown as unchanged; for words it is
one.
"""

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_TOKENS = re.compile(
    r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|[\u3400-\u4dbf\u4e00-\u9fff]"
    r"|(?:(?![\u3400-\u4dbf\u4e00-\u9fff])\w)+(?:['’-](?:(?![\u3400-\u4dbf\u4e00-\u9fff])\w)+)*|\s+|.",
    re.DOTALL,
)
_WORD = re.compile(r"\w|\{[\{%]")
_SUPER = re.compile(r"\{\{-?\s*super\(\)\s*-?\}\}")


@dataclass(frozen=True, slots=True)
class Part:
    """A run of text that both sides have, or only one of them."""

    op: Op
    text: str


@dataclass(frozen=True, slots=True)
class BlockDifference:
    """One block of two scripts. A side that lacks the block has no text."""

    name: str
    parts: tuple[Part, ...]

    @property
    def changed(self) -> bool:
        """Whether the two sides say different things."""
        return any(part.op != "same" for part in self.parts)

    @property
    def control(self) -> str:
        """The control's text of this block."""
        return "".join(part.text for part in self.parts if part.op != "added")

    @property
    def variant(self) -> str:
        """The variant's text of this block."""
        return "".join(part.text for part in self.parts if part.op != "removed")


def difference(library: Library, control: str, variant: str) -> tuple[BlockDifference, ...]:
    """Every block that either script has, in the order of the call; raises NotFound or ScriptError."""
    found = []
    for name in BLOCKS:
        sides = [spelled(library, script, name) for script in (control, variant)]
        if any(side is not None for side in sides):
            found.append(BlockDifference(name, compare(sides[0] or "", sides[1] or "")))
    return tuple(found)


def spelled(library: Library, script: str, block: str) -> str | None:
    """A block's whole template in one line, with the words of the parent in the place of `super()`; None without it."""
    text: str | None = None
    for _, outline in reversed(library.chain(script)):
        span = next((span for span in outline.spans() if span.name == block), None)
        if span is not None:
            parent = text or ""
            source = outline.source[span.start : span.end]
            source = one_line(source, language_of(source)).strip()
            text = _SUPER.sub(lambda _, parent=parent: parent, source)  # type: ignore[misc]
    return text


def compare(control: str, variant: str) -> tuple[Part, ...]:
    """The parts of two texts: words in English, characters in Chinese, template code as whole tags."""
    left, right = _TOKENS.findall(control), _TOKENS.findall(variant)
    parts: list[Part] = []
    for op, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if op == "equal":
            parts.append(Part("same", "".join(left[i1:i2])))
        else:
            parts += [Part("removed", "".join(left[i1:i2])), Part("added", "".join(right[j1:j2]))]
    return _joined(_scattered(parts))


def _scattered(parts: list[Part]) -> Iterable[Part]:
    """The parts, where what stayed the same between two changes by mere chance is shown as changed with them."""
    for place, part in enumerate(parts):
        if part.op == "same" and 0 < place < len(parts) - 1 and not _holds_together(part.text):
            yield Part("removed", part.text)
            yield Part("added", part.text)
        else:
            yield part


def _holds_together(text: str) -> bool:
    han = len(_HAN.findall(text))
    return han >= SHORTEST_SAME or bool(_WORD.search(_HAN.sub("", text)))


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Neighbors made one: of each run of changes, all that was removed and then all that was added."""
    made: list[Part] = []
    removed = added = ""
    for part in [*parts, Part("same", "")]:
        if part.op == "removed":
            removed += part.text
        elif part.op == "added":
            added += part.text
        else:
            made += [Part("removed", removed)] * bool(removed) + [Part("added", added)] * bool(added)
            removed = added = ""
            made += [part] * bool(part.text)
    return tuple(made)
