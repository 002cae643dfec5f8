"""suppress add, remove, import, export, check: numbers that are never called.

Numbers in a command stay in the shell's history; `-` reads them from standard input, one in a line.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.cli import opening, words
from engine.cli.control import who
from engine.cli.printing import note, progress, say, say_bytes, say_json
from engine.errors import InputError

app = typer.Typer(help="Numbers that are never called.", no_args_is_help=True, rich_markup_mode=None)
Numbers = Annotated[list[str], typer.Argument(metavar="NUMBER", help="Numbers, or - for one in a line of the input.")]


def _read(numbers: list[str]) -> list[str]:
    """The numbers of the command, with those of standard input in the place of `-`."""
    found: list[str] = []
    for number in numbers:
        found += [line.strip() for line in sys.stdin if line.strip()] if number == "-" else [number]
    return found


@app.command(
    epilog=words.example(
        'ringlab suppress add 13800138000 --reason "asked by letter"', "ringlab suppress add - < numbers.txt"
    )
)
def add(
    numbers: Numbers, reason: words.Reason = "by hand", region: words.Region = "CN", database: words.Database = None
) -> None:
    """Never call these numbers again; what is planned for them is canceled."""
    from engine.steps import suppress

    with opening.opened(database) as workspace:
        added = suppress.add(
            workspace, _read(numbers), reason, "command line", opening.clock(), region=region, who=who()
        )
    say(f"{added:,} numbers added")


@app.command(epilog=words.example('ringlab suppress remove 13800138000 --reason "agreed again"'))
def remove(
    numbers: Numbers, reason: words.Reason = "", region: words.Region = "CN", database: words.Database = None
) -> None:
    """Take numbers off the list; what was canceled stays canceled."""
    from engine.steps import suppress

    with opening.opened(database, create=False) as workspace:
        removed = suppress.remove(workspace, _read(numbers), opening.clock(), reason=reason, region=region, who=who())
    say(f"{removed:,} numbers removed")


@app.command(
    "import",
    epilog=words.example(
        "ringlab suppress import do-not-call.csv --column mobile",
        "ringlab suppress import dncl.csv --list ca-dncl --region CA --replace",
    ),
)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or Parquet file.")],
    column: Annotated[str, typer.Option(metavar="COLUMN", help="The column with the numbers.")] = "phone",
    reason: words.Reason = "imported",
    region: words.Region = "CN",
    national: Annotated[
        str, typer.Option("--list", metavar="NAME", help="The national do-not-call list that this is, such as ca-dncl.")
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="With --list: this is all of it; what it no longer has comes off.")
    ] = False,
    format: words.Format = "text",
    database: words.Database = None,
) -> None:
    """Put every number of a file on the list; rows without a number that can be called go to a rejects file."""
    from engine.steps import suppress

    with opening.opened(database) as workspace, progress("importing") as step:
        done = suppress.import_file(
            workspace, file, column, reason, opening.clock(), region=region, who=who(), progress=step,
            national=national, replace=replace,
        )  # fmt: skip
    if format == "json":
        say_json(
            {
                "schema": "ringlab.import/1", "read": done.read, "new": done.new, "rejected": done.rejected,
                "rejects": done.rejects and str(done.rejects),
            }
        )  # fmt: skip
        return
    say(f"{done.new:,} numbers added of {done.read:,} rows, {done.rejected:,} rejected")
    if done.rejects:
        say(f"rejected rows, with reason and cure: {done.rejects}")


@app.command(epilog=words.example("ringlab suppress export -o do-not-call.csv"))
def export(output: words.Output = None, database: words.Database = None) -> None:
    """Write the whole list as CSV with whole numbers; the file is personal data."""
    import io

    from engine.intake.tables import write_table
    from engine.steps import suppress

    columns = ("phone", "reason", "source", "added_at", "kind", "until")
    with opening.opened(database, create=False) as workspace:
        rows = (
            (one.phone, one.reason, one.source, one.added_at, one.kind, one.until)
            for one in suppress.everything(workspace)
        )
        if output is not None:
            note(f"{write_table(output, columns, rows, 'csv'):,} numbers in {output}")
            return
        stream = io.BytesIO()
        write_table(stream, columns, rows, "csv")
    say_bytes(stream.getvalue())


@app.command(epilog=words.example("ringlab suppress check 13800138000"))
def check(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="A number, or - to read it.")],
    region: words.Region = "CN",
    database: words.Database = None,
) -> None:
    """Say whether a number may be called: exit status 1 when it is on the list."""
    from engine.steps import suppress

    given = _read([number])
    if len(given) != 1:
        raise InputError("give one number")
    with opening.opened(database, create=False) as workspace:
        listed = suppress.check(workspace, given[0], opening.clock(), region=region)
    say("on the list: it is never called" if listed else "not on the list")
    if listed:
        raise typer.Exit(1)
