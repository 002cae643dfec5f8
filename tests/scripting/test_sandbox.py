"""What a template can never do."""

import pytest

from engine.errors import ScriptError
from engine.scripting.library import Library
from engine.scripting.rendering import Renderer
from tests.scripting.makers import make_library

RENDERER = Renderer(Library.open())

VALUES = {
    "name": "林女士",
    "brand": "青禾",
    "items": ["a", "b"],
    "deep": {"x": {"y": 1}},
    "n": 3,
    "f": 2.5,
    "flag": True,
    "nothing": None,
    "long": "x" * 9_000,
}

ENDLESS = [
    "{{ 'x' * 10**9 }}",
    "{{ 'x' * 1000000000 }}",
    "{{ 1000000000 * 'x' }}",
    "{{ [1, 2] * 1000000000 }}",
    "{{ 10**1000000 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{{ range(0, 1000000000) | length }}",
    "{% for i in range(1000) %}{% for j in range(1000) %}x{% endfor %}{% endfor %}",
    "{% for i in range(900) %}{% for j in range(900) %}{% for k in range(900) %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for i in range(1000) %}{{ long }}{% endfor %}",
    "{{ long }}" * 500,
    '{{ "%999999999d" % 1 }}',
    '{{ "%999999999d" | format(1) }}',
    '{{ "{:>999999999}".format(1) }}',
    '{{ "%999999999d" is odd }}',
    '{{ "%999999999d" is even }}',
    '{{ "%999999999d" is divisibleby(3) }}',
    "{{ name | center(1000000000) }}",
    "{{ name | indent(1000000000) }}",
    "{{ name | wordwrap(1) }}",
    "{{ name | truncate(1000000000, end=long * 9) }}",
    "{{ items | batch(1000000000, 'x') | list }}",
    "{{ items | slice(1000000000) | list }}",
    "{{ lipsum(n=1000000) }}",
    "{{ long | replace('x', 'xxxxxxxxxx') }}",
    "{{ name | replace('', long) }}",
    "{{ range(1000) | join(long) }}",
    "{{ long ~ long }}",
    "{{ long + long }}",
    "{{ f | round(1000000000) }}",
    "{{ n | round(-1000000000) }}",
    "{% set a = 'ab' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "{% set a = 1000 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
    "{% set a = 'a' %}" + "{% set a = a | replace('a', 'aa') %}" * 60 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a == a }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% for i in items recursive %}{{ loop(items) }}{% endfor %}",
    "{% block opening %}{{ self.opening() }}{% endblock %}",
    "{{ self.x() }}",
]

REACHING = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ name.__class__ }}",
    "{{ name['__class__'] }}",
    "{{ name['__cla' ~ 'ss__'] }}",
    "{{ name.upper }}",
    "{{ name.upper() }}",
    "{{ items.append(1) }}",
    "{{ items.clear }}",
    "{{ deep.keys() }}",
    "{{ deep.pop('x') }}",
    "{{ name | attr('__class__') }}",
    "{{ items | map(attribute='__class__') | list }}",
    "{{ items | sort(attribute='__class__') }}",
    "{{ items | groupby('__class__') }}",
    "{{ self._TemplateReference__context }}",
    "{{ self }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__ }}",
    "{{ dict(a=1) }}",
    "{{ range.__class__ }}",
    "{{ super.__class__ }}",
    "{{ super() }}",
    "{{ loop }}",
    "{% for i in items %}{{ loop.__class__ }}{% endfor %}",
    "{% for i in items %}{{ loop['_iterator'] }}{% endfor %}",
    "{% for i in items %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for i in items %}{{ loop.nextitem }}{% endfor %}",
    "{% include 'classic.j2' %}",
    "{% include '/etc/passwd' %}",
    "{% import 'classic.j2' as it %}",
    "{% from 'classic.j2' import it %}",
    "{% extends 'classic.j2' %}",
    "{% set x %}a{% endset %}",
    "{% filter upper %}a{% endfilter %}",
    "{% call f() %}a{% endcall %}",
    "{% autoescape true %}{{ name }}{% endautoescape %}",
    "{% set ns.a = 1 %}",
    "{% set loop = 1 %}",
    "{% for super in items %}{% endfor %}",
    "{{ name | replace(*items) }}",
    "{{ name | replace(**deep) }}",
    "{{ name | _loop(1) }}",
    "{{ name is sameas name }}",
    "{{ '\\ud800' }}",
]

