"""Waves, and an allocation that follows the race: who draws an arm when, whatever happens in between."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.assignment import block_of
from engine.core.experiments import HOLDOUT, State
from engine.runner import Progress, Simulation
from engine.steps import control, enroll, report, suppress
from engine.steps.advance import Pacer, calls_are_over, next_moments, turn
from engine.steps.deal import deal_part, dealing, waiting_for_an_arm
from engine.steps.parts import in_parts, in_waves, number_of_parts
from engine.steps.people import erase
from engine.steps.resting import rest
from engine.steps.size import fixed_sample, has_deadline
from engine.workspace import Workspace
from tests.steps.makers import (
    COLUMNS,
    MONDAY,
    STEADY,
    arms_of,
    counts_of,
    make_experiment,
    make_rows,
    make_workspace,
    number_of,
    rows_of,
    run_to_end,
    spread,
    start,
    write_experiment,
    write_rows,
)

NAME = "gift-first"
ARMS = {"gift": {"script": "gift-first"}, "story": {"script": "story"}}
ONCE = make_experiment()["control"] | {"redial": {"attempts": 1}, "sms": None}
SWIFT = STEADY | {"conversion_delay": "1h"}
RACE: dict[str, Any] = {
    "decision": {"method": "sequential", "smallest_useful_lift": "3pt"}, "conversion": {"within": "24h"},
    "settings": SWIFT,
}  # fmt: skip
AUDIENCE = {"contacts": "contacts.csv", "columns": COLUMNS}


def waves(people: int | str, **changes: Any) -> dict[str, Any]:
    """A race in waves of so many people, at any pace."""
    return RACE | {"pace": {"per_second": 20, "concurrent": 500, "waves": people}} | changes


def dealt_at(workspace: Workspace) -> list[tuple[int, int]]:
    """(when, how many) drew an arm, in order."""
    rows = rows_of(workspace, "SELECT assigned_at, count(*) FROM assignments GROUP BY 1 ORDER BY 1")
    return [(int(row[0]), int(row[1])) for row in rows]


def test_no_wave_goes_out_before_the_last_had_its_time_and_was_looked_at(tmp_path: Path) -> None:
    """Every wave begins after each window of the wave before has closed and a look has counted all its people."""
    with make_workspace(tmp_path) as workspace:
        run_to_end(workspace, write_experiment(tmp_path, 200, truth={"gift": "6pt"}, **waves(60)))
        found = dealt_at(workspace)
        assert [count for _, count in found] == [60, 60, 60, 20]
        for (before, _), (after, _) in pairwise(found):
            closed = number_of(
                workspace,
                "SELECT max(matures_at) FROM outcomes JOIN assignments USING (experiment_id, contact_id) "
                "WHERE assigned_at = :at",
                at=before,
            )
            rang = number_of(
                workspace,
                "SELECT min(begun_at) FROM calls JOIN assignments USING (experiment_id, contact_id) "
                "WHERE assigned_at = :at",
                at=after,
            )
            last = number_of(workspace, "SELECT max(begun_at) FROM calls WHERE begun_at < :at", at=rang)
            looks = number_of(
                workspace, "SELECT count(*) FROM looks WHERE as_of >= :closed AND as_of <= :rang",
                closed=closed, rang=rang,
            )  # fmt: skip
            assert last < closed <= rang
            assert looks == 1
            assert rang - closed < 10 * 60 * 10**6  # and it does not wait for longer than that
        assert workspace.database.check() == ()


def test_redials_belong_to_their_wave(tmp_path: Path) -> None:
    """The second attempts of a wave are made before the next wave begins."""
    control_words = make_experiment()["control"]
    with make_workspace(tmp_path) as workspace:
        run_to_end(workspace, write_experiment(tmp_path, 120, **waves(60, control=control_words)))
        (_, (second, _)) = dealt_at(workspace)
        again = rows_of(
            workspace,
            "SELECT max(begun_at) FROM calls JOIN assignments USING (experiment_id, contact_id) "
            "WHERE assigned_at < :at AND attempt = 2",
            at=second,
        )
        assert again[0][0] < second


def test_the_clock_jumps_to_the_maturity_of_the_wave(tmp_path: Path) -> None:
    """While conversions are awaited the next calls are due when the wave is mature, and hardly a turn is taken."""
    path = write_experiment(tmp_path, 120, **waves(60))
    turns: Counter[str] = Counter()
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)

        def watch(progress: Progress) -> None:
            turns[report.card(workspace, NAME).state] += 1

        simulation = Simulation(workspace, running, watch)
        assert simulation.run()
    assert turns["waiting"] < 60  # two days of waiting


def test_status_says_where_the_waves_stand(tmp_path: Path) -> None:
    """A card tells the wave's number, about how many there are, who has no arm yet, and until when it waits."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 200, control=ONCE, **waves(60)))
        calling = report.card(workspace, NAME)
        assert calling.wave is not None
        assert (calling.wave.number, calling.wave.about, calling.wave.until) == (1, 4, None)
        assert (calling.undealt, calling.assigned, calling.planned) == (140, 60, 200)
        simulation = Simulation(workspace, running)
        seen = []

        def watch(progress: Progress) -> None:
            card = report.card(workspace, NAME)
            if card.state == State.WAITING and card.wave:
                seen.append(card)
            if len(seen) == 1:
                raise KeyboardInterrupt

        simulation.watch = watch
        with pytest.raises(KeyboardInterrupt):
            simulation.run()
        (card,) = seen
        assert card.wave is not None
        assert card.wave.until is not None
        closes = number_of(workspace, "SELECT max(matures_at) FROM outcomes")
        assert card.wave.until == datetime.fromtimestamp(closes / 10**6, UTC)
        assert card.next_action.startswith("wait for the conversions of this wave")
        progress = report.standing(workspace, NAME, simulation.now)["progress"]
        assert progress["wave"]["number"] == 1
        assert progress["undealt"] == 140
        assert next_moments(workspace, running, simulation.now)[0] == card.wave.until
        assert not calls_are_over(workspace, running)


