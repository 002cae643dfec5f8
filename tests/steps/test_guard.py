"""Guards act between looks: what a complaint stops is called no more from the next claim on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.events import Event, Kind
from engine.core.treatments import Disposition
from engine.steps import control, guard, look, receive, report
from engine.steps.carriers import carriers
from engine.steps.dispatch import dispatch
from engine.steps.evidence import HEARD_FIELDS
from engine.steps.resting import resting_arms
from engine.store import outcomes as outcome_rows
from engine.store import records
from engine.workspace import Running, Workspace
from tests.steps.makers import (
    MONDAY,
    counts_of,
    make_workspace,
    number_of,
    rows_of,
    start,
    write_experiment,
)

NAME = "gift-first"
ARMS = {"gift": {"script": "gift-first"}, "story": {"script": "story"}}
SOON = MONDAY + timedelta(minutes=10)


def dialed(workspace: Workspace, folder: Path, people: int = 300, calls: int = 60, **changes: Any) -> Running:
    """An experiment with two script arms, of which so many calls are in flight."""
    running = start(workspace, write_experiment(folder, people, **({"arms": ARMS} | changes)))
    assert dispatch(workspace, running, MONDAY, calls).placed == calls
    return running


def begun(workspace: Workspace) -> dict[str, int]:
    return counts_of(workspace, "SELECT arm, count(*) FROM calls WHERE begun_at IS NOT NULL GROUP BY 1")


def calls_of(workspace: Workspace, arm: str) -> list[str]:
    """Keys of the arm's calls that were placed."""
    return [row[0] for row in rows_of(workspace, "SELECT key FROM calls WHERE arm = :arm AND begun_at > 0", arm=arm)]


def ended(call: str, how: Disposition = Disposition.ANSWERED_HUMAN) -> Event:
    return Event(f"{call}#ended", Kind.ENDED, MONDAY + timedelta(minutes=1), call, disposition=how, seconds=20.0)


def complained(call: str, kind: Kind = Kind.COMPLAINED) -> Event:
    return Event(f"{call}#{kind}", kind, MONDAY + timedelta(minutes=5), call)


def tell(workspace: Workspace, events: Sequence[Event], now: datetime = SOON, source: str = "simulated") -> None:
    with workspace.database.writing() as connection:
        _, messages = receive.take(workspace, connection, source, events, now)
    receive.follow_up.send(workspace, messages, now)


def hear_complaints(workspace: Workspace, arm: str, count: int, kind: Kind = Kind.COMPLAINED) -> None:
    """Every placed call ends; so many people of the arm complain."""
    every = [call for name in ("control", *ARMS) for call in calls_of(workspace, name)]
    tell(workspace, [ended(call) for call in every])
    tell(workspace, [complained(call, kind) for call in calls_of(workspace, arm)[:count]])


@pytest.mark.parametrize(("complaints", "stopped"), [(1, False), (3, True)])
def test_no_call_of_a_harmful_arm_is_claimed_after_its_complaints_were_heard(
    tmp_path: Path, complaints: int, stopped: bool
) -> None:
    """No look comes in between: three complaints rest the arm for the very next claim, one does not."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path)
        before = begun(workspace)
        hear_complaints(workspace, "story", complaints)
        dispatch(workspace, running, SOON, 90)
        after = begun(workspace)
        assert (after["story"] == before["story"]) == stopped
        assert after["gift"] > before["gift"]
        with workspace.database.reading() as connection:
            assert resting_arms(connection, NAME) == ({"story": "paused: complaint"} if stopped else {})
            kept = records.looks(connection, running.id)
        assert len(kept) == stopped  # what was found and done is kept as a look
        said = rows_of(workspace, "SELECT who, action, reason FROM audit WHERE action = 'pause arm'")
        assert [tuple(row) for row in said] == [("guardrail", "pause arm", "story: complaint")] * stopped


def test_people_of_a_paused_arm_are_not_called_again_and_get_the_message_of_their_call(tmp_path: Path) -> None:
    """Redials of a paused arm wait with its first calls; a message after a talk that took place still goes."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path)
        calls = calls_of(workspace, "story")
        tell(workspace, [ended(call, Disposition.NO_ANSWER) for call in calls[:5]])
        tell(workspace, [ended(call) for call in calls[5:12]])
        tell(workspace, [complained(call) for call in calls[5:8]])
        later = MONDAY + timedelta(hours=4)
        tell(workspace, [ended(calls[12])], later)
        dispatch(workspace, running, later, 300)
        again = "SELECT count(*) FROM calls WHERE arm = 'story' AND attempt = 2 AND begun_at IS NOT NULL"
        assert number_of(workspace, "SELECT count(*) FROM calls WHERE arm = 'story' AND attempt = 2") == 5
        assert number_of(workspace, again) == 0
        assert number_of(workspace, "SELECT count(*) FROM messages WHERE call = :call", call=calls[12]) == 1


