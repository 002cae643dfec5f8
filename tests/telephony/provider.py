"""A provider of calls that misbehaves by seeded odds, as a process of its own.

    python -m tests.telephony.provider --port 0 --seed 7 --late 0.05 --drop-after 0.02 --retries 5

It prints one JSON line, `{"port": 40123}`, when it listens. It needs the standard library only.

    POST /calls      {"key", "to", "text"?, "callback"?, "expires"?}  → 201 {"call": {"id", "status"}}; the number rings
    GET  /calls?key=K or ?number=N  → {"calls": [{"id", "key", "status", "number", "event", "time", "talk_seconds"}]}
    POST /messages   {"key", "to", "text", "callback"?}               → 201 {"message": {"id"}}
    GET  /ledger     what rang, from when until when, its key, number and `expires`; `?summary=1` leaves the lists out
    POST /odds       {"late": 0.1, …}  changes how it misbehaves from now on
    GET  /health     → 200

Every POST to /calls that rings is one entry of the ledger, also when its key rang before: the provider does not
protect its callers. What a key meets is a function of the seed, the key and how often it was posted.

Webhooks go to `callback` as JSON, signed with HMAC-SHA256 in `x-signature` (hex; over `<t>.<body>` with `<t>` in
`x-timestamp`, seconds since 1970, when `--timestamps` is given), and are sent again `--retries` times until 2xx:

    {"event": "e-1", "key": K, "time": "2026-11-24T02:00:00.000+00:00",
     "call": {"id", "status", "talk_seconds", "cost", "result": {"intent": true, "stop": false}}}
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import random
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

HTML = b"<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>"
REASONS = {200: "OK", 201: "Created", 402: "Payment Required", 404: "Not Found", 429: "Too Many Requests"}
ENDINGS = (
    ("answered", 0.6),
    ("no_answer", 0.2),
    ("busy", 0.08),
    ("declined", 0.05),
    ("machine", 0.05),
    ("failed", 0.02),
)


@dataclass
class Odds:
    """How often it does what; each is a probability for one call, message or webhook."""

    late: float = 0.0  # rings, and answers after `late_ms`
    silent: float = 0.0  # rings, and never answers
    drop_before: float = 0.0  # closes the connection; nothing rings
    drop_after: float = 0.0  # rings, and closes the connection
    limited: float = 0.0  # 429 with Retry-After; nothing rings
    refuses: float = 0.0  # 402; nothing rings
    error_before: float = 0.0  # 500; nothing rings
    error_after: float = 0.0  # rings, and answers 500
    garbage: float = 0.0  # rings, and answers bytes that are no JSON
    html: float = 0.0  # rings, and answers a page
    nameless: float = 0.0  # rings, and answers JSON without an id
    early: float = 0.0  # its webhooks come before its answer
    disorder: float = 0.0  # its webhooks come in the wrong order
    repeats: float = 0.0  # each webhook comes twice
    unknown: float = 0.0  # a webhook about a call that nobody placed comes too
    keyless: float = 0.0  # its webhooks name the provider's id only
    intent: float = 0.2
    stop: float = 0.0  # the person asks never to be called again


HOSTILE = Odds(
    late=0.03, silent=0.01, drop_before=0.03, drop_after=0.03, limited=0.05, refuses=0.02, error_before=0.02,
    error_after=0.03, garbage=0.02, html=0.02, nameless=0.02, early=0.1, disorder=0.2, repeats=0.2, unknown=0.05,
    keyless=0.1, stop=0.01,
)  # fmt: skip


@dataclass
class Manner:
    """What does not change while it runs; times in milliseconds."""

    seed: int = 0
    secret: str = "provider secret"
    token: str = ""
    late_ms: float = 1_500
    ring_ms: float = 20
    talk_ms: float = 40
    answer_ms: float = 0
    retry_after: float = 1
    retries: int = 3
    retry_ms: float = 200
    timestamps: bool = False
    webhooks: bool = True


@dataclass
class Ledger:
    """What it did, kept in memory."""

    rings: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_key: dict[str, list[str]] = field(default_factory=dict)
    by_number: dict[str, list[str]] = field(default_factory=dict)
    posts: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)  # what its callers met, by the name of the odds
    acknowledged: list[str] = field(default_factory=list)  # events that were answered with 2xx
    abandoned: list[str] = field(default_factory=list)  # events that never were
    deliveries: int = 0
    pending: int = 0

    def ring(self, asked: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC)
        key, number, expires = (str(asked.get(name, "")) for name in ("key", "to", "expires"))
        call = {"id": f"p-{len(self.rings) + 1}", "key": key, "status": "queued", "number": number}
        self.rings.append(
            {"id": call["id"], "key": key, "number": number, "expires": expires, "at": now.isoformat(),
             "over": None, "late": _is_past(expires, now), "text": str(asked.get("text", ""))[:200]}
        )  # fmt: skip
        self.calls[call["id"]] = call
        self.by_key.setdefault(key, []).append(call["id"])
        self.by_number.setdefault(number, []).append(call["id"])
        return call

    def end(self, call: str) -> None:
        """A call, by its id, is over."""
        ring = self.rings[int(call.removeprefix("p-")) - 1]
        ring["over"] = ring["over"] or datetime.now(UTC).isoformat()

    def told(self, *, whole: bool) -> dict[str, Any]:
        keys, numbers = (Counter(ring[name] for ring in self.rings) for name in ("key", "number"))
        summary = {
            "rung": len(self.rings), "sent": len(self.messages), "posted": sum(self.posts.values()),
            "doubled_keys": {key: times for key, times in keys.items() if times > 1},
            "after_deadline": [ring["key"] for ring in self.rings if ring["late"]],
            "answers": dict(self.answers), "deliveries": self.deliveries, "pending": self.pending,
            "events_acknowledged": len(self.acknowledged), "events_abandoned": len(self.abandoned),
        }  # fmt: skip
        if not whole:
            return summary
        return summary | {
            "rings": self.rings, "messages": self.messages, "posts": dict(self.posts), "keys": dict(keys),
            "numbers": dict(numbers), "acknowledged": self.acknowledged, "abandoned": self.abandoned,
        }  # fmt: skip


def _is_past(expires: str, now: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(expires)
    except ValueError:
        return False
    return moment.tzinfo is not None and now > moment


class Provider:
    """The server: its manner, its odds, its ledger."""

    def __init__(self, manner: Manner, odds: Odds) -> None:
        self.manner, self.odds, self.ledger = manner, odds, Ledger()
        self._tasks: set[asyncio.Task[None]] = set()
        self._events = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        ended = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
        with suppress(*ended):
            while (request := await _read(reader)) is not None:
                if not await self._answer(writer, *request):
                    break
        writer.close()

    async def _answer(
        self, writer: asyncio.StreamWriter, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> bool:
        """Answer one request; False when the connection is to be closed."""
        place = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        if self.manner.token and headers.get("authorization") != f"Bearer {self.manner.token}":
            return await _say(writer, 401, {"error": "who are you?"})
        if place.path == "/ledger":
            return await _say(writer, 200, self.ledger.told(whole="summary" not in query))
        if place.path == "/health":
            return await _say(writer, 200, {"ok": True})
        if place.path == "/calls" and method == "GET":
            return await _say(writer, 200, {"calls": self._found(query)})
        try:
            asked = json.loads(body)
        except ValueError:
            return await _say(writer, 400, {"error": "no JSON"})
        if place.path == "/odds":
            self.odds = Odds(**(vars(self.odds) | asked))
            return await _say(writer, 200, vars(self.odds))
        if place.path in ("/calls", "/messages") and method == "POST":
            return await self._placed(writer, asked, message=place.path == "/messages")
        return await _say(writer, 404, {"error": "nothing is here"})

    def _found(self, query: dict[str, str]) -> list[dict[str, Any]]:
        ids = self.ledger.by_key.get(query.get("key", ""), []) + self.ledger.by_number.get(query.get("number", ""), [])
        return [self.ledger.calls[each] for each in ids]

    async def _placed(self, writer: asyncio.StreamWriter, asked: dict[str, Any], *, message: bool) -> bool:
        """Ring or send, or not, and answer or not, as the odds have it."""
        ledger, manner = self.ledger, self.manner
        key = str(asked.get("key", ""))
        ledger.posts[key] += 1
        chance = random.Random(f"{manner.seed}/{key}/{ledger.posts[key]}")
        fate = self._fate(chance)
        ledger.answers[fate] += 1
        if fate == "drop_before":
            return _drop(writer)
        if fate == "limited":
            return await _say(writer, 429, {"error": "too many"}, {"Retry-After": f"{manner.retry_after:g}"})
        if fate == "refuses":
            return await _say(writer, 402, {"error": f"no credit for {asked.get('to')}"})
        if fate == "error_before":
            return await _say(writer, 500, {"error": "out of order"})
        made = self._sent(asked) if message else ledger.ring(asked)
        early = chance.random() < self.odds.early
        if not early:
            waiting = asyncio.get_running_loop().create_future()
        reports = self._spawn(self._report(asked, made, chance, None if early else waiting, message=message))
        if early:
            await reports
        try:
            if manner.answer_ms:
                await asyncio.sleep(manner.answer_ms / 1000)
            return await self._say_of(writer, made, fate, message=message)
        finally:
            if not early and not waiting.done():
                waiting.set_result(None)

    def _fate(self, chance: random.Random) -> str:
        drawn = chance.random()
        for name in (
            "drop_before", "limited", "refuses", "error_before", "late", "silent", "drop_after", "error_after",
            "garbage", "html", "nameless",
        ):  # fmt: skip
            drawn -= getattr(self.odds, name)
            if drawn < 0:
                return name
        return "accepted"

    async def _say_of(self, writer: asyncio.StreamWriter, made: dict[str, Any], fate: str, *, message: bool) -> bool:
        """The answer to what rang or was sent."""
        if fate == "drop_after":
            return _drop(writer)
        if fate == "silent":
            await asyncio.sleep(3600)
        if fate == "late":
            await asyncio.sleep(self.manner.late_ms / 1000)
        if fate == "error_after":
            return await _say(writer, 500, {"error": "out of order"})
        if fate == "garbage":
            return await _write(writer, 201, b'{"call": {"id": \xff\xfe', "application/json")
        if fate == "html":
            return await _write(writer, 200, HTML, "text/html")
        shown = {} if fate == "nameless" else {"id": made["id"], "status": "queued"}
        return await _say(writer, 201, {"message" if message else "call": shown})

    def _sent(self, asked: dict[str, Any]) -> dict[str, Any]:
        made = {"id": f"m-{len(self.ledger.messages) + 1}", "key": str(asked.get("key", "")), "status": "queued"}
        sent = {"number": str(asked.get("to", "")), "text": str(asked.get("text", ""))[:200]}
        self.ledger.messages.append(made | sent | {"at": datetime.now(UTC).isoformat()})
        return made

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _report(
        self, asked: dict[str, Any], made: dict[str, Any], chance: random.Random,
        after: "asyncio.Future[None] | None", *, message: bool,
    ) -> None:  # fmt: skip
        """Say what becomes of a call or message, in the order and as often as the odds have it."""
        callback = str(asked.get("callback", ""))
        if not message:
            self._spawn(self._hang_up(made["id"]))
        ending = chance.choices(*zip(*ENDINGS, strict=True))[0]
        steps = ["delivered"] if message else ["ringing", ending]
        reports = [self._body(made, status, chance) for status in steps]
        if chance.random() < self.odds.disorder:
            reports.reverse()
        if chance.random() < self.odds.keyless:
            reports = [report | {"key": ""} for report in reports]
        if chance.random() < self.odds.unknown:
            stranger = {"id": f"x-{chance.randrange(10**9)}", "key": ""}
            reports.insert(0, self._body(stranger, "ringing", chance))
        twice = chance.random() < self.odds.repeats
        self.ledger.pending += 1
        if after is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(after, self.manner.late_ms / 1000)
        for report in reports:
            await asyncio.sleep(
                (self.manner.ring_ms if report["call"]["status"] == "ringing" else self.manner.talk_ms) / 1000
            )
            if report["call"]["id"] == made["id"]:
                made |= {name: value for name, value in report["call"].items() if name != "id"}
                made |= {"event": report["event"], "time": report["time"]}
            for _ in range(2 if twice else 1):
                if callback and self.manner.webhooks:
                    await self._deliver(callback, report)
        self.ledger.pending -= 1

    async def _hang_up(self, call: str) -> None:
        """A call is over when its time has gone, whoever hears of it."""
        await asyncio.sleep((self.manner.ring_ms + self.manner.talk_ms) / 1000)
        self.ledger.end(call)

    def _body(self, made: dict[str, Any], status: str, chance: random.Random) -> dict[str, Any]:
        self._events += 1
        call: dict[str, Any] = {"id": made["id"], "status": status}
        if status == "answered":
            result = {"intent": chance.random() < self.odds.intent, "stop": chance.random() < self.odds.stop}
            call |= {"talk_seconds": round(5 + chance.random() * 60, 1), "cost": 0.02, "result": result}
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        return {"event": f"e-{self.manner.seed}-{self._events}", "key": made["key"], "time": moment, "call": call}

    async def _deliver(self, callback: str, report: dict[str, Any]) -> None:
        """Post a webhook until it is answered with 2xx, or too often."""
        body = json.dumps(report).encode()
        for _ in range(self.manner.retries + 1):
            self.ledger.deliveries += 1
            status = 0
            with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
                status = await asyncio.wait_for(_post(callback, body, self._signed(body)), 10)
            if 200 <= status < 300:
                self.ledger.acknowledged.append(report["event"])
                return
            await asyncio.sleep(self.manner.retry_ms / 1000)
        self.ledger.abandoned.append(report["event"])

    def _signed(self, body: bytes) -> dict[str, str]:
        return signed(self.manner.secret, body, int(time.time()) if self.manner.timestamps else None)


def signed(secret: str, body: bytes, seconds: int | None = None) -> dict[str, str]:
    """The headers that sign a webhook, with its time where one is given."""
    text = body if seconds is None else f"{seconds}.".encode() + body
    headers = {} if seconds is None else {"x-timestamp": str(seconds)}
    return headers | {"x-signature": hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()}


async def _read(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes] | None:
    """One request: method, target, headers, body; None at the connection's end."""
    line = await reader.readline()
    if not line.strip():
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return method, target, headers, await reader.readexactly(int(headers.get("content-length", "0")))


