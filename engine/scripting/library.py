"""The library of call scripts, messages and question banks, read from folders when they are asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import NotFound, ScriptError, UnreadableFile
from engine.scripting.questions import QuestionBank
from engine.scripting.spoken import language_of
from engine.scripting.values import BLOCKS, Language

if TYPE_CHECKING:
    from engine.scripting.outline import Outline

__all__ = ["BLOCKS", "Block", "Library", "Message", "Script"]

MAX_BYTES = 64_000
MAX_CHAIN = 8
"""How large a file is at most, and how many scripts extend one another at most."""

ReadYaml = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Block:
    """One block as its author wrote it; `own` when this script writes it itself rather than inherits it."""

    name: str
    source: str
    own: bool


@dataclass(frozen=True, slots=True)
class Script:
    """A call script. `blocks` are those that it has or inherits, in the order of the call."""

    name: str
    path: Path
    source: str
    language: Language
    extends: str | None
    blocks: tuple[Block, ...]

    def block(self, name: str) -> Block | None:
        """The block of this name; None when neither the script nor any that it extends has it."""
        return next((block for block in self.blocks if block.name == name), None)


@dataclass(frozen=True, slots=True)
class Message:
    """A text message."""

    name: str
    path: Path
    source: str
    language: Language


class Library:
    """Scripts in `<folder>/*.j2`, messages in `<folder>/sms/*.j2`, question banks in `<folder>/qa/*.yaml`.

    Of several folders the first that has a name wins, so that a workspace stands before what is shipped.
    """

    def __init__(self, folders: tuple[Path, ...], read_yaml: ReadYaml | None) -> None:
        self.folders = folders
        self._read_yaml = read_yaml
        self._scripts = _files(folders, ".", ".j2")
        self._messages = _files(folders, "sms", ".j2")
        self._banks = _files(folders, "qa", ".yaml")
        self._sources: dict[Path, str] = {}

    @classmethod
    def open(cls, *folders: Path, read_yaml: ReadYaml | None = None) -> "Library":
        """A library of these folders; one that does not exist has nothing in it.

        `read_yaml` turns a YAML file into plain data; without it there are no question banks to ask.
        """
        return cls(folders, read_yaml)

    def names(self) -> tuple[str, ...]:
        """The names of all call scripts, sorted."""
        return tuple(self._scripts)

    def sms_names(self) -> tuple[str, ...]:
        """The names of all messages, sorted."""
        return tuple(self._messages)

    def qa_names(self) -> tuple[str, ...]:
        """The names of all question banks, sorted."""
        return tuple(self._banks)

    def path(self, name: str) -> Path:
        """The file of a script; raises NotFound."""
        return _found("script", name, self._scripts)

    def sms_path(self, name: str) -> Path:
        """The file of a message; raises NotFound."""
        return _found("sms", name, self._messages)

    def qa_path(self, name: str) -> Path:
        """The file of a question bank; raises NotFound."""
        return _found("question bank", name, self._banks)

    def chain(self, name: str) -> tuple[tuple[str, "Outline"], ...]:
        """A script and those that it extends, nearest first.

        Raises NotFound for `name`, and ScriptError at the line of an `extends` that leads nowhere or in a
        circle.
        """
        from engine.scripting.outline import Outline

        links = [(name, Outline(self.source(self.path(name))))]
        while extends := links[-1][1].extends():
            parent, offset = extends
            here, outline = links[-1]
            line = outline.place(offset)[0]
            if parent in [known for known, _ in links]:
                circle = " → ".join([known for known, _ in links] + [parent])
                raise ScriptError(here, f"the scripts extend one another in a circle: {circle}", line)
            if len(links) == MAX_CHAIN:
                raise ScriptError(here, f"more than {MAX_CHAIN} scripts extend one another", line)
            if parent not in self._scripts:
                missing = NotFound("script", parent, self._scripts)
                raise ScriptError(here, f"it extends a script that does not exist: {missing}", line)
            links.append((parent, Outline(self.source(self.path(parent)))))
        return tuple(links)

    def script(self, name: str) -> Script:
        """A script with its inherited blocks; raises NotFound, ScriptError or UnreadableFile."""
        chain = self.chain(name)
        blocks: dict[str, Block] = {}
        for place, (_, outline) in enumerate(chain):
            for span in outline.spans():
                blocks.setdefault(span.name, Block(span.name, outline.source[span.start : span.end], place == 0))
        kept = tuple(blocks[block] for block in BLOCKS if block in blocks)
        language = language_of(" ".join(block.source for block in kept))
        extends = chain[1][0] if len(chain) > 1 else None
        return Script(name, self.path(name), chain[0][1].source, language, extends, kept)

    def sms(self, name: str) -> Message:
        """A message; raises NotFound or UnreadableFile."""
        path = self.sms_path(name)
        source = self.source(path)
        return Message(name, path, source, language_of(source))

    def qa(self, name: str) -> QuestionBank:
        """A question bank; raises NotFound, UnreadableFile or ProblemsFound."""
        path = self.qa_path(name)
        return QuestionBank.of(path, self.qa_data(name), self.source(path))

    def qa_data(self, name: str) -> object:
        """What the file of a question bank holds, as plain data."""
        path = self.qa_path(name)
        if self._read_yaml is None:
            cure = "open the library with Library.open(..., read_yaml=...)"
            raise UnreadableFile(str(path), "this library was opened without a reader of YAML", cure)
        return self._read_yaml(path)

    def source(self, path: Path) -> str:
        """The text of a file, read once; raises UnreadableFile."""
        if path not in self._sources:
            self._sources[path] = _read(path)
        return self._sources[path]


def _files(folders: tuple[Path, ...], below: str, ending: str) -> dict[str, Path]:
    found = {
        path.name.removesuffix(ending): path for folder in reversed(folders) for path in _listed(folder / below, ending)
    }
    return dict(sorted(found.items()))


def _listed(folder: Path, ending: str) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.name.endswith(ending) and path.is_file())


def _found(kind: str, name: str, known: dict[str, Path]) -> Path:
    if name not in known:
        raise NotFound(kind, name, known)
    return known[name]


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableFile(str(path), f"larger than {MAX_BYTES // 1000} kB", "split it into several files")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile(str(path), "not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        raise UnreadableFile(
            str(path), error.strerror or "cannot be read", "check that it is there and readable"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
