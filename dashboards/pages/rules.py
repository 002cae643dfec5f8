"""The rules of one experiment in words: hours of the next days, caps, consent, lists, sources, and who is refused."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from dashboards import access
from dashboards.pages.frame import answer, make_frame, state_of, words_of
from dashboards.rendering.languages import Words, message
from dashboards.rendering.numbers import Numbers
from engine.core.caps import Cap
from engine.core.regions import Row
from engine.core.rules import RULES_ZH
from engine.core.windows import Hours
from engine.steps import ruled

router = APIRouter(include_in_schema=False)

DAY_NAMES = (
    message("Mon"), message("Tue"), message("Wed"), message("Thu"), message("Fri"), message("Sat"), message("Sun"),
)  # fmt: skip
BASES = {"law": message("law"), "provider": message("provider"), "ours": message("default")}
CONSENTS = {
    "written": message("a written consent"),
    "express": message("an express consent"),
    "contract": message("a contract that goes on"),
}
CLOSED = message("no calls")


@dataclass(frozen=True, slots=True)
class DayView:
    """One day of the week ahead."""

    day: str
    weekday: str
    holiday: str
    hours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RowView:
    """One row of the data file in words."""

    where: str
    basis: str
    says: tuple[str, ...]
    widened: bool
    note: str
    source: str
    checked_on: str


@dataclass(frozen=True, slots=True)
class ListView:
    """A do-not-call list, and whether its last import is good."""

    name: str
    light: str
    says: str
    imported_at: datetime | None


@dataclass(frozen=True, slots=True)
class RulesPage:
    """The rules page of one experiment."""

    name: str
    address: str
    region: str
    states: int
    zones: str
    several: bool
    summary: str
    begun: bool
    next_due: datetime | None
    refusals: tuple[tuple[str, int], ...]
    cautions: tuple[str, ...]
    groups: tuple[str, ...]
    days: tuple[DayView, ...]
    caps: tuple[str, ...]
    consent: str
    block: str
    lists: tuple[ListView, ...]
    rows: tuple[RowView, ...]


def rules_page(found: ruled.Ruled, words: Words) -> RulesPage:
    """What holds, in this language."""
    numbers = Numbers(words)
    refused, people = numbers.number(found.refused_people), numbers.number(found.people)
    if found.begun:
        summary = words.say("%(n)s of %(all)s people were not called, or not again.", n=refused, all=people)
    else:
        summary = words.say("%(n)s of %(all)s people will not be called.", n=refused, all=people)
    return RulesPage(
        found.name, f"/experiments/{found.name}", found.region, found.states, ", ".join(found.zones),
        len(found.zones) > 1, summary, found.begun, found.next_due,
        tuple((RULES_ZH.get(rule, text) if words.chinese else text, count) for rule, text, count in found.refusals),
        tuple(one.text_zh if words.chinese else one.text for one in found.cautions),
        tuple(", ".join(group) for group in found.groups),
        tuple(_day(day, words) for day in found.days),
        tuple(cap_said(cap, words) for cap in found.caps),
        _consent(found.accepts, words), _block(found.block, words),
        tuple(_listing(one, words) for one in found.lists),
        tuple(_row(one, words) for one in found.rows),
    )  # fmt: skip


def _day(day: ruled.Day, words: Words) -> DayView:
    holiday = {None: message("not known"), True: message("holiday"), False: ""}[day.holiday]
    hours = tuple(text or words.say(CLOSED) for text in day.hours)
    return DayView(day.day.isoformat(), words.say(DAY_NAMES[day.day.weekday()]), words.say(holiday), hours)


def cap_said(cap: Cap, words: Words) -> str:
    """`at most 2 calls in 24 hours`."""
    return words.count(
        "at most %(n)s call in %(span)s", "at most %(n)s calls in %(span)s", cap.calls,
        n=cap.calls, span=_span(cap.per, words),
    )  # fmt: skip


def _span(span: timedelta, words: Words) -> str:
    """A time in the largest unit that tells it whole; a day in hours, because it is any 24 of them."""
    minutes = round(span.total_seconds() / 60)
    if minutes % 1440 == 0 and minutes > 1440:
        return words.count("%(n)s day", "%(n)s days", minutes // 1440, n=minutes // 1440)
    if minutes % 60 == 0:
        return words.count("%(n)s hour", "%(n)s hours", minutes // 60, n=minutes // 60)
    return words.count("%(n)s minute", "%(n)s minutes", minutes, n=minutes)


def _consent(accepts: tuple[tuple[str, ...], ...], words: Words) -> str:
    if not accepts:
        return words.say("No consent is asked of the contact file; one that was withdrawn refuses.")
    ways = words.say("; and ").join(_either(bases, words) for bases in accepts)
    return words.say("Needed for every person: %(ways)s.", ways=ways)


def _either(bases: tuple[str, ...], words: Words) -> str:
    return words.say(" or ").join(words.say(CONSENTS[one]) for one in bases)


def _block(block: timedelta | None, words: Words) -> str:
    if block is None:
        return words.say("Who says no, or complains, is never called again.")
    return words.say(
        "Who says no is not called for %(days)s days, and their consent ends; who complains is never called again.",
        days=block.days,
    )


def _listing(one: ruled.Asked, words: Words) -> ListView:
    if one.fresh:
        says = words.say("imported, good for %(days)s days", days=one.listing.days)
    elif one.imported_at is None:
        says = words.say("never imported")
    else:
        says = words.say("older than %(days)s days", days=one.listing.days)
    return ListView(one.listing.name, "good" if one.fresh else "bad", says, one.imported_at)


def _row(held: ruled.Held, words: Words) -> RowView:
    row = held.row
    where = ", ".join(row.regions) if "*" not in row.regions else words.say("every region without rules of its own")
    basis = words.say(BASES[row.basis])
    return RowView(
        where, f"{basis}: {row.provider}" if row.provider else basis, _says(row, words), held.widened,
        row.note_zh if words.chinese else row.note, row.source, row.checked_on,
    )  # fmt: skip


def _says(row: Row, words: Words) -> tuple[str, ...]:
    said = []
    if row.week is not None:
        for hours, days in groupby(enumerate(row.week), key=lambda day: day[1]):
            said.append(f"{_named([place for place, _ in days], words)}: {_hours(hours, words)}")
    if row.holiday is not None:
        said.append(words.say("holidays: %(hours)s", hours=_hours(row.holiday, words)))
    if row.eve is not None:
        said.append(words.say("the day before a holiday: %(hours)s", hours=_hours(row.eve, words)))
    said += [cap_said(cap, words) for cap in row.caps]
    if row.accepts:
        said.append(words.say("needs %(consent)s", consent=_either(row.accepts, words)))
    said += [
        words.say("do-not-call list %(name)s, at most %(days)s days old", name=one.name, days=one.days)
        for one in row.lists
    ]
    if row.block is not None:
        said.append(
            words.say("no calls for %(days)s days after a no", days=row.block.days)
            if row.block
            else words.say("no calls ever after a no")
        )
    return tuple(said)


def _named(days: list[int], words: Words) -> str:
    first, last = words.say(DAY_NAMES[days[0]]), words.say(DAY_NAMES[days[-1]])
    if len(days) == len(DAY_NAMES):
        return words.say("every day")
    return first if len(days) == 1 else f"{first}–{last}"


def _hours(hours: Hours, words: Words) -> str:
    return str(hours) or words.say(CLOSED)


@router.api_route("/experiments/{name}/rules", methods=["GET", "HEAD"])
def show(
    request: Request, name: str, caller: Annotated[access.Caller, Depends(access.page_caller("viewer"))]
) -> HTMLResponse:
    """The rules of one experiment, and who is refused by them."""
    state = state_of(request)
    page = rules_page(ruled.rules_of(state.workspace, name, state.clock()), words_of(request))
    title = words_of(request).say("Rules of %(name)s", name=name)
    return answer(request, "rules.html", make_frame(request, title, caller), page)
