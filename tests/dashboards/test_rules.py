"""The rules page: who is refused, the hours of the next days, caps, consent, lists and sources, in two languages."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.regions import rulebook
from engine.steps.ruled import Asked
from tests.dashboards.makers import NOW, Steps, make_client, make_ruled

PAGE = "/experiments/gift-first-2026-11/rules"


def page_of(path: str = PAGE) -> str:
    return make_client(open=True).get(path).text


def test_who_will_not_be_called_is_told_before_the_first_call(steps: Steps) -> None:
    """With the rule and its count; once calls go out the sentence says what was."""
    html = page_of()
    assert "240 of 5,000 people will not be called." in html
    assert "Not legal advice" in html
    assert ">212<" in html
    steps.ruled = replace(steps.ruled, begun=True, refusals=())
    html = page_of()
    assert "240 of 5,000 people were not called, or not again." in html
    assert "No rule has refused anybody so far." in html


def test_hours_are_shown_day_by_day_with_holidays(steps: Steps) -> None:
    """Arms with hours of their own have a column; a day whose holidays are not known says so."""
    html = page_of()
    for said in (
        "Tue <span",
        '2026-11-26</span> <span class="chip">holiday',
        "not known",
        "control, story",
        "10:00-18:00",
    ):
        assert said in html
    assert "10:00-12:00" in html


@pytest.mark.parametrize(
    ("region", "says"),
    [
        ("US", ("at most 2 calls in 24 hours", "a written consent", "us-dnc", "never imported", "47 CFR 64.1200")),
        ("CN", ("at most 1 call in 24 hours", "at most 3 calls in 30 days", "is never called again", "PIPL", "默认")),
        ("FR", ("is not called for 60 days", "an express consent or a contract", "decree 2022-1313")),
        ("IT", ("the day before a holiday: 10:00-19:00", "holidays: no calls", "it-rpo")),
        ("JP", ("every region without rules of its own",)),
    ],
)
def test_a_region_is_told_in_words(steps: Steps, region: str, says: tuple[str, ...]) -> None:
    """Every row of the region with what it says, its source and the day on which that was checked."""
    steps.ruled = make_ruled(region)
    html, zh = page_of(), page_of(f"{PAGE}?lang=zh-CN")
    for said in says:
        assert said in html or said in zh
    for row in rulebook().by_region.get(region, ()):
        assert row.provider or row.checked_on in html


def test_a_list_that_is_fresh_or_stale_is_told(steps: Steps) -> None:
    """The day of its import stands beside it."""
    listing = steps.ruled.lists[0].listing
    steps.ruled = replace(steps.ruled, lists=(Asked(listing, NOW - timedelta(days=1), fresh=True),))
    assert "imported, good for 31 days" in page_of()
    steps.ruled = replace(steps.ruled, lists=(Asked(listing, NOW - timedelta(days=40), fresh=False),))
    assert "older than 31 days" in page_of()


def test_the_page_speaks_chinese(steps: Steps) -> None:
    """Rules, days, cautions and notes."""
    html = page_of(f"{PAGE}?lang=zh-CN")
    for said in (
        "不构成法律意见",
        "周二",
        "节假日",
        "没有该地区要求的同意",
        "24 小时内最多 2 次呼叫",
        "书面同意",
        "AI 语音属于人工合成语音",
        "节假日未知",
    ):
        assert said in html


def test_only_who_is_signed_in_reads_it_and_only_of_what_there_is(steps: Steps) -> None:
    """As every page of an experiment."""
    assert make_client().get(PAGE).status_code == 303
    assert make_client(open=True).get("/experiments/nothing/rules").status_code == 404
    assert (
        'href="/experiments/gift-first-2026-11/rules"' in make_client(open=True).get(PAGE.removesuffix("/rules")).text
    )
