"""A workspace: the database, the scripts and the adapters of one folder, opened once.

A workspace is a folder with `experiments/` and `scripts/` in it. It is found upward from a file or from
where a command is run; where there is none, the scripts that ship with Ringlab are used.
"""

import atexit
import gc
import os
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.experiments import HOLDOUT, Experiment
from engine.core.factorial import extremes
from engine.core.outcomes import Terms
from engine.definitions.loading import Surroundings, load
from engine.definitions.reading import read_yaml
from engine.errors import InputError
from engine.scripting.library import Library
from engine.settings import Settings
from engine.telephony import Adapter, adapter_names, capabilities, known_settings, open_adapter

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.scripting.rendering import Renderer
    from engine.store.database import Database
    from engine.store.records import Record

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SIMULATED = "simulated"
EXAMPLE_BRAND = "青禾优选"


def shipped() -> Path:
    """The folder with the scripts and experiments that ship with Ringlab."""
    inside = Path(__file__).parent / "workspace_template"
    return inside if inside.is_dir() else Path(__file__).parent.parent


def folder_of(start: Path) -> Path | None:
    """The workspace that `start` is in, looking upward; None when it is in none."""
    place = start.resolve()
    for folder in (place, *place.parents):
        if (folder / "scripts").is_dir() and (folder / "experiments").is_dir():
            return folder
    return None


@dataclass(frozen=True, slots=True)
class Running:
    """A started experiment with all that its steps need."""

    record: "Record"
    adapter: Adapter
    terms: Mapping[str, Terms]
    values: Mapping[str, str]
    renderer: "Renderer"
    answers: Mapping[str, str]

    @property
    def experiment(self) -> Experiment:
        return self.record.experiment

    @property
    def id(self) -> int:
        return self.record.id


class Workspace:
    """One folder and one database. Everything is opened when it is first needed."""

    def __init__(
        self,
        settings: Settings,
        start: Path | None = None,
        seed: int | None = None,
        *,
        create: bool = True,
        remembers: bool = True,
    ) -> None:
        self.settings = settings
        self.create = create  # whether an absent database is made
        self.remembers = remembers  # whether a simulated provider outlives this process, in a file of its own
        self.seed = seed  # of simulated populations, over what the files say
        self.start = start or Path.cwd()
        self.folder = folder_of(self.start) or self.start
        self._secret = b""
        self._running: dict[str, Running] = {}
        self._renderers: dict[Path, Renderer] = {}
        self.holder = secrets.token_hex(8)  # this process, among those that share the database
        self._lock = threading.RLock()

    @cached_property
    def database(self) -> "Database":
        from engine.store.database import Database

        database = Database.open(self.settings.database, create=self.create)
        self._secret = _secret_of(database)
        _spare_the_collector()
        return database

    @property
    def is_there(self) -> bool:
        """Whether there is a database to open: a file, or a server."""
        place = self.settings.database.removeprefix("sqlite:///")
        return not self.settings.database.startswith("sqlite") or Path(place).exists()

    @property
    def secret(self) -> bytes:
        """The database's own secret; links and sessions are signed with it."""
        assert self.database is not None  # opening it is what makes the secret known
        return self._secret

    @cached_property
    def library(self) -> Library:
        """The scripts of this folder, or those that ship with Ringlab."""
        return _library(self.folder)

    def surroundings(self, path: Path) -> Surroundings:
        """What surrounds an experiment file: the words that it may use."""
        folder = folder_of(path.parent) or self.folder
        library = _library(folder)
        return Surroundings(
            scripts=frozenset(library.names()),
            sms=frozenset(library.sms_names()),
            voices=frozenset(capabilities(SIMULATED).voices),
            adapters=frozenset(adapter_names()),
            settings=known_settings,
            columns=_columns,
            folders=(path.parent, folder),
            bound_by=_bound_by,
        )

    def load(self, path: Path) -> Experiment:
        """The experiment of a file; raises ProblemsFound with all its problems."""
        return load(path, self.surroundings(path))

    def contact_file(self, experiment: Experiment, path: Path) -> Path | None:
        """The experiment's contact file, relative to its own file, then to the workspace; None for the roster."""
        if experiment.audience.contacts is None:
            return None
        name = Path(experiment.audience.contacts)
        places = [folder / name for folder in (path.parent, folder_of(path.parent) or self.folder)]
        for place in places:
            if place.exists():
                return place
        raise InputError(
            f"{path}: the contact file {str(name)!r} is not there; "
            f"it was looked for beside the file and in {places[-1].parent}"
        )

    def running(self, name: str) -> Running:
        """A started experiment with its adapter, opened once; raises NotFound."""
        from engine.store import records

        with self._lock:
            if name not in self._running:
                with self.database.reading() as connection:
                    record = records.get(connection, name)
                self._running[name] = self._open(record)
            return self._running[name]

    def running_of(self, connection: "Connection", experiment_id: int) -> Running:
        """A started experiment by its id, read through a connection that is open."""
        from engine.store import records

        with self._lock:
            for running in self._running.values():
                if running.id == experiment_id:
                    return running
            record = records.by_id(connection, experiment_id)
            return self._running.setdefault(record.name, self._open(record))

    def _open(self, record: "Record") -> Running:
        experiment = record.experiment
        settings = from_environment(experiment.settings)
        if self.seed is not None and experiment.adapter == SIMULATED:
            settings = settings | {"seed": self.seed}
        planted = dict(experiment.planted)
        if experiment.is_factorial and planted:
            planted = {name: {} for name in extremes(experiment)} | planted  # what adds up to too much is told here
        renderer = self._renderer(Path(record.folder))
        context = {
            "book": self._book(experiment), "truth": {experiment.name: planted}, "render": renderer.template,
            "callback_url": f"{self.settings.public_url}/webhooks/{experiment.adapter}",
        }  # fmt: skip
        return Running(
            record=record,
            adapter=open_adapter(experiment.adapter, settings, context),
            terms=terms_of(experiment),
            values=standing_values(experiment),
            renderer=renderer,
            answers=_answers(renderer.library, experiment),
        )

    def _renderer(self, place: Path) -> "Renderer":
        """The words of the workspace from which an experiment was started, wherever it is run."""
        from engine.scripting.rendering import Renderer

        folder = folder_of(place) or self.folder
        if folder not in self._renderers:
            self._renderers[folder] = Renderer(_library(folder))
        return self._renderers[folder]

    def _book(self, experiment: Experiment) -> str:
        place = self.database.path
        if not self.remembers or (place is None and self.database.is_sqlite):
            return ":memory:"
        # A server has no file beside which the book could lie: it lies where the experiments do.
        folder = place.with_suffix(".simulated") if place else self.folder / f"{self.database.name}.simulated"
        folder.mkdir(exist_ok=True)
        return str(folder / f"{experiment.name}.db")

    def close(self) -> None:
        """Close what was opened."""
        for running in self._running.values():
            running.adapter.close()
        self._running.clear()
        if "database" in self.__dict__:
            self.database.close()

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _spare_the_collector() -> None:
    """Leave what lives as long as the process out of garbage collection, and collect batches rather than calls.

    A campaign makes millions of short-lived values beside half a million that stay, and looking at those
    again and again costs a quarter of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.unfreeze)  # compiled libraries count what they gave out when the process ends


def _library(folder: Path) -> Library:
    own = folder / "scripts"
    return Library.open(own if own.is_dir() else shipped() / "scripts", read_yaml=read_yaml)


def _answers(library: Library, experiment: Experiment) -> dict[str, str]:
    """Every wording of the questions that the library answers in the control's language."""
    name = "default" if library.script(experiment.control.script).language == "zh" else "default-en"
    if name not in library.qa_names():
        return {}
    return {wording: entry.answer for entry in library.qa(name).entries for wording in entry.wordings}


