"""What pages say, and what they never let through."""

import dataclasses
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from jinja2 import UndefinedError

from dashboards.app import HEADERS
from dashboards.pages.error import error_page
from dashboards.pages.evidence import VERDICTS, verdict_of
from dashboards.pages.figures import clarity_of
from dashboards.pages.home import home
from dashboards.pages.login import Login
from dashboards.pages.results import results_page
from dashboards.rendering import Frame, environment, render
from dashboards.rendering.languages import words
from engine.core.conditionals import among_connected
from engine.core.evidence import Placebo
from engine.core.standings import standing
from engine.stats.tallies import Tally
from engine.steps.allocation import Wave
from tests.core.standing_makers import make_evidence, make_question, make_rate
from tests.dashboards.makers import (
    NOW,
    Steps,
    make_card,
    make_client,
    make_comparison,
    make_delay,
    make_metric,
    make_results,
    make_standing,
)

PAGE = "/experiments/gift-first-2026-11"
HOSTILE = "<script>alert(1)</script>'\"><img src=x onerror=alert(2)>{{ 7*7 }}"
FRAME = Frame("en", "Title", "/", (("Experiments", "/", True),), "operator", "word")


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)


def page_of(steps: Steps, path: str = PAGE, **options: Any) -> str:
    """A page's HTML."""
    answer = make_client(open=True).get(path, **options)
    assert answer.status_code == 200
    return answer.text


def test_verdict_comes_first(steps: Steps) -> None:
    """The verdict's sentence stands above the trust strip, and that above every table."""
    html = page_of(steps)
    places = [html.index(part) for part in ("adds about 2.9 friends", "Balance of the arms", "<table")]
    assert places == sorted(places)
    for said in (
        "+2.9 pt",
        "+24.2%",
        "+870",
        "360 / 3,000",
        "of people assigned",
        "higher is better",
        "9f2c41d07ab3e851",
    ):
        assert said in html


@pytest.mark.parametrize("status", VERDICTS)
def test_every_verdict_has_its_word(steps: Steps, status: str) -> None:
    """Each of the six verdicts is named, with what not to do."""
    standing = make_standing()
    standing["verdict"] |= {"status": status}
    steps.found = make_results(standing)
    html = page_of(steps)
    assert VERDICTS[status] in html
    assert "What not to do" in html


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": {"status": "data_problem", "sentence": "Broken.", "next": "Look.", "reasons": []}},
        {"balance": [{"stage": "dialled", "p_value": 0.00001, "ok": False}]},
        {"placebo": {"metric": "connect", "p_value": 0.0001, "ok": False}},
    ],
)
def test_red_blanks_the_verdict(steps: Steps, changes: dict[str, Any]) -> None:
    """With a data problem no lift, no range and no winner is shown anywhere, and the page says what to look at."""
    steps.found = make_results(make_standing(**changes))
    html = page_of(steps)
    assert "Data problem, no verdict" in html
    assert "first cure what is red" in html
    for number in ("+2.9", "+24.2%", "+870", "Winner", "better than the control", 'id="lift-t"', "adds about 2.9"):
        assert number not in html


def test_red_names_where_to_look() -> None:
    """An unbalanced stage is named."""
    standing = make_standing(balance=[{"stage": "dialled", "p_value": 0.00001, "ok": False}])
    checks = results_page(make_results(standing), words("en")).checks
    assert (checks[0].light, "dialed (p\u00a0<\u00a00.001)" in checks[0].sentence) == ("bad", True)


@pytest.mark.parametrize(
    ("low", "high", "better", "useful", "clarity"),
    [
        (0.002, 0.04, "higher", 0.01, "better"), (-0.04, -0.002, "higher", 0.01, "worse"),
        (0.002, 0.04, "lower", 0.01, "worse"), (-0.04, -0.002, "lower", 0.01, "better"),
        (-0.004, 0.004, "higher", 0.01, "same"), (-0.02, 0.02, "higher", 0.01, "unclear"),
        (None, None, "higher", 0.01, "unclear"), (-0.004, 0.004, "higher", None, "unclear"),
    ],
)  # fmt: skip
def test_a_range_is_read_by_its_ends(low: float, high: float, better: str, useful: float, clarity: str) -> None:
    """Better and worse follow the metric's direction; a range inside the useful lift shows no difference."""
    assert clarity_of(low, high, better, useful) == clarity


