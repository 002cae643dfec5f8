"""The published rows: a number, a region and an instant come to allowed, deferred until, or refused."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.core.consents import CONTRACT, EXPRESS, WRITTEN, Consent
from engine.core.regions import Wishes
from engine.core.rules import ALLOWED, Deferred, Refused, frequency, may_ever, opening
from engine.core.windows import Hours
from engine.intake.phones import Number, normalize
from engine.regions import rulebook

CN, FR, IT, ES, DE, GB, JP = (
    "+8613800138000", "+33612345678", "+393123456789", "+34612345678", "+4915112345678", "+447400123456",
    "+81312345678",
)  # fmt: skip
NY, FLORIDA, TEXAS, ALABAMA, RHODE, KENTUCKY, TORONTO = (
    "+12125550123", "+13055550123", "+12145550123", "+12055550123", "+14015550123", "+15025550123", "+14165550123",
)  # fmt: skip
SYDNEY, SHANGHAI = "Australia/Sydney", "Asia/Shanghai"
EVERY_HOUR = Wishes(Hours.parse("00:00-24:00"), frozenset(range(7)))


def number(phone: str) -> Number:
    found = normalize(phone, "CN")
    assert isinstance(found, Number), phone
    return found


def bounds_of(phone: str, wishes: Wishes = Wishes(), providers: tuple[str, ...] = (), state: str = ""):
    book = rulebook()
    return book.bounds(book.place(number(phone).region, phone, state), wishes, providers)


def ruled(phone: str, local: str, zone: str = "", wishes: Wishes = Wishes(), **more):
    """What the hours say of a call at a moment on the clock of a zone, and the clock."""
    zones = (zone,) if zone else number(phone).timezones
    clock = ZoneInfo(zones[0])
    now = datetime.fromisoformat(local).replace(tzinfo=clock)
    return opening(now, bounds_of(phone, wishes, **more).openings, zones, now + timedelta(days=60)), clock


@pytest.mark.parametrize(
    ("phone", "zone", "local", "until"),
    [
        # China: 09-12, 14-20, no statutory holiday, and the days off around one are part of it.
        (CN, "", "2026-11-23 08:59", "2026-11-23 09:00"),
        (CN, "", "2026-11-23 09:00", None),
        (CN, "", "2026-11-23 12:00", "2026-11-23 14:00"),
        (CN, "", "2026-11-23 19:59", None),
        (CN, "", "2026-11-23 20:00", "2026-11-24 09:00"),
        (CN, "", "2026-09-30 20:00", "2026-10-08 09:00"),
        (CN, "", "2026-10-10 10:00", None),  # a Saturday that is worked
        (CN, "", "2026-02-16 10:00", "2026-02-24 09:00"),
        # United States: the safe default, on the number's own clock.
        (NY, "", "2026-11-23 09:59", "2026-11-23 10:00"),
        (NY, "", "2026-11-23 18:00", "2026-11-24 10:00"),
        (NY, "", "2026-11-21 18:00", "2026-11-23 10:00"),  # Saturday evening, over Sunday
        (ALABAMA, "", "2026-07-02 18:00", "2026-07-06 10:00"),  # Independence Day, observed on Friday
        # Canada: weekdays 09-21:30, weekend and holiday 10-18.
        (TORONTO, "", "2026-11-23 21:29", None),
        (TORONTO, "", "2026-11-23 21:30", "2026-11-24 09:00"),
        (TORONTO, "", "2026-11-21 18:00", "2026-11-22 10:00"),
        (TORONTO, "", "2026-07-01 09:30", "2026-07-01 10:00"),  # Canada Day
        (TORONTO, "", "2026-07-01 18:00", "2026-07-02 09:00"),
        # United Kingdom.
        (GB, "", "2026-11-21 17:00", "2026-11-23 09:00"),
        (GB, "", "2026-11-20 19:59", None),
        # France: 10-13, 14-20, no weekend, no holiday.
        (FR, "", "2026-11-23 13:00", "2026-11-23 14:00"),
        (FR, "", "2026-11-20 20:00", "2026-11-23 10:00"),
        (FR, "", "2026-12-24 20:00", "2026-12-28 10:00"),
        # Italy: the eve of a holiday is as a Saturday.
        (IT, "", "2026-11-23 09:00", None),
        (IT, "", "2026-11-21 09:30", "2026-11-21 10:00"),
        (IT, "", "2026-12-07 09:30", "2026-12-07 10:00"),
        (IT, "", "2026-12-07 19:00", "2026-12-09 09:00"),
        # Spain, what the industry keeps; Germany; Australia; a region without a row.
        (ES, "Europe/Madrid", "2026-11-23 15:00", "2026-11-23 16:00"),
        (ES, "Europe/Madrid", "2026-11-20 21:00", "2026-11-23 10:00"),
        (DE, "", "2026-11-20 18:00", "2026-11-23 09:00"),
        (DE, "", "2026-12-24 18:00", "2026-12-28 09:00"),
        ("+61412345678", SYDNEY, "2026-11-21 17:00", "2026-11-23 09:00"),
        ("+61412345678", SYDNEY, "2027-01-26 10:00", "2027-01-27 09:00"),  # Australia Day
        (JP, "", "2026-11-23 11:00", "2026-11-24 10:00"),  # Labor Thanksgiving Day
        (JP, "", "2026-11-24 12:00", "2026-11-24 14:00"),
    ],
)
def test_a_region_says_when_people_may_be_called(phone, zone, local, until):
    """Where a file says nothing: before the hours, inside them, after them, over weekends and holidays."""
    found, clock = ruled(phone, local, zone)
    if until is None:
        assert found is ALLOWED
    else:
        assert found == Deferred("window", datetime.fromisoformat(until).replace(tzinfo=clock))


@pytest.mark.parametrize(
    ("phone", "local", "until"),
    [
        (NY, "2026-11-22 07:59", "2026-11-22 08:00"),  # federal law, on a Sunday too
        (NY, "2026-11-22 20:59", None),
        (FLORIDA, "2026-11-23 20:00", "2026-11-24 08:00"),
        (KENTUCKY, "2026-11-23 09:59", "2026-11-23 10:00"),
        (RHODE, "2026-11-20 18:00", "2026-11-21 10:00"),
        (RHODE, "2026-11-21 17:00", "2026-11-23 09:00"),
        (TEXAS, "2026-11-22 11:59", "2026-11-22 12:00"),
        (ALABAMA, "2026-11-21 20:00", "2026-11-23 08:00"),
        (ALABAMA, "2026-12-25 10:00", "2026-12-26 08:00"),
        (FR, "2026-11-21 11:00", "2026-11-23 10:00"),
        (ES, "2026-11-23 15:30", None),  # the pause is the industry's, not the law's
        (ES, "2026-11-21 12:00", "2026-11-23 09:00"),
        (GB, "2026-11-22 03:00", None),  # no statutory hours
        (CN, "2026-11-23 12:30", None),
    ],
)
def test_what_is_ours_may_be_widened_and_law_may_not(phone, local, until):
    """An experiment that names every hour of every day gets the hours that law leaves."""
    zone = "Europe/Madrid" if phone == ES else ""
    found, clock = ruled(phone, local, zone, EVERY_HOUR)
    if until is None:
        assert found is ALLOWED
    else:
        assert found == Deferred("window", datetime.fromisoformat(until).replace(tzinfo=clock))


def test_a_closed_day_opens_only_by_its_name():
    """Own hours leave the British Sunday closed until the days name it; holidays open by a word of their own."""
    noon = Wishes(Hours.parse("12:00-14:00"))
    found, clock = ruled(GB, "2026-11-22 12:30", wishes=noon)
    assert found == Deferred("window", datetime(2026, 11, 23, 12, tzinfo=clock))
    assert ruled(GB, "2026-11-22 12:30", wishes=Wishes(noon.hours, frozenset({6})))[0] is ALLOWED

    assert isinstance(ruled(CN, "2026-10-02 12:30", wishes=noon)[0], Deferred)
    assert ruled(CN, "2026-10-02 12:30", wishes=Wishes(noon.hours, holidays_open=True))[0] is ALLOWED
    assert isinstance(ruled(FR, "2026-12-25 12:30", wishes=Wishes(noon.hours, holidays_open=True))[0], Deferred)


def test_an_unknown_year_is_closed():
    """China announces one year at a time: what is not announced is not open, unless the experiment says so."""
    assert ruled(CN, "2035-11-23 10:00")[0] == Refused("window")
    assert ruled(CN, "2035-11-23 10:00", wishes=Wishes(holidays_open=True))[0] is ALLOWED


def test_a_number_that_tells_no_state_is_under_the_strictest_of_all():
    """A toll-free number has every state's Sunday, Saturday and cap; a state that is known decides alone."""
    unknown = bounds_of("+18005550123", EVERY_HOUR)
    monday, saturday, sunday = (datetime(2026, 11, day).date() for day in (23, 21, 22))
    assert len(unknown.place.states) > 15
    assert str(unknown.openings.hours_on(monday)) == "10:00-18:00"
    assert str(unknown.openings.hours_on(saturday)) == "10:00-17:00"
    assert str(unknown.openings.hours_on(sunday)) == ""
    assert {(cap.calls, cap.per.days) for cap in unknown.caps} >= {(3, 1)}
    assert str(bounds_of("+18005550123", EVERY_HOUR, state="TX").openings.hours_on(sunday)) == "12:00-21:00"
    assert bounds_of(NY, state="US-FL").place.states == ("US-FL",)
    assert bounds_of(NY, state="Nowhere").place.states == ("US-NY",)


