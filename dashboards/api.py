"""JSON under /api/v1: what another program may ask and do. A viewer reads, an operator writes."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, HTTPException, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from dashboards.access import Caller, api_caller
from engine.core.contacts import masked
from engine.core.events import Conversion
from engine.core.windows import is_zone
from engine.steps import control, enroll, learned, operations, receive, report, settle, suppress

router = APIRouter(prefix="/api/v1")
Reader = Depends(api_caller("viewer"))
Writer = Annotated[Caller, Depends(api_caller("operator"))]
AT_ONCE = 100_000


class Rim(BaseModel):
    """What comes in is refused when it says more than is understood."""

    model_config = ConfigDict(extra="forbid")


def known_zone(name: str) -> str:
    """The name of a time zone; raises ValueError for any other."""
    if not is_zone(name):
        raise ValueError("not the name of a time zone, such as Asia/Shanghai")
    return name


class Reason(Rim):
    """Why an experiment is paused, resumed or stopped; it is kept in the log."""

    reason: str = Field(min_length=1, max_length=1000)


class ConsentIn(Rim):
    """What a person agreed to, or that it was taken back."""

    basis: Literal["written", "express", "contract", "withdrawn"]
    at: AwareDatetime | None = None
    source: str = Field("api", max_length=200, description="where it was said")
    proof: str = Field("", max_length=500, description="where the proof is kept")


class ContactIn(Rim):
    """One person, as the brand knows them."""

    key: str = Field(min_length=1, max_length=200, description="the brand's own name for the person")
    phone: str = Field(min_length=1, max_length=40, description="in any form that the experiment's region writes")
    name: str = Field("", max_length=200)
    region: str = Field("CN", pattern=r"^[A-Z]{2}$", description="ISO 3166 country of a number without a country code")
    timezone: Annotated[str, AfterValidator(known_zone)] | None = Field(None, description="IANA time zone, when known")
    ordered_at: AwareDatetime | None = Field(None, description="when the person last ordered")
    attributes: dict[str, str] = {}
    consent: ConsentIn | None = Field(None, description="what the person agreed to")


class ConversionIn(Rim):
    """One later fact about a contact; the same `id` again changes nothing."""

    id: str = Field(min_length=1, max_length=200)
    contact: str = Field(min_length=1, max_length=200, description="the contact's key")
    event: str = Field(min_length=1, max_length=100, description="such as friend_added or ordered")
    at: AwareDatetime
    value: float = Field(0.0, ge=0, allow_inf_nan=False, description="money, where it has any")


class SuppressionIn(Rim):
    """Numbers that must not be called."""

    phones: list[str] = Field(min_length=1, max_length=AT_ONCE)
    reason: str = Field(min_length=1, max_length=1000)
    source: str = Field("api", min_length=1, max_length=200)
    region: str = Field("CN", pattern=r"^[A-Z]{2}$")


class PhonesIn(Rim):
    """Numbers that may be called again."""

    phones: list[str] = Field(min_length=1, max_length=AT_ONCE)
    reason: str = Field("", max_length=1000)
    region: str = Field("CN", pattern=r"^[A-Z]{2}$")


class SettledIn(Rim):
    """What became of a call."""

    call: str = Field(min_length=1, max_length=500, description="as `calls/unknown` names it")
    disposition: str = Field(max_length=50, description="such as no_answer")
    reason: str = Field(min_length=1, max_length=1000, description="how it is known")


class PhoneIn(Rim):
    """One number to look up."""

    phone: str = Field(min_length=1, max_length=40)
    region: str = Field("CN", pattern=r"^[A-Z]{2}$")


def workspace_of(request: Request) -> Any:
    """The workspace that this app was made with."""
    return request.app.state.workspace


def now_of(request: Request) -> datetime:
    """This moment, on the app's clock."""
    now: datetime = request.app.state.clock()
    return now


Workspace = Annotated[Any, Depends(workspace_of)]
Now = Annotated[datetime, Depends(now_of)]


