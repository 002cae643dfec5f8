"""The never-twice protocol: processes that die, sleep and wake, receipts that are lost, ends that nobody reports."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.errors import AdapterError
from engine.steps import control, dispatch, receive, report, suppress
from engine.steps.dispatch import SEND_WITHIN, TRIES
from engine.steps.reconcile import AT_ONCE, LONGEST_LIFE, reconcile
from engine.store import fates, processes, queue
from engine.telephony.adapter import DialRequest, Fate, Finding, Found, Receipt
from engine.workspace import Running, Workspace
from tests.steps.makers import (
    MONDAY,
    Wrapped,
    counts_of,
    make_experiment,
    make_workspace,
    number_of,
    replaced,
    rows_of,
    start,
    write_experiment,
)

STATES = "SELECT state, count(*) FROM calls GROUP BY 1"
SOON = timedelta(seconds=30)
ONE_CALL = {"redial": {"attempts": 1}}
CLOSING = MONDAY.replace(hour=12)  # eight in the evening in Shanghai, when the window closes


def control_words(**changes: Any) -> dict[str, Any]:
    """The control's treatment: one attempt."""
    return make_experiment()["control"] | ONE_CALL | changes


def campaign(folder: Path, people: int = 10, **changes: Any) -> Path:
    """One arm beside the control, one attempt each."""
    return write_experiment(folder, people, **({"control": control_words()} | changes))


class Answering(Wrapped):
    """A provider that answers as it is told, in place of placing the calls."""

    def __init__(self, inner: Any, answer: Callable[[DialRequest], Receipt | None]) -> None:
        super().__init__(inner)
        self.answer = answer

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        self.asked += [(now, request) for request in requests]
        return [receipt for request in requests if (receipt := self.answer(request)) is not None]

    def find(self, call: str, now: datetime, to: str = "") -> Found:
        return Found(Finding.CANNOT_TELL)


def through(running: Running, **answer: Any) -> tuple[Running, Answering]:
    """The experiment through a provider that gives every call this receipt."""
    adapter = Answering(running.adapter, lambda request: Receipt(request.call, **answer))
    return replaced(running, adapter), adapter


def begin_all(workspace: Workspace, running: Running) -> dispatch._Batch:
    """What a process has in hand that stops right after its claim."""
    return dispatch._claim(workspace, running, MONDAY, 100)


def test_a_call_that_was_begun_and_not_sent_is_offered_again_when_its_process_is_dead(tmp_path: Path) -> None:
    """Nobody was asked to place it, so that no telephone can ring twice; a living process keeps what it began."""
    path = campaign(tmp_path)
    with make_workspace(tmp_path) as dead, make_workspace(tmp_path) as other:
        running = start(dead, path)
        begin_all(dead, running)
        assert counts_of(other, STATES) == {"begun": 10}
        mine = other.running("gift-first")
        assert reconcile(other, mine, MONDAY + SOON, {dead.holder}).planned_again == 0
        assert dispatch.dispatch(other, mine, MONDAY + SOON, 100).claimed == 0
        assert reconcile(other, mine, MONDAY + SOON, {other.holder}).planned_again == 10
        assert dispatch.dispatch(other, mine, MONDAY + SOON, 100).placed == 10


def test_a_process_that_wakes_up_finds_that_its_calls_are_not_its_own(tmp_path: Path) -> None:
    """What it had begun was planned again, and placed by another: it sends nothing."""
    path = campaign(tmp_path)
    with make_workspace(tmp_path) as sleeper, make_workspace(tmp_path) as other:
        running = start(sleeper, path)
        batch = begin_all(sleeper, running)
        mine = other.running("gift-first")
        reconcile(other, mine, MONDAY + SOON, {other.holder})
        assert dispatch.dispatch(other, mine, MONDAY + SOON, 4).placed == 4
        ready = dispatch._send(sleeper, running, batch, lambda: (MONDAY + 2 * SOON,))
        assert not ready.requests
        assert counts_of(other, STATES) == {"accepted": 4, "planned": 6}


