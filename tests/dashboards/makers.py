"""Makers of what pages are made of: cards, standings, results, and an app over a workspace that nobody needs."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

from fastapi.testclient import TestClient

from dashboards.app import make_app
from engine.core.cautions import Caution
from engine.core.regions import Wishes
from engine.errors import NotFound
from engine.regions import rulebook
from engine.steps import access, control, enroll, operations, receive, report, reports, ruled, settle, suppress
from engine.steps.settle import Unknown, Untold
from engine.steps.troubles import Resting
from engine.store.processes import Process
from engine.store.records import Entry

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
TOKENS = {"viewer-token": "viewer", "operator-token": "operator", "admin-token": "admin"}
ARMS = ("control", "gift-first", "story")


def make_comparison(
    arm: str, difference: float, half: float, p_value: float = 0.012, control: float = 0.12
) -> dict[str, Any]:
    """An arm against the control, its range `half` wide on both sides."""
    return {
        "arm": arm, "control": "control", "difference": difference, "relative": difference / control,
        "interval": [difference - half, difference + half], "p_value": p_value, "p_adjusted": min(2 * p_value, 1.0),
        "sequential": {
            "p_value": min(2.5 * p_value, 1.0), "interval": [difference - 1.2 * half, difference + 1.2 * half],
        },
        "probability_best": 0.93, "expected_loss": 0.0004,
    }  # fmt: skip


def make_metric(
    name: str, role: str, rates: Mapping[str, float], comparisons: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    """A rate of every arm of 3,000 people."""
    arms = [
        {
            "arm": arm, "contacts": 3000, "total": rate * 3000, "estimate": rate,
            "interval": [max(rate - 0.011, 0.0), rate + 0.011],
        }
        for arm, rate in rates.items()
    ]  # fmt: skip
    return {
        "name": name, "role": role, "kind": "rate", "better": "higher", "denominator": "assigned",
        "arms": arms, "comparisons": comparisons or [], **more,
    }  # fmt: skip


def make_delay(**arms: tuple[float, float]) -> dict[str, Any]:
    """Arms of 3,000 people by (rate, median hours), conversions coming evenly fast over a window of 24 hours."""
    hours = [part / 2 for part in range(1, 49)]
    return {
        "window_hours": 24.0, "hours": hours, "p_value": 0.2, "ok": True,
        "arms": [
            {
                "arm": arm, "dialled": 3000, "conversions": round(3000 * rate), "median_hours": median,
                "converted_by": [rate * (1 - 0.5 ** (hour / median)) for hour in hours], "late_share": 0.03,
                "still_to_come": 0.012,
            }
            for arm, (rate, median) in arms.items()
        ],
    }  # fmt: skip


def make_standing(**changes: Any) -> dict[str, Any]:
    """A running experiment with a winner and one arm that is not clear yet."""
    standing: dict[str, Any] = {
        "schema": "ringlab.standing/1", "experiment": "gift-first-2026-11", "state": "running", "control": "control",
        "as_of": "2026-11-24T10:00:00Z", "fingerprint": "9f2c41d07ab3e851", "look": 7, "method": "sequential",
        "alpha": 0.05, "smallest_useful_lift": 0.01,
        "balance": [
            {"stage": stage, "expected": dict.fromkeys(ARMS, 1 / 3), "observed": dict.fromkeys(ARMS, 3000),
             "p_value": 0.61, "odds": 0.38, "ok": True, **({} if stage == "assigned" else {"adapter": "simulated"})}
            for stage in ("assigned", "dialled", "connected")
        ],
        "placebo": {"metric": "connect", "p_value": 0.4, "odds": 0.06, "ok": True},
        "harm": {"complaints": 2, "calls": 11240, "limit": 1e-4, "odds": 0.9, "ok": True},
        "maturity": {"mature": 8600, "waiting": 400},
        "delay": make_delay(**{"control": (0.12, 3.0), "gift-first": (0.149, 5.0), "story": (0.124, 3.0)}),
        "metrics": [
            make_metric(
                "conversion", "primary", {"control": 0.12, "gift-first": 0.149, "story": 0.124},
                [make_comparison("gift-first", 0.029, 0.014, 0.001), make_comparison("story", 0.004, 0.014, 0.6)],
            ),
            make_metric(
                "connect", "secondary", {"control": 0.721, "gift-first": 0.718, "story": 0.724},
                [make_comparison("gift-first", -0.003, 0.02, 0.7), make_comparison("story", 0.003, 0.02, 0.7)],
            ),
            {
                "name": "revenue", "role": "secondary", "kind": "mean", "better": "higher", "denominator": "assigned",
                "arms": [
                    {"arm": arm, "contacts": 3000, "total": 25200.0, "estimate": 8.4, "interval": [7.9, 8.9]}
                    for arm in ARMS
                ],
                "comparisons": [
                    make_comparison("gift-first", 0.9, 0.7, 0.01, 8.4), make_comparison("story", 0.1, 0.7, 0.8, 8.4),
                ],
            },
            make_metric(
                "opt_out", "guardrail", {"control": 0.011, "gift-first": 0.0123, "story": 0.0093},
                [make_comparison("gift-first", 0.0013, 0.004, 0.5), make_comparison("story", -0.0017, 0.004, 0.4)],
                better="lower",
            ),
            make_metric(
                "complaint", "guardrail", {"control": 0.0003, "gift-first": 0.0, "story": 0.0003}, better="lower",
            ),
        ],
        "guardrails": [
            {"metric": "complaint", "arm": "gift-first", "kind": "relative_harm", "status": "pass", "limit": 1.0,
             "count": 0, "control_count": 1, "contacts": 3750, "odds": 0.2},
            {"metric": "complaint", "arm": "gift-first", "kind": "harm", "status": "pass", "limit": 1e-4, "count": 0,
             "contacts": 3750, "odds": 0.24},
            {"metric": "complaint", "arm": "story", "kind": "pause_at", "status": "pass", "limit": 3, "count": 1,
             "contacts": 3750},
            {"metric": "opt_out", "arm": "gift-first", "kind": "no_worse_by", "status": "pass", "limit": 0.01,
             "worse_by": 0.0013, "odds": 0.02, "odds_within": 310.0, "interval": [-0.004, 0.007]},
        ],
        "verdict": {
            "status": "winner", "arm": "gift-first", "arms": {"gift-first": "winner", "story": "not_enough_people"},
            "sentence": "Naming the gift first adds about 2.9 friends per 100 people called.",
            "next": "Make gift-first the control of the next round.",
            "reasons": ["The range is above zero at every look since the fifth.", "Balance and placebo are in order."],
        },
        "verdict_zh": {
            "status": "winner", "arm": "gift-first",
            "sentence": "开场先说礼品，每 100 位客户约多 2.9 人加好友。",
            "next": "下一轮以 gift-first 为对照组。",
            "reasons": ["从第 5 次查看起，区间一直高于零。", "分组平衡，安慰剂检验正常。"],
        },
        "warnings": [],
    }  # fmt: skip
    return {**standing, **deepcopy(changes)}


def make_card(**changes: Any) -> report.Card:
    """The card of a running experiment with three arms."""
    values: dict[str, Any] = {
        "name": "gift-first-2026-11", "state": "running",
        "hypothesis": "Naming the gift in the first sentence raises friend-adds by 2 points.",
        "owner": "growth", "variables": ("script",),
        "arms": (
            report.ArmRow("control", None, 0.34, 3000),
            report.ArmRow("gift-first", "script", 0.33, 3000),
            report.ArmRow("story", "script", 0.33, 3000),
        ),
        "assigned": 9000, "planned": 12000, "dialled": 8610, "calls": 11240, "spend": 1348.8, "days_left": 2.4,
        "health": "good", "health_reason": "", "next_action": "",
        "created_at": NOW - timedelta(days=3),
        "verdict": make_standing()["verdict"], "verdict_zh": make_standing()["verdict_zh"], "lift": 0.029,
    }  # fmt: skip
    return report.Card(**{**values, **changes})


def make_looks(count: int = 7) -> tuple[report.LookRow, ...]:
    """Looks half a day apart, whose ranges narrow."""
    return tuple(
        report.LookRow(
            number=number,
            as_of=NOW - timedelta(hours=12 * (count - number)),
            estimate={
                "control": (0.12, 0.12 - 0.03 / number, 0.12 + 0.03 / number),
                "gift-first": (0.149 + 0.02 / number, 0.149 - 0.02 / number, 0.149 + 0.05 / number),
                "story": (0.124, 0.124 - 0.03 / number, 0.124 + 0.03 / number),
            },
            status="winner" if number > 4 else "leaning" if number > 2 else "not_enough_people",
        )
        for number in range(1, count + 1)
    )


def make_funnel() -> tuple[report.FunnelStep, ...]:
    """Three arms' people from assigned to ordered."""
    shares = {
        "assigned": (1.0, 1.0, 1.0), "dialled": (0.957, 0.957, 0.957), "connected": (0.721, 0.718, 0.724),
        "listened": (0.43, 0.51, 0.44), "intent": (0.2, 0.25, 0.21), "message_delivered": (0.195, 0.243, 0.2),
        "link_opened": (0.15, 0.19, 0.155), "converted": (0.12, 0.149, 0.124), "ordered": (0.06, 0.072, 0.061),
    }  # fmt: skip
    return tuple(
        report.FunnelStep(name, {arm: round(share * 3000) for arm, share in zip(ARMS, row, strict=True)})
        for name, row in shares.items()
    )


