"""Due calls in, placed calls out: nobody's telephone rings twice for one call, whatever breaks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.core.calls import CallState
from engine.core.experiments import State
from engine.errors import NotNow
from engine.runner import Simulation
from engine.steps import control, enroll, report, suppress
from engine.steps.advance import Pacer, turn
from engine.steps.dispatch import dispatch
from engine.steps.receive import poll
from engine.steps.reconcile import AT_ONCE, reconcile
from engine.steps.resting import rest
from engine.store.database import Database
from engine.store.queue import CALLS
from engine.telephony.adapter import DialRequest
from tests.steps.makers import (
    ALL_DAY,
    COLUMNS,
    MONDAY,
    STEADY,
    Wrapped,
    counts_of,
    make_experiment,
    make_rows,
    make_workspace,
    number_of,
    replaced,
    rows_of,
    run_to_end,
    spread,
    start,
    write_experiment,
)

STATES = "SELECT state, count(*) FROM calls GROUP BY 1"
TICK = timedelta(seconds=10)


def words(**changes: Any) -> dict[str, Any]:
    """The control's treatment with something changed."""
    return make_experiment()["control"] | changes


class Peeping(Wrapped):
    """Looks into the database through a connection of its own while the provider is being asked."""

    def __init__(self, inner: Any, database: str) -> None:
        super().__init__(inner)
        self.database = Database.open(database, create=False)
        self.seen: list[str] = []

    def before(self, requests: Sequence[DialRequest], now: datetime) -> None:
        keys = [request.call for request in requests]
        query = select(CALLS.c.state).where(CALLS.c.key.in_(keys), CALLS.c.begun_at.is_not(None))
        with self.database.reading() as connection:
            self.seen += connection.execute(query).scalars()
        self.database.close()


class Dying(Wrapped):
    """Dies at the n-th request for calls, before or after the provider has written them into its book."""

    def __init__(self, inner: Any, at: int, *, after: bool) -> None:
        super().__init__(inner)
        self.left, self.after = at, after

    def submit(self, requests: Sequence[DialRequest], now: datetime) -> list[Any]:
        self.left -= 1
        if self.left or self.after:
            receipts = super().submit(requests, now)
        if not self.left:
            raise KeyboardInterrupt
        return receipts


