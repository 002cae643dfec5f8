"""The server: `serve(workspace, host, port)`, which `ringlab serve` calls; alone it serves this folder."""

from engine.settings import Settings
from engine.workspace import Workspace


def serve(workspace: Workspace, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Answer requests until the process is told to end."""
    import uvicorn

    from dashboards.app import make_app

    app = make_app(workspace, secret=workspace.secret, public_url=workspace.settings.public_url)
    # Addresses hold tokens of tracked links and keys of contacts, so requests are not logged.
    uvicorn.run(app, host=host, port=port, access_log=False, server_header=False, log_level="warning")


if __name__ == "__main__":
    with Workspace(Settings.read()) as here:
        serve(here)
