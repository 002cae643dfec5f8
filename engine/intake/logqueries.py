"""The questions asked of a call log, as SQL.

A question's answer has one row for each arm and segment: arm, segment, rows, contacts; how many cells of each
quantity were understood; and then the sums that make each metric's tally.
"""

# ruff: noqa: S608 -- every name and text in a query went through `identifier` or `literal`

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.intake.logcells import blank, label, number, rate
from engine.intake.logfiles import LogFile
from engine.intake.logmetrics import LogMetric
from engine.intake.tables import literal
from engine.stats.tallies import Tally

SEVERAL = "(several)"  # the segment of a contact whose attempts name more than one
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Quantity:
    """One column read as numbers. `name` is what reports call it, `value` its SQL, `over` sums a contact's attempts.

    `again` says that another quantity reads the same cells, and reports on them.
    """

    name: str
    column: str
    value: str
    expected: str
    over: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Which columns of a log mean what; the metrics' kinds are settled."""

    arm: str
    segment: str | None
    contact: str | None
    covariate: str | None
    metrics: tuple[LogMetric, ...]

    def quantities(self, log: LogFile) -> list[Quantity]:
        """Every column to be read as numbers: each metric's, a ratio's denominator after it, the covariate last."""
        found = []
        for metric in self.metrics:
            if metric.per_attempt:
                cell = rate(*log.cell(metric.column))
                found += [
                    Quantity(metric.name, metric.column, value, "yes or no", "sum", again=True)
                    for value in (cell, "1.0::DOUBLE")
                ]
                continue
            found.append(_quantity(log, metric.name, metric.column, metric.kind == "rate"))
            if metric.denominator is not None:
                found.append(_quantity(log, f"{metric.name} (denominator)", metric.denominator, False))
        if self.covariate is not None:
            found.append(_quantity(log, self.covariate, self.covariate, False, over="avg"))
        return found

    def sums(self) -> Iterator[str]:
        """The sums that make the tallies, over quantities named q0, q1, …; `tallies` reads them in this order."""
        last = sum(2 if metric.kind == "ratio" else 1 for metric in self.metrics)
        if self.covariate is not None:
            yield from (f"sum(q{last})", f"sum(q{last} * q{last})")
        place = 0
        for metric in self.metrics:
            y = f"q{place}"
            yield f"sum({y})"
            if metric.kind != "rate":
                yield f"sum({y} * {y})"
            if metric.kind == "ratio":
                x = f"q{place + 1}"
                yield from (f"sum({x})", f"sum({x} * {x})", f"sum({x} * {y})")
            elif self.covariate is not None:
                yield f"sum(q{last} * {y})"
            place += 2 if metric.kind == "ratio" else 1

    def tallies(self, contacts: int, values: Sequence[float]) -> tuple[Tally, ...]:
        """One tally per metric from the values after the rows and contacts of an answer's row."""
        taken = iter(values[len(list(self._counted())) :])
        covariate = (next(taken), next(taken)) if self.covariate is not None else None
        tallies = []
        for metric in self.metrics:
            total = next(taken)
            squares = total if metric.kind == "rate" else next(taken)
            if metric.kind == "ratio":
                tallies.append(Tally(contacts, total, squares, next(taken), next(taken), next(taken)))
            elif covariate is not None:
                tallies.append(Tally(contacts, total, squares, *covariate, next(taken)))
            else:
                tallies.append(Tally(contacts, total, squares))
        return tuple(tallies)

    def _counted(self) -> Iterator[LogMetric | str]:
        for metric in self.metrics:
            yield metric
            if metric.kind == "ratio":
                yield metric
        if self.covariate is not None:
            yield self.covariate


def row_query(log: LogFile, question: Question) -> str:
    """Tallies of a log whose rows are contacts."""
    quantities = question.quantities(log)
    cells = [f"{quantity.value} AS q{place}" for place, quantity in enumerate(quantities)]
    counts = [f"count(q{place})" for place in range(len(quantities))]
    groups = [f"{log.cell(question.arm)[0]} AS arm"]
    shown = "arm::VARCHAR, ''"
    if question.segment is not None:
        groups.append(f"{log.cell(question.segment)[0]} AS segment")
        shown = "arm::VARCHAR, segment::VARCHAR"
    return (
        f"SELECT {shown}, count(*), count(*), {', '.join([*counts, *question.sums()])} "
        f"FROM (SELECT {', '.join([*groups, *cells])} FROM {log.source} {_named(log, question)}) "
        f"GROUP BY {'arm' if question.segment is None else 'arm, segment'}"
    )


def contact_query(log: LogFile, question: Question) -> str:
    """Tallies of a log whose rows are attempts: first each contact, then the arms."""
    quantities = question.quantities(log)
    segment = label(log.cell(question.segment)[0]) if question.segment is not None else "''"
    cells = [
        f"{quantity.over}({quantity.value}) AS q{place}, count({quantity.value}) AS n{place}"
        for place, quantity in enumerate(quantities)
    ]
    counts = [f"sum(n{place})" for place in range(len(quantities))]
    return (
        f"SELECT arm, segment, sum(attempts), count(*), {', '.join([*counts, *question.sums()])} "
        f"FROM (SELECT min({label(log.cell(question.arm)[0])}) AS arm, "
        f"CASE WHEN min({segment}) IS DISTINCT FROM max({segment}) THEN {literal(SEVERAL)} "
        f"ELSE min({segment}) END AS segment, "
        f"count(*) AS attempts, {', '.join(cells)} FROM {log.source} {_named(log, question)} "
        f"GROUP BY {label(log.cell(question.contact or '')[0])}) GROUP BY arm, segment"
    )


def split_query(log: LogFile, question: Question) -> str:
    """How many contacts are in several arms, and how many rows name no contact."""
    arm = label(log.cell(question.arm)[0])
    contact = label(log.cell(question.contact or "")[0])
    return (
        f"SELECT count(*) FILTER (contact IS NOT NULL AND low <> high), "
        f"coalesce(sum(attempts) FILTER (contact IS NULL), 0) FROM (SELECT {contact} AS contact, min({arm}) AS low, "
        f"max({arm}) AS high, count(*) AS attempts FROM {log.source} {_named(log, question)} GROUP BY contact)"
    )


def unknown_query(log: LogFile, quantity: Quantity) -> str:
    """The values that a quantity cannot be read from, most frequent first, with counts and how many there are."""
    cell, kind = log.cell(quantity.column)
    return (
        f"SELECT trim({cell}::VARCHAR) AS value, count(*) AS times, count(*) OVER () FROM {log.source} "
        f"WHERE ({quantity.value}) IS NULL AND NOT {blank(cell, kind)} "
        f"GROUP BY value ORDER BY times DESC, value LIMIT {SHOWN}"
    )


def _quantity(log: LogFile, name: str, column: str, is_rate: bool, over: str = "sum") -> Quantity:
    cell, kind = log.cell(column)
    if is_rate:
        return Quantity(name, column, rate(cell, kind), "yes or no", "max")
    return Quantity(name, column, number(cell, kind, column), "numbers", over)


def _named(log: LogFile, question: Question) -> str:
    """Leaves out rows that hold nothing in any column asked for, as spreadsheets write below a table's last row."""
    if log.shape.format == "parquet":
        return ""
    columns = [question.arm, question.contact, *(metric.column for metric in question.metrics)]
    cells = [f"{log.cell(column)[0]} IS NOT NULL" for column in columns if column is not None]
    return f"WHERE ({' OR '.join(cells)})"
