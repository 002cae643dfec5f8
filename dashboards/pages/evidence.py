"""The verdict, and what stands for its being believed: balance, placebo, maturity, changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.pages.figures import Standing
from dashboards.rendering.languages import Words, message
from dashboards.rendering.numbers import Numbers

VERDICTS = {
    "winner": message("Winner"),
    "leaning": message("Leaning, not proven"),
    "no_useful_difference": message("No useful difference"),
    "not_enough_people": message("Not enough people yet"),
    "stopped_for_safety": message("Stopped for safety"),
    "data_problem": message("Data problem, no verdict"),
}
NOTHING = (
    message("Nothing can be said yet."),
    message("The data cannot be trusted as they are, so there is no verdict."),
)
STAGES = {
    "assigned": message("assigned"),
    "dialled": message("dialed"),
    "connected": message("connected"),
}
LIGHTS = {
    "good": message("in order"),
    "bad": message("not in order"),
    "waiting": message("waiting"),
    "unknown": message("not checked yet"),
}
NOT_TO_DO = {
    "winner": message("Do not keep calling the old way to wait for a larger number: it would be no more certain."),
    "leaning": message("Do not count it as learned: a lead of this size often vanishes with more people."),
    "no_useful_difference": message("Do not run it longer hoping for a winner: a lift worth having would have shown."),
    "not_enough_people": message("Do not pick the highest number: with so few people it is mostly luck."),
    "stopped_for_safety": message("Do not start it again before the reason is understood."),
    "data_problem": message("Do not use any number of this page until the problem is cured."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict as it is shown; with a data problem there is no number."""

    status: str
    word: str
    arm: str
    sentence: str
    next: str
    not_to_do: str
    reasons: tuple[str, ...]
    safe: bool
    safe_sentence: str
    blank: bool


@dataclass(frozen=True, slots=True)
class Check:
    """One item of the trust strip; `light` is good, bad, waiting or unknown."""

    name: str
    light: str
    word: str
    sentence: str


def verdict_of(standing: Standing, words: Words) -> Verdict:
    """The verdict of a standing; one without a verdict has too few people."""
    verdict = standing.get("verdict") or {"status": "not_enough_people"}
    status = verdict["status"]
    said: Mapping[str, Any] = (standing.get("verdict_zh") if words.chinese else None) or verdict
    bad = any(not stage.get("ok", True) for stage in standing.get("balance", ())) or not (
        standing.get("placebo") or {}
    ).get("ok", True)
    blank = status == "data_problem" or bad
    if blank and status != "data_problem":
        status, said = "data_problem", {}
    safe, safe_sentence = _safe(standing, blank, words)
    return Verdict(
        status=status,
        word=words.say(VERDICTS[status]),
        arm=str(verdict.get("arm") or ""),
        sentence=str(said.get("sentence") or words.say(NOTHING[blank])),
        next=str(said.get("next") or ""),
        not_to_do=words.say(NOT_TO_DO[status]),
        reasons=tuple(said.get("reasons") or ()),
        safe=safe,
        safe_sentence=safe_sentence,
        blank=blank,
    )


def _safe(standing: Standing, blank: bool, words: Words) -> tuple[bool, str]:
    said = standing.get("safe_to_read")
    over = standing.get("state") in ("decided", "stopped")
    if said and not blank:
        why = str((said.get("why_zh") if words.chinese else None) or said["why"])
        ok = bool(said["ok"])
        return ok, words.say("Yes: %(why)s.", why=why) if ok else words.say("No: %(why)s.", why=why)
    if blank:
        return False, words.say("No: first cure what is red below.")
    if standing.get("method") == "sequential":
        return True, words.say("Yes: this method may be read at any time without raising its error rate.")
    if over:
        return True, words.say("Yes: the experiment is over, and this is its planned reading.")
    if standing.get("method") == "group":
        return False, words.say("Only at its planned looks: a reading between them proves nothing.")
    return False, words.say("Not yet: this method is read once, when all planned people are counted.")


