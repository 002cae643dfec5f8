"""Every mistake in a script is found at its place, and none is invented."""

import pytest

from engine.errors import NotFound, ProblemsFound
from engine.scripting.library import Library
from engine.scripting.lint import lint, lint_qa, lint_sms
from tests.scripting.makers import BASE, make_library

OWN = '{% extends "base.j2" %}\n'


def places(problems, folder) -> list[str]:
    """Problems as `file:line:column: message`, without the folder."""
    return [str(problem).replace(f"{folder}/", "") for problem in problems]


def test_a_good_script_has_no_problem(tmp_path) -> None:
    """A base, a variant of one block and a column of the contacts are all fine."""
    library = make_library(tmp_path, base=BASE, gift=OWN + "{% block benefit %}{{ city }}有礼。{% endblock %}")

    assert lint(library, "base") == ()
    assert lint(library, "gift", known={"city"}) == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (BASE.replace("礼遇", "{{ incentiv }}"), "2:27: there is no value 'incentiv'; did you mean 'incentive'?"),
        (BASE.replace("礼遇", "{{ ctiy }}"), "2:27: there is no value 'ctiy'; did you mean 'city'?"),
        (BASE.replace("礼遇", "{{ link }}"), "2:27: 'link' is for messages"),
        (BASE.replace("礼遇", "{{ name | uper }}"), "2:34: there is no filter 'uper'; did you mean 'upper'?"),
        (BASE.replace("礼遇", "{{ name is od }}"), "2:35: there is no test 'od'; did you mean 'odd'?"),
        (
            BASE.replace("礼遇", "{{ name.upper() }}"),
            "2:32: 'upper' cannot be called in a script; write it as a filter",
        ),
        (BASE.replace("礼遇", "{{ name"), "2:1: "),
        (BASE.replace("{% endblock %}", "", 1), "1:4: {% block %} is never closed; write {% endblock %}"),
        (BASE.replace("礼遇", "{% if name %}礼遇"), "2:27: {% if %} is never closed; write {% endif %}"),
        (
            BASE.replace("block benefit", "block benefits"),
            "2:10: there is no block 'benefits'; did you mean 'benefit'?",
        ),
        (BASE.replace("block closing", "block opening"), "4:10: block 'opening' is written twice"),
        (BASE.replace("{% block closing %}再见。{% endblock %}\n", ""), "1:1: block 'closing' is missing"),
        (BASE.replace("再见。", " "), "4:10: block 'closing' has no words"),
        (BASE.replace("{{ brand }}", "我们"), "1:10: the opening does not say who is calling"),
        (BASE.replace("您好", "您好" * 30), "1:10: the opening takes "),
        (BASE.replace("礼遇", "礼遇" * 200), "1:1: the script takes "),
        (BASE + "  忘了这句", "5:3: this is in none of the blocks"),
        (BASE.replace("礼遇", "{{ name * 2 }}"), "2:1: with sample values: * is for numbers"),
        (BASE.replace("礼遇", "{% include 'x' %}"), "2:27: a script does not include files"),
        (BASE.replace("礼遇", "{{ name.__class__ }}"), "2:32: a script cannot reach for the attribute '__class__'"),
        ("", "1:1: block 'opening' is missing"),
    ],
)
def test_each_mistake_is_found_at_its_place(tmp_path, source: str, expected: str) -> None:
    """A mistake is reported as file, line, column and message with the nearest right word."""
    found = places(lint(make_library(tmp_path, base=source), "base", known={"city"}), tmp_path)

    assert any(problem.startswith(f"base.j2:{expected}") for problem in found), found


def test_one_mistake_is_one_problem(tmp_path) -> None:
    """A misspelled value does not also make the script unspeakable."""
    library = make_library(tmp_path, base=BASE.replace("礼遇", "{{ incentiv }}"))

    assert len(lint(library, "base")) == 1


def test_every_mistake_is_reported_at_once(tmp_path) -> None:
    """Two wrong values and a missing block are three problems of one run."""
    source = BASE.replace("礼遇", "{{ nmae }}{{ prodct }}").replace("{% block closing %}再见。{% endblock %}\n", "")

    assert len(lint(make_library(tmp_path, base=source), "base")) == 3


def test_a_brand_written_out_says_who_is_calling(tmp_path) -> None:
    """The literal name of the brand counts like the value."""
    library = make_library(tmp_path, base=BASE.replace("{{ brand }}", "青禾"))

    assert lint(library, "base", brands={"青禾"}) == ()
    assert len(lint(library, "base", brands={"别的"})) == 1


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{% extends "bsae.j2" %}', "1:12: it extends a script that does not exist"),
        ('{% extends "gift.j2" %}', "1:12: the scripts extend one another in a circle: gift → gift"),
        (OWN, "1:12: it changes no block of 'base'"),
        (OWN + "{% block closing %}再见。{% endblock %}", "2:10: block 'closing' says the same as in 'base'"),
        (OWN + "{% block closing %}\n再见。\n{% endblock %}", "2:10: block 'closing' says the same as in 'base'"),
        (
            OWN + "{% block opening %}{{ brand }}您好。{% endblock %}\n{% block closing %}回见。{% endblock %}",
            "3:10: it changes 2 blocks, opening and closing; a variant should test one block",
        ),
        (OWN + "{% block opening %}您好。{% endblock %}", "2:10: the opening does not say who is calling"),
        (OWN + "{% extends 'base.j2' %}", "2:4: a script extends one script; this is the second"),
    ],
)
def test_a_variant_tests_one_block(tmp_path, source: str, expected: str) -> None:
    """A variant extends a script that exists, and changes the words of exactly one block."""
    found = places(lint(make_library(tmp_path, base=BASE, gift=source), "gift"), tmp_path)

    assert any(problem.startswith(f"gift.j2:{expected}") for problem in found), found


