"""Webhooks answered in a second, each on the disk before its 200, beside a bare handler that keeps nothing.

Both are served by uvicorn in a process of its own, and asked by a third process over connections that stay open.

    python -m tests.benchmarks.ingest serve product|bare FOLDER      (prints its port)
    python -m tests.benchmarks.ingest load PORT REQUESTS             (prints requests per second)
"""

import asyncio
import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Measured
from tests.steps.makers import MONDAY, make_workspace, start, write_experiment
from tests.telephony.benches import http_settings
from tests.telephony.provider import signed

SECRET, CONNECTIONS = "hush", 64
HERE = "tests.benchmarks.ingest"


def bodies(count: int) -> list[bytes]:
    """Different webhooks, as a provider would send them."""
    call = {"status": "answered", "talk_seconds": 21.5, "cost": 0.02, "result": {"intent": True, "stop": False}}
    return [
        json.dumps(
            {"event": f"e-{number}", "key": f"gift-first/C{number:05}/1", "time": "2026-11-23T02:01:00Z",
             "call": {"id": f"p-{number}", **call}}
        ).encode()
        for number in range(count)
    ]  # fmt: skip


def _bare() -> Any:
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Call(BaseModel):
        id: str
        status: str
        talk_seconds: float
        cost: float
        result: dict[str, bool]

    class Report(BaseModel):
        event: str
        key: str
        time: str
        call: Call

    app = FastAPI()

    async def hear(report: Report) -> dict[str, str]:
        return {"status": "stored"}

    app.post("/webhooks/http")(hear)
    return app


def _product(folder: Path) -> Any:
    from dashboards.app import make_app

    settings = http_settings("https://vendor.example")
    settings["webhook"]["signature"] = {"kind": "hmac-sha256", "secret": SECRET}
    workspace = make_workspace(folder)
    path = write_experiment(folder, 2, adapter="http", values={"brand": "x"}, settings=settings)
    start(workspace, path, MONDAY)
    return make_app(workspace)


def _serve(which: str, folder: Path) -> None:
    import uvicorn

    app = _bare() if which == "bare" else _product(folder)
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning"))
    server.run(sockets=[listener])


async def _load(port: int, count: int) -> float:
    waiting = [
        b"POST /webhooks/http HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        + f"x-signature: {signed(SECRET, body)['x-signature']}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
        for body in bodies(count)
    ]

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            writer.write(waiting.pop())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b" 200 " in head.split(b"\r\n")[0], head
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - begun)


def _rate(which: str, folder: Path, count: int) -> float:
    """Requests a second of one server, the better of two rounds after one that warms it up."""
    command = [sys.executable, "-m", HERE]
    server = subprocess.Popen([*command, "serve", which, str(folder)], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        rates = [
            float(subprocess.run([*command, "load", port, str(n)], stdout=subprocess.PIPE, check=True).stdout)
            for n in (max(count // 10, 1), count, count)
        ]
        return max(rates[1:])
    finally:
        server.terminate()
        server.communicate(timeout=30)


def ingest(folder: Path, count: int) -> list[Measured]:
    """Webhooks a second, durable before 200, beside a bare FastAPI handler that validates with pydantic."""
    folder.mkdir(parents=True, exist_ok=True)
    limit, ours = _rate("bare", folder, count), _rate("product", folder, count)
    with make_workspace(folder) as workspace, workspace.database.reading() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM reports").scalar_one()
    assert kept == 2 * count + max(count // 10, 1)
    return [Measured("webhooks, each on the disk before its 200", ours, "requests/s", limit, "a bare FastAPI handler")]


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(sys.argv[2], Path(sys.argv[3]))
    else:
        sys.stdout.write(str(asyncio.run(_load(int(sys.argv[2]), int(sys.argv[3])))))
