"""scripts list, show, check, diff, preview: the library of what is said."""

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import numbers, opening, words
from engine.cli.printing import console, say, say_json, say_table

if TYPE_CHECKING:
    from engine.scripting.library import Library

app = typer.Typer(
    help="The library of call scripts, messages and answers.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="A script.")]
MARKS = {"same": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}
STYLES = {"same": "", "removed": "red strike", "added": "green"}


def _library() -> "Library":
    return opening.opened().library


@app.command("list", epilog=words.example("ringlab scripts list"))
def list_(format: words.Format = "text") -> None:
    """List scripts, messages and question banks."""
    from engine.scripting.rendering import Renderer
    from engine.scripting.spoken import seconds
    from engine.scripting.values import sample_values

    library = _library()
    renderer = Renderer(library)
    scripts = []
    for name in library.names():
        script = library.script(name)
        spoken = seconds(renderer.words(name, sample_values(script.language)).text, script.language)
        scripts.append(
            {"name": name, "language": script.language, "extends": script.extends, "seconds": round(spoken, 1)}
        )
    if format == "json":
        say_json(
            {
                "schema": "ringlab.scripts/1", "scripts": scripts, "sms": list(library.sms_names()),
                "qa": list(library.qa_names()),
            }
        )  # fmt: skip
        return
    say_table(("script", "language", "extends", "#seconds"), [list(one.values()) for one in scripts])
    say(f"messages: {', '.join(library.sms_names())}")
    say(f"question banks: {', '.join(library.qa_names())}")


@app.command(epilog=words.example("ringlab scripts show gift-first"))
def show(name: Name, format: words.Format = "text") -> None:
    """Show a script's blocks as they are written, its own and those that it inherits."""
    script = _library().script(name)
    blocks = [{"name": block.name, "own": block.own, "text": block.source.strip()} for block in script.blocks]
    if format == "json":
        say_json(
            {
                "schema": "ringlab.script/1", "name": name, "language": script.language, "extends": script.extends,
                "path": str(script.path), "blocks": blocks,
            }
        )  # fmt: skip
        return
    say(f"{script.path} ({script.language}{f', extends {script.extends}' if script.extends else ''})")
    for block in blocks:
        say(f"\n{block['name']}{'' if block['own'] or not script.extends else ' (inherited)'}")
        say(f"  {block['text']}")


@app.command(epilog=words.example("ringlab scripts check", "ringlab scripts check gift-first"))
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Else the whole library.")] = None,
) -> None:
    """Print every problem of the library as file:line:column: message; silent when there is none."""
    from engine.steps.check import check_library

    problems = check_library(_library(), names or ())
    for problem in problems:
        say(str(problem))
    if problems:
        raise typer.Exit(1)


@app.command(epilog=words.example("ringlab scripts diff classic gift-first"))
def diff(
    control: Annotated[str, typer.Argument(metavar="CONTROL", help="A script.")],
    variant: Annotated[str, typer.Argument(metavar="VARIANT", help="Another.")],
    format: words.Format = "text",
) -> None:
    """Show what a variant says differently, block by block and word by word."""
    from engine.scripting.difference import difference

    blocks = difference(_library(), control, variant)
    if format == "json":
        say_json(
            {
                "schema": "ringlab.difference/1", "control": control, "variant": variant,
                "blocks": [
                    {
                        "name": block.name, "changed": block.changed,
                        "parts": [{"op": part.op, "text": part.text} for part in block.parts],
                    }
                    for block in blocks
                ],
            }
        )  # fmt: skip
        return
    from rich.text import Text

    shown = console()
    for block in blocks:
        if not block.changed:
            say(f"{block.name}: the same")
            continue
        say(f"{block.name}:")
        line = Text("  ")
        for part in block.parts:
            opens, closes = MARKS[part.op]
            line.append(f"{opens}{part.text}{closes}", style=STYLES[part.op])
        shown.print(line, soft_wrap=True)


@app.command(epilog=words.example("ringlab scripts preview gift-first --value name=林女士,product=燕麦片"))
def preview(
    name: Name,
    value: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE,…", help="Over the made-up values.")] = None,
    format: words.Format = "text",
) -> None:
    """Say a script or message with made-up values, and how long it takes."""
    from engine.scripting.rendering import Renderer
    from engine.scripting.spoken import seconds
    from engine.scripting.values import sample_values

    library = _library()
    given = numbers.pairs(value or (), "--value", "NAME=VALUE")
    message = name in library.sms_names() and name not in library.names()
    language = (library.sms(name) if message else library.script(name)).language
    values = sample_values(language) | given
    renderer = Renderer(library)
    blocks = (("sms", renderer.message(name, values)),) if message else renderer.words(name, values).blocks
    spoken = [{"name": block, "text": text, "seconds": round(seconds(text, language), 1)} for block, text in blocks]
    total = round(sum(seconds(text, language) for _, text in blocks), 1)
    if format == "json":
        say_json(
            {"schema": "ringlab.preview/1", "name": name, "language": language, "seconds": total, "blocks": spoken}
        )
        return
    for one in spoken:
        say(f"{one['name']} ({one['seconds']:.1f} s)")
        say(f"  {one['text']}")
    if not message:
        say(f"{total:.1f} s in all")
