"""What the journeys of many processes share."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.journeys.world import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where processes come from in which minutes are seconds."""
    with closing(Nursery(haste=True)) as found:
        yield found
