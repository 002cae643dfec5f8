"""A call log as tallies: every metric of every arm and segment, in one query over the file.

Rows are contacts, or attempts when a column names the contact: then a rate asks whether any attempt succeeded, a
mean and both sides of a ratio are summed over attempts, and a covariate is averaged. A contact in two arms makes
the log unusable, for no tally could count it once. Everyone in the log is in the denominator: a blank cell is
never left out. It is refused, or counted as zero (for a rate: as no) where the caller says so, and reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from engine.errors import NotFound, Problem, ProblemsFound, UnreadableFile
from engine.intake.logfiles import LogFile, open_log
from engine.intake.logmetrics import LogMetric, resolve, with_attempts
from engine.intake.logqueries import Question, contact_query, row_query, split_query, unknown_query
from engine.stats.tallies import Tally

MOST_ARMS = 200
MOST_SEGMENTS = 1_000
UNNAMED = "(blank)"
NOTHING = Tally(0, 0, 0)


@dataclass(frozen=True, slots=True)
class LogTallies:
    """What a call log says. `arms` has the control first when one was named; `segments` is () without a segment column.

    `metrics` have their kinds settled. `missing` counts the blank cells that were counted as zero, by metric name
    (by column for the covariate). A ratio's tally holds the denominator as its covariate.
    """

    arms: tuple[str, ...]
    segments: tuple[str, ...]
    metrics: tuple[LogMetric, ...]
    rows: int
    cells: Mapping[tuple[str, str], tuple[Tally, ...]]
    contacts_in: Mapping[tuple[str, str], int]
    missing: Mapping[str, int]

    def tallies(self, metric: str, segment: str | None = None) -> dict[str, Tally]:
        """One tally per arm of the metric of this name, in one segment or over all."""
        place = [known.name for known in self.metrics].index(metric)
        return {
            arm: sum((self.cells[cell][place] for cell in self._cells(arm, segment)), start=NOTHING)
            for arm in self.arms
        }

    def contacts(self, segment: str | None = None) -> dict[str, int]:
        """How many contacts each arm has, in one segment or over all."""
        return {arm: sum(self.contacts_in[cell] for cell in self._cells(arm, segment)) for arm in self.arms}

    def _cells(self, arm: str, segment: str | None) -> list[tuple[str, str]]:
        return [cell for cell in self.cells if cell[0] == arm and segment in {None, cell[1]}]


def read_log(
    path: Path,
    arm: str,
    metrics: Sequence[LogMetric],
    *,
    control: str | None = None,
    covariate: str | None = None,
    segment: str | None = None,
    contact: str | None = None,
    missing: Literal["refuse", "zero"] = "refuse",
) -> LogTallies:
    """Tally a CSV or Parquet call log; the words are columns of the file, `control` a value of the arm column.

    Raises UnreadableFile; ProblemsFound with every column that the file lacks, every cell that cannot be
    understood (by value, with counts) and, unless `missing` is "zero", every metric with blank cells; NotFound for
    a control that no row has; InputError for two metrics of one name.
    """
    with open_log(path) as log:
        settled = resolve(log, arm, metrics, covariate, segment, contact)
        if contact is not None:
            settled = with_attempts(settled)
        question = Question(arm, segment, contact, covariate, settled)
        try:
            if contact is not None:
                _refuse_split(log, question)
            query = row_query(log, question) if contact is None else contact_query(log, question)
            groups = log.engine.execute(query).fetchall()
            blanks = _blanks(log, question, groups, missing)
        except duckdb.Error as error:
            raise log.unreadable(error) from error
    return _tallied(path, question, groups, blanks, control)


def _refuse_split(log: LogFile, question: Question) -> None:
    """Refuse contacts in several arms and attempts of nobody; only their counts are told."""
    split, nobody = log.engine.execute(split_query(log, question)).fetchall()[0]
    problems = []
    if split:
        problems.append(f"{split} contacts are in more than one arm; give every contact the arm that it was assigned")
    if nobody:
        problems.append(f"{nobody} rows name no contact in column {question.contact!r}; fill them in or remove them")
    if problems:
        raise ProblemsFound([Problem(str(log.shape.path), 0, 0, text) for text in problems])


def _blanks(log: LogFile, question: Question, groups: Sequence[tuple[Any, ...]], missing: str) -> dict[str, int]:
    """How many cells of each quantity are blank; raises ProblemsFound for what cannot be understood."""
    problems, blanks = [], {}
    for place, quantity in enumerate(question.quantities(log)):
        absent = sum(int(group[2]) - int(group[4 + place]) for group in groups)
        if not absent or quantity.again:
            continue
        unknown = log.engine.execute(unknown_query(log, quantity)).fetchall()
        if unknown:
            shown = ", ".join(f"{_shown(value)} ({count} times)" for value, count, _ in unknown)
            more = f" and {unknown[0][2] - len(unknown)} other values" if unknown[0][2] > len(unknown) else ""
            words = "; a column of words is for --segment" if quantity.column == question.covariate else ""
            problems.append(f"column {quantity.column!r} is to be {quantity.expected}, but holds {shown}{more}{words}")
            continue
        blanks[quantity.name] = absent
        if missing == "refuse":
            problems.append(
                f"column {quantity.column!r} is blank in {absent} rows; everyone assigned counts: "
                "fill the cells, or say that a blank means zero (--missing zero)"
            )
    if problems:
        raise ProblemsFound([Problem(str(log.shape.path), 0, 0, text) for text in problems])
    return blanks


def _shown(value: str) -> str:
    """A value as an error may show it: long digits may be a phone number."""
    digits = sum(character.isdigit() for character in value)
    return "(a long number)" if digits >= 7 else repr(value if len(value) <= 40 else value[:40] + "…")


def _tallied(
    path: Path,
    question: Question,
    groups: Sequence[tuple[Any, ...]],
    blanks: Mapping[str, int],
    control: str | None,
) -> LogTallies:
    cells: dict[tuple[str, str], tuple[Tally, ...]] = {}
    contacts: dict[tuple[str, str], int] = {}
    rows = nameless = 0
    for arm, segment, attempts, people, *sums in groups:
        rows += int(attempts)
        if not (arm or "").strip():
            nameless += int(attempts)
            continue
        cell = (arm.strip(), _segment(question, segment))
        tallies = question.tallies(int(people), [float(value or 0) for value in sums])
        held = cells.get(cell)
        cells[cell] = tallies if held is None else tuple(a + b for a, b in zip(held, tallies, strict=True))
        contacts[cell] = contacts.get(cell, 0) + int(people)
    if nameless:
        text = f"{nameless} rows name no arm in column {question.arm!r}; fill them in or remove them"
        raise ProblemsFound([Problem(str(path), 0, 0, text)])
    arms, segments = _names(path, question, cells, control)
    return LogTallies(arms, segments, question.metrics, rows, cells, contacts, blanks)


def _segment(question: Question, value: str | None) -> str:
    return "" if question.segment is None else (value or "").strip() or UNNAMED


def _names(
    path: Path, question: Question, cells: Mapping[tuple[str, str], object], control: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    arms = sorted({arm for arm, _ in cells})
    segments = sorted({segment for _, segment in cells}) if question.segment is not None else []
    for column, values, most in ((question.arm, arms, MOST_ARMS), (question.segment, segments, MOST_SEGMENTS)):
        if len(values) > most:
            text = f"column {column!r} has more than {most} different values; name a column of few groups"
            raise ProblemsFound([Problem(str(path), 0, 0, text)])
    if not arms:
        raise UnreadableFile(str(path), "has a header but no rows", "give a file with rows")
    if control is not None and control not in arms:
        raise NotFound(f"value of column {question.arm!r} named", control, arms)
    return tuple(sorted(arms, key=lambda arm: arm != control)), tuple(segments)
