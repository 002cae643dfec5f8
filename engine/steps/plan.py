"""Before a single call: who will be called, what this roster can see, how long it takes and what it costs.

Planning uses the procedures that decide: Dunnett's bound at a fixed horizon, the bounds of planned looks, and the
race, played with a stated seed. What cannot be answered is said first.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from math import prod
from pathlib import Path
from typing import Any

from engine.core.experiments import CONTROL, HOLDOUT, Experiment
from engine.core.factorial import decks, one_variable, shares_compared, shares_dealt
from engine.core.guards import COMPLAINT, HARM_LIMIT
from engine.core.metrics import METRICS
from engine.core.sentences import odds
from engine.steps.audience import People, people_of, rules_to_know
from engine.steps.eligibility import packs, wanted_of
from engine.steps.forecast import WaveChoice, days_of_waves, wave_choices
from engine.steps.pacing import REACHED_FIRST, calls_each, days_of_parts
from engine.steps.parts import in_waves
from engine.steps.rehearse import dealt_arms
from engine.steps.size import fixed_sample, has_deadline, people_wanted
from engine.workspace import SIMULATED, Workspace

CALL_COST, MESSAGE_COST = 0.15, 0.05  # where the provider's own assumptions are not known


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment will take. Lifts are differences of rates, money is in the adapter's currency.

    `per_arm` are people per arm that this roster gives, `needed` those that the smallest useful lift needs,
    `visible_lift` the smallest true lift that this roster shows with the wanted power; None for no lift at all.
    `methods` say what each method takes for the smallest useful lift, `waves` what each way to call spends in calls
    and days. With a `deadline` the race takes a last reading where the roster ends. Days are null beyond a lifetime.
    """

    experiment: str
    feasible: bool
    sentence: str
    people: People
    shares: dict[str, float]
    per_arm: dict[str, int]
    needed_per_arm: int
    smallest_useful_lift: float
    visible_lift: float | None
    baseline: float
    power: float
    alpha: float
    method: str
    expected_calls: int
    worst_calls: int
    calling_days: float | None
    days: float | None
    money: dict[str, float]
    fixed_samples: float
    deadline: bool
    methods: dict[str, Any]
    waves: tuple[WaveChoice, ...]
    notes: tuple[str, ...] = ()
    factorial: "Crossed | None" = None

    def as_json(self) -> dict[str, Any]:
        """The plan as plain data, schema `ringlab.plan/1`."""
        values = {name: value for name, value in asdict(self).items() if name != "factorial" or value}
        return {"schema": "ringlab.plan/1", **values}


@dataclass(frozen=True, slots=True)
class CrossedVariable:
    """One variable of a factorial round: whom the smallest useful lift needs, per level and in the whole round."""

    variable: str
    needed_per_level: int
    people: int
    visible_lift: float | None


@dataclass(frozen=True, slots=True)
class Crossed:
    """A factorial round, where everyone serves every variable, beside the same questions one variable at a time."""

    combinations: int
    variables: tuple[CrossedVariable, ...]
    people_needed: int
    one_at_a_time: int


def plan(workspace: Workspace, path: Path, now: datetime) -> Plan:
    """The plan of an experiment file over its contacts; nothing is written anywhere."""
    experiment = workspace.load(path)
    people, by_pack = people_of(workspace, experiment, workspace.contact_file(experiment, path), now)
    wanted = people_wanted(experiment)
    shares = shares_dealt(experiment)
    per_arm = _dealt(experiment, by_pack, wanted)
    splits, crossed = _splits(experiment, per_arm), None
    needed, visible = _statistics(experiment, per_arm)
    if experiment.is_factorial:
        crossed, visible = _crossed(experiment, splits)
        needed = max(one.needed_per_level for one in crossed.variables)
    expected, worst = _calls(experiment, splits["redial"])
    called = sum(people for arm, people in splits["redial"].items() if arm != HOLDOUT)
    calling, days = _days(experiment, expected, called)
    short = sum(
        wanted_of(pack, wanted) - min(wanted_of(pack, wanted), by_pack[pack.name]) for pack in packs(experiment)
    )
    feasible, sentence = _answer(experiment, sum(wanted.values()), short, visible)
    return Plan(
        experiment=experiment.name, feasible=feasible, sentence=sentence, people=people, shares=shares,
        per_arm=per_arm, needed_per_arm=needed,
        smallest_useful_lift=experiment.decision.smallest_useful_lift.points(experiment.size.baseline),
        visible_lift=visible, baseline=experiment.size.baseline, power=experiment.size.power,
        alpha=experiment.decision.alpha, method=experiment.decision.method, expected_calls=expected,
        worst_calls=worst, calling_days=calling, days=days, money=_money(experiment, splits, expected),
        fixed_samples=round(called / fixed_sample(experiment), 3), deadline=_read_last(experiment, called),
        methods={} if experiment.is_factorial else _methods(experiment, per_arm),
        waves=() if experiment.is_factorial else wave_choices(experiment, per_arm),
        notes=(
            *_notes(experiment, called), *_harm_seen(experiment, per_arm, called, expected),
            *rules_to_know(workspace, experiment, people, now),
        ), factorial=crossed,
    )  # fmt: skip


