"""The six statuses, and what each says to do."""

from typing import Any

import pytest

from engine.core.evidence import LookCounts, Placebo
from engine.core.experiments import Guardrail
from engine.core.shares import parse_lift
from engine.core.standings import standing
from engine.core.verdicts import STATUSES
from engine.stats.tallies import Tally
from tests.core.standing_makers import make_evidence, make_question, make_rate, make_standing

WINNING = {"control": (360, 3000), "story": (450, 3000)}
TOGETHER = {"control": (360, 3000), "story": (362, 3000)}


def verdict_of(found: dict[str, Any]) -> dict[str, Any]:
    """The verdict of a standing."""
    verdict: dict[str, Any] = found["verdict"]
    return verdict


def test_there_are_six_statuses():
    """The words that every reader of a standing relies on."""
    assert STATUSES == (
        "winner", "leaning", "no_useful_difference", "not_enough_people", "stopped_for_safety", "data_problem",
    )  # fmt: skip


def test_a_proven_arm_wins_and_its_sentence_can_be_repeated():
    """The sentence has the lift in points, its range and the people of both arms; the lift is corrected, too."""
    verdict = verdict_of(make_standing(WINNING))

    assert (verdict["status"], verdict["arm"], verdict["final"]) == ("winner", "story", True)
    assert verdict["sentence"] == (
        "story wins: it raises the conversion rate by 3 points (likely range 1.3 to 4.7), "
        "with 3,000 people in it and 3,000 people in the control."
    )
    assert "control of the next round" in verdict["next"]
    assert 0 < verdict["corrected"]["difference"] < 0.03


def test_of_several_proven_arms_the_highest_wins():
    """Two arms are winners against the control; the verdict names the one with the higher rate."""
    verdict = verdict_of(make_standing({"control": (360, 3000), "a": (460, 3000), "b": (480, 3000)}))

    assert verdict["arms"] == {"a": "winner", "b": "winner"}
    assert verdict["arm"] == "b"


def test_a_good_estimate_without_proof_is_leaning():
    """An estimate above the smallest useful lift that chance could give is leaning, and says what would confirm it."""
    found = make_standing({"control": (360, 3000), "story": (395, 3000)})

    assert verdict_of(found)["status"] == "leaning"
    assert "not proven" in verdict_of(found)["sentence"]
    assert "17,166 people per arm" in verdict_of(found)["next"]


def test_a_range_below_the_useful_lift_is_no_useful_difference():
    """Where even the upper end of the range is not worth a change, the question is answered."""
    verdict = verdict_of(make_standing({"control": (36000, 300000), "story": (36100, 300000)}))

    assert verdict["status"] == "no_useful_difference"
    assert verdict["arms"] == {"story": "no_useful_difference"}


def test_a_worse_arm_is_a_loser_and_the_control_is_kept():
    """A proven fall settles an arm; with all arms settled the control stays."""
    found = make_standing({"control": (3600, 30000), "story": (3000, 30000), "gift": (3550, 30000)})

    assert verdict_of(found)["arms"] == {"story": "loser", "gift": "no_useful_difference"}
    assert verdict_of(found)["status"] == "no_useful_difference"
    assert verdict_of(found)["sentence"].startswith("Keep the control: story did worse")


def test_too_few_people_at_the_end_say_how_many_would_do():
    """An end without an answer names the people per arm that would give one."""
    verdict = verdict_of(make_standing({"control": (360, 3000), "story": (370, 3000)}))

    assert verdict["status"] == "not_enough_people"
    assert verdict["final"]
    assert "17,166 people per arm" in verdict["next"]


