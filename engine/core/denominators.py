"""Whom a rate is of, by what an arm changes: which numbers are results, which are placebos, and which say nothing.

Everybody assigned is in the headline. What an arm cannot change yet must look alike in all arms (the placebo), and
where people are picked by it they are the same people in all arms, so that a rate among them is a fair comparison
too. Where an arm can change it, they are other people, and a rate among them decides nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.core.sentences import Label, Sentence
from engine.core.treatments import VARIABLES_ZH

Connect = Literal["placebo", "result", "descriptive"]
Conditional = Literal["valid", "invalid", "descriptive"]
AUDIENCE = "audience"
JOINED = "+"
"""Stands between the variables of an arm that changes several, as an arm of a confirming round may."""


@dataclass(frozen=True, slots=True)
class Denominator:
    """What follows for an arm that changes `variable`.

    `first` is the first thing that it can change, `headline` whom its rates are of. `connect` says what its connect
    rate is; `connected` whether a rate among the people connected at the first attempt is a fair comparison, for the
    reason `why`. `fixed_calls` says whether arms get equally many calls, so that a number per call may be compared.
    """

    variable: str
    first: Sentence
    headline: Sentence
    connect: Connect
    connected: Conditional
    why: Sentence
    fixed_calls: bool = True


def _row(variable: str, first: str, headline: str, connect: Connect, connected: Conditional, why: str) -> Denominator:
    words = (Sentence(f"first_{first}"), Sentence(f"headline_{headline}"))
    return Denominator(variable, *words, connect, connected, Sentence(f"why_{why}"), first != "attempts")


# A hang-up message follows a talk with a person, so `sms` and an incentive told only in it come after the connect too.
DENOMINATORS: dict[str, Denominator] = {
    row.variable: row
    for row in (
        _row("script", "talk", "assigned", "placebo", "valid", "talk"),
        _row("voice", "talk", "assigned", "placebo", "valid", "talk"),
        _row("incentive", "talk", "assigned", "placebo", "valid", "talk"),
        _row("sms", "after", "conversion", "placebo", "valid", "after"),
        _row("path", "after", "conversion", "placebo", "valid", "after"),
        _row("timing", "pick_up", "undialled", "result", "invalid", "pick_up"),
        _row("caller_id", "pick_up", "undialled", "result", "invalid", "pick_up"),
        _row("redial", "attempts", "cost", "result", "invalid", "attempts"),
        _row("audience", "nothing", "yield", "descriptive", "descriptive", "audience"),
    )
}
_LEAST_FAIR: tuple[Conditional, ...] = ("descriptive", "invalid", "valid")
CHANGES_CONNECT = frozenset(row.variable for row in DENOMINATORS.values() if row.connect != "placebo")


def variables_in(variable: str | None) -> frozenset[str]:
    """The variables that an arm changes, apart."""
    return frozenset((variable or "").split(JOINED)) - {""}


def denominator_of(variable: str | None) -> Denominator | None:
    """The row that binds an arm of these variables: the least fair of theirs; None where none is known."""
    rows = [row for name, row in DENOMINATORS.items() if name in variables_in(variable)]
    return min(rows, key=lambda row: _LEAST_FAIR.index(row.connected), default=None)


def connected_of(variable: str | None) -> Conditional:
    """Whether rates among the connected are fair for an arm of these variables; several are fair when each is."""
    row = denominator_of(variable)
    return row.connected if row else "valid"


def _because(row: Denominator) -> Sentence:
    changed = Label(row.variable, VARIABLES_ZH[row.variable])
    return Sentence("not_alike", {"variable": changed, "why": row.why})


def apart_among_connected(arms: Mapping[str, str | None]) -> dict[str, Sentence]:
    """The arms (with what each changes) whose connected are other people than the control's, each with the reason."""
    rows = {arm: denominator_of(variable) for arm, variable in arms.items()}
    return {arm: _because(row) for arm, row in rows.items() if row and row.connected != "valid"}


def apart_per_call(arms: Mapping[str, str | None]) -> dict[str, Sentence]:
    """The arms that change how many calls a contact gets: no number per call is fair to them."""
    return {
        arm: Sentence("not_per_call")
        for arm, variable in arms.items()
        if any(not DENOMINATORS[name].fixed_calls for name in variables_in(variable) & DENOMINATORS.keys())
    }


def placebo_arms(
    arms: Iterable[str], variables: Mapping[str, str | None]
) -> tuple[dict[str, Sentence | None], dict[str, Sentence]]:
    """The arms that cannot change the first attempt's connect, and those that can, each with why.

    The control changes nothing, and of an arm of no known variable nothing is known: their reason is None.
    """
    rows = {arm: denominator_of(variables.get(arm)) for arm in arms}
    alike = {arm: row.why if row else None for arm, row in rows.items() if row is None or row.connect == "placebo"}
    return alike, {arm: _because(row) for arm, row in rows.items() if row and row.connect != "placebo"}
