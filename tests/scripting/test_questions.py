"""What people ask is answered when the bank knows it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ProblemsFound
from engine.scripting.questions import QuestionBank, normalized
from tests.scripting.makers import make_library, shipped_library

DATA = [
    {"question": "你是谁", "ask": ["哪家公司", "您哪位？"], "answer": "我是{{ brand }}的助理。"},
    {"question": "Is it free?", "ask": ["what does it cost"], "answer": "It is free."},
    {"question": "公司在哪", "answer": "在杭州。"},
    {"question": "不", "answer": "好的。"},
]
BANK = QuestionBank.of(Path("default.yaml"), DATA)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("你是谁", "我是{{ brand }}的助理。"),
        ("你是谁呀？", "我是{{ brand }}的助理。"),
        ("  您 哪位 ", "我是{{ brand }}的助理。"),
        ("喂，你们是哪家公司的啊", "我是{{ brand }}的助理。"),
        ("IS IT FREE", "It is free."),
        ("Is  it free ?!", "It is free."),
        ("so, what does it cost me?", "It is free."),
        ("ｉｓ　ｉｔ　ｆｒｅｅ", "It is free."),
        ("不", "好的。"),
    ],
)
def test_wordings_are_matched_without_case_width_or_punctuation(asked: str, answer: str) -> None:
    """However a question is written, and whatever is said around it, the answer is the same."""
    assert BANK.answer(asked) == answer


@pytest.mark.parametrize("asked", ["", "？", "今天天气怎么样", "is it freezing", "我不知道", "what is the weather"])
def test_what_the_bank_does_not_know_has_no_answer(asked: str) -> None:
    """A word inside of another word, or a wording too short to tell, is no match."""
    assert BANK.answer(asked) is None


def test_the_longest_wording_wins() -> None:
    """A sentence with two known wordings in it is answered by the more telling one."""
    bank = QuestionBank.of(
        Path("default.yaml"),
        [{"question": "要钱吗", "answer": "不要。"}, {"question": "退货要钱吗", "answer": "退货包邮。"}],
    )

    assert bank.answer("我退货要钱吗") == "退货包邮。"


def test_the_questions_are_listed_in_their_first_wording() -> None:
    """A page or a simulated listener can see what the bank knows."""
    assert BANK.questions == ("你是谁", "Is it free?", "公司在哪", "不")


@given(st.text())
def test_normalizing_twice_changes_nothing(text: str) -> None:
    """What is compared is already in its plainest form."""
    assert normalized(normalized(text)) == normalized(text)


def test_a_bank_with_problems_is_not_opened(tmp_path) -> None:
    """Everything wrong in the file is raised at once."""
    library = make_library(tmp_path, qa__default="- {question: 你是谁}\n- {answer: 好}\n")

    with pytest.raises(ProblemsFound) as found:
        library.qa("default")
    assert len(found.value.problems) == 2


def test_every_shipped_wording_finds_its_own_answer() -> None:
    """No wording is taken by another entry."""
    library = shipped_library()

    for name in library.qa_names():
        bank = library.qa(name)
        for entry in bank.entries:
            for wording in entry.wordings:
                assert bank.answer(wording) == entry.answer
