"""The command `ringlab`, with every group of verbs in it."""

from functools import cache
from typing import TYPE_CHECKING, Any

import typer

from engine.cli import (
    access,
    arithmetic,
    authoring,
    calls,
    campaign,
    control,
    converting,
    library,
    opening,
    people,
    playing,
    providers,
    reading,
    refusing,
    serving,
    storage,
    words,
)  # fmt: skip

if TYPE_CHECKING:
    Command = Any

app = typer.Typer(
    name="ringlab",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 110},
)
for verbs in (authoring, campaign, reading, control, arithmetic, serving, playing):
    app.registered_commands += verbs.app.registered_commands
for name, nouns in (
    ("contacts", people), ("suppress", refusing), ("conversions", converting), ("scripts", library),
    ("adapters", providers), ("calls", calls), ("database", storage), ("access", access),
):  # fmt: skip
    app.add_typer(nouns.app, name=name)


@app.callback(epilog=words.example("ringlab init demo", "ringlab check", "ringlab results gift-first-2026-11"))
def ringlab(database: words.Database = None) -> None:
    """Experiments for outbound AI call campaigns: from a YAML file to a verdict."""
    opening.remember(database)


@cache
def command() -> Any:
    """The whole command, built once."""
    return typer.main.get_command(app)