def test_too_early_calls_nothing_better() -> None:
    """While the standing may not be read, no arm of any metric is called better or worse."""
    standing = make_standing(safe_to_read={"ok": False, "why": "a fixed horizon is read once"})
    del standing["verdict"]["arms"]
    figures = results_page(make_results(standing), words("en")).figures
    assert {arm.lift.clarity for figure in figures for arm in figure.arms if arm.lift} <= {"unclear", "same"}


def test_the_engine_decides_what_an_arm_is_called() -> None:
    """The word beside an arm of the primary metric is the status that the standing gives it."""
    standing = make_standing()
    standing["verdict"]["arms"] = {"gift-first": "leaning", "story": "loser"}
    primary = results_page(make_results(standing), words("en")).primary
    assert primary is not None
    assert [arm.lift.word for arm in primary.arms if arm.lift] == ["leaning, not proven", "beaten by another arm"]


def test_unadjusted_luck_is_not_called_better() -> None:
    """A range above zero whose adjusted p-value is not below alpha stays unclear."""
    standing = make_standing()
    found = standing["metrics"][1]["comparisons"][0]
    found |= {"interval": [0.001, 0.04], "p_adjusted": 0.2}
    del found["sequential"]
    figures = results_page(make_results(standing), words("en")).figures
    assert figures[1].arms[1].lift is not None
    assert figures[1].arms[1].lift.clarity == "unclear"


@pytest.mark.parametrize(
    ("standing", "safe"),
    [
        ({"method": "sequential", "state": "running"}, True), ({"method": "fixed", "state": "running"}, False),
        ({"method": "fixed", "state": "decided"}, True), ({"method": "group", "state": "running"}, False),
        ({"safe_to_read": {"ok": False, "why": "too early", "why_zh": "太早"}}, False),
    ],
)  # fmt: skip
def test_safe_to_read_is_answered(standing: dict[str, Any], safe: bool) -> None:
    """Whether a reading now is safe follows from the method, or is what the engine says."""
    assert verdict_of(standing, words("en")).safe is safe


def test_guardrails_pass_or_fail(steps: Steps) -> None:
    """A guardrail is as the engine says: pass, fail (shown open), or not clear yet."""
    steps.found = make_results(make_standing(guardrails=[{"metric": "opt_out", "arm": "story", "status": "fail"}]))
    page = results_page(steps.found, words("en"))
    assert [figure.guarded for figure in page.guardrails] == ["fail", "undecided"]
    assert '<details class="metric" id="metric-opt_out" open>' in page_of(steps)


def test_every_check_says_pass_or_fail_with_its_odds(steps: Steps) -> None:
    """Each stage, the placebo and the complaints have a word beside the light, and odds, in both languages."""
    html = page_of(steps)
    for said in (
        "connected through simulated",
        "0.38 : 1 against the shares",
        "0.06 : 1 against one rate",
        "2 complaints in 11,240 calls; 0.9 : 1 that they exceed 1 in 10,000",
        "<strong>pass</strong>",
    ):
        assert said in html
    assert "<strong>fail</strong>" not in html
    chinese = page_of(steps, params={"lang": "zh-CN"})
    for said in ("接通（线路 simulated）", "与设定比例不符的赔率 0.38 : 1", "<strong>通过</strong>"):
        assert said in chinese


