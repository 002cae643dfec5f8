"""Contacts as rows hold them."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from engine.core.contacts import Contact


def contact_of(
    key: str, phone: str, name: str, region: str, timezones: str, ordered_at: datetime | None, attributes: str
) -> Contact:
    """A contact from its columns."""
    return Contact(
        key, phone, region, _zones(timezones), name, ordered_at,
        dict(attributes_of(attributes)) if attributes != "{}" else {},
    )  # fmt: skip


# Few zones and few sets of attributes are shared by many people.
@lru_cache(maxsize=1024)
def _zones(timezones: str) -> tuple[str, ...]:
    return tuple(timezones.split(";"))


@lru_cache(maxsize=4096)
def attributes_of(text: str) -> Mapping[str, str]:
    """A contact's attributes from their JSON, to be read only."""
    found: dict[str, str] = json.loads(text)
    return found
