"""Harm heard in, a look out at once: an arm that a guardrail stops is called no more from the next claim on.

Looks come now and then, complaints at any time. So whoever stores one asks here, in the same transaction: the counts
of harm alone are read, and only what newly fails takes a whole look, which rests the arm, says why and is kept.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from engine.core.combinations import arms_of
from engine.core.evidence import Evidence
from engine.core.experiments import CONTROL, HOLDOUT, Experiment, State
from engine.core.guards import COMPLAINT, check_campaign, check_harm, failing
from engine.core.metrics import METRICS, Metric
from engine.core.watches import Watch
from engine.steps import look
from engine.steps.evidence import HEARD_FIELDS, harm_of, heard_of, question_of
from engine.steps.resting import resting_arms
from engine.store import outcomes, records
from engine.workspace import Running


def watched(experiment: Experiment) -> list[Metric]:
    """What may stop an arm before the next look, when an outcome has it: a complaint, or what `pause_at` counts."""
    counted = [name for name, guardrail in experiment.metrics.guardrails.items() if guardrail.pause_at is not None]
    return [METRICS[name] for name in (COMPLAINT, *counted)]


def stop_harm(connection: Connection, running: Running, now: datetime) -> bool:
    """Look at once where an arm, or the whole campaign, fails a guard that it passed before; True when it does."""
    if records.held_state(connection, running.id) not in (State.RUNNING, State.WAITING):
        return False
    last = records.last_look(connection, running.id)
    counted = outcomes.totals(connection, running.id, HEARD_FIELDS)
    totals = _per_arm(running.experiment, counted)
    evidence = Evidence(
        (),
        harm=harm_of(running.experiment, totals),
        heard=heard_of(running.experiment, totals),
        watch=Watch.from_json((last or {}).get("watch", {})),
        resting=resting_arms(connection, running.experiment.name),
    )
    question = question_of(running.experiment, {})
    paused = failing(check_harm(question, evidence))
    campaign = check_campaign(question, _each_call_once(running.experiment, evidence, counted), paused)
    if paused.keys() <= evidence.stopped.keys() and (campaign is None or campaign.ok):
        return False
    look.look_within(connection, running, now)
    return True


def _per_arm(experiment: Experiment, totals: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    """Totals by arm; in a factorial round a combination counts for each of its levels, and looks judge the control."""
    if not experiment.is_factorial:
        return dict(totals)
    found: dict[str, Counter[str]] = {}
    for combination, numbers in totals.items():
        for arm in arms_of(combination):
            found.setdefault(arm, Counter()).update(numbers)
    return {arm: dict(numbers) for arm, numbers in found.items()}


def _each_call_once(experiment: Experiment, evidence: Evidence, totals: Mapping[str, Mapping[str, float]]) -> Evidence:
    """The evidence with no call counted twice, where each stands in a level of every variable of a factorial round."""
    if not experiment.is_factorial:
        return evidence
    called = [numbers for combination, numbers in totals.items() if combination != HOLDOUT]
    complaints, calls = (round(sum(numbers[name] for numbers in called)) for name in ("complaint", "calls"))
    return replace(evidence, harm={CONTROL: (complaints, calls)})
