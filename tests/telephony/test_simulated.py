"""The simulated provider: what it remembers, what it reports of messages and questions, and when."""

import multiprocessing
import os
import signal
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.errors import AdapterError
from engine.telephony.adapter import Fate, Finding
from engine.telephony.dialogue import QUESTIONS, asked, speak, unknown_to
from engine.telephony.wire import body_of, read_body
from tests.telephony.makers import (
    NOW,
    SCRIPT,
    endings,
    friends,
    hear,
    make_adapter,
    make_message,
    make_request,
    make_requests,
    play,
)


def by_message(events: list[Event]) -> dict[str, dict[Kind, Event]]:
    journeys: dict[str, dict[Kind, Event]] = {}
    for event in events:
        if "sms" in event.key:
            journeys.setdefault(event.call, {})[event.kind] = event
    return journeys


def test_a_second_submit_rings_again_and_the_book_counts_it() -> None:
    """A provider does not notice a repeated key: the telephone rings twice, and both calls are reported."""
    adapter = make_adapter()
    requests = make_requests(5)
    first = adapter.submit(requests, NOW)
    second = adapter.submit([requests[2], requests[2]], NOW + timedelta(seconds=1))
    assert adapter.book.doubles() == {"exp/c2/1": 3}
    assert adapter.book.placings("exp/c2/1") == 3
    assert adapter.book.placings("exp/c1/1") == 1
    assert adapter.book.calls() == 7
    assert len({receipt.provider_id for receipt in first + second}) == 7
    ended = [event for event in hear(adapter) if event.kind is Kind.ENDED and event.call == "exp/c2/1"]
    assert [event.key for event in ended] == ["exp/c2/1#ended", "exp/c2/1#2#ended", "exp/c2/1#3#ended"]


def test_the_book_outlives_the_process(tmp_path: Path) -> None:
    """Calls placed before a kill are found again, and their events are heard from the cursor on."""
    path = str(tmp_path / "provider.db")

    def place() -> None:
        adapter = make_adapter(path)
        adapter.submit(make_requests(50), NOW)
        os.kill(os.getpid(), signal.SIGKILL)

    process = multiprocessing.get_context("fork").Process(target=place)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    adapter = make_adapter(path)
    assert hear(adapter) == play(make_requests(50))
    assert adapter.find("exp/c7/1", NOW).finding is Finding.FOUND
    assert adapter.find("exp/c7/1", NOW).events == ()
    adapter.close()


def test_a_cursor_holds_over_a_restart(tmp_path: Path) -> None:
    """A reader that kept its cursor goes on where it was."""
    path = str(tmp_path / "provider.db")
    adapter = make_adapter(path)
    adapter.submit(make_requests(50), NOW)
    whole = hear(adapter)
    begun, cursor = adapter.poll("", NOW + timedelta(days=90), 10)
    adapter.close()
    adapter = make_adapter(path)
    rest, _ = adapter.poll(cursor, NOW + timedelta(days=90), 1000)
    assert begun + rest == whole
    adapter.close()


def test_a_call_placed_behind_the_reader_is_still_heard() -> None:
    """A call submitted with an earlier clock than the last poll's is reported after the cursor."""
    adapter = make_adapter()
    adapter.submit(make_requests(30), NOW)
    _, cursor = adapter.poll("", NOW + timedelta(hours=1), 1000)
    adapter.submit([make_request("slow")], NOW)
    events, _ = adapter.poll(cursor, NOW + timedelta(hours=1), 1000)
    assert [event.key for event in events] == ["exp/slow/1#ended"]
    assert events[0].at < NOW + timedelta(minutes=5)


