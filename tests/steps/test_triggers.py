"""An order becomes a call some time after it, inside the window or not at all: never late, never twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.contacts import ContactColumns
from engine.runner import Simulation
from engine.steps import enroll, people, report
from engine.steps.advance import Pacer, between, turn
from tests.steps.makers import (
    MONDAY,
    Wrapped,
    arms_of,
    counts_of,
    make_workspace,
    number_of,
    replaced,
    rows_of,
    start,
    write_experiment,
    write_rows,
)

TICK = timedelta(seconds=1)
CALLED = "SELECT contacts.key, begun_at FROM calls JOIN contacts ON contacts.id = contact_id WHERE begun_at IS NOT NULL"
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # twelve in Shanghai


def order(key: str, ordered_at: datetime | None, phone: str = "") -> dict[str, Any]:
    """One order event, as the API gets it."""
    return {"key": key, "phone": phone or f"1990000{int(key[1:]):04}", "ordered_at": ordered_at}


def trigger(folder: Path, **timing: Any) -> Path:
    """An experiment that calls thirty minutes after an order, between ten and twelve, within two hours."""
    after = {"after_order": "30m", "window": "10:00-12:00", "expires_after": "2h"} | timing
    return write_experiment(
        folder,
        audience={"roster": True},
        paths={},
        control={"script": "classic", "timing": after, "redial": {"attempts": 1}},
    )


def test_an_order_is_followed_in_its_window_or_not_at_all(tmp_path: Path) -> None:
    """Ordered at 10:10: called at 10:40. Ordered at 11:50: at 12:20 it is closed, tomorrow is too late."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, trigger(tmp_path))
        wrapped = Wrapped(running.adapter)
        through = replaced(running, wrapped)
        events = {minute: f"C{minute}" for minute in (10, 80, 95, 110)}  # minutes after ten
        for minute in range(24 * 60 + 180):
            now = MONDAY + timedelta(minutes=minute)
            if minute in events:
                done = enroll.add_contacts(workspace, [order(events[minute], now)], now)
                assert done["enrolled"] == {"gift-first": 1}
            turn(workspace, through, Pacer.of(through), now, TICK)
        called = {request.contact: (at - MONDAY) / timedelta(minutes=1) for at, request in wrapped.asked}
        assert called == {"C10": 40, "C80": 110}
        assert report.refusals(workspace, "gift-first")[0][::2] == ("expired", 2)
        assert number_of(workspace, "SELECT count(*) FROM assignments") == 4


def test_a_call_that_waited_too_long_for_its_turn_is_refused(tmp_path: Path) -> None:
    """Within two hours of its time or never: a dispatcher that slept places nothing late."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, trigger(tmp_path, window="10:00-20:00"))
        enroll.add_contacts(workspace, [order("C1", MONDAY), order("C2", MONDAY + timedelta(minutes=1))], MONDAY)
        late = MONDAY + timedelta(hours=2, minutes=30)
        assert turn(workspace, running, Pacer.of(running), late, TICK).placed == 1
        assert counts_of(workspace, "SELECT rule, count(*) FROM refusals GROUP BY 1") == {"expired": 1}
        turn(workspace, running, Pacer.of(running), late + timedelta(days=1), TICK)
        assert [key for key, _ in rows_of(workspace, CALLED)] == ["C2"]


@pytest.mark.parametrize("again", [0, 20, 90])
def test_the_same_order_again_is_no_second_call(tmp_path: Path, again: int) -> None:
    """An order that is sent twice, or another order of the same person, keeps the arm and brings one first call."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, trigger(tmp_path, window="10:00-20:00"))
        enroll.add_contacts(workspace, [order("C1", MONDAY)], MONDAY)
        arm = arms_of(workspace)
        for minute in range(200):
            now = MONDAY + timedelta(minutes=minute)
            if minute == again:
                for at in (MONDAY, now):
                    done = enroll.add_contacts(workspace, [order("C1", at)], now)
                    assert done["enrolled"] == {"gift-first": 0}
            turn(workspace, running, Pacer.of(running), now, TICK)
        assert arms_of(workspace) == arm
        assert running.adapter.book.calls() == 1  # type: ignore[attr-defined]
        assert number_of(workspace, "SELECT count(*) FROM calls") == 1


