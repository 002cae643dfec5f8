"""The statistics of an experiment, played many times without a call: thousands of campaigns in seconds.

Counts are drawn look by look at the experiment's own method, looks and waves; nothing of the queue, the provider or
the ledger takes part. What rules, redials and late reports do to the numbers only whole campaigns show.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.core.denominators import AUDIENCE
from engine.core.experiments import CONTROL, Experiment
from engine.core.metrics import METRICS
from engine.errors import InputError
from engine.steps.pacing import calls_each, people_awaited
from engine.steps.parts import in_waves, may_drop, people_of_part
from engine.steps.size import fixed_sample, has_deadline, people_wanted

if TYPE_CHECKING:
    from engine.stats.roots import Array
    from engine.stats.trials import Trials, Truth

LOOKS = 40  # looks per fixed sample where calls go out in one stream


def dealt_arms(experiment: Experiment) -> tuple[str, ...]:
    """The arms that chance deals, without the control."""
    return tuple(arm for arm, change in experiment.arms.items() if AUDIENCE not in change)


def rehearse(
    experiment: Experiment, per_arm: Mapping[str, int], lifts: Mapping[str, float], runs: int, seed: int, drift: float
) -> "Trials":
    """Campaigns over these people per arm; `lifts` are true gains, better above zero, `drift` swings all rates alike.

    Raises InputError where the primary metric is not a rate, or no such rates are possible.
    """
    if METRICS[experiment.metrics.primary].kind != "rate" or not dealt_arms(experiment):
        raise InputError("the statistics alone are played for a rate as the primary metric, over arms dealt by chance")
    try:
        truth = truth_of(experiment, lifts, seed, drift)
        if may_drop(experiment) and experiment.decision.method == "sequential":
            people = sum(per_arm[arm] for arm in (CONTROL, *dealt_arms(experiment)))
            return race(experiment, people, truth, runs)
        return _looks(experiment, per_arm, truth, runs)
    except ValueError as error:
        raise InputError(str(error)) from error


def truth_of(experiment: Experiment, lifts: Mapping[str, float], seed: int, drift: float = 0.0) -> "Truth":
    """The true rates of the control and the dealt arms, of what is better when there is more of it."""
    from engine.stats.trials import Truth

    size = experiment.size
    base = size.baseline if METRICS[experiment.metrics.primary].better == "higher" else 1 - size.baseline
    return Truth((base, *(base + lifts.get(arm, 0.0) for arm in dealt_arms(experiment))), drift, seed)


def people_of_look(experiment: Experiment) -> float:
    """People between two looks at a stream of calls."""
    return fixed_sample(experiment) / LOOKS


def race(experiment: Experiment, people: int, truth: "Truth", runs: int) -> "Trials":
    """Races over so many people in the experiment's waves, or in one stream.

    Contacts are those who were called: in a stream also those whose conversions are awaited when it is decided.
    """
    from dataclasses import replace

    from engine.stats.race_plans import RacePlan
    from engine.stats.trials import race_trials

    size, decision, waves = experiment.size, experiment.decision, experiment.pace.waves
    arms = len(truth.rates)
    useful = decision.smallest_useful_lift.points(size.baseline)
    last = people if has_deadline(experiment, people) else None
    plan = RacePlan(arms, useful, truth.rates[0], decision.alpha / 2, size.power, deadline=last)

    def batch(look: int, living: "Array") -> "Array | float":
        if not in_waves(experiment):
            return people_of_look(experiment) / living
        wave = people_of_part(experiment, look) * (1 - experiment.audience.holdout)
        return wave / living if isinstance(waves, int) else wave / arms

    found = race_trials(plan, truth, batch, people, runs)
    if in_waves(experiment):
        return found
    awaited = people_awaited(experiment, calls_each(experiment.control))
    return replace(found, contacts=(found.contacts + awaited).clip(max=people))


def _looks(experiment: Experiment, per_arm: Mapping[str, int], truth: "Truth", runs: int) -> "Trials":
    """Planned looks where the file has them, else one reading at the end by Dunnett's bound."""
    from engine.stats.group import boundaries
    from engine.stats.multiplicity import dunnett_critical
    from engine.stats.needs import LOOKS as FIFTHS
    from engine.stats.trials import look_trials

    decision, arms = experiment.decision, dealt_arms(experiment)
    people = [per_arm[arm] for arm in (CONTROL, *arms)]
    useful = decision.smallest_useful_lift.points(experiment.size.baseline)
    if decision.method == "group" and people_wanted(experiment):
        bounds = list(zip(FIFTHS, boundaries(FIFTHS, decision.alpha / len(arms)), strict=True))
    else:
        loadings = tuple((1 / (1 + people[0] / max(1, each))) ** 0.5 for each in people[1:])
        bounds = [(1.0, dunnett_critical(loadings, 1 - decision.alpha))]
    return look_trials(truth, useful, people, bounds, runs)
