"""One experiment in a series: the winner of one round is the control of the next.

Winners become the control, undecided arms stay, losers go. A confirming round sets what was learned together
against the control that the series began with.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from engine.core.combinations import CONTROL, JOINED, arms_of
from engine.core.experiments import Experiment, Schedule
from engine.core.shares import Lift, parse_share
from engine.core.treatments import VARIABLES, Treatment, changed_variables
from engine.errors import NotNow

UNDECIDED = frozenset({"leaning", "not_enough_people"})
COMBINATION = "combination"
NUMBERED = re.compile(r"^(.*[a-z].*?)-(\d{1,2})$")
DATED = re.compile(r"\d{4}-\d{2}$")


def next_name(name: str) -> str:
    """The name of the round after: `poc-round-1` → `poc-round-2`, `gift-2026-11` → `gift-2026-11-round-2`."""
    found = NUMBERED.match(name)
    if found and not DATED.search(name):
        return f"{found[1]}-{int(found[2]) + 1}"
    return f"{name}-round-2"


def confirming_name(name: str) -> str:
    """The name of the round that confirms: `poc-round-2` → `poc-confirm`."""
    return re.sub(r"(-round)?-\d{1,2}$", "", name) + "-confirm" if not DATED.search(name) else f"{name}-confirm"


def winners(experiment: Experiment, statuses: Mapping[str, str], lifts: Mapping[str, float]) -> dict[str, str]:
    """The winning arm of each variable: of several, the one with the largest lift."""
    best: dict[str, str] = {}
    for arm in experiment.arms:
        if statuses.get(arm) != "winner":
            continue
        for variable in changed_variables(experiment.control, experiment.treatments[arm]):
            if variable not in best or lifts.get(arm, 0.0) > lifts.get(best[variable], 0.0):
                best[variable] = arm
    return {variable: best[variable] for variable in VARIABLES if variable in best}


def adopt(experiment: Experiment, won: Mapping[str, str]) -> Treatment:
    """The control with the winning option of every variable that has one."""
    chosen = {variable: getattr(experiment.treatments[arm], variable) for variable, arm in won.items()}
    return Treatment.model_validate(experiment.control.model_dump() | _plain(chosen))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.model_dump() if hasattr(value, "model_dump") else value for name, value in values.items()}


def open_arms(experiment: Experiment, statuses: Mapping[str, str], control: Treatment) -> dict[str, dict[str, Any]]:
    """The arms that are undecided, that differ from the control that the winners make, and that may stand in it."""
    return {
        arm: change
        for arm, change in experiment.arms.items()
        if statuses.get(arm, "not_enough_people") in UNDECIDED
        and control.merged(change) != control
        and not _barred(experiment, control.merged(change))
    }


def _barred(experiment: Experiment, treatment: Treatment) -> bool:
    """Whether a treatment has every level of some excluded combination."""
    return any(
        all(getattr(treatment, name) == getattr(experiment.treatments[arm], name) for name, arm in excluded.items())
        for excluded in experiment.exclude
    )


def _excluded(
    experiment: Experiment, won: Mapping[str, str], arms: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, str]]:
    """The exclusions that the next round's arms can still meet; what became the control is named as the control's."""
    varied, kept = {*chain(*arms.values())}, []
    for excluded in experiment.exclude:
        gone = any(
            name in won if arm == CONTROL else arm not in arms for name, arm in excluded.items() if won.get(name) != arm
        )
        left = {name: CONTROL if won.get(name) == arm else arm for name, arm in excluded.items() if name in varied}
        if not gone and len(left) > 1 and set(left.values()) != {CONTROL}:
            kept.append(left)
    return kept


def next_round(
    experiment: Experiment, statuses: Mapping[str, str], lifts: Mapping[str, float], name: str
) -> Experiment:
    """The round after this one. `statuses` and `lifts` are the verdict's, per arm.

    Raises NotNow when no arm is undecided: then there is nothing left to compare but the combination.
    """
    won = winners(experiment, statuses, lifts)
    control = adopt(experiment, won)
    arms = open_arms(experiment, statuses, control)
    if not arms:
        raise NotNow(
            f"every arm of {experiment.name} is decided and nothing is left to compare"
            + ("; write the confirming round" if won else "; keep the control and test something bolder")
        )
    return _round(experiment, control, arms, won, {"experiment": name, "follows": experiment.name, "confirms": None})


def confirming_round(
    rounds: Sequence[Experiment], statuses: Mapping[str, str], lifts: Mapping[str, float], name: str
) -> Experiment:
    """The round that sets all that was learned against the control that the series began with.

    `rounds` are the series, first to last; `statuses` and `lifts` are the last one's. Raises NotNow when
    nothing was learned.
    """
    first, last = rounds[0], rounds[-1]
    best = adopt(last, winners(last, statuses, lifts))
    changed = changed_variables(first.control, best)
    if not changed:
        raise NotNow(f"no arm of {last.name} or of the rounds before it has won: there is nothing to confirm")
    change = _plain({variable: getattr(best, variable) for variable in changed})
    change = {variable: _without_defaults(value) for variable, value in change.items()}
    named = {"experiment": name, "confirms": last.name, "follows": None}
    made = _round(first, first.control, {COMBINATION: change}, {}, named)
    if not any(one.truth for one in rounds):
        return made
    planted = _base(last) + _adopted(last, winners(last, statuses, lifts)) - _base(first)
    return made.model_copy(update={"truth": {COMBINATION: str(Lift(size=round(planted, 10)))}})


def _without_defaults(value: Any) -> Any:
    return {name: inner for name, inner in value.items() if inner is not None} if isinstance(value, dict) else value


def _round(
    experiment: Experiment,
    control: Treatment,
    arms: Mapping[str, Mapping[str, Any]],
    won: Mapping[str, str],
    named: Mapping[str, Any],
) -> Experiment:
    used = [control, *(control.merged(dict(change)) for change in arms.values())]
    values = experiment.model_dump() | dict(named)
    crossed = experiment.is_factorial and COMBINATION not in arms and len({*chain(*arms.values())}) > 1
    values |= {
        "design": experiment.design if crossed else "one-at-a-time",
        "exclude": _excluded(experiment, won, arms) if crossed else [],
        "control": control.model_dump(),
        "arms": {arm: dict(change) for arm, change in arms.items()},
        "shares": {},
        "schedule": Schedule(days=experiment.schedule.days).model_dump(),
        "incentives": _used(experiment.incentives, {treatment.incentive for treatment in used}),
        "paths": _used(experiment.paths, {treatment.path for treatment in used}),
        "hypothesis": _hypothesis(experiment, won, arms),
    }
    if experiment.truth:
        values |= _planted(experiment, arms, won, crossed=crossed)
    return Experiment.model_validate(values)


def _used(named: Mapping[str, Any], names: set[str | None]) -> dict[str, Any]:
    return {name: value.model_dump() for name, value in named.items() if name in names}


def _hypothesis(experiment: Experiment, won: Mapping[str, str], arms: Mapping[str, Any]) -> str:
    learned = " and ".join(f"{arm} ({variable})" for variable, arm in won.items())
    if COMBINATION in arms:
        return f"What {experiment.name} and its following rounds found holds together."
    kept = f"With {learned} in the control" if learned else "With more people"
    return f"{kept}, one of the {len(arms)} undecided arms of {experiment.name} adds a useful lift."


def _base(experiment: Experiment) -> float:
    """The control's planted conversion rate."""
    return parse_share(experiment.settings.get("conversion", experiment.size.baseline))


