"""One request on the wire, once: never again by itself, never to another address, never after its time.

Until the first byte of the request is written nothing can ring, and what went wrong is `UNSENT`. From then on
whatever goes wrong is `LOST`: the provider may have read it. Each request has a connection of its own: on one that
is kept, an answer that comes twice would be taken for that to the next call, and a provider that closes it just then
would leave a call whose fate nobody knows. A process may sleep between the two parts of a request:
the second has its time too.
"""

import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from time import monotonic
from typing import Any

import httpx

from engine.telephony.vendors import Asking

LARGEST = 1024 * 1024
LONGEST_WAIT = timedelta(hours=24)
SENDING = (".send_request_headers.started", ".send_request_body.started")

# At its most talkative the transport writes the headers of answers, and those may hold a number.
logging.getLogger("httpcore").setLevel(logging.WARNING)


class End(StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    LATE = "late"  # its time had passed before the first byte
    UNSENT = "unsent"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status and the body of an answer, or in a few words why there is none."""

    end: End
    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    reason: str = ""


class _TooLate(Exception):
    """A byte would be written after the request's time."""


class Wire:
    """The connections to one provider; many threads may ask at the same time."""

    def __init__(self, most: int, proxy: str | None = None) -> None:
        self._transport = httpx.HTTPTransport(
            retries=0,
            trust_env=False,
            proxy=proxy,
            verify=ssl.create_default_context(),
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=0),
        )

    def ask(self, asking: Asking, request: httpx.Request, in_time: Callable[[], bool] = lambda: True) -> Answer:
        """Send a request once; `in_time` is asked at the first byte, and at the first of the body."""
        sent = False

        def watch(event: str, info: dict[str, Any]) -> None:
            nonlocal sent
            if not event.endswith(SENDING) or _is_tunnel(info):
                return
            if not in_time():
                raise _TooLate
            sent = True

        seconds, connecting = asking.timeout.total_seconds(), asking.connect_timeout.total_seconds()
        timeout = {"connect": connecting, "read": seconds, "write": seconds, "pool": connecting}
        request.extensions = {"trace": watch, "timeout": timeout}
        try:
            response = self._transport.handle_request(request)
            try:
                body = _read(response, monotonic() + seconds)
            finally:
                response.close()
        except _TooLate:
            return Answer(End.LOST if sent else End.LATE, reason="its time has passed")
        except Exception as error:
            # Whatever is raised, only the first byte decides what it proves; its text may show the address.
            return Answer(End.LOST if sent else End.UNSENT, reason=_why(error, sent))
        return Answer(End.ANSWERED, response.status_code, body, response.headers)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _is_tunnel(info: Mapping[str, Any]) -> bool:
    """Whether what is sent is for the proxy, and not yet for the provider."""
    return getattr(info.get("request"), "method", b"") == b"CONNECT"


def _read(response: httpx.Response, until: float) -> bytes:
    """The body of an answer; raises ReadTimeout when it trickles, and ReadError when it is too large."""
    body = b""
    for part in response.iter_raw():
        body += part
        if len(body) > LARGEST:
            raise httpx.ReadError("too large")
        if monotonic() > until:
            raise httpx.ReadTimeout("too slow")
    return body


_WHY: tuple[tuple[type[Exception], str], ...] = (
    (httpx.ConnectTimeout, "no connection to the provider came about in time"),
    (httpx.ConnectError, "the provider cannot be reached"),
    (httpx.PoolTimeout, "no connection was free in time"),
    (httpx.ProxyError, "the proxy refuses"),
    (httpx.ReadTimeout, "the provider did not answer in time"),
    (httpx.WriteTimeout, "the provider did not take the request in time"),
    (httpx.RemoteProtocolError, "the connection ended without an answer"),
    (httpx.NetworkError, "the connection broke"),
)


def _why(error: Exception, sent: bool) -> str:
    for kind, words in _WHY:
        if isinstance(error, kind):
            return words
    return f"the request failed {'on its way' if sent else 'before it was sent'} ({type(error).__name__})"


def retry_after(headers: Mapping[str, str] | None, now: datetime) -> float | None:
    """The seconds of a Retry-After header, written as seconds or as a date; None when it says nothing."""
    written = (headers or {}).get("retry-after", "").strip()
    if written.isascii() and written.isdecimal():
        return min(float(written[:12]), LONGEST_WAIT.total_seconds())
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError):
        return None
    wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), LONGEST_WAIT).total_seconds()
