"""Whether and when a contact who was not reached is called again."""

from datetime import datetime

from engine.core.calls import Call, plan_call
from engine.core.contacts import Contact
from engine.core.experiments import Experiment
from engine.core.treatments import Disposition


def next_attempt(
    experiment: Experiment, contact: Contact, call: Call, disposition: Disposition, ended_at: datetime
) -> Call | None:
    """The call after `call`, or None when the redial strategy of its arm says that it was the last.

    A refusal by a person (opt-out, complaint) is not a disposition: the caller checks it first.
    """
    redial = experiment.treatments[call.arm].redial
    if call.attempt >= redial.attempts or disposition not in redial.on:
        return None
    return plan_call(experiment, contact, call.arm, call.attempt + 1, call.rank, ended_at + redial.gap)
