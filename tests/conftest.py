"""What holds for every test: properties are never judged by the speed of the machine; databases are real."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import databases, postgresql

# Who develops explores new cases in every run; who judges a change (`CI=1`) judges every change by the same.
settings.register_profile(
    "ringlab",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("ringlab")


def pytest_configure(config: pytest.Config) -> None:
    """A session and its workers share one server."""
    if not hasattr(config, "workerinput"):
        postgresql.begin_session()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The server ends with the session."""
    if not hasattr(config, "workerinput"):
        postgresql.end_session()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of what is kept are asked of every database."""
    kinds = databases.kinds_of(metafunc)
    if kinds:
        metafunc.parametrize("database_place", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module", autouse=True)
def database_place(request: pytest.FixtureRequest) -> Iterator[databases.Place]:
    """Where makers keep their databases while a test runs.

    A fixture of a module that makes a database must ask for this one: else it outlives the kind that it was made for.
    """
    with databases.place(getattr(request, "param", databases.KINDS[0])) as place:
        yield place


@pytest.fixture(autouse=True)
def _databases_of_the_test() -> Iterator[None]:
    """What a test makes is gone before the next."""
    with databases.here().swept():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the author of an adapter ask the conformance suite of it."""
    parser.addoption(
        "--adapter", action="append", default=[], metavar="MODULE:BENCH",
        help="ask tests/telephony/test_conformance.py of this bench alone (docs/adapters.md)",
    )  # fmt: skip
