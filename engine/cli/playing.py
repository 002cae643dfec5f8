"""demo, simulate: experiments on people made of chance."""

import os
import sys
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import numbers, opening, words
from engine.cli.figures import STATUS
from engine.cli.forms import lift
from engine.cli.printing import bar, note, progress, say, say_json, say_table

if TYPE_CHECKING:
    from engine.demo import DemoResult
    from engine.runner import Progress
    from engine.steps.plays import Simulated

app = typer.Typer()


@app.command(epilog=words.example("ringlab demo", "ringlab demo --fast --format json"))
def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where it is played; made anew.")] = Path("demo"),
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another seed is another campaign.")] = 1,
    fast: Annotated[bool, typer.Option("--fast", help="Few people: quick, and too few to find most effects.")] = False,
    format: words.Format = "text",
) -> None:
    """Play the whole POC: three rounds, the planted truth beside the verdicts and beside "pick the highest"."""
    from engine.demo import play

    with bar() as shown:
        shown.disable = not shown.console.is_terminal
        task = shown.add_task("", total=None)

        def watch(seen: "Progress") -> None:
            shown.update(task, description=f"{seen.experiment}: {seen.placed:,} calls, {seen.now:%Y-%m-%d %H:%M} UTC")

        result = play(folder, seed, fast=fast, watch=watch)
    if format == "json":
        say_json(result.as_json())
    else:
        _say_demo(result)


def _say_demo(result: "DemoResult") -> None:
    from engine.demo import worth

    for one in result.rounds:
        say(f"{one.experiment}: {one.people:,} people, {one.calls:,} calls, control at {one.control_rate:.2%}")
        say_table(
            ("arm", "variable", "#people", "#lift seen", "#true lift", "verdict"),
            [
                (
                    arm.arm, arm.variable, f"{arm.contacts:,}", lift(arm.lift, "rate"), lift(arm.true_lift, "rate"),
                    STATUS.get(arm.status, arm.status),
                )
                for arm in one.arms
            ],
        )  # fmt: skip
        say(f"{one.sentence}\n{one.sentence_zh}\n")
    say('What "pick the highest" would have chosen after the first round, and what it is worth per 10,000 contacts:')
    say_table(
        ("variable", "picked", "#true lift", "#worth"),
        [(pick.variable, pick.arm, lift(pick.true_lift, "rate"), f"{pick.worth:,.0f}") for pick in result.picks]
        + [("all", "", "", f"{result.worth_of_picks:,.0f}")],
    )
    say("What was proven, and what it is worth per 10,000 contacts:")
    say_table(
        ("variable", "proven", "#true lift", "#worth"),
        [(arm.variable, arm.arm, lift(arm.true_lift, "rate"), f"{worth(arm.true_lift):,.0f}") for arm in result.proven]
        + [("all", "", "", f"{result.worth_of_verdicts:,.0f}")],
    )
    say(f"{result.calls:,} calls in {result.seconds:.1f} s. See it at http://127.0.0.1:8000/ after:")
    say(f"  {_program()} --database {result.database} serve")


def _program() -> str:
    """How this program is called here."""
    return "ringlab" if which("ringlab") else sys.argv[0]


@app.command(
    epilog=words.example(
        "ringlab simulate experiments/gift-first.yaml --runs 100",
        "ringlab simulate experiments/gift-first.yaml --statistics --runs 10000",
    )
)
def simulate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An experiment file.")],
    runs: Annotated[int, typer.Option(metavar="N", min=1, max=100_000, help="How often it is played.")] = 20,
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="YAML of each arm's planted effect, in place of the file's.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The first run's seed; the others count up.")] = 1,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes; else one for each processor.")
    ] = None,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="The statistics alone: thousands of runs in seconds, without calls.")
    ] = False,
    drift: Annotated[
        str | None,
        typer.Option(metavar="P", help="With --statistics: how far all rates swing, as a share of the base rate."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Keep an A/A calibration in the database, where there is one.")
    ] = True,
    format: words.Format = "text",
    database: words.Database = None,
) -> None:
    """Play an experiment many times on the simulated adapter: error rate, power, calls to a verdict.

    Without a planted effect it is an A/A calibration, which is kept and shown beside the numbers.
    """
    from engine.simulate import simulate as step
    from engine.simulate import simulate_statistics

    swing = 0.0 if drift is None else numbers.share(drift, "--drift")
    if swing and not statistics:
        raise typer.BadParameter("whole campaigns have the drift of their settings", param_hint="--drift")
    if statistics:
        found = simulate_statistics(file, runs, seed=seed, truth=truth, drift=swing)
    else:
        with progress("playing") as watch:
            found = step(file, runs, seed=seed, truth=truth, jobs=jobs or os.cpu_count() or 1, watch=watch)
    if format == "json":
        say_json(found.as_json())
    else:
        _say_simulation(found)
    if keep and found.is_calibration:
        _keep(file, found, seed, database)


def _keep(file: Path, found: "Simulated", seed: int, database: str | None) -> None:
    """Keep a calibration in the database that the experiment would be run in, when it is there."""
    from engine.steps import calibration

    with opening.opened(database, create=False, start=file.parent) as workspace:
        if not workspace.is_there:
            return
        experiment = workspace.load(file)
        calibration.keep(workspace, experiment, found.engine, seed, found.runs, found.false_winners, opening.clock())
    note("kept: `ringlab results` and the page of every experiment that decides in this way show it")


def _say_simulation(found: "Simulated") -> None:
    plain: dict[str, Any] = found.as_json()
    kind = "A/A: no effect is planted" if found.is_calibration else "effects are planted"
    what = "runs" if found.engine == "campaign" else "runs of the statistics alone"
    say(f"{found.experiment}: {found.runs:,} {what} ({kind}), {plain['people']:,} people each")
    say_table(
        ("arm", "#true lift", "#called winner", "#range", "#first in a verdict"),
        [
            (
                arm["arm"], lift(arm["true_lift"], "rate"), f"{arm['winner']:.1%}",
                f"{arm['winner_interval'][0]:.1%} to {arm['winner_interval'][1]:.1%}", f"{arm['named']:.1%}",
            )
            for arm in plain["arms"]
        ],
    )  # fmt: skip
    low, high = plain["false_winner_interval"]
    say(
        f"false winners in {plain['false_winner_rate']:.1%} of the runs "
        f"(range {low:.1%} to {high:.1%}, alpha {plain['alpha']:.1%})"
    )
    if plain["power"] is not None:
        say(f"power: the best arm, or one that is as good, won in {plain['power']:.1%} of the runs")
    counted = "calls" if found.engine == "campaign" else "people called"
    say(f"{counted} to a verdict: {plain['mean_calls']:,.0f} on average")
