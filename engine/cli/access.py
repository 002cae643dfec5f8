"""access add: tokens for pages and the API."""

from typing import Annotated, Literal

import typer

from engine.cli import opening, words
from engine.cli.printing import note, say

app = typer.Typer(help="Tokens for pages and the API.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def access() -> None:
    """Tokens for pages and the API."""


@app.command(epilog=words.example("ringlab access add --role viewer --label dashboard"))
def add(
    role: Annotated[Literal["viewer", "operator", "admin"], typer.Option(help="What its bearer may do.")],
    label: Annotated[str, typer.Option(metavar="TEXT", help="Whose it is.")] = "",
    database: words.Database = None,
) -> None:
    """Make a token and print it once; only its hash is kept."""
    from engine.steps import access as step

    with opening.opened(database) as workspace:
        token = step.add_token(workspace, role, label, opening.clock())
    note(f"a token with the role {role}; it is shown this once")
    say(token)