def test_a_time_that_cannot_be_is_told(tmp_path: Path) -> None:
    """Orders of tomorrow and of years ago are refused with a cure, and nobody is called by them."""
    with make_workspace(tmp_path) as workspace:
        start(workspace, trigger(tmp_path))
        sent = [
            order("C1", MONDAY + timedelta(hours=3)), order("C2", datetime(2019, 5, 1, tzinfo=UTC)),
            order("C3", MONDAY + timedelta(minutes=5)), order("C4", None),
        ]  # fmt: skip
        done = enroll.add_contacts(workspace, sent, MONDAY)
        assert [(one["contact"], one["reason"]) for one in done["rejected"]] == [
            (1, "the time of the order is in the future"), (2, "the order is years old"),
        ]  # fmt: skip
        assert all("2026-11-23T09:00+08:00" in one["cure"] for one in done["rejected"])
        assert done["enrolled"] == {"gift-first": 1}
        assert counts_of(workspace, "SELECT rule, count(*) FROM refusals GROUP BY 1") == {"no_order_time": 1}


def test_a_file_of_orders_is_followed_as_well(tmp_path: Path) -> None:
    """`contacts import` with the time of the order enrolls into what runs; what cannot be is in the rejects."""
    rows = [
        {"id": f"C{number}", "mobile": f"1990000000{number}", "paid_at": paid}
        for number, paid in enumerate(["2026-11-23 09:45", "2026-11-25 09:00", "2019-01-01 09:00", "2026-11-22 09:00"])
    ]
    columns = ContactColumns(key="id", phone="mobile", ordered_at="paid_at")
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, trigger(tmp_path))
        path = write_rows(tmp_path / "orders.csv", rows)
        done, _ = people.import_contacts(workspace, path, columns, "CN", MONDAY)
        assert (done.kept, done.rejected) == (2, 2)
        assert done.rejects is not None
        assert "in the future" in done.rejects.read_text(encoding="utf-8-sig")
        people.import_contacts(workspace, path, columns, "CN", MONDAY + timedelta(minutes=1))
        for minute in range(120):
            turn(workspace, running, Pacer.of(running), MONDAY + timedelta(minutes=minute), TICK)
        assert [key for key, _ in rows_of(workspace, CALLED)] == ["C0"]
        assert counts_of(workspace, "SELECT rule, count(*) FROM refusals GROUP BY 1") == {"expired": 1}


@pytest.mark.parametrize(
    ("timing", "hours", "days"),
    [
        ({"window": "14:00-16:00"}, range(14, 16), range(7)),
        ({"days": ["sat", "sun"], "window": "09:00-12:00"}, range(9, 12), range(5, 7)),
        ({"after_order": "3d", "window": "09:00-20:00"}, range(9, 20), range(7)),
    ],
    ids=["window of the day", "weekday", "delay after the order"],
)
def test_timing_arms_are_placed_when_they_say(
    tmp_path: Path, timing: dict[str, Any], hours: range, days: range
) -> None:
    """Every call of an arm rings in its own hours, on its own days, and no sooner after the order than it says."""
    control = {"script": "classic", "redial": {"attempts": 2, "gap": "1h"}, "timing": {"window": "09:00-20:00"}}
    path = write_experiment(tmp_path, 40, paths={}, control=control, arms={"timed": {"timing": timing}})
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        wrapped = Wrapped(running.adapter)
        assert Simulation(workspace, replaced(running, wrapped)).run()
        paid = dict(rows_of(workspace, "SELECT key, ordered_at / 1000000 FROM contacts"))
    timed = [(at + timedelta(hours=8), request) for at, request in wrapped.asked if request.arm == "timed"]
    assert len(timed) >= (20 if "after_order" not in timing else 10)
    assert {local.hour for local, _ in timed} <= set(hours)
    assert {local.weekday() for local, _ in timed} <= set(days)
    if "after_order" in timing:
        waited = [at.timestamp() - paid[request.contact] for at, request in wrapped.asked if request.arm == "timed"]
        assert min(waited) >= timedelta(days=3).total_seconds()


