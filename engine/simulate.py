"""An experiment played many times on the simulated adapter: how often it errs, how often it finds, what it costs.

The contacts are enrolled once; every run plays on its own copy of that database with its own seed, so that runs
differ in what people do and in nothing else. With no planted effect this is an A/A calibration. The statistics
alone are played in seconds, without a campaign around them.
"""

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.clock import real_now
from engine.core.combinations import arms_of
from engine.core.experiments import CONTROL, Experiment
from engine.core.factorial import one_variable
from engine.core.metrics import METRICS
from engine.core.shares import parse_lift
from engine.definitions.reading import read_yaml
from engine.definitions.writing import write
from engine.errors import InputError, did_you_mean
from engine.runner import Simulation, start_moment
from engine.settings import Settings
from engine.steps import enroll, report
from engine.steps.made_up import MOST, OTHER_VALUES, VALUES, write_contacts
from engine.steps.plan import people_per_arm
from engine.steps.plays import Play, Simulated
from engine.steps.rehearse import dealt_arms, rehearse
from engine.steps.size import fixed_sample, people_wanted
from engine.workspace import SIMULATED, Workspace, folder_of, shipped

if TYPE_CHECKING:
    from engine.stats.trials import Trials

ROOM = 2  # a race may take more people than the fixed sample before it decides
LEAST_FOR_PROCESSES = 4
Watch = Callable[[int, int], None]


def simulate(
    path: Path, runs: int, *, seed: int = 1, truth: Path | None = None, jobs: int = 1, watch: Watch | None = None
) -> Simulated:
    """Play the experiment of a file with the seeds `seed`, `seed` + 1, …; `watch` hears (runs done, of how many).

    `truth` is a YAML file of arm → planted effect that takes the place of the file's. A file whose contacts
    are not there gets as many made-up ones as its size wants. Nothing is written outside a temporary folder.

    Raises ProblemsFound and InputError as `check` and `start` do.
    """
    with tempfile.TemporaryDirectory(prefix="ringlab-simulate-") as name:
        folder = Path(name)
        experiment, people = _prepare(path, truth, folder)
        seeds = range(seed, seed + runs)
        plays = []
        for play in _played(folder, experiment.name, seeds, jobs):
            plays.append(play)
            if watch is not None:
                watch(len(plays), runs)
    decision = experiment.decision
    return Simulated(
        experiment.name, decision.method, decision.alpha,
        decision.smallest_useful_lift.points(experiment.size.baseline), people, _lifts(experiment),
        sorted(plays, key=lambda play: play.seed),
    )  # fmt: skip


def simulate_statistics(
    path: Path, runs: int, *, seed: int = 1, truth: Path | None = None, drift: float = 0.0
) -> Simulated:
    """The statistics of a file's experiment alone, played `runs` times at its base rate; nothing is written anywhere.

    `drift` swings the rates of all arms together, as a share of the base rate. Calls are people who were called.
    Raises ProblemsFound and InputError as `simulate` does.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ringlab-simulate-") as name,
        Workspace(Settings(f"sqlite:///{Path(name) / 'unused.db'}"), path.parent) as here,
    ):
        experiment = here.load(path)
        if truth:
            experiment = experiment.model_copy(update={"truth": _planted(experiment, truth)})
        per_arm = _per_arm(here, experiment, path)
    if min(per_arm.values()) < 1:
        raise InputError(f"{path}: some arm would have nobody in it; {sum(per_arm.values())} contacts may be called")
    lifts = _lifts(experiment)
    played = rehearse(experiment, per_arm, lifts, runs, seed, drift)
    decision = experiment.decision
    return Simulated(
        experiment.name, decision.method, decision.alpha,
        decision.smallest_useful_lift.points(experiment.size.baseline), sum(per_arm.values()), lifts,
        _plays(experiment, played, seed), "statistics", drift,
    )  # fmt: skip


def _per_arm(workspace: Workspace, experiment: Experiment, path: Path) -> dict[str, int]:
    """People per arm of the file's contacts, or of as many made-up ones as its size wants."""
    contacts = _contacts(workspace, experiment, path)
    if contacts is not None:
        return people_per_arm(workspace, experiment, contacts, real_now())
    wanted = _wanted(experiment)
    return people_wanted(experiment) or {arm: round(wanted * share) for arm, share in experiment.all_shares.items()}


def _plays(experiment: Experiment, played: "Trials", seed: int) -> list[Play]:
    """Trials as runs, all of one seed; arms that chance does not deal win nothing."""
    arms = dealt_arms(experiment)
    useful = experiment.decision.smallest_useful_lift.points(experiment.size.baseline)
    plays = []
    for row, (won, gains) in enumerate(zip(played.won.tolist(), played.gains.tolist(), strict=True)):
        leads = max(range(len(arms)), key=lambda arm: (won[arm], gains[arm]))
        status, open_ = "not_enough_people", "not_enough_people"
        if any(won):
            status = "winner"
        elif played.nothing[row]:
            status = open_ = "no_useful_difference"
        elif gains[leads] >= useful:
            status = "leaning"
        named = {arm: "winner" if won[place] else open_ for place, arm in enumerate(arms)}
        claimed = arms[leads] if status in ("winner", "leaning") else None
        plays.append(Play(seed, status, claimed, named, round(played.contacts[row])))
    return plays


def _lifts(experiment: Experiment) -> dict[str, float]:
    primary = experiment.metrics.primary
    sign = 1 if METRICS[primary].better == "higher" else -1
    return {arm: sign * experiment.planted.get(arm, {}).get(primary, 0.0) for arm in experiment.arms}


