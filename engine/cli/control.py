"""pause, resume, stop: at once, with the reason; calls in flight finish."""

import getpass
from typing import Annotated

import typer

from engine.cli import opening, words
from engine.cli.printing import say

app = typer.Typer()
Name = Annotated[str, typer.Argument(metavar="NAME", help="The experiment.")]


def who() -> str:
    """Who types, for the record of what was done."""
    try:
        return f"command line ({getpass.getuser()})"
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "command line"


@app.command(epilog=words.example('ringlab pause gift-first --reason "the line is bad"'))
def pause(name: Name, reason: words.Reason = "", database: words.Database = None) -> None:
    """Place no more calls for now."""
    from engine.steps import control

    with opening.opened(database, create=False) as workspace:
        control.pause(workspace, name, reason, who(), opening.clock())
    say(f"{name} is paused; go on with: ringlab resume {name}")


@app.command(epilog=words.example('ringlab resume gift-first --reason "the line is good again"'))
def resume(name: Name, reason: words.Reason = "", database: words.Database = None) -> None:
    """Go on placing calls."""
    from engine.steps import control

    with opening.opened(database, create=False) as workspace:
        control.resume(workspace, name, reason, who(), opening.clock())
    say(f"{name} goes on")


@app.command(
    epilog=words.example('ringlab stop gift-first --reason "the offer ended"', 'ringlab stop --all --reason "recall"')
)
def stop(
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept.")],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The experiment.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every live experiment.")] = False,
    database: words.Database = None,
) -> None:
    """End an experiment for good, or all of them; what is planned is canceled."""
    from engine.steps import control

    if (name is None) == (not everything):
        raise typer.BadParameter("name one experiment, or say --all", param_hint="NAME")
    with opening.opened(database, create=False) as workspace:
        if name is None:
            stopped = control.stop_all(workspace, reason, who(), opening.clock())
            say(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
            return
        canceled = control.stop(workspace, name, reason, who(), opening.clock())
    say(f"{name} is stopped; {canceled:,} planned calls are canceled")
