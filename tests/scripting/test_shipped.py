"""The scripts that ship are the field's practice."""

import pytest

from engine.scripting.lint import lint, lint_qa, lint_sms
from engine.scripting.rendering import Renderer
from engine.scripting.segments import segments
from engine.scripting.values import STANDARD, sample_values
from tests.scripting.makers import shipped_library

LIBRARY = shipped_library()
RENDERER = Renderer(LIBRARY)

EXPECTED = {
    "classic", "gift-first", "story", "warm-opening", "short-invitation", "member-benefit", "service-first",
    "gratitude-closing", "classic-en", "gift-first-en", "story-en",
}  # fmt: skip


def test_the_library_has_what_the_examples_name() -> None:
    """Scripts, messages and question banks that experiment files may name are there."""
    assert set(LIBRARY.names()) >= EXPECTED
    assert set(LIBRARY.sms_names()) >= {"link", "link-short", "coupon-reminder", "wecom", "link-en"}
    assert set(LIBRARY.qa_names()) >= {"default", "default-en"}


@pytest.mark.parametrize("name", LIBRARY.names())
def test_every_script_is_clean(name: str) -> None:
    """Nothing that ships has a problem."""
    assert lint(LIBRARY, name) == ()


@pytest.mark.parametrize("name", LIBRARY.sms_names())
def test_every_message_is_clean(name: str) -> None:
    """Every message says who writes, has the link and is at most two segments with sample values."""
    assert lint_sms(LIBRARY, name) == ()
    message = RENDERER.message(name, sample_values(LIBRARY.sms(name).language))
    assert "https://" in message
    assert segments(message) <= 2


@pytest.mark.parametrize("name", LIBRARY.qa_names())
def test_every_question_bank_is_clean(name: str) -> None:
    """Every bank knows what people ask most, and its answers can be said."""
    assert lint_qa(LIBRARY, name) == ()
    bank = LIBRARY.qa(name)
    assert len(bank.entries) >= 12
    for entry in bank.entries:
        assert RENDERER.template(entry.answer, {"brand": "青禾"})


@pytest.mark.parametrize("name", LIBRARY.names())
def test_every_script_can_be_said_to_a_contact_of_whom_little_is_known(name: str) -> None:
    """The brand is the only value that a call cannot do without."""
    words = RENDERER.words(name, {"brand": "青禾"})

    assert len(words.blocks) == 4
    assert all(text for _, text in words.blocks)
    assert "None" not in words.text


@pytest.mark.parametrize("name", LIBRARY.names())
def test_no_script_pretends_to_be_a_person(name: str) -> None:
    """The opening says that an assistant is calling, and the closing offers a way out."""
    script = LIBRARY.script(name)
    words = dict(RENDERER.words(name, sample_values(script.language)).blocks)

    assert ("智能助理" if script.language == "zh" else "virtual assistant") in words["opening"]
    assert ("不想再接到" if script.language == "zh" else "rather not hear from us") in words["closing"]


@pytest.mark.parametrize("name", [name for name in LIBRARY.names() if LIBRARY.script(name).extends])
def test_every_variant_changes_one_block(name: str) -> None:
    """One arm, one variable; one variant, one block."""
    script = LIBRARY.script(name)

    assert script.extends in ("classic", "classic-en")
    assert sum(block.own for block in script.blocks) == 1


def test_every_standard_value_has_a_sample_in_both_languages() -> None:
    """A preview never lacks a value, and the columns of the contacts have one too."""
    for language in ("zh", "en"):
        assert set(sample_values(language)) == set(STANDARD)
        assert set(sample_values(language, {"city"})) == {*STANDARD, "city"}
