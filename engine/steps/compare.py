"""A standing from counts alone, and a standing as flat rows."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.core.evidence import Evidence, LookCounts, MetricTallies, Question
from engine.core.sentences import Sentence
from engine.core.standings import standing
from engine.errors import InputError, NotFound
from engine.stats.tallies import Tally

Counts = Mapping[str, tuple[int, int]]
FORM = "ARM=SUCCESSES/CONTACTS"
_COUNT = re.compile(r"\s*(?P<arm>[^=]*?)\s*=\s*(?P<successes>\d+)\s*/\s*(?P<contacts>\d+)\s*")
_DIGITS = 15


def compare(
    arms: Counts,
    control: str | None = None,
    alpha: float = 0.05,
    useful_lift: float = 0.01,
    looks: Sequence[Counts] | None = None,
    *,
    level: float = 0.95,
    shares: Mapping[str, float] | None = None,
    baseline: float = 0.12,
    power: float = 0.8,
    finished: bool | None = None,
) -> dict[str, Any]:
    """The standing of (successes, contacts) per arm.

    Args:
        control: the arm that the others are compared with; the first when None.
        useful_lift: the smallest lift worth a change, as a difference of rates.
        looks: cumulative counts of earlier looks; when given, even empty, the race decides, else a fixed horizon.
        shares: the arms' shares, which makes the balance known.
        baseline, power: what the race was planned with.
        finished: whether no more contacts will come; by default so without `looks`.

    Raises:
        InputError: a control or a look that names no arm, numbers that cannot be.
    """
    names = _control_first(arms, control)
    for look in looks or ():
        for arm in look:
            if arm not in arms:
                raise NotFound("arm", arm, arms)
    try:
        question = Question(
            name="compare",
            arms=names,
            control=names[0],
            method="fixed" if looks is None else "sequential",
            alpha=alpha,
            smallest_useful_lift=useful_lift,
            level=level,
            shares=shares or {},
            baseline=baseline,
            power=power,
        )
        return standing(question, _counted(names, arms, looks, finished), warnings=[Sentence("warn_counts_only")])
    except ValueError as error:
        raise InputError(str(error)) from error


def _counted(names: tuple[str, ...], arms: Counts, looks: Sequence[Counts] | None, finished: bool | None) -> Evidence:
    tallies = {arm: Tally.of_rate(*arms[arm]) for arm in names}
    metric = MetricTallies("conversion", "Conversion rate", "转化率", "rate", "higher", "primary", "contacts", tallies)
    history = tuple(
        LookCounts({arm: look[arm][1] for arm in look}, {arm: look[arm][0] for arm in look}) for look in looks or ()
    )
    contacts = {arm: arms[arm][1] for arm in names}
    return Evidence(
        (metric,),
        stages={"assigned": contacts},
        finished=looks is None if finished is None else finished,
        history=history,
    )


def _control_first(arms: Counts, control: str | None) -> tuple[str, ...]:
    if len(arms) < 2:
        raise InputError(f"a comparison needs a control and one arm at least; write each as {FORM}")
    if control is not None and control not in arms:
        raise NotFound("arm", control, arms)
    first = next(iter(arms)) if control is None else control
    return (first, *(arm for arm in arms if arm != first))


def parse_counts(words: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Counts per arm from words such as `gift-first=450/3000`.

    Raises:
        InputError: every word that cannot be, one line each.
    """
    counts: dict[str, tuple[int, int]] = {}
    problems = []
    for word in words:
        found = _COUNT.fullmatch(word)
        problem = _trouble(word, found, counts)
        if problem or not found:
            problems.append(problem)
        else:
            counts[found["arm"]] = int(found["successes"]), int(found["contacts"])
    if problems:
        raise InputError("\n".join(problems))
    return counts


def _trouble(word: str, found: re.Match[str] | None, known: Mapping[str, object]) -> str:
    """What is wrong with a word; empty when nothing is."""
    if found is None or not found["arm"]:
        return f"{word!r} is not a count; write it as {FORM}, whole numbers, such as gift-first=450/3000"
    if max(len(found["successes"]), len(found["contacts"])) > _DIGITS:
        return f"{word!r} counts more people than there are"
    if int(found["successes"]) > int(found["contacts"]):
        return f"{word!r} has more successes than contacts; write successes first: {FORM}"
    if found["arm"] in known:
        return f"{word!r} names arm {found['arm']!r} again; give every arm one count"
    return ""


def parse_looks(words: Iterable[str]) -> list[dict[str, tuple[int, int]]]:
    """Cumulative counts of earlier looks, the oldest first, each as `control=60/500,gift-first=75/500`."""
    return [parse_counts(word.split(",")) for word in words]


def as_rows(standing: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A standing as one flat row per metric and arm, for tables and files; what does not apply is None."""
    statuses = standing["verdict"]["arms"]
    rows = []
    for metric in standing["metrics"]:
        against = {each["arm"]: each for each in metric["comparisons"]}
        for number in metric["arms"]:
            found = against.get(number["arm"], {})
            sequential = found.get("sequential", {})
            low, high = number["interval"] or (None, None)
            status = statuses.get(number["arm"]) if metric["role"] == "primary" else None
            rows.append(
                {
                    "experiment": standing["experiment"],
                    "metric": metric["name"],
                    "role": metric["role"],
                    "kind": metric["kind"],
                    "better": metric["better"],
                    "denominator": metric["denominator"],
                    "arm": number["arm"],
                    "is_control": number["arm"] == standing["control"],
                    "contacts": number["contacts"],
                    "total": number["total"],
                    "estimate": number["estimate"],
                    "low": low,
                    "high": high,
                    "difference": found.get("difference"),
                    **_ends("difference", found.get("interval")),
                    "relative": found.get("relative"),
                    "p_value": found.get("p_value"),
                    "p_adjusted": found.get("p_adjusted"),
                    **_ends("adjusted", found.get("interval_adjusted")),
                    "sequential_p_value": sequential.get("p_value"),
                    **_ends("sequential", sequential.get("interval")),
                    "probability_best": found.get("probability_best"),
                    "status": status,
                    "reason": found.get("reason", number.get("reason")),
                }
            )
    return rows


def _ends(name: str, interval: Sequence[float | None] | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
