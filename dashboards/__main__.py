"""The server: `serve(workspace, host, port, over)`, which `ringlab serve` calls; alone it serves this folder."""

import threading
from contextlib import suppress

from engine.settings import Settings
from engine.workspace import Workspace


def serve(workspace: Workspace, host: str = "127.0.0.1", port: int = 8000, over: threading.Event | None = None) -> None:
    """Answer requests until the process is told to end, or `over` is set.

    Who told the process to end before the server took the signals over has set `over`.
    """
    import uvicorn

    from dashboards.app import make_app

    class Server(uvicorn.Server):
        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or (over is not None and over.is_set())

    app = make_app(workspace, secret=workspace.secret, public_url=workspace.settings.public_url)
    # Addresses hold tokens of tracked links and keys of contacts, so requests are not logged.
    config = uvicorn.Config(app, host, port, access_log=False, server_header=False, log_level="warning")
    with suppress(KeyboardInterrupt):
        Server(config).run()


if __name__ == "__main__":
    with Workspace(Settings.read()) as here:
        serve(here)