async def yaml_text(request: Request) -> str:
    """The experiment's YAML, sent as it is or as `{"yaml": "…"}`."""
    body = await request.body()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HTTPException(422, "The body is not UTF-8 text.") from error
    if not request.headers.get("content-type", "").startswith("application/json"):
        return text
    try:
        sent = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, "The body is not JSON.") from error
    if not isinstance(sent, dict) or set(sent) != {"yaml"} or not isinstance(sent["yaml"], str):
        raise HTTPException(422, 'Send {"yaml": "…"}, or the YAML itself as application/yaml.')
    return str(sent["yaml"])


YAML_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {
                "schema": {"type": "object", "required": ["yaml"], "properties": {"yaml": {"type": "string"}}}
            },
        },
    }
}


@router.get("/experiments", dependencies=[Reader])
def list_experiments(workspace: Workspace, now: Now) -> dict[str, Any]:
    """Every experiment with its state, progress and health."""
    return {"experiments": jsonable_encoder(report.cards(workspace, now))}


@router.post("/experiments", status_code=201, openapi_extra=YAML_BODY)
def create_experiment(
    workspace: Workspace, now: Now, caller: Writer, text: Annotated[str, Depends(yaml_text)], response: Response
) -> dict[str, Any]:
    """Start an experiment from its YAML; every problem of the file comes back at once, at its line."""
    made = enroll.create(workspace, text, now)
    response.headers["Location"] = f"/api/v1/experiments/{made.name}"
    return {"experiment": made.name, "fingerprint": made.fingerprint}


@router.get("/experiments/{name}", dependencies=[Reader])
def read_experiment(workspace: Workspace, now: Now, name: str) -> dict[str, Any]:
    """One experiment: its card, its definition and its settings."""
    found = report.results(workspace, name, now)
    card = jsonable_encoder(found.card)
    return {**card, "yaml": found.yaml, "settings": jsonable_encoder(found.settings), "reproduce": found.reproduce}


@router.get("/experiments/{name}/standing", dependencies=[Reader])
def read_standing(workspace: Workspace, now: Now, name: str) -> dict[str, Any]:
    """Where the experiment stands."""
    return dict(report.standing(workspace, name, now))


@router.get("/experiments/{name}/looks", dependencies=[Reader])
def read_looks(workspace: Workspace, now: Now, name: str) -> dict[str, Any]:
    """The log of looks, first to last."""
    looks = report.results(workspace, name, now).looks
    return {
        "experiment": name,
        "looks": [
            {
                "look": look.number, "as_of": look.as_of, "status": look.status,
                "estimate": {
                    arm: {"value": value, "interval": [low, high]}
                    for arm, (value, low, high) in look.estimate.items()
                },
            }
            for look in looks
        ],
    }  # fmt: skip


@router.get("/experiments/{name}/refusals", dependencies=[Reader])
def read_refusals(workspace: Workspace, name: str) -> dict[str, Any]:
    """Who was not called, by the rule that refused it."""
    rows = report.refusals(workspace, name)
    return {
        "experiment": name,
        "refusals": [{"rule": rule, "says": text, "contacts": count} for rule, text, count in rows],
    }


@router.get("/learned", dependencies=[Reader])
def read_learned(workspace: Workspace) -> dict[str, Any]:
    """What all decided experiments say together, per variable and option."""
    return learned.all_learned(workspace)


@router.post("/experiments/{name}/pause")
def pause_experiment(workspace: Workspace, now: Now, caller: Writer, name: str, why: Reason) -> dict[str, str]:
    """No call goes out until it is resumed; calls in flight finish."""
    control.pause(workspace, name, why.reason, f"{caller.role} (API)", now)
    return {"experiment": name, "done": "pause"}


@router.post("/experiments/{name}/resume")
def resume_experiment(workspace: Workspace, now: Now, caller: Writer, name: str, why: Reason) -> dict[str, str]:
    """Calls go out again."""
    control.resume(workspace, name, why.reason, f"{caller.role} (API)", now)
    return {"experiment": name, "done": "resume"}


