"""The time, told by the machine's clock and doubted when it jumps.

A clock that is set back makes an evening a second time an afternoon; one that is set forward makes a night a morning.
Beside the wall clock the machine counts steadily. While the two disagree about how much time has gone, the time may
be either, and a call must be allowed at both.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.steady import steady

log = logging.getLogger(__name__)

TOLERATED: Final = timedelta(seconds=2)
"""How far a wall clock may drift from the steady one, as a time server moves it."""


def real_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class SteadyClock:
    """The instants that it may be now: what the wall clock says, and what it would say had nobody set it."""

    def __init__(self, wall: Callable[[], datetime] = real_now, steady: Callable[[], timedelta] = steady) -> None:
        self._wall, self._steady = wall, steady
        self._base = wall() - steady()
        self._set = timedelta(0)
        self._lock = threading.Lock()

    def __call__(self) -> tuple[datetime, ...]:
        """The wall clock's instant, and behind it the other one when somebody set the clock."""
        with self._lock:
            now = self._wall()
            base = now - self._steady()
            step, self._base = base - self._base, base
            if abs(step) > TOLERATED:
                self._set += step
                log.warning(
                    "the clock was set by %.0f s; calls are placed when they are allowed at both times, "
                    "until a restart believes the new one", step.total_seconds(),
                )  # fmt: skip
            if abs(self._set) <= TOLERATED:
                self._set = timedelta(0)
            return (now, now - self._set) if self._set else (now,)
