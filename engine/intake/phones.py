"""What people write in a phone column, as E.164 with its kind, region and candidate time zones.

Understood: national and international forms, `+86`, `0086`, `tel:`, spaces, dashes, dots, parentheses,
full-width digits, a spreadsheet's quoting (`'138…`, `="138…"`) and `13800138000.0`, the form of an
integer that went through a float, when no digit can be lost. `1.38E+10` has lost its digits and is refused.
Validity, kind and zones are those of libphonenumber. No reason or cure holds the number.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
import rphonenumbers
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from engine.core.contacts import REGION_ZONES
from engine.errors import NotFound

KINDS = {
    rphonenumbers.PhoneNumberType.FIXED_LINE: "fixed",
    rphonenumbers.PhoneNumberType.MOBILE: "mobile",
    rphonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    rphonenumbers.PhoneNumberType.TOLL_FREE: "toll_free",
    rphonenumbers.PhoneNumberType.PREMIUM_RATE: "premium_rate",
    rphonenumbers.PhoneNumberType.SHARED_COST: "shared_cost",
    rphonenumbers.PhoneNumberType.VOIP: "voip",
    rphonenumbers.PhoneNumberType.PERSONAL_NUMBER: "personal",
    rphonenumbers.PhoneNumberType.PAGER: "pager",
    rphonenumbers.PhoneNumberType.UAN: "company",
    rphonenumbers.PhoneNumberType.VOICEMAIL: "voicemail",
}
REMEMBERED = 1 << 16  # prefixes whose zones are kept
EXACT_DIGITS = 15  # the digits that a spreadsheet's or a float's number keeps

_FLOAT = re.compile(r"(\+?\d+)\.(\d+)")
_SCIENTIFIC = re.compile(r"\d+(?:[.,]\d+)?[eE][+-]?\d+")
_GROUPED = re.compile(r"\d{3,4}\.\d{3,4}")  # 2125.5501 is as a person groups digits, not a fraction
_DIALABLE = re.compile(r"\+?[0-9]{1,20}")
_EXTENSION = re.compile(r"(?<=\d)\s*(?:;?ext[.=]?|x|#|转|分机)\s*\d{1,7}$", re.IGNORECASE)
_SEVERAL = re.compile(r"[/,;、|&\n]|\bor\b|或")
_DECORATION = re.compile(r"[\s().\[\]‐‑‒–—―−-]+")
_QUOTING = "='\"`’‘“”"

_LENGTHS = {
    rphonenumbers.ValidationResult.TOO_SHORT: "is too short",
    rphonenumbers.ValidationResult.TOO_LONG: "is too long",
    rphonenumbers.ValidationResult.INVALID_LENGTH: "has a wrong count of digits",
    rphonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A valid number. `kind` is a value of KINDS, `timezones` the candidate IANA zones, at least one."""

    e164: str
    region: str
    kind: str
    timezones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Why no call can go to what was written, and what to do. Never holds what was written."""

    reason: str
    cure: str


SCIENTIFIC = Refused(
    "the phone number was rounded by a spreadsheet (as in 1.38E+10)",
    "format the column as text in Excel and export again",
)
FRACTION = Refused("the phone number has a fraction", "format the column as text in Excel and export again")
CORRECT = "correct it; a number abroad is written with + and its country code"
BLANK = Refused("there is no phone number", "fill it in")
SEVERAL = Refused("the cell holds more than one phone number", "keep one number in the cell")
EXTENSION = Refused("the phone number has an extension", "give a number that can be called without one")
NO_NUMBER = Refused("the phone number has letters or signs", "write digits, with + and country code where abroad")


def normalize(raw: str, region: str) -> Number | Refused:
    """One number, read as the region `region` (ISO 3166, such as CN) writes it.

    Raises NotFound for a region that has no numbering plan.
    """
    return _normalizer(region)(raw)


def normalize_all(raws: Iterable[str], region: str) -> list[Number | Refused]:
    """Many numbers at once, in their order; as `normalize`."""
    return list(map(_normalizer(region), raws))


def home_zones(region: str) -> tuple[str, ...]:
    """The zones of a region whose numbers say nothing about the zone; raises NotFound as `normalize` does."""
    if region in REGION_ZONES:
        return REGION_ZONES[region]
    if region not in rphonenumbers.SUPPORTED_REGIONS:
        raise NotFound("region", region, rphonenumbers.SUPPORTED_REGIONS)
    return TIMEZONE_DATA.get(str(_country_code(region)), ("Etc/UTC",))


def _country_code(region: str) -> int:
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
    return plan.country_code or 0 if plan is not None else 0


@lru_cache(maxsize=8)
def _normalizer(region: str) -> "Normalizer":
    return Normalizer(region)


class Normalizer:
    """Reads numbers as one region writes them; remembers zones by prefix."""

    def __init__(self, region: str) -> None:
        if region not in rphonenumbers.SUPPORTED_REGIONS:
            raise NotFound("region", region, rphonenumbers.SUPPORTED_REGIONS)
        self.region = region
        self._regions = {
            code: regions[0] for code, regions in rphonenumbers.COUNTRY_CODE_TO_REGION_CODE.items() if len(regions) == 1
        }
        self._code = _country_code(region)
        self._plain_mobile = mobile_pattern(region) if self._code in self._regions else None
        self._reach: dict[int, int] = {}
        self._zones: dict[tuple[int, str, str], tuple[str, ...]] = {}

    def __call__(self, raw: str) -> Number | Refused:
        """The number in `raw`, or why there is none."""
        if self._plain_mobile is not None and self._plain_mobile(raw):
            return self._mobile(f"+{self._code}{raw}")
        if not (raw.isdigit() and raw.isascii()):
            cleaned = _clean(raw)
            if isinstance(cleaned, Refused):
                return cleaned
            raw = cleaned
        try:
            number = rphonenumbers.parse(raw, self.region)
        except rphonenumbers.NumberParseException as error:
            return self._unparsed(error)
        kind = rphonenumbers.number_type(number)
        if kind not in KINDS:
            return self._invalid(number)
        e164 = rphonenumbers.format_number(number, rphonenumbers.PhoneNumberFormat.E164)
        code = number.country_code or 0
        region = self._regions.get(code) or rphonenumbers.region_code_for_number(number) or self.region
        prefix = (kind, region, e164[: self._reach.get(code, 0)])
        zones = self._zones.get(prefix)
        if zones is None:
            zones = self._learn(kind, code, region, e164)
        return Number(e164, region, KINDS[kind], zones)

    def _mobile(self, e164: str) -> Number:
        """A number of this region that is known to be mobile and valid."""
        kind = rphonenumbers.PhoneNumberType.MOBILE
        zones = self._zones.get((kind, self.region, e164[: self._reach.get(self._code, 0)]))
        if zones is None:
            zones = self._learn(kind, self._code, self.region, e164)
        return Number(e164, self.region, "mobile", zones)

    def _learn(self, kind: int, code: int, region: str, e164: str) -> tuple[str, ...]:
        """The zones of a number, remembered for all numbers with its prefix.

        Zones depend on as many digits as the country code's longest entry in the zone table has.
        """
        if code not in self._reach:
            start = str(code)
            longest = max((len(key) for key in TIMEZONE_DATA if key.startswith(start)), default=len(start))
            self._reach[code] = 1 + longest
        zones = _zones(kind, code, region, e164)
        if len(self._zones) >= REMEMBERED:
            self._zones.clear()
        self._zones[kind, region, e164[: self._reach[code]]] = zones
        return zones

    @staticmethod
    def _unparsed(error: rphonenumbers.NumberParseException) -> Refused:
        kinds = rphonenumbers.NumberParseException
        if error.error_type == kinds.INVALID_COUNTRY_CODE:
            return Refused("the phone number has a country code that no country has", "correct the digits after +")
        length = "is too long" if error.error_type == kinds.TOO_LONG else "is too short"
        return Refused(f"the phone number {length}", CORRECT)

    @staticmethod
    def _invalid(number: rphonenumbers.PhoneNumber) -> Refused:
        length = _LENGTHS.get(rphonenumbers.is_possible_number_with_reason(number))
        if length:
            return Refused(f"the phone number {length}", CORRECT)
        region = rphonenumbers.COUNTRY_CODE_TO_REGION_CODE[number.country_code or 0][0]
        return Refused(f"the phone number is none that is in use in {region}", CORRECT)


def mobile_pattern(region: str) -> Callable[[str], object] | None:
    """Tells of ASCII digits alone whether they are a mobile number of the region, written without any prefix.

    What it says yes to is valid, mobile and unchanged by parsing: the digits fit the region's general and mobile
    patterns and lengths and no other kind's, and begin neither as a number abroad nor with a trunk or carrier
    prefix. Most rows of a contact file are such, and this is several times faster than parsing them.
    None for a region without mobile numbers of its own.
    """
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if plan is None or plan.mobile is None or plan.general_desc is None:
        return None
    mobile, general = plan.mobile.national_number_pattern, plan.general_desc.national_number_pattern
    lengths = set(plan.general_desc.possible_length)
    lengths &= set(plan.mobile.possible_length) or lengths
    if mobile is None or general is None or not lengths or plan.same_mobile_and_fixed_line_pattern:
        return None
    others = (
        plan.premium_rate, plan.toll_free, plan.shared_cost, plan.voip, plan.personal_number,
        plan.pager, plan.uan, plan.voicemail, plan.fixed_line,
    )  # fmt: skip
    never = [plan.international_prefix, plan.national_prefix_for_parsing, "0"]
    never += [f"(?:{kind.national_number_pattern})$" for kind in others if kind and kind.national_number_pattern]
    right = "|".join(f"[0-9]{{{length}}}" for length in sorted(lengths))
    return re.compile(
        "".join(f"(?!{start})" for start in never if start) + f"(?=(?:{right})$)(?=(?:{general})$)(?:{mobile})",
        re.ASCII,
    ).fullmatch


def _zones(kind: int, code: int, region: str, e164: str) -> tuple[str, ...]:
    """Where a number tells its place, the zones of its longest prefix in the table; elsewhere its region's."""
    if rphonenumbers.is_number_type_geographical(kind, code):
        for end in range(TIMEZONE_LONGEST_PREFIX + 1, 1, -1):
            if zones := TIMEZONE_DATA.get(e164[1:end]):
                return zones
    return home_zones(region) if region in rphonenumbers.SUPPORTED_REGIONS else ("Etc/UTC",)


