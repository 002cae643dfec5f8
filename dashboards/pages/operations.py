"""What an operator watches: who places calls, what is on its way, what nobody can tell, and who did what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards import access
from dashboards.pages.frame import answer, make_frame, state_of, words_of
from dashboards.pages.home import STATES
from dashboards.pages.resting import RestLine, rest_lines
from dashboards.rendering.languages import Words, message
from engine.core.treatments import Disposition
from engine.steps import operations as step
from engine.steps import report, settle
from engine.steps.settle import Untold
from engine.steps.troubles import Resting

router = APIRouter(include_in_schema=False)

DISPOSITIONS = {
    Disposition.ANSWERED_HUMAN: message("answered by a person"),
    Disposition.ANSWERED_MACHINE: message("answered by a machine"),
    Disposition.BUSY: message("busy"),
    Disposition.NO_ANSWER: message("no answer"),
    Disposition.REJECTED: message("rejected"),
    Disposition.UNREACHABLE: message("unreachable"),
    Disposition.INVALID_NUMBER: message("invalid number"),
    Disposition.BLOCKED: message("blocked"),
    Disposition.FAILED: message("failed"),
    Disposition.CANCELED: message("canceled"),
}
ACTIONS = {
    "start": message("started"),
    "pause": message("paused"),
    "resume": message("resumed"),
    "stop": message("stopped"),
    "settle": message("settled by hand"),
    "suppress": message("put on the suppression list"),
    "unsuppress": message("took off the suppression list"),
    "erase": message("erased"),
    "token": message("made an access token"),
    "pause arm": message("paused an arm for safety"),
    "decide": message("decided"),
}


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """One process: a light with its word, since when, and when it last said that it lives."""

    name: str
    light: str
    word: str
    since: datetime
    said: datetime


@dataclass(frozen=True, slots=True)
class LaneLine:
    """The calls of one live experiment."""

    name: str
    address: str
    state: str
    state_word: str
    on_the_way: int
    in_flight: int
    concurrent: int
    unknown: int
    next_due: datetime | None
    last_heard: datetime | None


@dataclass(frozen=True, slots=True)
class UnknownLine:
    """One call whose fate is not known."""

    key: str
    phone: str
    sent_at: datetime | None
    light: str
    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what to what, when and why."""

    at: datetime
    who: str
    action: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class TroubleLine:
    """One report that could not be understood."""

    at: datetime
    adapter: str
    trouble: str


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """The page. `endings` are the ways in which a call can be settled: (word of ours, what it is called)."""

    processes: tuple[ProcessLine, ...]
    lanes: tuple[LaneLine, ...]
    unknown: tuple[UnknownLine, ...]
    endings: tuple[tuple[str, str], ...]
    waiting: int
    troubled: tuple[TroubleLine, ...]
    audit: tuple[AuditLine, ...]
    resting: tuple[RestLine, ...] = ()


def operations_page(found: step.Operations, words: Words, resting: tuple[Resting, ...] = ()) -> OperationsPage:
    """The page in the words of a language."""
    return OperationsPage(
        processes=tuple(_process(one, words) for one in found.processes),
        lanes=tuple(
            LaneLine(
                lane.experiment, f"/experiments/{lane.experiment}", lane.state, words.say(STATES[lane.state]),
                lane.on_the_way, lane.in_flight, lane.concurrent, lane.unknown, lane.next_due, lane.last_heard,
            )
            for lane in found.lanes
        ),
        unknown=tuple(_unknown(call, words) for one in found.unknown for call in one.calls),
        endings=tuple((ending.value, words.say(word)) for ending, word in DISPOSITIONS.items()),
        waiting=found.waiting,
        troubled=tuple(TroubleLine(*one) for one in found.troubled),
        audit=tuple(
            AuditLine(one.at, one.who, words.say(ACTIONS.get(one.action, one.action)), one.subject, one.reason)
            for one in found.audit
        ),
        resting=rest_lines(resting, words),
    )  # fmt: skip


def _process(one: step.Living, words: Words) -> ProcessLine:
    light, word = ("good", message("places calls")) if one.alive else ("bad", message("says nothing any more"))
    return ProcessLine(one.process.name, light, words.say(word), one.process.started_at, one.process.beat_at)


def _unknown(call: Untold, words: Words) -> UnknownLine:
    light, word = (
        ("attention", message("nobody can tell: find out and settle it"))
        if call.closed
        else ("none", message("the provider is still asked"))
    )
    return UnknownLine(call.key, call.phone, call.sent_at, light, words.say(word), call.reason)


@router.api_route("/operations", methods=["GET", "HEAD"])
def show(request: Request, caller: Annotated[access.Caller, Depends(access.page_caller("viewer"))]) -> HTMLResponse:
    """Everything that is under way."""
    words, state = words_of(request), state_of(request)
    now = state.clock()
    page = operations_page(step.operations(state.workspace, now), words, report.resting(state.workspace, now))
    frame = make_frame(request, words.say("Operations"), caller, refresh_seconds=10 if page.lanes else 0)
    return answer(request, "operations.html", frame, page)


@router.post("/operations/settle")
def settle_call(
    request: Request,
    caller: Annotated[access.Caller, Depends(access.form_caller("operator"))],
    call: Annotated[str, Form()] = "",
    disposition: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Say how a call ended whose fate is not known; the call stands in the form, so that no address holds it."""
    state = state_of(request)
    if not reason.strip():
        raise HTTPException(422, message("Give a reason: it is kept in the log."))
    settle.settle(state.workspace, call, disposition, f"{caller.role} (page)", reason.strip(), state.clock())
    return RedirectResponse("/operations", 303)
