"""Several processes on one database at the same moment: what each reads in order to write, no other changes under it.

Every workspace here has connections of its own, as a process has.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

from engine.core.events import Conversion
from engine.errors import NotNow
from engine.steps import access, control, enroll, receive, suppress
from engine.store import records
from engine.workspace import Workspace
from tests.steps.makers import (
    COLUMNS,
    MONDAY,
    arms_of,
    counts_of,
    make_rows,
    make_workspace,
    number_of,
    rows_of,
    start,
    write_experiment,
)
from tests.together import together

NAME = "gift-first"


@contextmanager
def processes(folder: Path, count: int) -> Iterator[list[Workspace]]:
    """So many workspaces on one database."""
    with ExitStack() as stack:
        yield [stack.enter_context(make_workspace(folder)) for _ in range(count)]


def test_a_database_has_one_secret(tmp_path: Path) -> None:
    """Whoever opens a new database at the same moment signs with the same secret."""
    with processes(tmp_path, 5) as opened:
        secrets = together(*(lambda one=one: one.secret for one in opened))
    assert len(set(secrets)) == 1


def test_there_is_one_first_token(tmp_path: Path) -> None:
    """Of several servers that start at once on a new database, one prints the first token."""
    with processes(tmp_path, 5) as opened:
        for _ in range(6):
            tokens = together(*(lambda one=one: access.first_admin_token(one, MONDAY) for one in opened))
            assert sum(token is not None for token in tokens) == 1
            assert number_of(opened[0], "SELECT count(*) FROM access") == 1
            with opened[0].database.writing() as connection:
                connection.exec_driver_sql("DELETE FROM access")


def test_an_experiment_starts_once(tmp_path: Path) -> None:
    """The same file started by several processes at once is one experiment, in which everybody has one arm."""
    path = write_experiment(tmp_path, 200)
    with processes(tmp_path, 3) as opened:
        done = together(*(lambda one=one: enroll.start(one, path, MONDAY) for one in opened))
        assert sum(sum(one.assigned.values()) for one in done) == 200
        assert number_of(opened[0], "SELECT count(*) FROM experiments") == 1
        assert sorted(rank for (rank,) in rows_of(opened[0], "SELECT rank FROM assignments")) == list(range(200))
        assert set(counts_of(opened[0], "SELECT arm, count(*) FROM assignments GROUP BY 1").values()) == {100}
        assert number_of(opened[0], "SELECT count(*) FROM calls") == 200
        assert opened[0].database.check() == ()


def test_experiments_that_start_at_once_share_nobody(tmp_path: Path) -> None:
    """Two experiments over the same people, started at the same moment, divide them between them."""
    rows = make_rows(120)
    paths = [
        write_experiment(tmp_path, rows, experiment=name, audience={"contacts": "contacts.csv", "columns": COLUMNS})
        for name in ("one", "two")
    ]
    with processes(tmp_path, 2) as opened:
        together(
            *(
                lambda one=one, path=path: enroll.start(one, path, MONDAY)
                for one, path in zip(opened, paths, strict=True)
            )
        )
        assert len(arms_of(opened[0])) == number_of(opened[0], "SELECT count(*) FROM assignments") == 120
        assert opened[0].database.check() == ()


def test_arrivals_continue_the_blocks(tmp_path: Path) -> None:
    """People who arrive through several processes at once continue one deal: no rank twice, no block torn."""
    path = write_experiment(tmp_path, 20)
    with processes(tmp_path, 4) as opened:
        start(opened[0], path)
        arrivals = [
            [{"key": f"N{place}", "phone": f"199001{place:05}"} for place in range(first, first + 10)]
            for first in range(0, 160, 10)
        ]

        def arrive(workspace: Workspace, part: list[list[dict[str, str]]]) -> int:
            return sum(enroll.add_contacts(workspace, people, MONDAY)["enrolled"][NAME] for people in part)

        parts = [arrivals[place::4] for place in range(4)]
        assert (
            sum(
                together(
                    *(lambda one=one, part=part: arrive(one, part) for one, part in zip(opened, parts, strict=True))
                )
            )
            == 160
        )
        assert sorted(rank for (rank,) in rows_of(opened[0], "SELECT rank FROM assignments")) == list(range(180))
        assert set(counts_of(opened[0], "SELECT arm, count(*) FROM assignments GROUP BY 1").values()) == {90}
        assert opened[0].database.check() == ()


def test_what_two_hear_of_one_contact_is_judged_together(tmp_path: Path) -> None:
    """Conversions of the same people that come through several processes all count, none is lost, none counts twice."""
    path = write_experiment(tmp_path, 12)
    hours = timedelta(hours=1)
    with processes(tmp_path, 4) as opened:
        start(opened[0], path)
        with opened[0].database.writing() as connection:
            connection.exec_driver_sql("UPDATE outcomes SET dialled = 1")
        keys = [key for (key,) in rows_of(opened[0], "SELECT key FROM contacts ORDER BY id")]

        def convert(workspace: Workspace, who: int, turn: int) -> int:
            heard = [
                # The last two tell the same, in opposite orders.
                Conversion(f"{key}/{turn}/{min(who, 2)}", key, "ordered", MONDAY + hours, 1.0)
                for key in (keys if who % 2 else keys[::-1])
            ]
            return receive.add_conversions(workspace, heard, MONDAY + 2 * hours)

        for turn in range(8):
            new = together(*(partial(convert, one, who, turn) for who, one in enumerate(opened)))
            assert sum(new) == 12 * 3
            kept = counts_of(opened[0], "SELECT contact_id, sum(value) FROM events GROUP BY 1")
            assert counts_of(opened[0], "SELECT contact_id, revenue FROM outcomes") == kept


def test_looks_have_their_own_numbers(tmp_path: Path) -> None:
    """Looks that are taken by several processes at once are counted on."""
    path = write_experiment(tmp_path, 10)
    with processes(tmp_path, 4) as opened:
        running = start(opened[0], path)

        def look(workspace: Workspace) -> list[int]:
            numbers = []
            for _ in range(10):
                with workspace.database.writing() as connection:
                    numbers.append(records.keep_look(connection, running.id, MONDAY, {}))
            return numbers

        taken = together(*(lambda one=one: look(one) for one in opened))
        assert sorted(number for part in taken for number in part) == list(range(1, 41))


def test_a_state_moves_once(tmp_path: Path) -> None:
    """Of several people who stop an experiment at the same moment one does, and the others are told that it is over."""
    path = write_experiment(tmp_path, 30)
    with processes(tmp_path, 4) as opened:
        start(opened[0], path)

        def stop(workspace: Workspace) -> int | None:
            try:
                return control.stop(workspace, NAME, "enough", "me", MONDAY)
            except NotNow:
                return None

        stopped = together(*(lambda one=one: stop(one) for one in opened))
        assert sorted(stopped, key=str) == [30, None, None, None]
        assert number_of(opened[0], "SELECT count(*) FROM audit WHERE action = 'stop'") == 1


def test_lists_may_cross(tmp_path: Path) -> None:
    """The same numbers put on the suppression list and taken off it by several processes, in any order."""
    phones = [f"199000{place:05}" for place in range(300)]
    with processes(tmp_path, 4) as opened:

        def suppress_and_free(workspace: Workspace, order: list[str]) -> None:
            for _ in range(4):
                suppress.add(workspace, order, "asked", "call", MONDAY)
                suppress.remove(workspace, order, MONDAY)

        together(
            *(
                lambda one=one, n=n: suppress_and_free(one, phones[:: 1 if n % 2 else -1])
                for n, one in enumerate(opened)
            )
        )
        assert number_of(opened[0], "SELECT count(*) FROM suppressions") == 0


def test_imports_may_cross(tmp_path: Path) -> None:
    """The same people brought by several processes, in any order, are in the roster once, numbers exchanged or not."""
    people = [{"key": f"P{place}", "phone": f"199002{place:05}"} for place in range(200)]
    swapped = [{"key": f"P{place ^ 1}", "phone": f"199002{place:05}"} for place in range(200)]
    with processes(tmp_path, 3) as opened:
        orders = [people, swapped[::-1], people[::-1]]
        together(
            *(
                lambda one=one, given=given: enroll.add_contacts(one, given, MONDAY)
                for one, given in zip(opened, orders, strict=True)
            )
        )
        assert number_of(opened[0], "SELECT count(*) FROM contacts") == 200
        assert number_of(opened[0], "SELECT count(DISTINCT phone) FROM contacts WHERE phone LIKE '+86%'") == 200
