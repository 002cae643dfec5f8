"""Contacts in, assignments and first calls out: nobody is dealt twice, nobody is lost."""

import csv
import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.core.assignment import block_of
from engine.core.contacts import ContactColumns
from engine.core.experiments import HOLDOUT, State
from engine.errors import InputError, NotNow, ProblemsFound
from engine.steps import control, enroll, report, suppress
from engine.steps.people import import_contacts
from tests.steps.makers import (
    COLUMNS,
    MONDAY,
    arms_of,
    counts_of,
    make_experiment,
    make_rows,
    make_workspace,
    number_of,
    outcomes_of,
    rows_of,
    run_to_end,
    spread,
    start,
    write_experiment,
    write_rows,
)

ROSTER = {"roster": True}
STRATA = {"contacts": "contacts.csv", "columns": COLUMNS, "strata": ["segment", "tier"]}
FACTS = ("contacts", "assignments", "calls", "outcomes", "refusals")


def facts(workspace: Any) -> list[Any]:
    return [rows_of(workspace, f"SELECT * FROM {name} ORDER BY 1, 2") for name in FACTS]


def import_people(folder: Path, workspace: Any, count: int, first: int = 0) -> None:
    path = write_rows(folder / "people.csv", make_rows(count, first))
    import_contacts(workspace, path, ContactColumns(**COLUMNS), "CN", MONDAY)


def test_starting_again_changes_nothing(tmp_path: Path) -> None:
    """The same file a second time imports nobody, deals nobody and plans nothing."""
    path = write_experiment(tmp_path, 90)
    with make_workspace(tmp_path) as workspace:
        first = enroll.start(workspace, path, MONDAY)
        before = facts(workspace)
        again = enroll.start(workspace, path, MONDAY + timedelta(hours=1))
        assert facts(workspace) == before
    assert (first.new, first.imported, first.assigned) == (True, 90, {"control": 45, "gift": 45})
    assert (again.new, again.imported, again.assigned) == (False, 90, {})


def test_starting_again_in_another_process_deals_the_same_arms(tmp_path: Path) -> None:
    """An arm hangs on names alone: another machine with the same files deals the same arms."""
    dealt = []
    for name in ("one", "other"):
        path = write_experiment(tmp_path / name, 90)
        with make_workspace(tmp_path / name) as workspace:
            enroll.start(workspace, path, MONDAY)
            dealt.append(arms_of(workspace))
    assert dealt[0] == dealt[1]


@pytest.mark.parametrize("finished", [False, True])
def test_a_changed_file_of_a_started_experiment_is_refused(tmp_path: Path, finished: bool) -> None:
    """A running experiment does not change: a changed file names both fingerprints and the cure."""
    path = write_experiment(tmp_path, 30)
    with make_workspace(tmp_path) as workspace:
        enroll.start(workspace, path, MONDAY)
        if finished:
            control.stop(workspace, "gift-first", "enough", "ann", MONDAY)
        before = facts(workspace)
        write_experiment(tmp_path, 40, pace={"per_second": 21, "concurrent": 500})
        with pytest.raises(NotNow, match="give the changed file another name") as caught:
            enroll.start(workspace, path, MONDAY)
        assert facts(workspace) == before
        (shown,) = rows_of(workspace, "SELECT fingerprint FROM experiments")
        assert shown[0] in str(caught.value)


def test_a_stopped_experiment_is_not_started_again(tmp_path: Path) -> None:
    """The unchanged file of an experiment that is over enrolls nobody."""
    path = write_experiment(tmp_path, 30)
    with make_workspace(tmp_path) as workspace:
        enroll.start(workspace, path, MONDAY)
        control.stop(workspace, "gift-first", "enough", "ann", MONDAY)
        with pytest.raises(NotNow, match="is stopped; give the next round another name"):
            enroll.start(workspace, path, MONDAY)


