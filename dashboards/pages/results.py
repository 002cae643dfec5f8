"""One experiment: the verdict first, then what it rests on, then the numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import Markup

from dashboards import access
from dashboards.pages.crossing import CrossingView, compared_with, crossing_of
from dashboards.pages.denominators import Denominator, denominators_of
from dashboards.pages.error import NO_PAGE
from dashboards.pages.evidence import Check, Verdict, checks_of, verdict_of
from dashboards.pages.figures import ArmFigure, MetricFigure, metric_figures
from dashboards.pages.frame import answer, make_frame, state_of, words_of
from dashboards.pages.guards import GuardLine, guard_lines
from dashboards.pages.home import ExperimentCard, experiment_card, variable_word
from dashboards.pages.pictures import (
    DelayView,
    FunnelView,
    LookView,
    delay_view,
    funnel_views,
    lift_view,
    look_views,
    looks_view,
)
from dashboards.pages.resting import RestLine, rest_lines
from dashboards.rendering.languages import Words, message
from engine.core.rules import RULES_ZH
from engine.steps import control, report

router = APIRouter(include_in_schema=False)

METHODS = {
    "sequential": message("The ranges hold at every look, however often somebody looks."),
    "group": message("The boundary is spread over the planned looks; in between nothing is decided."),
    "fixed": message("The range is read once, when everyone planned is counted."),
}
BLOCKS = {
    "opening": message("opening"),
    "benefit": message("benefit"),
    "invitation": message("invitation"),
    "closing": message("closing"),
}
FUNNELS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Headline:
    """The number under the verdict: one arm's lift, people on both sides, and money per 10,000 contacts."""

    arm: str
    metric: str
    lift: Any
    kind: str
    people: int
    control_people: int
    money: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What one arm changes: `rows` are (block, parts), a part is (same | added | removed, text)."""

    arm: str
    variable: str
    rows: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One arm's part of every metric, in the metrics' order; None where a metric does not count the arm."""

    arm: str
    control: bool
    cells: tuple[ArmFigure | None, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """One exploratory row."""

    name: str
    value: str
    arm: str
    contacts: int
    difference: float | None
    low: float | None
    high: float | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """The page."""

    card: ExperimentCard
    verdict: Verdict
    headline: Headline | None
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]
    figures: tuple[MetricFigure, ...]
    primary: MetricFigure | None
    secondary: tuple[MetricFigure, ...]
    guardrails: tuple[MetricFigure, ...]
    guarded: Mapping[str, tuple[GuardLine, ...]]
    useful: float | None
    lift: Markup | None
    crossing: CrossingView | None
    funnels: tuple[FunnelView, ...]
    more_funnels: tuple[FunnelView, ...]
    looks: tuple[LookView, ...]
    looks_picture: Markup | None
    delay: DelayView | None
    trend: str
    followed: str
    among: tuple[MetricFigure, ...]
    denominators: tuple[Denominator, ...]
    differences: tuple[Difference, ...]
    matrix: tuple[MatrixRow, ...]
    segments: tuple[Segment, ...]
    refusals: tuple[tuple[str, str, int], ...]
    questions: tuple[tuple[str, int], ...]
    method: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    fingerprint: str
    as_of: datetime | None
    yaml: str
    reproduce: str
    resting: tuple[RestLine, ...]


def results_page(results: report.Results, words: Words) -> ResultsPage:
    """The page of an experiment's results, in the words of a language."""
    standing = results.standing
    verdict = verdict_of(standing, words)
    figures = metric_figures(standing, words, blank=verdict.blank)
    primary = next((figure for figure in figures if figure.role == "primary"), None)
    useful = standing.get("smallest_useful_lift")
    followed = _followed(verdict, primary)
    control = str(standing.get("control", "control"))
    funnels = funnel_views(results.funnel, control, followed, words)
    looks = () if verdict.blank else look_views(results.looks, control, followed, words)
    drawn = primary is not None and not verdict.blank
    crossing = crossing_of(standing, primary, words, blank=verdict.blank)
    return ResultsPage(
        card=experiment_card(results.card, words),
        verdict=verdict,
        headline=_headline(verdict, primary, followed, results.money, compared_with(standing, followed)),
        checks=checks_of(standing, words),
        warnings=_warnings(standing, words),
        figures=figures,
        primary=primary,
        secondary=tuple(figure for figure in figures if figure.role == "secondary"),
        guardrails=tuple(figure for figure in figures if figure.role == "guardrail"),
        guarded={figure.name: guard_lines(standing, figure.name, words) for figure in figures},
        useful=useful,
        lift=lift_view(primary, useful, words) if primary and drawn and not crossing else None,
        crossing=crossing,
        funnels=funnels[:FUNNELS_SHOWN],
        more_funnels=funnels[FUNNELS_SHOWN:],
        looks=looks,
        looks_picture=looks_view(looks, control, followed, primary, words) if primary and drawn else None,
        delay=delay_view(standing, control, followed, words),
        trend="" if verdict.blank else _trend(standing, words),
        followed=followed,
        among=tuple(figure for figure in figures if figure.among),
        denominators=tuple(denominators_of(standing, words)),
        differences=_differences(results, words),
        matrix=matrix_of(figures),
        segments=() if verdict.blank else _segments(standing),
        refusals=tuple((_rule(rule, text, words), rule, count) for rule, text, count in results.refusals),
        questions=tuple(results.questions),
        method=_method(standing, words),
        settings=tuple(_flat(results.settings)),
        fingerprint=str(standing.get("fingerprint", "")),
        as_of=datetime.fromisoformat(standing["as_of"]) if standing.get("as_of") else None,
        yaml=results.yaml,
        reproduce=results.reproduce,
        resting=rest_lines(results.resting, words),
    )


