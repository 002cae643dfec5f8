"""What a cell of a call log means, as SQL: a yes or a no, a number, a label, or nothing.

A rate's cell is one of YES or NO in any case; a number is finite and written with a dot. A cell is blank when
it is empty or one of BLANKS, the ways that exports write nothing.
"""

from engine.errors import InputError
from engine.intake.tables import literal

YES = ("yes", "true", "y", "t", "1", "1.0", "是")
NO = ("no", "false", "n", "f", "0", "0.0", "否")
BLANKS = ("", "null", "none", "na", "n/a", "nan", r"\n")
WHOLE = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
BROKEN = frozenset({"FLOAT", "DOUBLE"})


def rate(cell: str, kind: str) -> str:
    """1 for a yes, 0 for a no, NULL for anything else; `kind` is the cell's SQL type."""
    if kind == "BOOLEAN":
        return f"{cell}::INTEGER::DOUBLE"
    if _numeric(kind):
        return f"CASE {cell} WHEN 1 THEN 1.0::DOUBLE WHEN 0 THEN 0.0::DOUBLE END"
    cell = f"{cell}::VARCHAR"
    word = f"lower(trim({cell}))"
    return (
        f"CASE WHEN {cell} = 'yes' THEN 1.0::DOUBLE WHEN {cell} = 'no' THEN 0.0::DOUBLE "  # what most cells hold, first
        f"WHEN {word} IN {_any(YES)} THEN 1.0::DOUBLE WHEN {word} IN {_any(NO)} THEN 0.0::DOUBLE END"
    )


def number(cell: str, kind: str, column: str) -> str:
    """The cell's number as DOUBLE, NULL when it has none; raises InputError for a column of dates and the like."""
    if kind in WHOLE or kind.startswith("DECIMAL"):
        return f"{cell}::DOUBLE"
    if kind == "BOOLEAN":
        return f"{cell}::INTEGER::DOUBLE"
    if kind in BROKEN:
        return f"CASE WHEN isfinite({cell}) THEN {cell}::DOUBLE END"
    if kind == "VARCHAR" or kind.startswith("ENUM"):
        value = f"TRY_CAST({cell}::VARCHAR AS DOUBLE)"
        return f"CASE WHEN isfinite({value}) THEN {value} END"
    raise InputError(f"column {column!r} holds values of type {kind.lower()}, not numbers; name a column of numbers")


def blank(cell: str, kind: str) -> str:
    """Whether the cell holds nothing."""
    if kind in BROKEN:
        return f"({cell} IS NULL OR isnan({cell}))"
    if _numeric(kind) or kind == "BOOLEAN":
        return f"({cell} IS NULL)"
    return f"({cell} IS NULL OR {_word(cell)} IN {_any(BLANKS)})"


def label(cell: str) -> str:
    """The cell as a label without surrounding blanks, NULL when it holds nothing."""
    return f"nullif(trim({cell}::VARCHAR), '')"


def _numeric(kind: str) -> bool:
    return kind in WHOLE or kind in BROKEN or kind.startswith("DECIMAL")


def _word(cell: str) -> str:
    return f"lower(trim({cell}::VARCHAR))"


def _any(words: tuple[str, ...]) -> str:
    return f"({', '.join(map(literal, words))})"
