"""What every page is put into, and how a page is answered."""

from dataclasses import replace
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from dashboards import access
from dashboards.rendering import Frame, render
from dashboards.rendering.languages import COOKIE, LANGUAGES, Words, choose, message, words

MENU = ((message("Experiments"), "/"), (message("Operations"), "/operations"))
YEAR = 365 * 24 * 3600


def language_of(request: Request) -> str:
    """The language of this request's page."""
    return choose(
        request.query_params.get("lang"),
        request.cookies.get(COOKIE),
        request.headers.get("accept-language", ""),
    )


def words_of(request: Request) -> Words:
    """The words of this request's page."""
    return words(language_of(request))


def make_frame(request: Request, title: str, caller: access.Caller | None = None, refresh_seconds: int = 0) -> Frame:
    """The frame of a page; who is not signed in sees no menu."""
    said = words_of(request)
    path = request.url.path
    menu = tuple((said.say(name), address, address == path) for name, address in MENU) if caller else ()
    return Frame(
        language=language_of(request),
        title=title,
        path=path,
        menu=menu,
        role=caller.role if caller else "",
        csrf=caller.csrf if caller else "",
        refresh_seconds=refresh_seconds,
        layout="fragment.html" if request.query_params.get("fragment") == "main" else "base.html",
    )


def answer(request: Request, template: str, frame: Frame, page: object, status: int = 200) -> HTMLResponse:
    """The page as a response; a language that was asked for is remembered."""
    response = HTMLResponse(render(template, frame, page), status)
    response.headers["Vary"] = "Cookie, Accept-Language"
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, asked, max_age=YEAR, httponly=True, samesite="lax", secure=secure)
    return response


def answer_error(request: Request, status: int, sentence: str) -> HTMLResponse:
    """A friendly page about what went wrong; it always comes whole."""
    from dashboards.pages.error import error_page

    said = words_of(request)
    page = error_page(status, sentence, said)
    frame = replace(make_frame(request, page.title), layout="base.html")
    return answer(request, "error.html", frame, page, status)


def state_of(request: Request) -> Any:
    """The app's own state: workspace, clock, sessions."""
    return request.app.state