def _adopted(experiment: Experiment, won: Mapping[str, str]) -> float:
    return _together(experiment, won.values())


def _together(experiment: Experiment, arms: Iterable[str]) -> float:
    """What is planted in these arms together: their own conversion lifts, and those of combinations within them."""
    taken = set(arms)
    return sum(
        effects.get("conversion", 0.0)
        for name, effects in experiment.planted.items()
        if name in taken or (JOINED in name and taken.issuperset(arms_of(name)))
    )


def _planted(
    experiment: Experiment, arms: Mapping[str, Mapping[str, Any]], won: Mapping[str, str], *, crossed: bool
) -> dict[str, Any]:
    """The simulated population after the winners became the control: effects add, and a variable has one."""
    planted, adopted = experiment.planted, set(won.values())
    effects: dict[str, Any] = {}
    for arm, change in arms.items():
        replaced = {won[variable] for variable in change if variable in won}
        own = dict(planted.get(arm, {}))
        own["conversion"] = _together(experiment, adopted - replaced | {arm}) - _together(experiment, adopted)
        effects[arm] = {
            metric: str(Lift(size=round(size, 10))) if metric != "delay" else size for metric, size in own.items()
        }
        if set(own) == {"conversion"}:
            effects[arm] = effects[arm]["conversion"]
    if crossed:
        joined = {name: effect for name, effect in experiment.truth.items() if JOINED in name}
        effects |= {name: effect for name, effect in joined.items() if arms.keys() >= set(arms_of(name))}
    base = _base(experiment) + _adopted(experiment, won)
    return {"truth": effects, "settings": experiment.settings | {"conversion": f"{base * 100:.10g}%"}}
