"""A storm over a world: processes are killed, stopped and told to end, at moments that a seed picks; and what holds."""

import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from engine.failpoints import FAILPOINTS
from tests.journeys.world import PATIENCE, Child, World, until
from tests.steps.makers import number_of, rows_of
from tests.telephony.provider import Odds

ATTEMPTS = 2
SLACK = timedelta(seconds=0.4)  # between the first byte of a request and the provider's look at its clock
LIFE, LONG = 1.5, (0.1, 4.0)  # seconds that a process works before a blow at most; seconds that it sleeps
EARLY = 0.1  # how often the blow comes while a process still begins
DISPATCHERS = 2
OPEN = "('begun', 'sent', 'accepted', 'unknown')"


class Actor:
    """A process that is started again whenever it has ended."""

    def __init__(self, world: World, chance: Random, *, hears: bool) -> None:
        self.world, self.chance, self.hears = world, chance, hears
        self.wakes: float | None = None
        self.struck_at = 0.0
        self.child = self.born()

    def born(self) -> Child:
        """A new life; every other one is to end at a step of the protocol, if it comes there before a blow.

        Most blows come when it is at work, and some before.
        """
        self.struck_at = time.monotonic() if self.chance.random() < EARLY else float("inf")
        failpoint = f"{self.chance.choice(FAILPOINTS)}:{self.chance.choice((1, 1, 2, 3))}"
        if self.chance.random() < 0.5:
            failpoint = ""
        options = self.chance.choice((["--no-dispatch"], [])) if self.hears else ["--no-web"]
        self.wakes = None
        return self.world.serve(*options, failpoint=failpoint)

    def is_struck(self, now: float) -> bool:
        """Whether its time has come: a while after it began to work, as chance has it."""
        if self.struck_at == float("inf") and self.child.log.exists() and self.child.log.stat().st_size:
            self.struck_at = now + self.chance.random() * LIFE
        return self.wakes is None and now >= self.struck_at


class Storm:
    """So many deaths, of two dispatchers and of a process that hears, and at times calls too."""

    def __init__(self, world: World, seed: int, deaths: int) -> None:
        self.world, self.chance, self.wanted = world, Random(seed), deaths
        self.counted: Counter[str] = Counter()
        self.actors = [Actor(world, self.chance, hears=number == DISPATCHERS) for number in range(DISPATCHERS + 1)]

    @property
    def deaths(self) -> int:
        return self.counted["killed"] + self.counted["died at a step"]

    def rage(self) -> None:
        """Deal blows until enough have died."""
        blows: list[tuple[float, Callable[[Actor], None]]] = [(6, self.kill), (3, self.stop), (1, self.end)]
        while self.deaths < self.wanted:
            time.sleep(0.01)
            now = time.monotonic()
            self.wake(now)
            for actor in self.actors:
                if actor.child.status is not None:
                    self.mourn(actor)
                elif actor.is_struck(now):
                    self.chance.choices([blow for _, blow in blows], [weight for weight, _ in blows])[0](actor)

    def mourn(self, actor: Actor) -> None:
        """One has ended by itself: at a step of the protocol, and in no other way."""
        child = actor.child
        assert child.mortal, child.said()
        assert child.status == -signal.SIGKILL, child.said()
        self.counted["died at a step"] += 1
        actor.child = actor.born()

    def kill(self, actor: Actor) -> None:
        actor.child.kill()
        self.counted["killed"] += 1
        actor.child = actor.born()

    def stop(self, actor: Actor) -> None:
        """It sleeps, at times for longer than its lease and than its calls have time."""
        actor.child.signal(signal.SIGSTOP)
        actor.wakes = time.monotonic() + self.chance.uniform(*LONG)
        actor.struck_at = actor.wakes + self.chance.random() * LIFE
        self.counted["stopped"] += 1

    def wake(self, now: float) -> None:
        for actor in self.actors:
            if actor.wakes is not None and actor.wakes <= now:
                actor.child.signal(signal.SIGCONT)
                actor.wakes = None

    def end(self, actor: Actor) -> None:
        """It is told to end, and finishes what it has in hand."""
        actor.child.signal(signal.SIGTERM)
        self.counted["told to end"] += 1
        self.leave(actor.child)
        actor.child = actor.born()

    def leave(self, child: Child) -> None:
        allowed = {0, -signal.SIGTERM} | ({-signal.SIGKILL} if child.mortal else set())
        assert child.wait() in allowed, child.said()

    def calm(self) -> None:
        """Nothing fails any more: one process goes on until every call is settled, and ends as it should."""
        self.wake(float("inf"))
        for actor in self.actors:
            actor.child.signal(signal.SIGTERM)
        for actor in self.actors:
            self.leave(actor.child)
        self.world.provider.becomes(**vars(Odds()))
        last = self.world.serve()
        until(self.world.answers, "an answer")  # from here on it takes the wish to end as it should
        settled(self.world, PATIENCE + self.wanted)
        last.signal(signal.SIGTERM)
        assert last.wait() == 0, last.said()