def test_a_call_is_begun_before_the_provider_is_asked(tmp_path: Path) -> None:
    """Another process sees every call as begun at the moment at which the provider is asked to place it."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 30))
        peeping = Peeping(running.adapter, workspace.settings.database)
        done = dispatch(workspace, replaced(running, peeping), MONDAY, 25)
        assert (done.claimed, done.placed) == (25, 25)
        assert peeping.seen == ["sent"] * 25
        assert counts_of(workspace, STATES) == {"accepted": 25, "planned": 5}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 3])
def test_no_telephone_rings_twice_after_a_death(tmp_path: Path, at: int, after: bool) -> None:
    """A process that dies while it asks leaves calls begun; the next one asks the provider, and rings nobody again."""
    path = write_experiment(tmp_path, 60)
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        dying = replaced(running, Dying(running.adapter, at, after=after))
        for _ in range(at - 1):
            dispatch(workspace, dying, MONDAY, 10)
        with pytest.raises(KeyboardInterrupt):
            dispatch(workspace, dying, MONDAY, 10)
        assert counts_of(workspace, STATES)["sent"] == 10
    with make_workspace(tmp_path) as workspace:
        running = workspace.running("gift-first")
        offered = Wrapped(running.adapter)
        begun = {key for (key,) in rows_of(workspace, "SELECT key FROM calls WHERE state = 'sent'")}
        dispatch(workspace, replaced(running, offered), MONDAY, 500)
        assert not begun & {request.call for _, request in offered.asked}  # what is begun is never offered again
        found = reconcile(workspace, running, MONDAY, patience=AT_ONCE)
        assert (found.adopted, found.planned_again, found.unknown) == ((10, 0, 0) if after else (0, 10, 0))
        assert reconcile(workspace, running, MONDAY).adopted == 0
        assert Simulation(workspace, running).run()
        assert running.adapter.book.doubles() == {}  # type: ignore[attr-defined]
        assert number_of(workspace, "SELECT count(DISTINCT contact_id) FROM calls WHERE state = 'ended'") == 60
        assert number_of(workspace, "SELECT max(attempt) FROM calls") <= 2


@pytest.mark.parametrize("redial", [{"attempts": 1}, {"attempts": 2, "gap": "2h", "on": ["no_answer", "busy"]}])
def test_lost_receipts_are_settled_and_never_tried_again(tmp_path: Path, redial: dict[str, Any]) -> None:
    """Of calls whose receipt is lost the outcome is heard all the same, and equals that of a campaign without loss."""
    found = []
    for name, lost in (("tidy", "0%"), ("lossy", "20%")):
        folder = tmp_path / name
        path = write_experiment(
            folder, 120, control=words(redial=redial, sms=None), settings=STEADY | {"lost_receipts": lost}
        )
        with make_workspace(folder) as workspace:
            simulation = run_to_end(workspace, path)
            assert simulation.running.adapter.book.doubles() == {}  # type: ignore[attr-defined]
            assert set(counts_of(workspace, STATES)) == {"ended"}
            found.append(rows_of(workspace, "SELECT contact_id, arm, calls, connected, converted FROM outcomes"))
    assert sorted(found[0]) == sorted(found[1])


def test_a_lost_receipt_is_unknown_until_the_provider_is_asked(tmp_path: Path) -> None:
    """Reconciling adopts what the provider has, with its name for the call."""
    path = write_experiment(tmp_path, 60, settings=STEADY | {"lost_receipts": "20%"})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        done = dispatch(workspace, running, MONDAY, 60)
        assert 3 <= done.unknown <= 25
        assert counts_of(workspace, STATES) == {"accepted": 60 - done.unknown, "unknown": done.unknown}
        assert dispatch(workspace, running, MONDAY, 60).claimed == 0
        assert reconcile(workspace, running, MONDAY).adopted == done.unknown
        assert number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'accepted' AND provider_id <> ''") == 60


def test_arms_are_dialed_side_by_side(tmp_path: Path) -> None:
    """At every prefix of the order in which telephones ring, arms stray from their shares by at most one block."""
    arms = {"gift": {"script": "gift-first"}, "story": {"script": "story"}}
    shares = {"control": "50%", "gift": "30%", "story": "20%"}
    path = write_experiment(tmp_path, 200, arms=arms, shares=shares, control=words(redial={"attempts": 1}))
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        wrapped = Wrapped(running.adapter)
        through = replaced(running, wrapped)
        pacer = Pacer.of(running)
        for step in range(1, 60):
            turn(workspace, through, pacer, MONDAY + step * timedelta(seconds=1), timedelta(seconds=1))
        order = [request.arm for _, request in wrapped.asked]
    assert len(order) == 200
    assert spread(order, running.experiment.all_shares) <= 5  # half a block of ten


def test_the_pace_is_never_exceeded(tmp_path: Path) -> None:
    """Over any stretch of time no more calls are placed than the pace allows, and waiting saves nothing up."""
    path = write_experiment(tmp_path, 200, pace={"per_second": 2, "concurrent": 500})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        pacer = Pacer.of(running)
        placed = [
            (second, turn(workspace, running, pacer, MONDAY + timedelta(seconds=second), TICK).placed)
            for second in [*range(1, 30, 3), 300, 301, 302, 310]
        ]
    for first, (begin, _) in enumerate(placed):
        for last in range(first, len(placed)):
            stretch = placed[last][0] - begin
            assert sum(count for _, count in placed[first + 1 : last + 1]) <= 2 * stretch + 20
    assert dict(placed)[300] <= 20
    assert sum(count for second, count in placed if second < 30) >= 50


def test_the_pace_grows_over_the_ramp(tmp_path: Path) -> None:
    """A campaign begins at a tenth of its pace, reaches all of it over the ramp, and begins anew after a pause."""
    path = write_experiment(tmp_path, 900, pace={"per_second": 10, "concurrent": 5000, "ramp": "1m"})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        pacer = Pacer.of(running)

        def placed(begin: int, seconds: int) -> int:
            moments = [MONDAY + timedelta(seconds=begin + second) for second in range(seconds)]
            return sum(turn(workspace, running, pacer, now, timedelta(seconds=1)).placed for now in moments)

        first, last = placed(0, 10), placed(60, 10)
        assert 10 <= first <= 20
        assert 99 <= last <= 110
        control.pause(workspace, "gift-first", "lunch", "test", MONDAY)
        control.resume(workspace, "gift-first", "back", "test", MONDAY + timedelta(seconds=70))
        assert placed(70, 10) <= 20


def test_two_dispatchers_keep_one_pace(tmp_path: Path) -> None:
    """Processes that dial the same experiment share its pace; what one takes, the other does not have."""
    path = write_experiment(tmp_path, 400, pace={"per_second": 4, "concurrent": 5000})
    with make_workspace(tmp_path) as one, make_workspace(tmp_path) as other:
        both = [(workspace, start(workspace, path)) for workspace in (one, other)]
        total = 0
        for step in range(40):
            for workspace, running in both:
                now = MONDAY + timedelta(seconds=step / 2)
                total += turn(workspace, running, Pacer.of(running), now, timedelta(seconds=0.5)).placed
        assert 4 * 19.5 <= total <= 4 * 19.5 + 2


def test_experiments_of_one_account_share_its_limits(tmp_path: Path) -> None:
    """What a provider bears in calls a second and in flight holds for all experiments of an account together."""
    settings = STEADY | {"account": "line"}
    with make_workspace(tmp_path) as workspace:
        running = []
        for number, name in enumerate(("first", "second")):
            path = write_experiment(
                tmp_path, make_rows(100, 100 * number), experiment=name, settings=settings,
                audience={"contacts": f"{name}.csv", "columns": COLUMNS}, pace={"per_second": 50, "concurrent": 500},
            )  # fmt: skip
            one = start(workspace, path)
            small = Wrapped(one.adapter)
            small.capabilities = replace(small.capabilities, max_cps=3.0, max_concurrency=40)
            running.append(replaced(one, small))
        placed = Counter[str]()
        for second in range(20):
            now = MONDAY + timedelta(seconds=second / 2)
            for one in running[:: 1 if second % 2 else -1]:
                done = turn(workspace, one, Pacer.of(one), now, timedelta(seconds=0.5))
                placed[one.experiment.name] += done.placed
        assert placed.total() <= 3 * 9.5 + 1.5
        assert min(placed.values()) >= 8
        flying = placed.total() - number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'ended'")
        assert sum(dispatch(workspace, one, MONDAY, 500).placed for one in running) == 40 - flying


def test_a_caller_number_has_a_pace_of_its_own(tmp_path: Path) -> None:
    """No number dials faster than `per_caller_id`, and the arms stay side by side while one of them waits for it."""
    arms = {"number": {"caller_id": "+864008000000"}}
    pace = {"per_second": 20, "concurrent": 500, "per_caller_id": 1}
    path = write_experiment(tmp_path, 200, arms=arms, pace=pace)
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        wrapped = Wrapped(running.adapter)
        for step in range(30):
            now = MONDAY + timedelta(seconds=step)
            turn(workspace, replaced(running, wrapped), Pacer.of(running), now, timedelta(seconds=1))
        order = [request.arm for _, request in wrapped.asked]
    assert 29 <= Counter(order)["number"] <= 31
    assert spread(order, running.experiment.all_shares) <= 2


def test_no_more_calls_are_in_flight_than_allowed(tmp_path: Path) -> None:
    """`concurrent` counts every call that is begun or accepted and has not ended."""
    path = write_experiment(tmp_path, 60, pace={"per_second": 50, "concurrent": 7})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        seen = []

        class Counting(Wrapped):
            def before(self, requests: Sequence[DialRequest], now: datetime) -> None:
                query = "SELECT count(*) FROM calls WHERE state IN ('begun', 'sent', 'accepted')"
                seen.append(number_of(workspace, query))

        through = replaced(running, Counting(running.adapter))
        assert dispatch(workspace, through, MONDAY, 50).placed == 7
        assert dispatch(workspace, through, MONDAY, 50).claimed == 0
        now = MONDAY
        while number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'planned' AND attempt = 1"):
            now += timedelta(seconds=20)
            poll(workspace, through, now)
            dispatch(workspace, through, now, 50)
    assert max(seen) == 7
    assert sum(seen) >= 60


def test_the_provider_is_never_asked_for_more_than_it_bears(tmp_path: Path) -> None:
    """A provider's own limits of calls a second and in flight hold, whatever the file allows."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 60, pace={"per_second": 50, "concurrent": 50}))
        small = Wrapped(running.adapter)
        small.capabilities = replace(small.capabilities, max_cps=2.0, max_concurrency=4)
        through = replaced(running, small)
        assert Pacer.of(through).per_second == 2
        assert dispatch(workspace, through, MONDAY, 60).placed == 4
        assert dispatch(workspace, through, MONDAY, 60).claimed == 0


