"""Arms: their names, the one variable that each changes, their shares, and the effects planted in them."""

from typing import TypeGuard

from pydantic import Field

from engine.core.combinations import JOINED, arms_of
from engine.core.experiments import CONTROL, DELAY, EFFECTS, HOLDOUT, Experiment, parse_name
from engine.core.shares import parse_lift
from engine.core.treatments import Treatment, changed_variables
from engine.definitions.drafts import Draft
from engine.definitions.findings import Findings, mapping_at, shown
from engine.definitions.places import Trail
from engine.definitions.problems import fitted, name_hint

SMALLEST_SHARE = 0.005  # a block has at most 200 places
MOST_ARMS = 199
ROUNDING = 0.001


class Change(Treatment):
    """What an arm changes: some variables of the control's treatment."""

    script: str = Field("", description="the call script, a file of scripts/")


def with_changes(experiment: Experiment, findings: Findings) -> Experiment:
    """The experiment whose arms keep only what can be understood; notes what cannot."""
    arms = experiment.arms
    if len(arms) > MOST_ARMS:
        findings.at_key(("arms",), f"{len(arms):,} arms are more than can be dealt; {MOST_ARMS} are the most")
        findings.spoil(("arms",))
        return experiment.model_copy(update={"arms": {}})
    arms = {arm: fitted(Change, change, ("arms", arm), findings)[1] for arm, change in experiment.arms.items()}
    return experiment.model_copy(update={"arms": arms})


def check_arms(draft: Draft) -> None:
    """Every arm has a name of its own and changes one variable; only a confirming round changes several."""
    findings = draft.findings
    if not draft.experiment.arms and findings.clean(("arms",)):
        findings.at_key(("arms",), "names no arm; write at least one, such as `gift-first: {script: gift-first}`")
    seen: dict[str, str] = {}
    if not draft.experiment.arms and not findings.clean(("arms",)):
        return
    for arm in mapping_at(draft.data, "arms"):
        _check_name(arm, findings)
    for arm in draft.experiment.arms:
        _check_change(draft, arm)
        treatment = draft.experiment.treatments[arm].model_dump_json()
        twin = seen.setdefault(treatment, arm)
        if twin != arm and findings.clean(("arms", arm), ("arms", twin), (CONTROL,)):
            findings.at_key(("arms", arm), f"does the same as arms.{twin[:60]}; one of them is enough")


def _check_name(arm: str, findings: Findings) -> None:
    if arm == CONTROL:
        findings.at_key(("arms", arm), "the control has a section of its own; give this arm another name")
    elif arm == HOLDOUT:
        findings.at_key(("arms", arm), "'holdout' means those who get no call; give this arm another name")
    else:
        try:
            parse_name(arm)
        except ValueError:
            message = f"{shown(arm)} is not a name; use a-z, 0-9 and single hyphens, at most 80{name_hint(arm)}"
            findings.at_key(("arms", arm), message)


def _check_change(draft: Draft, arm: str) -> None:
    control, treatment = draft.experiment.control, draft.experiment.treatments[arm]
    changed = changed_variables(control, treatment)
    written = draft.experiment.arms[arm]
    if not changed and draft.findings.clean(("arms", arm), *((CONTROL, name) for name in written)):
        same = ", ".join(f"{name} is {_text(control, name)} in the control too" for name in written)
        draft.findings.at_key(("arms", arm), f"changes nothing{f': {same}' if same else ''}; change one variable")
    confirms = draft.experiment.confirms is not None or not draft.findings.clean(("confirms",))
    if len(changed) > 1 and not confirms:
        both = ", ".join(f"{name} (control {_text(control, name)}, arm {_text(treatment, name)})" for name in changed)
        draft.findings.at_key(
            ("arms", arm),
            f"changes {len(changed)} variables, and an arm changes exactly one: {both}; "
            "make an arm of each, or name the round that this one confirms with `confirms:`",
        )


def _text(treatment: Treatment, variable: str) -> str:
    value = treatment.model_dump(mode="json", include={variable}, exclude_defaults=True).get(variable)
    return shown(value)


