"""From a script and the values of one contact to the words that are said or written."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from jinja2 import Template, nodes

from engine.scripting.allowed import BLOCKS
from engine.scripting.library import Library
from engine.scripting.outline import SYNTAX
from engine.scripting.sandbox import Pieces, Reckoning, Sandbox, gathered, stopped
from engine.scripting.spoken import language_of

TEMPLATES_KEPT = 1_024

_NO_VALUES: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Words:
    """What is said: (block, its words) in the order of the call."""

    blocks: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """Every block that has words, each on its line."""
        return "\n".join(words for _, words in self.blocks if words)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A script, compiled. `steps` are (block, its words when they are always the same, how to make them otherwise)."""

    steps: tuple[tuple[str, str | None, Pieces], ...]
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
            return Words(
                tuple(
                    [
                        (name, _tidy(gathered(render(context))) if fixed is None else fixed)
                        for name, fixed, render in plan.steps
                    ]
                )
            )
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
        fixed: dict[str, bool] = {}
        for link, outline in self.library.chain(name):
            language = language_of(outline.source)
            path = str(self.library.path(link))
            template = self._sandbox.build(link, path, outline.source, blocks=True, language=language)
            for block, render in template.blocks.items():
                blocks.setdefault(block, []).append(render)
            for node in SYNTAX.parse(outline.source).find_all(nodes.Block):
                fixed.setdefault(
                    node.name, all(isinstance(part, nodes.Output) for part in node.body) and _is_fixed(node)
                )
        context = Reckoning(self._sandbox, _NO_VALUES, name, blocks)
        steps = tuple(
            (block, _tidy(gathered(blocks[block][0](context))) if fixed[block] else None, blocks[block][0])
            for block in BLOCKS
            if block in blocks
        )
        plan = _Plan(steps, blocks)
        self._plans[name] = plan
        return plan


def _is_fixed(block: nodes.Block) -> bool:
    return all(isinstance(part, nodes.TemplateData) for output in block.find_all(nodes.Output) for part in output.nodes)


def _tidy(text: str) -> str:
    return " ".join(text.split())
