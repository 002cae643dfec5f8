"""contacts import, export, show, erase: the roster by hand."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.cli import numbers, opening, words
from engine.cli.control import who
from engine.cli.printing import note, progress, say, say_bytes, say_json, say_table
from engine.errors import InputError

app = typer.Typer(help="Who may be called.", no_args_is_help=True, rich_markup_mode=None)
Key = Annotated[str, typer.Argument(metavar="KEY", help="The brand's own name for the person, or the number with +.")]
FORM = (
    "FIELD=COLUMN,… with the fields key, phone, name, timezone, ordered_at, state, consent, consent_at, "
    "consent_source, consent_proof, recency, frequency, monetary"
)


@app.command(
    "import", epilog=words.example("ringlab contacts import buyers.csv --columns key=customer_id,phone=mobile")
)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or Parquet file.")],
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=COLUMN,…", help="Which column says what; the rest are attributes."),
    ] = None,
    region: words.Region = "CN",
    format: words.Format = "text",
    database: words.Database = None,
) -> None:
    """Read a file into the roster; rows that cannot be used go to a rejects file. A second import changes nothing."""
    from engine.steps import people

    named = people.columns_of(numbers.pairs(columns or (), "--columns", FORM))
    with opening.opened(database) as workspace, progress("importing") as step:
        done, joined = people.import_contacts(workspace, file, named, region, opening.clock(), step)
    if format == "json":
        say_json(
            {
                "schema": "ringlab.import/1", "imported": done.kept, "rejected": done.rejected,
                "rejects": done.rejects and str(done.rejects), "joined": joined,
            }
        )  # fmt: skip
        return
    say(f"{done.kept:,} contacts are in the roster, {done.rejected:,} rows rejected")
    if joined:
        say(f"{joined:,} earlier conversions found their contact")
    if done.rejects:
        say(f"rejected rows, with reason and cure: {done.rejects}")


@app.command(epilog=words.example("ringlab contacts export -o roster.csv"))
def export(
    output: words.Output = None,
    format: Annotated[Literal["csv", "parquet"], typer.Option(help="The file's kind.")] = "csv",
    database: words.Database = None,
) -> None:
    """Write every contact with whole numbers; the file is personal data."""
    import io
    import json

    from engine.intake.tables import write_table
    from engine.steps import people

    columns = ("key", "phone", "name", "region", "timezones", "ordered_at", "attributes")
    if format == "parquet" and output is None:
        raise typer.BadParameter("a Parquet file is not text; name it with -o FILE", param_hint="--format")
    with opening.opened(database, create=False) as workspace:
        rows = (
            (
                one.key, one.phone, one.name, one.region, ";".join(one.timezones), one.ordered_at,
                json.dumps(dict(one.attributes), ensure_ascii=False, sort_keys=True),
            )
            for one in people.everybody(workspace)
        )  # fmt: skip
        if output is not None:
            note(f"{write_table(output, columns, rows, format):,} contacts in {output}")
            return
        stream = io.BytesIO()
        write_table(stream, columns, rows, format)
    say_bytes(stream.getvalue())


@app.command(epilog=words.example("ringlab contacts show C0000017", "ringlab contacts show C0000017 --reveal"))
def show(
    key: Key,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show the whole number and the name.")] = False,
    format: words.Format = "text",
    database: words.Database = None,
) -> None:
    """Show one contact: number masked, attributes, and the arm of each experiment."""
    from engine.core.contacts import masked
    from engine.steps import people

    with opening.opened(database, create=False) as workspace:
        person = people.show(workspace, key, opening.clock())
    contact = person.contact
    shown = {
        "key": contact.key, "phone": contact.phone if reveal else masked(contact.phone),
        "name": contact.name if reveal else contact.name[:1] + "*" * len(contact.name[1:]), "region": contact.region,
        "timezones": list(contact.timezones), "ordered_at": contact.ordered_at and contact.ordered_at.isoformat(),
        "attributes": dict(contact.attributes), "suppressed": person.suppressed,
        "consent": person.consent and ("withdrawn" if person.consent.withdrawn else person.consent.basis),
        "consent_at": person.consent and person.consent.at and person.consent.at.isoformat(),
        "consent_source": person.consent and person.consent.source,
        "consent_proof": person.consent and person.consent.proof, "arms": dict(person.arms),
    }  # fmt: skip
    if format == "json":
        say_json({"schema": "ringlab.contact/1"} | shown)
        return
    rows = [(name, value) for name, value in shown.items() if name not in ("attributes", "arms", "timezones")]
    rows.append(("timezones", ", ".join(contact.timezones)))
    rows += [(f"attribute {name}", value) for name, value in contact.attributes.items()]
    rows += [(f"arm in {name}", arm) for name, arm in person.arms.items()]
    say_table(("", ""), rows)


@app.command(epilog=words.example("ringlab contacts erase C0000017 --yes"))
def erase(
    key: Key,
    yes: Annotated[bool, typer.Option("--yes", help="Do it: it cannot be undone.")] = False,
    database: words.Database = None,
) -> None:
    """Forget one person for good; tallies stay.

    To never call the number again, put it on the suppression list first.
    """
    from engine.steps import people

    if not yes:
        raise InputError("this cannot be undone; say --yes to do it")
    with opening.opened(database, create=False) as workspace:
        people.erase(workspace, key, who(), opening.clock())
    say("the contact is erased; its assignments and calls stay, under a name that means nobody")


@app.command(epilog=words.example("ringlab contacts withdraw C0000017"))
def withdraw(key: Key, database: words.Database = None) -> None:
    """Keep that a person took a consent back: no call until a later consent is imported."""
    from engine.steps import people

    with opening.opened(database, create=False) as workspace:
        had = people.withdraw(workspace, key, who(), opening.clock())
    say(
        "the consent is withdrawn, and what was planned is canceled"
        if had
        else "kept as withdrawn: there was no consent before"
    )