@pytest.mark.parametrize(
    "counted",
    [{"control": (0, 0), "story": (0, 0)}, {"control": (0, 1), "story": (1, 1)}, {"control": (5, 40)},
     {"control": (0, 900), "story": (0, 900)}, {"control": (5, 40), "story": (0, 0)},
     {"control": (0, 2), "story": (2, 2)}],
)  # fmt: skip
@pytest.mark.parametrize("method", ["fixed", "sequential", "group"])
def test_next_to_nothing_is_not_enough_people(counted, method):
    """One contact, no conversion or an empty arm is never an error, and never a claim."""
    useful = 0.002

    verdict = verdict_of(make_standing(counted, method=method, smallest_useful_lift=useful))

    assert verdict["status"] == "not_enough_people"


@pytest.mark.parametrize("evidence", [{"finished": False}, {"finished": True, "waiting": 200}])
def test_a_fixed_horizon_is_read_once_at_the_end(evidence):
    """Before the last person's window is over, even a huge difference is not read."""
    found = make_standing({"control": (360, 3000), "story": (900, 3000)}, evidence)

    assert verdict_of(found)["status"] == "not_enough_people"
    assert not verdict_of(found)["final"]
    assert found["safe_to_read"] == {
        "ok": False, "why": "a fixed horizon is read once, at the end", "why_zh": "固定样本只在结束时查看一次",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("counted", "status"),
    [
        ({"control": (0, 900), "story": (5, 900)}, "leaning"),
        ({"control": (0, 900), "story": (9, 900)}, "winner"),
        ({"control": (0, 9000), "story": (5, 9000)}, "no_useful_difference"),
        ({"control": (0, 90_000), "story": (9, 90_000)}, "winner"),
        ({"control": (895, 900), "story": (900, 900)}, "leaning"),
        ({"control": (9000, 9000), "story": (8991, 9000)}, "loser"),
    ],
)
def test_few_successes_or_failures_need_the_exact_test(counted, status):
    """Where the score test is too quick, 5 : 0 proves nothing and 9 : 0 does, in small arms and in large ones."""
    lift = 0.005 if counted["control"][1] == 900 else 0.0025

    assert verdict_of(make_standing(counted, smallest_useful_lift=lift))["arms"]["story"] == status


def test_waiting_says_how_many_people_and_days_are_missing():
    """500 more people in each of two arms at 200 a day are five days."""
    verdict = verdict_of(
        make_standing({"control": (60, 500), "story": (70, 520)}, {"finished": False, "per_day": 200.0}, planned=1000)
    )

    assert verdict["sentence"] == "Not enough people yet: 500 of 1,000 people per arm are counted."
    assert verdict["next"].startswith("Wait for 500 people more per arm, 5 more days at this pace.")


@pytest.mark.parametrize(
    "evidence",
    [
        {"stages": {"assigned": {"control": 3200, "story": 2800}}},
        {"stages": {"dialled": {"control": 3200, "story": 2800}}},
        {"placebo": Placebo("connect", {"control": Tally.of_rate(2100, 3000), "story": Tally.of_rate(2300, 3000)})},
    ],
)
@pytest.mark.parametrize("method", ["fixed", "sequential"])
def test_an_imbalance_or_a_failed_placebo_is_a_data_problem(evidence, method):
    """What cannot differ by chance blanks the verdict, whatever the numbers say, for every arm."""
    found = make_standing(WINNING, evidence, shares={"control": 0.5, "story": 0.5}, method=method)

    assert verdict_of(found)["status"] == "data_problem"
    assert verdict_of(found)["arms"] == {"story": "data_problem"}
    assert "arm" not in verdict_of(found)
    assert not found["safe_to_read"]["ok"]


def test_a_placebo_leaves_out_what_can_change_the_connect():
    """An arm that calls at other hours may connect differently, and is no alarm."""
    placebo = Placebo("connect", {"control": Tally.of_rate(2100, 3000), "story": Tally.of_rate(2300, 3000)})

    found = make_standing(WINNING, {"placebo": placebo}, variables={"story": "timing"})

    assert verdict_of(found)["status"] == "winner"
    assert "placebo" not in found


