"""What comes in unasked: providers' reports, and people who open their link."""

import asyncio

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from engine.errors import RinglabError
from engine.steps import receive, reports

router = APIRouter()
STORED = b'{"status":"stored"}'


@router.post("/webhooks/{adapter}")
async def hear(request: Request, adapter: str) -> Response:
    """A provider's report: checked and stored before it is answered; what it means is judged later.

    The bytes are taken as they came: a signature is over them, not over what they mean.
    """
    state = request.app.state
    body, url, now = await request.body(), public_address(request, state.public_url), state.clock()
    verifiers: reports.Verifiers = state.verifiers
    report = verifiers.remembered(adapter, request.headers, body, url, now)
    if report is None:
        report = await run_in_threadpool(verifiers.verified, adapter, request.headers, body, url, now)
    try:
        await asyncio.wrap_future(state.keeper.add(report))
    except Exception as error:  # whatever kept it from being stored, the provider is to send it again
        raise NotStored(str(error) if isinstance(error, RinglabError) else type(error).__name__) from error
    return Response(STORED, media_type="application/json")


class NotStored(HTTPException):
    """A report that is not on the disk, and is to be sent again."""

    def __init__(self, reason: str) -> None:
        super().__init__(503, f"The report could not be stored: {reason}", {"Retry-After": "1"})


def public_address(request: Request, public_url: str) -> str:
    """The address that the provider called and signed, which a proxy in between may have changed."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{public_url or str(request.base_url).rstrip('/')}{request.url.path}{query}"


@router.get("/l/{token}", include_in_schema=False)
def follow(request: Request, token: str) -> Response:
    """Where the link of one contact leads; it says nothing about whose it is."""
    state = request.app.state
    address = receive.open_link(state.workspace, token, state.clock())
    return RedirectResponse(address, 302, {"Cache-Control": "no-store"})
