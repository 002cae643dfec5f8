"""Every mistake in a file is reported at its line, with words that say what to change, and none is invented."""

# ruff: noqa: E501  a case stands in one line

import pytest

from engine.definitions.loading import check
from tests.definitions.texts import SMALL, WHOLE, changed, make_surroundings

S, W = SMALL, WHOLE.replace("confirms: gift-first-2026-10\n", "")
MINI = "experiment: a\naudience: {roster: true}\ncontrol: {script: classic}\narms: {b: {script: story}}\n"

# What is wrong: the file, and the line and a part of the message of every problem.
BAD = {
    # keys
    "key": (changed(W, ("owner:", "ownr:")), (3, "'ownr' is not a key here; did you mean 'owner'?")),
    "key in an arm": (
        changed(W, ("gift-first: {script:", "gift-first: {scirpt:")),
        (14, "arms.gift-first: 'scirpt' is not a key here; did you mean 'script'?"),
    ),
    "key in an arm's timing": (
        changed(S, ("      window: 14", "      windwo: 14")), (20, "arms.later.timing: 'windwo' is not a key here; did you mean 'window'?"),
    ),
    "key in redial": (changed(S, ("    gap:", "    gaps:")), (14, "control.redial: 'gaps' is not a key here; did you mean 'gap'?")),
    "key in a guardrail": (
        changed(W, ("{pause_at: 3}", "{pause_at: 3, pauseat: 3}")), (21, "metrics.guardrails.complaint: 'pauseat' is not a key"),
    ),
    "key in an incentive": (changed(W, ("yuan, cost", "yuan, costs")), (27, "incentives.coupon-20: 'costs' is not a key here; did you mean 'cost'?")),
    "key that belongs elsewhere": (MINI + "holdout: 5%\n", (5, "did you mean 'audience.holdout'?")),
    "column's key": (changed(S, ("    phone: mobile", "    phon: mobile")), (6, "'phon' is not a key here; did you mean 'phone'?")),
    "key twice": (changed(W, ("owner: growth", "owner: growth\nowner: sales")), (4, "'owner' stands here twice; the first is in line 3")),
    "arm twice": (changed(S, ("  later:", "  gift-first:")), (18, "'gift-first' stands here twice; the first is in line 16")),
    "section's key": (changed(MINI, ("control:", "contorl:")), (3, "'contorl' is not a key here; did you mean 'control'?")),
    "missing name": (changed(S, ("experiment: small\n", "")), (1, "the key 'experiment' is missing")),
    "missing script": (changed(S, ("  script: classic\n", "")), (7, "control: the key 'script' is missing")),
    "missing words of an incentive": (changed(W, ("says: a coupon of 20 yuan, ", "")), (27, "incentives.coupon-20: the key 'says' is missing")),
    "missing arms": (changed(MINI, ("arms: {b: {script: story}}\n", "")), (1, "the key 'arms' is missing")),
    # kinds of values
    "text for a number": (changed(S, ("attempts: 2", "attempts: two")), (13, "control.redial.attempts: 'two' is text where a whole number is due")),
    "number in quotes": (changed(S, ("attempts: 2", 'attempts: "2"')), (13, "write 2 without quotes")),
    "half a call": (changed(S, ("attempts: 2", "attempts: 2.5")), (13, "2.5 is not a whole number")),
    "too many calls": (changed(S, ("attempts: 2", "attempts: 11")), (13, "11 is not possible; it must be at most 10")),
    "number for text": (changed(S, ("voice: warm-female", "voice: 7")), (9, "7 is a number where text is due; put it in quotes")),
    "truth for text": (changed(S, ("voice: warm-female", "voice: true")), (9, "put it in quotes")),
    "yes is text": (changed(MINI, ("roster: true", "roster: yes")), (2, "audience.roster: 'yes' is text where true or false is due")),
    "text for a list": (changed(W, ("strata: [segment]", "strata: segment")), (9, "'segment' is text where a list is due")),
    "number in a list": (changed(W, ("[new-buyer, lapsed]", "[new-buyer, 7]")), (7, "audience.where.segment: 7 is a number where text is due")),
    "number for a mapping": (changed(W, ("size: {lift: 2pt, power: 80%}", "size: 3000")), (17, "size: 3000 is a number where a mapping")),
    "nothing for a mapping": (changed(S, ("\n    script: gift-first", "")), (16, "arms.gift-first: is empty; a mapping")),
    "list for a mapping": (changed(W, ("budget: {calls: 20000, spend: 4000}", "budget: [1]")), (26, "budget: a list stands where a mapping")),
    "unknown word": (changed(W, ("method: sequential", "method: sequentail")), (23, "'sequentail' is not known here; did you mean 'sequential'?")),
    "unknown waves": (changed(W, ("waves: auto", "waves: atuo")), (25, "'atuo' is not known here")),
    "negative money": (changed(W, ("cost: 20", "cost: -1")), (27, "-1 is not possible; it must be at least 0")),
    "no money": (changed(W, ("spend: 4000", "spend: 0")), (26, "0 is not possible; it must be more than 0")),
    "no event": (changed(W, ("event: friend_added", 'event: ""')), (22, "conversion.event: is empty")),
    "duration": (changed(S, ("gap: 4h", "gap: 4 hours")), (14, "'4 hours' is not a duration; write it as 30m, 4h or 3d")),
    "duration for ever": (changed(S, ("gap: 4h", "gap: 99999999999999d")), (14, "longer than ten years")),
    "percentage": (changed(W, ("holdout: 5%", "holdout: 5")), (10, "audience.holdout: 5 is outside 0% to 100%")),
    "lift": (changed(W, ("lift: 2pt,", "lift: 2,")), (17, "2 is not a lift; write 2pt")),
    "lift down": (changed(W, ("lift: 2pt,", "lift: -2pt,")), (17, "a lift to look for is more than zero, not -2pt")),
    "small country": (changed(W, ("region: CN", "region: cn")), (8, "did you mean 'CN'?")),
    "country": (changed(W, ("region: CN", "region: China")), (8, "two capitals")),
    "address": (changed(W, ("https://example.com/j", "example.com/j")), (28, "an address begins with https://")),
    "day": (changed(W, ("[mon, tue,", "[mon, tues,")), (24, "'tues' is not a day")),
    "disposition": (changed(W, ("[no_answer, busy]", "[no_anser]")), (12, "'no_anser' is not redialed")),
    "infinity": (changed(W, ("spend: 4000", "spend: .inf")), (26, ".inf is not a number that can be used")),
    "too many digits": (changed(W, ("spend: 4000", "spend: " + "9" * 400)), (26, "too many digits")),
    # arms
    "two variables": (
        changed(S, ("    script: gift-first", "    script: gift-first\n    voice: calm-male")),
        (16, "changes 2 variables, and an arm changes exactly one: script (control 'classic', arm 'gift-first'), "
             "voice (control 'warm-female', arm 'calm-male')"),
    ),
    "confirming nothing": (changed(MINI, ("{script: story}", "{script: story, voice: calm-male}")) + "confirms:\n", (4, "changes 2 variables")),
    "no variable": (changed(S, ("script: gift-first", "script: classic")), (16, "changes nothing: script is 'classic' in the control too")),
    "empty arm": (changed(S, ("gift-first:\n    script: gift-first", "gift-first: {}")), (16, "arms.gift-first: changes nothing")),
    "twins": (changed(W, ("{script: story}", "{script: gift-first}")), (15, "arms.story: does the same as arms.gift-first")),
    "no arm": (changed(MINI, ("{b: {script: story}}", "{}")), (4, "arms: names no arm")),
    "too many arms": (changed(MINI, ("{b: {script: story}}", "{" + ", ".join(f"b{n}: {{caller_id: c{n}}}" for n in range(200)) + "}")), (4, "199 are the most")),
    "small shares": (MINI + "shares: {control: 99.8%, b: 0.2%}\n", (5, "too small to be dealt")),
    "small holdout": (changed(MINI, ("{roster: true}", "{roster: true, holdout: 0.1%}")), (2, "too small to be dealt")),
    "nobody left": (changed(MINI, ("{roster: true}", "{roster: true, holdout: 100%}")), (2, "leaves nobody to call")),
    "columns of no file": (changed(MINI, ("{roster: true}", "{roster: true, columns: {key: id}}")), (2, "no contact file")),
    "contacts of no path": (changed(S, ("contacts.csv", "' '")), (3, "is not the path of a file")),
    "stratum twice": (changed(MINI, ("{roster: true}", "{roster: true, strata: [a, a]}")), (2, "'a' stands here twice")),
    "expired at once": (changed(S, ("      window: 14:00-18:00", "      expires_after: 0m")), (20, "never placed")),
    "pause at money": (MINI + "metrics: {guardrails: {profit: {pause_at: 3}}}\n", (5, "profit is not a rate")),
    "arm called control": (changed(MINI, ("b:", "control:")), (4, "give this arm another name")),
    "arm called holdout": (changed(MINI, ("b:", "holdout:")), (4, "'holdout' means those who get no call")),
    "arm's name": (changed(S, ("  gift-first:", "  Gift First:")), (16, "'Gift First' is not a name"), ),
    "experiment's name": (changed(S, ("experiment: small", "experiment: Gift First!")), (1, "did you mean 'gift-first'?")),
    # shares
    "share of nobody": (changed(W, ("shares: {control", "shares: {contrl")), (16, "there is no arm 'contrl'; did you mean 'control'?")),
    "share missing": (changed(W, (", story: 33%}", "}")), (16, "'story' has no share")),
    "shares that do not add up": (changed(W, ("control: 34%", "control: 31%")), (16, "shares: they add up to 97%, not to 100%")),
    "share of nothing": (changed(W, ("control: 34%, gift-first: 33%", "control: 67%, gift-first: 0%")), (16, "gets nobody")),
    # times
    "window backwards": (changed(S, ("10:00-12:00", "12:00-10:00")), (11, "never opens")),
    "no hour": (changed(S, ("14:00-18:00", "14:00-25:00")), (20, "goes past 24:00")),
    "no common day": (
        changed(S, ("      window: 14:00-18:00", "      days: [sat]")) + "schedule:\n  days: [mon]\n",
        (20, "the window never opens: sat, and the schedule has mon"),
    ),
    "weekend without weekdays": (
        S + 'schedule: {start: "2026-11-28 09:00", end: "2026-11-29 20:00", days: [mon]}\n',
        (10, "never opens between"), (19, "never opens between"),
    ),
    "end before start": (changed(W, ("2026-12-05 20:00", "2026-11-05 20:00")), (24, "schedule.end: '2026-11-05 20:00' is not after the start")),
    "no moment": (changed(W, ("2026-11-23 09:00", "2026-11-31 09:00")), (24, "schedule.start: '2026-11-31 09:00' is not a moment")),
    "after an order that nothing tells": (
        changed(W, (", ordered_at: paid_at", "")), (12, "control.timing.after_order: no column says when people ordered"),
    ),
    "an arm after an order": (
        changed(S, ("      window: 14:00-18:00", "      after_order: 30m")), (20, "no column says when people ordered"),
    ),
    "conversion at once": (changed(W, ("within: 72h", "within: 0h")), (22, "at most 90d")),
    "conversion next year": (changed(W, ("within: 72h", "within: 365d")), (22, "at most 90d")),
    "redial at once": (changed(S, ("gap: 4h", "gap: 10s")), (14, "at least 1m")),
    "redial of one kind at once": (changed(S, ("gap: 4h", "by: {busy: {gap: 10s}}")), (14, "control.redial.by.busy.gap: the time between two calls is at least 1m")),
    "redial beyond the cap": (changed(S, ("gap: 4h", "by: {busy: {attempts: 3}}")), (14, "control.redial.by.busy.attempts: 3 is more than attempts, 2, which is the cap of all calls")),
    "redial of whom we reached": (changed(S, ("gap: 4h", "by: {answered_human: {gap: 1h}}")), (14, "control.redial.by.answered_human: 'answered_human' is not known here; did you mean 'answered_machine'?")),
    "key in redial.by": (changed(S, ("gap: 4h", "by: {busy: {gab: 1h}}")), (14, "control.redial.by.busy: 'gab' is not a key here; did you mean 'gap'?")),
    "redial at no time": (changed(S, ("gap: 4h", "when: tomorrow")), (14, "control.redial.when: 'tomorrow' is not known here")),
    "hours for too many calls": (changed(S, ("gap: 4h", "windows: ['09:00-12:00', '18:00-20:00']")), (14, "control.redial.windows: names hours of 2 further calls, and there are at most 1")),
    "hours for no call": (changed(S, ("attempts: 2", "attempts: 1"), ("gap: 4h", "windows: ['09:00-12:00']")), (14, "control.redial.windows: nobody is called again")),
    "hours that are none": (changed(S, ("gap: 4h", "windows: ['18:00']")), (14, "'18:00' is not a window")),
    "no calls a day": (S + "budget: {calls_per_day: 0}\n", (21, "budget.calls_per_day: 0 is not possible; it must be at least 1")),
    "an account that is no text": (S + "settings: {account: [a]}\n", (21, "settings.account: the name of the account is text")),
    # people
    "nobody": (changed(MINI, ("{roster: true}", "{}")), (2, "audience: says nowhere who may be called")),
    "two sources": (changed(S, ("  contacts: contacts.csv", "  contacts: contacts.csv\n  roster: true")), (4, "not from both")),
    "no such column": (changed(S, ("phone: mobile", "phone: mobil")), (6, "has no column 'mobil'; did you mean 'mobile'?")),
    "no such stratum": (changed(W, ("strata: [segment]", "strata: [segmnt]")), (9, "has no attribute 'segmnt'; did you mean 'segment'?")),
    "no such attribute": (changed(W, ("where: {segment:", "where: {sgment:")), (7, "audience.where: 'contacts.csv' has no attribute 'sgment'")),
    # names of other things
    "script": (changed(S, ("script: gift-first", "script: gift-fist")), (17, "there is no script 'gift-fist'; did you mean 'gift-first'?")),
    "control's script": (changed(S, ("script: classic", "script: clasic")), (8, "there is no script 'clasic'; did you mean 'classic'?")),
    "voice": (changed(S, ("warm-female", "warm-femal")), (9, "there is no voice 'warm-femal'; did you mean 'warm-female'?")),
    "message": (changed(W, ("sms: link", "sms: lnk")), (11, "there is no message in scripts/sms 'lnk'; did you mean 'link'?")),
    "incentive": (changed(W, ("incentive: coupon-20", "incentive: coupon-2")), (11, "'coupon-2' does not stand under incentives; did you mean 'coupon-20'?")),
    "path": (changed(W, ("path: mini-program", "path: mini")), (11, "'mini' does not stand under paths; known: mini-program")),
    "path that nobody described": (changed(MINI, ("script: classic", "script: classic, path: app")), (3, "'app' does not stand under paths; describe it there")),
    "unused incentive": (MINI + "incentives:\n  gift: {says: a gift}\n", (6, "incentives: 'gift' is used by no arm")),
    "unused beside another mistake": (
        changed(MINI, ("{script: story}", "{script: story, vioce: x}")) + "paths:\n  app: {url: https://example.com}\n",
        (4, "did you mean 'voice'?"), (6, "paths: 'app' is used by no arm"),
    ),
    "many arms": (changed(MINI, ("{b: {script: story}}", "{" + ", ".join(f"b{n}: {{caller_id: c{n}}}" for n in range(198)) + "}"), ("roster: true", "roster: true, holdout: 20%")), (4, "too small a share")),
    "adapter": (changed(W, ("adapter: simulated", "adapter: simulatd")), (29, "there is no adapter 'simulatd'; did you mean 'simulated'?")),
    "setting": (MINI + "settings:\n  key: 'Bearer ${VENDOR KEY}'\n", (6, "'${VENDOR KEY}' is not the name of an environment variable")),
    # metrics and numbers
    "primary": (changed(W, ("primary: conversion", "primary: conversions")), (19, "there is no metric 'conversions'; did you mean 'conversion'?")),
    "secondary": (changed(W, ("[connect, intent", "[connect, intnt")), (20, "there is no metric 'intnt'; did you mean 'intent'?")),
    "secondary twice": (changed(W, ("[connect, intent", "[connect, connect")), (20, "'connect' stands here twice")),
    "guardrail": (changed(W, ("opt_out:", "optout:")), (21, "metrics.guardrails: there is no metric 'optout'; did you mean 'opt_out'?")),
    "guardrail that guards nothing": (changed(W, ("{no_worse_by: 1pt}", "{}")), (21, "metrics.guardrails.opt_out: says nothing to guard")),
    "two sizes": (changed(W, ("power: 80%", "power: 80%, contacts_per_arm: 9")), (17, "not both")),
    "no people": (MINI + "size: {contacts_per_arm: 0}\n", (5, "must be at least 1")),
    "too many people": (MINI + "size: {contacts_per_arm: 3000000000}\n", (5, "more than can be called")),
    "impossible lift": (MINI + "size: {lift: 95pt}\n", (5, "a rate lies between 0 and 1")),
    "looks without planned looks": (MINI + "decision: {looks: 3}\n", (5, "decision.looks: is for `method: group`, and the method is sequential")),
    "spending without planned looks": (MINI + "decision: {method: fixed, spending: pocock}\n", (5, "decision.spending: is for `method: group`, and the method is fixed")),
    "same that is no arm": (MINI + "decision: {same: [stori]}\n", (5, "decision.same: there is no arm 'stori'; known: b")),
    "same at a fixed horizon": (MINI + "decision: {method: fixed, same: [b]}\n", (5, "decision.same: is for `method: sequential`, and the method is fixed")),
    "one look": (MINI + "decision: {method: group, looks: 1}\n", (5, "1 is not possible; it must be at least 2")),
    "power below alpha": (changed(W, ("power: 80%", "power: 4%")), (17, "power")),
    "useful beyond the lift": (changed(W, ("smallest_useful_lift: 1pt", "smallest_useful_lift: 3pt")), (23, "more than the lift to find")),
    "budget": (changed(W, ("calls: 20000", "calls: 2")), (26, "2 calls are fewer than the 3 arms")),
    "no wave": (changed(W, ("waves: auto", "waves: 0")), (25, "a wave of 0 people is not possible")),
    # names of experiments, and planted effects
    "confirms itself": (MINI + "confirms: a\n", (5, "an experiment cannot name itself")),
    "confirms no name": (MINI + "confirms: Round 1\n", (5, "did you mean 'round-1'?")),
    "effect on no arm": (MINI + "truth: {c: 3pt}\n", (5, "truth: there is no arm 'c'")),
    "effect of no size": (MINI + "truth: {b: 3}\n", (5, "truth.b: 3 is not a lift")),
    "effect on no metric": (MINI + "truth: {b: {conversions: 3pt}}\n", (5, "there is no effect 'conversions'; did you mean 'conversion'?")),
    "effect that no population has": (MINI + "truth: {b: {revenue: 3pt}}\n", (5, "there is no effect 'revenue'")),
    "delay that is no factor": (MINI + "truth: {b: {delay: 2pt}}\n", (5, "is not a factor of the delay")),
    "effect on the control": (MINI + "truth: {control: 3pt}\n", (5, "its own is 0pt")),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_a_mistake_is_reported_at_its_line(case, tmp_path):
    """The problems of a file are those planted in it, each at its line, and no others."""
    text, *planted = case
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")

    problems = check(path, make_surroundings())

    found = "\n".join(str(problem) for problem in problems)
    assert sorted(problem.line for problem in problems) == sorted(line for line, _ in planted), found
    for line, fragment in planted:
        assert any(fragment in problem.message and problem.line == line for problem in problems), found
    assert "Input should" not in found
    assert "arms.0" not in found


def test_every_problem_comes_in_one_go(tmp_path):
    """A file with mistakes of every kind is told all of them at once, in the order of their places."""
    text = changed(
        W, ("owner:", "ownr:"), ("region: CN", "region: cn"),
        ("gift-first: {script: gift-first}", "gift-first: {script: gift-frst}"),
        ("{script: story}", "{script: story, voice: calm-male}"), ("34%", "31%"), ("power: 80%", "power: high"),
        ("primary: conversion", "primary: convrsion"), ("2026-12-05 20:00", "soon"), ("waves: auto", "waves: 0"),
    )  # fmt: skip
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")

    assert [problem.line for problem in check(path, make_surroundings())] == [3, 8, 14, 15, 16, 17, 19, 24, 25]


def test_the_column_is_that_of_the_word(tmp_path):
    """A wrong key is shown at the key, a wrong value at the value."""
    path = tmp_path / "x.yaml"
    path.write_text(changed(W, ("lift: 2pt,", "lift: 2px,"), ("spend: 4000", "spnd: 4000")), encoding="utf-8")

    places = [(problem.line, problem.column) for problem in check(path)]

    assert places == [(17, 14), (26, 24)]


def test_a_file_full_of_mistakes_is_told_the_first_two_hundred(tmp_path):
    """Nobody reads thousands of problems, and looking for the nearest words of each would take minutes."""
    path = tmp_path / "x.yaml"
    path.write_text(MINI + "".join(f"key{number}: 1\n" for number in range(5000)), encoding="utf-8")

    assert len(check(path)) == 200


def test_a_contact_file_that_cannot_be_asked_is_told(tmp_path):
    """Trouble with the contact file is a problem at its name."""

    def columns(path):
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "x.yaml"
    path.write_text(S, encoding="utf-8")

    [problem] = check(path, make_surroundings(columns=columns))

    assert (problem.line, "cannot be read: Permission denied" in problem.message) == (3, True)


def test_contacts_are_looked_for_beside_the_file_then_in_the_workspace(tmp_path):
    """The header is asked of the file's own folder first, then of the workspace."""
    asked = []
    path = tmp_path / "experiments" / "x.yaml"
    path.parent.mkdir()
    path.write_text(S, encoding="utf-8")

    check(path, make_surroundings(columns=asked.append, folders=(tmp_path,)))

    assert asked == [path.parent / "contacts.csv", tmp_path / "contacts.csv"]
