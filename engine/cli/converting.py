"""conversions import: what the brand's own systems know."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli import opening, words
from engine.cli.printing import progress, say, say_json

app = typer.Typer(help="Conversions of the brand's own systems.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def conversions() -> None:
    """Conversions of the brand's own systems."""


@app.command("import", epilog=words.example("ringlab conversions import friends.csv --event friend_added"))
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV or Parquet: id, contact or phone, event, at, value.")
    ],
    event: Annotated[str | None, typer.Option(metavar="NAME", help="The event, when no column says it.")] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Of times without one; else the region's.")] = None,
    region: words.Region = "CN",
    format: words.Format = "text",
    database: words.Database = None,
) -> None:
    """Take in a file of conversions, idempotent by id; rows that cannot be used go to a rejects file."""
    from engine.steps import people

    with opening.opened(database) as workspace, progress("importing") as step:
        done = people.import_conversions(
            workspace, file, opening.clock(), region=region, event=event, zone=zone, progress=step
        )
    if format == "json":
        say_json(
            {
                "schema": "ringlab.import/1", "read": done.read, "new": done.new, "rejected": done.rejected,
                "rejects": done.rejects and str(done.rejects),
            }
        )  # fmt: skip
        return
    say(f"{done.new:,} conversions are new of {done.read:,} rows, {done.rejected:,} rejected")
    if done.rejects:
        say(f"rejected rows, with reason and cure: {done.rejects}")
