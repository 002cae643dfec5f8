"""One report about one call or message, in our words, told apart from its repeats by a key."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from engine.core.treatments import Disposition


class Kind(StrEnum):
    """What an event reports."""

    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"  # disposition, seconds, cost; what was heard, said and asked
    COST = "cost"  # a price that came later
    MESSAGE_SENT = "message_sent"
    MESSAGE_DELIVERED = "message_delivered"
    MESSAGE_FAILED = "message_failed"
    LINK_OPENED = "link_opened"
    CONVERTED = "converted"  # `name` is the conversion's event, `value` money where it has any
    OPTED_OUT = "opted_out"
    COMPLAINED = "complained"


class Event(NamedTuple):
    """One report. `key` is unique per adapter: a repeat has the same.

    `call` is our key of the call (or of the call that a message followed), "" when the provider named
    only its own `provider_id`, or when the event is about the contact and no call. `seconds` are
    talk seconds, `cost` and `value` are money, `block` is the last block of the script that was
    heard, `early` says that the person hung up within ten seconds, `questions` are those that the
    script could not answer.
    """

    key: str
    kind: Kind
    at: datetime
    call: str = ""
    provider_id: str = ""
    disposition: Disposition | None = None
    seconds: float = 0.0
    cost: float = 0.0
    intent: bool | None = None
    opt_out: bool = False
    block: str = ""
    early: bool = False
    questions: tuple[str, ...] = ()
    name: str = ""
    value: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A later fact about a contact, from the brand's own systems; idempotent by `id`.

    `contact` is the contact's key. `event` is its name, such as `friend_added` or `ordered`;
    `value` is money.
    """

    id: str
    contact: str
    event: str
    at: datetime
    value: float = 0.0
