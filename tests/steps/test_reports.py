"""Webhooks: stored before they are answered, judged later, in whatever order and by whatever process."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.treatments import Disposition
from engine.errors import DatabaseError, Forged
from engine.steps import control, enroll, receive, reports
from engine.steps.dispatch import dispatch
from engine.steps.keeping import Busy, Keeper
from engine.steps.reports import Report, Verifiers
from engine.workspace import Running, Workspace
from tests import databases
from tests.steps.makers import (
    MONDAY,
    counts_of,
    make_workspace,
    number_of,
    outcomes_of,
    rows_of,
    start,
    write_experiment,
)
from tests.telephony.benches import http_settings
from tests.telephony.provider import Manner, signed
from tests.telephony.served import Served

SOON = timedelta(minutes=10)
BRAND = {"brand": "青禾优选"}
URL = "https://ring.example/webhooks/http"


def words(secret: str, url: str = "https://vendor.example") -> dict[str, Any]:
    """Settings of `http` whose webhooks are signed with a secret."""
    sound = http_settings(url)
    sound["webhook"]["signature"] = {"kind": "hmac-sha256", "secret": secret}
    return sound


def make_body(contact: int, status: str, event: str = "", minutes: float = 1, **call: Any) -> bytes:
    """A webhook about a contact's first call."""
    at = (MONDAY + timedelta(minutes=minutes)).isoformat()
    key = f"gift-first/C{contact:05}/1"
    said = {"id": f"p-{contact}", "status": status, **call}
    return json.dumps({"event": event or f"{contact}-{status}", "key": key, "time": at, "call": said}).encode()


def hear(workspace: Workspace, *bodies: bytes, secret: str = "hush", now: datetime = MONDAY + SOON) -> None:
    """Store these webhooks as the provider would send them."""
    for body in bodies:
        reports.receive_report(workspace, "http", signed(secret, body), body, URL, now)


def placed(workspace: Workspace, folder: Path, people: int = 6, **changes: Any) -> Running:
    """An experiment that calls through `http`, its calls in flight."""
    provider = Served(Manner(webhooks=False))
    try:
        changes = {"adapter": "http", "values": BRAND, "settings": words("hush", provider.url)} | changes
        running = start(workspace, write_experiment(folder, people, **changes))
        assert dispatch(workspace, running, MONDAY, people).placed == people
        assert [ring["expires"] for ring in provider.provider.ledger.rings]
    finally:
        provider.close()
    return running


def test_each_experiment_is_heard_with_its_own_secret(tmp_path: Path) -> None:
    """Two experiments at one provider with two secrets: each webhook is verified and read with its own settings."""
    with make_workspace(tmp_path) as workspace:
        placed(workspace, tmp_path)
        other = words("other")
        other["webhook"]["statuses"] = {"engaged": "busy"}
        path = write_experiment(tmp_path, 6, experiment="second", adapter="http", values=BRAND, settings=other,
                                compatible_with=["gift-first"])  # fmt: skip
        enroll.start(workspace, path, MONDAY)
        hear(workspace, make_body(0, "busy"))
        theirs = make_body(1, "engaged").replace(b"gift-first/", b"second/")
        hear(workspace, theirs, secret="other")
        kept = [json.loads(row[0])["x-ringlab-experiment"] for row in rows_of(workspace, "SELECT headers FROM reports")]
        assert kept == ["gift-first", "second"]
        assert reports.judge_reports(workspace, MONDAY + SOON).new == 2
        assert rows_of(workspace, "SELECT DISTINCT disposition FROM events") == [("busy",)]
        control.stop(workspace, "second", "enough", "ann", MONDAY + SOON)
        hear(workspace, theirs, secret="other", now=MONDAY + timedelta(days=1))
        with pytest.raises(Forged):
            hear(workspace, theirs, secret="third")
        with pytest.raises(Forged):
            hear(workspace, theirs, secret="other", now=MONDAY + timedelta(days=60))


