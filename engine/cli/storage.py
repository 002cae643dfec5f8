"""database upgrade, backup, check."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli import opening, words
from engine.cli.printing import say

app = typer.Typer(help="The database.", no_args_is_help=True, rich_markup_mode=None)


@app.command(epilog=words.example("ringlab database upgrade"))
def upgrade(database: words.Database = None) -> None:
    """Bring the database to this release's schema, in one transaction; make it when it is absent."""
    from engine.store.database import NEWEST, Database

    opened = Database.upgrade(opening.opened(database).settings.database)
    opened.close()
    say(f"{opened.url} has schema {NEWEST}")


@app.command(epilog=words.example("ringlab database backup ringlab-backup.db"))
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; never overwritten.")],
    database: words.Database = None,
) -> None:
    """Copy the whole database, consistent, while others write."""
    with opening.opened(database, create=False) as workspace:
        workspace.database.backup(file)
    say(f"{file} is a whole copy")


@app.command(epilog=words.example("ringlab database check"))
def check(database: words.Database = None) -> None:
    """Ask for the file's integrity and the ledger's invariants; silent and 0 when all is well."""
    with opening.opened(database, create=False) as workspace:
        found = workspace.database.check()
    for sentence in found:
        say(sentence)
    if found:
        raise typer.Exit(1)