def test_a_check_that_fails_says_so() -> None:
    """A stage off its shares, harm over all arms and a stopped arm are called fail, never by color alone."""
    failing = {"metric": "complaint", "arm": "story", "kind": "relative_harm", "status": "fail", "limit": 1.0,
               "count": 9, "control_count": 0, "contacts": 3000, "odds": 140.0}  # fmt: skip
    standing = make_standing(
        balance=[{"stage": "dialled", "adapter": "http", "p_value": 0.0, "odds": 1e300, "ok": False}],
        harm={"complaints": 12, "calls": 9000, "limit": 1e-4, "odds": 1e9, "ok": False},
        guardrails=[failing, failing | {"arm": "gift-first", "status": "pass", "count": 0, "odds": 0.2}],
    )
    page = results_page(make_results(standing), words("en"))
    balance, _, complaints = page.checks[:3]
    assert [(line.light, line.word, line.what) for line in balance.lines] == [("bad", "fail", "dialed through http")]
    assert "1,000,000+ : 1" in balance.lines[0].found
    assert (complaints.light, [line.word for line in complaints.lines]) == ("bad", ["fail", "fail"])
    assert complaints.lines[1].what == "story"
    assert "9 against 0 on the control; 140 : 1" in complaints.lines[1].found
    assert [(line.arm, line.word) for line in page.guarded["complaint"]] == [("story", "fail"), ("gift-first", "pass")]


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"kind": "pause_at", "limit": 3, "count": 2, "contacts": 3000}, "2 of 3,000; 3 pause the arm"),
        ({"kind": "harm", "limit": 1e-4, "count": 1, "contacts": 3000, "odds": 0.89}, "1 in 3,000 calls; 0.89 : 1"),
        ({"kind": "no_worse_by", "limit": 0.01, "worse_by": 0.004, "odds": 0.1, "odds_within": 7.0},
         "worse by 0.4pt where 1.0pt are allowed; 0.1 : 1 that it is worse by more, 7 : 1 that it is not"),
        ({"kind": "no_worse_by", "limit": 3.0, "worse_by": 1.25}, "worse by 1.25 where 3 are allowed"),
    ],
)  # fmt: skip
def test_every_guardrail_says_what_it_found(check: dict[str, Any], said: str) -> None:
    """What was counted, and what is allowed."""
    standing = make_standing(guardrails=[{"metric": "opt_out", "arm": "story", "status": "undecided"} | check])
    (line,) = results_page(make_results(standing), words("en")).guarded["opt_out"]
    assert (line.word, line.found.replace("\u00a0pt", "pt").replace(" pt", "pt").startswith(said)) == (
        "not clear yet",
        True,
    ), line.found


def test_home_pools_the_complaints_of_all_that_is_under_way(steps: Steps) -> None:
    """One campaign is too small to see three times the limit; all together are held to it, what is over is not."""
    steps.listed = (make_card(complaints=1), make_card(name="other", complaints=2))
    assert "within the limit" in page_of(steps, "/")
    steps.listed = tuple(make_card(name=f"round-{number}", complaints=5) for number in range(4))
    assert "above the limit of 1 in 10,000 calls" in page_of(steps, "/")
    steps.listed = tuple(make_card(name=f"round-{number}", complaints=5, state="decided") for number in range(4))
    assert "Complaints, all under way" not in page_of(steps, "/")


def test_a_standing_of_nothing_still_shows(steps: Steps) -> None:
    """A draft without a metric, a look or a funnel has a page that says so."""
    bare = {"schema": "ringlab.standing/1", "experiment": "gift-first-2026-11", "state": "draft", "control": "control"}
    steps.found = make_results(
        bare, card=make_card(state="draft", verdict=None, lift=None, days_left=None, planned=0), funnel=(), looks=(),
        differences={}, refusals=(), money=None, settings={},
    )  # fmt: skip
    html = page_of(steps)
    assert "Not enough people yet" in html
    assert "Nobody is assigned yet" in html


def test_what_cannot_be_computed_is_a_dash(steps: Steps) -> None:
    """A comparison without a number shows a dash, and the picture leaves the arm out."""
    standing = make_standing()
    standing["metrics"][0]["comparisons"][1] = {
        "arm": "story",
        "control": "control",
        "difference": None,
        "interval": None,
    }
    standing["metrics"][0]["comparisons"][0]["sequential"] = {"p_value": 0.01, "interval": None}
    steps.found = make_results(standing)
    html = page_of(steps)
    assert "story ·" not in html
    assert "gift-first · better" in html