def test_who_was_remembered_is_asked_first_and_the_database_after(tmp_path: Path) -> None:
    """An experiment that starts later is found; until then nothing is believed that it alone could verify."""
    with make_workspace(tmp_path) as workspace:
        placed(workspace, tmp_path)
        verifiers, body = Verifiers(workspace), make_body(0, "busy")
        asked = ("http", signed("hush", body), body, URL, MONDAY)
        assert verifiers.remembered(*asked) is None
        assert verifiers.verified(*asked) == verifiers.remembered(*asked)
        assert verifiers.remembered("http", signed("guess", body), body, URL, MONDAY) is None


def test_no_secret_and_no_word_of_ours_is_taken_from_outside(tmp_path: Path) -> None:
    """Headers that hold secrets are not kept, and a sender cannot say which experiment verified it."""
    with make_workspace(tmp_path) as workspace:
        placed(workspace, tmp_path)
        body = make_body(0, "busy")
        more = {"Authorization": "a", "X-Api-Key": "b", "x-vendor-secret": "c", "X-Ringlab-Experiment": "other"}
        reports.receive_report(workspace, "http", signed("hush", body) | more, body, URL, MONDAY)
        kept = json.loads(rows_of(workspace, "SELECT headers FROM reports")[0][0])
        assert kept.keys() == {"x-signature", "x-ringlab-received-at", "x-ringlab-experiment"}
        assert kept["x-ringlab-experiment"] == "gift-first"


STORY = [
    make_body(0, "ringing", minutes=1),
    make_body(0, "answered", minutes=2, talk_seconds=30, cost=0.2, result={"intent": True}),
    make_body(1, "ringing", minutes=1), make_body(1, "no_answer", minutes=2),
    make_body(2, "busy", minutes=1), make_body(2, "ringing", "late", minutes=0.5),
]  # fmt: skip


def told(folder: Path, story: list[bytes], often: int) -> tuple[Any, Any, Any]:
    """What a database holds after these webhooks, judged in as many turns as are asked for."""
    with make_workspace(folder) as workspace:
        running = placed(workspace, folder, 3)
        for number in range(often):
            hear(workspace, *story[number::often])
            reports.judge_reports(workspace, MONDAY + SOON)
        receive.join_unmatched(workspace, "http", MONDAY + SOON)
        assert running.adapter.capabilities.webhook_auth == "signature"
        assert workspace.database.check() == ()
        calls = rows_of(workspace, "SELECT key, state, disposition, seconds, cost FROM calls ORDER BY key")
        events = rows_of(workspace, "SELECT key, kind, at FROM events ORDER BY key")
        return calls, events, outcomes_of(workspace)


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What comes of the story as it happened."""
    return told(tmp_path_factory.mktemp("told"), STORY, 1)


@settings(max_examples=12, deadline=None)
@given(story=st.permutations(STORY), repeats=st.lists(st.sampled_from(STORY), max_size=3), often=st.integers(1, 3))
def test_no_order_and_no_repeat_changes_what_is_known(
    tmp_path_factory: pytest.TempPathFactory, in_order: Any, story: list[bytes], repeats: list[bytes], often: int
) -> None:
    """A late `ringing` never undoes an end: whatever the order, the database holds the same calls and outcomes."""
    assert told(tmp_path_factory.mktemp("told"), [*story, *repeats], often) == in_order


def test_one_poisonous_report_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report on which the adapter fails, or whose events cannot be kept, keeps its trouble; others are judged."""
    with make_workspace(tmp_path) as workspace:
        running = placed(workspace, tmp_path)
        hear(workspace, *(make_body(contact, "busy") for contact in range(6)))
        parse, take = running.adapter.parse, reports.take

        def fails(headers: Mapping[str, str], body: bytes) -> Any:
            if b"C00001" in body:
                raise KeyError("+8619900000001")
            return parse(headers, body)

        def poisoned(workspace: Any, connection: Any, source: str, events: Any, now: Any) -> Any:
            if any("C00003" in event.call for event in events):
                raise ValueError("+8619900000003")
            return take(workspace, connection, source, events, now)

        monkeypatch.setattr(running.adapter, "parse", fails)
        monkeypatch.setattr(reports, "take", poisoned)
        assert reports.judge_reports(workspace, MONDAY + SOON).new == 4
        troubles = [row[0] for row in rows_of(workspace, "SELECT trouble FROM reports ORDER BY id")]
        assert [bool(trouble) for trouble in troubles] == [False, True, False, True, False, False]
        assert "199" not in " ".join(troubles)
        assert reports.judge_reports(workspace, MONDAY + SOON).events == 0