def test_who_is_suppressed_after_the_start_is_not_called(tmp_path: Path) -> None:
    """A number that comes on the list while its call is planned never rings, and the refusal is kept."""
    path = write_experiment(tmp_path, 40)
    with make_workspace(tmp_path) as workspace:
        start(workspace, path)
        suppress.add(workspace, ["19900000001", "19900000002"], "asked", "letter", MONDAY)
        simulation = Simulation(workspace, workspace.running("gift-first"))
        assert simulation.run()
        assert number_of(workspace, "SELECT count(DISTINCT contact_id) FROM calls WHERE begun_at IS NOT NULL") == 38
        assert [row[::2] for row in report.refusals(workspace, "gift-first")] == [("suppressed", 2)]
        stands = report.standing(workspace, "gift-first", simulation.now)
    assert sum(row["contacts"] for row in stands["metrics"][0]["arms"]) == 40  # everyone assigned is counted


def test_a_call_that_is_too_late_is_refused_with_the_rule(tmp_path: Path) -> None:
    """After its deadline a call is never placed; the contact stays in the denominator."""
    path = write_experiment(tmp_path, 20, control=words(timing=ALL_DAY | {"expires_after": "1h"}))
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        done = dispatch(workspace, running, MONDAY + timedelta(hours=1), 50)
        assert (done.claimed, done.placed, done.refused) == (20, 0, 20)
        assert report.refusals(workspace, "gift-first")[0][::2] == ("expired", 20)
        assert running.adapter.book.calls() == 0  # type: ignore[attr-defined]


