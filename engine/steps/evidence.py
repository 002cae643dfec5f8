"""What an experiment asks, and what was counted of it: the question and the evidence that a standing is made of.

Everything is read off sums per arm and stratum, never off rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.conditionals import AFTER_CONNECT, among_connected
from engine.core.denominators import JOINED, apart_per_call
from engine.core.evidence import Delays, Evidence, LookCounts, MetricTallies, Placebo, Question, Role, Stage
from engine.core.experiments import CONTROL, HOLDOUT, Experiment, State
from engine.core.guards import COMPLAINT
from engine.core.metrics import FLAGS, METRICS, Sums
from engine.core.treatments import changed_variables
from engine.core.watches import Watch
from engine.stats.tallies import Tally
from engine.steps.size import deadline_of, people_wanted, worth_a_look
from engine.store.outcomes import Summed

HEARD_FIELDS = ("calls", *FLAGS)
"""What guards that do not wait for a look read of everyone called."""

ByStratum = Mapping[tuple[str, str], Sums]


@dataclass(frozen=True, slots=True)
class SoFar:
    """What is known of an experiment beside its outcomes: earlier looks, oldest first, its state, who is waited for.

    `planned` are the people at the start, `resting` the arms that are not called with why, `by_adapter` what each
    adapter placed, `delays` how long conversions took.
    """

    looks: list[dict[str, Any]]
    state: State
    finished: bool
    waiting: int
    planned: int
    resting: Mapping[str, str]
    by_adapter: Mapping[str, Mapping[Stage, Mapping[str, int]]]
    delays: Delays | None


def evidence_of(experiment: Experiment, summed: Summed, so_far: SoFar) -> Evidence:
    """What was counted of an experiment."""
    totals, last = _totals(experiment, summed.everyone), so_far.looks[-1] if so_far.looks else {}
    return Evidence(
        metrics=_metrics(experiment, summed.mature, summed.connected),
        stages=stages_of(experiment, summed.everyone),
        placebo=_placebo(experiment, summed.mature),
        mature=summed.done,
        waiting=so_far.waiting,
        finished=so_far.finished,
        harm=harm_of(experiment, totals),
        heard=heard_of(experiment, totals),
        history=_history(experiment, so_far.looks),
        watch=Watch.from_json(last.get("watch", {})),
        race=last.get("race", {}),
        resting={arm: why for arm, why in so_far.resting.items() if arm in experiment.treatments},
        by_adapter=so_far.by_adapter,
        state=so_far.state,
        delays=so_far.delays,
    )


def variable_of(experiment: Experiment, arm: str) -> str | None:
    """The variable that an arm changes; several are joined, as a confirming round may change them."""
    if arm not in experiment.arms:
        return None
    return JOINED.join(changed_variables(experiment.control, experiment.treatments[arm])) or None


def question_of(experiment: Experiment, mature: ByStratum, planned: int = 0) -> Question:
    """What the experiment asks, as it was settled at the start over so many `planned` people."""
    decision, shares = experiment.decision, experiment.all_shares
    called = {arm: share for arm, share in shares.items() if arm != HOLDOUT}
    whole = sum(called.values())
    wanted = people_wanted(experiment)
    return Question(
        name=experiment.name,
        arms=tuple(experiment.treatments),
        control=CONTROL,
        variables={arm: variable_of(experiment, arm) for arm in experiment.treatments},
        shares={arm: share / whole for arm, share in called.items()},
        method=decision.method,
        alpha=decision.alpha,
        smallest_useful_lift=decision.smallest_useful_lift.points(experiment.size.baseline),
        planned=min(people for arm, people in wanted.items() if arm != HOLDOUT) if wanted else None,
        fingerprint=experiment.fingerprint,
        value_per_conversion=_value(mature),
        guardrails=experiment.metrics.guardrails,
        baseline=experiment.size.baseline,
        power=experiment.size.power,
        deadline=deadline_of(experiment, planned),
        least_new=worth_a_look(experiment),
        same=tuple(arm for arm in decision.same if arm in experiment.arms),
        looks=decision.looks,
        costs=incentive_costs(experiment),
        spending=decision.spending,
    )


def _value(mature: ByStratum) -> float | None:
    """What one conversion brings in, over all arms; None while nobody has converted or ordered."""
    converted = sum(sums.totals["converted"] for sums in mature.values())
    revenue = sum(sums.totals["revenue"] for sums in mature.values())
    return revenue / converted if converted and revenue else None


def pooled(experiment: Experiment, sums: ByStratum) -> dict[str, Sums]:
    if experiment.is_factorial:
        from engine.steps.crossing import per_level

        sums = per_level(experiment, sums)
    pooled = {arm: Sums() for arm in experiment.treatments}
    for (arm, _), part in sums.items():
        if arm in pooled:
            pooled[arm] += part
    return pooled


def _metrics(experiment: Experiment, mature: ByStratum, connected: ByStratum) -> tuple[MetricTallies, ...]:
    """Every metric of the file in its role, then the others as description."""
    declared = experiment.metrics
    roles: dict[str, Role] = {declared.primary: "primary"}
    roles |= {name: "secondary" for name in declared.secondary if name not in roles}
    roles |= {name: "guardrail" for name in declared.guardrails if name not in roles}
    roles |= {name: "descriptive" for name in METRICS if name not in roles}
    arms = pooled(experiment, mature)
    strata = _strata(experiment, mature)
    variables = {arm: variable_of(experiment, arm) for arm in experiment.treatments}
    found = [
        MetricTallies.of(
            METRICS[name], role, {arm: sums.tally(METRICS[name]) for arm, sums in arms.items()},
            strata=_split(name, strata) if role == "primary" and len(strata) > 1 else None,
            apart=apart_per_call(variables) if "calls" in METRICS[name].over else {},
        )
        for name, role in roles.items()
    ]  # fmt: skip
    reached = pooled(experiment, connected)
    tallies = {name: {arm: sums.tally(METRICS[name]) for arm, sums in reached.items()} for name in AFTER_CONNECT}
    return (*found, *among_connected(tallies, variables))


def _strata(experiment: Experiment, mature: ByStratum) -> dict[str, dict[str, Sums]]:
    strata: dict[str, dict[str, Sums]] = {}
    for (arm, stratum), sums in mature.items():
        if arm in experiment.treatments:
            strata.setdefault(stratum, {})[arm] = sums
    return strata


def _split(name: str, strata: Mapping[str, Mapping[str, Sums]]) -> dict[str, dict[str, Tally]]:
    return {stratum: {arm: sums.tally(METRICS[name]) for arm, sums in arms.items()} for stratum, arms in strata.items()}


def stages_of(experiment: Experiment, everyone: ByStratum) -> dict[Stage, dict[str, int]]:
    """People per arm that were assigned, were dialed, and were connected at the first attempt."""
    arms = pooled(experiment, everyone)
    stages: dict[Stage, dict[str, int]] = {
        "assigned": {arm: sums.count for arm, sums in arms.items()},
        "dialled": {arm: round(sums.totals["dialled"]) for arm, sums in arms.items()},
        "connected": {arm: round(sums.totals["first_connected"]) for arm, sums in arms.items()},
    }
    return stages


def _placebo(experiment: Experiment, mature: ByStratum) -> Placebo:
    """The first attempt's connect rate among those dialed; which arms cannot change it is for the check to say."""
    tallies = {
        arm: Tally.of_rate(sums.totals["first_connected"], sums.totals["dialled"])
        for arm, sums in pooled(experiment, mature).items()
    }
    return Placebo("connect", tallies)


