"""What is measured, how many people that takes, and what may be spent."""

from engine.core.experiments import parse_name
from engine.core.metrics import METRICS
from engine.core.shares import Lift
from engine.definitions.drafts import Draft
from engine.definitions.findings import shown
from engine.definitions.places import Trail
from engine.definitions.problems import name_hint

MOST_PEOPLE = 100_000_000


def check_plans(draft: Draft) -> None:
    """Metrics exist, the size is possible, and the budget allows a call for every arm."""
    _check_metrics(draft)
    _check_size(draft)
    _check_lifts(draft)
    _check_looks(draft)
    _check_same(draft)
    findings, experiment = draft.findings, draft.experiment
    arms = len(experiment.arms) + 1
    if experiment.budget.calls is not None and experiment.budget.calls < arms and findings.clean(("budget", "calls")):
        findings.at_value(
            ("budget", "calls"), f"{experiment.budget.calls} calls are fewer than the {arms} arms with the control"
        )
    waves = experiment.pace.waves
    if isinstance(waves, int) and not 1 <= waves <= MOST_PEOPLE and findings.clean(("pace", "waves")):
        findings.at_value(
            ("pace", "waves"), f"a wave of {waves} people is not possible; write auto, off, or how many a wave has"
        )


def _check_metrics(draft: Draft) -> None:
    metrics, findings = draft.experiment.metrics, draft.findings
    named: list[tuple[Trail, str]] = [(("metrics", "primary"), metrics.primary)]
    named += [(("metrics", "secondary", index), name) for index, name in enumerate(metrics.secondary)]
    for trail, name in named:
        if name not in METRICS and findings.clean(trail):
            findings.at_value(trail, f"there is no metric {shown(name)}{draft.findings.near(name, METRICS)}")
        elif trail[1] == "secondary" and name in metrics.secondary[: int(trail[2])]:
            findings.at_value(trail, f"{shown(name)} stands here twice")
    for name, guardrail in metrics.guardrails.items():
        place = ("metrics", "guardrails", name)
        if name not in METRICS:
            message = f"there is no metric {shown(name)}{draft.findings.near(name, METRICS)}"
            findings.at_key(place, message, about=place[:-1])
        elif guardrail.pause_at is None and guardrail.no_worse_by is None and findings.clean(place):
            findings.at_key(place, "says nothing to guard; write `pause_at: 3` or `no_worse_by: 1pt`")
        elif guardrail.pause_at is not None and METRICS[name].kind != "rate":
            findings.at_key((*place, "pause_at"), f"counts people, and {name} is not a rate; use no_worse_by")


def _check_size(draft: Draft) -> None:
    size, findings = draft.experiment.size, draft.findings
    both = ("size", "lift"), ("size", "contacts_per_arm")
    if size.lift is not None and size.contacts_per_arm is not None:
        findings.at_key(both[1], "the size is a `lift` to find or `contacts_per_arm`, not both; take one out")
    if size.contacts_per_arm is not None and size.contacts_per_arm > MOST_PEOPLE and findings.clean(both[1]):
        findings.at_value(both[1], f"{size.contacts_per_arm} people in every arm are more than can be called")
    power, alpha = ("size", "power"), ("decision", "alpha")
    if findings.clean(power, alpha) and size.power <= draft.experiment.decision.alpha:
        place = power if "power" in size.model_fields_set else alpha
        findings.at_value(place, "the chance to find a true lift (power) must be more than that of a false one (alpha)")


def _check_looks(draft: Draft) -> None:
    """What only planned looks have is not said to another method, which would not hear it."""
    decision, findings = draft.experiment.decision, draft.findings
    for key in ("looks", "spending"):
        if key in decision.model_fields_set and decision.method != "group" and findings.clean(("decision", key)):
            findings.at_key(("decision", key), f"is for `method: group`, and the method is {decision.method}")


def _check_same(draft: Draft) -> None:
    """What shall be the same is an arm that chance deals, and the method one that can show it."""
    decision, findings = draft.experiment.decision, draft.findings
    for index, name in enumerate(decision.same):
        trail: Trail = ("decision", "same", index)
        if not findings.clean(trail):
            continue
        if name not in draft.experiment.arms:
            findings.at_value(trail, f"there is no arm {shown(name)}{findings.near(name, draft.experiment.arms)}")
        elif name in decision.same[:index]:
            findings.at_value(trail, f"{shown(name)} stands here twice")
        elif "audience" in draft.experiment.arms[name]:
            findings.at_value(trail, f"{name} holds other people, and nothing can show that they are the same")
    if decision.same and decision.method != "sequential" and findings.clean(("decision", "same")):
        findings.at_key(("decision", "same"), f"is for `method: sequential`, and the method is {decision.method}")


def _check_lifts(draft: Draft) -> None:
    """The lifts leave a rate between 0 % and 100 %, and the one to find is worth finding."""
    experiment, findings = draft.experiment, draft.findings
    metric = METRICS.get(experiment.metrics.primary)
    if metric is None or metric.kind != "rate" or not findings.clean(("size", "baseline")):
        return
    baseline = experiment.size.baseline
    lifts: dict[tuple[str, str], Lift] = {
        ("decision", "smallest_useful_lift"): experiment.decision.smallest_useful_lift
    }
    if experiment.size.lift is not None:
        lifts["size", "lift"] = experiment.size.lift
    fits = True
    for trail, lift in lifts.items():
        # The direction that helps: up, or down for a metric that is better lower.
        reached = baseline + lift.points(baseline) * (1 if metric.better == "higher" else -1)
        if not 0 < reached < 1 and findings.clean(trail) and trail[1] in getattr(experiment, trail[0]).model_fields_set:
            fits = False
            findings.at_value(
                trail,
                f"{lift} from a baseline of {baseline:.6g} leads to {reached:.6g}, and a rate lies between 0 and 1",
            )
    _check_worth(draft, fits)


def _check_worth(draft: Draft, fits: bool) -> None:
    experiment, trails = draft.experiment, (("decision", "smallest_useful_lift"), ("size", "lift"))
    useful, wanted = experiment.decision.smallest_useful_lift, experiment.size.lift
    said = "smallest_useful_lift" in experiment.decision.model_fields_set
    if not fits or not said or wanted is None or not draft.findings.clean(*trails):
        return
    baseline = experiment.size.baseline
    if useful.points(baseline) > wanted.points(baseline) + 1e-12:
        message = f"{useful} is more than the lift to find, {wanted}; what is worth a change must be looked for"
        draft.findings.at_value(trails[0], message)


def check_names(draft: Draft) -> None:
    """An experiment names others as those it confirms, follows or shares people with, never itself."""
    experiment, findings = draft.experiment, draft.findings
    named: list[tuple[Trail, str | None]] = [((name,), getattr(experiment, name)) for name in ("confirms", "follows")]
    named += [(("compatible_with", index), name) for index, name in enumerate(experiment.compatible_with)]
    for trail, name in named:
        if name is None or not findings.clean(trail):
            continue
        if name == experiment.name and findings.clean(("experiment",)):
            findings.at_value(trail, "an experiment cannot name itself here")
            continue
        try:
            parse_name(name)
        except ValueError:
            findings.at_value(trail, f"{shown(name)} is not the name of an experiment{name_hint(name)}")