def test_shares_hold_to_a_block_in_every_stratum(tmp_path: Path) -> None:
    """At every moment of the deal an arm's count differs from its share by at most one block, per stratum."""
    shares = {"control": "50%", "gift": "30%", "story": "20%"}
    arms = {"gift": {"script": "gift-first"}, "story": {"script": "story"}}
    path = write_experiment(tmp_path, 300, audience=STRATA | {"holdout": "10%"}, shares=shares, arms=arms)
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        wanted = running.experiment.all_shares
        dealt = rows_of(workspace, "SELECT stratum, arm FROM assignments ORDER BY rank")
        places = rows_of(workspace, "SELECT stratum, place FROM assignments ORDER BY rank")
    assert len({stratum for stratum, _ in dealt}) == 6
    for stratum in {stratum for stratum, _ in dealt}:
        order = [arm for of, arm in dealt if of == stratum]
        assert [place for of, place in places if of == stratum] == list(range(len(order)))
        assert spread(order, wanted) <= len(block_of(wanted))
        whole = len(order) // len(block_of(wanted)) * len(block_of(wanted))
        assert spread(order[:whole], wanted) <= len(block_of(wanted)) / 2


def test_the_holdout_is_never_called_and_matures_by_its_window(tmp_path: Path) -> None:
    """Held-out people have an arm, no call, and are mature one conversion window after they were dealt."""
    audience = {"contacts": "contacts.csv", "columns": COLUMNS, "holdout": "20%"}
    path = write_experiment(tmp_path, 60, audience=audience)
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, path)
        held = rows_of(workspace, "SELECT contact_id FROM assignments WHERE arm = :arm", arm=HOLDOUT)
        assert len(held) == 12
        called = (
            "SELECT count(*) FROM calls JOIN assignments USING (experiment_id, contact_id) WHERE assignments.arm = :arm"
        )
        assert number_of(workspace, called, arm=HOLDOUT) == 0
        assert {arm for (arm,) in rows_of(workspace, "SELECT DISTINCT arm FROM calls")} == {"control", "gift"}
        (matures,) = {row[0] for row in rows_of(workspace, "SELECT matures_at FROM outcomes WHERE arm = :a", a=HOLDOUT)}
        assert matures == int((MONDAY + timedelta(hours=72)).timestamp()) * 1_000_000
        stands = report.standing(workspace, "gift-first", simulation.now)
    assert all(row["arm"] != HOLDOUT for row in stands["metrics"][0]["arms"])


def test_late_arrivals_continue_the_blocks(tmp_path: Path) -> None:
    """A longer file of the same experiment deals only who came since, and the blocks go on where they stopped."""
    path = write_experiment(tmp_path, 101, audience=STRATA)
    with make_workspace(tmp_path) as workspace:
        running = start(workspace, path)
        before = arms_of(workspace)
        write_rows(path.with_name("contacts.csv"), make_rows(211))
        again = enroll.start(workspace, path, MONDAY + timedelta(minutes=5))
        after = arms_of(workspace)
        dealt = rows_of(workspace, "SELECT stratum, arm FROM assignments ORDER BY rank")
        ranks = [row[0] for row in rows_of(workspace, "SELECT rank FROM assignments ORDER BY rank")]
        assert number_of(workspace, "SELECT count(*) FROM calls") == 211
    assert {key: after[key] for key in before} == before
    assert sum(again.assigned.values()) == 110
    assert ranks == list(range(211))
    for stratum in {stratum for stratum, _ in dealt}:
        assert spread([arm for of, arm in dealt if of == stratum], running.experiment.all_shares) <= 1


def test_contacts_of_an_api_are_dealt_into_what_runs_over_the_roster(tmp_path: Path) -> None:
    """One contact at a time still fills the blocks; who is known keeps the arm; what cannot be called is told."""
    path = write_experiment(tmp_path, audience=ROSTER)
    with make_workspace(tmp_path) as workspace:
        import_people(tmp_path, workspace, 11)
        running = start(workspace, path)
        before = arms_of(workspace)
        for number in range(11, 40):
            given = {"key": f"C{number:05}", "phone": f"199{number:08}", "attributes": {"segment": "repeat"}}
            told = enroll.add_contacts(workspace, [given], MONDAY + timedelta(minutes=number))
            assert told["enrolled"] == {"gift-first": 1}
        known = {"key": "C00000", "phone": "19900000000", "name": "王女士"}
        told = enroll.add_contacts(
            workspace, [known, {"key": "X", "phone": "12"}, {"key": "Y", "phone": "19900000001"}], MONDAY
        )
        order = [arm for (arm,) in rows_of(workspace, "SELECT arm FROM assignments ORDER BY rank")]
        after = arms_of(workspace)
    assert spread(order, running.experiment.all_shares) <= 1
    assert {key: after[key] for key in before} == before
    assert (told["imported"], told["enrolled"]) == (0, {"gift-first": 0})
    assert [(one["contact"], "another contact" in one["reason"]) for one in told["rejected"]] == [
        (2, False),
        ("Y", True),
    ]
    assert not any("199" in json.dumps(one) for one in told["rejected"])


