"""Which identities a file has named already, at 12 bytes each however long they are.

An identity is remembered as its 64-bit hash with the line that named it first: a million cost 25 MB
(a dictionary: 100 MB and more). Two different identities share a hash once in 30 million files of a million.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Lines = npt.NDArray[np.uint32]

_START = 1 << 15
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing: neighbors in value are far apart in the table


class Seen:
    """A set of 64-bit hashes, each with the line of its first sight; an open-addressing table, at most half full."""

    def __init__(self) -> None:
        self._count = 0
        self._table(_START)

    def __len__(self) -> int:
        return self._count

    def lines(self, hashes: Sequence[int]) -> list[int]:
        """The line on which each hash was seen first; 0 for one never seen."""
        wanted = _array(hashes)
        found = np.zeros(len(wanted), dtype=np.uint32)
        asked = np.arange(len(wanted))
        slots = self._home(wanted)
        while len(asked):
            held = self._lines[slots]
            same = self._hashes[slots] == wanted[asked]
            hit = (held > 0) & same
            found[asked[hit]] = held[hit]
            onward = (held > 0) & ~same
            asked, slots = asked[onward], (slots[onward] + 1) & self._mask
        return [int(line) for line in found]

    def remember(self, hashes: Sequence[int], lines: Sequence[int]) -> None:
        """Add hashes never seen before, each once, with their lines (from 1)."""
        self._reserve(self._count + len(hashes))
        self._place(_array(hashes), np.asarray(lines, dtype=np.uint32))
        self._count += len(hashes)

    def _table(self, size: int) -> None:
        self._mask = size - 1
        self._shift = np.uint64(64 - (size.bit_length() - 1))
        self._hashes: Hashes = np.zeros(size, dtype=np.uint64)
        self._lines: Lines = np.zeros(size, dtype=np.uint32)

    def _reserve(self, count: int) -> None:
        size = self._mask + 1
        if 2 * count <= size:
            return
        while 2 * count > size:
            size *= 2
        held = self._lines > 0
        hashes, lines = self._hashes[held], self._lines[held]
        self._table(size)
        self._place(hashes, lines)

    def _place(self, hashes: Hashes, lines: Lines) -> None:
        slots = self._home(hashes)
        while len(hashes):
            free = self._lines[slots] == 0
            self._hashes[slots[free]] = hashes[free]
            self._lines[slots[free]] = lines[free]
            homeless = ~(free & (self._hashes[slots] == hashes))  # another of this batch took the slot
            hashes, lines = hashes[homeless], lines[homeless]
            slots = (slots[homeless] + 1) & self._mask

    def _home(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        return ((hashes * _SPREAD) >> self._shift).astype(np.int64)


def _array(hashes: Sequence[int]) -> Hashes:
    return np.fromiter((value & 0xFFFFFFFFFFFFFFFF for value in hashes), dtype=np.uint64, count=len(hashes))
