"""The values that every script knows, each described once.

A value that a contact or a treatment does not have is absent: `{% if name %}` is then false, and saying it
without such a guard stops the rendering. Every other column of the contacts is a value under its own name.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Literal

BLOCKS = ("opening", "benefit", "invitation", "closing")
"""The blocks of a call script, in the order of the call."""
Language = Literal["zh", "en"]

STANDARD: dict[str, str] = {
    "brand": "who is calling: the brand's name as people know it",
    "name": "how to address the contact",
    "product": "what the contact bought, or is interested in",
    "incentive": "what the treatment's incentive says",
    "path": "what the treatment's path asks the contact to do, as words",
    "ordered_at": "when the contact ordered, in the contact's own time; say it with `| day`",
    "link": "the contact's tracked link; in messages only, because nobody can click on speech",
}
"""Name of each standard value → what it means."""

MESSAGE_ONLY = frozenset({"link"})
"""Standard values that can be written and cannot be spoken."""

_ORDERED = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)

_SAMPLES: dict[Language, dict[str, object]] = {
    "zh": {
        "brand": "青禾优选",
        "name": "林女士",
        "product": "燕麦片礼盒",
        "incentive": "二十元优惠券",
        "path": "点开短信里的小程序，添加专属顾问",
        "ordered_at": _ORDERED,
        "link": "https://go.example.com/l/Ab3dE9xK",
    },
    "en": {
        "brand": "Greenfield",
        "name": "Ms. Lin",
        "product": "oatmeal gift box",
        "incentive": "a coupon of 20 dollars",
        "path": "tap the link in the message and add our advisor",
        "ordered_at": _ORDERED,
        "link": "https://go.example.com/l/Ab3dE9xK",
    },
}


def sample_values(language: Language, known: Collection[str] = ()) -> dict[str, object]:
    """Made-up values for a preview: every standard value, and `3` for each other `known` column."""
    return dict.fromkeys(known, "3") | _SAMPLES[language]
