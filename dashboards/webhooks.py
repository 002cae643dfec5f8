"""What comes in unasked: providers' reports, and people who open their link."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from engine.steps import receive

router = APIRouter()


async def raw_body(request: Request) -> bytes:
    """The bytes as they came: a signature is over them, not over what they mean."""
    return await request.body()


@router.post("/webhooks/{adapter}")
def hear(request: Request, adapter: str, body: Annotated[bytes, Depends(raw_body)]) -> dict[str, str]:
    """A provider's report: checked and stored before it is answered."""
    state = request.app.state
    url = public_address(request, state.public_url)
    receive.receive_report(state.workspace, adapter, request.headers, body, url, state.clock())
    return {"status": "stored"}


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
