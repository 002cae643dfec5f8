"""One measured number, and how it is taken: processor time, the best of a few, beside a limit of the same run."""

import math
import re
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table. `limit` is what this machine does at most in the same unit, measured in the same run.

    `ratio` is what the product takes over what the limit takes: below 1 it is faster. `peers` are what other programs
    took for the same, and `ahead` what the best of them took over what the product took: above 1 the product is faster.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    limit_is: str = ""
    peers: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Our time over the limit's, whether the unit counts time or work done in a second."""
        if not self.limit or not self.value:
            return None
        return self.limit / self.value if self._is_speed else self.value / self.limit

    @property
    def _is_speed(self) -> bool:
        return self.unit.endswith("/s")

    @property
    def best_peer(self) -> str | None:
        """The fastest of the peers."""
        if not self.peers:
            return None
        return (max if self._is_speed else min)(self.peers, key=self.peers.__getitem__)

    @property
    def ahead(self) -> float | None:
        """The best peer's time over ours."""
        if self.best_peer is None or not self.value:
            return None
        best = self.peers[self.best_peer]
        return self.value / best if self._is_speed else best / self.value

    def as_json(self) -> dict[str, Any]:
        """The line as plain data."""
        return asdict(self) | {"ratio": self.ratio, "best_peer": self.best_peer, "ahead": self.ahead}


def processor_time(work: Callable[[], object], times: int = 1) -> float:
    """The least processor seconds, of all threads, of some runs: other programs disturb it least."""
    taken = []
    for _ in range(times):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return max(min(taken), 1e-9)


def most_memory() -> int:
    """The most bytes that this process held at once, where the system tells it of one program alone."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii"))):
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of the cost over the size on logarithmic scales: 1 is linear, 0 does not depend on the size."""
    x, y = [math.log(size) for size in sizes], [math.log(taken) for taken in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((one - mean_x) ** 2 for one in x)
    return sum((one - mean_x) * (other - mean_y) for one, other in zip(x, y, strict=True)) / spread if spread else 0.0
