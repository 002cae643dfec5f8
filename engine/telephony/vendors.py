"""What an experiment file says of a provider that is described by configuration: the settings of `http`.

Every section is a model that refuses what it does not know. Texts may hold templates, and `${NAME}` of the
environment, which is not filled in yet when a file is checked.
"""

import re
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from engine.core.events import Kind
from engine.core.treatments import Disposition, Duration, Value, parse_duration
from engine.errors import did_you_mean

ENVIRONMENT = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
TEMPLATE = re.compile(r"\{\{|\{%|\{#")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
IGNORED = "ignored"
ENDINGS = {each.value: each for each in Disposition}
KINDS = {each.value: each for each in Kind if each not in (Kind.ENDED, Kind.CONVERTED)}
WORDS = (*KINDS, *ENDINGS, IGNORED)
"""What a provider's status may mean: news of a call or message, how a call ended, or nothing."""


def _dotted(name: str) -> str:
    if not name or len(name) > 200 or any(not part or part != part.strip() for part in name.split(".")):
        raise ValueError(f"{name[:60]!r} picks no field; write names with dots between them, such as call.id")
    return name


def _word(text: str) -> str:
    if text not in WORDS:
        raise ValueError(f"{text[:60]!r} is nothing that a status may mean{did_you_mean(text[:60], WORDS)}")
    return text


def _header(name: str) -> str:
    if not TOKEN.fullmatch(name):
        raise ValueError(f"{name[:60]!r} is not the name of a header; write letters, digits and dashes")
    return name


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        _header(name)
        if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
            raise ValueError(f"{name} is written by the adapter itself; take it out")
        if re.search(r"[\r\n\0]", value):
            raise ValueError(f"the header {name} has more than one line; write it on one")
    return headers


def _address(url: str) -> str:
    """A URL whose host is written out, unless all of it comes from the environment."""
    if ENVIRONMENT.match(url):
        return url
    place = urlsplit(url) if url.isprintable() and " " not in url.partition("?")[0] else None
    if place is None or place.scheme not in ("https", "http") or not place.hostname:
        raise ValueError("is not an address; write one such as https://vendor.example/calls")
    if TEMPLATE.search(place.netloc):
        raise ValueError("has a template in its host; write the host out, and use templates in the path and query")
    if "@" in place.netloc:
        raise ValueError("has a user or password in it; write them as a header")
    return url


def is_near(host: str) -> bool:
    """Whether a host is this machine, or of a private network."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".localhost", ".local", ".internal"))
    return address.is_private or address.is_loopback


Dotted = Annotated[str, AfterValidator(_dotted)]
Word = Annotated[str, AfterValidator(_word), Field(json_schema_extra={"enum": list(WORDS)})]
HeaderName = Annotated[str, AfterValidator(_header)]
Headers = Annotated[dict[str, str], AfterValidator(_headers)]
Address = Annotated[str, AfterValidator(_address)]
Span = Annotated[Duration, Field(json_schema_extra={"examples": ["10s"]})]
STATUS = Annotated[int, Field(ge=400, le=599)]
ID = "the field of the answer that holds the provider's id"


class Asking(Value):
    """One request to a provider."""

    url: Address = Field(description="the address; a template", examples=["https://vendor.example/calls"])
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field("POST", description="the method")
    headers: Headers = Field({}, description="headers; templates")
    body: dict[str, Any] | None = Field(None, description="the JSON body; texts in it are templates")
    form: dict[str, str] | None = Field(None, description="a form as the body, in place of JSON; templates")
    timeout: Span = Field(parse_duration("10s"), description="how long its answer is waited for")
    connect_timeout: Span = Field(parse_duration("5s"), description="how long a connection is waited for")

    @model_validator(mode="after")
    def _has_one_body(self) -> Self:
        if self.body is not None and self.form is not None:
            raise ValueError("has a body and a form; write one of them")
        return self


class Submitting(Asking):
    """How a call or message is handed over, and how the answer is read."""

    id: Dotted = Field(description=ID, examples=["call.id"])
    refused: list[STATUS] = Field(
        [400, 401, 402, 403, 404, 422], description="statuses by which the provider says no, and nothing rings"
    )
    reason: Dotted | None = Field(None, description="the field of a refusal that says why")
    parallel: int = Field(16, ge=1, le=256, description="requests under way at the same time at most")


class Reporting(Value):
    """The fields of one report; dotted names."""

    id: Dotted = Field(description="the provider's id of the call", examples=["call.id"])
    status: Dotted = Field(description="what became of the call", examples=["call.status"])
    event_id: Dotted | None = Field(None, description="the report's own id, by which repeats are known")
    at: Dotted | None = Field(None, description="when it happened: ISO 8601, or seconds or milliseconds since 1970")
    seconds: Dotted | None = Field(None, description="talk seconds")
    cost: Dotted | None = Field(None, description="money")
    intent: Dotted | None = Field(None, description="whether the person is interested")
    opt_out: Dotted | None = Field(None, description="whether the person asks never to be called again")
    detail: Dotted | None = Field(None, description="the provider's own reason")


class Finding(Asking, Reporting):
    """How the provider is asked for a call of ours."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field("GET", description="the method")
    status: Dotted | None = Field(None, description="what became of the call")  # type: ignore[assignment]
    items: Dotted | None = Field(None, description="the list of calls in the answer; the answer itself when not given")
    attempt: Dotted | None = Field(None, description="our key in each item; items with another are not ours")
    absent: list[STATUS] = Field([], description="statuses that say that there is no such call")


