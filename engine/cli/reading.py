"""status, results: where experiments stand."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli import opening, words
from engine.cli.figures import say_standing
from engine.cli.forms import lift, lift_span
from engine.cli.printing import note, say, say_bytes, say_json, say_table
from engine.core.sentences import odds
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.steps.report import Card
    from engine.steps.troubles import Resting

app = typer.Typer()


@app.command(epilog=words.example("ringlab status", "ringlab status --learned"))
def status(
    learned: Annotated[
        bool, typer.Option("--learned", help="Show what all decided experiments say together, per variable and option.")
    ] = False,
    format: words.Format = "text",
    database: words.Database = None,
) -> None:
    """List every experiment, the newest first."""
    from dataclasses import asdict

    from engine.steps import report

    with opening.opened(database, create=False) as workspace:
        if learned:
            from engine.steps.learned import all_learned

            _say_learned(all_learned(workspace), format)
            return
        cards = report.cards(workspace, opening.clock())
        resting = report.resting(workspace, opening.clock())
    harm = report.pooled_harm(cards)
    if format == "json":
        told: dict[str, Any] = {"schema": "ringlab.status/1", "experiments": [asdict(card) for card in cards]}
        told["resting"] = [asdict(one) for one in resting]
        say_json(told | ({"harm": asdict(harm) | {"ok": harm.ok}} if harm else {}))
        return
    if not cards:
        say("no experiment was started; begin with: ringlab start experiments/<name>.yaml")
        return
    say_table(
        ("experiment", "state", "#dialed", "#assigned", "#calls", "#spend", "#lift", "verdict", "next"),
        [
            (
                card.name, card.state, f"{card.dialled:,}", f"{card.assigned:,}", f"{card.calls:,}",
                f"{card.spend:,.2f}", lift(card.lift, "rate"),
                (card.verdict or {}).get("status", ""), card.health_reason or _next(card),
            )
            for card in cards
        ],
    )  # fmt: skip
    for one in resting:
        say(_rests(one))
    if harm:
        said = "keep the limit" if harm.ok else "EXCEED THE LIMIT"
        say(
            f"complaints of all live experiments: {harm.complaints:,} in {harm.calls:,} calls {said} "
            f"({odds(harm.odds)} : 1 against 1 in 10,000)"
        )


def _rests(one: "Resting") -> str:
    """What rests, since when, until when, why, and what a person can do."""
    from engine.core.breakers import TROUBLES, Trouble

    since = f" since {one.since:%Y-%m-%d %H:%M} UTC" if one.since else ""
    how = "is on trial" if one.on_trial else f"rests until {one.until:%Y-%m-%d %H:%M} UTC"
    what = {"account": "the account", "caller": "the caller number"}.get(one.subject, one.subject)
    why = TROUBLES.get(Trouble(one.trouble), one.trouble)
    return f"{what} {one.name} {how}{since}: {why}; to go on before that: ringlab resume {one.experiments[0]}"


def _next(card: "Card") -> str:
    """What is awaited, or what to do; in waves, where they stand."""
    wave = card.wave
    if wave is None or card.state == "paused":
        return card.next_action
    if wave.until is None:
        return f"wave {wave.number} of about {wave.about} is called; {card.next_action}"
    until = f"{wave.until:%Y-%m-%d %H:%M} UTC"
    return f"wave {wave.number} of about {wave.about}, waiting for its conversions until {until}"


def _say_learned(found: dict[str, Any], format: str) -> None:
    if format == "json":
        say_json(found)
        return
    if not found["variables"]:
        say("nothing is learned yet: no experiment is decided")
        return
    say_table(
        ("variable", "option", "metric", "#experiments", "#lift", "#range", "#shrunken", "#range shrunken"),
        [
            (
                variable["variable"], option["option"], variable["metric"], str(option["pooled"]["experiments"]),
                lift(option["pooled"]["difference"], variable["kind"]),
                lift_span(option["pooled"]["interval"], variable["kind"]),
                lift(option["shrunken"]["difference"], variable["kind"]),
                lift_span(option["shrunken"]["interval"], variable["kind"]),
            )
            for variable in found["variables"]
            for option in variable["options"]
        ],
    )  # fmt: skip
    say("shrunken: drawn toward the average of all options of the variable, which is what to expect next time")


@app.command(
    epilog=words.example(
        "ringlab results gift-first", "ringlab results gift-first --format parquet -o standing.parquet"
    )
)
def results(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment.")],
    format: Annotated[
        Literal["text", "json", "csv", "html", "parquet"], typer.Option(help="What is printed.")
    ] = "text",
    output: words.Output = None,
    database: words.Database = None,
) -> None:
    """Show where an experiment stands: the verdict, why it can be trusted, and every number."""
    from engine.steps import report

    with opening.opened(database, create=False) as workspace:
        standing = report.standing(workspace, name, opening.clock())
    if format == "text" and output is None:
        say_standing(standing)
        return
    if format == "json" and output is None:
        say_json(standing)
        return
    if format == "parquet" and output is None:
        raise typer.BadParameter("a Parquet file is not text; name it with -o FILE", param_hint="--format")
    data = _file(standing, format)
    if output is None:
        say_bytes(data)
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError(f"{output} cannot be written ({reason}); name another file") from error
    note(f"{output} is written")


def _file(standing: dict[str, Any], format: str) -> bytes:
    import json

    match format:
        case "json":
            return (json.dumps(standing, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()
        case "html":
            from engine.cli.page import standing_page

            return standing_page(standing).encode()
        case "csv" | "parquet":
            from engine.steps.report import table

            return table(standing, "csv" if format == "csv" else "parquet")
        case _:
            raise typer.BadParameter(
                "text goes to the terminal; choose json, csv, html or parquet", param_hint="--format"
            )