def test_a_contact_is_in_one_running_experiment(tmp_path: Path) -> None:
    """People of a running experiment are refused to another, with the rule; when it is over they are free."""
    with make_workspace(tmp_path) as workspace:
        import_people(tmp_path, workspace, 60)
        enroll.start(workspace, write_experiment(tmp_path, audience=ROSTER, size={"contacts_per_arm": 20}), MONDAY)
        other = write_experiment(tmp_path, audience=ROSTER, experiment="other")
        second = enroll.start(workspace, other, MONDAY)
        assert (sum(second.assigned.values()), second.refused) == (20, {"other_experiment": 40})
        assert report.refusals(workspace, "other")[0][::2] == ("other_experiment", 40)
        assert (
            number_of(
                workspace,
                "SELECT max(n) FROM (SELECT count(*) AS n FROM assignments GROUP BY contact_id) AS found",
            )
            == 1
        )
        control.stop(workspace, "gift-first", "enough", "ann", MONDAY)
        assert sum(enroll.start(workspace, other, MONDAY).assigned.values()) == 40
        assert workspace.database.check() == ()


@pytest.mark.parametrize("told_by_the_first", [True, False])
def test_compatible_experiments_share_people(tmp_path: Path, told_by_the_first: bool) -> None:
    """Either of two experiments may say that they may call the same people; then each splits them on its own."""
    first = {"compatible_with": ["other"]} if told_by_the_first else {}
    second = {} if told_by_the_first else {"compatible_with": ["gift-first"]}
    with make_workspace(tmp_path) as workspace:
        import_people(tmp_path, workspace, 80)
        enroll.start(workspace, write_experiment(tmp_path, audience=ROSTER, **first), MONDAY)
        other = write_experiment(tmp_path, audience=ROSTER, experiment="other", **second)
        done = enroll.start(workspace, other, MONDAY)
        assert (done.assigned, done.refused) == ({"control": 40, "gift": 40}, {})
        assert workspace.database.check() == ()
        crossed = rows_of(
            workspace,
            "SELECT a.arm, b.arm, count(*) FROM assignments a JOIN assignments b USING (contact_id) "
            "WHERE a.experiment_id < b.experiment_id GROUP BY 1, 2",
        )
    assert len(crossed) == 4  # the two deals are independent


def test_people_of_earlier_rounds_are_not_called_again(tmp_path: Path) -> None:
    """The rounds of a series call different people, also when the earlier ones are over."""
    with make_workspace(tmp_path) as workspace:
        import_people(tmp_path, workspace, 90)
        size = {"contacts_per_arm": 15}
        rounds = [("r-1", {}), ("r-2", {"follows": "r-1"}), ("r-3", {"confirms": "r-2"})]
        for name, words in rounds:
            path = write_experiment(tmp_path, audience=ROSTER, experiment=name, size=size, **words)
            enroll.start(workspace, path, MONDAY)
            control.stop(workspace, name, "round over", "ann", MONDAY)
        assert report.refusals(workspace, "r-3")[0][::2] == ("other_experiment", 60)
        assert number_of(workspace, "SELECT count(DISTINCT contact_id) FROM assignments") == 90
        free = write_experiment(tmp_path, audience=ROSTER, experiment="free")
        assert sum(enroll.start(workspace, free, MONDAY).assigned.values()) == 90