async def _say(writer: asyncio.StreamWriter, status: int, said: object, more: dict[str, str] | None = None) -> bool:
    return await _write(writer, status, json.dumps(said).encode(), "application/json", more)


async def _write(
    writer: asyncio.StreamWriter, status: int, body: bytes, kind: str, more: dict[str, str] | None = None
) -> bool:
    headers = {"Content-Type": kind, "Content-Length": str(len(body))} | (more or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {status} {REASONS.get(status, 'Trouble')}\r\n{head}\r\n".encode() + body)
    await writer.drain()
    return True


def _drop(writer: asyncio.StreamWriter) -> bool:
    writer.transport.abort()
    return False


async def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status that a POST over plain HTTP is answered with."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port or 80)
    try:
        headers = {"Host": place.netloc, "Content-Type": "application/json", "Content-Length": str(len(body)),
                   "Connection": "close"} | headers  # fmt: skip
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        target = place.path + (f"?{place.query}" if place.query else "")
        writer.write(f"POST {target or '/'} HTTP/1.1\r\n{head}\r\n".encode() + body)
        await writer.drain()
        return int((await reader.readline()).split()[1] or 0)
    except IndexError:
        return 0
    finally:
        writer.close()


async def listen(provider: Provider, port: int) -> None:
    """Listen on the loopback address until the process ends, and say where."""
    server = await asyncio.start_server(provider.serve, "127.0.0.1", port, limit=2**20)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Read the options, then listen."""
    parser = argparse.ArgumentParser(prog="python -m tests.telephony.provider")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--hostile", action="store_true", help="begin with some of everything")
    for each in fields(Manner):
        option = f"--{each.name.replace('_', '-')}"
        if isinstance(each.default, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=each.default)
        else:
            parser.add_argument(option, type=type(each.default), default=each.default)
    for each in fields(Odds):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=float, default=None)
    chosen = vars(parser.parse_args())
    odds = vars(HOSTILE if chosen["hostile"] else Odds()) | {
        each.name: chosen[each.name] for each in fields(Odds) if chosen[each.name] is not None
    }
    manner = Manner(**{each.name: chosen[each.name] for each in fields(Manner)})
    with suppress(KeyboardInterrupt):
        asyncio.run(listen(Provider(manner, Odds(**odds)), chosen["port"]))


if __name__ == "__main__":
    main()
