"""adapters list, check: the providers through which calls go."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli import numbers, opening, words
from engine.cli.printing import say, say_json, say_table
from engine.errors import AdapterError

app = typer.Typer(help="The providers through which calls go.", no_args_is_help=True, rich_markup_mode=None)


def _plain(capabilities: Any) -> dict[str, Any]:
    """Capabilities as plain data, durations in seconds."""
    return {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in asdict(capabilities).items()
    }


@app.command("list", epilog=words.example("ringlab adapters list"))
def list_(format: words.Format = "text") -> None:
    """List every adapter that an experiment may name, with what it can do."""
    from engine.telephony import adapter_names, capabilities

    found: dict[str, dict[str, Any]] = {}
    for name in adapter_names():
        try:
            found[name] = _plain(capabilities(name))
        except AdapterError as error:  # an outside package that is broken hides no other adapter
            found[name] = {"trouble": str(error)}
    if format == "json":
        say_json({"schema": "ringlab.adapters/1", "adapters": found})
        return
    say_table(
        ("adapter", "shape", "lookup", "messages", "machines", "cancel", "webhook", "#calls/s"),
        [
            (
                name, one["shape"], one["lookup"], _yes(one["sends_messages"]), _yes(one["detects_machines"]),
                _yes(one["cancel"]), one["webhook_auth"], one["max_cps"] or "–",
            )
            for name, one in found.items() if "trouble" not in one
        ],
    )  # fmt: skip
    for one in found.values():
        if "trouble" in one:
            say(f"cannot be used: {one['trouble']}")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


@app.command(
    epilog=words.example("ringlab adapters check simulated", "ringlab adapters check http --file experiments/x.yaml")
)
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An adapter.")],
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The experiment file whose settings it takes.")
    ] = None,
    setting: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE,…", help="A setting.")] = None,
    format: words.Format = "text",
) -> None:
    """Show an adapter's settings and whether it can be used now: exit status 1 when it cannot."""
    from engine.scripting.rendering import Renderer
    from engine.telephony import capabilities, open_adapter
    from engine.workspace import from_environment

    able = _plain(capabilities(name))
    given: dict[str, Any] = dict(opening.opened(start=file.parent).load(file).settings) if file else {}
    given |= numbers.pairs(setting or (), "--setting", "NAME=VALUE")
    render = Renderer(opening.opened(start=file.parent if file else None).library).template
    adapter = open_adapter(name, from_environment(given), {"render": render})
    try:
        health = adapter.health(opening.clock())
    finally:
        adapter.close()
    if format == "json":
        say_json(
            {
                "schema": "ringlab.adapter/1",
                "adapter": name,
                "ok": health.ok,
                "sentence": health.sentence,
                "capabilities": able,
            }
        )
    else:
        say(f"{name}: {'ready' if health.ok else 'NOT ready'}: {health.sentence}")
        say()
        settings = able.pop("settings")
        say_table(
            ("can", ""),
            [(key, "–" if value in (None, ()) else value) for key, value in able.items() if key != "voices"],
        )
        say()
        say_table(("setting", "means"), list(settings.items()))
        if able["voices"]:
            say(f"\nvoices: {', '.join(able['voices'])}")
    if not health.ok:
        raise typer.Exit(1)