def _secret_of(database: "Database") -> bytes:
    """The secret of a database, made when it is first opened."""
    from engine.store import records

    with database.reading() as connection:
        known = records.mark(connection, "secret")
    if not known:
        with database.writing() as connection:
            known = records.first_mark(connection, "secret", secrets.token_hex(32))
    return bytes.fromhex(known)


def terms_of(experiment: Experiment) -> dict[str, Terms]:
    """What counts in each arm, and what its incentive costs; the holdout has no incentive."""
    return _ArmTerms(experiment)


class _ArmTerms(dict[str, Terms]):
    """Every arm's terms; a combination's are put together when they are asked for."""

    def __init__(self, experiment: Experiment) -> None:
        super().__init__()
        self._experiment = experiment
        for arm in (HOLDOUT, *experiment.treatments):
            self[arm] = self.__missing__(arm)

    def __missing__(self, arm: str) -> Terms:
        experiment, cost = self._experiment, 0.0
        if arm != HOLDOUT:
            incentive = experiment.incentives.get(experiment.treatments[arm].incentive or "")
            cost = incentive.cost if incentive else 0.0
        return Terms(experiment.conversion.event, experiment.conversion.within, cost)


def standing_values(experiment: Experiment) -> dict[str, str]:
    """The words that scripts may use for everybody. A simulated brand has a name; a real one says its own."""
    values = dict(experiment.values)
    if experiment.adapter == SIMULATED:
        values.setdefault("brand", EXAMPLE_BRAND)
    return values


def from_environment(settings: Any, environment: Mapping[str, str] = os.environ) -> Any:
    """Settings with each `${NAME}` taken from the environment; raises InputError that names what is missing."""
    if isinstance(settings, dict):
        return {key: from_environment(value, environment) for key, value in settings.items()}
    if isinstance(settings, list):
        return [from_environment(value, environment) for value in settings]
    if not isinstance(settings, str):
        return settings
    missing = [name for name in VARIABLE.findall(settings) if name not in environment]
    if missing:
        raise InputError(f"the settings need ${{{missing[0]}}}, and the environment does not have it; set {missing[0]}")
    return VARIABLE.sub(lambda found: environment[found[1]], settings)


def _bound_by(adapter: str) -> tuple[str, ...]:
    return capabilities(adapter).rules if adapter in adapter_names() else ()


def _columns(path: Path) -> tuple[str, ...] | None:
    if not path.is_file():
        return None
    from engine.intake.files import examine

    return examine(path).columns
