"""Accounts and caller numbers that rest after trouble: what, why, and until when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dashboards.rendering.languages import Words, message
from engine.core.breakers import TROUBLES, TROUBLES_ZH, Trouble
from engine.steps.troubles import Resting

SUBJECTS = {
    "account": message("The account %(name)s rests"),
    "caller": message("The caller number %(name)s rests"),
}
TRIED = {
    "account": message("The account %(name)s is tried again with a few calls"),
    "caller": message("The caller number %(name)s is tried again with a few calls"),
}


@dataclass(frozen=True, slots=True)
class RestLine:
    """One line that rests: what it is, why, since when and until when, and the command that ends it by hand."""

    what: str
    why: str
    since: datetime | None
    until: datetime | None
    command: str


def rest_lines(resting: Iterable[Resting], words: Words) -> tuple[RestLine, ...]:
    """Everything that rests, in the words of a language; what is on trial has no end to wait for."""
    troubles = TROUBLES_ZH if words.chinese else TROUBLES
    return tuple(
        RestLine(
            words.say((TRIED if one.on_trial else SUBJECTS)[one.subject], name=one.name),
            troubles[Trouble(one.trouble)],
            one.since,
            None if one.on_trial else one.until,
            f"ringlab resume {one.experiments[0]}",
        )
        for one in resting
    )
