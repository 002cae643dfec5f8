"""How many segments a text message is billed as (3GPP TS 23.038 and 23.040).

A message in the GSM 7-bit alphabet holds 160 characters, or 153 in each part of a longer one; any other
message is UCS-2 and holds 70, or 67 in each part. Characters of the GSM extension table count twice, as do
characters outside of Unicode's basic plane.
"""

import math

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")


def segments(text: str) -> int:
    """The number of billed segments of `text`; 0 for no text."""
    if all(letter in _GSM or letter in _EXTENSION for letter in text):
        length, alone, part = sum(2 if letter in _EXTENSION else 1 for letter in text), 160, 153
    else:
        length, alone, part = sum(2 if ord(letter) > 0xFFFF else 1 for letter in text), 70, 67
    if length <= alone:
        return min(length, 1)
    return math.ceil(length / part)