def facts(workspace: Workspace) -> list[Any]:
    """Who drew which arm in which period, and when each telephone first rang."""
    return rows_of(
        workspace, "SELECT contacts.key, arm, period, rank FROM assignments JOIN contacts ON id = contact_id"
    )


def test_any_process_goes_on_where_a_dead_one_stopped(tmp_path: Path) -> None:
    """Killed again and again, in the middle of waves and of waits, a campaign deals and calls as if it never was."""
    truth = {"gift": "5pt", "story": "-10pt"}
    words = waves(50, arms=ARMS, truth=truth, control=ONCE)
    with make_workspace(tmp_path / "calm") as workspace:
        run_to_end(workspace, write_experiment(tmp_path / "calm", 400, **words))
        expected = sorted(tuple(row) for row in facts(workspace))
    path = write_experiment(tmp_path / "stormy", 400, **words)
    with make_workspace(tmp_path / "stormy") as workspace:
        start(workspace, path)

    class Dead(Exception):
        pass

    deaths = 0
    while True:
        turns = 0

        def watch(progress: Progress) -> None:
            nonlocal turns
            turns += 1
            if turns == 3:
                raise Dead

        with make_workspace(tmp_path / "stormy") as workspace:
            try:
                Simulation(workspace, workspace.running(NAME), watch if deaths < 8 else lambda _: None).run()
                break
            except Dead:
                deaths += 1
    assert deaths == 8
    with make_workspace(tmp_path / "stormy") as workspace:
        assert sorted(tuple(row) for row in facts(workspace)) == expected
        assert number_of(workspace, "SELECT count(*) - count(DISTINCT contact_id) FROM calls") == 0
        assert workspace.database.check() == ()


def test_a_dropped_arms_share_goes_to_the_living(tmp_path: Path) -> None:
    """Once the race drops an arm nobody draws it, the others share its people equally, and each period is told."""
    truth = {"gift": "6pt", "story": "-14pt"}
    words = waves(
        300, arms=ARMS, truth=truth, control=ONCE, size={"baseline": "18%"}, settings=SWIFT | {"conversion": "18%"},
        decision={"smallest_useful_lift": "6pt"},
    )  # fmt: skip
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 1200, **words))
        simulation = Simulation(workspace, running)
        assert simulation.run()
        drawn = counts_of(workspace, "SELECT arm, count(*) FROM assignments WHERE period = 0 GROUP BY 1")
        later = rows_of(workspace, "SELECT arm FROM assignments WHERE period = 1 ORDER BY rank")
        stands = report.standing(workspace, NAME, simulation.now)
        assert number_of(workspace, "SELECT count(*) FROM calls WHERE reason = 'resting'") == 0  # nobody was stranded
        canceled = number_of(workspace, "SELECT count(*) FROM assignments WHERE arm = 'story' AND period > 0")
    assert canceled == 0
    assert max(drawn.values()) - min(drawn.values()) <= 1
    order = [arm for (arm,) in later]
    assert len(order) > 50
    assert spread(order, {"control": 0.5, "gift": 0.5}) <= 2
    first, second = stands["progress"]["allocation"][:2]
    assert first["shares"] == pytest.approx({"control": 1 / 3, "gift": 1 / 3, "story": 1 / 3})
    assert first["stages"]["assigned"] == drawn
    assert second["shares"] == {"control": 0.5, "gift": 0.5}
    assert second["stages"]["dialled"] == dict(Counter(order))
    assert all(check["ok"] for check in stands["balance"])


