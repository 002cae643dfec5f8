"""Whether a webhook can be believed."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from engine.errors import Forged, Stale
from engine.telephony.picking import moment_at
from engine.telephony.vendors import Signing


def check(signing: Signing, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raise Forged or Stale unless these headers prove who sent this body."""
    if signing.kind == "none":
        return
    if signing.kind == "hmac-sha256":
        _check_signature(signing, headers, body, now)
        return
    name = "authorization" if signing.kind == "bearer" else signing.header
    written = _header(headers, name)
    prefix = "bearer " if signing.kind == "bearer" else signing.prefix
    if not written[: len(prefix)].lower() == prefix.lower():
        raise Forged(f"the webhook's {name} does not begin as its settings say")
    if not hmac.compare_digest(written[len(prefix) :].strip().encode(), signing.secret.encode()):
        raise Forged(f"the webhook's {name} is not the secret of the settings")


def _check_signature(signing: Signing, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    signed = body
    sent = ""
    if signing.timestamp:
        sent = _header(headers, signing.timestamp)
        signed = sent.encode(errors="replace") + b"." + body
    written = _header(headers, signing.header)
    if not written.startswith(signing.prefix):
        raise Forged(f"the webhook's {signing.header} does not begin with {signing.prefix!r}")
    due = hmac.new(signing.secret.encode(), signed, hashlib.sha256).digest()
    if not hmac.compare_digest(_bytes(written.removeprefix(signing.prefix), signing.encoding), due):
        raise Forged(f"the webhook's {signing.header} does not hold; is the secret the same on both sides?")
    if signing.timestamp:
        moment = moment_at({"sent": sent}, "sent")
        if moment is None:
            raise Forged(f"the webhook's {signing.timestamp} is not an instant")
        if abs(now - moment) > signing.tolerance:
            raise Stale("the webhook was signed too long before or after now")


def _bytes(text: str, encoding: str) -> bytes:
    """The bytes of a written signature; none when it is not written so."""
    try:
        return bytes.fromhex(text.strip()) if encoding == "hex" else base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _header(headers: Mapping[str, str], name: str) -> str:
    wanted = name.lower()
    for given, value in headers.items():
        if given.lower() == wanted:
            return value
    raise Forged(f"the webhook has no header {name}")
