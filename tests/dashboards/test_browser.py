"""Pages in a real browser: narrow and wide, by keyboard, light and dark, in both languages, and live."""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from dashboards.app import make_app
from tests.dashboards.makers import NOW, Steps, make_card, make_results, make_standing

pytestmark = pytest.mark.browser

NAMES = ("chromium", "google-chrome", "chromium-browser", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PAGE = "/experiments/gift-first-2026-11"
PATHS = ("/", PAGE, f"{PAGE}/rules", "/operations", "/nope")

# What a reader of the page could trip over, found by its structure.
FAULTS = """() => {
  const faults = [];
  const shown = (el) => el.getClientRects().length > 0;
  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title) faults.push("no title");
  if (document.querySelectorAll("main").length !== 1) faults.push("not one main");
  let last = 0;
  for (const el of document.querySelectorAll("h1, h2, h3, h4")) {
    const level = Number(el.tagName[1]);
    if (level > last + 1) faults.push(`heading ${level} after ${last}: ${el.textContent.trim()}`);
    last = level;
  }
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  const named = (el) => (el.getAttribute("aria-label") || el.textContent || "").trim();
  for (const el of document.querySelectorAll("a, button, summary"))
    if (!named(el)) faults.push("nameless " + el.outerHTML);
  for (const el of document.querySelectorAll("input:not([type=hidden]), progress"))
    if (!el.labels?.length && !el.getAttribute("aria-labelledby")) faults.push("no label: " + el.outerHTML);
  for (const el of document.querySelectorAll("img:not([alt])")) faults.push("no alt: " + el.outerHTML);
  for (const el of document.querySelectorAll("table")) if (!el.caption) faults.push("no caption");
  for (const el of document.querySelectorAll("thead th:not([scope])")) faults.push("no scope: " + el.textContent);
  for (const el of document.querySelectorAll("svg:not([role=img]):not([aria-hidden]):not([role=img] svg)"))
    faults.push("svg: " + el.outerHTML);
  for (const el of document.querySelectorAll(".scroll")) if (el.tabIndex < 0) faults.push("scrolls by mouse alone");
  const ids = [...document.querySelectorAll("[id]")].map((el) => el.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push("id twice: " + id);
  for (const el of document.querySelectorAll("[aria-labelledby]"))
    for (const id of el.getAttribute("aria-labelledby").split(" "))
      if (!ids.includes(id)) faults.push("no such id: " + id);
  const light = (color) => {
    const [r, g, b, a] = color.match(/[\\d.]+/g).map(Number);
    const part = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return [0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b), a ?? 1];
  };
  const ground = (el) => {
    for (; el; el = el.parentElement) {
      const [value, alpha] = light(getComputedStyle(el).backgroundColor);
      if (alpha > 0.99) return value;
    }
    return 1;
  };
  for (const el of document.querySelectorAll("body *")) {
    const own = [...el.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !shown(el) || el.closest(".skip, svg")) continue;
    const [ink] = light(getComputedStyle(el).color), back = ground(el);
    const ratio = (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
    if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${el.className} ${el.textContent.trim().slice(0, 40)}`);
  }
  return faults;
}"""


def chromium() -> str | None:
    """The browser of this machine: RINGLAB_CHROMIUM, else the first of the usual names."""
    named = os.environ.get("RINGLAB_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests here."""
    found = chromium()
    if found is None or not Path(found).exists():
        missing = "no Chromium found: install chromium, or name one in RINGLAB_CHROMIUM"
        assert not os.environ.get("RINGLAB_REQUIRE_BROWSER"), missing
        pytest.skip(missing)
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=found, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of one server for all tests here; each test tells the steps for itself."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        app = make_app(object(), clock=lambda: NOW)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [free]})
        thread.start()
        yield f"http://127.0.0.1:{free.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def opened(browser: Any, address: str, path: str = "/", token: str = "operator-token", **options: Any) -> Any:
    """A page of a reader who signed in through the form."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(10_000)
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("console", lambda said: page.troubles.append(said.text) if "Content Security" in said.text else None)
    sign_in(page, address, path, token)
    return page


def sign_in(page: Any, address: str, path: str, token: str) -> None:
    """Sign in through the form, and wait for the page that was wanted."""
    page.goto(f"{address}/login?after={path}")
    page.fill("#token", token)
    with page.expect_navigation(url=address + path):
        page.keyboard.press("Enter")


def many_arms() -> Any:
    """Results with 14 arms, some of long names."""
    found = make_results()
    names = [f"opening-with-a-very-long-name-indeed-{number}" for number in range(14)]
    standing = make_standing()
    primary = standing["metrics"][0]
    primary["arms"] = [primary["arms"][0], *({**primary["arms"][1], "arm": name} for name in names)]
    primary["comparisons"] = [{**primary["comparisons"][number % 2], "arm": name} for number, name in enumerate(names)]
    counts = dict.fromkeys(names, 200)
    funnel = tuple(replace(step, counts={**step.counts, **counts}) for step in found.funnel)
    return make_results(standing, funnel=funnel)


@pytest.mark.parametrize(
    ("width", "locale", "scheme"),
    [(360, "en-US", "light"), (360, "zh-CN", "dark"), (1440, "en-US", "dark"), (1440, "zh-CN", "light")],
)
def test_pages_fit_and_are_sound(
    steps: Steps, browser: Any, address: str, width: int, locale: str, scheme: str
) -> None:
    """No page is wider than its screen; structure, names, labels and contrast are in order."""
    steps.listed = (make_card(), make_card(name="a" * 80, state="stopped", health="bad", health_reason="x" * 90))
    steps.found = many_arms()
    page = opened(browser, address, "/", viewport={"width": width, "height": 800}, locale=locale, color_scheme=scheme)
    for path in PATHS:
        page.goto(address + path)
        page.evaluate("document.querySelectorAll('details').forEach((el) => { el.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(FAULTS) == [], path
    assert page.troubles == []
    page.context.close()


def test_structure_check_finds_faults(steps: Steps, browser: Any, address: str) -> None:
    """The check above sees a skipped heading, a missing label, a missing caption and faint text."""
    page = opened(browser, address, "/")
    page.evaluate(
        """document.querySelector("main").innerHTML = '<h1>A</h1><h3>B</h3><input><img src="/x">'
        + '<table></table><p id="faint">faint</p>';
        document.getElementById("faint").style.color = "rgb(210,210,210)";"""
    )
    found = " ".join(page.evaluate(FAULTS))
    for fault in ("heading 3 after 1", "no label", "no alt", "no caption", "contrast"):
        assert fault in found
    page.context.close()


def test_everything_is_reached_by_keyboard(steps: Steps, browser: Any, address: str) -> None:
    """Tab goes first to the skip link, then through every link, button and detail, and shows where it is."""
    page = opened(browser, address, PAGE)
    wanted = page.evaluate(
        "document.querySelectorAll('a, summary, button:not([hidden]), input:not([type=hidden])').length"
    )
    page.evaluate("document.activeElement.blur()")
    reached, outlined = set(), True
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => { const el = document.activeElement; if (el === document.body) return null;
            el.dataset.stop ??= String(document.querySelectorAll("[data-stop]").length);
            return [el.dataset.stop, el.className, el.tagName, getComputedStyle(el).outlineStyle]; }"""
        )
        if seen is None:
            break
        if not reached:
            assert seen[1] == "skip"
        if seen[2] in ("A", "SUMMARY", "BUTTON", "INPUT"):
            reached.add(seen[0])
        outlined = outlined and seen[3] != "none"
    assert len(reached) == wanted
    assert outlined
    page.context.close()


def test_an_operator_pauses_with_a_reason(steps: Steps, browser: Any, address: str) -> None:
    """The form of the page reaches the engine, with the reason and the role; the browser asks for a reason first."""
    page = opened(browser, address, PAGE)
    page.click("button:has-text('Pause')")
    assert not [asked for asked in steps.asked if asked[0] == "pause"]
    page.fill("#reason", "caller number flagged")
    with page.expect_navigation():
        page.click("button:has-text('Pause')")
    assert ("pause", "gift-first-2026-11", "caller number flagged", "operator (page)", NOW) in steps.asked
    page.context.close()


def test_an_operator_settles_a_call_by_hand(steps: Steps, browser: Any, address: str) -> None:
    """Which call, how it ended and how it is known reach the engine; no address holds the call."""
    page = opened(browser, address, "/operations")
    page.select_option("#disposition", "no_answer")
    page.fill("#settle-reason", "in the provider's log")
    with page.expect_navigation(url=f"{address}/operations"):
        page.click("button:has-text('Settle')")
    asked = ("settle", "gift-first-2026-11/C0000017/1", "no_answer", "operator (page)", "in the provider's log", NOW)
    assert asked in steps.asked
    page.context.close()


def test_stopping_asks_once_more(steps: Steps, browser: Any, address: str) -> None:
    """Stop for good is confirmed; who says no stops nothing."""
    page = opened(browser, address, PAGE)
    page.fill("#reason", "complaints")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.click("button:has-text('Stop for good')")
    assert not [asked for asked in steps.asked if asked[0] == "stop"]
    page.once("dialog", lambda dialog: dialog.accept())
    with page.expect_navigation():
        page.click("button:has-text('Stop for good')")
    assert [asked for asked in steps.asked if asked[0] == "stop"]
    page.context.close()


def test_a_live_page_follows_and_survives(steps: Steps, browser: Any, address: str) -> None:
    """What changes shows by itself, open details stay open, and when the server is away the page says so."""
    page = browser.new_context().new_page()
    page.clock.install()
    sign_in(page, address, PAGE, "viewer-token")
    page.evaluate("document.getElementById('yaml').open = true; document.activeElement.blur()")
    steps.found = make_results(card=make_card(calls=99_999))
    page.clock.run_for(10_000)
    page.wait_for_selector("text=99,999")
    assert page.evaluate("document.getElementById('yaml').open")
    page.route("**/*fragment=main*", lambda route: route.abort())
    page.clock.run_for(10_000)
    page.wait_for_selector("text=Connection lost")
    assert "99,999" in page.content()
    page.unroute("**/*fragment=main*")
    page.clock.run_for(10_000)
    page.wait_for_selector("text=Connection lost", state="detached")
    page.context.close()


def test_pages_work_without_scripts(steps: Steps, browser: Any, address: str) -> None:
    """With scripts off a reader signs in, reads the verdict and changes the language."""
    page = opened(browser, address, PAGE, java_script_enabled=False)
    assert "adds about 2.9 friends" in page.text_content(".sentence")
    page.click("text=简体中文")
    assert "每 100 位客户约多 2.9 人" in page.text_content(".sentence")
    page.context.close()


def test_paper_shows_no_buttons(steps: Steps, browser: Any, address: str) -> None:
    """A printed page has the verdict and no controls."""
    page = opened(browser, address, PAGE)
    page.emulate_media(media="print")
    assert page.is_visible(".sentence")
    assert not page.is_visible(".controls")
    assert not page.is_visible(".downloads")
    page.context.close()