def test_a_database_that_fails_marks_no_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is not the report's fault: it waits, and is judged when there is room."""
    with make_workspace(tmp_path) as workspace:
        placed(workspace, tmp_path)
        hear(workspace, make_body(0, "busy"))
        take = reports.take

        def full(*_: Any) -> Any:
            raise DatabaseError("the disk is full")

        monkeypatch.setattr(reports, "take", full)
        with pytest.raises(DatabaseError):
            reports.judge_reports(workspace, MONDAY + SOON)
        assert number_of(workspace, "SELECT count(*) FROM reports WHERE judged_at IS NULL") == 1
        monkeypatch.setattr(reports, "take", take)
        assert reports.judge_reports(workspace, MONDAY + SOON).new == 1


def test_an_event_whose_id_is_not_known_yet_finds_its_call_in_another_process(tmp_path: Path) -> None:
    """A webhook with the provider's id alone, heard before another process keeps the receipt, is joined later."""
    with make_workspace(tmp_path) as workspace:
        placed(workspace, tmp_path, 1)
        with workspace.database.writing() as connection:
            connection.exec_driver_sql("UPDATE calls SET provider_id = '', state = 'begun'")
        body = make_body(0, "busy").replace(b"gift-first/C00000/1", b"").replace(b"p-0", b"p-1")
        hear(workspace, body)
        assert reports.judge_reports(workspace, MONDAY + SOON).new == 1
        assert receive.join_unmatched(workspace, "http", MONDAY + SOON) == 0
    with make_workspace(tmp_path) as another:
        with another.database.writing() as connection:
            connection.exec_driver_sql("UPDATE calls SET provider_id = 'p-1', state = 'accepted'")
        assert receive.join_unmatched(another, "http", MONDAY + SOON) == 1
        assert rows_of(another, "SELECT state, disposition FROM calls WHERE attempt = 1") == [("ended", "busy")]


def test_a_report_that_names_the_providers_id_alone_counts_for_its_call(tmp_path: Path) -> None:
    """In the ledger it stands under our key, so that outcomes tell a person's first call from the second."""
    with make_workspace(tmp_path) as workspace:
        placed(workspace, tmp_path, 1)
        (name,) = rows_of(workspace, "SELECT provider_id FROM calls")[0]
        body = make_body(0, "answered", talk_seconds=20).replace(b"gift-first/C00000/1", b"")
        hear(workspace, body.replace(b"p-0", name.encode()))
        assert reports.judge_reports(workspace, MONDAY + SOON).new == 1
        assert rows_of(workspace, "SELECT call FROM events") == [("gift-first/C00000/1",)]
        assert rows_of(workspace, "SELECT calls, connected, first_connected FROM outcomes") == [(1, 1, 1)]
        assert workspace.database.check() == ()


KILLED = """
import sys
from pathlib import Path
from engine.settings import Settings
from engine.steps import reports
from engine.workspace import Workspace
from tests.steps.test_reports import MONDAY, SOON, STORY, hear

workspace = Workspace(Settings(sys.argv[2], "https://ring.example"), Path(sys.argv[1]))
hear(workspace, *STORY)
reports.judge_reports(workspace, MONDAY + SOON)
"""


