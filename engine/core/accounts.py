"""At whose account a call is placed: pace, calls in flight and troubles are counted for it over all experiments."""

import hashlib
import json

from engine.core.experiments import Experiment

ACCOUNT = "account"
SIMULATED = "simulated"


def account_of(experiment: Experiment) -> str:
    """The account through which an experiment calls: its adapter, and `settings.account` or a print of the settings.

    Settings are printed as they are written, so what `${NAME}` stands for is no part of it, and a hash tells nothing
    of the rest. Every simulated experiment has a provider and a clock of its own, unless it names an account.
    """
    named = experiment.settings.get(ACCOUNT)
    if named:
        return f"{experiment.adapter}/{named}"
    if experiment.adapter == SIMULATED:
        return f"{SIMULATED}/{experiment.name}"
    written = json.dumps(experiment.settings, sort_keys=True, default=str)
    return f"{experiment.adapter}/{hashlib.sha256(written.encode()).hexdigest()[:8]}"


def experiment_bucket(experiment: Experiment) -> str:
    """The bucket of an experiment's own pace."""
    return f"experiment:{experiment.name}"


def account_bucket(account: str) -> str:
    """The bucket of an account."""
    return f"account:{account}"


def caller_bucket(account: str, caller_id: str | None) -> str:
    """The bucket of a caller number of an account; "" where the provider chooses the number."""
    return f"caller:{account}/{caller_id}" if caller_id else ""
