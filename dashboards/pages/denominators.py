"""Whom the rates of each arm are of, and why: the words of the engine's table, arm by arm."""

from collections.abc import Iterator
from dataclasses import dataclass

from dashboards.pages.figures import Standing
from dashboards.pages.home import variable_word
from dashboards.rendering.languages import Words, message

CONNECTS = {
    "placebo": message("must be alike (placebo)"),
    "result": message("a result"),
    "descriptive": message("described"),
}


@dataclass(frozen=True, slots=True)
class Denominator:
    """Whom the rates of one arm are of, and why; `fair` says that a rate among the connected may be compared."""

    arm: str
    variable: str
    first: str
    headline: str
    connect: str
    fair: bool
    why: str


def denominators_of(standing: Standing, words: Words) -> Iterator[Denominator]:
    """Of each arm, whom its rates are of and why."""
    for row in standing.get("denominators", ()):
        first, headline, why = (row[f"{key}_zh" if words.chinese else key] for key in ("first", "headline", "why"))
        connect = CONNECTS[row["connect"]]
        yield Denominator(
            row["arm"], variable_word(row["variable"], words), first, headline, words.say(connect),
            row["connected"] == "valid", why,
        )  # fmt: skip