def test_the_budget_of_calls_is_never_exceeded(tmp_path: Path) -> None:
    """With a budget of calls, that many telephones ring; everybody else is refused by name of the rule."""
    path = write_experiment(tmp_path, 60, budget={"calls": 25}, control=words(redial={"attempts": 1}))
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, path)
        assert simulation.running.adapter.book.calls() == 25  # type: ignore[attr-defined]
        assert [row[::2] for row in report.refusals(workspace, "gift-first")] == [("budget", 35)]
        assert counts_of(workspace, STATES) == {"ended": 25, "refused": 35}


def test_the_budget_of_money_ends_the_calls(tmp_path: Path) -> None:
    """When the money is spent no further call is begun; a batch in hand is finished."""
    path = write_experiment(tmp_path, 200, budget={"spend": 3}, pace={"per_second": 5, "concurrent": 5})
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, path)
        spent = float(rows_of(workspace, "SELECT sum(cost) FROM calls")[0][0])
        calls = simulation.running.adapter.book.calls()  # type: ignore[attr-defined]
        refused = dict(row[::2] for row in report.refusals(workspace, "gift-first"))
    assert 3 <= spent <= 3 + 5 * 0.30
    assert calls < 100
    assert refused["budget"] >= 100


def test_a_budget_for_each_day_moves_the_rest_to_the_next(tmp_path: Path) -> None:
    """No day of the region has more calls than its budget, who waits is called on a later day, and nobody is lost."""
    path = write_experiment(tmp_path, 60, budget={"calls_per_day": 25}, control=words(redial={"attempts": 1}))
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, path)
        assert simulation.running.adapter.book.calls() == 60  # type: ignore[attr-defined]
        days = rows_of(workspace, "SELECT (begun_at / 1000000 + 28800) / 86400, count(*) FROM calls GROUP BY 1")
        assert [count for _, count in sorted(days)] == [25, 25, 10]
        assert counts_of(workspace, STATES) == {"ended": 60}