def test_what_was_sent_is_settled_by_the_provider_and_never_by_a_guess(tmp_path: Path) -> None:
    """Its absence is believed after the longest time that a call may live, and not before."""
    with make_workspace(tmp_path) as dead, make_workspace(tmp_path) as other:
        running = start(dead, campaign(tmp_path))
        ready = dispatch._send(dead, running, begin_all(dead, running), lambda: (MONDAY,))
        assert len(ready.requests) == 10
        mine = other.running("gift-first")
        soon = reconcile(other, mine, MONDAY + SOON)
        assert (soon.planned_again, counts_of(other, STATES)) == (0, {"unknown": 10})
        assert dispatch.dispatch(other, mine, MONDAY + SOON, 100).claimed == 0
        assert reconcile(other, mine, MONDAY + LONGEST_LIFE).planned_again == 10
        assert dispatch.dispatch(other, mine, MONDAY + LONGEST_LIFE, 100).placed == 10


class Losing(Wrapped):
    """A provider that places every call and whose answers are all lost."""

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
        return [Receipt(receipt.key, Fate.UNKNOWN) for receipt in super().submit(requests, now)]


def test_a_process_that_slept_over_its_own_try_does_not_undo_the_next(tmp_path: Path) -> None:
    """It wakes up with calls that it never sent: another has sent them since, and they ring."""
    with make_workspace(tmp_path) as sleeper, make_workspace(tmp_path) as other:
        running = start(sleeper, campaign(tmp_path))
        ready = dispatch._send(sleeper, running, begin_all(sleeper, running), lambda: (MONDAY,))
        mine, later = other.running("gift-first"), MONDAY + LONGEST_LIFE
        assert reconcile(other, mine, later).planned_again == 10
        assert dispatch.dispatch(other, replaced(mine, Losing(mine.adapter)), later, 100).unknown == 10
        receipts = dispatch._submitted(running, ready.requests, later + SOON)
        assert {receipt.fate for receipt in receipts.values()} == {Fate.NOT_SENT}
        with sleeper.database.writing() as connection:
            dispatch._keep_receipts(connection, running, ready, receipts, later + SOON)
        assert counts_of(other, STATES) == {"unknown": 10}


def test_a_leader_that_slept_over_an_answer_does_not_undo_the_next_try(tmp_path: Path) -> None:
    """What it was told of calls that were never placed is old news once another leader has had them placed."""
    with make_workspace(tmp_path) as sleeper, make_workspace(tmp_path) as other:
        mine, later = other.running(start(sleeper, campaign(tmp_path)).experiment.name), MONDAY + LONGEST_LIFE

        class Sleepy(Wrapped):
            """While its answer is on the way the other leader settles the calls, and places them anew."""

            def find(self, call: str, now: datetime, to: str = "") -> Found:
                found = super().find(call, now, to)
                if reconcile(other, mine, later).planned_again:
                    dispatch.dispatch(other, replaced(mine, Losing(mine.adapter)), later, 100)
                return found

        running = sleeper.running("gift-first")
        dispatch._send(sleeper, running, begin_all(sleeper, running), lambda: (MONDAY,))
        assert reconcile(sleeper, replaced(running, Sleepy(running.adapter)), later).planned_again == 0
        assert counts_of(other, STATES) == {"accepted": 10}


def test_a_living_process_has_time_to_hear_the_answer(tmp_path: Path) -> None:
    """Calls that it sent just now are not asked about; those of which it heard nothing for minutes are."""
    with make_workspace(tmp_path) as slow, make_workspace(tmp_path) as other:
        running = start(slow, campaign(tmp_path))
        dispatch._send(slow, running, begin_all(slow, running), lambda: (MONDAY,))
        mine = other.running("gift-first")
        alive = {slow.holder, other.holder}
        reconcile(other, mine, MONDAY + SOON, alive)
        assert counts_of(other, STATES) == {"sent": 10}
        reconcile(other, mine, MONDAY + 5 * SOON, alive)
        assert counts_of(other, STATES) == {"unknown": 10}


