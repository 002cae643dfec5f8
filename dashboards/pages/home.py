"""Every experiment at a glance: its state, what changes, how far it is, and the one thing to do next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from dashboards import access
from dashboards.pages.evidence import VERDICTS
from dashboards.pages.frame import answer, make_frame, state_of, words_of
from dashboards.pages.resting import RestLine, rest_lines
from dashboards.rendering.languages import Words, message
from engine.core.treatments import VARIABLES_ZH
from engine.steps import report
from engine.steps.allocation import Wave
from engine.steps.troubles import Resting

router = APIRouter(include_in_schema=False)

STATES = {
    "draft": message("draft"),
    "running": message("running"),
    "paused": message("paused"),
    "waiting": message("waiting for late conversions"),
    "decided": message("decided"),
    "stopped": message("stopped"),
}
HEALTH = {
    "good": message("healthy"),
    "attention": message("needs attention"),
    "bad": message("in trouble"),
}
LIVE = ("running", "paused", "waiting")
# What the report says, for the catalog.
NEXT = (
    message("start it"),
    message("wait for the verdict"),
    message("find out why it is paused, then resume or stop it"),
    message("wait for late conversions"),
    message("wait for the conversions of this wave; then the next one goes out"),
    message("write the next round"),
    message("carry over what is confirmed"),
    message("nothing: it was stopped"),
    message("paused"),
    message("one more complaint or other harm pauses an arm"),
)
# English names; the Chinese ones are the engine's.
VARIABLES = {
    "script": "script",
    "voice": "voice",
    "sms": "hang-up message",
    "incentive": "incentive",
    "path": "path",
    "timing": "time of the call",
    "redial": "redials",
    "audience": "audience",
    "caller_id": "caller number",
}


@dataclass(frozen=True, slots=True)
class ArmShare:
    """One arm, what it changes, its share of people and how many it has."""

    name: str
    variable: str
    share: float
    contacts: int


@dataclass(frozen=True, slots=True)
class ExperimentCard:
    """One experiment as the list and the head of its own page show it."""

    name: str
    address: str
    state: str
    state_word: str
    hypothesis: str
    owner: str
    changes: tuple[str, ...]
    arms: tuple[ArmShare, ...]
    assigned: int
    planned: int
    dialled: int
    calls: int
    spend: float
    days_left: float | None
    health: str
    health_word: str
    health_reason: str
    next_action: str
    verdict: str
    verdict_word: str
    sentence: str
    lift: float | None
    wave: str
    wave_until: datetime | None

    @property
    def progress(self) -> float:
        """The share of the planned people who were dialed, 0 to 1."""
        return min(self.dialled / self.planned, 1.0) if self.planned else 0.0

    @property
    def live(self) -> bool:
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Group:
    """Experiments that stand alike."""

    title: str
    cards: tuple[ExperimentCard, ...]


@dataclass(frozen=True, slots=True)
class Harm:
    """The complaints of all that is under way, against the limit."""

    count: int
    light: str
    word: str


@dataclass(frozen=True, slots=True)
class Home:
    """The page; `groups` are live first, then drafts, then what is over."""

    groups: tuple[Group, ...]
    live: int
    attention: int
    calls: int
    spend: float
    harm: Harm | None
    resting: tuple[RestLine, ...] = ()


def variable_word(name: str | None, words: Words) -> str:
    """What a variable is called; the name itself when it is not a variable of ours."""
    if not name:
        return ""
    names = VARIABLES_ZH if words.chinese else VARIABLES
    return " + ".join(names.get(part, part) for part in name.split("+"))


def experiment_card(card: report.Card, words: Words) -> ExperimentCard:
    """A card of the report in the words of a language."""
    verdict = card.verdict or {}
    said = (card.verdict_zh if words.chinese else card.verdict) or {}
    status = str(verdict.get("status", ""))
    return ExperimentCard(
        name=card.name,
        address=f"/experiments/{card.name}",
        state=card.state,
        state_word=words.say(STATES[card.state]),
        hypothesis=card.hypothesis,
        owner=card.owner,
        changes=tuple(variable_word(name, words) for name in card.variables),
        arms=tuple(
            ArmShare(arm.name, variable_word(arm.variable, words), arm.share, arm.contacts) for arm in card.arms
        ),
        assigned=card.assigned,
        planned=card.planned,
        dialled=card.dialled,
        calls=card.calls,
        spend=card.spend,
        days_left=card.days_left,
        health=card.health,
        health_word=words.say(HEALTH[card.health]),
        health_reason=words.say(card.health_reason),
        next_action=_begun(words.say(card.next_action)),
        verdict=status,
        verdict_word=words.say(VERDICTS[status]) if status in VERDICTS else "",
        sentence=str(said.get("sentence", "")),
        lift=None if status == "data_problem" else card.lift,
        wave=_wave(card.wave, words),
        wave_until=card.wave.until if card.wave else None,
    )


def _wave(wave: Wave | None, words: Words) -> str:
    """Where the waves stand; until when the conversions are awaited is shown after it."""
    if wave is None:
        return ""
    values = {"number": wave.number, "about": wave.about}
    if wave.until is None:
        return words.say("Wave %(number)s of about %(about)s is being called", **values)
    return words.say("Wave %(number)s of about %(about)s, waiting for its conversions until", **values)


def _begun(sentence: str) -> str:
    """The sentence with a large first letter."""
    return sentence[:1].upper() + sentence[1:]


def home(cards: tuple[report.Card, ...], words: Words, resting: tuple[Resting, ...] = ()) -> Home:
    """The page of these cards; the newest come first within their group."""
    shown = [experiment_card(card, words) for card in sorted(cards, key=lambda card: card.created_at, reverse=True)]
    groups = (
        Group(words.say("Under way"), tuple(card for card in shown if card.live)),
        Group(words.say("Drafts"), tuple(card for card in shown if card.state == "draft")),
        Group(words.say("Over"), tuple(card for card in shown if card.state in ("decided", "stopped"))),
    )
    return Home(
        groups=tuple(group for group in groups if group.cards),
        live=sum(card.live for card in shown),
        attention=sum(card.health != "good" for card in shown if card.live),
        calls=sum(card.calls for card in shown),
        spend=sum(card.spend for card in shown),
        harm=_harm(cards, words),
        resting=rest_lines(resting, words),
    )


def _harm(cards: tuple[report.Card, ...], words: Words) -> Harm | None:
    found = report.pooled_harm(cards)
    if found is None:
        return None
    word = message("within the limit") if found.ok else message("above the limit of 1 in 10,000 calls")
    return Harm(found.complaints, "good" if found.ok else "bad", words.say(word))


@router.api_route("/", methods=["GET", "HEAD"])
def show(request: Request, caller: Annotated[access.Caller, Depends(access.page_caller("viewer"))]) -> HTMLResponse:
    """The list of experiments."""
    words, state = words_of(request), state_of(request)
    now = state.clock()
    page = home(report.cards(state.workspace, now), words, report.resting(state.workspace, now))
    frame = make_frame(request, words.say("Experiments"), caller, refresh_seconds=10 if page.live else 0)
    return answer(request, "home.html", frame, page)