MISTAKEN = [
    "{{ nmae }}",
    "{{ deep.z }}",
    "{{ items[9] }}",
    "{{ n / 0 }}",
    "{{ n // 0 }}",
    "{{ n % 0 }}",
    "{{ n is divisibleby 0 }}",
    "{{ n + name }}",
    "{{ -name }}",
    "{{ name < 3 }}",
    "{{ name in n }}",
    "{{ name | int }}",
    "{{ name | float }}",
    "{{ 'inf' | float }}",
    "{{ 'nan' | int }}",
    "{{ nothing }}",
    "{{ flag }}",
    "{{ items }}",
    "{{ deep }}",
    "{{ n | length }}",
    "{{ n | join }}",
    "{{ n | first }}",
    "{{ '' | first }}",
    "{{ name | day }}",
    "{{ name | urlencode(1) }}",
    "{{ name | upper | nosuch }}",
    "{{ name is nosuch }}",
    "{% for a, b in items %}{{ a }}{% endfor %}",
    "{% for c in name %}{{ c }}{% endfor %}",
    "{% for c in nmae %}{{ c }}{% endfor %}",
    "{{ range('a') }}",
    "{{ range(1, 2, 0) }}",
    "{{ range() }}",
    "{{ 999999999999999999999999999 }}",
    "{{ " + "9" * 5_000 + " }}",
    "{{ 0x" + "f" * 5_000 + " }}",
    "{{ 1e999 }}",
    "{{ name | day(a=1, a=2) }}",
    "{{ (1, 2) }}",
    "{{ [name] }}",
    "{{",
    "{% if",
    "{% if n %}",
    "{# never closed",
    "{% raw %}never closed",
    '{{ "',
    "{% for %}",
    "{% nosuch %}",
    "{{ }}",
    "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
    "{{ 1" + " + 1" * 1_000 + " }}",
    "{{ " + "-" * 5_000 + "1 }}",
    "{{ 1" + " if 1 else 1" * 500 + " }}",
    "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "{% for i in items %}" * 25 + "{% endfor %}" * 25,
    "{{ n }}" * 2_000,
    "x" * 20_000,
]


@pytest.mark.parametrize("source", ENDLESS + REACHING + MISTAKEN, ids=lambda source: source[:60])
def test_what_is_not_words_is_stopped(source: str) -> None:
    """Whatever would run or grow without end, reach into Python, or has no meaning ends in one kind of error."""
    with pytest.raises(ScriptError) as stopped:
        RENDERER.template(source, VALUES)

    assert stopped.value.reason