def test_a_person_has_one_live_call_in_all_experiments(tmp_path: Path) -> None:
    """Of two experiments that may share people, one waits while the other's call lives."""
    one = campaign(tmp_path / "one", experiment="one", compatible_with=["two"])
    two = campaign(tmp_path / "two", experiment="two", compatible_with=["one"])
    with make_workspace(tmp_path) as workspace:
        first, second = start(workspace, one), start(workspace, two)
        assert dispatch.dispatch(workspace, first, MONDAY, 100).placed == 10
        waiting = dispatch.dispatch(workspace, second, MONDAY, 100)
        assert (waiting.placed, waiting.deferred) == (0, 10)
        receive.poll(workspace, first, MONDAY + timedelta(hours=1))
        assert dispatch.dispatch(workspace, second, MONDAY + timedelta(hours=1), 100).placed == 10
        assert workspace.database.check() == ()


def test_the_database_itself_refuses_a_second_live_call(tmp_path: Path) -> None:
    """Whatever a step forgets, no row can say that a person is in two calls."""
    one = campaign(tmp_path / "one", experiment="one", compatible_with=["two"])
    two = campaign(tmp_path / "two", experiment="two", compatible_with=["one"])
    with make_workspace(tmp_path) as workspace:
        first = start(workspace, one)
        start(workspace, two)
        dispatch.dispatch(workspace, first, MONDAY, 100)
        (call,) = rows_of(workspace, "SELECT min(id) FROM calls WHERE state = 'planned'")[0]
        with pytest.raises(IntegrityError), workspace.database.writing() as connection:
            queue.begin(connection, [call], workspace.holder, MONDAY)


@pytest.mark.parametrize(
    "answer", [{"fate": Fate.NOT_SENT, "reason": "no connection"}, {"fate": Fate.REFUSED, "retry_after": 60.0}]
)
def test_what_provably_did_not_ring_is_tried_again(tmp_path: Path, answer: dict[str, Any]) -> None:
    """A call that never left, or that the provider wants later, is due again a while later with the same key."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        failing, adapter = through(running, **answer)
        done = dispatch.dispatch(workspace, failing, MONDAY, 100)
        assert (done.placed, done.refused, done.again) == (0, 0, 10)
        assert dispatch.dispatch(workspace, failing, MONDAY + timedelta(seconds=10), 100).claimed == 0
        assert dispatch.dispatch(workspace, running, MONDAY + timedelta(minutes=2), 100).placed == 10
        keys = {request.call for _, request in adapter.asked}
        assert keys == {key for (key,) in rows_of(workspace, "SELECT key FROM calls WHERE state = 'accepted'")}


def test_trying_again_ends(tmp_path: Path) -> None:
    """A provider that is never reached is given up, each call with the reason."""
    with make_workspace(tmp_path) as workspace:
        failing, adapter = through(start(workspace, campaign(tmp_path)), fate=Fate.NOT_SENT, reason="no connection")
        now = MONDAY
        while counts_of(workspace, STATES).keys() != {"refused"}:
            dispatch.dispatch(workspace, failing, now, 100)
            now += timedelta(minutes=15)
        assert len(adapter.asked) == 10 * (TRIES + 1)
        assert {row[0] for row in rows_of(workspace, "SELECT DISTINCT reason FROM calls")} == {"no connection"}
        assert [row[::2] for row in report.refusals(workspace, "gift-first")] == [("provider", 10)]


def test_a_final_no_is_final(tmp_path: Path) -> None:
    """What the provider refuses without a later is not asked again."""
    with make_workspace(tmp_path) as workspace:
        failing, adapter = through(start(workspace, campaign(tmp_path)), fate=Fate.REFUSED, reason="no such number")
        assert dispatch.dispatch(workspace, failing, MONDAY, 100).refused == 10
        assert dispatch.dispatch(workspace, failing, MONDAY + timedelta(hours=1), 100).claimed == 0
        assert len(adapter.asked) == 10


def test_an_adapter_that_fails_has_told_nothing(tmp_path: Path) -> None:
    """Its calls may ring: they are unknown, asked about and never offered again by themselves."""

    class Broken(Wrapped):
        def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Receipt]:
            raise RuntimeError("a mistake in the adapter")

    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        done = dispatch.dispatch(workspace, replaced(running, Broken(running.adapter)), MONDAY, 100)
        assert (done.unknown, counts_of(workspace, STATES)) == (10, {"unknown": 10})
        assert {row[0] for row in rows_of(workspace, "SELECT reason FROM calls")} == {
            "the adapter failed: RuntimeError"
        }


def test_a_receipt_that_is_missing_is_a_lost_one(tmp_path: Path) -> None:
    """An adapter that answers fewer requests than it was given leaves the others unknown."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        adapter = Answering(
            running.adapter,
            lambda request: Receipt(request.call, Fate.ACCEPTED, "id") if request.call.endswith("1/1") else None,
        )
        done = dispatch.dispatch(workspace, replaced(running, adapter), MONDAY, 100)
        assert (done.placed, done.unknown) == (1, 9)


