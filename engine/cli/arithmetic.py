"""compare, analyze, power: statistics on numbers and files, without a database."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from engine.cli import numbers, words
from engine.cli.figures import needs_table
from engine.cli.printing import say, say_json, say_table
from engine.errors import InputError

app = typer.Typer()
Useful = Annotated[
    str, typer.Option("--useful-lift", metavar="D", help="The smallest lift worth a change: 1pt, or a number.")
]


@app.command(epilog=words.example("ringlab compare control=360/3000 gift-first=450/3000"))
def compare(
    counts: Annotated[list[str], typer.Argument(metavar="ARM=SUCCESSES/CONTACTS", help="Two arms at least.")],
    control: Annotated[str | None, typer.Option(metavar="ARM", help="The control; else the first arm.")] = None,
    alpha: words.Alpha = "5%",
    looks: Annotated[
        list[str] | None,
        typer.Option(metavar="ARM=X/N,…", help="Cumulative counts of an earlier look, the oldest first; repeat it."),
    ] = None,
    method: Annotated[
        Literal["fixed", "sequential"] | None,
        typer.Option(help="How the verdict is reached; sequential when looks are given, else fixed."),
    ] = None,
    useful_lift: Useful = "1pt",
    level: words.Level = "95%",
    baseline: Annotated[str, typer.Option(metavar="P", help="The rate that a sequential plan expected.")] = "12%",
    format: words.Format = "text",
) -> None:
    """Say what counts alone can say: each arm's rate, its lift over the control, and the verdict."""
    from engine.steps.compare import compare as step
    from engine.steps.compare import parse_counts, parse_looks

    if method == "fixed" and looks:
        raise typer.BadParameter("earlier looks need the sequential method", param_hint="--looks")
    earlier = parse_looks(looks or ()) if looks or method == "sequential" else None
    lift = numbers.size(useful_lift, "--useful-lift")
    found = step(
        parse_counts(counts), control, numbers.share(alpha, "--alpha"), lift, earlier,
        level=numbers.share(level, "--level"), baseline=numbers.share(baseline, "--baseline"),
    )  # fmt: skip
    _say(found, format)


@app.command(
    epilog=words.example("ringlab analyze calls.csv --arm script --control classic --metric subscribed=y:rate")
)
def analyze(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or Parquet call log.")],
    arm: Annotated[str, typer.Option(metavar="COLUMN", help="The column that names each row's arm.")],
    control: Annotated[str, typer.Option(metavar="VALUE", help="The control's value in it.")],
    metric: Annotated[
        list[str],
        typer.Option(metavar="NAME=COLUMN[:rate|mean|ratio/COLUMN]", help="Repeat it; the first decides."),
    ],
    covariate: Annotated[str | None, typer.Option(metavar="COLUMN", help="Known before the call; sharpens.")] = None,
    segment: Annotated[str | None, typer.Option(metavar="COLUMN", help="Split the first metric by it.")] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Who was called, when rows are attempts.")
    ] = None,
    alpha: words.Alpha = "5%",
    useful_lift: Useful = "1pt",
    level: words.Level = "95%",
    lower: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A metric of which less is better.")] = None,
    missing: Annotated[Literal["refuse", "zero"], typer.Option(help="What a blank cell is.")] = "refuse",
    format: words.Format = "text",
) -> None:
    """Give the standing of any call log; rows are contacts, or attempts when --contact names who."""
    from engine.steps.analyze import analyze as step

    found = step(
        file, arm, control, metric, covariate=covariate, segment=segment, contact=contact,
        alpha=numbers.share(alpha, "--alpha"), useful_lift=numbers.size(useful_lift, "--useful-lift"),
        level=numbers.share(level, "--level"), lower=tuple(lower or ()), missing=missing,
    )  # fmt: skip
    _say(found, format)


def _say(standing: dict[str, Any], format: words.Shape) -> None:
    if format == "json":
        say_json(standing)
        return
    from engine.cli.figures import say_standing

    say_standing(standing)


@app.command(
    epilog=words.example("ringlab power --baseline 12% --lift 2pt", "ringlab power --baseline 12% --contacts 3000")
)
def power(
    baseline: Annotated[str, typer.Option(metavar="P", help="The control's rate: 12% or 0.12.")],
    lift: Annotated[
        str | None, typer.Option(metavar="D", help="The lift to find: 2pt or 0.02, or 10% of the baseline.")
    ] = None,
    contacts: Annotated[
        int | None, typer.Option(metavar="N", help="Contacts in each arm, the control too.", min=1)
    ] = None,
    arms: Annotated[int, typer.Option(metavar="K", help="Arms beside the control.", min=1, max=100)] = 1,
    alpha: words.Alpha = "5%",
    wanted: Annotated[str, typer.Option("--power", metavar="P", help="The chance to find it.")] = "80%",
    format: words.Format = "text",
) -> None:
    """Plan from numbers alone: people per arm for a lift, the lift that people show, or the chance of both."""
    rate, level = numbers.share(baseline, "--baseline"), numbers.share(alpha, "--alpha")
    if lift is None and contacts is None:
        raise typer.BadParameter("say what is known: --lift D or --contacts N", param_hint="--lift")
    change = None if lift is None else numbers.points(lift, "--lift", rate)
    aimed = numbers.share(wanted, "--power")
    try:
        found = _power(rate, change, contacts, arms, level, aimed)
    except ValueError as error:
        raise InputError(str(error)) from error
    if format == "json":
        say_json(found)
        return
    shown = (
        f"{found['contacts_per_arm']:,} contacts in each of {arms + 1} arms ({found['contacts']:,} in all)",
        f"a lift of {found['lift'] * 100:+.2f} points ({rate:.2%} to {rate + found['lift']:.2%})",
        f"with {found['power']:.1%} power at {level:.2%} over all arms",
    )
    say(f"{shown[0]} show {shown[1]} {shown[2]}")
    say()
    say_table(*needs_table(found["methods"]), title=f"what each method takes for this lift with {aimed:.0%} power")


def _power(
    baseline: float, lift: float | None, contacts: int | None, arms: int, alpha: float, wanted: float
) -> dict[str, Any]:
    from dataclasses import asdict

    from engine.stats.needs import needs
    from engine.stats.power import achieved_power, contacts_per_arm, detectable_lift

    aimed = wanted
    if lift is not None and contacts is not None:
        wanted = achieved_power(baseline, lift, contacts, alpha=alpha, arms=arms)
    elif lift is not None:
        contacts = contacts_per_arm(baseline, lift, alpha=alpha, power=wanted, arms=arms)
    elif contacts is not None:
        lift = detectable_lift(baseline, contacts, alpha=alpha, power=wanted, arms=arms)
    assert lift is not None
    assert contacts is not None
    return {
        "schema": "ringlab.power/1", "baseline": baseline, "lift": lift, "relative": lift / baseline, "arms": arms,
        "alpha": alpha, "power": wanted, "contacts_per_arm": contacts, "contacts": contacts * (arms + 1),
        "methods": asdict(needs(baseline, lift, alpha, aimed, arms)),
    }  # fmt: skip