def test_threads_and_a_reader_lose_nothing(tmp_path: Path) -> None:
    """Several threads and connections place calls while another reads: each event is heard once."""
    path = str(tmp_path / "provider.db")
    adapters = [make_adapter(path) for _ in range(3)]
    threads = [
        threading.Thread(
            target=lambda adapter=adapter, name=f"t{place}": [
                adapter.submit([make_request(f"{name}-{number}")], NOW) for number in range(30)
            ]
        )
        for place, adapter in enumerate(adapters)
    ]
    for thread in threads:
        thread.start()
    reader, heard, cursor = make_adapter(path), [], ""
    while any(thread.is_alive() for thread in threads):
        events, cursor = reader.poll(cursor, NOW + timedelta(days=90), 7)
        heard += events
    for thread in threads:
        thread.join()
    heard += reader.poll(cursor, NOW + timedelta(days=90), 5000)[0]
    keys = [event.key for event in heard]
    assert len(keys) == len(set(keys))
    assert len(endings(heard)) == 90
    for adapter in (*adapters, reader):
        adapter.close()


def test_a_file_that_is_no_book_is_refused(tmp_path: Path) -> None:
    """Another file is never written over."""
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("these are notes, and much longer than the header of a database file" * 20)
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (id)")
    connection.commit()
    connection.close()
    for path in (text, other, tmp_path / "nowhere" / "book.db"):
        with pytest.raises(AdapterError, match=path.name):
            make_adapter(str(path))
    assert text.read_text().startswith("these are notes")