def test_a_provider_that_finds_calls_by_number_is_told_it(tmp_path: Path) -> None:
    """Whoever is asked about a lost call hears its number too."""
    told: dict[str, str] = {}

    class ByNumber(Answering):
        def find(self, call: str, now: datetime, to: str = "") -> Found:
            told[call] = to
            return super().find(call, now, to)

    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        lost = replaced(running, ByNumber(running.adapter, lambda request: Receipt(request.call, Fate.UNKNOWN)))
        dispatch.dispatch(workspace, lost, MONDAY, 100)
        reconcile(workspace, lost, MONDAY + SOON)
        numbers = "SELECT calls.key, contacts.phone FROM calls JOIN contacts ON contacts.id = calls.contact_id"
        assert told == dict(tuple(row) for row in rows_of(workspace, numbers))


def test_what_nobody_can_tell_is_closed_shown_and_never_tried_again(tmp_path: Path) -> None:
    """It counts as an attempt, its person matures, and the next call of that person may come from elsewhere."""
    with make_workspace(tmp_path) as workspace:
        lost, _ = through(start(workspace, campaign(tmp_path)), fate=Fate.UNKNOWN, reason="no answer")
        assert dispatch.dispatch(workspace, lost, MONDAY, 100).unknown == 10
        early, late = MONDAY + LONGEST_LIFE - SOON, MONDAY + LONGEST_LIFE
        assert reconcile(workspace, lost, early).unknown == 0
        assert number_of(workspace, "SELECT count(*) FROM calls WHERE ended_at IS NULL") == 10
        assert reconcile(workspace, lost, late).unknown == 10
        assert reconcile(workspace, lost, late + SOON).unknown == 0
        assert dispatch.dispatch(workspace, lost, late + timedelta(days=1), 100).claimed == 0
        with workspace.database.reading() as connection:
            shown = fates.untold(connection, lost.id)
            assert queue.in_flight(connection, lost.id) == 0
        assert {(one.reason, one.closed) for one in shown} == {("the provider cannot tell", True)}
        assert all("*" in one.phone for one in shown)
        assert number_of(workspace, "SELECT count(*) FROM outcomes WHERE matures_at IS NOT NULL") == 10


def ended(call: str, at: datetime, kind: Kind = Kind.ENDED) -> Event:
    """A report about a call."""
    disposition = Disposition.NO_ANSWER if kind is Kind.ENDED else None
    return Event(f"{call}#{kind}", kind, at, call, "theirs", disposition)


def tell(workspace: Workspace, events: Sequence[Event], now: datetime) -> None:
    """A provider reports."""
    with workspace.database.writing() as connection:
        receive.take(workspace, connection, "simulated", events, now)