def test_complaints_beyond_the_limit_stop_the_arm():
    """Five complaints in 3,000 calls are 3,426 : 1 against one in 10,000."""
    counted = {"control": (360, 3000), "story": (450, 3000), "gift": (455, 3000)}

    found = make_standing(counted, {"harm": {"story": (5, 3000), "gift": (1, 3000), "control": (0, 3000)}})

    assert verdict_of(found)["arms"] == {"story": "stopped_for_safety", "gift": "winner"}
    assert verdict_of(found)["arm"] == "gift"
    assert any("5 complaints in 3,000 calls" in reason for reason in verdict_of(found)["reasons"])
    checks = {check["arm"]: check["status"] for check in found["guardrails"]}
    assert checks == {"story": "fail", "gift": "pass", "control": "pass"}


@pytest.mark.parametrize("hit", [["control"], ["story"]])
def test_harm_on_the_control_or_on_every_arm_stops_the_experiment(hit):
    """Safety comes before any other verdict, a data problem too."""
    evidence = {
        "harm": dict.fromkeys(hit, (5, 3000)),
        "stages": {"assigned": {"control": 3200, "story": 2800}},
    }

    found = make_standing(WINNING, evidence, shares={"control": 0.5, "story": 0.5})

    assert verdict_of(found)["status"] == "stopped_for_safety"
    assert verdict_of(found)["final"]
    assert found["safe_to_read"]["ok"]


def test_an_arm_is_paused_at_the_declared_count():
    """`pause_at: 3` pauses at the third complaint, whatever the odds; at the second it does not."""

    def status(complaints: int) -> str:
        found = make_standing(
            WINNING | {"gift": (380, 3000)},
            {"harm": {"gift": (complaints, 300_000)}},
            guardrails={"complaint": Guardrail(pause_at=3)},
        )
        return str(verdict_of(found)["arms"]["gift"])

    assert status(2) == "not_enough_people"
    assert status(3) == "stopped_for_safety"


@pytest.mark.parametrize(("opted_out", "status"), [(60, "pass"), (95, "undecided"), (300, "fail")])
def test_a_guardrail_against_the_control_passes_fails_or_waits(opted_out, status):
    """An arm whose opt-out is surely more than a point above the control's is stopped."""
    evidence = make_evidence(
        make_rate(WINNING),
        make_rate(
            {"control": (60, 3000), "story": (opted_out, 3000)},
            name="opt_out", label="Opt-out", role="guardrail", better="lower",
        ),
    )  # fmt: skip
    question = make_question(guardrails={"opt_out": Guardrail(no_worse_by=parse_lift("1pt"))})

    found = standing(question, evidence)

    assert found["guardrails"][0]["status"] == status
    assert (verdict_of(found)["status"] == "stopped_for_safety") == (status == "fail")


def test_audiences_are_described_and_never_win():
    """Another pack of people that yields more is leaning at best, and no causal claim is made."""
    found = make_standing(WINNING, variables={"story": "audience"})

    assert verdict_of(found)["status"] == "leaning"
    assert "other people" in verdict_of(found)["sentence"]
    assert any("No causal claim" in warning for warning in found["warnings"])


def test_in_a_race_audiences_stand_aside():
    """The race runs over the arms that chance deals; a pack of people is neither proven nor dropped by it."""
    counted = {"control": (360, 3000), "pack": (900, 3000), "story": (450, 3000)}

    found = make_standing(counted, {"finished": False}, method="sequential", variables={"pack": "audience"})

    assert verdict_of(found)["status"] == "winner"
    assert verdict_of(found)["arm"] == "story"
    assert verdict_of(found)["arms"]["pack"] == "leaning"
    assert "sequential" not in found["metrics"][0]["comparisons"][0]


