"""Who asks to be left alone is understood, and who only answers an offer is not taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.refusing import KEYWORDS, asks_to_stop


@pytest.mark.parametrize(
    "text",
    [
        "STOP", "stop", " Stop. ", "STOPALL", "unsubscribe", "Please stop", "END", "opt out", "Opt-Out!", "TD", "td",
        "N", "退订", "回复退订", "Ｔ", "ＴＤ",
        "不要再打了", "不要再打电话给我了", "别再给我打电话", "请不要再打来", "谢绝来电", "以后别打了",
        "把我的号码删掉，删除我的号码", "加入黑名单", "请勿骚扰",
        "don't call me again", "Do not call this number", "stop calling me",
        "take me off your list", "remove my number please", "never call me", "no more calls", "do-not-call",
        "Rufen Sie mich bitte nicht mehr an", "keine Anrufe", "ne m'appelez plus", "Arrêtez de m'appeler", "ARRÊT",
        "no me llame más", "no me vuelvan a llamar", "Baja", "non mi chiamate", "não me ligue", "bel me niet meer",
        "proszę nie dzwonić",
    ],
)  # fmt: skip
def test_a_wish_to_be_left_alone_is_heard(text):
    """As a keyword alone, and in a phrase, in English, Chinese and European languages."""
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "no", "不", "不需要", "我考虑一下", "no thanks, not today", "I can't stop laughing",
        "at the end of the week", "call me tomorrow",
        "打电话给我", "明天再打", "please call again", "N/A", "stop by the shop on Monday", "ich rufe Sie an",
        "appelez-moi demain",
        "llámeme mañana", "请加我微信", "the bus stop",
    ],
)  # fmt: skip
def test_an_answer_to_the_offer_is_not_taken_for_it(text):
    """A mere no, and words that only look like a keyword."""
    assert not asks_to_stop(text)


@given(st.text())
def test_any_text_is_judged(text):
    """Nothing that a person may write is a mistake."""
    assert asks_to_stop(text) in (True, False)


@given(st.sampled_from(sorted(KEYWORDS)), st.sampled_from(["", " ", ".", "!", "。", "！"]))
def test_keywords_are_understood_in_any_case(keyword, mark):
    """And with what people put behind them."""
    assert asks_to_stop(keyword + mark)
    assert asks_to_stop(keyword.upper() + mark)
