"""In what parts an experiment's people are dealt their arms.

Where arms may be dropped on the way, arms are dealt part by part, each among the arms that still deserve people.
In waves a part waits until the one before has had its time to convert and was looked at; else a part is dealt as
soon as an arm runs low.
"""

from collections.abc import Mapping
from math import ceil

from engine.core.assignment import block_of
from engine.core.denominators import AUDIENCE
from engine.core.experiments import Experiment
from engine.core.metrics import METRICS
from engine.steps.size import fixed_sample, people_wanted

FIRST_WAVE, NEXT_WAVE = 1 / 4, 1 / 8  # of the fixed sample: hardly any race is decided before a quarter of it
STREAM = 1 / 8  # of the fixed sample: how many people are dealt ahead where nothing waits


def may_drop(experiment: Experiment) -> bool:
    """Whether arms may leave on the way: a race, or planned looks, at a rate, over arms that chance deals.

    In a factorial round every contact serves every variable, so nobody waits for an arm there.
    """
    decision, metric = experiment.decision, METRICS[experiment.metrics.primary]
    useful = decision.smallest_useful_lift.points(experiment.size.baseline)
    if experiment.is_factorial or decision.method == "fixed" or metric.kind != "rate" or useful >= 0.99:
        return False
    if decision.method == "group" and not people_wanted(experiment):
        return False
    return any(AUDIENCE not in change for change in experiment.arms.values())


def in_waves(experiment: Experiment) -> bool:
    """Whether a part waits for the conversions of the one before."""
    return experiment.pace.waves != "off" and may_drop(experiment)


def in_parts(experiment: Experiment) -> bool:
    """Whether arms are dealt part by part.

    Where calls follow an order, people come one by one and draw their arm when they come, if not in waves.
    """
    follows = any(treatment.timing.after_order is not None for treatment in experiment.treatments.values())
    return may_drop(experiment) and (in_waves(experiment) or not follows)


def people_of_part(experiment: Experiment, number: int) -> float:
    """People of part `number` (from 0) while every arm is living, the holdout's too.

    Arms that left take their share with them: the others get as many as before. `waves: N` is N people whoever is left.
    """
    waves = experiment.pace.waves
    if isinstance(waves, int):
        return float(waves)
    if in_waves(experiment) and experiment.decision.method == "group":
        slack = len(block_of(experiment.all_shares)) if number == 0 else 0  # so that no look misses its share by a few
        return sum(people_wanted(experiment).values()) / experiment.decision.looks + slack
    share = STREAM if not in_waves(experiment) else FIRST_WAVE if number == 0 else NEXT_WAVE
    return share * fixed_sample(experiment) / (1 - experiment.audience.holdout)


def people_among(experiment: Experiment, number: int, living: Mapping[str, float], weight: float) -> int:
    """People of part `number` for these arms of one pack, given with their shares, in whole blocks.

    `weight` is the share of everybody that the living arms of all packs have.
    """
    shares = experiment.all_shares
    people = people_of_part(experiment, number) * sum(shares[arm] for arm in living)
    if isinstance(experiment.pace.waves, int):
        people /= weight
    block = len(block_of(living))
    return ceil(people / block - 1e-9) * block


def number_of_parts(experiment: Experiment, people: int, done: int = 0) -> int:
    """About how many parts so many people make while every arm is living, after the `done` that they were not in."""
    parts = 0
    while people > 0:
        people -= ceil(people_of_part(experiment, done + parts))
        parts += 1
    return parts
