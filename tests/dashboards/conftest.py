"""Every test of the web's edge stands on steps that answer as they are told."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.dashboards.makers import Steps


@pytest.fixture
def steps() -> Iterator[Steps]:
    """The engine's steps, for one test."""
    told = Steps()
    with ExitStack() as stack:
        for patched in told.patches():
            stack.enter_context(patched)
        yield told