def test_what_was_paused_stays_paused_though_later_calls_come_to_nothing(tmp_path: Path) -> None:
    """Odds that passed the alarm once are an alarm at every later look, until a person resumes."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path, calls=90, metrics={"guardrails": {}})
        story = calls_of(workspace, "story")
        tell(workspace, [ended(call) for call in story[:2]])
        tell(workspace, [complained(call) for call in story[:2]])
        with workspace.database.reading() as connection:
            assert resting_arms(connection, NAME) == {"story": "paused: complaint"}
        every = [call for name in ("control", "gift", "story") for call in calls_of(workspace, name)]
        tell(workspace, [ended(call) for call in every])
        found = look.look(workspace, running, SOON + timedelta(hours=1))
        assert [each for each in found["guardrails"] if each["arm"] == "story" and each["status"] == "fail"]
        assert found["verdict"]["arms"]["story"] == "stopped_for_safety"
        with workspace.database.reading() as connection:
            assert resting_arms(connection, NAME) == {"story": "paused: complaint"}


def test_opt_outs_pause_an_arm_at_their_declared_count(tmp_path: Path) -> None:
    """`pause_at` counts people as they are heard, long before their conversion window is over."""
    with make_workspace(tmp_path) as workspace:
        dialed(workspace, tmp_path, metrics={"guardrails": {"opt_out": {"pause_at": 4}}})
        hear_complaints(workspace, "gift", 3, Kind.OPTED_OUT)
        with workspace.database.reading() as connection:
            assert resting_arms(connection, NAME) == {}
        tell(workspace, [complained(call, Kind.OPTED_OUT) for call in calls_of(workspace, "gift")[3:4]])
        with workspace.database.reading() as connection:
            assert resting_arms(connection, NAME) == {"gift": "paused: opt_out"}


@pytest.mark.parametrize("method", ["fixed", "sequential"])
def test_harm_on_the_control_pauses_the_campaign_at_once(tmp_path: Path, method: str) -> None:
    """The experiment is paused with its reason, whatever the method; resumed, the control rests and the arms go on."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path, decision={"method": method})
        hear_complaints(workspace, "control", 3)
        card = report.card(workspace, NAME)
        assert (card.state, card.health) == ("paused", "attention")
        assert "complaints" in card.health_reason
        assert dispatch(workspace, running, SOON, 50).claimed == 0
        control.resume(workspace, NAME, "listened to the calls", "ann", SOON)
        before = begun(workspace)
        assert dispatch(workspace, running, SOON, 50).placed == 50
        assert begun(workspace)["control"] == before["control"]


