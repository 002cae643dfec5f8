"""serve: pages, API, webhooks, scheduler and dispatcher in one process."""

import logging
from typing import Annotated, Any

import typer

from engine.cli import opening, words
from engine.cli.printing import note, say
from engine.errors import InputError

app = typer.Typer()
WEB = "ringlab.web"
LOG = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@app.command(epilog=words.example("ringlab serve", "ringlab serve --host 0.0.0.0 --port 80 --no-dispatch"))
def serve(
    host: Annotated[str, typer.Option(metavar="HOST", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", min=1, max=65535, help="The port to listen at.")] = 8000,
    dispatch: Annotated[bool, typer.Option("--dispatch/--no-dispatch", help="Place calls and look.")] = True,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Answer requests.")] = True,
    database: words.Database = None,
) -> None:
    """Serve pages, API and webhooks, and place calls; SIGTERM and Ctrl-C finish the batch in hand first."""
    from engine.cli.draining import drained
    from engine.service import Service
    from engine.steps.access import first_admin_token

    if not (dispatch or web):
        raise typer.BadParameter("nothing is left to do without both", param_hint="--no-web")
    answer = _web() if web else None
    logging.basicConfig(level=logging.WARNING, format=LOG)
    with opening.opened(database) as workspace:
        if web:
            _greet(host, port, first_admin_token(workspace, opening.clock()))
        service = Service(workspace)
        with drained(service.over.set) as draining:
            if dispatch:
                service.start()
            try:
                if answer is not None:
                    answer(workspace, host, port, service.over)
                else:
                    note("placing calls; SIGTERM or Ctrl-C ends it")
                    _wait(service)
            finally:
                service.stop()
    if draining.status:
        raise typer.Exit(draining.status)


def _greet(host: str, port: int, token: str | None) -> None:
    shown = f"[{host}]" if ":" in host else host
    say(f"http://{shown}:{port}/")
    if token is not None:
        say(f"the first admin token, shown this once: {token}")
    typer.get_text_stream("stdout").flush()


def _wait(service: Any) -> None:
    """Until somebody asks for the end; waking up lets Python hear the signal."""
    while not service.over.wait(0.5):
        continue


def _web() -> Any:
    """The web of whatever package brings one: `serve(workspace, host, port, over)`."""
    from importlib.metadata import entry_points

    for entry in entry_points(group=WEB, name="serve"):
        return entry.load()
    raise InputError(f"no installed package brings pages (entry point group {WEB}); use --no-web")