def test_a_late_end_counts_even_for_a_closed_call(tmp_path: Path) -> None:
    """What was closed as unknown ends when its end is heard at last."""
    with make_workspace(tmp_path) as workspace:
        lost, adapter = through(start(workspace, campaign(tmp_path)), fate=Fate.UNKNOWN)
        dispatch.dispatch(workspace, lost, MONDAY, 100)
        reconcile(workspace, lost, MONDAY + LONGEST_LIFE)
        tell(workspace, [ended(request.call, MONDAY + SOON) for _, request in adapter.asked], MONDAY + 2 * LONGEST_LIFE)
        assert rows_of(workspace, "SELECT DISTINCT state, disposition FROM calls") == [("ended", "no_answer")]


def test_a_call_that_is_heard_of_needs_no_receipt(tmp_path: Path) -> None:
    """Who reports that it rings has it: a report that comes before the receipt, or in its place, settles the call."""
    with make_workspace(tmp_path) as workspace:
        lost, adapter = through(start(workspace, campaign(tmp_path)), fate=Fate.UNKNOWN)
        dispatch.dispatch(workspace, lost, MONDAY, 100)
        tell(workspace, [ended(request.call, MONDAY, Kind.RINGING) for _, request in adapter.asked], MONDAY + SOON)
        assert rows_of(workspace, "SELECT DISTINCT state, provider_id FROM calls") == [("accepted", "theirs")]


def test_a_receipt_names_a_call_that_ended_before_it_came(tmp_path: Path) -> None:
    """A report may say no more than our key; what the provider later says by its own name is joined all the same."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path, 2))

        def answer(request: DialRequest) -> Receipt:
            tell(workspace, [ended(request.call, MONDAY + SOON)._replace(provider_id="")], MONDAY + SOON)
            return Receipt(request.call, Fate.ACCEPTED, f"named {request.call}")

        dispatch.dispatch(workspace, replaced(running, Answering(running.adapter, answer)), MONDAY, 100)
        assert [(state, name == f"named {key}") for state, name, key in rows_of(
            workspace, "SELECT state, provider_id, key FROM calls")] == [("ended", True)] * 2  # fmt: skip


@pytest.mark.parametrize(("kind", "state"), [(Kind.RINGING, "accepted"), (Kind.ENDED, "ended")])
def test_a_report_stops_another_try(tmp_path: Path, kind: Kind, state: str) -> None:
    """A call that was thought not to have been placed, and that is reported after all, is not placed again."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        failing, adapter = through(running, fate=Fate.NOT_SENT)
        dispatch.dispatch(workspace, failing, MONDAY, 100)
        tell(workspace, [ended(request.call, MONDAY, kind) for _, request in adapter.asked], MONDAY + SOON)
        assert counts_of(workspace, STATES) == {state: 10}
        assert dispatch.dispatch(workspace, running, MONDAY + timedelta(hours=1), 100).claimed == 0


def test_an_end_that_nobody_reports_does_not_hold_a_campaign_for_ever(tmp_path: Path) -> None:
    """An accepted call of which nothing more is heard is closed after twice the longest life."""
    with make_workspace(tmp_path) as workspace:
        silent, _ = through(start(workspace, campaign(tmp_path)), fate=Fate.ACCEPTED, provider_id="theirs")
        dispatch.dispatch(workspace, silent, MONDAY, 100)
        assert reconcile(workspace, silent, MONDAY + LONGEST_LIFE).unknown == 0
        assert counts_of(workspace, STATES) == {"accepted": 10}
        assert reconcile(workspace, silent, MONDAY + 2 * LONGEST_LIFE).unknown == 10
        reasons = rows_of(workspace, "SELECT DISTINCT state, reason FROM calls")
        assert reasons == [("unknown", "its end was never told")]


