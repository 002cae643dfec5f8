"""calls unknown, settle: calls of which the engine cannot tell what became."""

from typing import Annotated

import typer

from engine.cli import opening, words
from engine.cli.control import who
from engine.cli.printing import say, say_json, say_table

app = typer.Typer(help="Calls whose fate is not known.", no_args_is_help=True, rich_markup_mode=None)


@app.command(epilog=words.example("ringlab calls unknown", "ringlab calls unknown gift-first --format json"))
def unknown(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The experiment; else all.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="Calls of each, at most.")] = 100,
    format: words.Format = "text",
    database: words.Database = None,
) -> None:
    """List calls that may have rung and of which nobody reported: they are never placed again by themselves."""
    from dataclasses import asdict

    from engine.steps import settle as step

    with opening.opened(database, create=False) as workspace:
        found = step.unknown(workspace, name, limit)
    if format == "json":
        say_json({"schema": "ringlab.unknown/1", "experiments": [asdict(one) for one in found]})
        return
    if not any(one.calls for one in found):
        say("the fate of every call is known")
        return
    say_table(
        ("call", "number", "sent", "asked about", "why"),
        [
            (
                call.key, call.phone, f"{call.sent_at:%Y-%m-%d %H:%M:%S} UTC",
                "no more" if call.closed else "still", call.reason,
            )
            for one in found
            for call in one.calls
        ],
    )  # fmt: skip
    say("Find out at the provider what became of one, then: ringlab calls settle CALL --as no_answer --reason TEXT")


@app.command(
    epilog=words.example('ringlab calls settle gift-first/C0000017/1 --as no_answer --reason "in the provider\'s log"')
)
def settle(
    call: Annotated[str, typer.Argument(metavar="CALL", help="The call, as `calls unknown` names it.")],
    ended: Annotated[str, typer.Option("--as", metavar="DISPOSITION", help="How it ended, such as no_answer.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="How you know; it is kept.")],
    database: words.Database = None,
) -> None:
    """Say how a call ended whose fate is not known; the outcome, a redial or a message follow as after any end."""
    from engine.steps import settle as step

    with opening.opened(database, create=False) as workspace:
        step.settle(workspace, call, ended, who(), reason, opening.clock())
    say(f"{call} is settled as {ended}")