@pytest.mark.parametrize(
    ("phone", "caps"),
    [
        (CN, [(1, "24h"), (3, "30d")]), (NY, [(2, "24h"), (3, "7d")]), (FLORIDA, [(2, "24h"), (3, "7d"), (3, "24h")]),
        (FR, [(4, "30d")]), (GB, []), (JP, [(1, "24h"), (3, "30d")]),
    ],
)  # fmt: skip
def test_a_region_says_how_often(phone, caps):
    """Over all experiments."""
    from engine.core.treatments import parse_duration

    assert [(cap.calls, cap.per) for cap in bounds_of(phone).caps] == [(n, parse_duration(per)) for n, per in caps]


def test_a_cap_defers_until_its_oldest_call_is_old_enough():
    """Called at noon, a person in China is called again at noon of the next day, or when the hours open after it."""
    bounds, zones = bounds_of(CN), (SHANGHAI,)
    noon = datetime(2026, 11, 23, 11, 30, tzinfo=ZoneInfo(SHANGHAI))
    day = timedelta(days=1)

    def asked(begun, now, not_after=None):
        return frequency(now, bounds.openings, zones, bounds.caps, begun, not_after or now + 60 * day)

    assert asked([noon], noon + timedelta(hours=4)) == Deferred("cap", noon + day)
    assert asked([noon], noon + day) is ALLOWED
    evening = noon.replace(hour=19, minute=59)
    assert asked([evening - 2 * day, evening - day, evening], evening + day) == Deferred("cap", evening + 28 * day)
    assert asked([noon], noon + timedelta(hours=4), noon + timedelta(hours=20)) == Refused("cap")