def people_per_arm(
    workspace: Workspace, experiment: Experiment, contacts: Path | None, now: datetime
) -> dict[str, int]:
    """How many people each arm gets of a contact file, or of the roster, as long as every arm is living."""
    _, by_pack = people_of(workspace, experiment, contacts, now)
    return _dealt(experiment, by_pack, people_wanted(experiment))


def _dealt(experiment: Experiment, by_pack: Mapping[str, int], wanted: Mapping[str, int]) -> dict[str, int]:
    """People per arm: each pack is dealt among its own arms, up to what the size wants of it."""
    dealt: dict[str, int] = {}
    for pack in packs(experiment):
        people = by_pack[pack.name]
        people = min(people, wanted_of(pack, wanted)) if wanted else people
        if experiment.is_factorial:
            return {arm: int(people * share + 1e-9) for arm, share in shares_dealt(experiment).items()}
        dealt |= {arm: int(people * share + 1e-9) for arm, share in pack.shares.items()}
    return {arm: dealt[arm] for arm in experiment.all_shares}


def _splits(experiment: Experiment, per_arm: dict[str, int]) -> dict[str, dict[str, int]]:
    """People per arm as each variable splits them; everybody under the control where nothing changes it.

    Without a factorial design an arm changes one variable, and the people per arm are the same for all.
    """
    if not experiment.is_factorial:
        return defaultdict(lambda: per_arm)
    called = per_arm[CONTROL] / shares_dealt(experiment)[CONTROL] * (1 - experiment.audience.holdout)
    splits: dict[str, dict[str, int]] = defaultdict(lambda: {CONTROL: round(called)})
    for deck in decks(experiment):
        for variable in deck.variables:
            splits[variable] = {arm: round(called * share) for arm, share in deck.share_of(variable).items()}
    return splits


def _crossed(experiment: Experiment, splits: Mapping[str, dict[str, int]]) -> tuple[Crossed, float | None]:
    """What each variable needs, and the largest of the lifts that this roster shows of them; None for none at all."""
    variables = []
    for variable in experiment.levels:
        alone, compared = one_variable(experiment, variable), shares_compared(experiment, variable)
        called = sum(splits[variable].get(arm, 0) for arm in alone.treatments)
        needed, visible = _statistics(alone, {arm: round(called * share) for arm, share in compared.items()})
        least = min(share for arm, share in compared.items() if arm != CONTROL)
        people = round(needed / least / (1 - experiment.audience.holdout))
        variables.append(CrossedVariable(variable, needed, people, visible))
    apart = experiment.model_copy(update={"design": "one-at-a-time", "exclude": []})
    needed, _ = _statistics(apart, {arm: round(share * 1e6) for arm, share in apart.all_shares.items()})
    lifts = [one.visible_lift for one in variables]
    seen = None if None in lifts else max(lift for lift in lifts if lift is not None)
    possible = prod(len(deck.shares) for deck in decks(experiment))
    least = min(share for arm, share in apart.all_shares.items() if arm not in (CONTROL, HOLDOUT))
    return Crossed(possible, tuple(variables), max(one.people for one in variables), round(needed / least)), seen


def _statistics(experiment: Experiment, per_arm: dict[str, int]) -> tuple[int, float | None]:
    """People per arm that the smallest useful lift needs, and the lift that this roster shows."""
    from engine.stats.power import contacts_per_arm, detectable_lift

    size, alpha = experiment.size, experiment.decision.alpha
    useful = experiment.decision.smallest_useful_lift.points(size.baseline)
    arms = [arm for arm in per_arm if arm not in (CONTROL, HOLDOUT)]
    least = min(per_arm[arm] for arm in arms)
    ratio = per_arm[CONTROL] / least if least else 1.0
    needed = contacts_per_arm(
        size.baseline, useful, alpha=alpha, power=size.power, arms=len(arms), control_ratio=ratio or 1.0
    )
    if least < 1 or per_arm[CONTROL] < 1:
        return needed, None
    try:
        visible = detectable_lift(
            size.baseline, least, alpha=alpha, power=size.power, arms=len(arms), control_contacts=per_arm[CONTROL]
        )
    except ValueError:
        return needed, None
    return needed, visible


def _methods(experiment: Experiment, per_arm: Mapping[str, int]) -> dict[str, Any]:
    """What each method takes for the smallest useful lift, over the arms that chance deals."""
    from engine.stats.needs import needs

    size, decision, metric = experiment.size, experiment.decision, METRICS[experiment.metrics.primary]
    useful = decision.smallest_useful_lift.points(size.baseline)
    dealt = dealt_arms(experiment)
    sign = 1 if metric.better == "higher" else -1
    if metric.kind != "rate" or not dealt or not 0 < size.baseline + sign * useful < 1:
        return {}
    people = sum(per_arm[arm] for arm in (CONTROL, *dealt))
    most = people if people > len(dealt) else None
    ends = most is not None and has_deadline(experiment, people)
    return asdict(needs(size.baseline, sign * useful, decision.alpha, size.power, len(dealt), most, deadline=ends))