def test_nothing_hostile_gets_through(steps: Steps) -> None:
    """Whatever a file, a script or a provider says is shown as text, on every page and in every picture."""
    card = make_card(hypothesis=HOSTILE, owner=HOSTILE, health_reason=HOSTILE, next_action=HOSTILE, health="bad")
    standing = make_standing(warnings=[HOSTILE])
    standing["verdict"] |= {"sentence": HOSTILE, "next": HOSTILE, "reasons": [HOSTILE]}
    standing["metrics"][0]["label"] = HOSTILE
    for arm in standing["metrics"][0]["arms"][1:]:
        arm["arm"] = HOSTILE
    standing["metrics"][0]["comparisons"][0]["arm"] = HOSTILE
    found = make_results(standing, card=card, yaml=HOSTILE, reproduce=HOSTILE, settings={HOSTILE: HOSTILE})
    rows = tuple(
        dataclasses.replace(row, block=HOSTILE, parts=(("added", HOSTILE),)) for row in found.differences["story"]
    )
    funnel = tuple(dataclasses.replace(step, counts={**step.counts, HOSTILE: 5}) for step in found.funnel)
    steps.found = dataclasses.replace(
        found, differences={HOSTILE: rows}, funnel=funnel, refusals=((HOSTILE, HOSTILE, 1),)
    )
    steps.listed = (card,)
    for path in ("/", PAGE, f"{PAGE}?lang=zh-CN", f"{PAGE}?fragment=main"):
        html = page_of(steps, path)
        assert "alert(1)" in html
        tags = Tags(html).tags
        assert not [tag for tag, _ in tags if tag == "img"]
        assert all((attributes.get("src") or "").startswith("/static/") for tag, attributes in tags if tag == "script")
        assert not [name for _, attributes in tags for name in attributes if name.startswith("on") or name == "style"]
        assert "49" not in html.split("alert(2)")[1][:20]


def test_headers_shut_the_page(steps: Steps) -> None:
    """Every answer forbids foreign scripts, frames, sniffing and referrers, errors too."""
    client = make_client(open=True)
    for path in ("/", PAGE, "/nope", "/static/site.css", "/healthz", "/api/v1/experiments"):
        answer = client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name.decode()] == value.decode()
    assert "immutable" in client.get("/static/site.css").headers["cache-control"]
    assert client.get("/").headers["cache-control"] == "no-store"


def test_nothing_comes_from_elsewhere(steps: Steps) -> None:
    """No page names an address of another site, and none has a style or script of its own in it."""
    for path in ("/", PAGE, "/nope"):
        for tag, attributes in Tags(make_client(open=True).get(path).text).tags:
            for name in ("src", "href", "action", "formaction"):
                assert (attributes.get(name) or "/").startswith(("/", "#"))
            assert tag != "style"


def test_friendly_errors(steps: Steps) -> None:
    """An unknown experiment answers 404 with the nearest name; a bug answers 500 with no insides."""
    missing = make_client(open=True).get("/experiments/gift-frist-2026-11")
    assert missing.status_code == 404
    assert "did you mean" in missing.text
    steps.raises["cards"] = RuntimeError("+8613800138000")
    broken = make_client(open=True).get("/")
    assert broken.status_code == 500
    assert "13800138000" not in broken.text
    assert broken.headers["x-error-number"]


def test_home_groups_by_state() -> None:
    """What is under way comes first, then drafts, then what is over; trouble under way is counted."""
    cards = tuple(
        make_card(name=name, state=state, health=health)
        for name, state, health in (
            ("a", "decided", "good"), ("b", "draft", "good"), ("c", "running", "bad"), ("d", "waiting", "good"),
        )
    )  # fmt: skip
    page = home(cards, words("en"))
    assert [[card.name for card in group.cards] for group in page.groups] == [["c", "d"], ["b"], ["a"]]
    assert (page.live, page.attention) == (2, 1)


def test_home_of_nothing_says_how_to_begin(steps: Steps) -> None:
    """Without any experiment the page shows the command that starts one."""
    steps.listed = ()
    assert "ringlab start" in page_of(steps, "/")


def test_home_shows_no_lift_of_broken_data() -> None:
    """A card with a data problem has no number."""
    card = make_card(verdict={"status": "data_problem", "sentence": "x"}, lift=0.05)
    assert home((card,), words("en")).groups[0].cards[0].lift is None


def test_fragment_is_the_main_part_alone(steps: Steps) -> None:
    """The live refresh gets what stands in the main part and nothing around it; only live pages ask for it."""
    client = make_client(open=True)
    whole, part = client.get(PAGE).text, client.get(f"{PAGE}?fragment=main").text
    assert "<html" not in part
    assert part.strip() in whole
    assert 'data-refresh="10"' in whole
    steps.found = make_results(card=make_card(state="decided"))
    assert "data-refresh" not in page_of(steps)