def make_results(standing: dict[str, Any] | None = None, **changes: Any) -> report.Results:
    """Everything about one experiment."""
    values: dict[str, Any] = {
        "card": make_card(),
        "standing": standing or make_standing(),
        "treatments": {arm: {"script": arm} for arm in ARMS},
        "differences": {
            "gift-first": (
                report.DifferenceRow(
                    "opening",
                    (
                        ("same", "您好，这里是青禾优选，"), ("removed", "耽误您一分钟。"),
                        ("added", "给您留了一份新人礼，想在一分钟内和您说清楚怎么领。"),
                    ),
                ),
                report.DifferenceRow("closing", (("same", "祝您生活愉快，再见。"),)),
            ),
            "story": (
                report.DifferenceRow(
                    "benefit",
                    (
                        ("same", "A customer in your town "), ("removed", "saved 20 yuan"),
                        ("added", "cooked for six with it"),
                    ),
                ),
            ),
        },
        "funnel": make_funnel(),
        "looks": make_looks(),
        "settings": {
            "decision": {"method": "sequential", "alpha": "5%", "smallest_useful_lift": "1pt"},
            "schedule": {"days": ["mon", "tue"], "end": None},
        },
        "yaml": "experiment: gift-first-2026-11\ncontrol: {script: control}\narms:\n  story: {script: story}\n",
        "reproduce": "ringlab results gift-first-2026-11 --format json",
        "questions": (("是不是骗子", 41), ("Do I have to pay?", 7)),
        "refusals": (
            ("suppressed", "on the suppression list", 212),
            ("invalid_number", "a number that cannot be called", 31),
        ),
        "money": {"gift-first": (870.0, 320.0, 1420.0), "story": (120.0, -300.0, 540.0)},
    }  # fmt: skip
    return report.Results(**{**values, **changes})