def test_what_a_variant_inherits_is_checked_where_it_is_written(tmp_path) -> None:
    """An unknown value of the parent is reported in the parent's file, whichever script is checked."""
    library = make_library(
        tmp_path, base=BASE.replace("再见", "{{ nmae }}"), gift=OWN + "{% block benefit %}有礼。{% endblock %}"
    )

    assert places(lint(library, "gift"), tmp_path) == ["base.j2:4:23: there is no value 'nmae'; did you mean 'name'?"]


def test_super_in_the_opening_still_says_who_is_calling(tmp_path) -> None:
    """The parent's words count when a block says them."""
    library = make_library(tmp_path, base=BASE, gift=OWN + "{% block opening %}{{ super() }}有礼。{% endblock %}")

    assert lint(library, "gift") == ()


def test_a_script_that_is_not_there_is_not_found() -> None:
    """There is nothing to report about no file."""
    for check in (lint, lint_sms, lint_qa):
        with pytest.raises(NotFound):
            check(Library.open(), "nosuch")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("【{{ brand }}】领券", "1:1: the message has no {{ link }}"),
        ("领券 {{ link }}", "1:1: the message does not say who it is from"),
        ("【{{ brand }}】{{ link }}{{ nmae }}", "1:27: there is no value 'nmae'; did you mean 'name'?"),
        ("【{{ brand }}】{{ link }}" + "领" * 200, "1:1: the message is billed as 4 segments"),
        ("【{{ brand }}】{{ link", "1:1: "),
        ("{% block opening %}【{{ brand }}】{{ link }}{% endblock %}", "1:4: only call scripts have blocks"),
        ("【{{ brand }}】{{ link }}{{ name * 2 }}", "1:1: with sample values: * is for numbers"),
    ],
)
def test_mistakes_in_messages(tmp_path, source: str, expected: str) -> None:
    """A message says who writes, has a link to open, and is short."""
    found = places(lint_sms(make_library(tmp_path, sms__link=source), "link"), tmp_path)

    assert any(problem.startswith(f"sms/link.j2:{expected}") for problem in found), found


def test_a_good_message_has_no_problem(tmp_path) -> None:
    """Brand, link and a column of the contacts are enough."""
    library = make_library(tmp_path, sms__link="【{{ brand }}】{{ city }} {{ link }}")

    assert lint_sms(library, "link", known={"city"}) == ()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{}", "1:1: a question bank is a list"),
        ("- just words", "1:3: entry 1 is not a mapping"),
        ("- {question: 你是谁}", "1:14: entry 1 has no answer"),
        ("- {answer: 我是助理}", "0:0: entry 1 has no question"),
        ("- {question: 你是谁, answer: 助理, ask: 您哪位}", "1:14: `ask` of entry 1 is not a list"),
        ("- {question: 你是谁, answr: 助理}", "1:19: unknown key 'answr'; did you mean 'answer'?"),
        ("- {question: 你是谁, answer: 甲}\n- {question: 你是谁？, answer: 乙}", "2:14: '你是谁？' is asked twice"),
        ("- {question: 你是谁, answer: '{{ brnd }}'}", "1:28: there is no value 'brnd'; did you mean 'brand'?"),
        ("- {question: 你是谁, answer: '{{ brand'}", "1:28: "),
        ("- {question: 你是谁, answer: '{{ brand * 2 }}'}", "1:28: * is for numbers"),
        ("- {question: 你是谁, answer: " + "我是助理，" * 40 + "}", "1:27: the answer takes "),
    ],
)
def test_mistakes_in_question_banks(tmp_path, source: str, expected: str) -> None:
    """A bank's entries have a question asked once, and an answer that can be said."""
    found = places(lint_qa(make_library(tmp_path, qa__default=source), "default"), tmp_path)

    assert any(problem.startswith(f"qa/default.yaml:{expected}") for problem in found), found


def test_problems_of_the_reader_are_passed_on(tmp_path) -> None:
    """What the reader of YAML finds wrong is reported as it says."""
    (tmp_path / "qa").mkdir()
    (tmp_path / "qa" / "default.yaml").write_text("[")
    problem = ProblemsFound([])

    def read(path):
        raise problem

    assert lint_qa(Library.open(tmp_path, read_yaml=read), "default") == ()