def matrix_of(figures: tuple[MetricFigure, ...]) -> tuple[MatrixRow, ...]:
    """Every metric, arm by arm; the arms stand in the order of the first metric that has them."""
    by_metric = [{arm.arm: arm for arm in figure.arms} for figure in figures]
    names = list(dict.fromkeys(name for arms in by_metric for name in arms))
    rows = [(name, tuple(arms.get(name) for arms in by_metric)) for name in names]
    return tuple(MatrixRow(name, any(cell.control for cell in cells if cell), cells) for name, cells in rows)


def _followed(verdict: Verdict, primary: MetricFigure | None) -> str:
    """The arm that headline and looks are about: the verdict's, else the one with the best lift."""
    if verdict.arm or primary is None:
        return verdict.arm
    sign = 1 if primary.better == "higher" else -1
    lifted = [arm for arm in primary.arms if arm.lift]
    best = max(lifted, key=lambda arm: sign * (arm.lift.value if arm.lift else 0.0), default=None)
    return best.arm if best else ""


def _headline(
    verdict: Verdict,
    primary: MetricFigure | None,
    followed: str,
    money: Mapping[str, Any] | None,
    against: int | None = None,
) -> Headline | None:
    """The number under the verdict; `against` are the people of the control where they are not all of its people."""
    if primary is None or verdict.blank:
        return None
    arm = next((arm for arm in primary.arms if arm.arm == followed and arm.lift), None)
    control = next((arm for arm in primary.arms if arm.control), None)
    if arm is None or control is None:
        return None
    return Headline(
        arm.arm,
        primary.label,
        arm.lift,
        primary.kind,
        arm.contacts,
        control.contacts if against is None else against,
        (money or {}).get(arm.arm),
    )


def _trend(standing: Mapping[str, Any], words: Words) -> str:
    """What the cost of the incentives does, where several stand in an order."""
    found = standing.get("trend") or {}
    return str(found.get("sentence_zh" if words.chinese else "sentence", ""))


def _warnings(standing: Mapping[str, Any], words: Words) -> tuple[str, ...]:
    said = standing.get("warnings_zh") if words.chinese else None
    return tuple(said or standing.get("warnings", ()))


def _differences(results: report.Results, words: Words) -> tuple[Difference, ...]:
    variables = {arm.name: arm.variable for arm in results.card.arms}
    return tuple(
        Difference(
            arm,
            variable_word(variables.get(arm), words),
            tuple((_block(row.block, words), _parts(row, words)) for row in rows),
        )
        for arm, rows in results.differences.items()
    )


def _parts(row: report.DifferenceRow, words: Words) -> tuple[tuple[str, str], ...]:
    return row.parts_zh if words.chinese and row.parts_zh else row.parts


def _block(name: str, words: Words) -> str:
    return words.say(BLOCKS[name]) if name in BLOCKS else variable_word(name, words)


def _rule(rule: str, text: str, words: Words) -> str:
    return RULES_ZH.get(rule, text) if words.chinese else text


def _segments(standing: Mapping[str, Any]) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            table["column"], each["value"], found["arm"],
            next((arm["contacts"] for arm in each["arms"] if arm["arm"] == found["arm"]), 0),
            found.get("difference"), low, high, found.get("p_adjusted"),
        )
        for table in standing.get("segments") or ()
        for each in table["values"]
        for found in each["comparisons"]
        for low, high in [found.get("interval") or (None, None)]
    )  # fmt: skip


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Settings as rows: `decision.alpha`, `5%`; what is not set is left out."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        elif value is not None:
            said = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            yield f"{above}{name}", said


def _method(standing: Mapping[str, Any], words: Words) -> tuple[str, ...]:
    """How the numbers come about, in three lines."""
    method = standing.get("method", "fixed")
    return (
        words.say(
            "Everyone assigned is counted once, whether or not the call went out; arms are dealt at random in blocks."
        ),
        words.say(METHODS.get(method, "")),
        words.say(
            "The chance of any false winner is at most %(alpha)s over all arms; "
            "a lift below %(useful)s is not worth a change.",
            alpha=f"{standing.get('alpha', 0.05) * 100:.3g}%",
            useful=_useful(standing.get("smallest_useful_lift"), words),
        ),
    )


def _useful(lift: float | None, words: Words) -> str:
    from dashboards.rendering.numbers import Numbers

    return Numbers(words).points(lift).lstrip("+")


@router.api_route("/experiments/{name}", methods=["GET", "HEAD"])
def show(
    request: Request, name: str, caller: Annotated[access.Caller, Depends(access.page_caller("viewer"))]
) -> HTMLResponse:
    """The results of one experiment."""
    state = state_of(request)
    page = results_page(report.results(state.workspace, name, state.clock()), words_of(request))
    frame = make_frame(request, page.card.name, caller, refresh_seconds=10 if page.card.live else 0)
    return answer(request, "results.html", frame, page)


@router.post("/experiments/{name}/{action}")
def act(
    request: Request,
    name: str,
    action: str,
    caller: Annotated[access.Caller, Depends(access.form_caller("operator"))],
    reason: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Pause, resume or stop, with a reason."""
    state = state_of(request)
    acts = {"pause": control.pause, "resume": control.resume, "stop": control.stop}
    if action not in acts:
        raise HTTPException(404, NO_PAGE)
    if not reason.strip():
        raise HTTPException(422, message("Give a reason: it is kept in the log."))
    acts[action](state.workspace, name, reason.strip(), f"{caller.role} (page)", state.clock())
    return RedirectResponse(f"/experiments/{name}", 303)
