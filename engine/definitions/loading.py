"""An experiment file → an experiment, or all of its problems."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from engine.core.experiments import Experiment
from engine.definitions.arms import with_changes
from engine.definitions.drafts import Draft
from engine.definitions.findings import Findings, shown
from engine.definitions.meaning import check_meaning
from engine.definitions.places import START
from engine.definitions.problems import fitted
from engine.definitions.reading import Document, parse, read_text
from engine.definitions.surroundings import Surroundings
from engine.errors import Problem, ProblemsFound, UnreadableFile

__all__ = ["Surroundings", "cautions", "check", "check_all", "load", "load_text"]

NOTHING_KNOWN = Surroundings()


def load(path: Path, surroundings: Surroundings | None = None) -> Experiment:
    """The experiment of this file; raises ProblemsFound with all of them, or UnreadableFile."""
    return load_text(read_text(path), path, surroundings)


def load_text(text: str, path: Path, surroundings: Surroundings | None = None) -> Experiment:
    """The experiment of this text, which stands, or is to stand, at `path`; raises ProblemsFound."""
    document = parse(text, str(path))
    experiment, findings = _judged(document, path, surroundings or NOTHING_KNOWN)
    if findings.problems:
        raise ProblemsFound(findings.problems)
    return experiment


def check(path: Path, surroundings: Surroundings | None = None) -> tuple[Problem, ...]:
    """Every problem of this file, in the order of their places; none when it is clean."""
    return check_all([path], surroundings)


def cautions(path: Path, surroundings: Surroundings | None = None) -> tuple[Problem, ...]:
    """What the author of a file without problems should know; nothing about one with problems."""
    try:
        _, findings = _judged(parse(read_text(path), str(path)), path, surroundings or NOTHING_KNOWN)
    except (UnreadableFile, ProblemsFound):
        return ()
    return () if findings.problems else tuple(sorted(set(findings.cautions)))


def check_all(paths: Iterable[Path], surroundings: Surroundings | None = None) -> tuple[Problem, ...]:
    """Every problem of these files, file by file; a name that two of them have is a problem of both."""
    found: dict[Path, set[Problem]] = {}
    places: dict[str, list[tuple[Path, Problem]]] = defaultdict(list)
    for path in dict.fromkeys(paths):
        found[path], name = _checked(path, surroundings or NOTHING_KNOWN)
        if name is not None:
            places[name.message].append((path, name))
    for name_text, files in places.items():
        for path, place in files:
            others = ", ".join(str(other) for other, _ in files if other != path)
            if others:
                message = f"experiment: {shown(name_text)} is the name of {others} too; names are unique"
                found[path].add(Problem(place.path, place.line, place.column, message))
    return tuple(problem for problems in found.values() for problem in sorted(problems))


def _checked(path: Path, surroundings: Surroundings) -> tuple[set[Problem], Problem | None]:
    """The problems of a file, and the place of its experiment's name, with the name as the message."""
    try:
        document = parse(read_text(path), str(path))
        problems = _judged(document, path, surroundings)[1].problems
    except UnreadableFile as error:
        return {Problem(str(path), 0, 0, f"{error.reason}; {error.cure}")}, None
    except ProblemsFound as error:
        return set(error.problems), None
    name = document.data.get("experiment") if isinstance(document.data, dict) else None
    place = document.places.value(("experiment",))
    named = Problem(str(path), place.line, place.column, name) if isinstance(name, str) else None
    return set(problems), named


def _judged(document: Document, path: Path, surroundings: Surroundings) -> tuple[Experiment, Findings]:
    """What can be understood of a document, and every problem with it."""
    if not isinstance(document.data, dict):
        place = document.places.values.get((), START)
        what = "the file is empty" if document.data is None else "this is not an experiment"
        message = f"{what}; begin it with `experiment: NAME`, and `audience`, `control` and `arms` below"
        problem = Problem(document.path, place.line, place.column, message)
        raise ProblemsFound([*document.problems, problem])
    findings = Findings(document)
    experiment, _ = fitted(Experiment, document.data, (), findings)
    experiment = with_changes(experiment, findings)
    check_meaning(Draft(path, document.data, experiment, surroundings, findings))
    return experiment, findings
