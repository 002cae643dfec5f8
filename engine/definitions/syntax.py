"""What is wrong with a text that is no YAML, in words that say what to change."""

import re
from collections.abc import Callable

from ruamel.yaml.error import MarkedYAMLError

from engine.definitions.places import Lines, Place

INDENTED = "this line does not belong to what stands above it; indent it like the keys beside it"
CURES: tuple[tuple[str, str], ...] = (
    (r"found character '\\t'", "a tab cannot indent; use spaces"),
    (r"found character (?P<it>'.+')", "a value cannot begin with {it}; put it in quotes"),
    (
        r"mapping values are not allowed",
        "a ':' is not expected here; quote a value that holds ': ', or indent this line like the keys beside it",
    ),
    (r"sequence entries are not allowed", "a list item is not expected here; begin the list on a line of its own"),
    (r"mapping keys are not allowed", "a '?' is not expected here; put the value in quotes"),
    (r"could not find expected ':'", "a key without ':'; write it as `key: value`"),
    (r"expected <block end>, but found '-'", "a list item is not expected here; indent it like the items beside it"),
    (r"expected <block end>", INDENTED),
    (r"expected '<document start>'", INDENTED),
    (r"expected the node content, but found '(?P<it>.+)'", "a value is missing before '{it}'"),
    (r"found unknown escape character (?P<it>.+)", "{it} is no escape inside double quotes; use single quotes"),
    (r"expected escape sequence|hexdecimal", "the escape is not complete; use single quotes"),
    (r"expected alphabetic or numeric", "'*' and '&' name an anchor; put a value that begins with one in quotes"),
    (r"found undefined tag handle (?P<it>.+)", "the tag handle {it} is not known; take the tag out"),
    (r"more indented follow up line", "the first line of a block of text is indented more than the next"),
    (r"chomping or indentation", "only a comment or an indentation may follow '|' or '>'"),
    (r"document separator", "a quote is not closed before '---'"),
    (r"incompatible YAML", "only YAML 1.x can be read; take the %YAML line out"),
)  # fmt: skip


def explained(
    error: MarkedYAMLError, text: str, lines: Lines, quoted: tuple[Place, int] | None = None
) -> tuple[Place, str]:
    """The place and the words for a syntax error of this text.

    `quoted` is the last text in quotes that goes over several lines, when there is one: its place and its last line.
    """
    at = _place(error.problem_mark, text, lines)
    begun = _place(error.context_mark, text, lines) or at or lines.place(len(text))
    at = at or begun
    if quoted is not None and quoted[1] == at.line:
        return quoted[0], f"this quote is closed only in line {at.line}; is one missing before?"
    context, problem = str(error.context or ""), str(error.problem or "")
    for name, chosen in (("quoted scalar", _quote), ("flow ", _bracket)):
        if name in context:
            found = chosen(problem, begun, at, text, lines)
            if found:
                return found
    for form, cure in CURES:
        match = re.search(form, problem)
        if match:
            if "without ':'" in cure:
                return begun, _no_colon(cure, text[lines.starts[begun.line - 1] :])
            return at, cure.format(**match.groupdict())
    return at, f"this is not YAML: {problem or context}"


Explained = tuple[Place, str]
Explain = Callable[[str, Place, Place, str, Lines], Explained | None]


def _quote(problem: str, begun: Place, at: Place, text: str, lines: Lines) -> Explained | None:
    if "end of stream" in problem or "document separator" in problem:
        return begun, "this quote is never closed"
    return None


def _bracket(problem: str, begun: Place, at: Place, text: str, lines: Lines) -> Explained | None:
    found = re.search(r"expected ',' or '(?P<close>.)', but got '(?P<it>.+)'", problem)
    if not found:
        return None
    opening, closing = ("{", "}") if found["close"] == "}" else ("[", "]")
    left = "end" in found["it"] or (at.line > begun.line and _indent(at, text, lines) <= _indent(begun, text, lines))
    if left:
        return begun, f"this '{opening}' is never closed with '{closing}'"
    return at, f"',' or '{closing}' is missing before this, in the '{opening}' of line {begun.line}"


def _no_colon(cure: str, line: str) -> str:
    glued = re.match(r"\s*[\w-]+:(?=\S)", line)
    return f"write a space after {glued[0].strip()!r}" if glued else cure


def _indent(place: Place, text: str, lines: Lines) -> int:
    line = text[lines.starts[place.line - 1] :]
    return len(line) - len(line.lstrip(" "))


def _place(mark: object, text: str, lines: Lines) -> Place | None:
    index = getattr(mark, "index", None)
    return lines.place(min(index, len(text))) if isinstance(index, int) else None