class Signing(Value):
    """How a webhook proves who sent it."""

    kind: Literal["hmac-sha256", "secret", "bearer", "none"] = Field(
        description="a signature over the body, a secret in a header, a bearer token, or nothing",
        examples=["hmac-sha256"],
    )
    secret: str = Field("", description="the secret, as ${NAME} of the environment")
    header: HeaderName = Field("x-signature", description="the header that holds the signature or the secret")
    encoding: Literal["hex", "base64"] = Field("hex", description="how the signature is written")
    prefix: str = Field("", description="what stands before the signature, such as sha256=")
    timestamp: HeaderName | None = Field(
        None, description="the header with the instant of sending; the signature is over `<it>.<body>`"
    )
    tolerance: Span = Field(parse_duration("5m"), description="how old a signed webhook may be")
    allow_unsigned: bool = Field(False, description="believe webhooks that anybody could have sent")

    @model_validator(mode="after")
    def _proves_something(self) -> Self:
        if self.kind == "none" and not self.allow_unsigned:
            raise ValueError(
                "proves nothing with the kind none: anybody could report calls; sign webhooks, "
                "or write `allow_unsigned: true` where only the provider can reach this server"
            )
        if self.kind != "none" and not self.secret:
            raise ValueError("has no secret; write it as ${VENDOR_SECRET} and set that in the environment")
        if self.timestamp and self.kind != "hmac-sha256":
            raise ValueError("has a timestamp that nothing signs; use the kind hmac-sha256")
        return self


class Hearing(Reporting):
    """How a webhook is read."""

    attempt: Dotted | None = Field(None, description="our key of the call")
    items: Dotted | None = Field(None, description="the list of reports, where a webhook has several")
    statuses: dict[str, Word] = Field(
        description="the provider's words, and what each means here", examples=[{"busy": "busy"}], min_length=1
    )
    signature: Signing = Field(
        description="how a webhook proves who sent it",
        examples=[{"kind": "hmac-sha256", "secret": "${VENDOR_SECRET}"}],
    )


class Abilities(Value):
    """What the provider can do, where it differs from what the settings show."""

    lookup: Literal["by_key", "by_number", "none"] | None = Field(None, description="how it finds a call")
    lookup_is_complete: bool | None = Field(
        None, description="whether a call that it does not find was certainly never placed"
    )
    idempotency: Span | None = Field(None, description="how long it honors our key")
    detects_machines: bool | None = Field(None, description="whether it tells machines from people")
    transcripts: bool | None = Field(None, description="whether it reports what was said")
    price: bool | None = Field(None, description="whether it reports what a call cost")
    own_redial: bool | None = Field(None, description="whether it redials by itself")
    max_cps: float | None = Field(None, gt=0, description="calls a second at most")
    max_concurrency: int | None = Field(None, ge=1, description="calls at the same time at most")
    queues_excess: bool | None = Field(None, description="whether it queues what is too much, and dials it later")
    event_order: bool | None = Field(None, description="whether its reports come in order")


class Vendor(Value):
    """The settings of the adapter `http`."""

    submit: Submitting = Field(
        description="how a call is placed", examples=[{"url": "https://vendor.example/calls", "id": "call.id"}]
    )
    webhook: Hearing | None = Field(None, description="how its reports are read")
    find: Finding | None = Field(None, description="how it is asked for a call")
    message: Submitting | None = Field(None, description="how a message is sent")
    cancel: Asking | None = Field(None, description="how a call is taken back; `id` is the provider's id")
    health: Asking | None = Field(None, description="what is asked to learn whether it answers; 2xx is well")
    capabilities: Abilities = Field(Abilities.model_construct(), description="what it can do")
    proxy: Address | None = Field(None, description="the proxy through which it is reached")
    allow_http: bool = Field(False, description="reach this machine or a private network without TLS")

    @model_validator(mode="after")
    def _is_encrypted(self) -> Self:
        for name in ("submit", "find", "message", "cancel", "health"):
            asking = getattr(self, name)
            if asking is None or ENVIRONMENT.match(asking.url):
                continue
            place = urlsplit(asking.url)
            if place.scheme != "https" and not is_near(place.hostname or ""):
                raise ValueError(f"{name}.url sends numbers and words unencrypted; write https://")
            if place.scheme != "https" and not self.allow_http:
                raise ValueError(f"{name}.url is not encrypted; write https://, or `allow_http: true` for this network")
        return self

    @model_validator(mode="after")
    def _finds_what_it_says(self) -> Self:
        if self.capabilities.lookup in ("by_key", "by_number") and self.find is None:
            raise ValueError("capabilities.lookup says that calls are found, and `find` does not say how")
        if self.capabilities.lookup == "by_number" and self.find is not None and self.find.attempt is None:
            raise ValueError("find.attempt is missing: by a number alone, one call of a person is like another")
        if self.capabilities.lookup_is_complete and self.find is None:
            raise ValueError("capabilities.lookup_is_complete needs `find`")
        return self
