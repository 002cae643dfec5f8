"""A small world in which things break: a hostile provider, a database, and processes of `ringlab` that are killed.

Everything is a process of its own and talks over real sockets. The provider keeps its own record of who rang and when,
and what holds of a campaign is asked of that record, not of ours.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from engine.settings import Settings
from engine.workspace import Workspace
from tests import databases
from tests.steps.makers import write_experiment, write_rows
from tests.telephony.benches import SECRET, http_settings

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
AWAKE, ASLEEP = 12, 2  # the hours of the day where people may be called, and where they may not
FIELDS = {"key": "id", "phone": "mobile", "name": "name", "timezone": "tz", "ordered_at": "paid_at"}


def zone_where_it_is(hour: int, now: datetime) -> str:
    """A time zone whose clocks show this hour."""
    ahead = (hour - now.hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}"  # whose signs are the other way round


def until(holds: Callable[[], Any], what: object, patience: float = PATIENCE) -> Any:
    """Wait until something holds; fail when it does not in time, and say what was waited for."""
    last = time.monotonic() + patience
    while time.monotonic() < last:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {patience:.0f} s")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Child:
    """A process of `ringlab`."""

    def __init__(self, nursery: "Nursery", number: int, log: Path) -> None:
        self.number, self.log, self._nursery, self._status = number, log, nursery, None
        self.mortal = False  # whether it was born with a failpoint

    @property
    def status(self) -> int | None:
        """How it ended; None while it lives."""
        if self._status is None:
            self._status = self._nursery.ask({"ended": self.number})["status"]
        return self._status

    def signal(self, number: int) -> None:
        if self.status is None:
            with suppress(ProcessLookupError):
                os.kill(self.number, number)

    def kill(self) -> None:
        """End it without a word, as a power cut does."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, patience: float = PATIENCE) -> int:
        """How it ends."""
        until(lambda: self.status is not None, f"the end of {self.log.name}", patience)
        assert self.status is not None
        return self.status

    def said(self) -> str:
        return self.log.read_text(errors="replace")


class Nursery:
    """Where processes come from (`tests.journeys.nursery`)."""

    def __init__(self, *, haste: bool) -> None:
        command = [sys.executable, "-m", "tests.journeys.nursery", *(["--haste"] if haste else [])]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.children: list[Child] = []

    def ask(self, wish: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def ringlab(self, folder: Path, *argv: str, environment: dict[str, str], failpoint: str = "") -> Child:
        """Start a command in a folder, where its words are kept."""
        log = folder / f"{len(self.children)}-{argv[0]}.log"
        wish = {"argv": argv, "environment": environment, "folder": str(folder), "log": str(log),
                "failpoint": failpoint}  # fmt: skip
        child = Child(self, self.ask(wish)["process"], log)
        child.mortal = bool(failpoint)
        self.children.append(child)
        return child

    def clear(self) -> None:
        """End every process."""
        for child in self.children:
            if child.status is None:
                child.kill()
        self.children.clear()

    def close(self) -> None:
        self.clear()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._process.stdout.close()


class Provider:
    """The hostile provider as a process of its own (`tests.telephony.provider`)."""

    def __init__(self, seed: int, *options: str) -> None:
        command = [
            sys.executable, "-m", "tests.telephony.provider", "--seed", str(seed), "--secret", SECRET, "--timestamps",
            "--retries", "100000", "--retry-ms", "100", "--ring-ms", "20", "--talk-ms", "100", "--late-ms", "1200",
            *options,
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{json.loads(self._process.stdout.readline())['port']}"

    def ledger(self, *, whole: bool = False) -> dict[str, Any]:
        """What it did."""
        with urlopen(f"{self.url}/ledger{'' if whole else '?summary=1'}", timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def becomes(self, **odds: float) -> None:
        """It misbehaves in another way from now on."""
        with urlopen(Request(f"{self.url}/odds", json.dumps(odds).encode(), method="POST"), timeout=PATIENCE):
            pass

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class World:
    """A folder with experiments, its database, its provider and its processes."""

    def __init__(self, folder: Path, url: str, nursery: Nursery, provider: Provider) -> None:
        self.folder, self.url, self.nursery, self.provider = folder, url, nursery, provider
        self.port = free_port()
        self.asleep: set[str] = set()  # the numbers of people for whom it is night

    def write(
        self, name: str, people: int, asleep: int = 0, orders: tuple[float, float] = (0, 0), **changes: Any
    ) -> Path:
        """An experiment whose calls go through the provider; some of its people sleep.

        Where the arms call after an order, orders come between these seconds from now.
        """
        first, last = orders
        now = datetime.now(UTC)
        rows = [
            {
                "id": f"C{number:05}", "mobile": f"199{number:08}", "name": "王女士",
                "tz": zone_where_it_is(ASLEEP if number < asleep else AWAKE, now),
                "paid_at": (now + timedelta(seconds=first + (last - first) * number / people)).isoformat(),
            }
            for number in range(people)
        ]  # fmt: skip
        self.asleep |= {f"+86{row['mobile']}" for row in rows[:asleep]}
        settings = http_settings(self.provider.url)
        settings["submit"] |= {"timeout": "0.8s", "parallel": 8}
        control = {
            "script": "classic", "sms": "link", "path": "mini", "timing": {"window": "09:00-20:00"},
            "redial": {"attempts": 2, "gap": "1s", "on": ["no_answer", "busy"]},
        }  # fmt: skip
        sound: dict[str, Any] = {
            "experiment": name, "adapter": "http", "settings": settings, "holidays": "open",
            "audience": {"contacts": "contacts.csv", "columns": FIELDS, "region": "CN"}, "control": control,
            "caps": [{"calls": 9, "per": "24h"}], "pace": {"per_second": 20, "concurrent": 100},
            "values": {"brand": "Ringlab"},
        }  # fmt: skip
        path = write_experiment(self.folder / name, 1, **(sound | changes))
        write_rows(path.parent / "contacts.csv", rows)
        return path

    def environment(self) -> dict[str, str]:
        return {"RINGLAB_DATABASE_URL": self.url, "RINGLAB_PUBLIC_URL": f"http://127.0.0.1:{self.port}"}

    def ringlab(self, *argv: str, failpoint: str = "") -> Child:
        """Start a command."""
        return self.nursery.ringlab(self.folder, *argv, environment=self.environment(), failpoint=failpoint)

    def done(self, *argv: str) -> str:
        """What a command says that ends well."""
        child = self.ringlab(*argv)
        assert child.wait() == 0, child.said()
        return child.said()

    def serve(self, *options: str, failpoint: str = "") -> Child:
        """Start `serve`."""
        web = () if "--no-web" in options else ("--port", str(self.port))
        return self.ringlab("serve", *web, *options, failpoint=failpoint)

    def answers(self) -> bool:
        """Whether somebody listens for reports."""
        with suppress(OSError), urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
        return False

    @contextmanager
    def opened(self) -> Iterator[Workspace]:
        """The workspace, in this process."""
        with Workspace(Settings(self.url), self.folder) as workspace:
            yield workspace


@contextmanager
def world(folder: Path, nursery: Nursery, *options: str, seed: int = 1, url: str = "") -> Iterator[World]:
    """A world, and its end; the options are the provider's."""
    with closing(Provider(seed, *options)) as provider:
        try:
            yield World(folder, url or databases.here().url(folder), nursery, provider)
        finally:
            nursery.clear()
