"""Ctrl-C and SIGTERM, taken at the end of the work in hand.

What was begun is finished and written; a second Ctrl-C ends at once, and the next start settles what it left.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Draining:
    """Whether somebody asked for the end. `status` is the exit status that this gives."""

    def __init__(self, hear: Callable[[], None]) -> None:
        self.asked = 0
        self._hear = hear

    @property
    def status(self) -> int:
        return 130 if self.asked == signal.SIGINT else 0

    def ask(self, number: int, frame: FrameType | None) -> None:
        """A signal came."""
        if self.asked == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = number
        self._hear()


def _nothing() -> None:
    """Who looks at `asked` from time to time need not be told."""


@contextmanager
def drained(hear: Callable[[], None] = _nothing) -> Iterator[Draining]:
    """Take SIGINT and SIGTERM as a wish to end; `hear` is called when one comes."""
    draining = Draining(hear)
    before = {number: signal.signal(number, draining.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield draining
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