def test_the_race_drops_a_useless_arm_and_keeps_the_rest():
    """An arm with 5 : 1 against a useful lift gets no more contacts; the others go on, safe to read."""
    counted = {"control": (360, 3000), "story": (372, 3000), "gift": (330, 3000)}

    found = make_standing(counted, {"finished": False}, method="sequential")

    assert verdict_of(found)["arms"] == {"story": "not_enough_people", "gift": "no_useful_difference"}
    assert verdict_of(found)["active"] == ["control", "story"]
    assert found["safe_to_read"]["ok"]


def test_a_proven_arm_waits_for_the_race_to_say_which_is_best():
    """Two arms that are alike and one of them proven: better than the control, best not known."""
    counted = {"control": (360, 3000), "story": (450, 3000), "gift": (440, 3000)}

    running = verdict_of(make_standing(counted, {"finished": False}, method="sequential"))
    ended = verdict_of(make_standing(counted, {"finished": True}, method="sequential"))

    assert (running["status"], running["final"]) == ("leaning", False)
    assert running["arms"]["story"] == "winner"
    assert (ended["status"], ended["arm"]) == ("winner", "story")


def test_a_race_that_ends_with_the_roster_may_lean():
    """At the roster's end an unproven arm above the useful lift is leaning, not a winner."""
    counted = {"control": (120, 1000), "story": (135, 1000)}

    verdict = verdict_of(make_standing(counted, method="sequential"))

    assert (verdict["status"], verdict["arm"]) == ("leaning", "story")


def test_a_race_is_decided_by_every_look_and_not_by_the_last():
    """Bad looks drop an arm for ever; better counts afterwards do not bring it back."""
    history = (LookCounts({"control": 9000, "story": 9000}, {"control": 1080, "story": 1000}),)

    found = make_standing(
        {"control": (1090, 9050), "story": (1090, 9050)}, {"history": history, "finished": False}, method="sequential"
    )

    assert verdict_of(found)["status"] == "no_useful_difference"


def test_a_paused_arm_does_not_keep_the_race_open():
    """When harm stops the only rival, the proven arm that is left has won."""
    counted = {"control": (360, 3000), "story": (450, 3000), "gift": (440, 3000)}

    found = make_standing(counted, {"finished": False, "harm": {"gift": (9, 3000)}}, method="sequential")

    assert verdict_of(found)["status"] == "winner"
    assert verdict_of(found)["arms"]["gift"] == "stopped_for_safety"


def test_a_race_without_a_rate_is_read_at_the_end():
    """The race needs yes or no; another primary metric falls back to the end, and says so."""
    revenue = {arm: Tally.of([0.0, 1.0, 2.0, high] * 50) for arm, high in (("control", 3.0), ("story", 9.0))}
    metric = make_rate({}, name="revenue", kind="mean", tallies=revenue)

    early = standing(make_question(method="sequential"), make_evidence(metric, finished=False))
    late = standing(make_question(method="sequential"), make_evidence(metric))

    assert not early["safe_to_read"]["ok"]
    assert any("needs a rate" in warning for warning in early["warnings"])
    assert verdict_of(late)["status"] == "winner"


def test_a_lift_wins_downward_where_less_is_better():
    """Fewer opt-outs win; more of them lose."""
    fewer = make_rate({"control": (450, 3000), "story": (360, 3000)}, better="lower")
    more = make_rate({"control": (360, 3000), "story": (450, 3000)}, better="lower")

    assert verdict_of(standing(make_question(), make_evidence(fewer)))["status"] == "winner"
    assert verdict_of(standing(make_question(), make_evidence(more)))["arms"] == {"story": "loser"}


PLAN = {"method": "group", "planned": 5000}


