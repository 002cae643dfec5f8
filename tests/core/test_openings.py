"""Layers of hours: together never wider than each, and what is deferred is allowed when its time comes."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core.caps import Cap, binding, frees
from engine.core.openings import Layer, Openings
from engine.core.rules import ALLOWED, Deferred, Refused, frequency, strictest
from engine.core.windows import Hours

ZONES = ("Asia/Shanghai", "America/New_York", "America/Los_Angeles", "Europe/London", "Australia/Sydney")
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
zones = st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True).map(tuple)


class Sevenths:
    """Every day whose number divides by seven is a holiday; nothing is known of 2027."""

    def on(self, place: str, day: date) -> bool | None:
        return None if day.year == 2027 else day.toordinal() % 7 == len(place) % 7


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    edges = sorted(draw(st.sets(st.integers(0, 48), min_size=2, max_size=4)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    return Hours(tuple((start * 30, end * 30) for start, end in pairs))


closed_or_hours = st.one_of(st.just(Hours(())), hours())
layers = st.builds(
    Layer, st.lists(closed_or_hours, min_size=7, max_size=7).map(tuple), st.none() | closed_or_hours,
    st.none() | closed_or_hours, st.sampled_from(["", "A", "BB"]), st.sampled_from(["", "", "Asia/Shanghai"]),
)  # fmt: skip
openings = st.lists(layers, min_size=1, max_size=3).map(lambda found: Openings(tuple(found), Sevenths()))
caps = st.lists(st.builds(lambda n, h: Cap(calls=n, per=timedelta(hours=h)), st.integers(1, 4), st.integers(1, 99)))


@given(openings, openings, instants, zones)
def test_an_intersection_is_never_wider_than_each_part(one, other, instant, places):
    """Open together is open in each; what is open in each is open together."""
    both = one.intersect(other)
    assert both.is_open(instant, places) == (one.is_open(instant, places) and other.is_open(instant, places))
    first = both.next_open(instant, places)
    if first is not None:
        assert first >= max(one.next_open(instant, places), other.next_open(instant, places))


@given(openings, instants, zones)
def test_the_next_opening_is_open_and_nothing_before_it_is(found, instant, places):
    """On every candidate clock, and on those that a rule names."""
    first = found.next_open(instant, places)
    moment = instant
    while moment < (first or instant + timedelta(days=3)):
        assert not found.is_open(moment, places)
        moment += timedelta(minutes=30) if moment.minute % 30 == 0 else timedelta(minutes=30 - moment.minute % 30)
        moment = moment.replace(second=0, microsecond=0)
    if first is not None:
        assert found.is_open(first, places)
        assert found.closes(first, places) > first


@given(openings, caps, st.lists(instants, max_size=6).map(sorted), instants, zones)
def test_what_is_deferred_is_allowed_when_its_time_comes(found, limits, begun, now, places):
    """The cap that binds longest, and then the hours."""
    before = [at for at in begun if at <= now]
    ruling = frequency(now, found, places, limits, before, now + timedelta(days=90))
    if isinstance(ruling, Deferred):
        assert ruling.until > now
        assert frequency(ruling.until, found, places, limits, before, now + timedelta(days=90)) is ALLOWED
    if ruling is ALLOWED:
        assert all(sum(at > now - cap.per for at in before) < cap.calls for cap in limits)


@given(caps, st.lists(instants, max_size=6).map(sorted), instants)
def test_caps_free_at_the_first_moment_at_which_each_has_room(limits, begun, now):
    """At that moment every stretch holds fewer calls than its cap; a moment before, one is full."""
    before = [at for at in begun if at <= now]
    free = frees(limits, before, now)
    assert all(sum(at > free - cap.per for at in before) < cap.calls for cap in limits)
    if free > now:
        almost = free - timedelta(microseconds=1)
        assert any(sum(at > almost - cap.per for at in before) >= cap.calls for cap in limits)


rulings = st.one_of(
    st.just(ALLOWED), st.builds(Refused, st.sampled_from(["suppressed", "expired"])),
    st.builds(Deferred, st.sampled_from(["window", "cap"]), instants),
)  # fmt: skip


@given(st.lists(rulings), st.randoms())
def test_the_strictest_answer_does_not_hang_on_the_order(answers, random):
    """In whatever order rules are asked, a call goes, waits until the same instant, or does not go."""
    shuffled = list(answers)
    random.shuffle(shuffled)
    one, other = strictest(answers), strictest(shuffled)
    assert type(one) is type(other)
    assert getattr(one, "until", None) == getattr(other, "until", None)


def test_a_gap_shorter_than_the_cap_lets_is_told():
    """Two calls two hours apart do not fit into one a day; a day apart they do."""
    day = [Cap(calls=1, per="24h"), Cap(calls=3, per="30d")]
    assert binding(day, 2, timedelta(hours=2)) == day[0]
    assert binding(day, 2, timedelta(days=1)) is None
    assert binding(day, 4, timedelta(days=2)) == day[1]
    assert binding(day, 1, timedelta(minutes=1)) is None