def _calls(experiment: Experiment, per_arm: dict[str, int]) -> tuple[int, int]:
    """Calls expected and at worst, over all arms."""
    expected = worst = 0.0
    for arm, treatment in experiment.treatments.items():
        people = per_arm.get(arm, 0)
        expected += people * calls_each(treatment)
        worst += people * treatment.redial.attempts
    limit = experiment.budget.calls or float("inf")
    return round(min(expected, limit)), round(min(worst, limit))


def _days(experiment: Experiment, calls: int, people: int) -> tuple[float | None, float | None]:
    """Days of calling at the pace inside the control's window, and until everybody had the time to convert."""
    (whole,) = days_of_parts(experiment, [calls])
    if whole is None:
        return None, None
    within = experiment.conversion.within.total_seconds() / 86_400
    days = days_of_waves(experiment, people, 0) if people and in_waves(experiment) else whole
    return round(whole - within, 2), None if days is None else round(days, 2)


def _money(experiment: Experiment, splits: Mapping[str, dict[str, int]], calls: int) -> dict[str, float]:
    """What calls, messages and incentives are expected to cost."""
    settings = experiment.settings if experiment.adapter == SIMULATED else {}
    per_call = float(settings.get("cost_per_minute", CALL_COST)) * REACHED_FIRST
    per_message = float(settings.get("cost_per_message", MESSAGE_COST))
    messages = offered = 0.0
    for arm, treatment in experiment.treatments.items():
        messages += splits["sms"].get(arm, 0) * REACHED_FIRST if treatment.sms else 0.0
        incentive = experiment.incentives.get(treatment.incentive or "")
        offered += splits["incentive"].get(arm, 0) * experiment.size.baseline * (incentive.cost if incentive else 0.0)
    parts = {"calls": calls * per_call, "messages": messages * per_message, "incentives": offered}
    return {name: round(value, 2) for name, value in (parts | {"total": sum(parts.values())}).items()}


def _read_last(experiment: Experiment, called: int) -> bool:
    """Whether the race takes a last reading where the roster ends: a short one, and every factorial round."""
    crossed = experiment.is_factorial and experiment.decision.method == "sequential"
    return has_deadline(experiment, called) or crossed


def _notes(experiment: Experiment, people: int) -> tuple[str, ...]:
    """What the file asks for and will not get, and how a race over so few people ends."""
    notes = []
    if experiment.pace.waves != "off" and not in_waves(experiment):
        notes.append("waves are for methods that may decide early: this experiment is read once, so all calls go out")
    if experiment.decision.method == "sequential" and people < fixed_sample(experiment):
        notes.append(
            "the roster is less than one fixed sample: the smallest useful lift can hardly be seen; a last reading is "
            "taken where the roster ends, and finds it with a chance of 69% at one fixed sample, less below"
        )
    elif has_deadline(experiment, people):
        notes.append(
            "the roster is between 1 and 1.5 fixed samples: the race takes a last reading where the roster ends, and "
            "finds the smallest useful lift with a chance of 69% at 1, 80% at 1.5 and 82% at 2 fixed samples"
        )
    return tuple(notes)


def _harm_seen(experiment: Experiment, per_arm: dict[str, int], people: int, calls: int) -> tuple[str, ...]:
    """What the complaint guard can see of an arm, and of all arms together, in one case of two."""
    from engine.stats.harm import visible_times

    least = min((per_arm[arm] for arm in experiment.treatments), default=0)
    arm_calls = round(calls * least / people) if people else 0
    if COMPLAINT not in experiment.metrics.guardrails or arm_calls < 1:
        return ()
    alone, together = (visible_times(number, HARM_LIMIT) for number in (arm_calls, calls))
    return (
        f"complaints: {arm_calls:,} calls on an arm can see a complaint rate of about {odds(alone)} times the limit of "
        f"1 in 10,000, all {calls:,} together about {odds(together)} times; a smaller harm stays unseen here",
    )


def _answer(experiment: Experiment, wanted: int, short: int, visible: float | None) -> tuple[bool, str]:
    """Whether this roster, which is `short` of so many wanted people, can answer this question, said in a sentence."""
    useful = experiment.decision.smallest_useful_lift.points(experiment.size.baseline)
    asked = experiment.size.lift.points(experiment.size.baseline) if experiment.size.lift else useful
    if visible is None:
        return False, "this roster cannot answer this question: some arm would have nobody in it"
    seen = f"{visible * 100:.1f} points with {experiment.size.power:.0%} power"
    if short > 0:
        return False, (
            f"this roster cannot answer this question: it lacks {short:,} of the {wanted:,} people "
            f"that the size asks for; it shows a lift of {seen}"
        )
    if visible > asked * 1.005:
        return False, (
            f"this roster cannot answer this question: it shows a lift of {seen}, and {asked * 100:.1f} points "
            "are asked for; bring more people, test fewer arms, or look for more"
        )
    return True, f"this roster can answer this question: it shows a lift of {seen}"