def test_every_refusal_is_kept_with_its_rule(tmp_path: Path) -> None:
    """Who is on the suppression list or lacks the order's time is in the table of refusals, counted by rule."""
    people = make_rows(20) + make_rows(5, 20, paid_at="")
    timing = {"after_order": "30m", "window": "09:00-20:00"}
    words = make_experiment()["control"] | {"timing": timing}
    path = write_experiment(tmp_path, people, control=words)
    with make_workspace(tmp_path) as workspace:
        suppress.add(workspace, ["19900000003", "19900000004", "19900000024"], "asked", "letter", MONDAY)
        first = enroll.start(workspace, path, MONDAY)
        again = enroll.start(workspace, path, MONDAY)
        assert report.refusals(workspace, "gift-first") == (
            ("no_order_time", "no time of order, and an arm calls after the order", 4),
            ("suppressed", "on the suppression list", 3),
        )
        assert sum(first.assigned.values()) == 18
        listed = number_of(workspace, "SELECT count(*) FROM contacts")
        covered = (
            "SELECT count(*) FROM (SELECT contact_id FROM assignments UNION SELECT contact_id FROM refusals) AS found"
        )
        assert number_of(workspace, covered) == listed == 25
    assert first.refused == again.refused == {"suppressed": 3, "no_order_time": 4}


def test_who_cannot_be_called_before_the_end_is_refused_and_matures(tmp_path: Path) -> None:
    """A contact whose window never opens before the experiment ends keeps the arm, and is counted."""
    schedule = {"start": "2026-11-23 09:00", "end": "2026-11-23 12:00"}
    late = {"late": {"timing": {"after_order": "30m"}}}
    people = make_rows(40, paid_at="2026-11-23 11:45")
    path = write_experiment(tmp_path, people, schedule=schedule, arms=late)
    with make_workspace(tmp_path) as workspace:
        simulation = run_to_end(workspace, path)
        assert report.refusals(workspace, "gift-first")[0][::2] == ("window", 20)
        assert counts_of(workspace, "SELECT arm, count(DISTINCT contact_id) FROM calls GROUP BY 1") == {"control": 20}
        stands = report.standing(workspace, "gift-first", simulation.now)
    assert {row["arm"]: row["contacts"] for row in stands["metrics"][0]["arms"]} == {"control": 20, "late": 20}


def test_packs_get_only_their_own_people(tmp_path: Path) -> None:
    """An arm that changes the audience is of its own pack; everybody else is dealt among the other arms."""
    words = make_experiment()["control"] | {"audience": {"segment": ["new-buyer"]}}
    arms = {"gift": {"script": "gift-first"}, "lapsed": {"audience": {"segment": "lapsed"}}}
    shares = {"control": 0.25, "gift": 0.25, "lapsed": 0.5}
    path = write_experiment(tmp_path, 300, control=words, arms=arms, shares=shares)
    with make_workspace(tmp_path) as workspace:
        enroll.start(workspace, path, MONDAY)
        found = rows_of(workspace, "SELECT arm, attributes FROM assignments JOIN contacts ON contacts.id = contact_id")
        assert Counter((arm, json.loads(attributes)["segment"]) for arm, attributes in found) == {
            ("control", "new-buyer"): 50, ("gift", "new-buyer"): 50, ("lapsed", "lapsed"): 100
        }  # fmt: skip
        order = [arm for (arm,) in rows_of(workspace, "SELECT arm FROM assignments ORDER BY rank")]
    half = Counter(order[:100])
    assert min(half.values()) >= 15  # packs are dialed side by side, not one after the other


def test_an_experiment_takes_no_more_people_than_its_size(tmp_path: Path) -> None:
    """Of a long list only the declared number is dealt; late arrivals do not exceed it."""
    audience = {"contacts": "contacts.csv", "columns": COLUMNS, "strata": ["segment"], "holdout": "10%"}
    path = write_experiment(tmp_path, 80, audience=audience, size={"contacts_per_arm": 45})
    with make_workspace(tmp_path) as workspace:
        enroll.start(workspace, path, MONDAY)
        write_rows(path.with_name("contacts.csv"), make_rows(200))
        enroll.start(workspace, path, MONDAY)
        enroll.start(workspace, path, MONDAY)
        dealt = counts_of(workspace, "SELECT arm, count(*) FROM assignments GROUP BY 1")
        assert report.card(workspace, "gift-first").planned == 100
    assert sum(dealt.values()) == 100
    assert all(abs(dealt[arm] - wanted) <= 3 for arm, wanted in {"control": 45, "gift": 45, "holdout": 10}.items())


