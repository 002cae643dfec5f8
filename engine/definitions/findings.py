"""The problems of one file while it is read, and the values that are not to be judged any further."""

from collections.abc import Iterable
from itertools import islice

from engine.definitions.places import Place, Trail
from engine.definitions.reading import MOST_PROBLEMS, Document, legible
from engine.errors import Problem, did_you_mean

MOST_NAMES = 300  # among which the nearest is looked for


class Findings:
    """Collects problems at their places, up to a number that somebody would read.

    What was found wrong once is spoiled: nothing else is said about it, nor about what depends on it.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = list(document.problems)
        self.cautions: list[Problem] = []  # what is not wrong, and worth knowing
        self._spoiled: set[Trail] = set()
        self._around: set[Trail] = set()  # whatever holds a spoiled value
        taken = {(problem.line, problem.column) for problem in document.problems}
        for trail, place in document.places.values.items():
            if (place.line, place.column) in taken:
                self.spoil(trail)

    @property
    def full(self) -> bool:
        """Whether there are as many problems as are told."""
        return len(self.problems) >= MOST_PROBLEMS

    def near(self, word: str, known: Iterable[str]) -> str:
        """The end of a sentence that names what is nearest to a word among those that are known."""
        return "" if self.full else did_you_mean(word[:60], islice(known, MOST_NAMES))

    def at_key(self, trail: Trail, message: str, *, about: Trail | None = None) -> None:
        """A problem at the key of this trail; the message begins with `about`, the trail when not given."""
        self._add(self.document.places.key(trail), trail if about is None else about, message)

    def at_value(self, trail: Trail, message: str) -> None:
        """A problem at the value of this trail."""
        self._add(self.document.places.value(trail), trail, message)

    def caution(self, trail: Trail, message: str) -> None:
        """What the author should know, at the key of this trail or of what is nearest around it."""
        place, name = self.document.places.key(trail), dotted(trail)
        text = f"{name}: {message}" if name else message
        self.cautions.append(Problem(self.document.path, place.line, place.column, legible(text)))

    def spoil(self, trail: Trail) -> None:
        """Nothing more is said about the value of this trail."""
        self._spoiled.add(trail)
        self._around.update(trail[:end] for end in range(len(trail)))

    def clean(self, *trails: Trail) -> bool:
        """Whether nothing was wrong with these values, with anything in them, or with anything around them."""
        return not any(
            trail in self._around or any(trail[:end] in self._spoiled for end in range(len(trail) + 1))
            for trail in trails
        )

    def _add(self, place: Place, about: Trail, message: str) -> None:
        if self.full:
            return
        name = dotted(about)
        text = f"{name}: {message}" if name else message
        self.problems.append(Problem(self.document.path, place.line, place.column, legible(text)))


def dotted(trail: Trail) -> str:
    """A trail in the author's words: `arms.gift-first.script`; the places in a list are left out."""
    return ".".join(part[:60] for part in trail if isinstance(part, str))


def value_at(data: object, trail: Trail) -> object:
    """The plain value at a trail; raises KeyError when there is none."""
    for part in trail:
        if isinstance(part, int):
            if not isinstance(data, list) or part >= len(data):
                raise KeyError(part)
            data = data[part]
        elif isinstance(data, dict) and part in data:
            data = data[part]
        else:
            raise KeyError(part)
    return data


def mapping_at(data: object, *trail: str | int) -> dict[str, object]:
    """The plain mapping at a trail, empty when something else or nothing stands there."""
    try:
        value = value_at(data, trail)
    except KeyError:
        return {}
    return value if isinstance(value, dict) else {}


def shown(value: object) -> str:
    """A value as its author wrote it, on one short line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:59] + "…")
    if isinstance(value, list):
        return _cut("[" + ", ".join(shown(item) for item in value[:8]) + (", …]" if len(value) > 8 else "]"))
    if isinstance(value, dict):
        pairs = [f"{name}: {shown(item)}" for name, item in list(value.items())[:8]]
        return _cut("{" + ", ".join(pairs) + (", …}" if len(value) > 8 else "}"))
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"