def _totals(experiment: Experiment, everyone: ByStratum) -> dict[str, Mapping[str, float]]:
    return {arm: sums.totals for arm, sums in pooled(experiment, everyone).items()}


def harm_of(experiment: Experiment, totals: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[int, int]]:
    """(complaints, calls) per arm, from each arm's totals over everyone."""
    return {
        arm: (round(totals[arm]["complaint"]), round(totals[arm]["calls"]))
        for arm in experiment.treatments
        if arm in totals
    }


def heard_of(
    experiment: Experiment, totals: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, tuple[int, int]]]:
    """(count, people called) per arm, of every metric that pauses an arm at a count."""
    counted = [name for name, guardrail in experiment.metrics.guardrails.items() if guardrail.pause_at is not None]
    return {
        name: {
            arm: (
                round(sum(weight * sums[part] for part, weight in METRICS[name].parts.items())),
                round(sums["dialled"]),
            )
            for arm, sums in totals.items()
        }
        for name in counted
        if name != COMPLAINT
    }


def incentive_costs(experiment: Experiment) -> dict[str, float]:
    """What the incentive of each arm costs, the control's first, where two arms or more change it; else nothing."""
    offered = [arm for arm, change in experiment.arms.items() if set(change) == {"incentive"}]
    if len(offered) < 2:
        return {}
    names = {arm: experiment.treatments[arm].incentive for arm in (CONTROL, *offered)}
    known = experiment.incentives
    return {arm: known[name].cost if name else 0.0 for arm, name in names.items() if not name or name in known}


def _history(experiment: Experiment, looks: list[dict[str, Any]]) -> tuple[LookCounts, ...]:
    """The primary metric's counts at the earlier looks, for the race."""
    history = []
    for earlier in looks:
        for metric in earlier["metrics"]:
            if metric["role"] == "primary":
                arms = {arm["arm"]: arm for arm in metric["arms"]}
                history.append(
                    LookCounts(
                        {arm: numbers["contacts"] for arm, numbers in arms.items()},
                        {arm: numbers["total"] for arm, numbers in arms.items()},
                    )
                )
    return tuple(history)
