"""Values for the tests of providers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core.events import Event, Kind
from engine.telephony.adapter import DialRequest, MessageRequest
from engine.telephony.simulated import Simulated, open_adapter

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)  # ten o'clock in Shanghai
FOREVER = NOW + timedelta(days=400)
NUMBER = "+8613900001234"
SCRIPT = (
    ("opening", "您好，我是云杉书店的会员顾问小雨，您上个月在我们这里买过书，打扰您一分钟。"),
    ("benefit", "老客户这个月有一张二十元的无门槛优惠券，三天之内有效，买什么书都能用。"),
    ("invitation", "您加一下我们的企业微信就能领，挂机以后我把链接用短信发给您，可以吗？"),
    ("closing", "好的，谢谢您，祝您读书愉快，再见。"),
)


def make_adapter(book: str = ":memory:", truth: dict[str, Any] | None = None, **settings: Any) -> Simulated:
    return open_adapter(settings, {"book": book, "truth": truth or {}})


def make_request(
    contact: str = "ann", arm: str = "control", attempt: int = 1, experiment: str = "exp", **changes: Any
) -> DialRequest:
    values = {
        "call": f"{experiment}/{contact}/{attempt}",
        "to": NUMBER,
        "script": SCRIPT,
        "not_after": FOREVER,
        "contact": contact,
        "experiment": experiment,
        "arm": arm,
        "attempt": attempt,
        "timezone": "Asia/Shanghai",
    }
    return DialRequest(**(values | changes))


def make_requests(count: int, **changes: Any) -> list[DialRequest]:
    return [make_request(contact=f"c{number}", **changes) for number in range(count)]


def make_message(call: str = "exp/ann/1", **changes: Any) -> MessageRequest:
    values = {"key": f"{call}/sms", "call": call, "to": NUMBER, "text": "您的链接", "link": "https://example.com/l/1"}
    return MessageRequest(**(values | changes))


def hear(adapter: Simulated, until: datetime = FOREVER, limit: int = 5000) -> list[Event]:
    """Every event that is known by `until`, in the order in which it comes."""
    heard: list[Event] = []
    cursor = ""
    while True:
        events, cursor = adapter.poll(cursor, until, limit)
        if not events:
            return heard
        heard += events


def play(requests: list[DialRequest], truth: dict[str, Any] | None = None, **settings: Any) -> list[Event]:
    """Every event of these calls, placed at once."""
    adapter = make_adapter(truth=truth, **settings)
    adapter.submit(requests, NOW)
    return hear(adapter)


def endings(events: list[Event]) -> dict[str, Event]:
    return {event.call: event for event in events if event.kind is Kind.ENDED}


def friends(events: list[Event]) -> set[str]:
    return {event.call for event in events if event.kind is Kind.CONVERTED and event.name == "friend_added"}