def test_hard_caps_stay_when_an_experiment_states_its_own():
    """Three a day in Florida and four a month in France are law; two a day in New York was ours."""
    from engine.core.caps import Cap

    own = Wishes(caps=(Cap(calls=9, per="24h"),))
    assert [str(cap) for cap in bounds_of(FLORIDA, own).caps] == ["3 per 1d", "9 per 1d"]
    assert [str(cap) for cap in bounds_of(FR, own).caps] == ["4 per 30d", "9 per 1d"]
    assert [str(cap) for cap in bounds_of(NY, own).caps] == ["9 per 1d"]
    assert bounds_of(CN, Wishes(caps=())).caps == ()


def test_a_providers_rules_hold_on_its_line():
    """Tencent's hours are Beijing's, wherever the person's clock is, and it calls nobody in Xinjiang or Tibet."""
    found, clock = ruled(CN, "2026-11-23 19:30", "Asia/Urumqi", EVERY_HOUR, providers=("tencent",))
    assert found == Deferred("window", datetime(2026, 11, 24, 6, tzinfo=clock))
    assert ruled(CN, "2026-11-23 19:30", "Asia/Urumqi", EVERY_HOUR)[0] is ALLOWED
    assert [str(cap) for cap in bounds_of(CN, Wishes(caps=()), ("tencent",)).caps] == ["5 per 1d", "3 per 5m"]
    for state in ("CN-XJ", "XZ", "新疆"):
        assert bounds_of(CN, EVERY_HOUR, ("tencent",), state).openings.never_opens
        assert not bounds_of(CN, EVERY_HOUR, (), state).openings.never_opens
    assert ruled(CN, "2026-11-23 12:30", wishes=EVERY_HOUR, providers=("aliyun",))[0] != ALLOWED


@pytest.mark.parametrize(
    ("phone", "days"), [(CN, None), (FR, 60), ("+12065550123", 365), (NY, None), ("+18005550123", None), (GB, None)]
)
def test_a_no_holds_as_long_as_the_region_says(phone, days):
    """60 days in France, 12 months in Washington, for ever where the region says so or says nothing."""
    assert bounds_of(phone).block == (None if days is None else timedelta(days=days))


