"""Where things stand in a template's source: its words, its blocks and what it extends.

A template is read here as tokens, without running or even understanding it, so that a file
with mistakes still has places to show them at.
"""

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment
from jinja2.exceptions import TemplateError

SYNTAX = Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 - words, not HTML
"""The syntax of scripts; it parses and never renders."""
SYNTAX.globals.clear()

_NEED_END = frozenset({"block", "if", "for", "with"})


@dataclass(frozen=True, slots=True)
class Token:
    """One word of template code, or one piece of the text between; `start` and `end` are offsets in the source."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """One block's inside in the source, and where its name stands."""

    name: str
    named_at: int
    start: int
    end: int


class Outline:
    """The tokens of one source, with their places. A source that cannot be read to its end has those before
    the mistake.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._starts = [0, *(line.end() for line in re.finditer("\n", source))]
        self.tokens = tuple(_tokens(source))

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line_start(self, line: int) -> tuple[int, int]:
        """Line and column of the first letter of a line; the last line when the source is shorter."""
        line = min(max(line, 1), len(self._starts))
        start = self._starts[line - 1]
        rest = self.source[start:].split("\n", 1)[0]
        return line, len(rest) - len(rest.lstrip()) + 1

    def find(self, line: int, word: str) -> tuple[tuple[int, int], ...]:
        """Every place of `word` in the code of a line; the start of the line when it is not there as such."""
        places = [
            self.place(token.start) for token in self.tokens if word and token.kind != "data" and _is(token, word)
        ]
        return tuple(place for place in places if place[0] == line) or (self.line_start(line),)

    def extends(self) -> tuple[str, int] | None:
        """The script that this one extends, without its `.j2`, and the offset of its name; None for a base."""
        for word, name in zip(self._code, self._code[1:], strict=False):
            if word.text == "extends" and word.kind == "name" and name.kind == "string":
                return name.text[1:-1].removesuffix(".j2"), name.start
        return None

    def spans(self) -> tuple[Span, ...]:
        """The blocks of the source, in its order; a block that is never closed is not one."""
        found: list[Span] = []
        opened: list[tuple[Token, int]] = []
        for word, name, begin, end in self._tags():
            if word.text == "block" and name is not None:
                opened.append((name, end.end))
            elif word.text == "endblock" and opened:
                opening, start = opened.pop()
                found.append(Span(opening.text, opening.start, start, begin.start))
        return tuple(sorted(found, key=lambda span: span.start))

    def unclosed(self) -> tuple[Token, ...]:
        """The first words of the tags that need an end and have none, as in `{% if … %}` without its `{% endif %}`."""
        opened: list[Token] = []
        unclosed: list[Token] = []
        for word, *_ in self._tags():
            begun = word.text.removeprefix("end")
            if word.text in _NEED_END:
                opened.append(word)
            elif begun != word.text and any(other.text == begun for other in opened):
                while opened[-1].text != begun:
                    unclosed.append(opened.pop())
                opened.pop()
        return (*unclosed, *opened)

    @property
    def _code(self) -> tuple[Token, ...]:
        return tuple(token for token in self.tokens if token.kind not in ("data", "whitespace"))

    def _tags(self) -> Iterator[tuple[Token, Token | None, Token, Token]]:
        """(first word, second word if it is a name, the tag's begin, the tag's end) of every `{% … %}`."""
        tag: list[Token] = []
        for token in self._code:
            if token.kind == "block_begin":
                tag = [token]
            elif tag:
                tag.append(token)
                if token.kind == "block_end" and len(tag) > 2:
                    second = tag[2] if tag[2].kind == "name" else None
                    yield tag[1], second, tag[0], token
                    tag = []


def _is(token: Token, word: str) -> bool:
    return token.text == word or (token.kind == "string" and token.text[1:-1] == word)


def _tokens(source: str) -> Iterator[Token]:
    """Tokens in order; each is looked for behind the last, since only white space is ever dropped between them."""
    offset = 0
    try:
        for _, kind, text in SYNTAX.lex(source):
            start = source.find(text, offset)
            if start < 0:
                start = offset
            offset = start + len(text)
            yield Token(kind, text, start, offset)
    except (TemplateError, RuntimeError):
        # The same mistake is reported, with its line, by whoever parses the source.
        return
