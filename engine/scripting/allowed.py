"""What a script may say: an allowlist of template syntax, checked before anything is compiled.

A script is words with values, conditions and short loops in them. Whatever could run without end, allocate
without end, call anything or look inside a value is not in the language, so that it need not be caught while
it runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import nodes

from engine.errors import did_you_mean
from engine.scripting.filters import FILTERS, TESTS
from engine.scripting.values import BLOCKS

MAX_SOURCE = 16_000
MAX_NODES = 2_000
MAX_DEPTH = 60
MAX_NUMBER = 10**20
MAX_LOOPS = 3
"""Letters in a file, nodes in its tree, nodes within nodes, size of a number, loops within loops."""

_PLAIN = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Getitem, nodes.Slice, nodes.If, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.Add, nodes.Sub,
    nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Assign, nodes.With,
    nodes.Pair, nodes.Keyword, nodes.Scope,
)  # fmt: skip

_RESERVED = frozenset({"loop", "super", "range"})

_REFUSED: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Pow: ("**", "a script does not compute powers"),
    nodes.Macro: ("macro", "a script has no macros; write the words where they are said"),
    nodes.CallBlock: ("call", "a script has no macros; write the words where they are said"),
    nodes.Include: ("include", "a script does not include files; it may extend one script of the library"),
    nodes.Import: ("import", "a script does not import files; it may extend one script of the library"),
    nodes.FromImport: ("from", "a script does not import files; it may extend one script of the library"),
    nodes.FilterBlock: ("filter", "a filter is used on a value, as in {{ name | trim }}, not on a block"),
    nodes.AssignBlock: ("set", "a value is set in one tag, as in {% set words = ... %}"),
    nodes.ScopedEvalContextModifier: ("autoescape", "words are not escaped; a script has no autoescape"),
    nodes.NSRef: ("set", "a script has no namespaces"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that a script may not say: its line, the word there, and why with the cure."""

    line: int
    word: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Place:
    depth: int = 0
    loops: int = 0
    block: str | None = None


def refusals(tree: nodes.Template, blocks: bool) -> tuple[Refusal, ...]:
    """Everything in a parsed template that is outside the language, in the order of the source.

    `blocks` says whether it is a call script, which is made of blocks, or a message or setting, which has
    none.
    """
    found: list[Refusal] = []
    supers: dict[str, int] = {}
    waiting: list[tuple[nodes.Node, _Place]] = [(tree, _Place())]
    count = 0
    while waiting:
        node, place = waiting.pop()
        count += 1
        if count > MAX_NODES or place.depth > MAX_DEPTH:
            size = "long" if count > MAX_NODES else "deeply nested"
            return (
                *found,
                Refusal(getattr(node, "lineno", 1) or 1, "", f"the template is too {size} for a script"),
            )
        found += _judge(node, place, blocks)
        if _is_super(node):
            supers[place.block or ""] = supers.get(place.block or "", 0) + 1
            if supers[place.block or ""] > 1 or place.loops:
                found.append(Refusal(node.lineno, "super", "super() is said once in a block, and not in a loop"))
        waiting += [(child, _inside(node, place)) for child in reversed(list(node.iter_child_nodes()))]
    if blocks:
        found += _outside(tree)
    return tuple(sorted(found, key=lambda refusal: refusal.line))


def size(node: nodes.Node) -> int:
    """How many nodes stand under and with `node`: what one pass over it may cost."""
    waiting, count = [node], 0
    while waiting:
        count += 1
        waiting.extend(waiting.pop().iter_child_nodes())
    return count


def _inside(node: nodes.Node, place: _Place) -> _Place:
    loops = place.loops + isinstance(node, nodes.For)
    block = node.name if isinstance(node, nodes.Block) else place.block
    return _Place(place.depth + 1, loops, block)


def _judge(node: nodes.Node, place: _Place, blocks: bool) -> Iterator[Refusal]:
    refused = _REFUSED.get(type(node))
    if refused:
        yield Refusal(node.lineno, *refused)
    elif isinstance(node, nodes.Name | nodes.Getattr | nodes.Const):
        yield from _judge_word(node)
    elif isinstance(node, nodes.Filter | nodes.Test):
        yield from _judge_filter(node)
    elif isinstance(node, nodes.Call):
        yield from _judge_call(node)
    elif isinstance(node, nodes.For):
        yield from _judge_loop(node, place)
    elif isinstance(node, nodes.Block | nodes.Extends):
        yield from _judge_layout(node, place, blocks)
    elif isinstance(node, nodes.List | nodes.Dict | nodes.Tuple):
        yield from _judge_list(node)
    elif not isinstance(node, _PLAIN):
        yield Refusal(node.lineno, "", f"a script has no {type(node).__name__}")


def _judge_loop(node: nodes.For, place: _Place) -> Iterator[Refusal]:
    if node.recursive:
        yield Refusal(node.lineno, "recursive", "a loop is not recursive in a script")
    if place.loops >= MAX_LOOPS:
        yield Refusal(node.lineno, "for", f"at most {MAX_LOOPS} loops stand within each other")