def test_fragment_of_nobody_is_401(steps: Steps) -> None:
    """A session that ended during the refresh is told so, instead of a sign-in form within the page."""
    assert make_client().get(f"{PAGE}?fragment=main").status_code == 401


def test_a_template_may_only_read_what_the_page_has() -> None:
    """A name that a page does not have is an error, never an empty place; a page cannot be written to."""
    with pytest.raises(UndefinedError):
        environment("en").from_string("{{ page.nothing }}").render(page=Login("/", refused=False), frame=FRAME)
    page = error_page(404, "x", words("en"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        page.title = "y"  # type: ignore[misc]
    assert "404" in render("error.html", FRAME, page)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("standing.json", "application/json"),
        ("standing.csv", "text/csv; charset=utf-8"),
        ("standing.parquet", "application/vnd.apache.parquet"),
        ("experiment.yaml", "application/yaml"),
    ],
)
def test_downloads(steps: Steps, path: str, kind: str) -> None:
    """The standing and the definition are given as files with the experiment's name, to who is signed in."""
    answer = make_client(open=True).get(f"{PAGE}/{path}")
    assert answer.headers["content-type"] == kind
    assert "gift-first-2026-11" in answer.headers["content-disposition"]
    assert make_client().get(f"{PAGE}/{path}").status_code == 303


def test_csv_has_a_row_for_each_metric_and_arm(steps: Steps) -> None:
    """The table names metric, arm, counts, range and the comparison."""
    lines = make_client(open=True).get(f"{PAGE}/standing.csv").text.splitlines()
    assert (
        lines[0]
        .lstrip("\ufeff")
        .startswith("experiment,metric,role,kind,better,denominator,arm,is_control,contacts,total,estimate")
    )
    assert len(lines) == 1 + 5 * 3
    assert "conversion,primary,rate,higher,assigned,gift-first,False,3000,447.0,0.149" in lines[2]


def test_funnels_begin_with_the_arms_that_matter() -> None:
    """The control's people come first, then those of the arm that the verdict is about."""
    standing = make_standing()
    standing["verdict"]["arm"] = "story"
    page = results_page(make_results(standing), words("en"))
    assert [funnel.arm for funnel in page.funnels] == ["control", "story", "gift-first"]


def test_looks_before_anybody_counted_are_in_the_log_alone() -> None:
    """A look without an estimate is logged, and takes no place in the picture."""
    found = make_results()
    early = dataclasses.replace(found.looks[0], estimate={})
    page = results_page(dataclasses.replace(found, looks=(early, *found.looks[1:])), words("en"))
    assert len(page.looks) == 7
    assert str(page.looks_picture).count("whisker whisker-arm") == 6


def test_segments_are_marked_exploratory(steps: Steps) -> None:
    """Segments are shown when the standing has them, and say that they decide nothing."""
    one = {
        "value": "lapsed",
        "arms": [{"arm": "story", "contacts": 900}],
        "comparisons": [{"arm": "story", "difference": 0.01, "interval": [-0.01, 0.03], "p_adjusted": 0.4}],
    }
    steps.found = make_results(make_standing(segments=[{"column": "segment", "exploratory": True, "values": [one]}]))
    html = page_of(steps)
    assert "never a verdict" in html
    assert "lapsed" in html


CALIBRATION = {
    "engine": "campaign", "runs": 400, "false_winners": 3, "interval": [0.0015, 0.0218], "promised": 0.025, "ok": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "language", "light", "said"),
    [
        ({}, "en", "good", "A/A: 3 false winners in 400 empty campaigns (0.15% to 2.2%), promised at most 2.5%."),
        ({}, "zh-CN", "good", "A/A：400 次无效果演练中误判胜出 3 次（0.15% 至 2.2%），承诺不超过 2.5%。"),
        ({"engine": "statistics"}, "en", "good", "in 400 empty runs of the statistics"),
        ({"interval": [0.03, 0.07], "ok": False}, "en", "bad", "(3% to 7%), promised at most 2.5%"),
    ],
)
def test_what_empty_campaigns_came_to_is_part_of_the_trust(
    changes: dict[str, Any], language: str, light: str, said: str
) -> None:
    """A way to decide that was played without an effect shows how often it erred, red when more than promised."""
    standing = make_standing(calibration=CALIBRATION | changes)
    check = results_page(make_results(standing), words(language)).checks[-1]
    assert check.light == light
    assert said in check.sentence
    assert len(results_page(make_results(), words(language)).checks) == 5


