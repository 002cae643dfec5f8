"""YAML text → plain data and the place of every word of it.

The meaning is YAML 1.2's. What could harm is refused before it is built: a file that is too
large, that nests too deep, that expands to too much through its aliases, or that asks to run code.
"""

import codecs
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from engine.definitions.nodes import Composer, spread
from engine.definitions.places import Lines, Place, Places, Trail
from engine.definitions.scalars import NOT_TEXT, Refused
from engine.errors import Problem, ProblemsFound, UnreadableFile

LARGEST = 1024 * 1024  # bytes
LONGEST_MESSAGE = 400
MOST_PROBLEMS = 200  # more are not read by anybody, and finding the nearest words takes time
LONG_TAG = re.compile(r"![!-+\--~]{5000}", re.ASCII)  # the parser's time grows with the square of a tag


@dataclass(frozen=True, slots=True)
class Document:
    """One file's plain data, the places of its words, and what was wrong with single words of it."""

    path: str
    data: object
    places: Places
    problems: tuple[Problem, ...]


def read_text(path: Path) -> str:
    """The text of a file; raises UnreadableFile, or ProblemsFound at the first byte that is no text."""
    content = _bytes(path)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableFile(str(path), "it is UTF-16", "save it as UTF-8")
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        place = Lines(before).place(len(before))
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise ProblemsFound([Problem(str(path), place.line, place.column, message)]) from error


def _bytes(path: Path) -> bytes:
    shown = str(path)
    try:
        facts = path.stat()
        if stat.S_ISDIR(facts.st_mode):
            raise UnreadableFile(shown, "it is a directory", "name a file")
        if not stat.S_ISREG(facts.st_mode):
            raise UnreadableFile(shown, "it is not a regular file", "name a file")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1) if facts.st_size <= LARGEST else b""
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UnreadableFile(shown, "there is no such file", "check its name and where you are") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableFile(shown, f"it cannot be read ({reason})", "check its name and who may read it") from error
    if facts.st_size > LARGEST or len(content) > LARGEST:
        size = max(facts.st_size, len(content)) / LARGEST
        raise UnreadableFile(
            shown, f"it is {size:.1f} MiB large, more than the 1 MiB that a YAML file may have",
            "keep data such as contacts in a file of their own",
        )  # fmt: skip
    return content


def parse(text: str, path: str) -> Document:
    """The document of this text; raises ProblemsFound when there is none in it.

    Problems with single words, such as a key given twice, are kept in the document.
    """
    lines = Lines(text)
    wrong, tag = NOT_TEXT.search(text), LONG_TAG.search(text)
    composer = Composer(text, lines)
    try:
        if wrong:
            raise Refused(lines.place(wrong.start()), f"the character {wrong[0]!r} cannot be used; take it out")
        if tag:
            raise Refused(lines.place(tag.start()), "more than 5,000 characters without a space after '!'; shorten it")
        root = composer.document()
    except Refused as error:
        refused = [*composer.refused[:MOST_PROBLEMS], error]
        raise ProblemsFound(_problem(path, one) for one in refused) from error
    keys: dict[Trail, Place] = {}
    values: dict[Trail, Place] = {}
    data = spread(root, (), keys, values)
    return Document(
        path, data, Places(keys, values), tuple(_problem(path, one) for one in composer.refused[:MOST_PROBLEMS])
    )


def _problem(path: str, refused: Refused) -> Problem:
    return Problem(path, refused.place.line, refused.place.column, legible(refused.message))


def legible(message: str) -> str:
    """A message on one line of bearable length, with what cannot be printed written out."""
    text = message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def read_yaml(path: Path) -> object:
    """A file's plain data, None when it is empty; raises UnreadableFile or ProblemsFound."""
    document = parse(read_text(path), str(path))
    if document.problems:
        raise ProblemsFound(document.problems)
    return document.data