def checks_of(standing: Standing, words: Words) -> tuple[Check, ...]:
    """The trust strip of a standing."""
    return (
        _balance(standing, words), _placebo(standing, words), _maturity(standing, words), _changes(standing, words),
    )  # fmt: skip


def _check(name: str, light: str, sentence: str, words: Words) -> Check:
    return Check(name, light, words.say(LIGHTS[light]), sentence)


def _balance(standing: Standing, words: Words) -> Check:
    stages, numbers = standing.get("balance", ()), Numbers(words)
    name = words.say("Balance of the arms")
    if not stages:
        return _check(name, "unknown", words.say("Nobody is assigned yet."), words)
    wrong = [stage for stage in stages if not stage["ok"]]
    if wrong:
        where = _stages(wrong, words)
        least = min((p for stage in wrong if (p := stage.get("p_value")) is not None), default=None)
        sentence = words.say(
            "The arms' counts do not follow their shares at: %(where)s (%(p)s). "
            "Look at what could drop people of one arm there.",
            where=where, p=numbers.p_said(least),
        )  # fmt: skip
        return _check(name, "bad", sentence, words)
    where = _stages(stages, words)
    return _check(name, "good", words.say("The arms' counts follow their shares at: %(where)s.", where=where), words)


def _stages(stages: Iterable[Mapping[str, Any]], words: Words) -> str:
    named = dict.fromkeys(stage["stage"] for stage in stages)
    return words.say(", ").join(words.say(STAGES.get(name, name)) for name in named)


def _placebo(standing: Standing, words: Words) -> Check:
    placebo, numbers = standing.get("placebo"), Numbers(words)
    name = words.say("Placebo check")
    if not placebo:
        return _check(
            name, "unknown", words.say("No arm leaves the connect rate alone, or nobody was reached yet."), words
        )
    p, arms = numbers.p_said(placebo.get("p_value")), _placebo_arms(placebo, words)
    if placebo["ok"]:
        sentence = words.say(
            "The connect rate, which these arms cannot change, is alike (%(p)s)%(arms)s.", p=p, arms=arms
        )
        return _check(name, "good", sentence, words)
    sentence = words.say(
        "The connect rate differs although these arms cannot change it (%(p)s)%(arms)s. "
        "Look at lines, hours and caller numbers per arm.",
        p=p, arms=arms,
    )  # fmt: skip
    return _check(name, "bad", sentence, words)


def _placebo_arms(placebo: Mapping[str, Any], words: Words) -> str:
    """Which arms the check is of, and which are left out; why stands in the table of denominators."""
    compared, left_out = (
        words.say(", ").join(each["arm"] for each in arms)
        for arms in (placebo.get("arms", ()), placebo.get("left_out", ()))
    )
    said = words.say(": %(arms)s", arms=compared) if compared else ""
    return said + (words.say("; not asked of %(arms)s, which may change it", arms=left_out) if left_out else "")


def _maturity(standing: Standing, words: Words) -> Check:
    maturity, numbers = standing.get("maturity"), Numbers(words)
    name = words.say("Time to convert")
    if not maturity:
        return _check(name, "unknown", words.say("Nobody was called yet."), words)
    mature, waiting = maturity["mature"], maturity["waiting"]
    if not waiting:
        sentence = words.say("All %(n)s people had their full time to convert.", n=numbers.number(mature))
        return _check(name, "good", sentence, words)
    sentence = words.say(
        "%(mature)s people had their full time; %(waiting)s may still convert and are not judged yet.",
        mature=numbers.number(mature), waiting=numbers.number(waiting),
    )  # fmt: skip
    return _check(name, "waiting", sentence, words)


def _changes(standing: Standing, words: Words) -> Check:
    sentence = words.say(
        "The definition is locked; its fingerprint is %(print)s.", print=standing.get("fingerprint", "–")
    )
    return _check(words.say("Changes during the run"), "good", sentence, words)
