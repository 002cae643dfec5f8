"""plan, start, run, next: one experiment from its file to the file of the round after."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli import opening, words
from engine.cli.figures import needs_table
from engine.cli.printing import bar, note, progress, say, say_json, say_table
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.runner import Progress, Watch
    from engine.steps.plan import Crossed, Plan
    from engine.workspace import Running, Workspace

app = typer.Typer()
File = Annotated[Path, typer.Argument(metavar="FILE", help="An experiment file.")]


@app.command(epilog=words.example("ringlab plan experiments/gift-first.yaml"))
def plan(file: File, format: words.Format = "text", database: words.Database = None) -> None:
    """Say before a single call who may be called, what this roster can show, how long it takes and what it costs."""
    from engine.steps.plan import plan as step

    with opening.opened(database, start=file.parent) as workspace:
        found = step(workspace, file, opening.clock())
    if format == "json":
        say_json(found.as_json())
    else:
        _say_plan(found)


def _say_plan(found: "Plan") -> None:
    from engine.core.rules import RULES

    people = found.people
    say(found.sentence[:1].upper() + found.sentence[1:] + ".")
    for remark in found.notes:
        say(f"Note: {remark}.")
    say()
    rows: list[tuple[str, str]] = [
        ("contacts listed", f"{people.listed:,}"), ("rows that cannot be used", f"{people.rejected:,}"),
        ("left out by `where`", f"{people.left_out:,}"),
    ]  # fmt: skip
    rows += [(f"refused: {RULES.get(rule, rule)}", f"{count:,}") for rule, count in people.refused.items()]
    rows.append(("may be called", f"{people.callable:,}"))
    say_table(("people", "#count"), rows)
    say()
    say_table(
        ("arm", "#share", "#people"),
        [(arm, f"{share:.1%}", f"{found.per_arm.get(arm, 0):,}") for arm, share in found.shares.items()],
    )
    if found.factorial:
        _say_crossed(found.factorial)
    say()
    seen = "none" if found.visible_lift is None else f"{found.visible_lift * 100:.2f}pt"
    useful = f"{found.smallest_useful_lift * 100:.2f}pt"
    say_table(
        ("plan", "#"),
        [
            ("lift that this roster shows", f"{seen} with {found.power:.0%} power"),
            (f"people per arm to show the smallest useful lift, {useful}", f"{found.needed_per_arm:,}"),
            ("calls when everybody is called, expected", f"{found.expected_calls:,}"),
            ("calls, at worst", f"{found.worst_calls:,}"),
            ("days of calling at this pace", _days(found.calling_days)),
            ("days to the verdict, at most", _days(found.days)),
            *((f"money: {name}", f"{amount:,.2f}") for name, amount in found.money.items()),
        ],
    )  # fmt: skip
    if found.methods:
        say()
        say_table(*needs_table(found.methods), title=f"what each method takes for the smallest useful lift, {useful}")
    if found.waves:
        say()
        _say_waves(found)


def _say_waves(found: "Plan") -> None:
    words_of = {
        "off": "all in one stream", "eighth": "an eighth of the fixed sample", "quarter": "a quarter of it",
        "auto": "`waves: auto`, a quarter, then eighths", "own": "the file's own",
    }  # fmt: skip
    say_table(
        ("waves", "#people a wave", "#calls, no effect", "#days", "#calls, useful lift", "#days"),
        [
            (
                words_of[way.choice], f"{way.per_wave:,}", f"{way.calls_no_effect:,}", _days(way.days_no_effect),
                f"{way.calls_with_lift:,}", _days(way.days_with_lift),
            )
            for way in found.waves
        ],
        title="calls and days until it is decided, by the choice of waves",
    )  # fmt: skip


def _days(days: float | None) -> str:
    return "a lifetime" if days is None else f"{days:,.2f}"


def _say_crossed(crossed: "Crossed") -> None:
    """What each variable of a factorial round needs, beside the same questions one variable at a time."""
    say()
    rows = [
        (
            one.variable, f"{one.needed_per_level:,}", f"{one.people:,}",
            "none" if one.visible_lift is None else f"{one.visible_lift * 100:.2f}pt",
        )
        for one in crossed.variables
    ]  # fmt: skip
    say_table(("variable", "#people per level", "#people in all", "#lift that is seen"), rows)
    say(
        f"Everyone serves every variable: {crossed.people_needed:,} people answer all {len(crossed.variables)} "
        f"questions, in {crossed.combinations:,} combinations; one variable at a time takes {crossed.one_at_a_time:,}."
    )


@app.command(epilog=words.example("ringlab start experiments/gift-first.yaml"))
def start(file: File, format: words.Format = "text", database: words.Database = None) -> None:
    """Import the contacts, deal the arms, plan the first calls; the same file again only enrolls who came since."""
    from engine.core.rules import RULES
    from engine.runner import start_moment
    from engine.steps import enroll

    with opening.opened(database, start=file.parent) as workspace, progress("importing") as step:
        done = enroll.start(workspace, file, start_moment(workspace, workspace.load(file)), step)
    if format == "json":
        say_json(
            {
                "schema": "ringlab.start/1", "experiment": done.experiment, "new": done.new, "imported": done.imported,
                "rejected": done.rejected, "rejects": done.rejects and str(done.rejects), "assigned": done.assigned,
                "undealt": done.undealt, "refused": done.refused,
            }
        )  # fmt: skip
        return
    say(f"{done.experiment} {'is started' if done.new else 'was started before; who came since is enrolled'}")
    say(f"{done.imported:,} contacts imported, {done.rejected:,} rows rejected")
    if done.rejects:
        say(f"rejected rows, with reason and cure: {done.rejects}")
    if done.assigned:
        say_table(("arm", "#assigned"), [(arm, f"{count:,}") for arm, count in done.per_arm.items()])
    if done.undealt:
        say(f"{done.undealt:,} people draw their arm when their turn comes, among the arms that are still in")
    if done.refused:
        say_table(
            ("not called because", "#contacts"), [(RULES.get(rule, rule), f"{n:,}") for rule, n in done.refused.items()]
        )


@app.command(epilog=words.example("ringlab run", "ringlab run gift-first --until empty"))
def run(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Else all that are live.")] = None,
    until: Annotated[
        Literal["verdict", "empty"], typer.Option(help="Stop at the verdict, or when no call is left.")
    ] = "verdict",
    clock: Annotated[
        Literal["real", "simulated"] | None,
        typer.Option(help="Simulated when every adapter is: then days pass in seconds."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="The simulated population's, over what the file says.")
    ] = None,
    format: words.Format = "text",
    database: words.Database = None,
) -> None:
    """Place calls and hear about them until the verdict; Ctrl-C finishes the batch in hand, and run goes on later."""
    from engine.cli.draining import drained
    from engine.runner import chosen

    with opening.opened(database, create=False, seed=seed) as workspace, drained() as draining:
        running = chosen(workspace, names or [])
        adapters = {one.experiment.adapter for one in running}
        simulated = clock == "simulated" or (clock is None and adapters == {"simulated"})
        watch = _Watch()
        with watch:
            if simulated:
                _simulate(workspace, running, until, draining, watch)
            else:
                _serve(workspace, running, until, draining, watch)
        _say_ends(workspace, running, format)
        if draining.asked:
            note("stopped after the batch in hand; `ringlab run` goes on from here")
            raise typer.Exit(draining.status)


class _Watch:
    """A line for each running experiment, on a terminal."""

    def __init__(self) -> None:
        self._shown = bar()
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> None:
        if self._shown.console.is_terminal:
            self._shown.start()

    def __exit__(self, *_: object) -> None:
        self._shown.stop()

    def __call__(self, progress: "Progress") -> None:
        if progress.experiment not in self._tasks:
            self._tasks[progress.experiment] = self._shown.add_task("", total=None)
        text = f"{progress.experiment}: {progress.placed:,} calls placed, {progress.now:%Y-%m-%d %H:%M} UTC"
        self._shown.update(self._tasks[progress.experiment], description=text)


class _Asked(Exception):
    """Somebody asked for the end, between two batches."""


def _simulate(workspace: "Workspace", running: "Sequence[Running]", until: str, draining: Any, watch: "Watch") -> None:
    from engine.runner import Simulation

    def see(progress: "Progress") -> None:
        watch(progress)
        if draining.asked:
            raise _Asked

    for one in running:
        try:
            Simulation(workspace, one, see).run(until)
        except _Asked:
            return


def _serve(workspace: "Workspace", running: "Sequence[Running]", until: str, draining: Any, watch: "Watch") -> None:
    from engine.service import Service

    service = Service(workspace, [one.experiment.name for one in running], watch)
    service.start()
    try:
        while not draining.asked and not service.over.wait(0.5):
            if until == "empty" and not any(_is_calling(workspace, one) for one in running):
                break
    finally:
        service.stop()


def _is_calling(workspace: "Workspace", running: "Running") -> bool:
    from engine.steps import report

    card = report.card(workspace, running.experiment.name)
    return card.state in ("running", "paused") or (card.state == "waiting" and card.undealt > 0)


def _say_ends(workspace: "Workspace", running: "Sequence[Running]", format: words.Shape) -> None:
    from engine.steps import report

    ends = []
    for one in running:
        name = one.experiment.name
        card, standing = report.card(workspace, name), report.standing(workspace, name, opening.clock())
        ends.append({"experiment": name, "state": card.state, "calls": card.calls, "verdict": standing["verdict"]})
    if format == "json":
        say_json({"schema": "ringlab.run/1", "experiments": ends})
        return
    for end in ends:
        say(f"{end['experiment']} ({end['state']}, {end['calls']:,} calls): {end['verdict']['sentence']}")
        if end["state"] == "paused":
            note(f"{end['experiment']} is paused; find out why, then: ringlab resume {end['experiment']}, or stop it")


@app.command("next", epilog=words.example("ringlab next gift-first -o experiments/gift-first-2.yaml"))
def next_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The experiment that was decided.")],
    output: words.Output = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="The round that confirms all that was learned.")] = False,
    new_name: Annotated[str | None, typer.Option("--name", metavar="NEW", help="The new experiment's name.")] = None,
    database: words.Database = None,
) -> None:
    """Write the next round's file: winners become the control, undecided arms stay, losers go."""
    from engine.steps.rounds import write_next

    if output is not None and output.exists():
        raise InputError(f"{output} is there already and is not overwritten; name another file")
    with opening.opened(database, create=False) as workspace:
        text = write_next(workspace, name, opening.clock(), confirm=confirm, new_name=new_name)
    if output is None:
        say(text.rstrip("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or os.strerror(error.errno or 0)).lower()
        raise InputError(f"{output} cannot be written ({reason}); name another file") from error
    note(f"{output} is written; read it, then: ringlab plan {output}")