def test_money_for_each_day_is_kept_with_calls_in_flight(tmp_path: Path) -> None:
    """What is spent on a day stays below its budget and the price of a batch, however many calls fly at once."""
    pace = {"per_second": 5, "concurrent": 10}
    path = write_experiment(
        tmp_path, 150, budget={"spend_per_day": 4}, pace=pace, control=words(redial={"attempts": 1})
    )
    with make_workspace(tmp_path) as workspace:
        run_to_end(workspace, path)
        query = "SELECT (begun_at / 1000000 + 28800) / 86400, sum(cost) FROM calls GROUP BY 1"
        days = [cost for _, cost in sorted(rows_of(workspace, query))]
        assert counts_of(workspace, STATES) == {"ended": 150}
    assert len(days) >= 3
    assert max(days) <= 4 + 0.15 * 10
    assert min(days[:-1]) >= 4


def test_two_dispatchers_spend_one_budget(tmp_path: Path) -> None:
    """Claims of two processes never begin more calls together than the budget has."""
    path = write_experiment(tmp_path, 80, budget={"calls": 30})
    with make_workspace(tmp_path) as one, make_workspace(tmp_path) as other:
        both = [(workspace, start(workspace, path)) for workspace in (one, other)]
        placed = sum(dispatch(*both[turn % 2], MONDAY, 7).placed for turn in range(10))
        assert placed == 30


def test_nobody_is_called_outside_the_window(tmp_path: Path) -> None:
    """Every telephone rings inside the arm's own window on the contact's own clock, redials too."""
    people = make_rows(30) + make_rows(30, 30)
    for row in people[30:]:
        row["tz"] = "Asia/Tokyo"
    for row in people[:30]:
        row["tz"] = "Asia/Shanghai"
    arms = {"noon": {"timing": {"window": "12:00-13:00"}}}
    audience = {"contacts": "contacts.csv", "columns": COLUMNS | {"timezone": "tz"}}
    path = write_experiment(
        tmp_path, people, audience=audience, arms=arms, control=words(timing={"window": "15:00-16:00"})
    )
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        wrapped = Wrapped(running.adapter)
        assert Simulation(workspace, replaced(running, wrapped)).run()
    hours = {"noon": (12, 13), "control": (15, 16)}
    from zoneinfo import ZoneInfo

    assert {request.timezone for _, request in wrapped.asked} == {"Asia/Shanghai", "Asia/Tokyo"}
    for now, request in wrapped.asked:
        opens, closes = hours[request.arm]
        assert opens <= now.astimezone(ZoneInfo(request.timezone)).hour < closes


