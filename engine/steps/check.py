"""Files in, every problem of them out. Nothing is written."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.definitions.loading import cautions as cautions_of
from engine.definitions.loading import check_all
from engine.definitions.reading import read_yaml
from engine.errors import InputError, Problem, RinglabError
from engine.scripting.library import Library
from engine.workspace import Workspace, folder_of

EXPERIMENTS = (".yaml", ".yml")
SCRIPT = ".j2"


@dataclass(frozen=True, slots=True)
class Target:
    """A file to check, and how whoever asked writes its name."""

    path: Path
    shown: str


def check(workspace: Workspace, names: Sequence[str]) -> tuple[Problem, ...]:
    """Every problem of these files and folders, each at its place and under the name that was given.

    Without names the whole workspace is checked, its experiments and its scripts; raises InputError where
    there is none.
    """
    missing: list[Problem] = []
    targets: list[Target] = []
    for name in names or _whole(workspace):
        try:
            inside = list(_targets(name))
            if names and not inside:
                missing.append(Problem(name, 0, 0, "nothing here to check; name an experiment file, or its folder"))
            targets += inside
        except OSError as error:
            reason = error.strerror or "cannot be read"
            missing.append(Problem(name, 0, 0, f"{reason.lower()}; name an experiment file, a script or a folder"))
        except ValueError:
            missing.append(Problem(name, 0, 0, "no file can have this name; name an experiment file or a folder"))
    targets = list(dict.fromkeys(targets))
    shown = {str(target.path): target.shown for target in targets}
    found = [*missing, *_experiments(workspace, targets), *_scripts(targets)]
    return tuple(replace(problem, path=shown.get(problem.path, problem.path)) for problem in found)


def cautions(workspace: Workspace, names: Sequence[str]) -> tuple[Problem, ...]:
    """What authors of sound experiment files should know of the rules that hold for them, at its place."""
    found: list[Problem] = []
    for name in names or _whole(workspace):
        for target in _targets(name) if Path(name).exists() else ():
            if target.path.suffix in EXPERIMENTS and _library_of(target.path) is None and target.path.is_file():
                told = cautions_of(target.path, workspace.surroundings(target.path))
                found += [replace(one, path=target.shown) for one in told]
    return tuple(found)


def check_library(library: Library, names: Sequence[str] = ()) -> tuple[Problem, ...]:
    """Every problem of a library's scripts, messages and question banks, or of those with these names."""
    from engine.errors import NotFound
    from engine.scripting.lint import lint, lint_qa, lint_sms

    known = ((library.names(), lint), (library.sms_names(), lint_sms), (library.qa_names(), lint_qa))
    everything = [name for group, _ in known for name in group]
    for name in names:
        if name not in everything:
            raise NotFound("script", name, everything)
    return tuple(
        problem
        for group, ask in known
        for name in group
        if not names or name in names
        for problem in ask(library, name)
    )


def _whole(workspace: Workspace) -> list[str]:
    folder = folder_of(workspace.start)
    if folder is None:
        raise InputError("this is no workspace: make one with `ringlab init DIR`, or name a file: ringlab check FILE")
    return [os.path.relpath(folder / part, workspace.start) for part in ("experiments", "scripts")]


def _targets(name: str) -> Iterator[Target]:
    """The files that a name stands for."""
    path = Path(name)
    if not path.is_dir() or path.suffix in EXPERIMENTS:
        path.stat()
        yield Target(path, name)
        return
    base = name.rstrip("/") or "/"
    for folder, inner, files in os.walk(path):
        inner[:] = sorted(one for one in inner if not one.startswith("."))
        here = Path(folder)
        # A folder with the name of an experiment file is a mistake that reading it will tell.
        for file in sorted([*files, *(one for one in inner if one.endswith(EXPERIMENTS))]):
            if file.startswith(".") or not file.endswith((*EXPERIMENTS, SCRIPT)):
                continue
            below = (here / file).relative_to(path)
            yield Target(here / file, below.as_posix() if base == "." else f"{base}/{below.as_posix()}")


def _library_of(path: Path) -> Path | None:
    """The library that a file belongs to; None for an experiment file."""
    if path.suffix == SCRIPT:
        return path.parent.parent if path.parent.name == "sms" else path.parent
    folder = path.absolute().parent
    if folder.name == "qa" and any(folder.parent.glob(f"*{SCRIPT}")):
        return path.parent.parent
    return None


def _experiments(workspace: Workspace, targets: Sequence[Target]) -> Iterator[Problem]:
    """Problems of experiment files; those of one workspace are read together, because names are unique in it."""
    groups: dict[Path | None, list[Path]] = {}
    for target in targets:
        if _library_of(target.path) is None:
            groups.setdefault(folder_of(target.path.parent), []).append(target.path)
    for paths in groups.values():
        yield from check_all(paths, workspace.surroundings(paths[0]))


def _scripts(targets: Sequence[Target]) -> Iterator[Problem]:
    places = [(target, folder) for target in targets if (folder := _library_of(target.path))]
    if not places:
        return
    from engine.scripting.lint import lint, lint_qa, lint_sms

    libraries: dict[Path, Library] = {}
    for target, folder in places:
        library = libraries.setdefault(folder, Library.open(folder, read_yaml=read_yaml))
        asked = {"sms": lint_sms, "qa": lint_qa}.get(target.path.parent.name, lint)
        try:
            # A script's problems may stand in the one that it extends, which is told when that one is checked.
            yield from (one for one in asked(library, target.path.stem) if Path(one.path) == target.path)
        except RinglabError as error:
            yield Problem(str(target.path), 0, 0, str(error))
