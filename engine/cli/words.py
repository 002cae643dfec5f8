"""Options that several commands have."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Database = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL",
        help="Where the database is; else RINGLAB_DATABASE_URL, else sqlite:///ringlab.db here.",
    ),
]  # fmt: skip
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="What is printed.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept.")]
Region = Annotated[
    str, typer.Option("--region", metavar="XX", help="ISO 3166 country of numbers without a country code.")
]
Alpha = Annotated[
    str, typer.Option("--alpha", metavar="P", help="Chance of any false winner, two-sided, over all arms.")
]
Level = Annotated[str, typer.Option("--level", metavar="P", help="Level of the ranges.")]
Shape = Literal["text", "json"]


def example(*lines: str) -> str:
    """The end of a command's help."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
