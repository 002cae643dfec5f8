"""How long words take to say, and what messages are billed as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scripting.segments import segments
from engine.scripting.spoken import language_of, one_line, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("您好" * 9, 18 / 4.5),
        ("您好，再见。", 4 / 4.5 + 0.2 + 0.4),
        ("hello " * 26, 10),
        ("Hello, it's me.", 3 / 2.6 + 0.2 + 0.4),
        ("一共20元", 5 / 4.5),
        ("It costs 20 dollars", 4 / 2.6),
        ("In 2026", 3 / 2.6),
        ("3.5折", 4 / 4.5),
        ("打开APP领取", 4 / 4.5 + 1 / 2.6),
        ("等等……", 2 / 4.5 + 0.4),
    ],
)
def test_length_counts_characters_words_digits_and_pauses(text: str, expected: float) -> None:
    """4.5 characters or 2.6 words a second, 0.4 s after a sentence, 0.2 s after a clause."""
    assert seconds(text) == pytest.approx(expected)


def test_the_language_says_how_digits_are_read() -> None:
    """Four digits are four characters in Chinese and two words in English."""
    assert seconds("2026", "zh") == pytest.approx(4 / 4.5)
    assert seconds("2026", "en") == pytest.approx(2 / 2.6)


@given(st.text(), st.text())
def test_more_words_take_more_time(first: str, second: str) -> None:
    """A text takes no less time than its beginning, and never less than none."""
    assert seconds(f"{first}\n{second}", "zh") >= seconds(first, "zh") - 1e-9 >= -1e-9


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("您好", "zh"), ("Hello", "en"), ("", "en"), ("您好，我是 Greenfield 的助理", "zh"), ("{{ 品牌 }} hello", "en"),
        ("您好{{ brand }}{% if name %}{# all of this is code #}", "zh"), ("Call 青禾 about your order today", "en"),
    ],
)  # fmt: skip
def test_the_language_is_that_of_most_words(text: str, language: str) -> None:
    """Template code and a foreign name do not change the language of a text."""
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "language", "line"),
    [
        ("您好，\n  再见", "zh", "您好，再见"), ("good\n  bye", "en", "good bye"), ("a b", "en", "a b"),
        ("\n", "zh", ""), ("\n", "en", " "), ("用 APP\n领取", "zh", "用 APP领取"),
        ("open\nthe app", "zh", "open the app"),
    ],
)  # fmt: skip
def test_line_breaks_of_a_file_are_layout(text: str, language, line: str) -> None:
    """A line break is nothing beside Chinese and a space elsewhere."""
    assert one_line(text, language) == line


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("[" * 80, 1), ("[" * 81, 2),
        ("领" * 70, 1), ("领" * 71, 2), ("领" * 134, 2), ("领" * 135, 3), ("a" * 69 + "领", 1),
        ("😀" * 35, 1), ("😀" * 36, 2),
    ],
)  # fmt: skip
def test_messages_are_billed_by_segments(text: str, count: int) -> None:
    """160 and 153 letters of the GSM alphabet, 70 and 67 of any other (3GPP TS 23.038)."""
    assert segments(text) == count
