"""The hostile provider in a thread of the tests, and whoever hears its webhooks."""

import asyncio
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from tests.telephony.provider import Manner, Odds, Provider, _read, _write

PATIENCE = 20.0


async def _canceled(loop: asyncio.AbstractEventLoop) -> None:
    """End every task, and let what they held be closed: connections that their callers closed end by themselves."""
    for _ in range(20):
        await asyncio.sleep(0.002)
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for transport in list(getattr(loop, "_transports", {}).values()):  # whoever still writes to a caller that is gone
        transport.abort()
    await asyncio.sleep(0.01)


class Served:
    """A provider that listens, and the webhooks that it sent: (headers, body, when it came)."""

    def __init__(self, manner: Manner | None = None, odds: Odds | None = None, answers: int = 200) -> None:
        self.provider = Provider(manner or Manner(ring_ms=1, talk_ms=1, late_ms=400), odds or Odds())
        self.heard: list[tuple[Mapping[str, str], bytes, datetime]] = []
        self.port = self.hears = 0
        self.requests: list[tuple[str, str]] = []
        self._answers = answers
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def callback(self) -> str:
        return f"http://127.0.0.1:{self.hears}/webhooks/http"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        provider = self._loop.run_until_complete(asyncio.start_server(self.provider.serve, "127.0.0.1", 0, limit=2**20))
        hearer = self._loop.run_until_complete(asyncio.start_server(self._hear, "127.0.0.1", 0))
        self.port, self.hears = (each.sockets[0].getsockname()[1] for each in (provider, hearer))
        self._ready.set()
        self._loop.run_forever()
        provider.close()
        hearer.close()
        self._loop.run_until_complete(_canceled(self._loop))
        self._loop.close()

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            request = await _read(reader)
            if request is not None:
                _, _, headers, body = request
                self.heard.append((headers, body, datetime.now(UTC)))
                await _write(writer, self._answers, b"{}", "application/json")
        writer.close()

    def settled(self) -> None:
        """Wait until every webhook was sent."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if not self._ask(lambda: self.provider.ledger.pending):
                return
            threading.Event().wait(0.005)
        raise AssertionError("the provider still has webhooks to send")

    def rung(self, key: str) -> int:
        """How often a key rang."""
        return int(self._ask(lambda: len(self.provider.ledger.by_key.get(key, []))))

    def posted(self, key: str) -> int:
        """How often a key was posted."""
        return int(self._ask(lambda: self.provider.ledger.posts[key]))

    def _ask(self, question: Any) -> Any:
        async def asked() -> Any:
            return question()

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result(PATIENCE)

    def close(self) -> None:
        """Stop listening."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
