"""Every form that people and programs write a number in."""

import pytest
import rphonenumbers
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.core.contacts import REGION_ZONES
from engine.errors import NotFound
from engine.intake import phones
from engine.intake.phones import Number, Refused, mobile_pattern, normalize, normalize_all


@pytest.mark.parametrize(
    "raw",
    [
        "13800138000",
        "  138 0013 8000 ",
        "138-0013-8000",
        "138.0013.8000",
        "(138)00138000",
        "+8613800138000",
        "+86 138 0013 8000",
        "008613800138000",
        "8613800138000",
        "tel:+86-138-0013-8000",
        "１３８００１３８０００",
        "＋８６　１３８００１３８０００",
        "١٣٨٠٠١٣٨٠٠٠",
        "13800138000.0",
        "'13800138000",
        '="13800138000"',
        "\u202d13800138000\u202c",
        "138\u00a00013\u20118000",
    ],
)
def test_every_way_to_write_a_number_is_one_number(raw: str) -> None:
    """National, international, spaced, full-width, through a float or a spreadsheet: one E.164."""
    assert normalize(raw, "CN") == Number("+8613800138000", "CN", "mobile", ("Asia/Shanghai",))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("", "there is no phone number"),
        ("  ", "there is no phone number"),
        ("tel:", "there is no phone number"),
        ("1.38E+10", "rounded by a spreadsheet"),
        ("1.3800138e10", "rounded by a spreadsheet"),
        ("1,38E+10", "rounded by a spreadsheet"),
        ("13800138000.5", "fraction"),
        ("8613800138000123456.0", "fraction"),
        ("13800138000/13900139000", "more than one"),
        ("13800138000、13900139000", "more than one"),
        ("010-62345678转8001", "extension"),
        ("010-62345678 ext. 12", "extension"),
        ("call me", "letters or signs"),
        ("+", "letters or signs"),
        ("12345", "lacks its area code"),
        ("1380013800", "none that is in use|wrong count|short"),
        ("138001380001234567", "too long"),
        ("11111111111", "in use in CN"),
        ("+999 1234567", "country code"),
        ("1", "too short"),
    ],
)
def test_what_cannot_be_called_is_refused_with_a_cure(raw: str, told: str) -> None:
    """Each refusal says why and what to do, and holds none of the number."""
    refused = normalize(raw, "CN")

    assert isinstance(refused, Refused)
    assert refused == normalize(raw, "CN")
    assert any(part in refused.reason for part in told.split("|"))
    assert refused.cure
    assert "138001" not in refused.reason + refused.cure


def test_excels_rounding_is_refused_with_excels_cure() -> None:
    """A number that Excel rounded is cured in Excel."""
    refused = normalize("1.38E+10", "CN")

    assert isinstance(refused, Refused)
    assert refused.cure == "format the column as text in Excel and export again"


@pytest.mark.parametrize(
    ("raw", "region", "e164", "home", "kind", "zones"),
    [
        ("(212) 555-0123", "US", "+12125550123", "US", "fixed_or_mobile", ("America/New_York",)),
        ("604-555-0123", "US", "+16045550123", "CA", "fixed_or_mobile", ("America/Vancouver",)),
        ("800 234 5678", "US", "+18002345678", "US", "toll_free", REGION_ZONES["US"]),
        ("020 8366 1177", "GB", "+442083661177", "GB", "fixed", ("Europe/London",)),
        ("0412 345 678", "AU", "+61412345678", "AU", "mobile", REGION_ZONES["AU"]),
        ("02 1234 5678", "IT", "+390212345678", "IT", "fixed", ("Europe/Rome",)),
        ("+852 9123 4567", "CN", "+85291234567", "HK", "mobile", ("Asia/Hong_Kong",)),
        ("010-62345678", "CN", "+861062345678", "CN", "fixed", ("Asia/Shanghai",)),
        ("090-1234-5678", "JP", "+819012345678", "JP", "mobile", ("Asia/Tokyo",)),
    ],
)
def test_region_kind_and_zones_are_the_numbers_own(
    raw: str, region: str, e164: str, home: str, kind: str, zones: tuple[str, ...]
) -> None:
    """A number abroad has its own region; a place known by its prefix has its zone, another has its region's zones."""
    number = normalize(raw, region)

    assert number == Number(e164, home, kind, zones)