@pytest.mark.parametrize(
    ("until", "language", "said"),
    [
        (None, "en", "Wave 3 of about 7 is being called"),
        (NOW + timedelta(hours=3), "en", "Wave 3 of about 7, waiting for its conversions until"),
        (NOW + timedelta(hours=3), "zh-CN", "第 3 批（共约 7 批）已呼完，等待转化至"),
    ],
)
def test_home_and_results_say_where_the_waves_stand(steps: Steps, until: Any, language: str, said: str) -> None:
    """Which wave it is, about how many there are, and until when its conversions are awaited."""
    card = make_card(wave=Wave(3, 7, 2400, until))
    steps.listed = (card,)
    steps.found = dataclasses.replace(make_results(), card=card)
    for path in ("/", PAGE):
        html = page_of(steps, f"{path}?lang={language}")
        assert said in html
        assert (until is not None) == ((NOW + timedelta(hours=3)).isoformat()[:13] in html)
    steps.listed = (make_card(),)
    assert said not in page_of(steps, "/")


def make_mixed() -> dict[str, Any]:
    """A round of a script, a timing and a pack, with the conversion among the connected as the engine writes it."""
    whole = make_rate({"control": (360, 3000), "gift": (450, 3000), "late": (330, 3000), "pack": (600, 3000)})
    changes = {"control": None, "gift": "script", "late": "timing", "pack": "audience"}
    reached = {"control": (360, 1500), "gift": (450, 1500), "late": (330, 1400), "pack": (600, 1600)}
    tallies = {arm: Tally.of_rate(*pair) for arm, pair in reached.items()}
    placebo = Placebo("connect", {arm: Tally.of_rate(n, 3000) for arm, (_, n) in reached.items()})
    question = make_question(tuple(changes), variables=changes, value_per_conversion=70.0)
    evidence = make_evidence(whole, *among_connected({"conversion": tallies}, changes), placebo=placebo, mature=12000)
    return {**standing(question, evidence), "look": 1, "state": "decided"}


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            (
                "Among people who answered the first call", "450 / 1,500", "of people who answered the first call",
                "needs 15.6% fewer people", "timing: it changes who picks up, so other people are connected",
                "fair: it is met only in the talk, after the connect", "the undialed kept in",
                "control, gift; not asked of late, pack, which may change it",
                "another pack of people, not dealt by chance: its yield is shown, and no lift",
                "Worth about 21,000 per 10,000 contacts", "No causal claim is made",
            ),
        ),
        (
            "zh-CN",
            (
                "首次呼叫即接通的客户", "450 / 1,500", "占首次呼叫即接通的客户", "可少用 15.6% 的客户",
                "外呼时间：它会改变谁接听电话",
                "可以比较：要到接通之后的通话中才会体现", "未外呼的也计入",
                "control、gift；late、pack 可能改变接通率，不参与",
                "另一个人群包，不是随机分组：只列出结果，不算提升", "折合每万名客户净增约 21,000", "不作因果结论",
            ),
        ),
    ],
)  # fmt: skip
def test_the_page_says_whom_each_rate_is_of(steps: Steps, language: str, said: tuple[str, ...]) -> None:
    """Denominators by name, what is fair among the connected and what is not, the placebo's arms, money: in words."""
    steps.found = make_results(make_mixed(), money={"gift": (21000.0, 8900.0, 33000.0)})
    html = unescape(page_of(steps, f"{PAGE}?lang={language}"))
    for text in said:
        assert text in html, text


