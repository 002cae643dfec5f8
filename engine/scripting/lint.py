"""Everything that is wrong with a script, a message or a question bank, each thing at its place.

The limits are the field's practice: who does not know within twelve seconds who is calling and why hangs up,
a minute is what people grant a call that they did not ask for, and each segment of a message costs.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from jinja2 import meta, nodes

from engine.errors import Problem, ProblemsFound, ScriptError, did_you_mean
from engine.scripting.allowed import refusals
from engine.scripting.difference import spelled
from engine.scripting.library import Library
from engine.scripting.outline import Outline
from engine.scripting.questions import place, problems
from engine.scripting.rendering import Renderer
from engine.scripting.sandbox import parsed
from engine.scripting.segments import segments
from engine.scripting.spoken import language_of, seconds
from engine.scripting.values import BLOCKS, MESSAGE_ONLY, STANDARD, sample_values

LONGEST_OPENING = 12.0
LONGEST_CALL = 60.0
LONGEST_ANSWER = 20.0
MOST_SEGMENTS = 3
"""Spoken seconds of an opening, of a whole script and of an answer; billed segments of a message."""

_SPOKEN = frozenset(STANDARD) - MESSAGE_ONLY
_NOT_VALUES = frozenset({"super", "range", "loop"})

Chain = Sequence[tuple[str, Outline]]


def lint(library: Library, name: str, known: Collection[str] = (), brands: Collection[str] = ()) -> tuple[Problem, ...]:
    """Every problem of a script and of what it inherits, in the order of their places.

    `known` are the contact's columns beside the standard values; `brands` are names that, written out, say
    who is calling as well as the `brand` value does. Raises NotFound when there is no such script, and
    UnreadableFile.
    """
    own = Outline(library.source(library.path(name)))
    chain: Chain = ((name, own),)
    found: list[Problem] = []
    try:
        chain = library.chain(name)
    except ScriptError as error:
        found.append(_broken_chain(library, error))
    for link, outline in chain:
        found += _language(library.path(link), outline, blocks=True)
    if not found:
        for link, outline in chain:
            found += _unknown(library.path(link), outline, {*_SPOKEN, *known})
        found += _variant(library, chain)
        found += _blocks(library, chain, brands)
        found += _length(library, chain, known)
    return tuple(sorted(set(found)))


def lint_sms(
    library: Library, name: str, known: Collection[str] = (), brands: Collection[str] = ()
) -> tuple[Problem, ...]:
    """Every problem of a message; the arguments and errors are those of `lint`."""
    path = library.sms_path(name)
    outline = Outline(library.source(path))
    found = list(_language(path, outline, blocks=False))
    if found:
        return tuple(sorted(set(found)))
    found += _unknown(path, outline, {*STANDARD, *known})
    written = _written(outline.source)
    if not ("brand" in written or any(brand in outline.source for brand in brands)):
        found.append(Problem(str(path), 1, 1, "the message does not say who it is from; write {{ brand }} in it"))
    if "link" not in written:
        found.append(Problem(str(path), 1, 1, "the message has no {{ link }}, so there is nothing to open"))
    try:
        values = sample_values(language_of(outline.source), {*known, *written})
        parts = segments(Renderer(library).message(name, values))
    except ScriptError as error:
        found.append(_cannot(path, outline, error))
    else:
        if parts > MOST_SEGMENTS:
            message = f"the message is billed as {parts} segments; {MOST_SEGMENTS} are the most, so make it shorter"
            found.append(Problem(str(path), 1, 1, message))
    return tuple(sorted(set(found)))


def lint_qa(library: Library, name: str, known: Collection[str] = ()) -> tuple[Problem, ...]:
    """Every problem of a question bank; raises NotFound and UnreadableFile."""
    path = library.qa_path(name)
    source = library.source(path)
    try:
        data = library.qa_data(name)
    except ProblemsFound as error:
        return error.problems
    found = list(problems(path, data, source))
    for item in data if isinstance(data, list) else ():
        answer = item.get("answer") if isinstance(item, dict) else None
        if isinstance(answer, str):
            where = place(source, answer)
            found += [Problem(str(path), *where, message) for message in _answer(library, path, answer, known)]
    return tuple(sorted(set(found)))


def _broken_chain(library: Library, error: ScriptError) -> Problem:
    path = library.path(error.name)
    outline = Outline(library.source(path))
    extends = outline.extends()
    return Problem(str(path), *outline.place(extends[1] if extends else 0), error.reason)


def _language(path: Path, outline: Outline, blocks: bool) -> Iterator[Problem]:
    """What is not a template at all, or not in the language of scripts."""
    try:
        tree = parsed(path.name, outline.source)
    except ScriptError as error:
        yield from _misread(path, outline, error)
        return
    for refusal in refusals(tree, blocks):
        for where in outline.find(refusal.line, refusal.word):
            yield Problem(str(path), *where, refusal.reason)


def _misread(path: Path, outline: Outline, error: ScriptError) -> Iterator[Problem]:
    """A mistake of syntax; a tag without its end is shown where it begins, not where the file ends without it."""
    unnested = "end of template" in error.reason or "nesting mistake" in error.reason
    unclosed = outline.unclosed() if unnested else ()
    for word in unclosed:
        message = f"{{% {word.text} %}} is never closed; write {{% end{word.text} %}}"
        yield Problem(str(path), *outline.place(word.start), message)
    if not unclosed:
        yield Problem(str(path), *outline.line_start(error.line), error.reason)


def _unknown(path: Path, outline: Outline, known: Collection[str]) -> Iterator[Problem]:
    """Values that neither the standard nor the contacts have."""
    tree = parsed(path.name, outline.source)
    unknown = _free(tree) - set(known)
    for node in tree.find_all(nodes.Name):
        if node.name in unknown and node.ctx == "load":
            if node.name in MESSAGE_ONLY:
                message = f"{node.name!r} is for messages: nobody can click on speech; say {{{{ path }}}}"
            else:
                message = f"there is no value {node.name!r}{did_you_mean(node.name, known)}"
            for where in outline.find(node.lineno, node.name):
                yield Problem(str(path), *where, message)


def _variant(library: Library, chain: Chain) -> Iterator[Problem]:
    """A variant changes one block: what changes two cannot tell which of them made the difference."""
    if len(chain) == 1:
        return
    (name, outline), (parent, _) = chain[:2]
    path, spans, extends = str(library.path(name)), outline.spans(), outline.extends()
    if not spans:
        where = outline.place(extends[1] if extends else 0)
        yield Problem(path, *where, f"it changes no block of {parent!r}; a variant should test one block")
    for span in spans:
        if spelled(library, name, span.name) == spelled(library, parent, span.name):
            message = f"block {span.name!r} says the same as in {parent!r}; take it out, or change its words"
            yield Problem(path, *outline.place(span.named_at), message)
    if len(spans) > 1:
        names = " and ".join(span.name for span in spans)
        message = f"it changes {len(spans)} blocks, {names}; a variant should test one block"
        yield Problem(path, *outline.place(spans[1].named_at), message)


def _blocks(library: Library, chain: Chain, brands: Collection[str]) -> Iterator[Problem]:
    """Blocks that are missing or empty, and an opening that does not say who is calling."""
    name = chain[0][0]
    for block in BLOCKS:
        text = spelled(library, name, block)
        if text is None:
            base = str(library.path(chain[-1][0]))
            yield Problem(base, 1, 1, f"block {block!r} is missing; write {{% block {block} %}}…{{% endblock %}}")
        elif not text:
            yield Problem(*_block_place(library, chain, block), f"block {block!r} has no words")
        elif block == "opening" and not ("brand" in _written(text) or any(brand in text for brand in brands)):
            message = "the opening does not say who is calling; name {{ brand }} in it"
            yield Problem(*_block_place(library, chain, block), message)


def _length(library: Library, chain: Chain, known: Collection[str]) -> Iterator[Problem]:
    """What takes too long to say with sample values in it, or cannot be said with them."""
    name = chain[0][0]
    script = library.script(name)
    used = {word for _, outline in chain for word in _written(outline.source)}
    try:
        words = Renderer(library).words(name, sample_values(script.language, {*known, *used}))
    except ScriptError as error:
        path = library.path(error.name)
        yield _cannot(path, Outline(library.source(path)), error)
        return
    opening = round(seconds(dict(words.blocks).get("opening", ""), script.language), 1)
    if opening > LONGEST_OPENING:
        message = f"the opening takes {opening} s to say; {LONGEST_OPENING:g} s are the most, so make it shorter"
        yield Problem(*_block_place(library, chain, "opening"), message)
    whole = round(seconds(words.text, script.language), 1)
    if whole > LONGEST_CALL:
        message = f"the script takes {whole} s to say; {LONGEST_CALL:g} s are the most, so make it shorter"
        yield Problem(str(library.path(name)), 1, 1, message)


def _answer(library: Library, path: Path, answer: str, known: Collection[str]) -> Iterator[str]:
    outline = Outline(answer)
    found = [*_language(path, outline, blocks=False)]
    found += [] if found else _unknown(path, outline, {*_SPOKEN, *known})
    yield from (problem.message for problem in found)
    if found:
        return
    language = language_of(answer)
    try:
        words = Renderer(library).template(answer, sample_values(language, known))
    except ScriptError as error:
        yield error.reason
        return
    length = round(seconds(words, language), 1)
    if length > LONGEST_ANSWER:
        yield f"the answer takes {length} s to say; {LONGEST_ANSWER:g} s are the most, so make it shorter"


def _block_place(library: Library, chain: Chain, block: str) -> tuple[str, int, int]:
    """The file, line and column of the name of a block, where the nearest script of the chain writes it."""
    for name, outline in chain:
        for span in outline.spans():
            if span.name == block:
                return (str(library.path(name)), *outline.place(span.named_at))
    return str(library.path(chain[0][0])), 1, 1


def _cannot(path: Path, outline: Outline, error: ScriptError) -> Problem:
    return Problem(str(path), *outline.line_start(error.line), f"with sample values: {error.reason}")


def _written(source: str) -> frozenset[str]:
    """The values that a template asks for."""
    return _free(parsed("template", source))


def _free(tree: nodes.Template) -> frozenset[str]:
    return frozenset(meta.find_undeclared_variables(tree)) - _NOT_VALUES