def test_an_unknown_region_is_refused() -> None:
    """A region without a numbering plan is not guessed at."""
    with pytest.raises(NotFound, match="CHN"):
        normalize("13800138000", "CHN")


def test_every_region_has_zones_and_numbers() -> None:
    """The example number of every region is understood, has zones, and is itself when read again."""
    for region in sorted(rphonenumbers.SUPPORTED_REGIONS):
        example = rphonenumbers.example_number(region)
        if example is None:
            continue
        number = normalize(rphonenumbers.format_number(example, rphonenumbers.PhoneNumberFormat.NATIONAL), region)
        assert isinstance(number, Number), region
        assert number.timezones
        again = normalize(number.e164, "CN")
        assert isinstance(again, Number)
        assert again.e164 == number.e164


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["CN", "DE", "FR", "HK", "IN", "JP", "MY", "SG", "TW", "ES"]), st.data())
def test_the_short_way_says_what_the_library_says(region: str, data: st.DataObject) -> None:
    """Digits that are taken for a plain mobile number are one to the library, unchanged by parsing."""
    example = rphonenumbers.example_number_for_type(region, rphonenumbers.PhoneNumberType.MOBILE)
    digits = list(str(example.national_number))
    for place in data.draw(st.lists(st.integers(0, len(digits) - 1), max_size=8)):
        digits[place] = data.draw(st.sampled_from("0123456789"))
    raw = "".join(digits)
    recognize = mobile_pattern(region)
    assert recognize is not None
    assume(recognize(raw))

    number = rphonenumbers.parse(raw, region)

    assert rphonenumbers.number_type(number) == rphonenumbers.PhoneNumberType.MOBILE
    assert normalize(raw, region) == Number(
        rphonenumbers.format_number(number, rphonenumbers.PhoneNumberFormat.E164),
        region,
        "mobile",
        REGION_ZONES[region],
    )


def test_the_short_way_leaves_what_it_cannot_tell() -> None:
    """Prefixes, other kinds and other lengths go the long way; shared country codes have no short way to trust."""
    recognize = mobile_pattern("CN")

    assert recognize is not None
    assert recognize("13800138000")
    for other in (
        "013800138000",
        "8613800138000",
        "1380013800",
        "02112345678",
        "",
        "13800138000\n",
        "１３８００１３８０００",
    ):
        assert not recognize(other)
    assert mobile_pattern("US") is None


def test_zones_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many prefixes a file has, the zones remembered for them are bounded, and stay right."""
    monkeypatch.setattr(phones, "REMEMBERED", 2)
    reader = phones.Normalizer("US")
    for area, zone in (("212", "New_York"), ("415", "Los_Angeles"), ("312", "Chicago"), ("212", "New_York")):
        number = reader(f"{area}5550123")
        assert isinstance(number, Number)
        assert number.timezones == (f"America/{zone}",)
    assert len(reader._zones) <= 2


@given(st.lists(st.one_of(st.text(), st.from_regex(r"[+0-9 .()E-]{0,20}", fullmatch=True)), max_size=5))
def test_whatever_is_written_is_a_number_or_refused(raws: list[str]) -> None:
    """No text makes trouble; a batch says what one by one says; no refusal holds the digits."""
    answers = normalize_all(raws, "CN")

    assert answers == [normalize(raw, "CN") for raw in raws]
    for raw, answer in zip(raws, answers, strict=True):
        if isinstance(answer, Number):
            assert normalize(answer.e164, "CN") == answer
        elif len(raw.strip()) > 5 and any(map(str.isdigit, raw)) and raw.strip() not in "(as in 1.38E+10)":
            assert raw.strip() not in answer.reason
