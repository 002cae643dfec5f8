"""Whether and when a contact who was not reached is called again."""

from datetime import datetime

from engine.core.calls import Call, plan_call
from engine.core.contacts import Contact
from engine.core.experiments import Experiment
from engine.core.treatments import Disposition


def is_due(experiment: Experiment, call: Call, disposition: Disposition) -> bool:
    """Whether the redial strategy of the call's arm wants another attempt after this ending."""
    redial = experiment.treatments[call.arm].redial
    return call.attempt < redial.attempts and disposition in redial.on


def next_attempt(
    experiment: Experiment, contact: Contact, call: Call, disposition: Disposition, ended_at: datetime
) -> Call | None:
    """The call after `call`, or None when the redial strategy of its arm says that it was the last.

    A refusal by a person (opt-out, complaint) is not a disposition: the caller checks it first.
    """
    if not is_due(experiment, call, disposition):
        return None
    gap = experiment.treatments[call.arm].redial.gap
    return plan_call(experiment, contact, call.arm, call.attempt + 1, call.rank, ended_at + gap)