def test_a_book_that_cannot_be_written_leaves_receipts_unknown(tmp_path: Path) -> None:
    """Where the provider fails, nothing is said to be placed, and the lookup settles it."""
    path = str(tmp_path / "provider.db")
    adapter = make_adapter(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE reports")
    connection.close()
    late = make_request("late", not_after=NOW - timedelta(seconds=1))
    receipts = adapter.submit([make_request("ann"), late], NOW)
    assert [receipt.fate for receipt in receipts] == [Fate.UNKNOWN, Fate.NOT_SENT]
    assert adapter.book.placings("exp/ann/1") == 0
    assert [receipt.fate for receipt in adapter.send([make_message()], NOW)] == [Fate.UNKNOWN]
    with pytest.raises(AdapterError, match=r"provider\.db: .*no such table"):
        adapter.poll("", NOW, 10)
    adapter.close()


def test_a_friends_message_is_read_before_the_conversion() -> None:
    """Sent, delivered, opened, converted, in this order, for everybody who converts."""
    adapter = make_adapter()
    receipts = adapter.submit(make_requests(3000), NOW)
    at = NOW + timedelta(minutes=2)
    adapter.send([make_message(receipt.key) for receipt in receipts], at)
    events = hear(adapter)
    journeys = by_message(events)
    converted = {event.call: event.at for event in events if event.name == "friend_added"}
    for call in friends(events):
        journey = journeys[call]
        assert at < journey[Kind.MESSAGE_SENT].at < journey[Kind.MESSAGE_DELIVERED].at
        assert journey[Kind.MESSAGE_DELIVERED].at <= journey[Kind.LINK_OPENED].at < converted[call]
    assert all(journey[Kind.MESSAGE_SENT].cost == 0.05 for journey in journeys.values())


def test_other_peoples_messages_are_delivered_and_opened_at_the_set_rates() -> None:
    """Of messages to people who do not convert, so many arrive, and of those so many are opened."""
    adapter = make_adapter(conversion=0, delivered="90%", opens="40%", opt_out=0)
    receipts = adapter.submit(make_requests(4000), NOW)
    adapter.send([make_message(receipt.key) for receipt in receipts], NOW + timedelta(minutes=2))
    kinds = [event.kind for event in hear(adapter)]
    delivered, failed = kinds.count(Kind.MESSAGE_DELIVERED), kinds.count(Kind.MESSAGE_FAILED)
    assert delivered + failed == 4000
    assert delivered / 4000 == pytest.approx(0.9, abs=0.02)
    assert kinds.count(Kind.LINK_OPENED) / delivered == pytest.approx(0.4, abs=0.035)


@pytest.mark.parametrize("wait", [timedelta(minutes=9, seconds=50), timedelta(hours=12), timedelta(days=20)])
def test_a_late_message_still_has_its_steps_in_order(wait: timedelta) -> None:
    """A message that is sent just before, or after, the conversion is delivered and opened after it was sent."""
    adapter = make_adapter(conversion_delay="11m")
    receipts = adapter.submit(make_requests(600), NOW)
    adapter.send([make_message(receipt.key) for receipt in receipts], NOW + wait)
    events = hear(adapter)
    journeys = by_message(events)
    for call in friends(events):
        journey = journeys[call]
        steps = [journey[kind].at for kind in (Kind.MESSAGE_SENT, Kind.MESSAGE_DELIVERED, Kind.LINK_OPENED)]
        assert NOW + wait < steps[0] < steps[1] <= steps[2]


def test_messages_have_receipts_and_are_counted() -> None:
    """A message has a receipt of its own; the same key again is a second message; a bad number is refused."""
    adapter = make_adapter()
    adapter.submit([make_request("ann")], NOW)
    bad = make_message("exp/bob/1", to="12")
    receipts = adapter.send([make_message(), bad, make_message("no such call")], NOW + timedelta(minutes=1))
    assert [receipt.fate for receipt in receipts] == [Fate.ACCEPTED, Fate.REFUSED, Fate.ACCEPTED]
    adapter.send([make_message()], NOW + timedelta(minutes=2))
    assert adapter.book.sendings("exp/ann/1/sms") == 2
    assert adapter.book.doubles() == {}
    assert adapter.find("no such call", NOW + timedelta(days=1)).finding is Finding.ABSENT
    sent = [event.key for event in hear(adapter) if event.kind is Kind.MESSAGE_SENT]
    assert sorted(set(sent)) == sorted(sent)
    assert len(sent) == 3


def test_find_tells_what_is_known_so_far() -> None:
    """A lookup gives each event once, and none before it happened."""
    adapter = make_adapter(conversion="35%", repeats="100%", progress="on")
    adapter.submit(make_requests(40), NOW)
    call = min(friends(hear(adapter)))
    early = adapter.find(call, NOW + timedelta(minutes=30)).events
    whole = adapter.find(call, NOW + timedelta(days=40)).events
    assert [event.kind for event in early[:3]] == [Kind.RINGING, Kind.ANSWERED, Kind.ENDED]
    assert len({event.key for event in whole}) == len(whole)
    assert {event.kind for event in whole} - {event.kind for event in early} <= {Kind.CONVERTED}
    assert whole[-1].at > early[-1].at


def test_the_conversion_has_the_experiments_own_name() -> None:
    """A request's variable names the event; where it is an order, the conversion is the order."""
    joined = play(make_requests(300, variables={"conversion_event": "joined"}))
    assert {event.name for event in joined if event.kind is Kind.CONVERTED} == {"joined", "ordered"}
    bought = play(make_requests(300, variables={"conversion_event": "ordered"}))
    orders = [event for event in bought if event.kind is Kind.CONVERTED]
    assert {event.name for event in orders} == {"ordered"}
    assert len(orders) == len({event.call for event in orders}) == len([e for e in joined if e.name == "joined"])
    assert all(event.value > 0 for event in orders)


def test_an_order_follows_its_conversion() -> None:
    """Nobody orders before becoming a friend."""
    events = play(make_requests(2000))
    won = {event.call: event.at for event in events if event.name == "friend_added"}
    orders = [event for event in events if event.name == "ordered"]
    assert orders
    assert all(timedelta(0) < event.at - won[event.call] < timedelta(hours=3) for event in orders)


def test_the_qa_bank_answers_what_it_knows() -> None:
    """Only questions that no entry of the bank is about are reported as unanswered."""
    without = play(make_requests(2000))
    questions = {question for event in without for question in event.questions}
    assert questions == {question.text for question in QUESTIONS["zh"]}
    share = sum(bool(event.questions) for event in without) / len(endings(without))
    assert 0.1 < share < 0.35
    bank = {"这个是免费的吗": "是的", "你是真人吗": "我是智能助手"}
    left = {question for event in play(make_requests(2000, answers=bank)) for question in event.questions}
    assert questions - left == {"这个要钱吗？", "你是机器人吗？"}
    assert unknown_to(tuple(question.text for bank in QUESTIONS.values() for question in bank)) == frozenset()


def test_english_scripts_are_asked_in_english() -> None:
    """People ask in the language that they hear."""
    english = (("opening", "Hello, this is Rain from Cloud Books."), ("closing", "Goodbye."))
    questions = {question for event in play(make_requests(800, script=english)) for question in event.questions}
    assert questions == {question.text for question in QUESTIONS["en"]}


def test_a_script_takes_its_time_block_by_block() -> None:
    """Nine Chinese characters or five English words take about two seconds; a call without script has no block."""
    chinese = speak((("opening", "您好" * 9), ("closing", "再见" * 9)))
    assert chinese.seconds == pytest.approx(36 / 4.5, rel=0.05)
    assert speak((("opening", "please add our account today " * 10),)).seconds == pytest.approx(50 / 2.6, rel=0.1)
    assert [chinese.block_at(second) for second in (0, 3, 5, 99)] == ["opening", "opening", "closing", "closing"]
    assert speak(()).block_at(5) == ""
    assert asked("zh", 0.99, 0.999) == (QUESTIONS["zh"][9].text, QUESTIONS["zh"][2].text)


def test_a_longer_script_takes_longer_and_a_limit_cuts_it() -> None:
    """Talk follows the script's length up to the request's limit."""

    def talk(**changes: object) -> list[float]:
        heard = endings(play(make_requests(1000, **changes)))
        return [event.seconds for event in heard.values() if event.disposition is Disposition.ANSWERED_HUMAN]

    assert sum(talk(script=SCRIPT * 2)) > sum(talk()) * 1.15
    assert max(talk(talk_limit=timedelta(seconds=20))) == 20


def test_a_call_rings_no_longer_than_it_may() -> None:
    """A call that rings out ends at the ring timeout."""
    events = endings(play(make_requests(500, ring_timeout=timedelta(seconds=12)), hour_effect="off")).values()
    out = {event.at - NOW for event in events if event.disposition is Disposition.NO_ANSWER}
    assert out == {timedelta(seconds=12)}
    assert max(event.at - timedelta(seconds=event.seconds) for event in events) <= NOW + timedelta(seconds=12)


def test_an_event_survives_its_webhook() -> None:
    """Every field of an event is read back from the body that reports it."""
    event = Event(
        "k", Kind.ENDED, NOW, "exp/ann/1", "sim-1", Disposition.ANSWERED_HUMAN, 12.3, 0.15, True, True,
        "benefit", True, ("这个要钱吗？",), "n", 9.5, "d",
    )  # fmt: skip
    assert read_body(body_of([event])) == [event]
    assert read_body(body_of([Event("k", Kind.COMPLAINED, NOW)])) == [Event("k", Kind.COMPLAINED, NOW)]


def test_a_webhook_may_say_what_nobody_knows() -> None:
    """An unknown kind is no event, and an unknown disposition is a failed call with the provider's word."""
    ended = b'{"key": "a", "kind": "ended", "at": "2026-11-23T10:00:00+08:00", "disposition": "eaten_by_a_dog"}'
    body = b'{"events": [{"key": "b", "kind": "dreaming", "at": "2026-11-23T02:00:00Z"}, ' + ended + b"]}"
    assert read_body(body) == [Event("a", Kind.ENDED, NOW, disposition=Disposition.FAILED, detail="eaten_by_a_dog")]


def test_without_a_secret_no_webhook_is_believed() -> None:
    """A provider that shares no secret cannot sign, so that nobody can report in its name."""
    with pytest.raises(AdapterError, match="secret"):
        make_adapter().verify({}, b"{}", "", NOW)