@router.post("/experiments/{name}/stop")
def stop_experiment(workspace: Workspace, now: Now, caller: Writer, name: str, why: Reason) -> dict[str, str]:
    """The experiment is over for good; calls in flight finish."""
    control.stop(workspace, name, why.reason, f"{caller.role} (API)", now)
    return {"experiment": name, "done": "stop"}


@router.post("/contacts")
def add_contacts(
    workspace: Workspace, now: Now, caller: Writer,
    sent: Annotated[ContactIn | Annotated[list[ContactIn], Field(max_length=AT_ONCE)], Body()],
) -> dict[str, Any]:  # fmt: skip
    """One person or many: they enroll into the running experiments that want them."""
    people = sent if isinstance(sent, list) else [sent]
    done = enroll.add_contacts(workspace, [person.model_dump(exclude_none=True) for person in people], now)
    return dict(jsonable_encoder(done))


@router.post("/conversions")
def add_conversions(
    workspace: Workspace, now: Now, caller: Writer,
    sent: Annotated[ConversionIn | Annotated[list[ConversionIn], Field(max_length=AT_ONCE)], Body()],
) -> dict[str, int]:  # fmt: skip
    """One conversion or many; `added` counts those that were not known by their id."""
    facts = sent if isinstance(sent, list) else [sent]
    added = receive.add_conversions(workspace, [Conversion(**fact.model_dump()) for fact in facts], now)
    return {"received": len(facts), "added": added}


@router.get("/suppression")
def list_suppression(
    workspace: Workspace,
    caller: Annotated[Caller, Reader],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """The suppression list, a page at a time; a viewer sees numbers masked."""
    rows = jsonable_encoder(suppress.listing(workspace, limit, offset))
    if not caller.may("operator"):
        rows = [{**row, "phone": masked(row["phone"])} for row in rows]
    return {"suppression": rows}


@router.post("/suppression")
def add_suppression(workspace: Workspace, now: Now, caller: Writer, sent: SuppressionIn) -> dict[str, int]:
    """Numbers that are never called from now on."""
    added = suppress.add(
        workspace, sent.phones, sent.reason, sent.source, now, region=sent.region, who=f"{caller.role} (API)"
    )
    return {"added": added}


@router.delete("/suppression")
def remove_suppression(workspace: Workspace, now: Now, caller: Writer, sent: PhonesIn) -> dict[str, int]:
    """Numbers that may be called again. They stand in the body, so that no address holds a number."""
    removed = suppress.remove(
        workspace, sent.phones, now, reason=sent.reason, region=sent.region, who=f"{caller.role} (API)"
    )
    return {"removed": removed}


@router.post("/suppression/check", dependencies=[Reader])
def check_suppression(workspace: Workspace, now: Now, sent: PhoneIn) -> dict[str, bool]:
    """Whether a number is on the list; it stands in the body, so that no address holds it."""
    return {"suppressed": suppress.check(workspace, sent.phone, now, region=sent.region)}


@router.get("/calls/unknown", dependencies=[Reader])
def list_unknown(workspace: Workspace, experiment: str | None = None) -> dict[str, Any]:
    """Calls that may have rung and of which nobody reported, of one experiment or of all; numbers are masked."""
    return {"experiments": jsonable_encoder(settle.unknown(workspace, experiment))}


@router.post("/calls/settle")
def settle_call(workspace: Workspace, now: Now, caller: Writer, sent: SettledIn) -> dict[str, str]:
    """How a call ended whose fate is not known, as somebody found out; it stands in the body, with the reason."""
    settle.settle(workspace, sent.call, sent.disposition, f"{caller.role} (API)", sent.reason, now)
    return {"call": sent.call, "done": "settle"}


@router.get("/processes", dependencies=[Reader])
def list_processes(workspace: Workspace, now: Now) -> dict[str, Any]:
    """The processes that place calls, and those that ended without a word."""
    return {"processes": jsonable_encoder(operations.living(workspace, now))}


@router.get("/adapters", dependencies=[Reader])
def list_adapters(workspace: Workspace) -> dict[str, Any]:
    """Every adapter with what it can do."""
    return {"adapters": jsonable_encoder(report.adapters(workspace))}
