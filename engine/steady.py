"""How much time has gone, whatever anybody sets: the machine's steady counter."""

import time
from collections.abc import Callable
from datetime import timedelta


def steady() -> timedelta:
    """The counter; a machine's sleep counts where its counter knows of it."""
    counter = getattr(time, "CLOCK_BOOTTIME", None)
    return timedelta(seconds=time.monotonic() if counter is None else time.clock_gettime(counter))


def _wall() -> timedelta:
    return timedelta(seconds=time.time())


class Since:
    """How long ago this was made, by the clock that says longer: what one misses, halted or set back, the other tells.

    So what must happen within a time never happens after it, though it may be given up too early.
    """

    def __init__(self, *clocks: Callable[[], timedelta]) -> None:
        self._clocks = clocks or (steady, _wall)
        self._begun = [clock() for clock in self._clocks]

    def __call__(self) -> timedelta:
        return max(clock() - begun for clock, begun in zip(self._clocks, self._begun, strict=True))
