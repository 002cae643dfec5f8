"""Files that are right are clean, and mean what YAML 1.2 says."""

# ruff: noqa: E501  a case stands in one line

from datetime import timedelta
from pathlib import Path

import pytest

from engine.core.shares import Lift
from engine.core.windows import Hours
from engine.definitions.loading import check, load, load_text
from tests.definitions.texts import SMALL, WHOLE, changed, make_surroundings

MINIMAL = "experiment: a\naudience: {roster: true}\ncontrol: {script: classic}\narms: {b: {script: story}}\n"

GOOD = {
    "everything at once": WHOLE,
    "block style": SMALL,
    "as little as possible": MINIMAL,
    "as JSON": '{"experiment": "a", "audience": {"roster": true}, "control": {"script": "classic"},'
    ' "arms": {"b": {"script": "story"}}}',
    "a byte order mark, a document marker and Windows line ends": "\ufeff---\r\n" + MINIMAL.replace("\n", "\r\n") + "...\r\n",
    "a script that is called no": changed(MINIMAL, ("script: story", "script: no")),
    "numbers where percentages are due": changed(WHOLE, ("holdout: 5%", "holdout: 0.05"), ("34%", "0.34")),
    "shares that sum to 100 % but for rounding": changed(
        WHOLE, ("control: 34%, gift-first: 33%, story: 33%", "control: 33.33%, gift-first: 33.33%, story: 33.33%")
    ),
    "an anchor and a merge key": changed(
        SMALL, ("  timing:\n    window: 10:00-12:00", "  timing: &hours\n    window: 10:00-12:00"),
        ("    timing:\n      window: 14:00-18:00", "    timing:\n      <<: *hours\n      days: [sat, sun]"),
    ),
    "an arm that changes one part of timing": changed(SMALL, ("      window: 14:00-18:00", "      days: [sat]")),
    "an arm that takes a voice away": changed(MINIMAL, ("{script: story}", "{voice: null}"), ("script: classic", "script: classic, voice: warm-female")),
    "a confirming round that changes several variables": changed(
        MINIMAL, ("{script: story}", "{script: story, voice: calm-male}")
    ) + "confirms: round-1\n",
    "every kind of arm": changed(
        MINIMAL,
        (
            "{b: {script: story}}",
            "{b: {script: story}, v: {voice: clone-7}, s: {sms: link}, i: {incentive: gift}, p: {path: app},"
            " t: {timing: {window: '14:00-16:00, 18:00-20:00'}}, r: {redial: {attempts: 3}},"
            " w: {redial: {attempts: 3, by: {busy: {gap: 10m}, unreachable: {gap: 1d, attempts: 2}},"
            " when: another_part_of_day, windows: ['18:00-20:00', '09:00-12:00']}},"
            " a: {audience: {segment: lapsed}}, c: {caller_id: '4001'}}",
        ),
    )
    + "incentives: {gift: {says: a gift}}\npaths: {app: {url: http://example.com/a}}\nvoices: [clone-7]\n"
    + "truth: {b: 3pt, i: {conversion: -1pt, connect: 10%}, control: 0pt}\n",
    "a contact file that is not there": changed(SMALL, ("contacts.csv", "later.csv")),
    "planted effects and settings": MINIMAL + "truth: {b: {conversion: 3pt}}\nsettings: {key: 'Bearer ${VENDOR_KEY}', cost: $5}\n",
    "a lift relative to the control": MINIMAL + "size: {lift: 10%, baseline: 20%}\ndecision: {smallest_useful_lift: 5%}\n",
    "a fixed number of people": MINIMAL + "size: {contacts_per_arm: 3000}\ndecision: {method: fixed}\n",
    "a value tier as stratum": changed(
        SMALL, ("    phone: mobile", "    phone: mobile\n    monetary: paid_at\n  strata: [value_tier, city]")
    ),
    "a primary that is money": MINIMAL + "metrics: {primary: profit, secondary: []}\nsize: {lift: 5%}\n",
    "waves by number": MINIMAL + "pace: {waves: 4, per_second: 0.5}\n",
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_good_file_is_clean(text, tmp_path):
    """A file with nothing wrong has no problem, and loads."""
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8", newline="")

    assert check(path, make_surroundings()) == ()
    assert check(path) == ()
    assert load(path, make_surroundings()).arms


def test_values_mean_what_they_say():
    """Percentages, lifts, durations, windows and words are read as interface and YAML 1.2 say."""
    experiment = load_text(WHOLE, Path("x.yaml"), make_surroundings())

    assert experiment.audience.holdout == 0.05
    assert experiment.size.lift == Lift(size=0.02)
    assert experiment.conversion.within == timedelta(hours=72)
    assert experiment.control.timing.window == Hours(((600, 720),))
    assert experiment.control.redial.on == ("no_answer", "busy")
    assert list(experiment.treatments) == ["control", "gift-first", "story"]
    assert experiment.treatments["story"].voice == "warm-female"


def test_a_partial_mapping_merges_over_the_control():
    """An arm's `timing` changes the parts that it names and keeps the control's others."""
    text = changed(SMALL, ("      window: 14:00-18:00", "      days: [sat]"))
    later = load_text(text, Path("x.yaml")).treatments["later"]

    assert later.timing.window == Hours(((600, 720),))
    assert later.timing.days == ("sat",)
