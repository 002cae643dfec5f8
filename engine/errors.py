"""Everything that can go wrong, as one small tree.

    RinglabError
    ├── InputError            what a person gave is wrong, and how to cure it
    │   ├── ProblemsFound       a file's problems, all at once, each at its place
    │   ├── UnreadableFile      a file that cannot be read at all
    │   ├── NotFound            a name that nothing has, with the nearest that something has
    │   └── NotNow              a request that the experiment's state does not allow
    ├── ScriptError           a script that cannot be turned into words
    ├── AdapterError          a provider, or what it sent, cannot be trusted or reached
    │   ├── Forged              a webhook whose signature does not hold
    │   └── Stale               a webhook that is too old to be believed
    └── DatabaseError         the database cannot be used as it is

Each keeps its facts as fields; its text names the place and the cure.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a file. `line` and `column` count from 1; 0 stands for the whole file."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class RinglabError(Exception):
    """The root of the tree."""


class InputError(RinglabError):
    """What a person gave is wrong; the text says what would be right."""


class ProblemsFound(InputError):
    """A file has problems; all of them are in `problems`, in the order of their places."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnreadableFile(InputError):
    """A file cannot be read; `cure` says what to do."""

    def __init__(self, path: str, reason: str, cure: str) -> None:
        self.path, self.reason, self.cure = path, reason, cure
        super().__init__(f"{path}: {reason}; {cure}")


class NotFound(InputError):
    """Nothing of this `kind` has this `name`."""

    def __init__(self, kind: str, name: str, known: Iterable[str] = ()) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(f"there is no {kind} {name!r}{did_you_mean(name, self.known)}")


class NotNow(InputError):
    """The experiment's state does not allow what was asked."""


class ScriptError(RinglabError):
    """The script `name` cannot be turned into words; `line` counts from 1, 0 when unknown."""

    def __init__(self, name: str, reason: str, line: int = 0) -> None:
        self.name, self.reason, self.line = name, reason, line
        super().__init__(f"script {name!r}{f', line {line}' if line else ''}: {reason}")


class AdapterError(RinglabError):
    """A provider cannot be used, or said something that cannot be understood."""


class Forged(AdapterError):
    """A webhook's signature does not hold."""


class Stale(AdapterError):
    """A webhook is too old to be believed."""


class DatabaseError(RinglabError):
    """The database cannot be used as it is; the text says what to do. What is `passing` may be tried again."""

    def __init__(self, text: str, *, passing: bool = False) -> None:
        self.passing = passing
        super().__init__(text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that names the nearest known word, or all when they are few."""
    words = sorted(set(known))
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    if not words:
        return ""
    if len(words) <= 12:
        return f"; known: {', '.join(words)}"
    return f"; {len(words)} are known"