def test_a_race_without_waves_deals_a_part_ahead(tmp_path: Path) -> None:
    """Nothing waits, everybody is called at the pace, and never are more than two parts dealt ahead of the calls."""
    words = RACE | {"decision": {"smallest_useful_lift": "8pt"}}
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 900, arms=ARMS, control=ONCE, **words))
        part = number_of(workspace, "SELECT count(*) FROM assignments")
        assert 0 < part == ceil(fixed_sample(running.experiment) / 8 / 3) * 3 < 450
        ahead = []
        pacer = Pacer.of(running)
        for step in range(1, 60):
            turn(workspace, running, pacer, MONDAY + timedelta(seconds=step), timedelta(seconds=1))
            ahead.append(number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'planned'"))
        assert number_of(workspace, "SELECT count(*) FROM calls") == 900
        order = rows_of(workspace, "SELECT arm FROM calls WHERE attempt = 1 ORDER BY begun_at, rank")
        assert spread([arm for (arm,) in order], running.experiment.all_shares) <= 3
    assert max(ahead) <= 2 * part


def test_people_without_an_arm_are_free_when_the_race_is_over(tmp_path: Path) -> None:
    """Nobody else may call who waits for an arm; once the experiment is over they may be in another."""
    words = waves(60, audience={"roster": True})
    with make_workspace(tmp_path) as workspace:
        from engine.core.contacts import ContactColumns
        from engine.steps.people import import_contacts

        people = write_rows(tmp_path / "people.csv", make_rows(100))
        import_contacts(workspace, people, ContactColumns(**COLUMNS), "CN", MONDAY)
        enroll.start(workspace, write_experiment(tmp_path, **words), MONDAY)
        other = write_experiment(tmp_path, audience={"roster": True}, experiment="other")
        assert enroll.start(workspace, other, MONDAY).refused == {"other_experiment": 100}
        assert workspace.database.check() == ()
        control.stop(workspace, NAME, "enough", "ann", MONDAY)
        assert sum(enroll.start(workspace, other, MONDAY).assigned.values()) == 100
        follows = write_experiment(tmp_path, audience={"roster": True}, experiment="third", follows=NAME)
        control.stop(workspace, "other", "enough", "ann", MONDAY)
        assert enroll.start(workspace, follows, MONDAY).refused == {"other_experiment": 60}
        assert workspace.database.check() == ()


def test_who_is_suppressed_or_erased_before_the_draw_draws_no_arm(tmp_path: Path) -> None:
    """People who may not be called any more when their turn comes are refused, not dealt; who is erased is gone."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 120, control=ONCE, **waves(60)))
        waiting = rows_of(workspace, "SELECT key, phone FROM reserve JOIN contacts ON contacts.id = contact_id")
        suppress.add(workspace, [waiting[0][1]], "asked", "letter", MONDAY)
        erase(workspace, waiting[1][0], "ann", MONDAY)
        assert report.card(workspace, NAME).undealt == 59
        assert Simulation(workspace, running).run()
        assert number_of(workspace, "SELECT count(*) FROM assignments") == 118
        assert [row[::2] for row in report.refusals(workspace, NAME)] == [("suppressed", 1)]


def test_late_arrivals_fill_the_wave_in_hand_and_then_wait(tmp_path: Path) -> None:
    """Who comes while a wave that lacks people is called joins it; once it waits they are for the next one."""
    path = write_experiment(tmp_path, 20, control=ONCE, audience=AUDIENCE | {"strata": ["segment"]}, **waves(30))
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        before = arms_of(workspace)
        write_rows(path.with_name("contacts.csv"), make_rows(45))
        done = enroll.start(workspace, path, MONDAY + timedelta(minutes=5))
        assert (sum(done.assigned.values()), done.undealt) == (10, 15)
        assert enroll.start(workspace, path, MONDAY).assigned == {}
        assert Simulation(workspace, running).run("empty") is False
        assert report.card(workspace, NAME).state == State.WAITING
        assert number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'ended'") == 45
        assert {key: arm for key, arm in arms_of(workspace).items() if key in before} == before
        write_rows(path.with_name("contacts.csv"), make_rows(60))
        late = enroll.start(workspace, path, MONDAY + timedelta(days=2))
        assert (late.assigned, late.undealt) == ({}, 15)  # the second wave waits for its conversions
        assert Simulation(workspace, running).run()
        assert number_of(workspace, "SELECT count(*) FROM calls WHERE state = 'ended'") == 60
        dealt = rows_of(workspace, "SELECT stratum, arm FROM assignments ORDER BY rank")
    for stratum in {stratum for stratum, _ in dealt}:
        assert spread([arm for of, arm in dealt if of == stratum], {"control": 0.5, "gift": 0.5}) <= 1


def test_pause_resume_and_stop_hold_between_waves(tmp_path: Path) -> None:
    """A paused campaign deals no wave however long it stands; resumed it goes on; stopped it lets everybody go."""
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, write_experiment(tmp_path, 90, control=ONCE, **waves(30)))
        simulation = Simulation(workspace, running)

        def watch(progress: Progress) -> None:
            if report.card(workspace, NAME).state == State.WAITING:
                control.pause(workspace, NAME, "holiday", "ann", progress.now)

        simulation.watch = watch
        assert simulation.run() is False
        later = simulation.now + timedelta(days=9)
        turn(workspace, running, simulation.pacer, later, simulation.tick)
        assert number_of(workspace, "SELECT count(*) FROM assignments") == 30
        control.resume(workspace, NAME, "back", "ann", later)
        for minute in range(3):
            turn(workspace, running, simulation.pacer, later + timedelta(minutes=minute), simulation.tick)
        assert number_of(workspace, "SELECT count(*) FROM assignments") == 60
        control.stop(workspace, NAME, "enough", "ann", later)
        assert number_of(workspace, "SELECT count(*) FROM reserve") == 0
        assert report.card(workspace, NAME).wave is None
        assert workspace.database.check() == ()


def test_planned_looks_are_natural_waves(tmp_path: Path) -> None:
    """With planned looks each wave brings every arm to the next fifth, so that its look counts."""
    words = waves("auto", control=ONCE, size={"contacts_per_arm": 50}, audience=AUDIENCE | {"strata": ["segment"]})
    words["decision"] = {"method": "group"}
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, write_experiment(tmp_path, 150, **words))
        assert len(dealt_at(workspace)) == 5
        fewest = [
            min(row["contacts"] for row in one["metrics"][0]["arms"])
            for one in _looks(workspace)
            if one["maturity"]["waiting"] == 0
        ]
        stands = report.standing(workspace, NAME, simulation.now)
    assert all(people >= 10 * number for number, people in enumerate(fewest[:5], start=1))
    assert stands["planned"] == 50


def _looks(workspace: Workspace) -> list[dict[str, Any]]:
    from engine.store import records

    with workspace.database.reading() as connection:
        return records.looks(connection, records.get(connection, NAME).id)


@pytest.mark.parametrize(
    ("changes", "parts", "in_wave"),
    [
        ({"decision": {"method": "fixed"}}, False, False),
        ({"metrics": {"primary": "revenue"}}, False, False),
        ({"decision": {"method": "group"}}, False, False),
        ({"decision": {"method": "group"}, "size": {"contacts_per_arm": 9}}, True, True),
        ({"arms": {"lapsed": {"audience": {"segment": "lapsed"}}}}, False, False),
        ({}, True, True),
        ({"pace": {"waves": "off"}}, True, False),
        ({"control": ONCE | {"timing": {"after_order": "30m"}}, "pace": {"waves": "off"}}, False, False),
    ],
)
def test_only_where_arms_may_leave_are_people_dealt_in_parts(
    tmp_path: Path, changes: dict[str, Any], parts: bool, in_wave: bool
) -> None:
    """What is read once is dealt at once, and so is who comes with an order; what may drop arms is dealt in parts."""
    path = write_experiment(tmp_path, 10, **waves(60) | changes)
    with make_workspace(tmp_path) as workspace:
        experiment = workspace.load(path)
    assert (in_parts(experiment), in_waves(experiment)) == (parts, in_wave)


def test_a_short_roster_has_a_deadline(tmp_path: Path) -> None:
    """Fewer people than one and a half fixed samples end a race with a last reading; a roster without end has none."""
    path = write_experiment(tmp_path, 10, **RACE)
    with make_workspace(tmp_path) as workspace:
        experiment = workspace.load(path)
        fixed = fixed_sample(experiment)
        answers = [has_deadline(experiment, people) for people in (0, 1, fixed, int(1.5 * fixed), 2 * fixed)]
        start(workspace, path)
        write_rows(path.with_name("contacts.csv"), make_rows(40))
        enroll.start(workspace, path, MONDAY)
        assert report.card(workspace, NAME).planned == 40
        assert rows_of(workspace, "SELECT planned FROM experiments") == [(10,)]  # as it was settled at the start
    assert fixed == 4066
    assert answers == [False, True, True, False, False]
    assert number_of_parts(experiment, fixed) == 8


Step = tuple[str, int]
STEPS = st.lists(st.tuples(st.sampled_from(["come", "deal", "leave"]), st.integers(1, 40)), max_size=12)


@settings(max_examples=12, deadline=None)
@given(STEPS)
def test_arms_are_even_at_every_moment_whatever_leaves(steps: list[Step]) -> None:
    """Law 6: however people come and arms leave, within a period no arm strays from its share by more than a block.

    And law 3: whoever drew an arm keeps it; nobody draws one that has left.
    """
    arms = ARMS | {"voice": {"voice": "calm-male"}}
    audience = {"roster": True, "strata": ["segment"], "holdout": "10%"}
    with TemporaryDirectory() as name, make_workspace(Path(name)) as workspace:
        running = start(workspace, write_experiment(Path(name), **waves(24, arms=arms, audience=audience)))
        gone: dict[str, str] = {}
        kept: dict[str, str] = {}
        come = 0
        for step, number in [*steps, ("deal", 1)]:
            if step == "come":
                rows = make_rows(number, come)
                given_ = [
                    {"key": row["id"], "phone": row["mobile"], "attributes": {"segment": row["segment"]}}
                    for row in rows
                ]
                enroll.add_contacts(workspace, given_, MONDAY)
                come += number
            with workspace.database.writing() as connection:
                if step == "leave" and len(gone) < 2:
                    gone[list(arms)[number % 3]] = "dropped"
                    rest(connection, NAME, gone)
                if step == "deal":
                    before = dealing(connection, NAME).periods
                    deal_part(connection, running.experiment, running.id, MONDAY)
                    after = dealing(connection, NAME).periods
                    assert after[: len(before)] == before
                left = waiting_for_an_arm(connection, running.experiment, running.id)
                periods = dealing(connection, NAME).periods
            now = arms_of(workspace)
            assert {key: now[key] for key in kept} == kept
            assert len(now) + left == come
            fresh = {arm for key, arm in now.items() if key not in kept}
            assert not fresh & gone.keys()
            kept = now
        dealt = rows_of(workspace, "SELECT period, stratum, arm FROM assignments ORDER BY rank")
        for period, stratum in {(row[0], row[1]) for row in dealt}:
            order = [row[2] for row in dealt if tuple(row[:2]) == (period, stratum)]
            assert spread(order, periods[period]) <= len(block_of(periods[period]))
            assert HOLDOUT in periods[period]


def test_the_deal_is_a_function_of_names_and_of_who_left(tmp_path: Path) -> None:
    """Two machines on which the same arm leaves at the same part deal the same arms to the same people."""

    def play(folder: Path, leave: Callable[[int], bool]) -> dict[str, str]:
        with make_workspace(folder) as workspace:
            running = start(workspace, write_experiment(folder, 200, **waves(30, arms=ARMS)))
            for part in range(6):
                with workspace.database.writing() as connection:
                    if leave(part):
                        rest(connection, NAME, {"story": "dropped"})
                    deal_part(connection, running.experiment, running.id, MONDAY)
            return arms_of(workspace)

    one, other, late = (
        play(tmp_path / name, lambda part, at=at: part == at) for name, at in (("a", 2), ("b", 2), ("c", 4))
    )
    assert one == other
    assert one != late
