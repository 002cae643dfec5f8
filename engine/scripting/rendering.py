"""From a script and the values of one contact to the words that are said or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from jinja2 import Template, nodes
from jinja2.runtime import Context

from engine.scripting.library import Library
from engine.scripting.outline import SYNTAX
from engine.scripting.sandbox import Pieces, Reckoning, Sandbox, gathered, stopped
from engine.scripting.spoken import language_of
from engine.scripting.values import BLOCKS

TEMPLATES_KEPT = 1_024
WORDS_KEPT = 4_096  # of each block: people who hear the same words are many
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Words:
    """What is said: (block, its words) in the order of the call."""

    blocks: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """Every block that has words, each on its line."""
        return "\n".join(words for _, words in self.blocks if words)


@dataclass(frozen=True, slots=True)
class _Step:
    """One block of a compiled script. The same values of its names give the same words, kept in `said`."""

    block: str
    names: tuple[str, ...]
    render: Pieces
    said: dict[tuple[object, ...], str]

    def words(self, context: Context, values: Mapping[str, object]) -> str:
        read = [values.get(name, _ABSENT) for name in self.names]
        key = tuple([value if type(value) is str else _told_apart(value) for value in read])
        known = self.said.get(key)
        if known is None:
            known = _tidy(gathered(self.render(context)))
            if len(self.said) >= WORDS_KEPT:
                self.said.clear()
            self.said[key] = known
        return known


def _told_apart(value: object) -> object:
    """What two values that are no text share only when they are spoken alike; no text is the same."""
    return value if value is _ABSENT else (type(value), repr(value))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A script, compiled."""

    steps: tuple[_Step, ...]
    blocks: dict[str, list[Pieces]]


class Renderer:
    """Turns scripts of a library into words. Each is compiled once; one renderer may be used by many threads."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._sandbox = Sandbox()
        self._plans: dict[str, _Plan] = {}
        self._messages: dict[str, Template] = {}
        self._setting = lru_cache(TEMPLATES_KEPT)(self._compile_setting)

    def words(self, script: str, values: Mapping[str, object]) -> Words:
        """The words of a script for these values.

        Raises NotFound for a script that is not in the library, and ScriptError, with the line, for one that
        cannot be turned into words.
        """
        plan = self._plans.get(script) or self._plan(script)
        context = Reckoning(self._sandbox, values, script, plan.blocks)
        try:
            return Words(tuple([(step.block, step.words(context, values)) for step in plan.steps]))
        # Whatever a template makes Python raise is a mistake in the template or its values.
        except Exception as error:
            stopped(script, error, values)

    def message(self, sms: str, values: Mapping[str, object]) -> str:
        """The text of a message for these values; raises as `words` does."""
        template = self._messages.get(sms)
        if template is None:
            message = self.library.sms(sms)
            template = self._sandbox.build(
                sms, str(message.path), message.source, blocks=False, language=message.language
            )
            self._messages[sms] = template
        return _tidy(self._run(template, values))

    def template(self, source: str, values: Mapping[str, object]) -> str:
        """A setting or an answer with the values in it, letter by letter as it is written; raises ScriptError."""
        return self._run(self._setting(source), values)

    def _run(self, template: Template, values: Mapping[str, object]) -> str:
        context = Reckoning(self._sandbox, values, template.name, {})
        try:
            return gathered(template.root_render_func(context))
        except Exception as error:
            stopped(template.name or "", error, values)

    def _compile_setting(self, source: str) -> Template:
        return self._sandbox.build("template", "<template>", source, blocks=False, language=None)

    def _plan(self, name: str) -> _Plan:
        blocks: dict[str, list[Pieces]] = {}
        names: dict[str, set[str]] = {}
        for link, outline in self.library.chain(name):
            language = language_of(outline.source)
            path = str(self.library.path(link))
            template = self._sandbox.build(link, path, outline.source, blocks=True, language=language)
            for block, render in template.blocks.items():
                blocks.setdefault(block, []).append(render)
            for node in SYNTAX.parse(outline.source).find_all(nodes.Block):
                names.setdefault(node.name, set()).update(read.name for read in node.find_all(nodes.Name))
        steps = (_Step(block, tuple(sorted(names[block])), blocks[block][0], {}) for block in BLOCKS if block in blocks)
        plan = _Plan(tuple(steps), blocks)
        self._plans[name] = plan
        return plan


def _tidy(text: str) -> str:
    return " ".join(text.split())