@pytest.mark.parametrize(
    ("phone", "basis", "allowed"),
    [
        (CN, None, True), (FR, None, False), (FR, EXPRESS, True), (FR, CONTRACT, True), (DE, CONTRACT, False),
        (DE, EXPRESS, True), (GB, None, False), (GB, WRITTEN, True), (ES, None, False), (NY, EXPRESS, False),
        (NY, WRITTEN, True), (JP, None, False), (JP, CONTRACT, True), (IT, EXPRESS, True),
    ],
)  # fmt: skip
def test_a_region_says_whose_consent_is_needed(phone, basis, allowed):
    """Where the law asks for one, only a basis that it takes lets a call go; lists are taken to be imported."""
    now = datetime(2026, 11, 23, 3, tzinfo=ZoneInfo("UTC"))
    bounds = bounds_of(phone)
    given = Consent(basis, now - timedelta(days=1)) if basis else None
    imported = dict.fromkeys((one.name for one in bounds.lists), now)
    assert (may_ever(bounds, given, imported, now) is ALLOWED) == allowed


def test_a_consent_counts_from_its_time_and_not_after_its_withdrawal():
    """Tomorrow's consent is none today; a withdrawal refuses even where no consent is needed."""
    now = datetime(2026, 11, 23, 3, tzinfo=ZoneInfo("UTC"))
    assert may_ever(bounds_of(FR), Consent(EXPRESS, now + timedelta(days=1)), {}, now) == Refused("no_consent")
    assert may_ever(bounds_of(CN), Consent(EXPRESS, now, withdrawn=True), {}, now) == Refused("no_consent")
    assert may_ever(bounds_of(CN, Wishes(consent_required=True)), None, {}, now) == Refused("no_consent")
    assert may_ever(bounds_of(CN, Wishes(consent_required=True)), Consent(CONTRACT), {}, now) is ALLOWED


def test_a_national_list_has_to_be_fresh_where_the_region_asks_for_it():
    """Italy asks whatever a person agreed to, Canada only without a consent, China never."""
    now = datetime(2026, 11, 23, 3, tzinfo=ZoneInfo("UTC"))
    express = Consent(EXPRESS, now)
    italy, canada = bounds_of(IT), bounds_of(TORONTO)
    assert may_ever(italy, express, {}, now) == Refused("no_list")
    assert may_ever(italy, express, {"it-rpo": now - timedelta(days=15)}, now) is ALLOWED
    assert may_ever(italy, express, {"it-rpo": now - timedelta(days=15, seconds=1)}, now) == Refused("no_list")
    assert may_ever(canada, express, {}, now) is ALLOWED
    assert bounds_of(CN).lists == ()


def test_every_row_says_where_it_is_from_and_when_that_was_checked():
    """A rule without a source is nobody's; a provider's row names the provider that the line may be of."""
    from typing import get_args

    from engine.core.experiments import Experiment

    rows = rulebook().rows
    assert len(rows) > 35
    for row in rows:
        assert row.source
        datetime.fromisoformat(row.checked_on)
        assert bool(row.note) == bool(row.note_zh)
    line = get_args(get_args(Experiment.model_fields["line"].annotation)[0])
    assert set(line) == {row.provider for row in rows if row.provider}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"hours": {"monday": "09:00-10:00"}}, "are no days"), ({"consent": {"accepts": ["oral"]}}, "no bases"),
        ({"basis": "provider"}, "the basis is"), ({"hours": {"every": "9-10"}}, "is not a window"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_is_refused(wrong, says):
    """A mistake in the data file is found when it is read."""
    from engine.regions import read_row

    row = {"regions": ["XX"], "basis": "law", "source": "somewhere", "checked_on": "2026-11-20"}
    with pytest.raises(ValueError, match=says):
        read_row(row | wrong)


@pytest.mark.parametrize(
    ("phone", "local", "utc"),
    [
        (NY, "2026-03-07 09:00", "2026-03-07 15:00"), (NY, "2026-03-09 09:00", "2026-03-09 14:00"),
        (NY, "2026-10-31 09:00", "2026-10-31 14:00"), (NY, "2026-11-02 09:00", "2026-11-02 15:00"),
        (DE, "2026-03-27 08:00", "2026-03-27 08:00"), (DE, "2026-03-30 08:00", "2026-03-30 07:00"),
        (DE, "2026-10-23 08:00", "2026-10-23 07:00"), (DE, "2026-10-26 08:00", "2026-10-26 08:00"),
    ],
)  # fmt: skip
def test_hours_follow_the_clock_through_both_changes(phone, local, utc):
    """Ten in New York and nine in Berlin are other instants after the clocks change."""
    found, _ = ruled(phone, local)
    assert found == Deferred("window", datetime.fromisoformat(utc).replace(tzinfo=ZoneInfo("UTC")))
