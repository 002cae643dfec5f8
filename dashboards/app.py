"""The web's edge as one ASGI app: pages, API, webhooks, health and meters."""

import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards import api, webhooks
from dashboards.access import Sessions
from dashboards.pages import PAGES
from dashboards.pages.error import NO_PAGE
from dashboards.pages.frame import answer_error
from dashboards.rendering import STATIC
from dashboards.rendering.languages import message
from engine import errors
from engine.core.breakers import TROUBLES
from engine.steps import access, report
from engine.steps.keeping import Keeper
from engine.steps.reports import Verifiers
from engine.steps.troubles import Resting

log = logging.getLogger("ringlab.web")

MACHINES = ("/api/", "/webhooks/", "/metrics", "/healthz", "/readyz", "/openapi.json")
BODY_LIMIT = 1024 * 1024
BULK_LIMIT = 16 * 1024 * 1024
BULK = ("/api/v1/contacts", "/api/v1/conversions", "/api/v1/suppression")
HEADERS = {
    b"content-security-policy": b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    b"frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
}
WRONG = message("The server made a mistake. It is in the log under the number of this answer; try again.")
# The most exact class first.
STATUSES: tuple[tuple[type[errors.RinglabError], int], ...] = (
    (errors.NotFound, 404),
    (errors.NotNow, 409),
    (errors.InputError, 422),
    (errors.ScriptError, 422),
    (errors.Forged, 401),
    (errors.Stale, 401),
    (errors.AdapterError, 400),
    (errors.DatabaseError, 503),
)


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def make_app(
    workspace: Any,
    clock: Callable[[], datetime] = utc_now,
    *,
    secret: bytes | None = None,
    public_url: str = "",
    open: bool = False,  # noqa: A002
) -> FastAPI:
    """The app over a workspace. `open` asks nobody for a token, and is for tests alone.

    `secret` signs the sessions' cookies; without one, a new one is drawn. `public_url` is where providers
    reach this server, when that is not the address that a request names.
    """
    keeper = Keeper(workspace)

    @asynccontextmanager
    async def open_until_the_end(_: FastAPI) -> AsyncIterator[None]:
        yield
        keeper.close()

    app = FastAPI(title="Ringlab", version="1", docs_url=None, redoc_url=None, lifespan=open_until_the_end)
    app.state.keeper, app.state.verifiers = keeper, Verifiers(workspace)
    app.state.workspace, app.state.clock, app.state.open = workspace, clock, open
    app.state.public_url = public_url
    app.state.sessions = Sessions(secret) if secret else Sessions()
    meters = Meters()
    app.include_router(api.router)
    app.include_router(webhooks.router)
    for router in PAGES.values():
        app.include_router(router)
    _add_health(app, meters)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(HTTPException, _http_trouble)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(errors.RinglabError, _known_trouble)
    app.add_middleware(Edge, meters=meters, owner=app)
    return app


