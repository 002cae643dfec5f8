"""Requests from templates: a JSON body is built from its mapping, and text is only ever put into text."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from engine.errors import ScriptError
from engine.telephony.adapter import DialRequest, MessageRequest
from engine.telephony.vendors import Asking

Render = Callable[[str, Mapping[str, object]], str]
WHOLE = re.compile(r"\s*\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}\s*")
TEMPLATE = re.compile(r"\{\{|\{%|\{#")
LARGEST = 256 * 1024
AGENT = "ringlab"


class Unfit(Exception):
    """A request that cannot be put together, and so is not sent; its text shows no value."""


def call_values(request: DialRequest) -> dict[str, object]:
    """What the templates of `submit` may say."""
    return {
        "attempt": request.call, "to": request.to, "caller_id": request.caller_id, "voice": request.voice,
        "script": "\n".join(text for _, text in request.script if text), "blocks": dict(request.script),
        "incentive": request.variables.get("incentive", ""), "variables": dict(request.variables),
        "answers": dict(request.answers), "not_after": iso(request.not_after),
        "not_after_seconds": int(request.not_after.timestamp()), "callback_url": request.callback_url,
        "contact": request.contact, "experiment": request.experiment, "arm": request.arm,
        "attempt_number": request.attempt, "timezone": request.timezone,
        "ring_seconds": int(request.ring_timeout.total_seconds()),
        "talk_seconds": int(request.talk_limit.total_seconds()),
    }  # fmt: skip


def message_values(request: MessageRequest, callback_url: str) -> dict[str, object]:
    """What the templates of `message` may say."""
    return {
        "attempt": request.key, "call": request.call, "to": request.to, "text": request.text, "link": request.link,
        "contact": request.contact, "experiment": request.experiment, "arm": request.arm, "callback_url": callback_url,
    }  # fmt: skip


def iso(moment: datetime) -> str:
    """An instant in UTC, as `2026-11-24T02:00:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Filler:
    """Fills a request's templates. `render` is the sandbox of scripts; raises ScriptError."""

    render: Render

    def request(self, asking: Asking, values: Mapping[str, object]) -> httpx.Request:
        """The request with these values in it; raises Unfit."""
        said = {name: "" if value is None else value for name, value in values.items()}
        try:
            url = self._address(asking.url, said)
            headers = {"user-agent": AGENT, "accept": "application/json", "accept-encoding": "identity"}
            for name, value in asking.headers.items():
                headers[name.lower()] = _on_one_line(name, self._text(value, said))
            content = self._content(asking, values, said, headers)
        except ScriptError as error:
            raise Unfit(f"a template of the settings cannot be filled: {_without_values(error)}") from None
        except (TypeError, ValueError, RecursionError):
            raise Unfit("the values that the settings ask for cannot be written as JSON") from None
        if len(content) > LARGEST:
            raise Unfit(f"the request is larger than {LARGEST // 1024} KiB")
        return httpx.Request(asking.method, url, headers=headers, content=content)

    def _text(self, template: str, said: Mapping[str, object]) -> str:
        return self.render(template, said) if TEMPLATE.search(template) else template

    def _address(self, template: str, said: Mapping[str, object]) -> httpx.URL:
        """The address, each value in it percent-encoded, so that no value leads elsewhere."""
        try:
            url = httpx.URL(self._text(template, {name: _encoded(value) for name, value in said.items()}))
        except httpx.InvalidURL:
            raise Unfit("the address of the settings is not one once its values are in it") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise Unfit("the address of the settings is not one once its values are in it")
        return url

    def _content(
        self, asking: Asking, values: Mapping[str, object], said: Mapping[str, object], headers: dict[str, str]
    ) -> bytes:
        if asking.form is not None:
            headers.setdefault("content-type", "application/x-www-form-urlencoded")
            return urlencode({name: self._text(text, said) for name, text in asking.form.items()}).encode()
        if asking.body is None:
            return b""
        headers.setdefault("content-type", "application/json")
        return json.dumps(self._filled(asking.body, values, said), ensure_ascii=False, allow_nan=False).encode()

    def _filled(self, part: Any, values: Mapping[str, object], said: Mapping[str, object]) -> Any:
        """A part of a body; a text that is one value alone keeps its kind, and is left out when there is none."""
        if isinstance(part, dict):
            return {
                str(name): self._filled(inner, values, said)
                for name, inner in part.items()
                if not self._is_nothing(inner, values)
            }
        if isinstance(part, list):
            return [self._filled(inner, values, said) for inner in part]
        if not isinstance(part, str):
            return part
        alone = WHOLE.fullmatch(part)
        if alone and alone[1] in values:
            return values[alone[1]]
        return self._text(part, said)

    def _is_nothing(self, part: Any, values: Mapping[str, object]) -> bool:
        alone = WHOLE.fullmatch(part) if isinstance(part, str) else None
        return alone is not None and alone[1] in values and values[alone[1]] is None


def _encoded(value: object) -> object:
    if isinstance(value, str):
        return quote(value, safe="")
    if isinstance(value, Mapping):
        return {name: _encoded(inner) for name, inner in value.items()}
    return value


def _on_one_line(name: str, value: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise Unfit(f"the header {name} would hold a line break or a letter that no header can hold")
    return value.strip()


def _without_values(error: ScriptError) -> str:
    """What is wrong with a template, with every number taken out."""
    return re.sub(r"\+?\d{4,}", "…", error.reason)
