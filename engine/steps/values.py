"""What a script or message may say to one contact."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from engine.core.contacts import Contact
from engine.core.treatments import Treatment
from engine.workspace import Running


def script_values(running: Running, contact: Contact, treatment: Treatment) -> dict[str, object]:
    """A contact's attributes, the experiment's own words, and what the treatment offers; what is absent is left out."""
    experiment = running.experiment
    values: dict[str, object] = {name: value for name, value in contact.attributes.items() if value}
    values |= running.values
    if contact.name:
        values["name"] = contact.name
    if contact.ordered_at is not None:
        values["ordered_at"] = contact.ordered_at.astimezone(ZoneInfo(contact.timezones[0]))
    incentive = experiment.incentives.get(treatment.incentive or "")
    if incentive:
        values["incentive"] = incentive.says
    elif treatment.incentive:
        values["incentive"] = treatment.incentive
    path = experiment.paths.get(treatment.path or "")
    if path and path.says:
        values["path"] = path.says
    return values


def texts_of(values: Mapping[str, object]) -> dict[str, str]:
    """The same as texts, for providers that say some words themselves; instants are in ISO 8601."""
    return {
        name: value if isinstance(value, str) else value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in values.items()
    }