def _judge_word(node: nodes.Name | nodes.Getattr | nodes.Const) -> Iterator[Refusal]:
    if isinstance(node, nodes.Name) and (node.name == "self" or node.name.startswith("_")):
        yield Refusal(node.lineno, node.name, f"{node.name!r} cannot be used in a script")
    elif isinstance(node, nodes.Name) and node.ctx == "store" and node.name in _RESERVED:
        yield Refusal(node.lineno, node.name, f"{node.name!r} has its own meaning in a script; choose another name")
    elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
        yield Refusal(node.lineno, node.attr, f"a script cannot reach for the attribute {node.attr!r}")
    elif isinstance(node, nodes.Const):
        value = node.value
        if isinstance(value, int | float) and not -MAX_NUMBER <= value <= MAX_NUMBER:
            yield Refusal(node.lineno, "", "the number is too large for a script")
        elif isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            yield Refusal(node.lineno, "", "the text has half a character in it (a lone surrogate)")


def _judge_list(node: nodes.List | nodes.Dict | nodes.Tuple) -> Iterator[Refusal]:
    """Lists are made of constants: lists of lists of named lists would compare for ever though the source is short."""
    if isinstance(node, nodes.Tuple) and node.ctx == "store":
        return
    parts = [
        part for item in node.items for part in ([item.key, item.value] if isinstance(item, nodes.Pair) else [item])
    ]
    if not all(isinstance(part, nodes.Const | nodes.List | nodes.Dict | nodes.Tuple) for part in parts):
        yield Refusal(node.lineno, "", "a list written in a script has constant entries, such as ['a', 'b']")


def _judge_filter(node: nodes.Filter | nodes.Test) -> Iterator[Refusal]:
    kind, known = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in known:
        yield Refusal(node.lineno, node.name, f"there is no {kind} {node.name!r}{did_you_mean(node.name, known)}")
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        yield Refusal(node.lineno, node.name, "arguments are written out in a script, without * and **")


def _judge_call(node: nodes.Call) -> Iterator[Refusal]:
    if _is_super(node) or _is_range(node):
        return
    if isinstance(node.node, nodes.Getattr):
        word = node.node.attr
        cure = f"; write it as a filter: | {word}" if word in FILTERS else "; use a filter, as in {{ name | trim }}"
    else:
        word = node.node.name if isinstance(node.node, nodes.Name) else ""
        cure = "; only range() and, inside a block, super() can be"
    yield Refusal(node.lineno, word, f"{word or 'this'!r} cannot be called in a script{cure}")


def _judge_layout(node: nodes.Block | nodes.Extends, place: _Place, blocks: bool) -> Iterator[Refusal]:
    word = "block" if isinstance(node, nodes.Block) else "extends"
    if not blocks:
        yield Refusal(node.lineno, word, "only call scripts have blocks and extend one another")
    elif isinstance(node, nodes.Extends):
        if not (isinstance(node.template, nodes.Const) and isinstance(node.template.value, str)):
            yield Refusal(node.lineno, word, 'a script extends one named script: {% extends "classic.j2" %}')
    elif node.name not in BLOCKS:
        yield Refusal(node.lineno, node.name, f"there is no block {node.name!r}{did_you_mean(node.name, BLOCKS)}")
    elif place.depth > 1:
        yield Refusal(node.lineno, node.name, f"block {node.name!r} stands inside something; blocks stand side by side")


def _outside(tree: nodes.Template) -> Iterator[Refusal]:
    extends = [node for node in tree.body if isinstance(node, nodes.Extends)]
    for second in extends[1:]:
        yield Refusal(second.lineno, "extends", "a script extends one script; this is the second")
    seen: set[str] = set()
    for node in tree.body:
        if isinstance(node, nodes.Block):
            if node.name in seen:
                yield Refusal(node.lineno, node.name, f"block {node.name!r} is written twice")
            seen.add(node.name)
        if isinstance(node, nodes.Block | nodes.Extends):
            continue
        for part in node.nodes if isinstance(node, nodes.Output) else [node]:
            if not (isinstance(part, nodes.TemplateData) and not part.data.strip()):
                text = part.data if isinstance(part, nodes.TemplateData) else ""
                line = part.lineno + text[: len(text) - len(text.lstrip())].count("\n")
                yield Refusal(line, "", f"this is in none of the blocks {', '.join(BLOCKS)}, so it is never said")


def _is_super(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and _called(node, "super", 0)


def _is_range(node: nodes.Call) -> bool:
    return _called(node, "range", 3) and bool(node.args)


def _called(node: nodes.Call, name: str, arguments: int) -> bool:
    plain = not node.kwargs and node.dyn_args is None and node.dyn_kwargs is None and len(node.args) <= arguments
    return plain and isinstance(node.node, nodes.Name) and node.node.name == name
