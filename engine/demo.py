"""The POC that the field runs today, played on the simulated adapter.

Three rounds: eight variables in fifteen groups of 3,000; what the first left open; the best combination
against what people got before. The planted truth stands beside the verdicts, and beside what "pick the
highest rate" would have chosen.
"""

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from engine.clock import real_now
from engine.core.contacts import ContactColumns
from engine.core.experiments import CONTROL
from engine.core.rounds import COMBINATION
from engine.errors import InputError, NotNow
from engine.runner import Progress, Simulation, start_moment
from engine.settings import Settings
from engine.steps import enroll, report
from engine.steps.evidence import variable_of
from engine.steps.rounds import write_next
from engine.workspace import Workspace, shipped

FIRST = "poc-round-1"
CONTACTS = "poc-contacts.csv"
PEOPLE, LAPSED_EVERY = 101_000, 10
FAST_PER_ARM, FAST_PEOPLE = 400, 16_000
VALUE = 90.0  # money that one friend brings: half of them order, for 180 on average
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class DemoArm:
    """One arm's verdict beside its planted truth; `rate` and `contacts` are what was seen."""

    arm: str
    variable: str
    status: str
    true_lift: float
    lift: float | None
    rate: float
    contacts: int


@dataclass(frozen=True, slots=True)
class DemoRound:
    """One round: what its control and arms came to, and its verdict's sentence."""

    experiment: str
    calls: int
    people: int
    control_rate: float
    sentence: str
    sentence_zh: str
    arms: tuple[DemoArm, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """What "pick the highest" takes for one variable; the control when no arm is higher."""

    variable: str
    arm: str
    true_lift: float

    @property
    def worth(self) -> float:
        """Money that the choice really brings per 10,000 contacts."""
        return worth(self.true_lift)


def worth(true_lift: float) -> float:
    """Money that a lift of the conversion rate brings per 10,000 contacts, at `VALUE` a friend."""
    return round(true_lift * VALUE * 10_000, 2)


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The whole demo. `folder` is a workspace with its database, ready for `ringlab serve`."""

    seed: int
    seconds: float
    rounds: tuple[DemoRound, ...]
    picks: tuple[Pick, ...]
    folder: Path
    database: str

    @property
    def proven(self) -> tuple[DemoArm, ...]:
        """The arms that became the control: of each round of single changes, each variable's best winner."""
        best: dict[tuple[str, str], DemoArm] = {}
        for one in self.rounds:
            for arm in sorted(one.arms, key=lambda arm: arm.lift or 0.0):
                if arm.status == "winner" and arm.arm != COMBINATION:
                    best[one.experiment, arm.variable] = arm
        return tuple(best.values())

    @property
    def worth_of_verdicts(self) -> float:
        """Money per 10,000 contacts of everything that was proven, at its planted truth."""
        return worth(sum(arm.true_lift for arm in self.proven))

    @property
    def worth_of_picks(self) -> float:
        """Money per 10,000 contacts of what "pick the highest" takes, at its planted truth."""
        return worth(sum(pick.true_lift for pick in self.picks))

    @property
    def calls(self) -> int:
        """Calls placed over all rounds."""
        return sum(one.calls for one in self.rounds)

    def as_json(self) -> dict[str, Any]:
        """The demo as plain data, schema `ringlab.demo/1`."""
        return {
            "schema": "ringlab.demo/1", "seed": self.seed, "seconds": round(self.seconds, 1), "calls": self.calls,
            "rounds": [
                {
                    "experiment": one.experiment, "calls": one.calls, "people": one.people,
                    "control_rate": one.control_rate, "sentence": one.sentence,
                    "arms": [
                        {"arm": arm.arm, "variable": arm.variable, "status": arm.status, "true_lift": arm.true_lift,
                         "lift": arm.lift, "contacts": arm.contacts}
                        for arm in one.arms
                    ],
                }
                for one in self.rounds
            ],
            "pick_the_highest": [
                {"variable": pick.variable, "arm": pick.arm, "true_lift": pick.true_lift, "worth_per_10000": pick.worth}
                for pick in self.picks
            ],
            "worth_per_10000": {"verdicts": self.worth_of_verdicts, "pick_the_highest": self.worth_of_picks},
            "value_per_conversion": VALUE, "database": self.database,
        }  # fmt: skip


def play(folder: Path, seed: int, *, fast: bool = False, watch: Watch | None = None) -> DemoResult:
    """Play the three rounds in `folder`, which becomes a workspace with its own database.

    `fast` plays a small roster: quick to watch, too small to find anything but the largest effects.
    """
    begun = perf_counter()
    first = _prepare(folder, seed, fast)
    database = f"sqlite:///{folder / 'ringlab.db'}"
    with Workspace(Settings.read(database), folder, seed=seed, remembers=False) as workspace:
        first_people(workspace, folder)
        rounds = [_round(workspace, first, watch)]
        second = _write(workspace, first.stem, confirm=False)
        if second is not None:
            rounds.append(_round(workspace, second, watch))
        last = _write(workspace, (second or first).stem, confirm=True)
        if last is not None:
            rounds.append(_round(workspace, last, watch))
    return DemoResult(seed, perf_counter() - begun, tuple(rounds), pick_the_highest(rounds[0]), folder, database)


def _prepare(folder: Path, seed: int, fast: bool) -> Path:
    """A fresh workspace with the shipped scripts, the first round's file and its contacts."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "experiments" / f"{FIRST}.yaml").is_file() or not (folder / CONTACTS).is_file():
            raise InputError(f"{folder} is there and is no earlier demo; name another folder")
        shutil.rmtree(folder)
    (folder / "experiments").mkdir(parents=True)
    shutil.copytree(shipped() / "scripts", folder / "scripts")
    text = (shipped() / "experiments" / f"{FIRST}.yaml").read_text(encoding="utf-8")
    if fast:
        text = text.replace("contacts_per_arm: 3000", f"contacts_per_arm: {FAST_PER_ARM}")
    first = folder / "experiments" / f"{FIRST}.yaml"
    first.write_text(text, encoding="utf-8")
    write_contacts(folder / CONTACTS, FAST_PEOPLE if fast else PEOPLE, seed)
    return first


def write_contacts(path: Path, people: int, seed: int = 1) -> None:
    """A contact file of made-up people: recent buyers, every tenth one lapsed. Another seed has other people."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_id", "mobile", "name", "paid_at", "segment", "city_tier"])
        for number in range(people):
            writer.writerow(
                [
                    f"C{seed}-{number:06}", f"199{number * 37 % 100_000_000:08}",
                    f"{SURNAMES[number % len(SURNAMES)]}{'女士' if number % 3 else '先生'}",
                    f"2026-11-{1 + number % 20:02} {8 + number % 14:02}:{number % 60:02}",
                    "lapsed" if number % LAPSED_EVERY == 0 else "new-buyer", f"T{1 + number % 4}",
                ]
            )  # fmt: skip


