"""A person who may be called: the unit of assignment and of every tally."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from engine.core.consents import Consent

# Where a mobile number says nothing about the zone, the region does.
REGION_ZONES = {
    "AU": ("Australia/Perth", "Australia/Adelaide", "Australia/Brisbane", "Australia/Sydney"),
    "CA": (
        "America/Vancouver", "America/Edmonton", "America/Winnipeg", "America/Toronto", "America/Halifax",
        "America/St_Johns",
    ),
    "CN": ("Asia/Shanghai",),
    "DE": ("Europe/Berlin",),
    "ES": ("Europe/Madrid", "Atlantic/Canary"),
    "FR": ("Europe/Paris",),
    "GB": ("Europe/London",),
    "HK": ("Asia/Hong_Kong",),
    "IN": ("Asia/Kolkata",),
    "IT": ("Europe/Rome",),
    "JP": ("Asia/Tokyo",),
    "MY": ("Asia/Kuala_Lumpur",),
    "PT": ("Europe/Lisbon", "Atlantic/Azores"),
    "SG": ("Asia/Singapore",),
    "TW": ("Asia/Taipei",),
    "US": (
        "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage",
        "Pacific/Honolulu",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contact:
    """One person. `key` is the brand's own name for the person; `phone` is E.164.

    `timezones` are the candidate IANA zones, one when it is certain. `attributes` are the
    columns of the brand's file that have no meaning of their own here, as text. `consent` is what a file
    brings with the contact; what is kept of it is asked of the store.
    """

    key: str
    phone: str
    region: str
    timezones: tuple[str, ...]
    name: str = ""
    ordered_at: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    consent: Consent | None = None

    def __post_init__(self) -> None:
        if not self.key:
            raise ValueError("a contact needs a key")
        if not self.timezones:
            raise ValueError("a contact needs at least one candidate time zone")
        if self.ordered_at is not None and self.ordered_at.tzinfo is None:
            raise ValueError("ordered_at needs a time zone")

    def stratum(self, fields: tuple[str, ...]) -> str:
        """The stratum of this contact: its values of `fields`, joined; empty when there are no fields."""
        return "|".join(self.attributes.get(name, "") for name in fields)


class ContactColumns(BaseModel):
    """Which column of a contact file says what; every column not named here is an attribute."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field("key", description="the brand's own name for a person, unique in the file")
    phone: str = Field("phone", description="the phone number, in any form that the region writes")
    name: str | None = Field(None, description="how the person is addressed")
    timezone: str | None = Field(None, description="IANA time zone of the person, when it is known")
    ordered_at: str | None = Field(None, description="when the person last ordered")
    state: str | None = Field(None, description="state or province, such as FL, where rules differ; an attribute too")
    consent: str | None = Field(
        None, description="what the person agreed to: written, express, contract, no, withdrawn"
    )
    consent_at: str | None = Field(None, description="when the person agreed")
    consent_source: str | None = Field(None, description="where the person agreed, such as a form's name")
    consent_proof: str | None = Field(None, description="where the proof is kept, such as a record's number")
    recency: str | None = Field(None, description="days since the last order, for value tiers")
    frequency: str | None = Field(None, description="number of orders, for value tiers")
    monetary: str | None = Field(None, description="money spent, for value tiers")


def masked(phone: str) -> str:
    """A number as pages and logs may show it: `+86138******11`."""
    if len(phone) < 8:
        return "*" * len(phone)
    return phone[:6] + "*" * (len(phone) - 8) + phone[-2:]