def check_shares(draft: Draft) -> None:
    """Shares name every arm and the control, are large enough to be dealt, and sum to 100 %."""
    findings, shares = draft.findings, mapping_at(draft.data, "shares")
    arms = {CONTROL, *mapping_at(draft.data, "arms")}
    if "shares" not in draft.data or not isinstance(draft.data["shares"], dict):
        _check_equal(draft)
        return
    if not findings.clean(("arms",)) and not draft.experiment.arms:
        return
    missing, unknown = arms - set(shares), [name for name in shares if name not in arms]
    for name in unknown:
        hint = draft.findings.near(name, missing or arms)
        if name == HOLDOUT:
            hint = "; the share of those who get no call stands at audience.holdout"
        findings.at_key(("shares", name), f"there is no arm {shown(name)}{hint}", about=("shares",))
        missing -= {near for near in missing if f"did you mean {near!r}" in hint}
    for name in sorted(missing):
        findings.at_key(("shares",), f"{shown(name)} has no share; give every arm and the control one")
    for name, share in draft.experiment.shares.items():
        if share < SMALLEST_SHARE and findings.clean(("shares", name)):
            message = "an arm with no share gets nobody" if share == 0 else "too small to be dealt; 0.5% is the least"
            findings.at_value(("shares", name), message)
    total = sum(draft.experiment.shares.values())
    if not missing and findings.clean(("shares",)) and abs(total - 1) > ROUNDING:
        findings.at_key(("shares",), f"they add up to {total * 100:.6g}%, not to 100%")


def _check_equal(draft: Draft) -> None:
    shares = draft.experiment.all_shares
    if not draft.findings.clean(("arms",), ("audience", "holdout")):
        return
    if min(shares[arm] for arm in draft.experiment.treatments) < SMALLEST_SHARE:
        draft.findings.at_key(("arms",), "so many arms leave some too small a share to be dealt; 0.5% is the least")


def check_truth(draft: Draft) -> None:
    """Planted effects name arms, and rates inside them, and are lifts, or differences such as 0.03."""
    arms = mapping_at(draft.data, "arms")
    if len(arms) > MOST_ARMS:
        return
    for arm, effect in draft.experiment.truth.items():
        trail: Trail = ("truth", arm)
        if arm not in arms and arm != CONTROL and not _is_combination(draft, arm):
            draft.findings.at_key(
                trail, f"there is no arm {shown(arm)}{draft.findings.near(arm, arms)}", about=("truth",)
            )
        elif isinstance(effect, dict):
            for metric, lift in effect.items():
                if metric not in EFFECTS:
                    message = f"there is no effect {shown(metric)}{draft.findings.near(metric, EFFECTS)}"
                    draft.findings.at_key((*trail, metric), message, about=trail)
                elif metric == DELAY:
                    _check_delay(draft.findings, (*trail, metric), lift)
                else:
                    _check_lift(draft.findings, (*trail, metric), lift, arm == CONTROL)
        else:
            _check_lift(draft.findings, trail, effect, arm == CONTROL)


def _is_combination(draft: Draft, name: str) -> bool:
    """Whether a factorial round can deal these arms together: arms of different variables, joined by `+`."""
    arms, levels = arms_of(name), draft.experiment.levels
    variables = [variable for arm in arms for variable in levels if arm in levels[variable]]
    together = len(arms) > 1 and len(set(variables)) == len(arms)
    return draft.experiment.is_factorial and JOINED in name and together


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_delay(findings: Findings, trail: Trail, value: object) -> None:
    if not _is_number(value) or not 0.1 <= value <= 10:
        findings.at_value(
            trail, f"{shown(value)} is not a factor of the delay; write a number from 0.1 to 10, such as 2"
        )


def _check_lift(findings: Findings, trail: Trail, value: object, control: bool) -> None:
    if not findings.clean(trail) or (_is_number(value) and abs(value) < 1 and not control):
        return
    try:
        lift = parse_lift(value)
    except ValueError:
        findings.at_value(trail, f"{shown(value)} is not a lift; write 3pt, -1pt, 0pt or 10%")
        return
    if control and lift.size:
        findings.at_value(trail, "the control is what lifts are measured against; its own is 0pt")
