"""What is held against its limit, line by line: every stage of the balance, and every arm under every guardrail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.pages.figures import Standing
from dashboards.rendering.languages import Words, message
from dashboards.rendering.numbers import Numbers
from engine.core.guards import warns
from engine.core.sentences import odds

STAGES = {
    "assigned": message("assigned"),
    "dialled": message("dialed"),
    "connected": message("connected"),
}
OUTCOMES = {
    "pass": ("good", message("pass")),
    "fail": ("bad", message("fail")),
    "undecided": ("waiting", message("not clear yet")),
    "warns": ("attention", message("one more pauses the arm")),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is checked: a light with its word, what is checked, and what was found."""

    light: str
    word: str
    what: str
    found: str


@dataclass(frozen=True, slots=True)
class GuardLine:
    """One arm under one limit."""

    arm: str
    light: str
    word: str
    found: str


def stage_lines(standing: Standing, words: Words) -> tuple[Line, ...]:
    """Every stage of the balance, and through which adapter, with its odds."""
    return tuple(
        _line("pass" if stage["ok"] else "fail", stage_word(stage, words), _against_shares(stage, words), words)
        for stage in standing.get("balance", ())
    )


def stage_word(stage: Mapping[str, Any], words: Words) -> str:
    """`connected, through http`."""
    word = words.say(STAGES.get(stage["stage"], stage["stage"]))
    if not stage.get("adapter"):
        return word
    return words.say("%(stage)s through %(adapter)s", stage=word, adapter=stage["adapter"])


def _against_shares(stage: Mapping[str, Any], words: Words) -> str:
    if stage.get("odds") is None:
        return Numbers(words).p_said(stage.get("p_value"))
    return words.say("%(odds)s : 1 against the shares, alarm at 1,000 : 1", odds=odds(_alarming(stage)))


def placebo_lines(standing: Standing, words: Words) -> tuple[Line, ...]:
    """The placebo with its odds."""
    placebo = standing.get("placebo") or {}
    if placebo.get("odds") is None:
        return ()
    found = words.say("%(odds)s : 1 against one rate, alarm at 1,000 : 1", odds=odds(_alarming(placebo)))
    return (_line("pass" if placebo["ok"] else "fail", words.say("connected at the first call"), found, words),)


def _alarming(check: Mapping[str, Any]) -> float:
    """The odds now; of a check that failed, those at which it did."""
    return float(check["odds"] if check["ok"] else check.get("highest", check["odds"]))


def harm_lines(standing: Standing, words: Words) -> tuple[Line, ...]:
    """Complaints of the arms that go on, all together, and those of every arm that they stopped."""
    harm, numbers = standing.get("harm") or {}, Numbers(words)
    lines = []
    if harm:
        found = words.say(
            "%(count)s complaints in %(calls)s calls; %(odds)s : 1 that they exceed 1 in 10,000",
            count=numbers.number(harm["complaints"]), calls=numbers.number(harm["calls"]), odds=odds(harm["odds"]),
        )  # fmt: skip
        lines.append(_line("pass" if harm["ok"] else "fail", words.say("arms that go on, together"), found, words))
    return tuple(lines) + tuple(
        _line("fail", check["arm"], _found(check, words), words)
        for check in standing.get("guardrails", ())
        if check["metric"] == "complaint" and check["status"] == "fail"
    )


def guard_lines(standing: Standing, name: str, words: Words) -> tuple[GuardLine, ...]:
    """Every arm under this guardrail, the failing first."""
    own = [check for check in standing.get("guardrails", ()) if check["metric"] == name]
    ranked = sorted(own, key=lambda check: (check["status"] != "fail", not warns(check)))
    return tuple(
        GuardLine(check["arm"], light, words.say(word), _found(check, words))
        for check in ranked
        for light, word in [OUTCOMES["warns" if warns(check) else check["status"]]]
    )


def _line(outcome: str, what: str, found: str, words: Words) -> Line:
    light, word = OUTCOMES[outcome]
    return Line(light, words.say(word), what, found)


def _found(check: Mapping[str, Any], words: Words) -> str:
    """What one arm came to under one limit."""
    numbers, kind, against = Numbers(words), check.get("kind"), check.get("odds")
    count, contacts = numbers.number(check.get("count")), numbers.number(check.get("contacts"))
    if kind == "harm" and against is not None:
        return words.say(
            "%(count)s in %(calls)s calls; %(odds)s : 1 that it exceeds 1 in 10,000, alarm at 100 : 1",
            count=count, calls=contacts, odds=odds(against),
        )  # fmt: skip
    if kind == "relative_harm" and against is not None:
        return words.say(
            "%(count)s against %(control)s on the control; %(odds)s : 1 that it draws more, alarm at 100 : 1",
            count=count, control=numbers.number(check.get("control_count")), odds=odds(against),
        )  # fmt: skip
    if kind == "pause_at":
        return words.say(
            "%(count)s of %(people)s; %(limit)s pause the arm",
            count=count,
            people=contacts,
            limit=f"{check['limit']:g}",
        )
    if kind == "no_worse_by" and against is not None:
        return words.say(
            "worse by %(size)s where %(limit)s are allowed; %(odds)s : 1 that it is worse by more, "
            "%(within)s : 1 that it is not",
            size=numbers.points(check["worse_by"]).lstrip("+"), limit=numbers.points(check["limit"]).lstrip("+"),
            odds=odds(against), within=odds(check["odds_within"]),
        )  # fmt: skip
    if kind == "no_worse_by" and check.get("worse_by") is not None:
        return words.say(
            "worse by %(size)s where %(limit)s are allowed",
            size=f"{check['worse_by']:.4g}", limit=f"{check['limit']:.4g}",
        )  # fmt: skip
    return ""
