"""Chance as a function of names: the same on any machine, in any order, process or batch.

Every chance is a keyed hash (BLAKE2b, the seed its key) of what it is for, of whom, and of which attempt.
One digest gives eight uniform numbers of 53 bits in [0, 1).
"""

import hashlib
from struct import Struct

_UNIT = 2.0**-53
_EIGHT = Struct("<8Q")


class Chance:
    """The chances of one seed."""

    __slots__ = ("_key", "_purposes")

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()
        self._purposes: dict[str, hashlib.blake2b] = {}

    def eight(self, purpose: str, name: str, attempt: int = 0) -> list[float]:
        """Eight independent uniforms in [0, 1) for this purpose (at most 16 letters), name and attempt.

        The name is Unicode text without lone surrogates.
        """
        digest = self._fresh(purpose)
        digest.update(f"{attempt}/{name}".encode())
        return [(word >> 11) * _UNIT for word in _EIGHT.unpack(digest.digest())]

    def word(self, purpose: str, name: str) -> str:
        """Sixteen hexadecimal digits for this purpose and name."""
        digest = self._fresh(purpose)
        digest.update(name.encode())
        return digest.hexdigest()[:16]

    def _fresh(self, purpose: str) -> hashlib.blake2b:
        started = self._purposes.get(purpose)
        if started is None:
            started = hashlib.blake2b(key=self._key, person=purpose.encode())
            self._purposes[purpose] = started
        return started.copy()