def _prepare(path: Path, truth: Path | None, folder: Path) -> tuple[Experiment, int]:
    """A workspace in `folder` with the experiment started in it; returns it, and how many people have an arm."""
    (folder / "experiments").mkdir()
    with Workspace(Settings(f"sqlite:///{folder / 'unused.db'}"), path.parent) as here:
        asked = here.load(path)
        contacts = _contacts(here, asked, path)
        own = (folder_of(path.parent) or here.folder) / "scripts"
    shutil.copytree(own if own.is_dir() else shipped() / "scripts", folder / "scripts")
    if contacts is None:
        contacts = folder / "contacts.csv"
        _make_up(asked, contacts)
    experiment = _adapted(asked, contacts, _planted(asked, truth) if truth else asked.truth)
    file = folder / "experiments" / f"{experiment.name}.yaml"
    file.write_text(write(experiment), encoding="utf-8")
    with Workspace(_settings(folder / "start.db"), folder) as workspace:
        started = enroll.start(workspace, file, start_moment(workspace, experiment))
        people = sum(started.assigned.values()) + started.undealt
        dealt = {arm for name in started.assigned for arm in arms_of(name)}
        if set(experiment.arms) - dealt or (CONTROL not in started.assigned and not experiment.is_factorial):
            raise InputError(f"{path}: some arm would have nobody in it; {people} contacts may be called")
        workspace.database.backup(folder / "template.db")
    return experiment, people


def _contacts(workspace: Workspace, experiment: Experiment, path: Path) -> Path | None:
    """The experiment's contact file; None where there is none or it is not there."""
    try:
        found = workspace.contact_file(experiment, path)
    except InputError:
        return None
    return None if found is None else found.resolve()


def _adapted(experiment: Experiment, contacts: Path, truth: Mapping[str, Any]) -> Experiment:
    """The experiment as it is rehearsed: on this contact file and the simulated adapter."""
    audience = experiment.audience.model_copy(update={"contacts": str(contacts), "roster": False})
    voices = {treatment.voice for treatment in experiment.treatments.values() if treatment.voice}
    changes = {"audience": audience, "truth": dict(truth), "voices": sorted({*experiment.voices, *voices})}
    if experiment.adapter != SIMULATED:
        changes |= {"adapter": SIMULATED, "settings": {}}
    return experiment.model_copy(update=changes)


def _planted(experiment: Experiment, truth: Path) -> dict[str, Any]:
    """The effects of a truth file; raises InputError for an arm that is none, or an effect that is no lift."""
    data = read_yaml(truth)
    if isinstance(data, dict) and isinstance(data.get("truth"), dict):
        data = data["truth"]
    if not isinstance(data, dict):
        raise InputError(f"{truth}: a truth file maps arms to lifts, such as `gift-first: 3pt`")
    for arm, effects in data.items():
        if not set(arms_of(arm) if experiment.is_factorial else (arm,)) <= experiment.arms.keys():
            raise InputError(f"{truth}: there is no arm {arm!r}{did_you_mean(str(arm), experiment.arms)}")
        for metric, effect in (effects if isinstance(effects, dict) else {"conversion": effects}).items():
            try:
                parse_lift(effect)
            except ValueError as error:
                raise InputError(f"{truth}: {arm}.{metric}: {error}") from error
    return data


def _make_up(experiment: Experiment, path: Path) -> None:
    """A file of made-up contacts, as many as the experiment's size wants."""
    audience = experiment.audience
    values: dict[str, Sequence[str]] = {name: VALUES.get(name, OTHER_VALUES) for name in audience.strata}
    values |= {name: [wanted] if isinstance(wanted, str) else wanted for name, wanted in audience.where.items()}
    write_contacts(path, min(_wanted(experiment), MOST), audience.columns, values)


def _wanted(experiment: Experiment) -> int:
    """How many people the size asks for; for a race, room above the fixed sample of the lift to find."""
    people = sum(people_wanted(experiment).values())
    if people:
        return people
    if experiment.is_factorial:
        return max(_wanted(one_variable(experiment, variable)) for variable in experiment.levels)
    lift, useful = experiment.size.lift, experiment.decision.smallest_useful_lift
    asked = experiment.decision.model_copy(update={"smallest_useful_lift": lift or useful})
    fixed = fixed_sample(experiment.model_copy(update={"decision": asked}))
    return round(ROOM * fixed / (1 - experiment.audience.holdout))


def _settings(database: Path) -> Settings:
    return Settings(f"sqlite:///{database}")


def _played(folder: Path, name: str, seeds: Sequence[int], jobs: int) -> Iterator[Play]:
    if jobs == 1 or len(seeds) < LEAST_FOR_PROCESSES:
        yield from (_play(folder, name, seed) for seed in seeds)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    with ProcessPoolExecutor(min(jobs, len(seeds)), get_context("spawn"), _ignore_interrupts) as pool:
        waiting = [pool.submit(_play, folder, name, seed) for seed in seeds]
        try:
            yield from (done.result() for done in as_completed(waiting))
        finally:
            pool.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    """Ctrl-C is for the process that waits; the others end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _play(folder: Path, name: str, seed: int) -> Play:
    """One run, on its own copy of the started database."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        database = Path(place) / "ringlab.db"
        shutil.copyfile(folder / "template.db", database)
        with Workspace(_settings(database), folder, seed) as workspace:
            Simulation(workspace, workspace.running(name)).run()
            verdict = report.standing(workspace, name, real_now())["verdict"]
            calls = report.card(workspace, name).calls
    arms = {arm: status for arm, status in verdict.get("arms", {}).items() if arm != CONTROL}
    return Play(seed, verdict["status"], verdict.get("arm"), arms, calls)
