"""How many people an experiment wants in each arm."""

from functools import lru_cache

from engine.core.experiments import CONTROL, HOLDOUT, Experiment
from engine.core.factorial import one_variable


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


@lru_cache(maxsize=256)
def _contacts_per_arm(baseline: float, lift: float, alpha: float, power: float, arms: int, control_ratio: float) -> int:
    from engine.stats.power import contacts_per_arm

    return contacts_per_arm(baseline, lift, alpha=alpha, power=power, arms=arms, control_ratio=control_ratio)
