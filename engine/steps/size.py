"""How many people an experiment wants in each arm, and what a fixed horizon would need."""

from functools import lru_cache

from engine.core.experiments import CONTROL, HOLDOUT, Experiment
from engine.core.factorial import one_variable

FULL_ROSTER = 1.5  # fixed samples; a race over fewer people takes a last reading at the end of the roster
LOOKS_A_SAMPLE = 200


def people_wanted(experiment: Experiment) -> dict[str, int]:
    """People per arm, the holdout's too, that the experiment's size asks for; empty for the whole roster.

    In a factorial round everyone serves every variable: all who are called stand under the control's name, as many as
    the variable that asks for most wants.
    """
    if experiment.is_factorial:
        each = [people_wanted(one_variable(experiment, variable)) for variable in experiment.levels]
        most = max(each, key=lambda wanted: sum(wanted.values()))
        called = sum(count for arm, count in most.items() if arm != HOLDOUT)
        return {CONTROL: called} | {arm: count for arm, count in most.items() if arm == HOLDOUT} if most else {}
    size, shares = experiment.size, experiment.all_shares
    if size.contacts_per_arm is not None:
        smallest = min(share for arm, share in shares.items() if arm != HOLDOUT)
        return {arm: round(size.contacts_per_arm * share / smallest) for arm, share in shares.items()}
    if size.lift is None or experiment.decision.method != "fixed":
        return {}
    lift = size.lift.points(size.baseline)
    least = min(share for arm, share in shares.items() if arm not in (CONTROL, HOLDOUT))
    ratio = shares[CONTROL] / least
    per_arm = _contacts_per_arm(size.baseline, lift, experiment.decision.alpha, size.power, len(experiment.arms), ratio)
    return {arm: round(per_arm * share / least) for arm, share in shares.items()}


def fixed_sample(experiment: Experiment) -> int:
    """People over all arms, in equal shares, who show the smallest useful lift at a fixed horizon."""
    size, arms = experiment.size, len(experiment.arms)
    useful = experiment.decision.smallest_useful_lift.points(size.baseline)
    change = useful if size.baseline + useful < 1 else -useful
    return _contacts_per_arm(size.baseline, change, experiment.decision.alpha, size.power, arms, 1.0) * (arms + 1)


def has_deadline(experiment: Experiment, people: int) -> bool:
    """Whether a race over so many people takes a last reading at the end: fewer than 1.5 fixed samples.

    `people` are those who were in at the start; nobody is no roster, and has no end.
    """
    return experiment.decision.method == "sequential" and 0 < people < FULL_ROSTER * fixed_sample(experiment)


def deadline_of(experiment: Experiment, people: int) -> int | None:
    """At how many people over all called arms a race is read a last time; None where it has no last reading.

    Packs of other people are no part of the race, and who is in which is not known beforehand: then there is none.
    """
    called = round(people * (1 - experiment.audience.holdout))
    packs = any("audience" in change for change in experiment.arms.values())
    return called if has_deadline(experiment, called) and not packs else None


def worth_a_look(experiment: Experiment) -> int:
    """How many newly matured people a look of the race is worth: a two-hundredth of the fixed sample.

    So a race that is looked at every few minutes keeps a few hundred looks, not thousands.
    """
    return 0 if experiment.decision.method != "sequential" else fixed_sample(experiment) // LOOKS_A_SAMPLE


@lru_cache(maxsize=256)
def _contacts_per_arm(baseline: float, lift: float, alpha: float, power: float, arms: int, control_ratio: float) -> int:
    from engine.stats.power import contacts_per_arm

    return contacts_per_arm(baseline, lift, alpha=alpha, power=power, arms=arms, control_ratio=control_ratio)
