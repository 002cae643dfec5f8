"""Signing in with a token, and out again."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards import access as edge
from dashboards.pages.frame import answer, make_frame, state_of, words_of
from engine.steps import access

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Login:
    """The form; `refused` says that the last token was not known."""

    after: str
    refused: bool


@router.api_route("/login", methods=["GET", "HEAD"])
def form(request: Request, after: str = "/") -> Response:
    """The form that asks for a token."""
    if edge.visitor(request):
        return RedirectResponse(edge.local_path(after), 303)
    return _page(request, Login(edge.local_path(after), refused=False), 200)


@router.post("/login", dependencies=[Depends(edge.same_origin)])
def sign_in(request: Request, token: Annotated[str, Form()] = "", after: Annotated[str, Form()] = "/") -> Response:
    """A session for whoever holds a known token."""
    state = state_of(request)
    now = state.clock()
    if not token.strip() or access.role_of(state.workspace, token.strip(), now) is None:
        return _page(request, Login(edge.local_path(after), refused=True), 401)
    response = RedirectResponse(edge.local_path(after), 303)
    response.set_cookie(
        edge.COOKIE,
        state.sessions.open(token.strip(), now),
        max_age=int(edge.LIFETIME.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
def sign_out(request: Request, caller: Annotated[edge.Caller, Depends(edge.form_caller("viewer"))]) -> RedirectResponse:
    """The end of this session."""
    state_of(request).sessions.close(request.cookies.get(edge.COOKIE, ""))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(edge.COOKIE)
    return response


def _page(request: Request, page: Login, status: int) -> HTMLResponse:
    return answer(request, "login.html", make_frame(request, words_of(request).say("Sign in")), page, status)
