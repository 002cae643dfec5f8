"""Places at which a test may end the process at once, as a power cut would.

They cost a look into an empty string while nobody names one. `RINGLAB_FAILPOINT=claimed` kills the process when it
comes there first, `claimed:3` at the third time.
"""

import os
import signal
from typing import Final

FAILPOINTS: Final = (
    "claimed",  # calls are begun
    "sent",  # calls are written as sent, the provider was not asked
    "answered",  # the provider has answered, and nobody wrote it down
    "receipts kept",  # the receipts are written
    "released",  # what a dead process had begun is planned again
    "asked",  # the provider was asked about lost calls, and nobody wrote it down
    "settled",  # what it said is written, its events are not followed
    "heard",  # events were polled and are not written
    "taken",  # events are written, what follows is not sent
    "stored",  # a report is stored and not judged
    "judging",  # reports are understood and not written as events
    "message begun",  # a message is begun and not sent
    "message answered",  # a message is sent, and nobody wrote it down
)
NAME: Final = "RINGLAB_FAILPOINT"

_name, _, _times = os.environ.get(NAME, "").partition(":")
_left = int(_times) if _times.isdecimal() else 1


def reached(name: str) -> None:
    """End here without a word when this place is the one that is asked for."""
    global _left  # noqa: PLW0603  how often it was passed belongs to the process
    if not _name or name != _name:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