def test_planned_looks_may_be_read_at_every_fifth():
    """At a fifth of the plan only a huge difference is proof; between looks the last one stands."""
    early = make_standing({"control": (60, 500), "story": (200, 500)}, {"finished": False}, **PLAN)
    at_first = make_standing({"control": (120, 1000), "story": (160, 1000)}, {"finished": False}, **PLAN)
    huge = make_standing({"control": (120, 1000), "story": (260, 1000)}, {"finished": False}, **PLAN)

    assert not early["safe_to_read"]["ok"]
    assert verdict_of(early)["status"] == "not_enough_people"
    assert at_first["safe_to_read"]["ok"]
    assert at_first["metrics"][0]["comparisons"][0]["p_value"] < 0.05
    assert verdict_of(at_first)["status"] == "not_enough_people"
    assert verdict_of(huge)["status"] == "winner"
    assert verdict_of(huge)["final"]


def test_a_planned_look_is_never_taken_back():
    """An arm that was proven at a look stays proven, and one that was ruled out gets no more contacts."""
    history = (LookCounts({"control": 1000, "story": 1000, "gift": 1000}, {"control": 120, "story": 260, "gift": 50}),)
    counted = {"control": (300, 2500), "story": (310, 2500), "gift": (50, 1000)}

    verdict = verdict_of(make_standing(counted, {"history": history, "finished": False}, **PLAN))

    assert verdict["arms"] == {"story": "winner", "gift": "loser"}
    assert verdict["final"]


def test_planned_looks_spend_alpha_once():
    """Five looks at nothing cross a bound in no more than alpha of the campaigns."""
    import numpy as np

    random, false, campaigns = np.random.default_rng(3), 0, 120
    for _ in range(campaigns):
        drawn = random.binomial(1000, 0.12, (5, 2)).cumsum(axis=0)
        looks = [LookCounts({"control": 1000 * k, "story": 1000 * k}, {"control": c, "story": t})
                 for k, (c, t) in enumerate(drawn.tolist(), start=1)]  # fmt: skip
        counted = {"control": (drawn[4][0], 5000), "story": (drawn[4][1], 5000)}
        found = make_standing(counted, {"history": tuple(looks[:4])}, **PLAN)
        false += verdict_of(found)["arms"]["story"] in {"winner", "loser"}

    assert false / campaigns <= 0.05 + 3 * (0.05 * 0.95 / campaigns) ** 0.5


def test_planned_looks_without_a_plan_are_read_at_the_end():
    """Nobody can say what a fifth of the plan is when there is none."""
    found = make_standing(WINNING, method="group")

    assert verdict_of(found)["status"] == "winner"
    assert any("planned number" in warning for warning in found["warnings"])


def test_the_end_of_the_roster_is_the_last_planned_look():
    """Where fewer came than planned, what is left of alpha is spent at the end; the rest may lean."""
    proven = make_standing(WINNING, **PLAN)
    leaning = make_standing({"control": (360, 3000), "story": (400, 3000)}, **PLAN)

    assert verdict_of(proven)["status"] == "winner"
    assert verdict_of(leaning)["status"] == "leaning"
    assert "group" in proven["metrics"][0]["comparisons"][0]


def raced(counted, useful=0.01, **evidence):
    """A look of a running race."""
    question = make_question(tuple(counted), method="sequential", smallest_useful_lift=useful)
    return standing(question, make_evidence(make_rate(counted), finished=False, **evidence), look=1)


def test_a_race_goes_on_from_the_look_before():
    """A race resumed from what a look kept reads as one replayed over every look."""
    first, second, third = (
        {"control": (60 * n, 500 * n), "story": (75 * n, 500 * n), "gift": (58 * n, 500 * n)} for n in (1, 3, 5)
    )
    history = []
    kept = {}
    for counted in (first, second, third):
        past = tuple(history)
        replayed = raced(counted, history=past)
        resumed = raced(counted, race=kept)
        assert resumed["race"] == replayed["race"]
        assert resumed["metrics"] == replayed["metrics"]
        kept = resumed["race"]
        history.append(
            LookCounts({arm: n for arm, (_, n) in counted.items()}, {arm: s for arm, (s, _) in counted.items()})
        )