def test_redials_keep_their_strategy_through_the_dispatch(tmp_path: Path) -> None:
    """By disposition, in the hours of the attempt and in another part of the day, never more often than the cap."""
    redial = {
        "attempts": 3, "gap": "1h", "when": "another_part_of_day",
        "by": {"busy": {"gap": "10m", "when": "window"}, "unreachable": {"gap": "1d", "attempts": 2}},
    }  # fmt: skip
    control = {"script": "classic", "redial": redial, "timing": {"window": "09:00-18:00"}}
    evening = {"redial": {"when": "window", "by": {}, "windows": ["18:00-20:00"]}}
    path = write_experiment(
        tmp_path, 150, paths={}, control=control, arms={"evening": evening}, pace={"per_second": 0.05, "concurrent": 50}
    )
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        assert Simulation(workspace, running).run()
        rows = rows_of(
            workspace,
            "SELECT contact_id, arm, attempt, begun_at / 1000000, ended_at / 1000000, disposition FROM calls "
            "WHERE begun_at IS NOT NULL ORDER BY contact_id, attempt",
        )
    calls = {(row[0], row[2]): row for row in rows}
    again = [(calls[row[0], row[2] - 1], row) for row in rows if row[2] > 1]
    assert len(again) >= 40
    for before, after in again:
        hours = [datetime.fromtimestamp(call[3], UTC).hour + 8 for call in (before, after)]
        gap = after[3] - before[4]
        if after[1] == "evening":
            assert gap >= 3600
            assert 18 <= hours[1] < 20
        elif before[5] == "busy":
            assert gap >= 600
            assert 9 <= hours[1] < 18
        else:
            assert gap >= (86400 if before[5] == "unreachable" else 3600)
            assert (hours[0] - 9) // 3 != (hours[1] - 9) // 3
    assert {before[5] for before, _ in again} >= {"busy", "no_answer", "unreachable"}
    assert max(row[2] for row in rows) <= 3
    assert all(row[2] < 3 for row, _ in again if row[5] == "unreachable" and row[1] == "control")


def test_between_turns_a_call_is_placed_when_it_is_due(tmp_path: Path) -> None:
    """Three orders a minute apart: each call leaves at its minute, and a sleep that ends early loses none."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, trigger(tmp_path))
        wrapped = Wrapped(running.adapter)
        through = replaced(running, wrapped)
        for number in (0, 1, 2, 50):
            ordered = MONDAY + timedelta(minutes=number)
            enroll.add_contacts(workspace, [order(f"C{number}", ordered)], ordered)
        moment = [MONDAY + timedelta(minutes=29)]

        def wait(seconds: float) -> bool:
            moment[0] += timedelta(seconds=seconds if seconds < 1 else seconds - 0.5)
            return False

        until, clock = MONDAY + timedelta(minutes=40), lambda: (moment[0],)
        assert between(workspace, through, Pacer.of(through), until, TICK, clock, wait) == 3
        assert [(at - MONDAY) / timedelta(minutes=1) for at, _ in wrapped.asked] == [30, 31, 32]
        assert between(workspace, through, Pacer.of(through), until, TICK, clock, lambda _: True) == 0


def test_calls_that_no_rule_lets_go_wait_for_the_next_turn(tmp_path: Path) -> None:
    """A call that is due and may not leave does not keep the process busy until the next turn."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, trigger(tmp_path, expires_after="10m"))
        enroll.add_contacts(workspace, [order("C1", MONDAY)], MONDAY)
        late = MONDAY + timedelta(minutes=50)
        until = late + timedelta(minutes=1)
        assert between(workspace, running, Pacer.of(running), until, TICK, lambda: (late,), lambda _: False) == 0
        assert report.refusals(workspace, "gift-first")[0][::2] == ("expired", 1)
