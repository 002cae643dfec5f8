"""The server that the tests start: found where it is, asked for where it is not, gone when it is over."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.store.database import Database
from tests import databases, postgresql


def test_where_there_is_no_server_it_is_said_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that need PostgreSQL are skipped with a sentence; where it is required they fail."""
    monkeypatch.setattr(postgresql, "shared", _absent)
    monkeypatch.delenv(postgresql.REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="pip install"), databases.place("postgresql"):
        pass
    monkeypatch.setenv(postgresql.REQUIRED, "1")
    with pytest.raises(postgresql.Unavailable), databases.place("postgresql"):
        pass


def _absent() -> postgresql.Server:
    raise postgresql.Unavailable("no PostgreSQL: pip install it")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no wheel")
def test_a_wheel_brings_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine has no PostgreSQL of its own, the wheel's is started, also by root."""
    pytest.importorskip("psycopg")
    monkeypatch.setattr(postgresql, "INSTALLED", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    try:
        assert postgresql.WHEEL in str(postgresql.binaries())
    except postgresql.Unavailable as reason:
        pytest.skip(str(reason))
    wheel = postgresql.binaries()
    monkeypatch.undo()
    monkeypatch.setattr(postgresql, "binaries", lambda: wheel)
    with postgresql.server() as server:
        database = Database.open(server.url_of("postgres"))
        assert database.check() == ()
        database.close()


def test_a_server_ends_with_its_session(tmp_path: Path) -> None:
    """When the tests are killed with no warning, the server and its folder are gone a moment later."""
    (tmp_path / "lock").touch()
    session = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    (tmp_path / "session").write_text(str(session.pid))
    watchman = subprocess.Popen(
        [sys.executable, "-m", "tests.postgresql", str(tmp_path)], cwd=Path(__file__).parents[1]
    )  # fmt: skip
    told = tmp_path / "told.json"
    postgresql.wait_for(told)
    said = told.read_text()
    if "trouble" in said:
        pytest.skip(said)
    session.kill()
    session.communicate()
    assert watchman.wait(60) == 0
    assert not tmp_path.exists()
    assert not [name for name in os.listdir("/dev/shm" if "/dev/shm" in said else "/tmp") if name in said]