def test_rules_are_asked_again_at_the_moment_of_sending(tmp_path: Path) -> None:
    """Who was suppressed after the claim is not called, and neither is anybody of a paused experiment."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        batch = dispatch._claim(workspace, running, MONDAY, 4)
        phone = batch.begun[0].contact.phone
        suppress.add(workspace, [phone], "asked", "test", MONDAY)
        ready = dispatch._send(workspace, running, batch, lambda: (MONDAY,))
        assert (len(ready.requests), ready.counted.refused) == (3, 1)
        batch = dispatch._claim(workspace, running, MONDAY, 4)
        control.pause(workspace, "gift-first", "lunch", "ann", MONDAY)
        assert not dispatch._send(workspace, running, batch, lambda: (MONDAY,)).requests
        assert counts_of(workspace, STATES) == {"sent": 3, "refused": 1, "planned": 6}


def test_a_window_that_closes_on_the_way_is_closed(tmp_path: Path) -> None:
    """A process that claims at the last minute and sends after it sends nothing; what it sends expires at the close."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        last = CLOSING - timedelta(seconds=20)
        batch = dispatch._claim(workspace, running, last, 4)
        ready = dispatch._send(workspace, running, batch, lambda: (last,))
        assert {request.not_after for request in ready.requests} == {CLOSING}
        assert {request.expires for request in ready.requests} == {CLOSING}
        batch = dispatch._claim(workspace, running, last, 4)
        assert not dispatch._send(workspace, running, batch, lambda: (CLOSING,)).requests
        due = rows_of(workspace, "SELECT DISTINCT due_at FROM calls WHERE state = 'planned' ORDER BY 1")
        assert len(due) == 2  # those that were never claimed, and those that wait for the morning


def test_a_request_that_waits_too_long_on_the_way_is_not_sent(tmp_path: Path) -> None:
    """What was written as sent leaves within a minute or not at all, so that its absence can be believed later."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        ready = dispatch._send(workspace, running, begin_all(workspace, running), lambda: (MONDAY,))
        receipts = running.adapter.submit(ready.requests, MONDAY + SEND_WITHIN + SOON)
        assert {receipt.fate for receipt in receipts} == {Fate.NOT_SENT}
        assert SEND_WITHIN < LONGEST_LIFE / 2


def test_a_doubted_clock_calls_only_when_both_times_allow(tmp_path: Path) -> None:
    """A clock that was set back from night to noon does not make it noon."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        night = MONDAY + timedelta(hours=12)
        done = dispatch.dispatch(workspace, running, MONDAY, 100, clock=lambda: (MONDAY, night))
        assert (done.placed, done.deferred) == (0, 10)
        hour = timedelta(hours=1)
        batch = begin_all(workspace, replaced(running, running.adapter))
        assert batch.begun == []
        late = CLOSING - hour
        done = dispatch.dispatch(workspace, running, CLOSING + 13 * hour, 100, clock=lambda: (CLOSING + 13 * hour,) * 2)
        assert done.placed == 10
        assert late < CLOSING


def test_living_processes_are_known_by_their_word(tmp_path: Path) -> None:
    """A process that said nothing for a while is dead to the others; one that ends says so."""
    with make_workspace(tmp_path) as workspace:
        with workspace.database.writing() as connection:
            processes.beat(connection, "one", "dispatcher", MONDAY)
            processes.beat(connection, "two", "dispatcher", MONDAY)
            processes.beat(connection, "one", "dispatcher", MONDAY + SOON)
        with workspace.database.reading() as connection:
            assert processes.alive(connection, MONDAY + SOON) == {"one"}
            assert [each.started_at for each in processes.listing(connection)] == [MONDAY, MONDAY]
        with workspace.database.writing() as connection:
            processes.leave(connection, "one")
            processes.forget(connection, MONDAY + SOON)
        with workspace.database.reading() as connection:
            assert processes.listing(connection) == []


def test_a_provider_that_fails_to_answer_questions_tells_nothing(tmp_path: Path) -> None:
    """Asking about lost calls goes on over an adapter's mistakes."""

    class Mute(Answering):
        def find(self, call: str, now: datetime, to: str = "") -> Found:
            raise AdapterError("out of order")

    with make_workspace(tmp_path) as workspace:
        running = start(workspace, campaign(tmp_path))
        mute = replaced(running, Mute(running.adapter, lambda request: Receipt(request.call, Fate.UNKNOWN)))
        dispatch.dispatch(workspace, mute, MONDAY, 100)
        assert reconcile(workspace, mute, MONDAY + SOON).unknown == 0
        assert reconcile(workspace, mute, MONDAY + SOON, patience=AT_ONCE).unknown == 10