def test_what_another_plan_kept_is_not_gone_on_from():
    """A race kept under another plan, or by another release, is replayed instead."""
    counted = {"control": (60, 500), "story": (75, 500)}
    kept = raced(counted)["race"]
    fresh = raced(counted, 0.02)

    for foreign in (kept, {"race": {}}, kept | {"race": kept["race"] | {"lanes": {}}}):
        found = raced(counted, 0.02, race=foreign)
        assert found["race"] == fresh["race"]


def test_a_race_with_a_deadline_is_read_a_last_time():
    """With the roster's end known, what a last z-test would prove is proven; without it the race leaves it open."""
    history = tuple(
        LookCounts({"control": 250 * n, "story": 250 * n}, {"control": 30 * n, "story": 36 * n}) for n in range(1, 8)
    )
    found = {
        deadline: verdict_of(
            make_standing(
                {"control": (240, 2000), "story": (291, 2000)}, {"history": history}, method="sequential",
                deadline=deadline, smallest_useful_lift=0.03,
            )
        )["status"]
        for deadline in (None, 4000)
    }  # fmt: skip

    assert found == {None: "not_enough_people", 4000: "winner"}


def test_an_arm_may_be_shown_the_same_on_purpose():
    """An arm named in `same` is not in the race: it goes on past 5 : 1 against, until both odds are 20 : 1."""
    counts = {n: {"control": (12 * n, 100 * n), "cheap": (12 * n, 100 * n)} for n in (5, 10, 50)}
    found, race = {}, {}
    for n, counted in counts.items():
        question = make_question(tuple(counted), method="sequential", smallest_useful_lift=0.03, same=("cheap",))
        evidence = make_evidence(make_rate(counted), finished=False, race=race)
        found[n] = standing(question, evidence, look=1)
        race = found[n]["race"]

    assert verdict_of(found[5])["status"] == "not_enough_people"
    assert verdict_of(found[10])["active"] == ["control", "cheap"]
    assert "not shown to be the same" in " ".join(verdict_of(found[10])["reasons"])
    assert (verdict_of(found[50])["status"], verdict_of(found[50])["final"]) == ("no_useful_difference", True)
    assert "cheap is the same as the control within 3 points" in " ".join(verdict_of(found[50])["reasons"])
    assert "与对照相同" in " ".join(found[50]["verdict_zh"]["reasons"])
    assert found[50]["metrics"][0]["comparisons"][0]["same"]["odds_above"] >= 20


def test_a_claim_of_sameness_stands_beside_the_race():
    """The race is decided and the claim is not: the experiment goes on with the control and that arm alone."""
    counted = {"control": (360, 3000), "story": (480, 3000), "cheap": (360, 3000)}
    question = make_question(tuple(counted), method="sequential", smallest_useful_lift=0.02, same=("cheap",))

    running = verdict_of(standing(question, make_evidence(make_rate(counted), finished=False)))
    paused = verdict_of(
        standing(question, make_evidence(make_rate(counted), finished=False, harm={"cheap": (9, 3000)}))
    )

    assert running["arms"]["story"] == "winner"
    assert not running["final"]
    assert "cheap" in running["active"]
    assert (paused["status"], paused["final"]) == ("winner", True)


def test_a_claim_that_another_plan_kept_is_replayed():
    """What another margin or another release kept of a claim is not gone on from."""
    counted = {"control": (1200, 10_000), "cheap": (1200, 10_000)}
    question = make_question(tuple(counted), method="sequential", smallest_useful_lift=0.03, same=("cheap",))
    fresh = standing(question, make_evidence(make_rate(counted), finished=False), look=1)
    kept = fresh["race"]["same"]["cheap"]

    for foreign in (kept | {"margin": 0.01}, kept | {"unknown": 1}, kept | {"margin": 2.0}):
        again = standing(
            question, make_evidence(make_rate(counted), finished=False, race={"same": {"cheap": foreign}}), look=1
        )
        assert again["race"] == fresh["race"]