LEFT = {
    "open": f"SELECT count(*) FROM calls WHERE state IN {OPEN} AND ended_at IS NULL",
    "due": "SELECT count(*) FROM calls WHERE state = 'planned' AND due_at < :soon",
    "reports": "SELECT count(*) FROM reports WHERE judged_at IS NULL",
}  # fmt: skip
AT_ONCE = f"SELECT {', '.join(f'({query}) AS {name}' for name, query in LEFT.items())}"


def settled(world: World, patience: float = PATIENCE) -> None:
    """Wait until nothing is due, nothing is open, and every report was heard and judged.

    All of it at one moment: a call that is claimed while it is looked for is neither due nor open.
    """
    left: dict[str, int] = {}

    def quiet() -> bool:
        to_come = world.provider.ledger()["pending"]
        soon = int((time.time() + 600) * 1e6)
        left.update(zip(LEFT, rows_of(workspace, AT_ONCE, soon=soon)[0], strict=True))
        left["reports to come"] = to_come + world.provider.ledger()["pending"]
        return not any(left.values())

    with world.opened() as workspace:
        until(quiet, left, patience)


def check(world: World) -> dict[str, Any]:
    """What holds whatever happened, by the provider's own record first; returns the record."""
    world.done("database", "check")
    ledger = world.provider.ledger(whole=True)
    rings = ledger["rings"]
    assert ledger["doubled_keys"] == {}
    assert not {ring["number"] for ring in rings} & world.asleep
    assert all(int(ring["key"].rpartition("/")[2]) <= ATTEMPTS for ring in rings)
    late = [(str(_at(ring["at"]) - _at(ring["expires"])), ring) for ring in rings if _is_late(ring)]
    assert not late, late
    of_person: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for ring in rings:
        of_person[ring["number"]].append((_at(ring["at"]), _at(ring["over"])))
    for times in of_person.values():
        assert all(over <= begun for (_, over), (begun, _) in pairwise(sorted(times)))
    assert max(Counter(message["key"] for message in ledger["messages"]).values(), default=0) <= 1
    assert ledger["abandoned"] == []
    _check_ours(world, ledger)
    return ledger


def _is_late(ring: dict[str, Any]) -> bool:
    return _at(ring["at"]) > _at(ring["expires"]) + SLACK


def _at(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _check_ours(world: World, ledger: dict[str, Any]) -> None:
    """Every report that was answered with 200 is in the ledger, and every call that rang has ended there."""
    with world.opened() as workspace:
        kept = {key.partition("/")[2] for (key,) in rows_of(workspace, "SELECT key FROM events")}
        assert set(ledger["acknowledged"]) <= kept
        assert number_of(workspace, "SELECT count(*) FROM reports WHERE judged_at IS NULL OR trouble <> ''") == 0
        states = dict(tuple(row) for row in rows_of(workspace, "SELECT key, state FROM calls"))
        lost = [ring for ring in ledger["rings"] if states[ring["key"]] != "ended"]
        assert not lost, (lost, rows_of(workspace, "SELECT * FROM calls WHERE key = :key", key=lost[0]["key"]))
        ended = sum(state == "ended" for state in states.values())
        assert ended == len(ledger["rings"])
