"""init, check, schema: the files that people write."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli import opening, words
from engine.cli.printing import note, say, say_json

app = typer.Typer()


@app.command(epilog=words.example("ringlab init demo"))
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or one without these files.")],
) -> None:
    """Make a workspace that runs: scripts, an experiment, a sample of made-up contacts, editor settings."""
    from engine.steps.furnish import furnish

    made = furnish(directory)
    for path in made.files:
        note(f"  {path}")
    say("Next:")
    experiment = made.experiment.relative_to(directory)
    for line in (f"cd {directory}", f"ringlab plan {experiment}", f"ringlab start {experiment} && ringlab run"):
        say(f"  {line}")


@app.command(epilog=words.example("ringlab check", "ringlab check experiments/gift-first.yaml"))
def check(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Files or folders; else the whole workspace.")
    ] = None,
    format: words.Format = "text",
) -> None:
    """Print every problem as file:line:column: message; silent when there is none. Nothing is written.

    Warnings of the calling rules go to standard error and change nothing."""
    from engine.steps.check import cautions
    from engine.steps.check import check as step

    problems = step(opening.opened(), paths or [])
    warnings = cautions(opening.opened(), paths or [])
    if format == "json":
        say_json(
            {
                "schema": "ringlab.problems/1",
                "problems": [
                    {"path": one.path, "line": one.line, "column": one.column, "message": one.message}
                    for one in problems
                ],
                "warnings": [
                    {"path": one.path, "line": one.line, "column": one.column, "message": one.message}
                    for one in warnings
                ],
            }
        )
    else:
        for problem in problems:
            say(str(problem))
        for one in warnings:
            note(f"{one.path}:{one.line}:{one.column}: warning: {one.message}")
    if problems:
        raise typer.Exit(1)


@app.command(epilog=words.example("ringlab schema > .ringlab/schema.json"))
def schema() -> None:
    """Print the JSON Schema of experiment files."""
    from engine.definitions.schema import json_schema

    say_json(json_schema())
