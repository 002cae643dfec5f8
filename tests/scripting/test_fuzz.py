"""Whatever anybody writes, rendering it ends."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.errors import ScriptError
from engine.scripting.library import Library
from engine.scripting.rendering import Renderer
from tests.scripting.test_sandbox import VALUES

RENDERER = Renderer(Library.open())


def said_or_stopped(source: str) -> bool:
    """Whether a template makes bounded words, or ends in a ScriptError with a reason."""
    try:
        return len(RENDERER.template(source, VALUES)) <= 20_000
    except ScriptError as error:
        return bool(error.reason)


PIECES = st.sampled_from(
    [
        "{{", "}}", "{%", "%}", "{#", "#}", " ", "\n", "name", "items", "deep", "n", "long", "loop", "super()", "self",
        "range(9)", "range(", ")", "(", "[", "]", "|", ".", ",", "~", "+", "-", "*", "**", "/", "//", "%", "==", "<",
        "for i in", "endfor", "if", "else", "elif", "endif", "set x =", "block opening", "endblock", "extends 'a'",
        "with", "endwith", "is odd", "in", "not", "and", "'a'", '"', "999999999", "0", "1.5", "upper", "join", "length",
        "replace('a','b')", "round(2)", "int", "tojson", "default(1)", "__class__", "macro f()", "endmacro", "raw",
        "endraw", "{{ name }}", "{% for i in items %}", "{% endfor %}", "{% if n %}", "{% endif %}", "\u2028", "\x00",
        "您好",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=40).map(" ".join) | st.text(max_size=200))
@example("{% for i in range(999) %}{% for i in range(999) %}{{ long }}{% endfor %}{% endfor %}")
def test_any_text_at_all_makes_words_or_one_kind_of_error(source: str) -> None:
    """Rendering whatever anybody writes ends, and ends in words or in ScriptError."""
    assert said_or_stopped(source)


FILTERS = [
    "upper", "join", "length", "int", "float", "round(3)", "first", "tojson", "title", "abs", "urlencode", "string",
    "replace('a','aa')", "default('x')", "truncate(5)", "day", "trim", "d(items)", "last",
]  # fmt: skip

EXPRESSIONS = st.recursive(
    st.sampled_from(["name", "items", "deep", "n", "f", "long", "nothing", "nmae", "1", "0", "2.5", "'a'", "range(5)"]),
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "~", "==", "<", "in", "and", "or"]), inner
        ).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, st.sampled_from(FILTERS)).map(lambda parts: f"({parts[0]} | {parts[1]})"),
        st.tuples(inner, inner).map(lambda parts: f"{parts[0]}[{parts[1]}]"),
        st.tuples(inner, st.sampled_from(["odd", "defined", "string", "divisibleby 3"])).map(
            lambda parts: f"({parts[0]} is {parts[1]})"
        ),
        inner.map(lambda word: f"({word} if {word} else n)"),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS)
@example("name", "('a'[1] if 'a'[1] else n)")
@example("('a'[1] or n)", "items")
def test_any_expression_makes_words_or_one_kind_of_error(shown: str, looped: str) -> None:
    """Every combination of values, operators and filters ends in bounded words or in ScriptError."""
    for source in (f"{{{{ {shown} }}}}", f"{{% for i in {looped} %}}{{{{ {shown} }}}}{{{{ i }}}}{{% endfor %}}"):
        assert said_or_stopped(source)