def test_a_call_that_finds_its_window_closed_waits_for_the_next(tmp_path: Path) -> None:
    """What is due while the window is closed is deferred to its opening, not refused and not lost."""
    path = write_experiment(tmp_path, 20, control=words(timing={"window": "10:00-11:00"}))
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        noon, tomorrow = MONDAY + timedelta(hours=2), MONDAY + timedelta(days=1)
        done = dispatch(workspace, running, noon, 50)
        assert (done.claimed, done.deferred, done.placed, done.refused) == (20, 20, 0, 0)
        assert {row[0] for row in rows_of(workspace, "SELECT due_at FROM calls")} == {int(tomorrow.timestamp()) * 10**6}
        assert dispatch(workspace, running, noon, 50).claimed == 0
        assert dispatch(workspace, running, tomorrow, 50).placed == 20


def test_a_contact_without_a_needed_value_is_refused_alone(tmp_path: Path) -> None:
    """A script that needs a value refuses who lacks it, and calls everybody else with their own words."""
    (tmp_path / "scripts" / "sms").mkdir(parents=True)
    script = "".join(
        f"{{% block {name} %}}{text}{{% endblock %}}"
        for name, text in (
            ("opening", "您好，您选的{{ product }}到了。"),
            ("benefit", "好"),
            ("invitation", "吗"),
            ("closing", "再见"),
        )
    )
    for name in ("classic", "gift-first"):
        (tmp_path / "scripts" / f"{name}.j2").write_text(script, encoding="utf-8")
    (tmp_path / "scripts" / "sms" / "link.j2").write_text("{{ link }} 拒收请回复R", encoding="utf-8")
    people = make_rows(10, product="水壶") + make_rows(3, 10, product="")
    path = write_experiment(tmp_path, people, control=words(redial={"attempts": 1}))
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        wrapped = Wrapped(running.adapter)
        done = dispatch(workspace, replaced(running, wrapped), MONDAY, 50)
        assert (done.placed, done.refused) == (10, 3)
        assert [row[::2] for row in report.refusals(workspace, "gift-first")] == [("script", 3)]
        reasons = [row[0] for row in rows_of(workspace, "SELECT reason FROM calls WHERE state = 'refused'")]
    assert len(reasons) == 3
    assert all("product" in reason for reason in reasons)
    assert all("水壶" in request.script[0][1] for _, request in wrapped.asked)


def test_what_the_provider_refuses_did_not_ring(tmp_path: Path) -> None:
    """A provider's no is kept with the rule; the contact stays in the arm and is mature by the window."""
    path = write_experiment(tmp_path, 60, settings=STEADY | {"refuses": "30%"}, control=words(redial={"attempts": 1}))
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, path)
        refused = dict(row[::2] for row in report.refusals(workspace, "gift-first"))["provider"]
        rang = simulation.running.adapter.book.calls()  # type: ignore[attr-defined]
        stands = report.standing(workspace, "gift-first", simulation.now)
    assert (rang + refused, refused >= 5) == (60, True)
    assert stands["maturity"] == {"mature": 60, "waiting": 0}