def make_operations(**changes: Any) -> operations.Operations:
    """One campaign under way, two processes of which one fell silent, two calls of unknown fate."""
    lane = operations.Lane("gift-first-2026-11", "running", 3, 41, 2, 60, NOW, NOW - timedelta(seconds=4))
    early = NOW - timedelta(minutes=9)
    processes = (
        operations.Living(Process("5c1f0a77d2e94b18", "dispatcher", NOW - timedelta(hours=5), NOW), True),
        operations.Living(Process("a90e33d21b7f4c66", "dispatcher", NOW - timedelta(hours=6), early), False),
    )
    calls = (
        Untold(
            "gift-first-2026-11/C0000017/1", "C0000017", "+86138******11", 1, early, "the provider cannot tell", True
        ),
        Untold("gift-first-2026-11/C0000018/2", "C0000018", "+86138******12", 2, NOW, "no answer within 10 s", False),
    )
    values: dict[str, Any] = {
        "processes": processes, "lanes": (lane,), "unknown": (Unknown("gift-first-2026-11", calls),), "waiting": 2,
        "troubled": ((early, "http", "the body is not JSON"),),
        "audit": (Entry(early, "operator (page)", "pause", "gift-first-2026-11", "caller number flagged"),),
    }  # fmt: skip
    return operations.Operations(**(values | changes))


