"""Templates that can do nothing but make words.

Three walls, none of which needs a clock, a thread or a signal: what is not in the allowlist is refused before
it is compiled (`allowed`); every operator, filter and loop is bounded in what it makes (`filters`); and what
loops and pieces of text add up to is counted, per rendering, against `MAX_STEPS` and `MAX_WORDS`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from jinja2 import Template, UndefinedError, nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.nodes import EvalContext
from jinja2.runtime import BlockReference, Context, LoopContext, StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing, pass_context
from jinja2.visitor import NodeTransformer

from engine.errors import ScriptError, did_you_mean
from engine.scripting.allowed import MAX_SOURCE, refusals, size
from engine.scripting.filters import FILTERS, TESTS, Stopped, bounded_range, combined, joined, plain, said
from engine.scripting.outline import SYNTAX
from engine.scripting.spoken import one_line
from engine.scripting.values import STANDARD, Language

MAX_STEPS = 20_000
MAX_WORDS = 20_000
"""Nodes that the loops of one rendering may run through, and letters that a block may have."""

_LOOP_FACTS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
_OPERATORS = frozenset({"+", "-", "*", "/", "//", "%", "**"})

Pieces = Callable[[Context], Iterator[str]]
"""The compiled form of a block or of a whole template: pieces of text, in order."""


class _UnknownValue(UndefinedError):
    def __init__(self, name: str | None, message: str | None) -> None:
        super().__init__(message)
        self.missing = name


class _Absent(StrictUndefined):
    """A value that was not given. Nothing can be done with it, but a standard value may be asked for with `if`."""

    __slots__ = ()

    def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = None) -> None:
        super().__init__(hint, obj, name)
        # The name of a value that is not there can be compared with the names of those that are.
        name = name if obj is missing and hint is None else None
        self._undefined_exception = lambda message: _UnknownValue(name, message)  # type: ignore[assignment]

    def __bool__(self) -> bool:  # type: ignore[override]
        if self._undefined_name in STANDARD and self._undefined_obj is missing:
            return False
        return super().__bool__()


class Reckoning(Context):
    """The values of one rendering, and the steps that its loops have left."""

    def __init__(
        self,
        environment: "Sandbox",
        values: Mapping[str, object],
        name: str | None,
        blocks: dict[str, list["Pieces"]],
    ) -> None:
        # Jinja's own constructor copies the blocks and makes a new evaluation context, which in this sandbox
        # is always the same; a rendering would spend a quarter of its time on that.
        self.environment = environment
        self.parent = values  # type: ignore[assignment]  # it is only ever read
        self.name = name
        self.blocks = blocks
        self.vars = {}
        self.exported_vars = set()
        self.globals_keys = set()
        self.eval_ctx = environment.eval_context
        self.steps = MAX_STEPS

    def resolve_or_missing(self, key: str) -> Any:
        """The value of a name, when it is plain data of bounded size; Stopped otherwise."""
        value = self.parent.get(key, missing)
        return value if value is missing else plain(value)


class Sandbox(ImmutableSandboxedEnvironment):
    """Where scripts are compiled and run."""

    intercepted_binops = _OPERATORS
    context_class = Reckoning

    def __init__(self) -> None:
        super().__init__(autoescape=False, undefined=_Absent, finalize=said, keep_trailing_newline=True, cache_size=0)
        self.eval_context = EvalContext(self)
        self.globals.clear()
        self.filters = {name: _kept(make) for name, make in FILTERS.items()}
        own: dict[str, Callable[..., object]] = {
            "_joined": _kept(joined),
            "_range": bounded_range,
            "_loop": _looped,
        }
        self.filters |= own
        self.tests = dict(TESTS)
        # Jinja joins the pieces of a parent's block through this name.
        self.concat = gathered  # type: ignore[method-assign]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute` of a mapping, or a fact about a loop; attributes of Python are out of reach."""
        if isinstance(obj, LoopContext) and attribute in _LOOP_FACTS:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]` of a mapping, list or text."""
        if isinstance(obj, Undefined):
            return str(obj)  # raises, and names the value
        reachable = isinstance(obj, Mapping) or (
            isinstance(obj, str | list | tuple | range) and not isinstance(argument, str)
        )
        if not reachable:
            raise Stopped(f"a script cannot look inside of a {type(obj).__name__}")
        try:
            return plain(obj[argument])
        except LookupError:
            words = [key for key in obj if isinstance(key, str)] if isinstance(obj, Mapping) else []
            named = f"{argument!r}{did_you_mean(argument, words)}" if isinstance(argument, str) else "at this place"
            return self.undefined(f"there is no entry {named}")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """No attribute is safe."""
        return False

    def call(self, context: Context, obj: Any, *arguments: Any, **named: Any) -> Any:
        """The words of the parent's block, for `super()`; nothing else is called."""
        if isinstance(obj, Undefined):
            return str(obj)  # raises: no parent has this block
        if not isinstance(obj, BlockReference):
            raise Stopped("only super() is called in a script")
        return obj()

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """`left operator right`, bounded."""
        return combined(operator, left, right)

    def build(self, name: str, path: str, source: str, *, blocks: bool, language: Language | None) -> Template:
        """Compile a source. `language`, when given, says what the line breaks of the file mean between its words.

        Raises ScriptError at the first thing in it that scripts do not have.
        """
        tree = parsed(name, source)
        for refusal in refusals(tree, blocks):
            raise ScriptError(name, refusal.reason, refusal.line)
        tree = _Bounding(language).visit(tree)
        tree.set_environment(self)
        try:
            return Template.from_code(self, self.compile(tree, name, path), {})
        except TemplateSyntaxError as error:
            raise ScriptError(name, error.message or "not a template", error.lineno) from error
        except (Stopped, TemplateError) as error:  # in what the compiler works out beforehand
            raise ScriptError(name, _reason(error, ())) from error
        except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError) as error:
            raise ScriptError(name, "the template cannot be compiled; write it more simply") from error


def parsed(name: str, source: str) -> nodes.Template:
    """The tree of a source; raises ScriptError at a mistake of syntax, or when it is far too long."""
    if len(source) > MAX_SOURCE:
        raise ScriptError(name, f"{len(source)} letters are too long; a template has at most {MAX_SOURCE}")
    try:
        return SYNTAX.parse(source)
    except TemplateSyntaxError as error:
        raise ScriptError(name, f"{error.message}", error.lineno) from error
    except RecursionError as error:
        raise ScriptError(name, "the template is too deeply nested for a script") from error
    except (ValueError, OverflowError, MemoryError) as error:
        raise ScriptError(name, "a number in the template is not one that a script can use") from error


def gathered(pieces: Iterable[str]) -> str:
    """All pieces as one text; Stopped as soon as they are longer than a block may be."""
    kept: list[str] = []
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_WORDS:
            raise Stopped(f"the words are longer than {MAX_WORDS} letters")
        kept.append(piece)
    return "".join(kept)


def stopped(name: str, error: Exception, values: Iterable[str]) -> NoReturn:
    """Raise the ScriptError for what went wrong in a rendering, at its line.

    What Python says of a bad value repeats the value, which may be personal: only its kind is told, and the
    cause is left behind.
    """
    line = 0
    trace = error.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            name, line = template.name or name, template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    raise ScriptError(name, _reason(error, values), line) from None


def _reason(error: Exception, values: Iterable[str]) -> str:
    match error:
        case _UnknownValue(missing=str(word)):
            return f"there is no value {word!r}{did_you_mean(word, values)}"
        case Stopped() | TemplateError():
            return str(error)
        case ArithmeticError():
            return "arithmetic that has no result, such as a division by zero"
        case TypeError() | ValueError() | AttributeError() | LookupError():
            return "a value is of the wrong kind for what is done with it"
        case _:
            return f"the words cannot be made ({type(error).__name__})"


def _kept(make: Callable[..., object]) -> Callable[..., object]:
    def filtered(*arguments: object, **named: object) -> object:
        return plain(make(*arguments, **named))

    return filtered


@pass_context
def _looped(context: Reckoning, items: object, weight: int) -> object:
    """What a loop runs over, after its steps have been taken from those that are left."""
    if isinstance(items, Undefined):
        return str(items)  # raises, and names the value
    if not isinstance(items, list | tuple | range | Mapping):
        raise Stopped(f"a {type(items).__name__} cannot be looped over; a list or a mapping can")
    plain(items)
    context.steps -= len(items) * weight
    if context.steps < 0:
        raise Stopped(f"the loops take more than {MAX_STEPS} steps")
    return [plain(item) for item in items]


class _Bounding(NodeTransformer):
    """Puts the bounded forms of loops, `~` and range() in the place of Jinja's own, and takes out line breaks."""

    def __init__(self, language: Language | None) -> None:
        self._language = language

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the name is Jinja's
        weight = nodes.Const(size(node), lineno=node.lineno)
        node.iter = _filter("_loop", node.iter, [weight])
        return self.generic_visit(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        return self.generic_visit(_filter("_joined", node.nodes[0], node.nodes[1:]))

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        if isinstance(node.node, nodes.Name) and node.node.name == "range":
            return self.generic_visit(_filter("_range", node.args[0], node.args[1:]))
        return self.generic_visit(node)

    def visit_TemplateData(self, node: nodes.TemplateData) -> nodes.Node:  # noqa: N802
        if self._language:
            node.data = one_line(node.data, self._language)
        return node


def _filter(name: str, value: nodes.Node, arguments: list[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(value, name, arguments, [], None, None, lineno=value.lineno)