@pytest.mark.parametrize("when", ["stored", "judging"])
def test_a_receiver_killed_between_store_and_judge_loses_nothing(tmp_path: Path, when: str) -> None:
    """kill -9 after the webhooks are stored, or in the transaction that judges them: the next process judges all."""
    with make_workspace(tmp_path) as workspace:
        placed(workspace, tmp_path, 3)
    times = len(STORY) if when == "stored" else 1
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "RINGLAB_FAILPOINT": f"{when}:{times}"}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), databases.here().url(tmp_path)], env=environment, check=False
    )
    assert killed.returncode == -9
    with make_workspace(tmp_path) as workspace:
        assert number_of(workspace, "SELECT count(*) FROM events") == 0
        assert number_of(workspace, "SELECT count(*) FROM reports") == len(STORY)
        assert reports.judge_reports(workspace, MONDAY + SOON).new == len(STORY)
        states = counts_of(workspace, "SELECT disposition, count(*) FROM calls WHERE attempt = 1 GROUP BY 1")
        assert states == {"answered_human": 1, "no_answer": 1, "busy": 1}


def make_report(number: int) -> Report:
    return Report("http", "{}", f"body {number}".encode(), datetime.now(UTC))


def test_many_who_wait_share_a_commit(tmp_path: Path) -> None:
    """While one group is stored the next gathers: a thousand reports of many threads take few transactions."""
    with make_workspace(tmp_path) as workspace:
        groups: list[int] = []

        def store(workspace: Workspace, group: list[Report]) -> None:
            groups.append(len(group))
            reports.store_reports(workspace, group)

        keeper = Keeper(workspace, store=store)
        waiting = [keeper.add(make_report(number)) for number in range(1_000)]
        for kept in waiting:
            kept.result(30)
        assert number_of(workspace, "SELECT count(*) FROM reports") == sum(groups) == 1_000
        assert len(groups) <= 20
        keeper.close()
        keeper.close()


def test_a_group_that_cannot_be_stored_is_told_to_each(tmp_path: Path) -> None:
    """A failed commit is nobody's success, and the keeper goes on with the next group."""
    fails = Random(1)

    def store(workspace: Workspace, group: list[Report]) -> None:
        if fails.random() < 0.5:
            raise DatabaseError("the disk is full")
        reports.store_reports(workspace, group)

    with make_workspace(tmp_path) as workspace:
        keeper = Keeper(workspace, store=store)
        told = [keeper.add(make_report(number)).exception(30) for number in range(20)]
        stored = sum(error is None for error in told)
        assert 0 < stored < 20
        assert number_of(workspace, "SELECT count(*) FROM reports") == stored
        keeper.close()


def test_too_long_a_queue_is_told(tmp_path: Path) -> None:
    """When more wait than can soon be stored, whoever comes is asked to come again, and those who wait are kept."""
    going = threading.Event()

    def store(workspace: Workspace, group: list[Report]) -> None:
        assert going.wait(30)

    keeper = Keeper(make_workspace(tmp_path), most_waiting=3, store=store)
    waiting: list[Any] = []

    def add_many() -> None:
        waiting.extend(keeper.add(make_report(number)) for number in range(10))

    with pytest.raises(Busy, match="again in a second"):
        add_many()
    going.set()
    keeper.close()
    assert [kept.exception(30) for kept in waiting] == [None] * len(waiting)


def test_receivers_side_by_side_judge_each_report_once(tmp_path: Path) -> None:
    """Several processes may judge: no report is judged twice at the same time, and nothing is counted twice."""
    with make_workspace(tmp_path) as first, make_workspace(tmp_path) as second:
        placed(first, tmp_path, 6)
        hear(first, *(make_body(contact, "busy") for contact in range(6)))
        news: list[int] = []
        threads = [
            threading.Thread(target=lambda w=each: news.append(reports.judge_reports(w, MONDAY + SOON).new))  # type: ignore[misc]
            for each in (first, second)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(news) == 6
        assert counts_of(first, "SELECT disposition, count(*) FROM calls WHERE attempt = 1 GROUP BY 1") == {
            Disposition.BUSY: 6
        }