def first_people(workspace: Workspace, folder: Path) -> None:
    """Import the made-up people, once for all rounds."""
    columns = ContactColumns(key="customer_id", phone="mobile", name="name", ordered_at="paid_at")
    enroll.import_file(workspace, None, folder / CONTACTS, real_now(), columns=columns)


def _round(workspace: Workspace, path: Path, watch: Watch | None) -> DemoRound:
    now = start_moment(workspace, workspace.load(path))
    name = enroll.start(workspace, path, now).experiment
    running = workspace.running(name)
    simulation = Simulation(workspace, running, watch) if watch else Simulation(workspace, running)
    simulation.run()
    return _told(workspace, name, simulation.now)


def _told(workspace: Workspace, name: str, now: datetime) -> DemoRound:
    experiment = workspace.running(name).experiment
    stands = report.standing(workspace, name, now)
    card = report.card(workspace, name)
    primary = next(metric for metric in stands["metrics"] if metric["role"] == "primary")
    rates = {row["arm"]: row for row in primary["arms"]}
    lifts = {row["arm"]: row.get("difference") for row in primary["comparisons"]}
    statuses, planted = stands["verdict"]["arms"], experiment.planted
    arms = tuple(
        DemoArm(
            arm, variable_of(experiment, arm) or "", statuses[arm], planted.get(arm, {}).get("conversion", 0.0),
            lifts.get(arm), rates[arm]["estimate"] or 0.0, rates[arm]["contacts"],
        )
        for arm in experiment.arms
    )  # fmt: skip
    return DemoRound(
        name, card.calls, card.assigned, rates[CONTROL]["estimate"] or 0.0, stands["verdict"]["sentence"],
        stands["verdict_zh"]["sentence"], arms,
    )  # fmt: skip


def _write(workspace: Workspace, name: str, *, confirm: bool) -> Path | None:
    """The next round's file; None when there is nothing left to ask."""
    try:
        text = write_next(workspace, name, real_now(), confirm=confirm)
    except NotNow:
        return None
    made = workspace.folder / "experiments" / f"{_name_in(text)}.yaml"
    made.write_text(text, encoding="utf-8")
    return made


def _name_in(text: str) -> str:
    return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("experiment:"))


def pick_the_highest(one: DemoRound) -> tuple[Pick, ...]:
    """What today's practice chooses: the highest raw rate of each variable, the control's included."""
    picks = []
    for variable in dict.fromkeys(arm.variable for arm in one.arms):
        best = max((arm for arm in one.arms if arm.variable == variable), key=lambda arm: arm.rate)
        chosen = best.rate > one.control_rate
        picks.append(Pick(variable, best.arm if chosen else CONTROL, best.true_lift if chosen else 0.0))
    return tuple(picks)
