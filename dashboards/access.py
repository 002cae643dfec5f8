"""Who may do what: bearer tokens for the API, signed sessions for pages.

A viewer reads, an operator also pauses, stops and imports, an admin may do everything. A session's
cookie holds no token and no role: the role of its token is asked at every request, so that a token
taken away ends its sessions at once.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from engine.steps import access

Role = Literal["viewer", "operator", "admin"]
RANK = {"viewer": 0, "operator": 1, "admin": 2}
COOKIE = "ringlab_session"
LIFETIME = timedelta(hours=12)
SESSIONS_KEPT = 10_000

_bearer = HTTPBearer(auto_error=False, description="A token made by an admin, or the one that the first start prints.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `csrf` is what the session's forms must carry; empty for the API."""

    role: str
    csrf: str = ""

    def may(self, needed: Role) -> bool:
        """Whether this role reaches `needed`."""
        return RANK.get(self.role, -1) >= RANK[needed]


@dataclass(slots=True)
class Sessions:
    """Pages' sessions of this process; they end with it, after 12 hours, or at logout."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _tokens: OrderedDict[str, str] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def open(self, token: str, now: datetime) -> str:
        """The cookie of a new session of whoever holds `token`; the oldest session makes room."""
        name = secrets.token_urlsafe(18)
        with self._lock:
            self._tokens[name] = token
            while len(self._tokens) > SESSIONS_KEPT:
                self._tokens.popitem(last=False)
        body = f"{name}.{int((now + LIFETIME).timestamp())}"
        return f"{body}.{self._sign('session', body)}"

    def token(self, cookie: str, now: datetime) -> str | None:
        """The token behind a cookie; None when it is forged, too old, or was closed."""
        body, _, signature = cookie.rpartition(".")
        if not body or not hmac.compare_digest(signature.encode(), self._sign("session", body).encode()):
            return None
        name, _, expires = body.partition(".")
        if int(expires) <= now.timestamp():
            self.close(cookie)
            return None
        with self._lock:
            return self._tokens.get(name)

    def close(self, cookie: str) -> None:
        """End a session; one that is not open stays so."""
        with self._lock:
            self._tokens.pop(cookie.partition(".")[0], None)

    def csrf(self, cookie: str) -> str:
        """What the forms of this session carry, so that no other site can send them."""
        return self._sign("form", cookie)

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self.secret, f"{purpose}:{text}".encode(), hashlib.sha256).hexdigest()


def visitor(request: Request) -> Caller | None:
    """Who looks at a page; None for who is not signed in. With `open=True` everybody is an admin."""
    state = request.app.state
    if state.open:
        return Caller("admin", state.sessions.csrf("open"))
    cookie = request.cookies.get(COOKIE, "")
    token = state.sessions.token(cookie, state.clock())
    role = access.role_of(state.workspace, token, state.clock()) if token else None
    return Caller(role, state.sessions.csrf(cookie)) if role else None


def page_caller(needed: Role) -> Callable[[Request], Caller]:
    """A dependency: the page's visitor, who must reach `needed`."""

    def ask(request: Request) -> Caller:
        return _reaching(visitor(request), needed)

    return ask


def form_caller(needed: Role) -> Callable[[Request], Any]:
    """A dependency: who sent a form, which must come from this site and carry the session's word."""

    async def ask(request: Request) -> Caller:
        caller = _reaching(await run_in_threadpool(visitor, request), needed)
        same_origin(request)
        sent = str((await request.form()).get("csrf", ""))
        if not hmac.compare_digest(sent.encode(), caller.csrf.encode()):
            raise HTTPException(403, "The form is too old or came from elsewhere; open the page again.")
        return caller

    return ask


def same_origin(request: Request) -> None:
    """Raise 403 when the browser says that another site sent this form.

    A page whose referrer policy is no-referrer sends the origin `null`: then the fetch metadata tell, where
    the browser sends them, and else the form's own word must.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        alike = site in ("same-origin", "none")
    else:
        alike = origin in (None, "null") or urlsplit(origin).netloc == request.headers.get("host")
    if not alike:
        raise HTTPException(403, "The form came from another site.")


def api_caller(needed: Role) -> Callable[..., Caller]:
    """A dependency: who holds the bearer token, who must reach `needed`."""

    def ask(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
        state = request.app.state
        if state.open:
            return Caller("admin")
        token = credentials.credentials if credentials else ""
        role = access.role_of(state.workspace, token, state.clock()) if token else None
        return _reaching(Caller(role) if role else None, needed)

    return ask


def _reaching(caller: Caller | None, needed: Role) -> Caller:
    if caller is None:
        raise HTTPException(401, "A valid token is needed.", {"WWW-Authenticate": 'Bearer realm="ringlab"'})
    if not caller.may(needed):
        raise HTTPException(403, f"This needs the role {needed}; the token given has the role {caller.role}.")
    return caller


def local_path(wanted: str) -> str:
    """`wanted` when it is a path of this site, else `/`."""
    plain = wanted.startswith("/") and wanted[1:2] not in ("/", "\\") and wanted.isprintable()
    return wanted if plain else "/"