def test_rows_that_cannot_be_used_go_to_a_file_beside_the_database(tmp_path: Path) -> None:
    """Every rejected row is kept with its reason and cure; its number stands only there."""
    bad = [make_rows(1, 50)[0] | {"mobile": "12345"}, make_rows(1, 51)[0] | {"mobile": "19900000002"}]
    path = write_experiment(tmp_path, make_rows(10) + bad)
    with make_workspace(tmp_path) as workspace:
        done = enroll.start(workspace, path, MONDAY)
        beside = workspace.database.path or path  # beside the contact file where the database is no file
        assert done.rejects == beside.with_name("gift-first.rejects.csv")
        kept = list(csv.DictReader(done.rejects.read_text(encoding="utf-8-sig").splitlines()))
        assert (done.imported, done.rejected, len(kept)) == (10, 2, 2)
        assert all(row["reason"] and row["cure"] for row in kept)
        assert number_of(workspace, "SELECT count(*) FROM contacts") == 10


def test_a_second_import_changes_nothing_but_what_the_file_changed(tmp_path: Path) -> None:
    """The roster follows the file: the same rows change nothing, a new name is taken over, arms stay."""
    path = write_experiment(tmp_path, 30)
    with make_workspace(tmp_path) as workspace:
        enroll.start(workspace, path, MONDAY)
        arms, outcomes = arms_of(workspace), outcomes_of(workspace)
        contacts = rows_of(workspace, "SELECT * FROM contacts")
        import_people(tmp_path, workspace, 30)
        assert rows_of(workspace, "SELECT * FROM contacts") == contacts
        write_rows(path.with_name("contacts.csv"), make_rows(29) + make_rows(1, 29, segment="lapsed", name="李先生"))
        enroll.start(workspace, path, MONDAY)
        assert rows_of(workspace, "SELECT name FROM contacts WHERE key = 'C00029'")[0][0] == "李先生"
        assert (arms_of(workspace), outcomes_of(workspace)) == (arms, outcomes)


def test_late_arrivals_of_a_campaign_that_waits_are_called(tmp_path: Path) -> None:
    """While the last conversions are awaited, people who come are called like everybody else."""
    path = write_experiment(tmp_path, 20)
    with make_workspace(tmp_path) as workspace:
        from engine.runner import Simulation

        running = start(workspace, path)
        assert Simulation(workspace, running).run("empty") is False
        assert report.card(workspace, "gift-first").state == State.WAITING
        write_rows(path.with_name("contacts.csv"), make_rows(40))
        enroll.start(workspace, path, MONDAY + timedelta(hours=5))
        assert Simulation(workspace, running).run()
        assert number_of(workspace, "SELECT count(DISTINCT contact_id) FROM calls WHERE state = 'ended'") == 40


def test_a_posted_experiment_calls_the_roster(tmp_path: Path) -> None:
    """An experiment that comes as text starts over the roster, idempotently, and not over a file."""
    words = make_experiment(audience=ROSTER)
    with make_workspace(tmp_path) as workspace:
        import_people(tmp_path, workspace, 10)
        for _ in range(2):
            assert enroll.create(workspace, json.dumps(words), MONDAY).name == "gift-first"
        assert number_of(workspace, "SELECT count(*) FROM assignments") == 10
        with pytest.raises(NotNow, match="does not change; give it another name"):
            enroll.create(workspace, json.dumps(words | {"owner": "bob"}), MONDAY)
        with pytest.raises((InputError, ProblemsFound), match=r"contacts\.csv|roster: true"):
            enroll.create(workspace, json.dumps(make_experiment(experiment="filed")), MONDAY)


def test_real_people_are_told_who_calls(tmp_path: Path) -> None:
    """Only the simulated brand has a name of its own; nothing is written until a real one is named."""
    path = write_experiment(tmp_path, 10)
    with make_workspace(tmp_path) as workspace:
        experiment = workspace.load(path).model_copy(update={"adapter": "somebody"})
        with pytest.raises(InputError, match="say who is calling"):
            enroll._require_brand(experiment)
        enroll._require_brand(experiment.model_copy(update={"values": {"brand": "青禾"}}))
