"""What a command says: results on standard output, notes and progress on standard error.

Colors and progress bars are for terminals alone. No text is taken for markup.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

WIDE = 200  # columns of a table that goes to a file or a pipe


def say(text: str = "") -> None:
    """A line of the result."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """A line beside the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """The result as JSON."""
    say(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False, default=str))


def say_bytes(data: bytes) -> None:
    """The result as a file that goes through a pipe."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def console(*, stderr: bool = False) -> "Console":
    """Where tables and bars go."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def say_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """A table. A column whose name begins with `#` is aligned to the right."""
    from rich import box
    from rich.table import Table

    if title:
        say(title)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            column.removeprefix("#"), justify="right" if column.startswith("#") else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console().print(table)


Step = Callable[[int, int], None]


@contextmanager
def progress(description: str) -> Iterator[Step]:
    """A bar on the terminal while something takes its time; hears (done, of how much)."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    with bar() as shown:
        task = shown.add_task(description, total=None)

        def step(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total or None)

        yield step


def bar() -> "Progress":
    """An empty set of progress bars on standard error, which is gone when the work is done."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console(stderr=True), transient=True)


def _unseen(done: int, total: int) -> None:
    """Nobody watches."""
