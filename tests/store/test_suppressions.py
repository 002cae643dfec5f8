"""The suppression list."""

from engine.store import suppressions
from engine.store.suppressions import Suppression
from tests.store.makers import LATER, NOW, make_database

ONE, TWO, THREE = "+8619900000001", "+8619900000002", "+8619900000003"


def test_a_number_is_put_on_once_and_keeps_its_reason() -> None:
    """A number that is on the list already is not new, and stays there for its first reason."""
    with make_database().writing() as connection:
        assert suppressions.add(connection, [ONE, TWO, ONE], "opted_out", "call", NOW) == 2
        assert suppressions.add(connection, [TWO, THREE], "complaint", "form", LATER) == 1
        assert suppressions.count(connection) == 3
        assert list(suppressions.export(connection)) == [
            Suppression(ONE, "opted_out", "call", NOW),
            Suppression(TWO, "opted_out", "call", NOW),
            Suppression(THREE, "complaint", "form", LATER),
        ]


def test_a_number_is_taken_off() -> None:
    """What was on the list is counted once when it is taken off."""
    with make_database().writing() as connection:
        suppressions.add(connection, [ONE], "opted_out", "call", NOW)
        assert suppressions.contains(connection, ONE)
        assert suppressions.remove(connection, [ONE, TWO]) == 1
        assert not suppressions.contains(connection, ONE)


def test_the_listed_among_many() -> None:
    """Of more numbers than one statement takes, exactly those on the list are found."""
    many = [f"+{number}" for number in range(35_000)]
    with make_database().writing() as connection:
        suppressions.add(connection, many[::7], "opted_out", "file", NOW)
        assert suppressions.suppressed_among(connection, many) == set(many[::7])


def test_pages_of_the_list() -> None:
    """The list is read in pages, the latest first."""
    with make_database().writing() as connection:
        suppressions.add(connection, [ONE, TWO], "opted_out", "call", NOW)
        suppressions.add(connection, [THREE], "opted_out", "call", LATER)
        assert [one.phone for one in suppressions.listing(connection, 2)] == [THREE, ONE]
        assert [one.phone for one in suppressions.listing(connection, 2, 2)] == [TWO]


def test_nothing_is_nothing() -> None:
    """An empty request is answered without a statement."""
    with make_database().writing() as connection:
        assert suppressions.add(connection, [], "opted_out", "call", NOW) == 0
        assert suppressions.suppressed_among(connection, []) == set()
        assert list(suppressions.export(connection)) == []