def test_the_same_attacks_are_stopped_inside_a_call_script(tmp_path) -> None:
    """A block of a call script is no way around the sandbox."""
    sources = [source for source in ENDLESS + REACHING if "block" not in source and "extends" not in source]
    library = make_library(
        tmp_path,
        **{f"s{i}": "{% block opening %}" + source + "{% endblock %}" for i, source in enumerate(sources)},
    )
    renderer = Renderer(library)

    for name in library.names():
        with pytest.raises(ScriptError):
            renderer.words(name, VALUES)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ name }}", "林女士"),
        ("{{ name | upper }}{{ name[0:1] }}{{ name[0] }}", "林女士林林"),
        ("{{ deep.x.y }}{{ deep['x']['y'] }}", "11"),
        ("{{ n + 1 }}|{{ n * 2.5 }}|{{ n // 2 }}|{{ n % 2 }}|{{ -n }}|{{ 6 / n }}", "4|7.5|1|1|-3|2"),
        ("{{ 'a' + 'b' }}{{ name ~ n ~ f }}", "ab林女士32.5"),
        ("{% for i in items %}{{ loop.index }}{{ i }}{% if not loop.last %}、{% endif %}{% endfor %}", "1a、2b"),
        ("{% for i in range(3) %}{{ i }}{% else %}none{% endfor %}", "012"),
        ("{% for k in deep %}{{ k }}{% endfor %}", "x"),
        ("{% for i in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% set x = 3 %}{% for i in items %}{{ x }}{% endfor %}", "33"),
        ("{% with a = name %}{{ a }}{% endwith %}", "林女士"),
        ("{{ 'yes' if flag else 'no' }}{{ 'a' if not flag }}", "yes"),
        ("{% if n is odd and n > 2 and 'a' in items %}odd{% endif %}", "odd"),
        ("{{ items | join('，') }}{{ items | length }}{{ items | first }}{{ items | last }}", "a，b2ab"),
        ("{{ nothing | default('x') }}{{ nmae | d('y') }}{{ '' | default('z', true) }}", "xyz"),
        ("{{ '12' | int + 1 }}{{ 'x' | int(0) }}{{ '2.50' | float }}{{ '7.9' | int }}", "1302.57"),
        ("{{ f | round(1) }}{{ 2.0 }}{{ 2.4 | round }}{{ -3 | abs }}", "2.5223"),
        ("{{ 'abcdef' | truncate(4) }}{{ ' a ' | trim }}{{ 'a b' | title }}", "abc…aA B"),
        ("{{ 'a b/c' | urlencode }}{{ deep | tojson }}", 'a%20b%2Fc{"x": {"y": 1}}'),
        ("{% raw %}{{ name }}{% endraw %}{# unsaid #}", "{{ name }}"),
        ("{{ 'abab' | replace('a', 'c') }}{{ 'a' | string }}{{ 'aB' | lower }}{{ 'ab' | capitalize }}", "cbcbaabAb"),
        ("{% if product %}a{% else %}b{% endif %}", "b"),
        ("  as\n  written\n", "  as\n  written\n"),
    ],
)
def test_a_script_may_choose_count_and_shape_its_words(source: str, words: str) -> None:
    """Values, conditions, short loops and plain filters are the language of scripts."""
    assert RENDERER.template(source, VALUES) == words


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, b"bytes", lambda: "x", "x" * 20_000, 10**30, float("nan"), list(range(5_000)), iter("ab"), 1j],
    ids=lambda value: type(value).__name__,
)
def test_only_plain_data_of_bounded_size_enters(value: object) -> None:
    """A value that is not a text, number, date, list or mapping of bounded size is refused, however it comes in."""
    for source, values in [
        ("{{ x }}", {"x": value}),
        ("{{ d.x }}", {"d": {"x": value}}),
        ("{{ d['x'] }}", {"d": {"x": value}}),
        ("{% for x in d %}{{ x }}{% endfor %}", {"d": [value]}),
        ("{{ d | first }}", {"d": [value]}),
        ("{{ d | join }}", {"d": [value]}),
    ]:
        with pytest.raises(ScriptError):
            RENDERER.template(source, values)


@pytest.mark.parametrize(
    "source", ["{{ x | int }}", "{{ x + 1 }}", "{{ x.y }}", "{{ -x }}", "{{ x < 3 }}", "{{ x | day }}"]
)
def test_errors_never_repeat_a_value(source: str) -> None:
    """Names and numbers of people stay out of errors, and out of the errors behind them."""
    with pytest.raises(ScriptError) as stopped:
        RENDERER.template(source, {"x": "tel13800000000"})

    assert "13800000000" not in str(stopped.value)
    assert stopped.value.__cause__ is None
    assert stopped.value.__suppress_context__


def test_an_error_names_the_line_and_the_nearest_right_word() -> None:
    """A misspelled value is reported where it stands, with the word that was probably meant."""
    with pytest.raises(ScriptError, match="there is no value 'nmae'; did you mean 'name'") as stopped:
        RENDERER.template("您好\n\n{{ nmae }}", VALUES)

    assert stopped.value.line == 3