def test_what_is_not_compared_has_no_lift_on_the_page() -> None:
    """A pack has its rate and its reason; among the connected a timing arm too; neither is in the picture."""
    page = results_page(make_results(make_mixed()), words("en"))
    assert page.primary is not None
    lifts = {arm.arm: arm.lift is not None for arm in page.primary.arms}
    among = {arm.arm: (arm.lift is not None, bool(arm.note)) for arm in page.among[0].arms}
    assert lifts == {"control": False, "gift": True, "late": True, "pack": False}
    assert among == {"control": (False, False), "gift": (True, False), "late": (False, True), "pack": (False, True)}
    assert "pack" not in str(page.lift)
    assert page.followed == "gift"


def test_a_round_of_packs_alone_has_no_headline_lift(steps: Steps) -> None:
    """Where only packs are compared the page names yields, and no lift, money or winner anywhere."""
    counted = {"control": (360, 3000), "pack": (600, 3000)}
    question = make_question(tuple(counted), variables={"pack": "audience"}, value_per_conversion=70.0)
    found = standing(question, make_evidence(make_rate(counted), mature=6000))
    steps.found = make_results({**found, "look": 1, "state": "decided"}, money=None, looks=())
    html = page_of(steps)
    assert "control 12%, pack 20%" in html
    assert 'class="headline"' not in html
    assert "No causal claim is made" in html
    for claim in ("Winner", "+8.0", "per 10,000 contacts"):
        assert claim not in html


def test_how_long_conversions_take_is_shown(steps: Steps) -> None:
    """The curve of the control and of the arm followed, every arm's row, and what is to come, in both languages."""
    html = page_of(steps)
    chinese = page_of(steps, headers={"accept-language": "zh-CN"})

    assert 'aria-labelledby="delay-t delay-d"' in html
    assert "the window closes 24 h after the first call" in html
    assert html.count("1.2%") >= 3
    assert "转化需要多久" in chinese
    assert "24 小时" in chinese


def test_delays_of_nobody_are_left_out(steps: Steps) -> None:
    """Without a conversion there is no curve, and no empty frame for one."""
    without = make_standing()
    del without["delay"]
    nobody = make_standing(delay=make_delay(control=(0.0, 3.0)))
    for found in (without, nobody):
        assert results_page(make_results(standing=found), words("en")).delay is None


def test_a_trend_over_incentives_is_one_sentence(steps: Steps) -> None:
    """What the cost of the incentives does stands under the primary metric, in the reader's language."""
    trend = {"sentence": "A dearer incentive raises it.", "sentence_zh": "成本越高，越高。"}
    steps.found = make_results(standing=make_standing(trend=trend))

    assert "A dearer incentive raises it." in page_of(steps)
    assert "成本越高，越高。" in page_of(steps, headers={"accept-language": "zh-CN"})
    blank = make_standing(trend=trend, placebo={"metric": "connect", "p_value": 0.0, "ok": False})
    assert results_page(make_results(standing=blank), words("en")).trend == ""


def test_planned_looks_show_the_range_that_decides() -> None:
    """Under planned looks the lift's range is the repeated one of the last look, not one that ignores the looks."""
    comparison = make_comparison("gift-first", 0.029, 0.014, 0.001)
    del comparison["sequential"]
    comparison["group"] = {"z": 3.9, "bound": 3.4, "interval": [0.004, 0.054]}
    metric = make_metric("conversion", "primary", {"control": 0.12, "gift-first": 0.149}, [comparison])
    page = results_page(make_results(standing=make_standing(method="group", metrics=[metric])), words("en"))

    assert page.primary is not None
    lift = page.primary.arms[1].lift
    assert lift is not None
    assert (lift.low, lift.high) == (0.004, 0.054)


def test_a_loser_that_is_not_worse_was_beaten() -> None:
    """An arm that the race dropped for another, and whose range holds zero, is not called worse than the control."""
    comparison = make_comparison("gift-first", 0.009, 0.4, 0.9)
    comparison["sequential"] = {"p_value": 1.0, "interval": [-0.02, 0.04]}
    metric = make_metric("conversion", "primary", {"control": 0.12, "gift-first": 0.129}, [comparison])
    standing = make_standing(metrics=[metric])
    standing["verdict"]["arms"] = {"gift-first": "loser"}
    primary = results_page(make_results(standing=standing), words("en")).primary

    assert primary is not None
    assert primary.arms[1].lift is not None
    assert primary.arms[1].lift.word == "beaten by another arm"