def _clean(raw: str) -> str | Refused:
    """Digits with or without a leading +, from what a person, a browser or a spreadsheet wrote."""
    text = raw if raw.isascii() else _plain(raw)
    text = text.strip().strip(_QUOTING).strip()
    if text[:4].lower() == "tel:":
        text = text[4:]
    if not text:
        return BLANK
    if _SCIENTIFIC.fullmatch(text):
        return SCIENTIFIC
    if match := _FLOAT.fullmatch(text):
        whole, fraction = match.groups()
        if not fraction.strip("0"):
            return whole if len(whole.lstrip("+")) <= EXACT_DIGITS else FRACTION
        if not _GROUPED.fullmatch(text):
            return FRACTION
    bare = _DECORATION.sub("", text)
    if _DIALABLE.fullmatch(bare):
        return bare
    if len([part for part in _SEVERAL.split(text) if sum(map(str.isdigit, part)) >= 7]) > 1:
        return SEVERAL
    return EXTENSION if _EXTENSION.search(text) else NO_NUMBER


def _plain(raw: str) -> str:
    """ASCII digits and signs for their full-width and other scripts' forms; invisible marks removed."""
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() else character
        for character in unicodedata.normalize("NFKC", raw)
        if unicodedata.category(character) not in {"Cf", "Mn"}
    )