def make_ruled(region: str = "US", **changes: Any) -> ruled.Ruled:
    """The rules of an experiment in a region, as they hold this week: some refused, a list missing."""
    book = rulebook()
    place = book.place(region, "")
    bounds = book.bounds(place, Wishes())
    days = tuple(
        ruled.Day(day, holiday, (str(bounds.openings.hours_on(day)), "10:00-12:00"))
        for day, holiday in [(date(2026, 11, 24), False), (date(2026, 11, 26), True), (date(2027, 1, 4), None)]
    )
    values: dict[str, Any] = {
        "name": "gift-first-2026-11", "state": "running", "region": region, "states": len(place.states),
        "zones": ("America/New_York", "America/Chicago"),
        "rows": tuple(ruled.Held(row, row.is_ours) for row in bounds.rows),
        "groups": (("control", "story"), ("gift-first",)), "days": days, "caps": bounds.caps, "accepts": bounds.accepts,
        "lists": tuple(ruled.Asked(one, None, fresh=False) for one in bounds.lists), "block": bounds.block,
        "cautions": (Caution(("audience",), "the holidays are not known", "节假日未知"),),
        "refusals": (("no_consent", "no consent", 212), ("window", "no open window", 31)),
        "refused_people": 240, "people": 5000, "next_due": NOW + timedelta(hours=5), "begun": False,
    }  # fmt: skip
    return ruled.Ruled(**{**values, **changes})


@dataclass(frozen=True, slots=True)
class Made:
    """What a posted experiment comes back as."""

    name: str = "gift-first-2026-11"
    fingerprint: str = "9f2c41d07ab3e851"


class Steps:
    """The engine's steps for one test: each answers as it is told, and remembers what it was asked."""

    def __init__(self, cards: tuple[report.Card, ...] | None = None, results: report.Results | None = None) -> None:
        self.found = results or make_results()
        self.listed = (make_card(),) if cards is None else cards
        self.asked: list[tuple[Any, ...]] = []
        self.tokens = dict(TOKENS)
        self.ruled = make_ruled()
        self.suppressed: list[Any] = []
        self.operations = make_operations()
        self.resting: tuple[Resting, ...] = ()
        self.raises: dict[str, Exception] = {}

    def asks(self, name: str, answer: Any) -> Any:
        """A step of this name."""

        def step(workspace: Any, *arguments: Any, **named: Any) -> Any:
            self.asked.append((name, *arguments))
            if name in self.raises:
                raise self.raises[name]
            return answer(*arguments) if callable(answer) else answer

        return step

    def results_of(self, name: str, now: datetime) -> report.Results:
        if name != self.found.card.name:
            raise NotFound("experiment", name, (self.found.card.name,))
        return self.found

    def patches(self) -> list[Any]:
        """What stands in for the engine."""
        by_module: dict[Any, dict[str, Any]] = {
            report: {
                "cards": lambda now: self.listed, "results": self.results_of,
                "standing": lambda name, now: self.results_of(name, now).standing,
                "refusals": lambda name: self.results_of(name, NOW).refusals,
                "adapters": ({"name": "simulated"},), "resting": lambda now: self.resting,
            },
            control: {"pause": None, "resume": None, "stop": None},
            enroll: {
                "create": Made(),
                "add_contacts": lambda people, now: {"enrolled": len(people), "repeated": 0, "rejected": 0},
            },
            receive: {
                "add_conversions": lambda facts, now: len(facts),
                "open_link": "https://example.com/j?c=1",
            },
            reports.Verifiers: {"remembered": None, "verified": "a report"},
            reports: {"store_reports": None},
            suppress: {
                "add": lambda phones, *_: len(phones),
                "remove": lambda phones, *_: len(phones),
                "check": True,
                "listing": lambda limit, offset: self.suppressed,
            },
            operations: {"operations": lambda now: self.operations},
            settle: {"settle": None, "unknown": lambda experiment=None: self.operations.unknown},
            ruled: {"rules_of": lambda name, now: self.results_of(name, now) and self.ruled},
            access: {"role_of": lambda token, now: self.tokens.get(token)},
        }  # fmt: skip
        return [
            patch.object(module, name, self.asks(name, answer), create=False)
            for module, steps in by_module.items()
            for name, answer in steps.items()
        ]


def make_client(token: str | None = None, **options: Any) -> TestClient:
    """A browser before the app; with a token, the API's bearer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    app = make_app(object(), clock=lambda: NOW, **options)
    return TestClient(app, headers=headers, follow_redirects=False)


def sign_in(client: TestClient, token: str) -> None:
    """Sign the browser in."""
    assert client.post("/login", data={"token": token}).status_code == 303