def test_a_resting_arm_is_not_dialed(tmp_path: Path) -> None:
    """The calls of a paused arm stay where they are while the others go on."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 40))
        with workspace.database.writing() as connection:
            rest(connection, "gift-first", {"gift": "paused: complaint"})
        assert dispatch(workspace, running, MONDAY, 100).placed == 20
        assert counts_of(workspace, "SELECT arm, count(*) FROM calls WHERE begun_at IS NOT NULL GROUP BY 1") == {
            "control": 20
        }
        with workspace.database.writing() as connection:
            rest(connection, "gift-first", {})
        assert dispatch(workspace, running, MONDAY, 100).placed == 20


def test_pause_resume_and_stop_act_at_once(tmp_path: Path) -> None:
    """The next batch after a pause places nothing, after a resume it does; a stop lets what rings finish."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 40, control=words(redial={"attempts": 1})))
        assert dispatch(workspace, running, MONDAY, 10).placed == 10
        control.pause(workspace, "gift-first", "too loud", "ann", MONDAY)
        assert dispatch(workspace, running, MONDAY, 10).claimed == 0
        with pytest.raises(NotNow, match="is paused; it cannot be asked to pause now"):
            control.pause(workspace, "gift-first", "", "ann", MONDAY)
        control.resume(workspace, "gift-first", "quiet again", "bob", MONDAY)
        with pytest.raises(NotNow, match="is running; it cannot be asked to resume now"):
            control.resume(workspace, "gift-first", "", "bob", MONDAY)
        assert dispatch(workspace, running, MONDAY, 10).placed == 10
        assert control.stop(workspace, "gift-first", "enough", "ann", MONDAY) == 20
        assert dispatch(workspace, running, MONDAY, 10).claimed == 0
        poll(workspace, running, MONDAY + timedelta(hours=1))
        assert counts_of(workspace, STATES) == {"ended": 20, "canceled": 20}
        assert rows_of(workspace, "SELECT DISTINCT reason FROM calls WHERE state = 'canceled'") == [("stopped",)]
        with pytest.raises(NotNow, match="is stopped; it cannot be asked to stop now"):
            control.stop(workspace, "gift-first", "", "ann", MONDAY)
        done = rows_of(workspace, "SELECT who, action, reason FROM audit ORDER BY id")
    assert [tuple(row) for row in done][1:] == [
        ("ann", "pause", "too loud"), ("bob", "resume", "quiet again"), ("ann", "stop", "enough")
    ]  # fmt: skip


def test_everything_stops_with_one_command(tmp_path: Path) -> None:
    """Stopping all ends every live experiment, the paused ones too, and tells their names."""
    with make_workspace(tmp_path) as workspace:
        for name, first in (("one", 0), ("other", 50)):
            folder = tmp_path / name
            start(workspace, write_experiment(folder, make_rows(10, first), experiment=name))
        control.pause(workspace, "one", "", "ann", MONDAY)
        assert sorted(control.stop_all(workspace, "fire", "ann", MONDAY)) == ["one", "other"]
        assert control.stop_all(workspace, "fire", "ann", MONDAY) == ()
        assert {card.state for card in report.cards(workspace, MONDAY)} == {State.STOPPED}
        assert set(counts_of(workspace, STATES)) == {CallState.CANCELED}


def test_a_paused_campaign_ends_its_run_and_goes_on_when_resumed(tmp_path: Path) -> None:
    """A run over a paused experiment returns instead of waiting for ever; nothing is lost by it."""
    path = write_experiment(tmp_path, 30)
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        dispatch(workspace, running, MONDAY, 10)
        control.pause(workspace, "gift-first", "lunch", "ann", MONDAY)
        assert Simulation(workspace, running).run() is False
        control.resume(workspace, "gift-first", "", "ann", MONDAY)
        assert Simulation(workspace, running).run() is True
        assert number_of(workspace, "SELECT count(DISTINCT contact_id) FROM calls WHERE state = 'ended'") == 30


def test_two_processes_never_place_one_call(tmp_path: Path) -> None:
    """Two dispatchers of one database share the due calls between them."""
    path = write_experiment(tmp_path, 60)
    with make_workspace(tmp_path) as one, make_workspace(tmp_path) as other:
        enroll.start(one, path, MONDAY)
        runs = [workspace.running("gift-first") for workspace in (one, other)]
        asked: Counter[str] = Counter()

        class Racing(Wrapped):
            def before(self, requests: Sequence[DialRequest], now: datetime) -> None:
                if len(self.asked) < 20:
                    dispatch(other, runs[1], now, 15)
                asked.update(request.call for request in requests)

        for _ in range(6):
            dispatch(one, replaced(runs[0], Racing(runs[0].adapter)), MONDAY, 10)
        assert runs[0].adapter.book.doubles() == {}  # type: ignore[attr-defined]
        assert runs[0].adapter.book.calls() == 60  # type: ignore[attr-defined]
