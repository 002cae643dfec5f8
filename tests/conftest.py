"""What holds for every test: properties are never judged by the speed of the machine."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ringlab", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("ringlab")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the author of an adapter ask the conformance suite of it."""
    parser.addoption(
        "--adapter", action="append", default=[], metavar="MODULE:BENCH",
        help="ask tests/telephony/test_conformance.py of this bench alone (docs/adapters.md)",
    )  # fmt: skip