def test_complaints_over_all_arms_stop_a_campaign_that_no_arm_stops_alone(tmp_path: Path) -> None:
    """One complaint an arm is no alarm for any; all together they exceed the limit, and nobody is called on."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path, metrics={"guardrails": {}}, calls=150)
        every = {name: calls_of(workspace, name) for name in ("control", *ARMS)}
        tell(workspace, [ended(call) for calls in every.values() for call in calls])
        tell(workspace, [complained(every["gift"][0])])
        assert report.card(workspace, NAME).state == "running"
        tell(workspace, [complained(every["story"][0])])
        card = report.card(workspace, NAME)
        assert card.state == "paused"
        assert "together" in card.health_reason
        with workspace.database.reading() as connection:
            found = records.looks(connection, running.id)[-1]
        assert (found["harm"]["complaints"], found["harm"]["ok"]) == (2, False)
        assert all(each["status"] == "pass" for each in found["guardrails"])
        assert found["verdict"]["status"] == "stopped_for_safety"
        assert dispatch(workspace, running, SOON, 50).claimed == 0


def test_a_watch_goes_on_where_the_last_look_left_it(tmp_path: Path) -> None:
    """The guards of a look are those of the looks before, carried on in the look's own JSON by any process."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path, calls=150)
        every = [call for name in ("control", *ARMS) for call in calls_of(workspace, name)]
        tell(workspace, [ended(call) for call in every[:100]])
        first = look.look(workspace, running, SOON)
    with make_workspace(tmp_path) as workspace:
        running = workspace.running(NAME)
        tell(workspace, [ended(call) for call in every[100:]])
        second = look.look(workspace, running, SOON + timedelta(hours=1))
    assert first["watch"]["balance"].keys() == {"assigned", "dialled/simulated", "connected/simulated"}
    for stage in second["balance"][1:]:
        assert stage["adapter"] == "simulated"
        assert sum(stage["observed"].values()) == 150
        assert second["watch"]["balance"][f"{stage['stage']}/simulated"]["last"] == list(stage["observed"].values())


def test_each_adapter_that_carried_calls_is_held_to_the_shares(tmp_path: Path) -> None:
    """Reports of a second adapter make two checks beside the whole; one that took one arm's calls alone alarms."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path, people=600, calls=600, pace={"per_second": 20, "concurrent": 600})
        gift = calls_of(workspace, "gift")
        tell(workspace, [ended(call) for name in ("control", "story") for call in calls_of(workspace, name)])
        tell(workspace, [ended(call) for call in gift], source="other")
        with workspace.database.reading() as connection:
            assert carriers(connection, NAME) == ["other"]
        found = look.look(workspace, running, SOON)
    stages = {(each["stage"], each.get("adapter", "")): each for each in found["balance"]}
    assert stages["dialled", ""]["ok"]
    assert stages["dialled", "other"]["observed"] == {"control": 0, "gift": len(gift), "story": 0}
    assert not stages["dialled", "other"]["ok"]
    assert not stages["connected", "simulated"]["ok"]
    assert found["verdict"]["status"] == "data_problem"


def test_only_harm_wakes_the_guards(tmp_path: Path) -> None:
    """A plain ending asks no guard, and without a new alarm no look is made."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path)
        hear_complaints(workspace, "story", 1)
        with workspace.database.writing() as connection:
            assert not guard.stop_harm(connection, running, SOON)
        assert number_of(workspace, "SELECT count(*) FROM looks") == 0
        control.pause(workspace, NAME, "lunch", "ann", SOON)
        tell(workspace, [complained(call) for call in calls_of(workspace, "story")])
        assert number_of(workspace, "SELECT count(*) FROM looks") == 0  # nobody is called; the next look will say it


def test_complaints_are_pooled_over_all_live_experiments(tmp_path: Path) -> None:
    """The list of experiments sums the complaints of what is live, and the guards read the same sums."""
    with make_workspace(tmp_path) as workspace:
        running = dialed(workspace, tmp_path)
        assert report.pooled_harm(report.cards(workspace, SOON)) is None  # nobody was reached yet
        hear_complaints(workspace, "story", 1)
        found = report.pooled_harm(report.cards(workspace, SOON))
        assert found is not None
        assert (found.complaints, found.calls, found.ok) == (1, 60, True)
        with workspace.database.reading() as connection:
            cheap = outcome_rows.totals(connection, running.id, HEARD_FIELDS)
            whole = outcome_rows.sums(connection, running.id)
        for (arm, _), sums in whole.items():
            assert cheap[arm] == {name: sums.totals[name] for name in HEARD_FIELDS}
        control.stop(workspace, NAME, "enough", "ann", SOON)
        assert report.pooled_harm(report.cards(workspace, SOON)) is None
