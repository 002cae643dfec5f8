"""What a variant says differently."""

from hypothesis import example, given
from hypothesis import strategies as st

from engine.scripting.difference import Part, compare, difference
from tests.scripting.makers import BASE, make_library, shipped_library

TEXTS = st.text(alphabet="您好领券 ab，。{}\n%", max_size=30) | st.text(max_size=20)


@given(TEXTS, TEXTS)
@example("", "")
@example("a b c d", "a x c y")
def test_both_sides_can_be_read_back(control: str, variant: str) -> None:
    """What is not added is the control, and what is not removed is the variant, letter by letter."""
    parts = compare(control, variant)

    assert "".join(part.text for part in parts if part.op != "added") == control
    assert "".join(part.text for part in parts if part.op != "removed") == variant
    assert all(part.text for part in parts)


@given(TEXTS)
def test_the_same_text_does_not_differ(text: str) -> None:
    """Nothing is added to or removed from a text that stays the same."""
    assert all(part.op == "same" for part in compare(text, text))


def test_english_differs_by_words() -> None:
    """A word is replaced whole, never some of its letters."""
    assert compare("Take the coupon now", "Take your coupon now") == (
        Part("same", "Take "),
        Part("removed", "the"),
        Part("added", "your"),
        Part("same", " coupon now"),
    )


def test_chinese_differs_by_characters_that_belong_together() -> None:
    """One character that both sides have by chance does not cut a changed phrase in two."""
    assert compare("现在领取优惠券，方便吗？", "现在添加顾问，方便吗？") == (
        Part("same", "现在"),
        Part("removed", "领取优惠券"),
        Part("added", "添加顾问"),
        Part("same", "，方便吗？"),
    )
    assert compare("送您一份好礼", "给您两张好券") == (
        Part("removed", "送您一份好礼"),
        Part("added", "给您两张好券"),
    )


def test_template_code_differs_by_whole_tags() -> None:
    """A value is replaced as one."""
    assert compare("您好{{ name }}。", "您好{{ brand }}。")[1:3] == (
        Part("removed", "{{ name }}"),
        Part("added", "{{ brand }}"),
    )


def test_scripts_differ_block_by_block() -> None:
    """Only the block that a variant tests has changed."""
    found = difference(shipped_library(), "classic", "gift-first")

    assert [(block.name, block.changed) for block in found] == [
        ("opening", True), ("benefit", False), ("invitation", False), ("closing", False),
    ]  # fmt: skip
    assert found[0].control.startswith("{% if name %}{{ name }}，{% endif %}您好，我是{{ brand }}")
    assert "{{ brand }}送您" in found[0].variant


def test_super_is_compared_by_what_it_says(tmp_path) -> None:
    """A variant that adds to its parent's block differs in what it adds."""
    more = '{% extends "base.j2" %}{% block closing %}谢谢您。{{ super() }}{% endblock %}'
    closing = difference(make_library(tmp_path, base=BASE, more=more), "base", "more")[-1]

    assert closing.parts == (Part("added", "谢谢您。"), Part("same", "再见。"))


def test_a_block_that_one_side_lacks_is_all_added_or_removed(tmp_path) -> None:
    """Unrelated scripts are compared as well; a block that neither has is not shown."""
    library = make_library(
        tmp_path, base=BASE, short="{% block opening %}您好，我是{{ brand }}的智能助理。{% endblock %}"
    )
    found = {block.name: block.parts for block in difference(library, "short", "base")}

    assert found["closing"] == (Part("added", "再见。"),)
    assert [block.name for block in difference(library, "short", "short")] == ["opening"]
