"""What a YAML 1.2 scalar means: the core schema, in which `no`, `on` and `09:00` are text.

Source: YAML 1.2.2, section 10.3.2.
"""

import math
import re

from engine.definitions.places import Place

NULL = frozenset({"", "~", "null", "Null", "NULL"})
TRUE = frozenset({"true", "True", "TRUE"})
FALSE = frozenset({"false", "False", "FALSE"})
INTEGER = re.compile(r"[-+]?[0-9]+\Z")
BASES = ((re.compile(r"0o[0-7]+\Z"), 8), (re.compile(r"0x[0-9a-fA-F]+\Z"), 16))
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
NO_NUMBER = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
LONGEST_NUMBER = 30
CORE = "tag:yaml.org,2002:"


class Refused(Exception):
    """A part of a file that is not taken; `message` says why and what to do."""

    def __init__(self, place: Place, message: str) -> None:
        self.place, self.message = place, message
        super().__init__(message)


def plain(text: str) -> object:
    """The value of an unquoted scalar; raises ValueError for a number that cannot be kept."""
    if text in NULL:
        return None
    if text in TRUE or text in FALSE:
        return text in TRUE
    if NO_NUMBER.match(text):
        raise ValueError(f"{text} is not a number that can be used here")
    for form, base in BASES:
        if form.match(text):
            return int(_short(text), base)
    if INTEGER.match(text):
        return int(_short(text))
    if FLOAT.match(text):
        number = float(_short(text))
        if not math.isfinite(number):
            raise ValueError(f"{text} is too large a number")
        return number
    return text


def _short(text: str) -> str:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"{text[:12]}… has too many digits; put it in quotes if it is text")
    return text


TAGGED: dict[str, tuple[type, ...]] = {"int": (int,), "float": (float, int), "bool": (bool,), "null": (type(None),)}


def scalar(text: str, tag: str | None, quoted: bool) -> object:
    """The value of a scalar with this tag; raises ValueError that says what is wrong with it."""
    found = NOT_TEXT.search(text)
    if found:
        raise ValueError(f"the character {found[0]!r} cannot be used; take it out")
    if tag is None:
        return text if quoted else plain(text)
    if tag in ("!", CORE + "str"):
        return text
    kind = tag.removeprefix(CORE)
    if tag == kind or kind not in TAGGED:
        raise ValueError(refused_tag(tag))
    value = plain(text)
    if type(value) not in TAGGED[kind]:
        raise ValueError(f"{text[:60]!r} is not what its tag !!{kind} says")
    return value


def refused_tag(tag: str) -> str:
    """Why a tag is not taken."""
    name = "!!" + tag.removeprefix(CORE) if tag.startswith(CORE) else tag
    return f"the tag {name[:80]} is refused: a file holds plain words, numbers, lists and mappings, and runs nothing"