class Meters:
    """What Prometheus reads: requests by route and status, and their time. No name of anybody or anything."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ringlab_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "ringlab_http_request_seconds", "Time to answer.", ("route",), registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )  # fmt: skip

        self.resting = Gauge(
            "ringlab_resting", "Accounts and caller numbers that rest, or are on trial, after trouble.",
            ("subject", "trouble"), registry=self.registry,
        )  # fmt: skip
        self.resting_until = Gauge(
            "ringlab_resting_until_seconds", "When the last of them may be used again, in seconds since 1970.",
            ("subject", "trouble"), registry=self.registry,
        )  # fmt: skip

    def rest(self, resting: Iterable[Resting]) -> None:
        """What rests now; what rested before and does so no more is 0."""
        found: dict[tuple[str, str], list[float]] = {}
        for one in resting:
            found.setdefault((one.subject, one.trouble), []).append(one.until.timestamp())
        self.resting.clear()
        self.resting_until.clear()
        for subject in ("account", "caller"):
            for trouble in TROUBLES:
                until = found.get((subject, trouble.value), [])
                self.resting.labels(subject, trouble.value).set(len(until))
                if until:
                    self.resting_until.labels(subject, trouble.value).set(max(until))

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """One request answered; what matched no route is counted together."""
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "DELETE") else "other"
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)


class Edge:
    """Around every request: its size, its headers, its meters, and an answer to what nobody foresaw."""

    def __init__(self, app: ASGIApp, meters: Meters, owner: FastAPI) -> None:
        self.app, self.meters, self.owner = app, meters, owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = perf_counter(), 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _dressed(scope["path"], message.get("headers", []))
            await send(message)

        limit = BULK_LIMIT if scope["path"] in BULK else BODY_LIMIT
        try:
            await self.app(scope, _limited(receive, limit), dressed)
        except Exception as error:
            number = _logged(error)
            if status:
                raise ConnectionAbortedError(f"the answer broke off; error {number}") from None
            await _unforeseen(Request(scope), number)(scope, receive, dressed)
        finally:
            self.meters.count(scope, status, perf_counter() - began)


def _limited(receive: Receive, limit: int) -> Receive:
    """`receive`, which raises 413 once the body is longer than `limit` bytes."""
    got = 0

    async def limited() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > limit:
            raise HTTPException(413, f"The body is longer than {limit // 1024} KiB; send it in parts.")
        return message

    return limited


def _dressed(path: str, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    known = {name.lower() for name, _ in headers}
    keep = b"public, max-age=31536000, immutable" if path.startswith("/static/") else b"no-store"
    wanted = {**HEADERS, b"cache-control": keep}
    return [*headers, *((name, value) for name, value in wanted.items() if name not in known)]


def _logged(error: Exception) -> str:
    """Log where an unforeseen error arose, without its text, which may hold a person's data; its number."""
    number = f"{id(error) & 0xFFFFFF:06x}"
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    log.error("request failed: number=%s kind=%s at=%s", number, type(error).__name__, places)
    return number


def _unforeseen(request: Request, number: str) -> Response:
    if _for_machines(request):
        return problem(500, WRONG, error=number)
    response = answer_error(request, 500, WRONG)
    response.headers["X-Error-Number"] = number
    return response


def _for_machines(request: Request) -> bool:
    return request.url.path.startswith(MACHINES)


def problem(status: int, detail: str, **more: Any) -> JSONResponse:
    """An error as RFC 9457 says it."""
    from http import HTTPStatus

    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


async def _http_trouble(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if _for_machines(request):
        response: Response = problem(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response
    if error.status_code == 401 and request.method == "GET" and "fragment" not in request.query_params:
        after = quote(request.url.path)
        return RedirectResponse("/login" if after == "/" else f"/login?after={after}", 303)
    unknown = error.status_code == 404 and error.detail == "Not Found"
    return answer_error(request, error.status_code, NO_PAGE if unknown else str(error.detail))


async def _wrong_request(request: Request, error: Exception) -> Response:
    """Says where the request is wrong and never what stood there: it may be a person's number."""
    assert isinstance(error, RequestValidationError)
    found = [{"at": ".".join(str(part) for part in one["loc"]), "message": one["msg"]} for one in error.errors()[:100]]
    detail = "; ".join(f"{one['at']}: {one['message']}" for one in found[:5])
    return problem(422, detail, problems=found) if _for_machines(request) else answer_error(request, 422, detail)


async def _known_trouble(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.RinglabError)
    status = next((number for kind, number in STATUSES if isinstance(error, kind)), 500)
    if request.url.path.startswith("/l/"):
        return answer_error(request, status, NO_PAGE)
    if not _for_machines(request):
        return answer_error(request, status, str(error))
    if isinstance(error, errors.ProblemsFound):
        found = [{"line": one.line, "column": one.column, "message": one.message} for one in error.problems]
        return problem(status, f"The file has {len(found)} problems.", problems=found)
    return problem(status, str(error))


def _add_health(app: FastAPI, meters: Meters) -> None:
    @app.get("/healthz")
    def alive() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    def ready() -> dict[str, str]:
        """Whether the database answers too: it is asked for the role of a token that nobody has."""
        access.role_of(app.state.workspace, "", app.state.clock())
        return {"status": "ready"}

    @app.get("/metrics", include_in_schema=False)
    def read_meters() -> Response:
        """The meters, for Prometheus; a database that does not answer leaves out what rests."""
        with suppress(errors.DatabaseError):
            meters.rest(report.resting(app.state.workspace, app.state.clock()))
        return Response(generate_latest(meters.registry), media_type=CONTENT_TYPE_LATEST)
