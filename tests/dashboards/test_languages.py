"""Every word of every page, in every language."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment

import dashboards
from dashboards.pages.home import NEXT, VARIABLES
from dashboards.rendering import TEMPLATES
from dashboards.rendering.languages import LANGUAGES, LOCALE, choose, words
from engine.core.treatments import VARIABLES as ALL_VARIABLES
from engine.steps import cards
from tests.dashboards.makers import Steps, make_client

HERE = Path(dashboards.__file__).parent
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "say": None, "count": (1, 2), "message": None}
READ_ALOUD = ("alt", "aria-label", "title", "placeholder", "data-lost", "data-confirm")
SAME_EVERYWHERE = {"Ringlab", "· Ringlab", "JSON", "CSV", "Parquet", "YAML", "ringlab start experiments/my-first.yaml",
    "ringlab serve --no-web",
}  # fmt: skip
Message = str | tuple[str, ...]


@cache
def used() -> set[Message]:
    """Every message that templates and pages say."""
    found = extract_from_dir(
        str(HERE), [("**.py", "python"), ("templates/**.html", "jinja2.ext.babel_extract")],
        options_map={"templates/**.html": {"silent": "false"}}, keywords=KEYWORDS,
    )  # fmt: skip
    return {text if isinstance(text, str) else tuple(text) for _, _, text, _, _ in found if text}


def translated(language: str) -> dict[Message, Message]:
    """A catalog's messages with their translations."""
    path = LOCALE / language.replace("-", "_") / "LC_MESSAGES" / "ringlab.po"
    with path.open("rb") as file:
        return {one.id if isinstance(one.id, str) else tuple(one.id): one.string for one in read_po(file) if one.id}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_message_is_translated(language: str) -> None:
    """No message lacks a translation, none stands in the catalog unused, and all keep their places for values."""
    catalog = translated(language)
    assert used() - catalog.keys() == set()
    assert catalog.keys() - used() == set()
    for message, said in catalog.items():
        text, other = (one if isinstance(one, str) else one[-1] for one in (message, said))
        assert other.strip(), message
        assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", other)), message


class Bare(HTMLParser):
    """Text that stands in a template by itself, not said through the catalog."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.feed(html)

    def handle_data(self, data: str) -> None:
        if re.search(r"[A-Za-z]{2}", data):
            self.texts.append(data.strip())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [
            value for name, value in attrs if name in READ_ALOUD and value and re.search("[A-Za-z]{2}", value)
        ]


def bare_texts(source: str) -> list[str]:
    """Bare words of a template's source."""
    kept = (value for _, kind, value in Environment().lex(source) if kind == "data")
    return [text for text in Bare("".join(kept)).texts if text not in SAME_EVERYWHERE]


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_no_template_speaks_past_the_catalog(path: Path) -> None:
    """Every word of a template goes through the catalog, in attributes that are read aloud too."""
    assert bare_texts(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source", ["<p>Hello {{ name }}</p>", '<img alt="A picture">', "<b>{% if x %}yes{% endif %}</b>"]
)
def test_bare_words_are_found(source: str) -> None:
    """The check above sees words between tags, in blocks and in attributes."""
    assert bare_texts(source)


def test_every_word_of_the_engine_is_known() -> None:
    """What the report says to do next, and every variable, has its word on the pages."""
    assert {str(said) for said in cards.NEXT.values()} <= set(NEXT)
    assert set(VARIABLES) == set(ALL_VARIABLES)


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "language"),
    [
        ("zh-CN", None, "en", "zh-CN"), (None, "zh-CN", "en", "zh-CN"), ("en", "zh-CN", "zh", "en"),
        ("xx", None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"), (None, None, "fr,en;q=0.5,zh;q=0.4", "en"),
        (None, None, "en;q=0.4,zh-TW;q=0.9", "zh-CN"), (None, None, "", "en"), (None, None, "de;q=x,;;q=", "en"),
    ],
)  # fmt: skip
def test_language_is_chosen(asked: str | None, remembered: str | None, accepted: str, language: str) -> None:
    """What is asked for wins over what is remembered, and that over the browser's wish."""
    assert choose(asked, remembered, accepted) == language


def test_a_language_asked_for_is_remembered(steps: Steps) -> None:
    """After `?lang=zh-CN` every page is Chinese, the language of the page says so."""
    client = make_client(open=True)
    assert '<html lang="en">' in client.get("/").text
    client.get("/?lang=zh-CN")
    html = client.get("/experiments/gift-first-2026-11").text
    assert '<html lang="zh-CN">' in html
    for said in ("开场先说礼品", "对照组", "转化率", "可能区间", "在禁呼名单中"):
        assert said in html


def test_chinese_pages_hold_no_english_of_ours(steps: Steps) -> None:
    """On a Chinese page no message stands in English."""
    client = make_client(open=True)
    for path in (
        "/?lang=zh-CN",
        "/experiments/gift-first-2026-11?lang=zh-CN",
        "/experiments/gift-first-2026-11/rules?lang=zh-CN",
        "/nope?lang=zh-CN",
    ):
        html = client.get(path).text
        told = {message for message in used() if isinstance(message, str) and len(message) > 12 and "%" not in message}
        assert not [message for message in told if f">{message}<" in html]


def test_counts_take_their_form() -> None:
    """One hour, two hours; Chinese has one form."""
    assert words("en").count("%(n)s hour", "%(n)s hours", 1, n=1) == "1 hour"
    assert words("en").count("%(n)s hour", "%(n)s hours", 2, n=2) == "2 hours"
    assert words("zh-CN").count("%(n)s hour", "%(n)s hours", 2, n=2) == "2 小时"
