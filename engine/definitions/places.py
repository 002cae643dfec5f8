"""Where the words of a file stand."""

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

Trail = tuple[str | int, ...]  # the way to a value: keys of mappings, indices of lists


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A character of a text; both count from 1."""

    line: int
    column: int


START = Place(1, 1)


class Lines:
    """Finds the line and column of a character of a text."""

    def __init__(self, text: str) -> None:
        self.starts = [0, *(end.end() for end in re.finditer(r"\r\n|\r|\n", text))]

    def place(self, index: int) -> Place:
        """The place of the character at this index, which counts from 0."""
        line = bisect_right(self.starts, index)
        return Place(line, index - self.starts[line - 1] + 1)


@dataclass(frozen=True, slots=True)
class Places:
    """The places of every key and every value of one file.

    What an alias or a merge key brings in stands where its anchor wrote it.
    """

    keys: Mapping[Trail, Place]
    values: Mapping[Trail, Place]

    def key(self, trail: Trail) -> Place:
        """The place of the key at this trail, of its value when it has none, or of the nearest parent."""
        while trail:
            place = self.keys.get(trail) or self.values.get(trail)
            if place is not None:
                return place
            trail = trail[:-1]
        return START

    def value(self, trail: Trail) -> Place:
        """The place of the value at this trail, or of the nearest parent's key."""
        return self.values.get(trail) or self.key(trail)
